/* Limits of lib/http that tests from outside cannot meet to the byte. */
#include <stdlib.h>
#include <sys/syscall.h>

#include "lib/descriptors.h"
#include "lib/http/library.h"
#include "lib/http/private.h"
#include "lib/limits.h"
#include "tests/unit/clock.h"
#include "tests/unit/lib/http_rig.h"

static TbPush *push; /* NULL: none, or gone */

static void push_gone(TbPush *gone, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(gone == push);
        push = NULL;
}

static void events(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        push = tb_request_reply_sse(request, push_gone, NULL);
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/events", .flags = TB_ROUTE_STREAMING, .handler = events},
        {.method = NULL},
};

/* What waits for a reader that does not read: the queue to its last byte, and not one more. */
static void test_sse_queue(void)
{
        static const char head[] = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        rig_send(&c, head, strlen(head));
        RIG_WAIT(push);
        g_autoptr(GBytes) block = g_bytes_new_take(g_malloc0(65536), 65536);
        while (tb_push_queued(push) + 65536 <= TB_LIMIT_SSE_QUEUE - 16)
                g_assert_true(tb_push_send(push, block)); /* without a turn of the loop: none goes out */
        gsize rest = TB_LIMIT_SSE_QUEUE - tb_push_queued(push) - strlen("data: \n\n");
        g_autofree char *most = g_strnfill(rest, 'x'), *more = g_strnfill(rest + 1, 'x');
        g_assert_false(tb_sse_send(push, NULL, NULL, more)); /* limit + 1 */
        g_assert_true(tb_sse_send(push, NULL, NULL, most));
        g_assert_cmpuint(tb_push_queued(push), ==, TB_LIMIT_SSE_QUEUE);
        g_assert_false(tb_sse_send(push, NULL, NULL, ""));
        tb_push_close(push); /* what was queued still arrives */
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpuint(a->size, >=, TB_LIMIT_SSE_QUEUE);
        g_assert_cmpint(memcmp(a->body + a->size - rest - 2, most, rest), ==, 0);
        rig_close(&c);
        rig_stop(&rig);
}

/* --- shares of connections --- */
#define PLACES 16

static void few_places(TbHttpOptions *options)
{
        options->max_connections = PLACES;
}

static void keep_open(TbRequest *request, gpointer data)
{
        TbPush **last = data;
        *last = tb_request_reply_push(request, "text/plain", 1024, NULL, NULL);
}

static void hello(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_text(request, 200, "text/plain", "hello");
}

static const TbRoute share_routes[] = {
        {.method = "GET", .path = "/stream", .flags = TB_ROUTE_STREAMING, .handler = keep_open},
        {.method = "GET", .path = "/hello", .handler = hello},
        {.method = NULL},
};

/* Connections that do nothing, or whose request never becomes complete, keep nobody out. */
static void test_idle_make_room(void)
{
        static const char *const begins[] = {"", "GET / HT", "GET /hello HTTP/1.1\r\nHost: localhost\r\nX",
                                             "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"};
        static const char whole[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for (gsize kind = 0; kind < G_N_ELEMENTS(begins); kind++) {
                Rig rig;
                Client idle[3 * PLACES];
                TbPush *last = NULL;
                rig_start(&rig, share_routes, &last, few_places);
                for (guint i = 0; i < G_N_ELEMENTS(idle); i++) {
                        idle[i] = rig_connect(&rig);
                        rig_send(&idle[i], begins[kind], strlen(begins[kind]));
                        rig_turn(-1);
                }
                Client c = rig_connect(&rig);
                rig_send(&c, whole, strlen(whole));
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpint(a->status, ==, 200);
                rig_close(&c);
                for (guint i = 0; i < G_N_ELEMENTS(idle); i++)
                        rig_close(&idle[i]);
                rig_stop(&rig);
        }
}

/* To the last one: where every place has a request under way the next waits, and is served when one is left. */
static void test_places(void)
{
        static const char stream[] = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
        static const char whole[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Rig rig;
        Client busy[PLACES];
        TbPush *pushes[PLACES] = {NULL}, *last = NULL;
        rig_start(&rig, share_routes, &last, few_places);
        for (guint i = 0; i < PLACES; i++) {
                last = NULL;
                busy[i] = rig_connect(&rig);
                rig_send(&busy[i], stream, strlen(stream));
                RIG_WAIT(last);
                pushes[i] = last;
        }
        Client c = rig_connect(&rig);
        rig_send(&c, whole, strlen(whole));
        for (guint i = 0; i < 20; i++)
                rig_turn(c.fd);
        rig_read(&c);
        g_assert_cmpuint(c.in->len, ==, 0);
        g_assert_false(c.eof);
        rig_close(&busy[0]);
        pushes[0] = NULL;
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 200);
        rig_close(&c);
        for (guint i = 1; i < PLACES; i++) {
                tb_push_close(pushes[i]);
                rig_close(&busy[i]);
        }
        rig_stop(&rig);
}

static bool from_elsewhere;

/* Instead of libc's: who connects is on another machine, where the test says so. */
int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
        int peer = (int)syscall(SYS_accept4, fd, address, size, flags);
        if (peer >= 0 && from_elsewhere)
                ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(0xc0000207); /* 192.0.2.7 */
        return peer;
}

#define MANY (16 * (TB_LIMIT_HTTP_LINGERING + 2)) /* one network may have half of these */

