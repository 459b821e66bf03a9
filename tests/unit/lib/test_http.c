#include "lib/http/http.h"

#include <stdlib.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "tests/unit/lib/http_rig.h"
#include "tests/unit/lib/http_routes.h"

/* --- one table: request -> status and a piece of the answer --- */
/* clang-format off: a row a line */
#define H "Host: localhost\r\n"
#define JSON H "Content-Type: application/json\r\n"

static const struct {
        const char *request;
        int status;
        const char *has; /* in the head or the body */
} table[] = {
        {"GET /hello HTTP/1.1\r\n" H "\r\n", 200, "{\"hello\":\"GET\"}"},
        {"GET /hello HTTP/1.0\r\n\r\n", 200, "{\"hello\":\"GET\"}"},
        {"GET /hello?x=1 HTTP/1.1\r\n" H "\r\n", 200, "Content-Type: application/json"},
        {"HEAD /hello HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 16"},
        {"OPTIONS /hello HTTP/1.1\r\n" H "\r\n", 204, "Allow: OPTIONS, GET, HEAD, POST"},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", 204, "Allow:"},
        {"GET /nothing HTTP/1.1\r\n" H "\r\n", 404, "\"detail\":\"there is nothing at /nothing\""},
        {"GET /hello/ HTTP/1.1\r\n" H "\r\n", 404, "application/problem+json"},
        {"GET //hello HTTP/1.1\r\n" H "\r\n", 404, "application/problem+json"},
        {"DELETE /hello HTTP/1.1\r\n" H "\r\n", 405, "Allow: OPTIONS, GET, HEAD, POST"},
        {"BREW /hello HTTP/1.1\r\n" H "\r\n", 405, "\"status\":405"},
        {"POST /hello HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 400, "a body is not allowed here"},
        {"GET /hello HTTP/1.1\r\n" H "X-Request-Id: abc-1.2_3\r\n\r\n", 200, "X-Request-Id: abc-1.2_3"},
        {"GET /hello HTTP/1.1\r\n" H "X-Request-Id: a b\r\n\r\n", 200, "X-Request-Id: "},
        /* Host */
        {"GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "\"title\":\"Misdirected request\""},
        {"GET /hello HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n", 421, "url: http://10.1.2.3"},
        {"GET /hello HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421, NULL},
        {"GET /hello HTTP/1.1\r\nHost: LOCALHOST:1234\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: known.example\r\n\r\n", 200, NULL},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, NULL},
        {"GET /hello HTTP/1.1\r\nHost:\r\n\r\n", 421, NULL},
        {"GET /hello HTTP/1.1\r\nHost: localhost:99999\r\n\r\n", 421, NULL},
        /* Origin */
        {"GET /hello HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", 200, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", 403,
         "web pages of another origin may not do this"},
        {"POST /hello HTTP/1.1\r\n" H "Origin: null\r\n\r\n", 403, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Origin: http://localhost\r\n\r\n", 204, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Origin: https://localhost\r\n\r\n", 204, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Origin: http://localhost:81\r\n\r\n", 403, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Origin: https://front.example\r\n\r\n", 204,
         "Access-Control-Allow-Origin: https://front.example"},
        {"POST /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\n\r\n", 403, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: same-site\r\n\r\n", 403, NULL},
        {"POST /hello HTTP/1.1\r\n" H "Sec-Fetch-Site: same-origin\r\n\r\n", 204, NULL},
        {"GET /press HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\n\r\n", 403, NULL},
        {"GET /press HTTP/1.1\r\n" H "Sec-Fetch-Site: none\r\n\r\n", 204, NULL},
        {"GET /press HTTP/1.1\r\n" H "\r\n", 204, NULL},
        {"HEAD /press HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", 403, NULL},
        /* JSON */
        {"POST /things/a HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 201,
         "\"json\":{\"baud\":3},\"query\":{\"limit\":5},\"id\":\"a\""},
        {"POST /things/a%2Fb%20c?limit=7 HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 201,
         "{\"limit\":7},\"id\":\"a/b c\""},
        {"POST /things/a HTTP/1.1\r\n" JSON
         "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"ba\r\n6\r\nud\":3}\r\n0\r\n\r\n",
         201, "{\"baud\":3}"},
        {"POST /things/a HTTP/1.1\r\n" H "\r\n", 400, "\"field\":\"baud\""},
        {"POST /things/a HTTP/1.1\r\n" JSON "Content-Length: 11\r\n\r\n{\"baud\":30}", 400,
         "\"field\":\"baud\""},
        {"POST /things/a HTTP/1.1\r\n" JSON "Content-Length: 9\r\n\r\n{\"baud\":}", 400, "not JSON"},
        {"POST /things/a HTTP/1.1\r\n" JSON "Content-Length: 12\r\n\r\n{\"a\":1,\"a\":2", 400, "not JSON"},
        {"POST /things/a HTTP/1.1\r\n" JSON "Content-Length: 2\r\n\r\n[]", 400, "must be a JSON object"},
        {"POST /things/a HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n{\"baud\":3}", 415,
         "Content-Type must be application/json"},
        {"POST /things/a HTTP/1.1\r\n" H "Content-Type: text/plain\r\nContent-Length: 10\r\n\r\n{\"baud\":3}",
         415, NULL},
        {"POST /things/a HTTP/1.1\r\n" H
         "Content-Type: application/json; charset=utf-8\r\nContent-Length: 10\r\n\r\n{\"baud\":3}",
         201, NULL},
        {"POST /things/a?limit=11 HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 400,
         "\"field\":\"limit\""},
        {"POST /things/a?x=1 HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 400,
         "unknown field"},
        {"POST /things/a?limit=1&limit=2 HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 400,
         "given twice"},
        {"POST /things/a?limit=%zz HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 400,
         "broken percent escape"},
        {"POST /things/%ff HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 400, "not UTF-8"},
        {"GET /hello?x=\xff HTTP/1.1\r\n" H "\r\n", 400, "the query is not UTF-8"}, /* reads no query */
        {"GET /nothing?\xc3\x28=1 HTTP/1.1\r\n" H "\r\n", 400, "the query is not UTF-8"},
        {"POST /things/%00 HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 400, NULL},
        {"POST /things/a?access_token=x HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}", 201,
         NULL},
        {"PUT /any HTTP/1.1\r\n" JSON "Content-Length: 5\r\n\r\n[1,2]", 201, "\"json\":[1,2]"},
        {"PUT /any HTTP/1.1\r\n" JSON "Content-Length: 0\r\n\r\n", 400, "the body is empty"},
        {"POST /bytes HTTP/1.1\r\n" H "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0", 200,
         "v=0"},
        {"POST /bytes HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 3\r\n\r\nv=0", 415,
         "application/sdp"},
        /* paths */
        {"GET /files/a/b/c%20d/e HTTP/1.1\r\n" H "\r\n", 201, "\"rest\":\"b/c d/e\""},
        {"GET /files/a/ HTTP/1.1\r\n" H "\r\n", 201, "\"rest\":\"\""},
        {"GET /files/a HTTP/1.1\r\n" H "\r\n", 404, NULL},
        {"GET /files//b HTTP/1.1\r\n" H "\r\n", 404, NULL},
        /* smuggling */
        {"POST /hello HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
         "Connection: close"},
        {"POST /hello HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 501, "Connection: close"},
        {"POST /hello HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400, "Content-Length is no number"},
        {"POST /hello HTTP/1.1\r\n" H "Content-Length: 3x\r\n\r\nabc", 400, "Content-Length is no number"},
        {"POST /hello HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\nabc", 413,
         "is no number that fits"},
        {"GET /hello HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\n", 400, "a header's name has a blank in it"},
        /* what libmicrohttpd refuses by itself */
        {"GARBAGE\r\n\r\n", 400, "the request line is malformed"},
        {" /hello HTTP/1.1\r\n" H "\r\n", 400, NULL},
        {"\x16\x03\x01\x02\n\x01\xfc\x03\x03\n", 400, "the request line is malformed"},
        {"GET /hello\r\n" H "\r\n", 400, "the request line is malformed"},
        {"GET /hel lo HTTP/1.1\r\n" H "\r\n", 400, "percent-encode it"},
        {"GET /hello HTTP/1.1\r\n\r\n", 400, "the header Host is missing"},
        {"GET /hello HTTP/1.1\r\n" H "no colon here\r\n\r\n", 400, "a header line is malformed"},
        {"GET /hello HTTP/3.0\r\n" H "\r\n", 505, "HTTP/1.1 is spoken here"},
        {"GET /hello HTTP/0.9\r\n" H "\r\n", 505, NULL},
        {"POST /things/a HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400,
         "the chunked encoding of the body is malformed"},
        {"POST /things/a HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 413,
         NULL},
        /* as a proxy is asked */
        {"GET http://localhost/hello HTTP/1.1\r\n" H "\r\n", 200, "{\"hello\":\"GET\"}"},
        {"GET http://localhost HTTP/1.1\r\n" H "\r\n", 404, "there is nothing at /\""},
        {"GET http://evil.example/hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, NULL},
        {"GET http://evil.example/hello HTTP/1.1\r\n" H "\r\n", 421, NULL},
        {"GET http://localhost/hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200, "{\"hello\":\"GET\"}"},
        {"GET http:// HTTP/1.1\r\n" H "\r\n", 421, NULL},
        /* no path at all */
        {"GET ?x HTTP/1.1\r\n" H "\r\n", 400, "must begin with /"},
        {"POST ? HTTP/1.1\r\n" H "\r\n", 400, "must begin with /"},
        {"GET * HTTP/1.1\r\n" H "\r\n", 400, "must begin with /"},
        {"GET hello HTTP/1.1\r\n" H "\r\n", 400, "Connection: close"},
        {"GET /hello HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400, "folded"},
        /* below the prefix, and without it */
        {"GET /staging/hello HTTP/1.1\r\n" H "\r\n", 200, "{\"hello\":\"GET\"}"},
        {"GET /staging?x=1 HTTP/1.1\r\n" H "\r\n", 301, "Location: staging/\r\n"},
        {"GET /stagings/hello HTTP/1.1\r\n" H "\r\n", 404, NULL},
        {"GET /staging/staging/hello HTTP/1.1\r\n" H "\r\n", 404, NULL},
};
/* clang-format on */

static void more_names(TbHttpOptions *options)
{
        static const char *const hosts[] = {"known.example", NULL}, *const origins[] = {
                                                                            "https://front.example", NULL};
        options->hosts = hosts;
        options->origins = origins;
        options->url = "https://front.example/staging/";
}

static void test_table(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, more_names);
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autoptr(Answer) a = rig_ask(&rig, table[i].request);
                if (a->status != table[i].status ||
                    (table[i].has && !strstr(a->headers, table[i].has) && !strstr(a->body, table[i].has)))
                        g_error("%s\n-> %s%s", table[i].request, a->headers, a->body);
                if (strstr(a->headers, "X-Request-Id: ") == NULL)
                        g_error("no X-Request-Id: %s", table[i].request);
                if (a->status >= 400 && strncmp(table[i].request, "HEAD", 4) != 0 &&
                    (!strstr(a->headers, "Content-Type: application/problem+json") ||
                     !strstr(a->body, "\"requestId\"") || strstr(a->body, "\r\nDate: ")))
                        g_error("no problem+json: %s\n-> %s%s", table[i].request, a->headers, a->body);
                g_assert_null(strstr(a->headers, "Access-Control-Allow-Origin: *"));
        }
        rig_stop(&rig);
}

/* Every prefix split of a request gives the same answer. */
static void test_split(void)
{
        static const char text[] =
                "POST /things/a?limit=2 HTTP/1.1\r\n" JSON "Content-Length: 10\r\n\r\n{\"baud\":3}";
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        for (gsize at = 1; at < sizeof text - 1; at++) {
                rig_send(&c, text, at);
                rig_turn(-1);
                rig_send(&c, text + at, sizeof text - 1 - at);
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpint(a->status, ==, 201);
        }
        for (gsize i = 0; i < sizeof text - 1; i++) {
                rig_send(&c, text + i, 1);
                rig_turn(-1);
        }
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 201);
        rig_close(&c);
        rig_stop(&rig);
}

static void test_pipelined(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        g_autoptr(GString) text = g_string_new(NULL);
        for (guint i = 0; i < 50; i++)
                g_string_append(text, i % 2 ? "GET /hello HTTP/1.1\r\n" H "\r\n"
                                            : "POST /things/a HTTP/1.1\r\n" JSON
                                              "Content-Length: 10\r\n\r\n{\"baud\":3}");
        rig_send(&c, text->str, text->len);
        for (guint i = 0; i < 50; i++) {
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpint(a->status, ==, i % 2 ? 200 : 201);
        }
        rig_close(&c);
        rig_stop(&rig);
}

/* --- limits --- */
static int post_bytes(Rig *rig, gsize size, bool chunked, bool expect)
{
        Client c = rig_connect(rig);
        g_autofree char *body = expect ? NULL : g_strnfill(size, 'x');
        g_autofree char *head =
                chunked ? g_strdup_printf("POST /bytes HTTP/1.1\r\n" H
                                          "Content-Type: application/sdp\r\nTransfer-Encoding: "
                                          "chunked\r\n\r\n%zx\r\n",
                                          size)
                        : g_strdup_printf("POST /bytes HTTP/1.1\r\n" H
                                          "Content-Type: application/sdp\r\n%sContent-Length: %zu\r\n\r\n",
                                          expect ? "Expect: 100-continue\r\n" : "", size);
        rig_send(&c, head, strlen(head));
        if (!expect)
                rig_send(&c, body, size);
        if (chunked)
                rig_send(&c, "\r\n0\r\n\r\n", 7);
        g_autoptr(Answer) a = rig_answer(&c);
        rig_close(&c);
        return a->status;
}

static void test_body_limit(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        g_assert_cmpint(post_bytes(&rig, TB_LIMIT_HTTP_BODY, false, false), ==, 200);
        g_assert_cmpint(post_bytes(&rig, TB_LIMIT_HTTP_BODY + 1, false, false), ==, 413);
        g_assert_cmpint(post_bytes(&rig, TB_LIMIT_HTTP_BODY, true, false), ==, 200);
        g_assert_cmpint(post_bytes(&rig, TB_LIMIT_HTTP_BODY + 1, true, false), ==, 413);
        g_assert_cmpint(post_bytes(&rig, TB_LIMIT_HTTP_BODY + 1, false, true), ==,
                        413); /* before a byte of the body is sent */
        g_assert_cmpint(post_bytes(&rig, (gsize)1 << 40, false, true), ==, 413);
        rig_stop(&rig);
}

static void test_uri_limit(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize extra = 0; extra < 2; extra++) {
                g_autofree char *query = g_strnfill(TB_LIMIT_URI - strlen("/hello?") + extra, 'x');
                g_autofree char *text = g_strdup_printf("GET /hello?%s HTTP/1.1\r\n" H "\r\n", query);
                g_autoptr(Answer) a = rig_ask(&rig, text);
                g_assert_cmpint(a->status, ==, extra ? 414 : 200);
        }
        rig_stop(&rig);
}

static void test_header_limit(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize extra = 0; extra < 2; extra++) {
                gsize rest = strlen("GET /hello HTTP/1.1\r\n" H "X: \r\n\r\n");
                g_autofree char *fill = g_strnfill(TB_LIMIT_HTTP_HEADERS - rest + extra, 'x');
                g_autofree char *text = g_strdup_printf("GET /hello HTTP/1.1\r\n" H "X: %s\r\n\r\n", fill);
                g_autoptr(Answer) a = rig_ask(&rig, text);
                g_assert_cmpint(a->status, ==, extra ? 431 : 200);
        }
        rig_stop(&rig);
}

static void test_json_depth(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (guint extra = 0; extra < 2; extra++) {
                guint n = TB_LIMIT_JSON_DEPTH + extra;
                g_autofree char *open = g_strnfill(n, '['), *end = g_strnfill(n, ']');
                g_autofree char *text = g_strdup_printf(
                        "PUT /any HTTP/1.1\r\n" JSON "Content-Length: %u\r\n\r\n%s%s", 2 * n, open, end);
                g_autoptr(Answer) a = rig_ask(&rig, text);
                g_assert_cmpint(a->status, ==, extra ? 400 : 201);
        }
        rig_stop(&rig);
}

static void rate_of_3(TbHttpOptions *options)
{
        options->requests_per_s = 3;
}

static void test_rate(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, rate_of_3);
        guint limited = 0;
        for (guint i = 0; i < 12; i++) {
                g_autoptr(Answer) a = rig_ask(&rig, "GET /hello HTTP/1.1\r\n" H "\r\n");
                if (a->status == 429) {
                        g_assert_cmpstr(answer_header(a, "Retry-After"), ==, "1");
                        limited++;
                }
        }
        g_assert_cmpuint(limited, >=, 5); /* a burst of six fits */
        g_assert_cmpuint(limited, <=, 6);
        rig_stop(&rig);
}

/* --- roles --- */
static void test_roles(void)
{
        static const struct {
                const char *request;
                int status;
                const char *has;
        } rows[] = {
                {"GET /hello HTTP/1.1\r\n" H "\r\n", 200, NULL},
                {"GET /see HTTP/1.1\r\n" H "\r\n", 401, "WWW-Authenticate: Bearer"},
                {"GET /see HTTP/1.1\r\n" H "Authorization: Bearer wrong-token-123456\r\n\r\n", 401,
                 "the token is not known"},
                {"GET /see HTTP/1.1\r\n" H "Authorization: Basic viewer-token-12345\r\n\r\n", 401, NULL},
                {"GET /see HTTP/1.1\r\n" H "Authorization: Bearer viewer-token-12345\r\n\r\n", 201,
                 "\"user\":\"tv\""},
                {"GET /see HTTP/1.1\r\n" H "authorization: bearer viewer-token-12345\r\n\r\n", 201, NULL},
                {"GET /see?access_token=viewer-token-12345 HTTP/1.1\r\n" H "\r\n", 201, NULL},
                {"GET /see?x=y&access_token=viewer%2Dtoken-12345 HTTP/1.1\r\n" H "\r\n", 201, NULL},
                {"DELETE /see HTTP/1.1\r\n" H "Authorization: Bearer viewer-token-12345\r\n\r\n", 403,
                 "needs the role operator; the token's role is viewer"},
                {"DELETE /see HTTP/1.1\r\n" H "Authorization: Bearer admin-token-123456\r\n\r\n", 204, NULL},
        };
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        g_assert_true(tb_auth_add(rig.auth, "tv", "viewer-token-12345", TB_ROLE_VIEWER, NULL));
        g_assert_true(tb_auth_add(rig.auth, "root", "admin-token-123456", TB_ROLE_ADMIN, NULL));
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(Answer) a = rig_ask(&rig, rows[i].request);
                if (a->status != rows[i].status ||
                    (rows[i].has && !strstr(a->headers, rows[i].has) && !strstr(a->body, rows[i].has)))
                        g_error("%s -> %s%s", rows[i].request, a->headers, a->body);
        }
        rig_stop(&rig);
}

/* --- later, streams, pushes --- */
static void test_later(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char text[] = "GET /later HTTP/1.1\r\n" H "\r\n";
        for (guint i = 0; i < 3; i++) {
                seen.later = NULL;
                rig_send(&c, text, strlen(text));
                RIG_WAIT(seen.later);
                rig_turn(c.fd);
                tb_request_reply_text(seen.later, 200, "text/plain", "at last");
                tb_request_reply_text(seen.later, 500, "text/plain", "twice"); /* only the first counts */
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpstr(a->body, ==, "at last");
                tb_request_unref(g_steal_pointer(&seen.later));
        }
        rig_close(&c);
        rig_stop(&rig);
}

static void test_later_gone(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char text[] = "GET /later HTTP/1.1\r\n" H "\r\n";
        seen.later = NULL;
        seen.gone = 0;
        rig_send(&c, text, strlen(text));
        RIG_WAIT(seen.later);
        rig_close(&c);
        RIG_WAIT(seen.gone == 1);
        tb_request_reply_empty(seen.later, 204); /* nobody is there: no crash, no effect */
        g_assert_null(tb_request_header(seen.later, "Host"));
        tb_request_unref(g_steal_pointer(&seen.later));
        rig_stop(&rig);
        g_assert_cmpuint(seen.gone, ==, 1);
}

static void test_free_while_waiting(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char text[] = "GET /later HTTP/1.1\r\n" H "\r\n";
        seen.later = NULL;
        seen.gone = 0;
        rig_send(&c, text, strlen(text));
        RIG_WAIT(seen.later);
        rig_stop(&rig);
        g_assert_cmpuint(seen.gone, ==, 1);
        tb_request_reply_empty(seen.later, 204);
        tb_request_unref(g_steal_pointer(&seen.later));
        rig_close(&c);
}

#define STREAM (3 * 1024 * 1024) /* more than TB_LIMIT_HTTP_BODY: streams are not bounded by it */

typedef struct Sum {
        TbPipe *pipe;
        gsize size;
        guint32 sum;
        gint done;
        bool failed;
} Sum;

static void sum_pipe(gpointer data)
{
        Sum *sum = data;
        guint8 buf[4096];
        gssize n;
        while ((n = tb_pipe_read(sum->pipe, buf, sizeof buf, NULL)) > 0) {
                sum->size += (gsize)n;
                for (gssize i = 0; i < n; i++)
                        sum->sum = sum->sum * 31 + buf[i];
        }
        sum->failed = n < 0;
        g_atomic_int_set(&sum->done, 1);
}

static void test_stream_in(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        g_autofree guint8 *body = g_malloc(STREAM);
        guint32 want = 0;
        for (gsize i = 0; i < STREAM; i++)
                want = want * 31 + (body[i] = (guint8)(i * 7 + i / 256));
        g_autofree char *head =
                g_strdup_printf("PUT /stream HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", STREAM);
        seen.pipe = NULL;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.pipe);
        Sum sum = {.pipe = seen.pipe};
        TbThread *thread = tb_thread_start("sum", sum_pipe, &sum);
        rig_send(&c, body, STREAM);
        RIG_WAIT(g_atomic_int_get(&sum.done));
        tb_thread_join(thread);
        g_assert_cmpuint(sum.size, ==, STREAM);
        g_assert_cmpuint(sum.sum, ==, want);
        tb_request_reply_empty(seen.later, 204);
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 204);
        tb_request_unref(g_steal_pointer(&seen.later));
        tb_pipe_unref(seen.pipe);
        rig_close(&c);
        rig_stop(&rig);
}

