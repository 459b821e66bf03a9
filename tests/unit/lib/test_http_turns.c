/* Whose request is handled next, and what waits for whom (lib/http/turns.c). Clients are told apart by what a proxy says. */
#include "lib/limits.h"
#include "tests/unit/lib/http_rig.h"

#define BIG (6 * 1024 * 1024) /* more than the kernel takes for a reader that does not read */

static GString *order; /* a letter for each request that was handled */

static void slow(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        g_string_append_c(order, tb_request_peer(request)[strlen("192.0.2.")]);
        for (gint64 until = g_get_monotonic_time() + 3000; g_get_monotonic_time() < until;)
                ;
        tb_request_reply_text(request, 200, "text/plain", "done");
}

static void big(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(BIG), BIG);
        tb_request_reply_bytes(request, 200, "application/octet-stream", bytes);
}

static void sized(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        gsize size = g_ascii_strtoull(tb_request_arg(request, "size"), NULL, 10);
        g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(size), size);
        tb_request_reply_bytes(request, 200, "application/octet-stream", bytes);
}

static void post(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_text(request, 200, "text/plain", "taken");
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/slow", .handler = slow},
        {.method = "GET", .path = "/big", .handler = big},
        {.method = "GET", .path = "/sized/{size}", .handler = sized},
        {.method = "POST", .path = "/post", .body = TB_BODY_BYTES, .handler = post},
        {.method = NULL},
};

static void ask(Client *c, const char *line, guint who, gsize length, gsize sent)
{
        g_autofree char *head =
                g_strdup_printf("%s HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.%u\r\n"
                                "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
                                line, who, length);
        g_autofree char *body = g_malloc0(sent + 1);
        rig_send(c, head, strlen(head));
        rig_send(c, body, sent);
}

static void answers_with(Client *c, int status, const char *words)
{
        g_autoptr(Answer) a = rig_answer(c);
        g_assert_cmpint(a->status, ==, status);
        if (words)
                g_assert_nonnull(strstr(a->body, words));
}

/* One user's crowd is his own to wait for. */
static void test_fair(void)
{
        Rig rig;
        Client crowd[40], other;
        order = g_string_new(NULL);
        rig_start(&rig, routes, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(crowd); i++)
                crowd[i] = rig_connect(&rig);
        other = rig_connect(&rig);
        for (guint i = 0; i < 20; i++)
                rig_turn(-1);
        for (guint i = 0; i < G_N_ELEMENTS(crowd); i++)
                ask(&crowd[i], "GET /slow", 1, 0, 0);
        ask(&other, "GET /slow", 2, 0, 0);
        for (guint i = 0; i < G_N_ELEMENTS(crowd); i++)
                answers_with(&crowd[i], 200, "done");
        answers_with(&other, 200, "done");
        g_assert_cmpuint(order->len, ==, G_N_ELEMENTS(crowd) + 1);
        g_assert_cmpint(strchr(order->str, '2') - order->str, <=, 3);
        for (guint i = 0; i < G_N_ELEMENTS(crowd); i++)
                rig_close(&crowd[i]);
        rig_close(&other);
        rig_stop(&rig);
        g_string_free(order, TRUE);
}

/* A client that leaves while it waits is nobody's work. */
static void test_left(void)
{
        Rig rig;
        Client c[10];
        order = g_string_new(NULL);
        rig_start(&rig, routes, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(c); i++)
                c[i] = rig_connect(&rig);
        for (guint i = 0; i < 20; i++)
                rig_turn(-1);
        for (guint i = 0; i < G_N_ELEMENTS(c); i++) {
                static const char head[] = "GET /slow HTTP/1.1\r\nHost: localhost\r\n"
                                           "X-Forwarded-For: 192.0.2.1\r\n\r\n";
                g_assert_cmpint(send(c[i].fd, head, strlen(head), MSG_NOSIGNAL), ==, (int)strlen(head));
        }
        g_main_context_iteration(NULL, FALSE);
        for (guint i = 0; i < G_N_ELEMENTS(c); i++)
                close(g_steal_fd(&c[i].fd));
        for (guint i = 0; i < 100; i++)
                rig_turn(-1);
        g_assert_cmpuint(order->len, <, G_N_ELEMENTS(c));
        for (guint i = 0; i < G_N_ELEMENTS(c); i++)
                rig_close(&c[i]);
        rig_stop(&rig);
        g_string_free(order, TRUE);
}

/* ANSWERS_OF_ONE: who has more to read waits with the next request until he reads it, or is told. */
static void test_answers(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client one = rig_connect(&rig), two = rig_connect(&rig), three = rig_connect(&rig),
               other = rig_connect(&rig);
        ask(&one, "GET /big", 1, 0, 0);
        ask(&two, "GET /big", 1, 0, 0); /* 6 MB are less than the limit */
        for (guint i = 0; i < 50; i++)
                rig_turn(-1);
        ask(&three, "GET /big", 1, 0, 0); /* 12 are more */
        ask(&other, "POST /post", 2, 0, 0);
        answers_with(&other, 200, "taken");
        for (guint i = 0; i < 50; i++)
                rig_turn(three.fd);
        rig_read(&three);
        g_assert_cmpuint(three.in->len, ==, 0);
        answers_with(&one, 200, NULL);
        answers_with(&two, 200, NULL);
        answers_with(&three, 200, NULL);

        ask(&one, "GET /big", 1, 0, 0);
        ask(&two, "GET /big", 1, 0, 0);
        for (guint i = 0; i < 50; i++)
                rig_turn(-1);
        ask(&three, "GET /big", 1, 0, 0);
        answers_with(&three, 429, "read them first");
        rig_close(&one);
        rig_close(&two);
        ask(&three, "GET /big", 1, 0, 0);
        answers_with(&three, 200, NULL);
        rig_close(&three);
        rig_close(&other);
        rig_stop(&rig);
}