static void many_places(TbHttpOptions *options)
{
        options->max_connections = MANY;
}

/* TB_LIMIT_HTTP_LINGERING: so many who are refused may read why, however long they take; who comes then is told, too, and closed
 * at once. When one has left, the next may. */
static void test_lingering(void)
{
        static const char stream[] = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Rig rig;
        TbPush *last = NULL;
        Client busy[MANY / 2], refused[TB_LIMIT_HTTP_LINGERING + 2];
        tb_descriptors_init();
        rig_start(&rig, share_routes, &last, many_places);
        from_elsewhere = true;
        for (guint i = 0; i < G_N_ELEMENTS(busy); i++) {
                last = NULL;
                busy[i] = rig_connect(&rig);
                rig_send(&busy[i], stream, strlen(stream));
                RIG_WAIT(last);
        }
        clock_stop(0); /* who lingers is not late */
        for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
                if (i == TB_LIMIT_HTTP_LINGERING + 1) {
                        rig_close(&refused[0]);
                        RIG_WAIT(rig.http->lingering.length == TB_LIMIT_HTTP_LINGERING - 1);
                }
                refused[i] = rig_connect(&rig);
                RIG_WAIT((rig_read(&refused[i]),
                          strstr(refused[i].in->str, "too many requests are under way")));
                g_assert_cmpuint(rig.http->lingering.length, ==, MIN(i + 1, TB_LIMIT_HTTP_LINGERING));
        }
        for (guint i = 1; i < G_N_ELEMENTS(refused); i++)
                rig_close(&refused[i]);
        clock_go();
        from_elsewhere = false;
        for (guint i = 0; i < G_N_ELEMENTS(busy); i++)
                rig_close(&busy[i]);
        rig_stop(&rig);
}

/* A NUL hides what stands behind it from us, and not from a proxy: wherever it is, the request is refused and the
 * connection ends. Without it each is answered. */
static void test_nul(void)
{
        static const char *const heads[] = {
                "GET /hello HTTP/1.1\r\nA: b\r\nHost: localhost\r\nC:d\r\nE:\r\n\r\n",
                "GET /hello?a=b&c HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "\r\nGET /hello HTTP/1.1\nHost: localhost\nCookie: a=b; c=d\nA: b\n\n",
                "GET http://localhost/hello HTTP/1.0\r\n\r\n",
        };
        Rig rig;
        rig_start(&rig, share_routes, NULL, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(heads); i++) {
                g_autoptr(Answer) whole = rig_ask(&rig, heads[i]);
                g_assert_cmpint(whole->status, ==, 200);
                gsize begin = strspn(heads[i], "\r\n"), end = strlen(heads[i]) - 3;
                for (gsize at = begin + 1; at <= end; at++) {
                        if (heads[i][at] == '\n' && heads[i][at - 1] != '\r')
                                continue; /* NUL LF is taken for CR LF: nothing is hidden between them */
                        g_autoptr(GString) text = g_string_new(heads[i]);
                        g_string_insert_len(text, (gssize)at, "\0", 1);
                        Client c = rig_connect(&rig);
                        rig_send(&c, text->str, text->len);
                        shutdown(c.fd, SHUT_WR);
                        RIG_WAIT((rig_read(&c), c.eof));
                        if (c.in->len > 0 && strncmp(c.in->str, "HTTP/1.1 400", 12) != 0 &&
                            strncmp(c.in->str, "HTTP/1.1 505", 12) != 0)
                                g_error("NUL at %zu of head %zu: %.40s", at, i, c.in->str);
                        rig_close(&c);
                }
        }
        rig_stop(&rig);
}

/* With a libmicrohttpd that nobody has tried this with, what leans on its inside stands aside: its own pages answer, and nothing
 * else changes. */
static void test_unproven_library(void)
{
        Rig rig;
        g_autofree char *problem = tb_library_problem();
        g_assert_cmpstr(problem, ==,
                        NULL); /* an upgrade: look at docs/UPSTREAM.md, then at TB_LIBRARY_PROVEN */
        for (int plain = 0; plain <= 1; plain++) {
                tb_library_pretend(plain ? "0.9.99" : NULL);
                g_autofree char *why = tb_library_problem();
                g_assert_cmpint(why != NULL, ==, plain);
                rig_start(&rig, share_routes, NULL, NULL);
                static const char *const broken[] = {
                        "GET /hello HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
                        "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
                        "POST /hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                };
                for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
                        Client c = rig_connect(&rig);
                        rig_send(&c, broken[i], strlen(broken[i]));
                        RIG_WAIT((rig_read(&c), c.eof));
                        bool ours = strstr(c.in->str, "application/problem+json") != NULL;
                        if (!strstr(c.in->str, " 400 ") || ours == plain)
                                g_error("%d, %zu: %s", plain, i, c.in->str);
                        rig_close(&c);
                        g_autoptr(Answer) next =
                                rig_ask(&rig, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
                        g_assert_cmpint(next->status, ==, 200);
                }
                rig_stop(&rig);
        }
        tb_library_pretend(NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/http-limits/sse-queue", test_sse_queue);
        g_test_add_func("/http-limits/idle-make-room", test_idle_make_room);
        g_test_add_func("/http-limits/places", test_places);
        g_test_add_func("/http-limits/lingering", test_lingering);
        g_test_add_func("/http-limits/nul", test_nul);
        g_test_add_func("/http-limits/unproven-library", test_unproven_library);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