static void test_stream_in_cut(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char head[] = "PUT /stream HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nabc";
        seen.pipe = NULL;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.pipe);
        Sum sum = {.pipe = seen.pipe};
        TbThread *thread = tb_thread_start("sum", sum_pipe, &sum);
        rig_close(&c);
        RIG_WAIT(g_atomic_int_get(&sum.done));
        tb_thread_join(thread);
        g_assert_true(sum.failed);
        tb_request_unref(g_steal_pointer(&seen.later));
        tb_pipe_unref(seen.pipe);
        rig_stop(&rig);
}

static void test_stream_in_refused(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        g_autofree char *body = g_malloc0(STREAM);
        g_autofree char *head =
                g_strdup_printf("PUT /stream HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", STREAM);
        seen.pipe = NULL;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.pipe);
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_DEVICE, "disk full");
        tb_pipe_fail(seen.pipe, error);
        tb_request_reply_error(seen.later, error);
        rig_send(&c, body, STREAM);
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 502);
        g_assert_nonnull(strstr(a->body, "disk full"));
        tb_request_unref(g_steal_pointer(&seen.later));
        tb_pipe_unref(seen.pipe);
        rig_close(&c);
        rig_stop(&rig);
}

static void feed_pipe(gpointer data)
{
        Sum *sum = data;
        guint8 buf[3000];
        for (gsize done = 0; done < STREAM; done += sizeof buf / 2) {
                for (gsize i = 0; i < sizeof buf / 2; i++)
                        sum->sum = sum->sum * 31 + (buf[i] = (guint8)(done + i * 3));
                sum->size += sizeof buf / 2;
                if (!tb_pipe_write(sum->pipe, buf, sizeof buf / 2, NULL)) {
                        sum->failed = true;
                        break;
                }
        }
        tb_pipe_finish(sum->pipe);
        g_atomic_int_set(&sum->done, 1);
}