/* BODIES_OF_ONE: bodies that never end are one's own to wait for. */
static void test_bodies(void)
{
        Rig rig;
        Client held[TB_LIMIT_HTTP_BODIES_OF_ONE / TB_LIMIT_HTTP_BODY];
        rig_start(&rig, routes, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(held); i++) {
                held[i] = rig_connect(&rig);
                ask(&held[i], "POST /post", 1, TB_LIMIT_HTTP_BODY, TB_LIMIT_HTTP_BODY - 1);
        }
        Client more = rig_connect(&rig), other = rig_connect(&rig);
        for (guint i = 0; i < 50; i++)
                rig_turn(-1);
        ask(&more, "POST /post", 1, 100000, 100000);
        answers_with(&more, 429, "bodies of other requests");
        ask(&more, "POST /post", 1, 100, 100); /* what is short does not count */
        answers_with(&more, 200, NULL);
        ask(&other, "POST /post", 2, TB_LIMIT_HTTP_BODY, TB_LIMIT_HTTP_BODY);
        answers_with(&other, 200, NULL);
        rig_send(&held[0], "x", 1);
        answers_with(&held[0], 200, NULL);
        ask(&more, "POST /post", 1, 100000, 100000);
        answers_with(&more, 200, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(held); i++)
                rig_close(&held[i]);
        rig_close(&more);
        rig_close(&other);
        rig_stop(&rig);
}

/* To the byte: who has TB_LIMIT_HTTP_ANSWERS_OF_ONE to read waits, for TB_LIMIT_HTTP_READ_FIRST_S; with a byte less he
 * is served. */
static void test_answers_to_the_byte(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (guint i = 0; i <= 1; i++) {
                g_autofree char *line =
                        g_strdup_printf("GET /sized/%u", TB_LIMIT_HTTP_ANSWERS_OF_ONE - 1 + i);
                Client held = rig_connect(&rig), next = rig_connect(&rig);
                ask(&held, line, 1 + i, 0, 0);
                for (guint k = 0; k < 50; k++)
                        rig_turn(-1);
                gint64 since_us = g_get_monotonic_time();
                ask(&next, "GET /sized/100", 1 + i, 0, 0);
                answers_with(&next, i ? 429 : 200, NULL);
                if (i)
                        g_assert_cmpint(g_get_monotonic_time() - since_us, >=,
                                        TB_LIMIT_HTTP_READ_FIRST_S * G_USEC_PER_SEC);
                rig_close(&held);
                rig_close(&next);
        }
        rig_stop(&rig);
}

/* ANSWERS: when all together have more to read, who has something to read waits, and who has nothing is served. */
static void test_all_answers(void)
{
        Rig rig;
        Client held[TB_LIMIT_HTTP_ANSWERS / BIG + 1];
        rig_start(&rig, routes, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(held); i++) {
                held[i] = rig_connect(&rig);
                ask(&held[i], "GET /big", 100 + i, 0, 0);
        }
        for (guint i = 0; i < 50; i++)
                rig_turn(-1);
        Client more = rig_connect(&rig), other = rig_connect(&rig);
        ask(&more, "GET /big", 100, 0, 0);
        ask(&other, "GET /big", 1, 0, 0);
        answers_with(&other, 200, NULL);
        rig_read(&more);
        g_assert_cmpuint(more.in->len, ==, 0);
        answers_with(&held[1], 200, NULL); /* one less: there is room */
        answers_with(&more, 200, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(held); i++)
                rig_close(&held[i]);
        rig_close(&more);
        rig_close(&other);
        rig_stop(&rig);
}

/* BODIES: the bodies of all together. */
static void test_all_bodies(void)
{
        Rig rig;
        Client held[TB_LIMIT_HTTP_BODIES / TB_LIMIT_HTTP_BODY];
        rig_start(&rig, routes, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(held); i++) {
                held[i] = rig_connect(&rig);
                ask(&held[i], "POST /post", 100 + i / 8, TB_LIMIT_HTTP_BODY, TB_LIMIT_HTTP_BODY - 1);
        }
        Client more = rig_connect(&rig);
        for (guint i = 0; i < 50; i++)
                rig_turn(-1);
        ask(&more, "POST /post", 1, 500000, 500000);
        answers_with(&more, 429, "bodies of other requests");
        rig_send(&held[0], "x", 1);
        answers_with(&held[0], 200, NULL);
        ask(&more, "POST /post", 1, 500000, 500000);
        answers_with(&more, 200, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(held); i++)
                rig_close(&held[i]);
        rig_close(&more);
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/http-turns/fair", test_fair);
        g_test_add_func("/http-turns/left", test_left);
        g_test_add_func("/http-turns/answers", test_answers);
        g_test_add_func("/http-turns/answers-to-the-byte", test_answers_to_the_byte);
        g_test_add_func("/http-turns/bodies", test_bodies);
        g_test_add_func("/http-turns/all-answers", test_all_answers);
        g_test_add_func("/http-turns/all-bodies", test_all_bodies);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
