/* Requests that no connection brings (lib/http/ask.c): the same checks, the same answers, and what has no business there. */
#include "tests/unit/lib/http_routes.h"

#define BIG (TB_LIMIT_HTTP_ANSWERS_OF_ONE / 2)

static const TbParam a_number[] = {
        {.name = "n", .type = TB_PARAM_INT, .min = 1, .max = 9, .help = "a number"},
        {.name = NULL},
};

static void tagged(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_tagged(request,
                                json_pack("{s:s, s:s, s:s}", "user", tb_request_user(request), "base",
                                          tb_request_base_url(request), "peer", tb_request_peer(request)));
}

static void slow(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        for (gint64 until = g_get_monotonic_time() + 2 * TB_LIMIT_TURN_US; g_get_monotonic_time() < until;)
                ;
        tb_request_reply_json(request, 200, json_true());
}

static void big(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *text = g_strnfill(BIG, 'b');
        tb_request_reply_json(request, 200, json_string(text));
}

#define JSON "200 application/json Any; 404"
static const TbRoute asked_routes[] = {
        {.method = "GET", .path = "/hello", .handler = hello, .answers = JSON},
        {.method = "GET",
         .path = "/tagged/{id}",
         .role = TB_ROLE_OPERATOR,
         .query = a_number,
         .handler = tagged,
         .answers = JSON},
        {.method = "GET", .path = "/slow", .handler = slow, .answers = JSON},
        {.method = "GET", .path = "/big", .handler = big, .answers = JSON},
        {.method = "GET", .path = "/later", .handler = later, .answers = JSON},
        {.method = "GET", .path = "/lies", .handler = push, .answers = JSON},
        {.method = "GET", .path = "/lies-too", .handler = stream_out, .answers = JSON},
        /* for connections alone */
        {.method = "GET", .path = "/unsaid", .handler = hello},
        {.method = "GET", .path = "/press", .flags = TB_ROUTE_UNSAFE, .handler = press, .answers = JSON},
        {.method = "GET", .path = "/push", .flags = TB_ROUTE_STREAMING, .handler = push, .answers = JSON},
        {.method = "GET",
         .path = "/two",
         .handler = hello,
         .answers = "200 application/json Any; 200 text/csv"},
        {.method = "GET", .path = "/text", .handler = hello, .answers = "200 text/plain"},
        {.method = "GET", .path = "/body", .body = TB_BODY_BYTES, .handler = bytes, .answers = JSON},
        {.method = "POST", .path = "/post", .handler = press, .answers = JSON},
        {.method = NULL},
};

static void add_header(const char *name, const char *value, gpointer data)
{
        json_object_set_new(data, name, json_string(value));
}

static guint told;

static void on_answered(gpointer data G_GNUC_UNUSED)
{
        told++;
}

static TbHttpAsk *ask(Rig *rig, const char *method, const char *path, TbRole role, json_t *headers_take)
{
        json_auto_t *headers = headers_take;
        const TbHttpAsked asked = {
                .method = method, .path = path, .headers = headers, .user = "ann", .role = role};
        return tb_http_ask(rig->http, &asked, on_answered, NULL);
}

/* Answered at once. Gives its headers; frees it. */
static json_t *answers(TbHttpAsk *asked, int status, const char *words)
{
        TbHttpAnswer answer;
        json_t *headers = json_object();
        g_assert_nonnull(asked);
        g_assert_true(tb_http_ask_answer(asked, &answer));
        g_assert_cmpint(answer.status, ==, status);
        g_autofree char *body = g_strndup(answer.bytes, answer.size);
        g_assert_true(words ? strstr(body, words) != NULL : answer.size == 0);
        tb_http_ask_headers(asked, add_header, headers);
        tb_http_ask_free(asked, true);
        return headers;
}

static const char *text_of(json_t *headers, const char *name)
{
        return json_string_value(json_object_get(headers, name));
}

static void with_token(TbHttpOptions *options)
{
        tb_auth_add(options->auth, "somebody", "a-token-of-somebody", TB_ROLE_VIEWER, NULL);
}

/* As on a connection, answer for answer. */
static void test_same(void)
{
        static const char *const paths[] = {"/hello", "/tagged/x?n=3", "/tagged/x?n=10", "/tagged/%ff",
                                            "/tagged/x?n=%ff"};
        Rig rig;
        rig_start(&rig, asked_routes, NULL, NULL);
        for (guint head = 0; head < 2; head++)
                for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
                        const char *method = head ? "HEAD" : "GET";
                        g_autofree char *text = g_strdup_printf("%s %s HTTP/1.1\r\nHost: localhost\r\n"
                                                                "X-Request-Id: r1\r\n"
                                                                "X-Forwarded-Prefix: /lab\r\n\r\n",
                                                                method, paths[i]);
                        g_autoptr(Answer) a = rig_ask(&rig, text);
                        TbHttpAsk *asked = ask(
                                &rig, method, paths[i], TB_ROLE_ADMIN,
                                json_pack("{s:s, s:s}", "x-request-id", "r1", "x-forwarded-prefix", "/lab"));
                        TbHttpAnswer answer;
                        json_auto_t *headers = json_object();
                        g_assert_true(tb_http_ask_answer(asked, &answer));
                        g_assert_cmpint(answer.status, ==, a->status);
                        g_autofree char *body = g_strndup(answer.bytes, answer.size),
                                        *as_ann = g_strdup(strstr(body, "\"ann\"") ? "\"ann\"" : NULL);
                        if (!head && !as_ann)
                                g_assert_cmpstr(body, ==, a->body);
                        tb_http_ask_headers(asked, add_header, headers);
                        static const char *const names[] = {"Content-Type", "Cache-Control", "X-Request-Id",
                                                            "Server", "X-Content-Type-Options"};
                        for (guint n = 0; n < G_N_ELEMENTS(names); n++)
                                g_assert_cmpstr(text_of(headers, names[n]), ==, answer_header(a, names[n]));
                        tb_http_ask_free(asked, true);
                }
        rig_stop(&rig);
}