static void test_stream_out(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char head[] = "GET /stream HTTP/1.1\r\n" H "\r\n";
        seen.pipe = NULL;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.pipe);
        Sum sum = {.pipe = seen.pipe};
        TbThread *thread = tb_thread_start("feed", feed_pipe, &sum);
        g_autoptr(Answer) a = rig_answer(&c);
        tb_thread_join(thread);
        guint32 got = 0;
        for (gsize i = 0; i < a->size; i++)
                got = got * 31 + (guint8)a->body[i];
        g_assert_cmpuint(a->size, ==, sum.size);
        g_assert_cmpuint(got, ==, sum.sum);
        tb_pipe_unref(seen.pipe);
        rig_close(&c);
        rig_stop(&rig);
}

static void test_stream_out_fails_first(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char head[] = "GET /stream HTTP/1.1\r\n" H "\r\n";
        seen.pipe = NULL;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.pipe);
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_GONE, "unplugged");
        tb_pipe_fail(seen.pipe, error);
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 410);
        tb_pipe_unref(seen.pipe);
        rig_close(&c);
        rig_stop(&rig);
}

static void test_stream_out_reader_leaves(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char head[] = "GET /stream HTTP/1.1\r\n" H "\r\n";
        seen.pipe = NULL;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.pipe);
        Sum sum = {.pipe = seen.pipe};
        TbThread *thread = tb_thread_start("feed", feed_pipe, &sum);
        rig_turn(c.fd);
        rig_close(&c);
        RIG_WAIT(g_atomic_int_get(&sum.done));
        tb_thread_join(thread);
        g_assert_true(sum.failed);
        tb_pipe_unref(seen.pipe);
        rig_stop(&rig);
}

