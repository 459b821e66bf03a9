#include "host/netserial/first.h"

#include <string.h>

static const char *const foreign[] = {"GET / HTTP/1.1\r\n",
                                      "POST /x?y=z HTTP/1.1\r\nHost: 127.0.0.1:4002\r\n\r\n\nreboot\n",
                                      "OPTIONS * HTTP/1.1\r\n",
                                      "HEAD http://a/ HTTP/1.0\r\n",
                                      "PUT /a HTTP/1.1\r\n",
                                      "DELETE /a HTTP/2\r\n",
                                      "PATCH / HTTP/1.1\r\n",
                                      "CONNECT a:1 HTTP/1.1\r\n",
                                      "TRACE / HTTP/1.1\r\n",
                                      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"};
static const char *const own[] = {"\r\n",
                                  "\n",
                                  "a",
                                  "ls\n",
                                  "get / HTTP/1.1\n",
                                  "GET\n",
                                  "GET /x\n",
                                  "GET  /\n",
                                  "GETTY\n",
                                  "PUT /a b\n",
                                  "POST\r",
                                  "\xff\xfd\x2c",
                                  "\x16\x01",
                                  "\x16\x03\x09",
                                  "\x03",
                                  "GET /x HTT\n",
                                  "PRINT x\n",
                                  "\x16\x03\x01\x02\x00\x02"};

/* What it is once enough came, and how many bytes that took. */
static TbFirst look_bytewise(const char *text, gsize size)
{
        TbFirst first = TB_FIRST_SHORT;
        for (gsize n = 1; n <= size && first >= TB_FIRST_SHORT; n++)
                first = tb_first_look((const guint8 *)text, n);
        return first;
}

static gsize length_of(const char *text)
{
        return (guchar)*text == 0x16 && (guchar)text[1] == 3 ? 6 : strlen(text);
}

static void test_kinds(void)
{
        for (guint i = 0; i < G_N_ELEMENTS(foreign); i++) {
                gsize size = length_of(foreign[i]);
                g_assert_cmpint(tb_first_look((const guint8 *)foreign[i], size), ==, TB_FIRST_FOREIGN);
                g_assert_cmpint(look_bytewise(foreign[i], size), ==, TB_FIRST_FOREIGN);
        }
        for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
                gsize size = (guchar)own[i][0] == 0x16 && (guchar)own[i][1] == 3 && (guchar)own[i][2] == 1
                                     ? 6
                                     : strlen(own[i]);
                g_assert_cmpint(tb_first_look((const guint8 *)own[i], size), ==, TB_FIRST_OWN);
                g_assert_cmpint(look_bytewise(own[i], size), ==, TB_FIRST_OWN);
        }
}

static void test_waiting(void)
{
        g_assert_cmpint(tb_first_look((const guint8 *)"G", 1), ==,
                        TB_FIRST_SHORT); /* a key that begins a method */
        g_assert_cmpint(tb_first_look((const guint8 *)"GET ", 4), ==, TB_FIRST_LONG);
        g_assert_cmpint(tb_first_look((const guint8 *)"GET /x HTT", 10), ==, TB_FIRST_LONG);
        g_autofree char *longest =
                g_strnfill(5 + TB_FIRST_TARGET, 'a'); /* "GET " and a target of the limit + 1 */
        memcpy(longest, "GET /", 5);
        g_assert_cmpint(tb_first_look((const guint8 *)longest, 4 + TB_FIRST_TARGET), ==, TB_FIRST_LONG);
        g_assert_cmpint(tb_first_look((const guint8 *)longest, 5 + TB_FIRST_TARGET), ==, TB_FIRST_FOREIGN);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/first/kinds", test_kinds);
        g_test_add_func("/first/waiting", test_waiting);
        return g_test_run();
}