static void test_authority(void)
{
        Rig rig;
        rig_start(&rig, asked_routes, NULL, with_token);
        json_auto_t *refused = answers(ask(&rig, "GET", "/tagged/x", TB_ROLE_VIEWER, NULL), 403, "operator");
        g_assert_cmpstr(text_of(refused, "Content-Type"), ==, "application/problem+json");
        json_auto_t *nobody = answers(ask(&rig, "GET", "/tagged/x", TB_ROLE_NONE, NULL), 401, "token");
        g_assert_cmpstr(text_of(nobody, "WWW-Authenticate"), ==, "Bearer");
        json_auto_t *good =
                answers(ask(&rig, "GET", "/tagged/x", TB_ROLE_OPERATOR, NULL), 200, "\"user\":\"ann\"");
        const char *etag = text_of(good, "ETag");
        json_auto_t *same = answers(
                ask(&rig, "GET", "/tagged/x", TB_ROLE_OPERATOR, json_pack("{s:s}", "If-None-Match", etag)),
                304, NULL);
        g_assert_cmpstr(text_of(same, "ETag"), ==, etag);
        /* what it says of itself counts for nothing but what the holder says */
        json_auto_t *said = answers(ask(&rig, "GET", "/tagged/x", TB_ROLE_VIEWER,
                                        json_pack("{s:s}", "Authorization", "Bearer a-token-of-somebody")),
                                    403, "viewer");
        g_autofree char *text = tb_metrics_text(rig.metrics);
        g_assert_nonnull(strstr(text, "testbed_http_requests_total{status=\"4xx\"} 3"));
        rig_stop(&rig);
}

/* Nothing is begun for what needs a connection. */
static void test_others(void)
{
        static const char *const others[] = {"/unsaid", "/press", "/push", "/two",
                                             "/text",   "/body",  "/post", "/nothing"};
        Rig rig;
        seen.pressed = 0;
        rig_start(&rig, asked_routes, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(others); i++)
                g_assert_null(ask(&rig, "GET", others[i], TB_ROLE_ADMIN, NULL));
        g_assert_null(ask(&rig, "POST", "/post", TB_ROLE_ADMIN, NULL));
        g_assert_cmpuint(seen.pressed, ==, 0);
        /* a row that does not say what its handler does is told so, and nobody waits for ever */
        for (guint i = 0; i < 2; i++) {
                json_auto_t *lied = answers(ask(&rig, "GET", i ? "/lies-too" : "/lies", TB_ROLE_ADMIN, NULL),
                                            500, "stream");
        }
        rig_stop(&rig);
}

static void test_later(void)
{
        Rig rig;
        TbHttpAnswer answer;
        rig_start(&rig, asked_routes, NULL, NULL);
        told = seen.gone = 0;
        TbHttpAsk *asked = ask(&rig, "GET", "/later", TB_ROLE_ADMIN, NULL);
        g_assert_false(tb_http_ask_answer(asked, &answer));
        g_assert_true(tb_request_is_there(seen.later));
        tb_request_reply_json(seen.later, 200, json_pack("{s:i}", "late", 1));
        g_assert_cmpuint(told, ==, 1);
        tb_request_reply_json(seen.later, 200, json_pack("{s:i}", "too", 1)); /* counts for nothing */
        json_auto_t *headers = answers(asked, 200, "late");
        g_assert_cmpuint(seen.gone, ==, 0);
        tb_request_unref(seen.later);

        asked = ask(&rig, "GET", "/later", TB_ROLE_ADMIN, NULL); /* who asked leaves */
        tb_http_ask_free(asked, false);
        g_assert_cmpuint(seen.gone, ==, 1);
        g_assert_false(tb_request_is_there(seen.later));
        tb_request_reply_json(seen.later, 200, json_true());
        g_assert_cmpuint(told, ==, 1);
        tb_request_unref(seen.later);
        rig_stop(&rig);
}

/* What was answered and is not passed on counts for who asked: he has to read before he gets more. */
static void test_turns(void)
{
        Rig rig;
        TbHttpAnswer answer;
        TbHttpAsk *all[4];
        rig_start(&rig, asked_routes, NULL, with_token);
        told = 0;
        for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
                all[i] = ask(&rig, "GET", "/big", TB_ROLE_VIEWER, NULL);
                g_assert_true(tb_http_ask_answer(all[i], &answer) == (i < 2));
        }
        tb_http_ask_free(all[0], true);
        RIG_WAIT(told == 1);
        g_assert_true(tb_http_ask_answer(all[2], &answer));
        g_assert_cmpuint(answer.size, >, BIG);
        for (guint i = 1; i < G_N_ELEMENTS(all); i++) /* the last one waits, and is given up */
                tb_http_ask_free(all[i], i < 3);
        g_assert_cmpuint(told, ==, 1);

        /* the handlers of one turn have a budget of time; outside the loop each has a turn of its own */
        for (guint i = 0; i < 2; i++) {
                json_auto_t *headers = answers(ask(&rig, "GET", "/slow", TB_ROLE_ADMIN, NULL), 200, "true");
        }
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/http/ask/same", test_same);
        g_test_add_func("/http/ask/authority", test_authority);
        g_test_add_func("/http/ask/others", test_others);
        g_test_add_func("/http/ask/later", test_later);
        g_test_add_func("/http/ask/turns", test_turns);
        return g_test_run();
}