static void test_push(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char head[] = "GET /push HTTP/1.1\r\n" H "\r\n";
        seen.gone = 0;
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.push);
        g_autoptr(GBytes) piece = g_bytes_new_static("0123456789", 10),
                          big = g_bytes_new_take(g_malloc0(1001), 1001);
        g_assert_false(tb_push_send(seen.push, big)); /* limit + 1 */
        for (guint i = 0; i < 5; i++) {
                g_assert_true(tb_push_send(seen.push, piece));
                rig_turn(c.fd); /* it goes out at once, not with the next one */
                rig_read(&c);
        }
        tb_push_close(seen.push);
        g_assert_cmpuint(seen.gone, ==, 1);
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpstr(a->body, ==, "01234567890123456789012345678901234567890123456789");
        rig_close(&c);

        c = rig_connect(&rig);
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.push);
        rig_turn(c.fd);
        rig_close(&c); /* a silent stream sees its client leave */
        RIG_WAIT(seen.gone == 2);
        rig_stop(&rig);
}

static void test_sse(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        static const char head[] = "GET /sse HTTP/1.1\r\n" H "\r\n";
        rig_send(&c, head, strlen(head));
        RIG_WAIT(seen.push);
        g_assert_true(tb_sse_send(seen.push, "7", "state", "one\ntwo"));
        g_assert_true(tb_sse_send(seen.push, NULL, NULL, "{}"));
        tb_push_close(seen.push);
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpstr(answer_header(a, "Content-Type"), ==, "text/event-stream");
        g_assert_cmpstr(a->body, ==, ":\n\nid: 7\nevent: state\ndata: one\ndata: two\n\ndata: {}\n\n");
        rig_close(&c);
        rig_stop(&rig);
}

