#include "host/bridge/carry_answer.h"

#include <string.h>

/* The whole answer in pieces of `step` bytes; the body is the caller's. */
static char *body_of(TbCarryAnswer *a, const char *text, gsize step)
{
        GString *body = g_string_new("");
        gsize size = strlen(text);
        for (gsize at = 0; at < size && !a->complete && !a->broken;) {
                const char *piece;
                gsize piece_size, n = MIN(step, size - at);
                gsize taken = tb_carry_answer_take(a, text + at, n, &piece, &piece_size);
                g_assert_cmpuint(taken, <=, n);
                g_string_append_len(body, piece ? piece : "", (gssize)piece_size);
                a->goes_on = false;
                at += taken;
        }
        return g_string_free(body, FALSE);
}

typedef struct Case {
        const char *text, *body;
        int status;
        bool head_only, keeps, complete, broken;
} Case;

static const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\nhello", "hello", 200, false, true, true,
         false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nb\r\nlo, world\r\n\r\n0\r\n\r\n",
         "hello, world\r\n", 200, false, true, true, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nTrailer: x\r\n\r\n", "ab",
         200, false, true, true, false},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "", 201, false,
         true, true, false},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, false, true, true, false},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304, false, true, true, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "", 200, true, true, true, false},
        {"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "x", 400, false, false, true,
         false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", "to the end", 200, false, false, false,
         false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "hel", 200, false, true, false, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "", 200, false, true, true, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "", 200, false, true, false, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "a", 200, false, true, false,
         true},
        {"SSH-2.0-OpenSSH\r\n\r\n", "", 0, false, true, false, true},
};

static void test_pieces(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                for (gsize step = 1; step < 80; step += step < 8 ? 1 : 13) {
                        const Case *c = &cases[i];
                        TbCarryAnswer a;
                        tb_carry_answer_init(&a, c->head_only);
                        g_autofree char *body = body_of(&a, c->text, step);
                        g_assert_cmpint(a.broken, ==, c->broken);
                        if (!c->broken) {
                                g_assert_cmpstr(body, ==, c->body);
                                g_assert_cmpint(a.status, ==, c->status);
                                g_assert_cmpint(a.complete, ==, c->complete);
                                g_assert_cmpint(a.keeps, ==, c->keeps);
                        }
                        tb_carry_answer_clear(&a);
                }
        }
}

/* What ends with its connection is whole by that, if nothing said how long it is. */
static void test_end(void)
{
        static const bool whole[] = {[8] = true};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                TbCarryAnswer a;
                if (cases[i].complete || cases[i].broken)
                        continue;
                tb_carry_answer_init(&a, false);
                g_autofree char *body = body_of(&a, cases[i].text, 7);
                tb_carry_answer_end(&a);
                g_assert_cmpint(a.complete, ==, i < G_N_ELEMENTS(whole) && whole[i]);
                g_assert_cmpint(a.broken, ==, !a.complete);
                tb_carry_answer_clear(&a);
        }
}

/* Only what tells the other side something goes on; what came twice is one. */
static void test_headers(void)
{
        TbCarryAnswer a;
        tb_carry_answer_init(&a, false);
        g_autofree char *body =
                body_of(&a,
                        "HTTP/1.1 200 OK\r\nServer: x\r\nLINK: <a>\r\nLink: <b>\r\n"
                        "Content-Type: text/plain\r\nX-Taken-At: \xff\r\nContent-Length: 0\r\n\r\n",
                        1000);
        g_assert_cmpstr(json_string_value(json_object_get(a.headers, "link")), ==, "<a>, <b>");
        g_assert_cmpstr(json_string_value(json_object_get(a.headers, "content-type")), ==, "text/plain");
        g_assert_null(json_object_get(a.headers, "server"));
        g_assert_null(json_object_get(a.headers, "x-taken-at"));
        tb_carry_answer_clear(&a);
}

/* A head without an end is not kept for ever. */
static void test_long(void)
{
        TbCarryAnswer a;
        g_autofree char *much = g_strnfill(64 * 1024, 'x');
        tb_carry_answer_init(&a, false);
        g_autofree char *body = body_of(&a, much, 1000);
        g_assert_true(a.broken);
        tb_carry_answer_clear(&a);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/carry-answer/pieces", test_pieces);
        g_test_add_func("/carry-answer/end", test_end);
        g_test_add_func("/carry-answer/headers", test_headers);
        g_test_add_func("/carry-answer/long", test_long);
        return g_test_run();
}