static void on_stopped(gpointer data)
{
        *(bool *)data = true;
}

static void test_stop(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client waiting = rig_connect(&rig), stream = rig_connect(&rig);
        static const char later_text[] = "GET /later HTTP/1.1\r\n" H "\r\n",
                          push_text[] = "GET /push HTTP/1.1\r\n" H "\r\n";
        seen.later = NULL;
        seen.gone = 0;
        rig_send(&waiting, later_text, strlen(later_text));
        rig_send(&stream, push_text, strlen(push_text));
        RIG_WAIT(seen.later && seen.push);
        tb_http_stop(rig.http, 5000, on_stopped, &rig.stopped);
        RIG_WAIT(seen.gone == 1); /* the stream was ended */
        g_assert_false(rig.stopped);
        tb_request_reply_empty(seen.later, 204); /* the answer in flight still goes out */
        g_autoptr(Answer) a = rig_answer(&waiting);
        g_assert_cmpint(a->status, ==, 204);
        RIG_WAIT(rig.stopped);
        tb_request_unref(g_steal_pointer(&seen.later));
        rig_close(&waiting);
        rig_close(&stream);
        rig_stop(&rig);
}

static void test_openapi(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        json_t *api = tb_http_openapi(rig.http, "Test", NULL, "."), *paths = json_object_get(api, "paths");
        g_assert_cmpstr(json_string_value(json_object_get(api, "openapi")), ==, "3.1.0");
        g_assert_nonnull(json_object_get(json_object_get(paths, "/files/{id}/{rest}"), "get"));
        json_t *post = json_object_get(json_object_get(paths, "/things/{id}"), "post");
        g_assert_cmpuint(json_array_size(json_object_get(post, "parameters")), ==, 2);
        g_assert_nonnull(json_object_get(post, "requestBody"));
        g_assert_cmpuint(json_object_size(json_object_get(paths, "/hello")), ==, 2);
        json_decref(api);
        rig_stop(&rig);
}

static void test_listen_errors(void)
{
        g_autoptr(GError) error = NULL;
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        TbHttpOptions options = {.address = "127.0.0.1",
                                 .port = tb_http_port(rig.http),
                                 .auth = rig.auth,
                                 .poller = rig.poller};
        g_assert_null(tb_http_new(&options, &error));
        g_assert_nonnull(strstr(error->message, "Address already in use"));
        g_clear_error(&error);
        options.address = "not-an-address";
        g_assert_null(tb_http_new(&options, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/http/table", test_table);
        g_test_add_func("/http/split", test_split);
        g_test_add_func("/http/pipelined", test_pipelined);
        g_test_add_func("/http/body-limit", test_body_limit);
        g_test_add_func("/http/uri-limit", test_uri_limit);
        g_test_add_func("/http/header-limit", test_header_limit);
        g_test_add_func("/http/json-depth", test_json_depth);
        g_test_add_func("/http/rate", test_rate);
        g_test_add_func("/http/roles", test_roles);
        g_test_add_func("/http/later", test_later);
        g_test_add_func("/http/later-gone", test_later_gone);
        g_test_add_func("/http/free-while-waiting", test_free_while_waiting);
        g_test_add_func("/http/stream-in", test_stream_in);
        g_test_add_func("/http/stream-in-cut", test_stream_in_cut);
        g_test_add_func("/http/stream-in-refused", test_stream_in_refused);
        g_test_add_func("/http/stream-out", test_stream_out);
        g_test_add_func("/http/stream-out-fails-first", test_stream_out_fails_first);
        g_test_add_func("/http/stream-out-reader-leaves", test_stream_out_reader_leaves);
        g_test_add_func("/http/push", test_push);
        g_test_add_func("/http/sse", test_sse);
        g_test_add_func("/http/stop", test_stop);
        g_test_add_func("/http/openapi", test_openapi);
        g_test_add_func("/http/listen-errors", test_listen_errors);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
