#include "lib/uri.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

static void check(const char *text, const char *scheme, const char *user, const char *password,
                  const char *host, int port, const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbUri) uri = tb_uri_parse(text, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(uri->scheme, ==, scheme);
        g_assert_cmpstr(uri->user, ==, user);
        g_assert_cmpstr(uri->password, ==, password);
        g_assert_cmpstr(uri->host, ==, host);
        g_assert_cmpint(uri->port, ==, port);
        g_assert_cmpstr(uri->path, ==, path);
        g_assert_cmpstr(uri->raw, ==, text);
}

static void test_parts(void)
{
        check("serial:///dev/serial/by-id/usb-FTDI_x?baud=115200", "serial", NULL, NULL, "", -1,
              "/dev/serial/by-id/usb-FTDI_x");
        check("tapo://10.0.0.7", "tapo", NULL, NULL, "10.0.0.7", -1, "");
        check("usbhub://1-1.4", "usbhub", NULL, NULL, "1-1.4", -1, "");
        check("adb://0A1B2C3D", "adb", NULL, NULL, "0A1B2C3D", -1, "");
        check("x11://:1", "x11", NULL, NULL, "", 1, "");
        check("VNC://joe:p%40ss@lab:5901/a%20b", "vnc", "joe", "p@ss", "lab", 5901, "/a b");
        check("vnc://joe@lab", "vnc", "joe", NULL, "lab", -1, "");
        check("vnc://:p@ss@lab", "vnc", "", "p@ss", "lab", -1, "");
        check("tcp://[::1]:4000", "tcp", NULL, NULL, "::1", 4000, "");
        check("tcp://[fe80::1%25eth0]", "tcp", NULL, NULL, "fe80::1%eth0", -1, "");
        check("testpattern://", "testpattern", NULL, NULL, "", -1, "");
        check("qemu:///rom?memory=256", "qemu", NULL, NULL, "", -1, "/rom");
        check("http+ws://h/a@b", "http+ws", NULL, NULL, "h", -1, "/a@b");
}

static void test_query(void)
{
        g_autoptr(TbUri) uri = tb_uri_parse("serial:///d?baud=9600&flag&label=a%26b%3Dc&x=1=2&", NULL);
        g_assert_cmpuint(json_object_size(uri->query), ==, 4);
        g_assert_cmpstr(json_string_value(json_object_get(uri->query, "baud")), ==, "9600");
        g_assert_cmpstr(json_string_value(json_object_get(uri->query, "flag")), ==, "");
        g_assert_cmpstr(json_string_value(json_object_get(uri->query, "label")), ==, "a&b=c");
        g_assert_cmpstr(json_string_value(json_object_get(uri->query, "x")), ==, "1=2");
}

static void test_refused(void)
{
        static const struct {
                const char *text, *what;
        } bad[] = {
                {"", "must begin"},
                {"serial", "must begin"},
                {"://x", "must begin"},
                {"9p://x", "must begin"},
                {"a b://x", "spaces"},
                {"a_b://x", "only hold"},
                {"tcp://h:x", "port"},
                {"tcp://h:", "port"},
                {"tcp://h:65536", "port"},
                {"tcp://h:123456", "port"},
                {"tcp://::1:5", "brackets"},
                {"wol://aa:bb:cc:dd:ee:ff", "a MAC has dashes"},
                {"tcp://[::1", "closing ]"},
                {"tcp://[]", "closing ]"},
                {"tcp://[::1]x", "only :port"},
                {"tcp://[::1]:x", "port"},
                {"tcp://h/%", "hex"},
                {"tcp://h/%4", "hex"},
                {"tcp://h/%zz", "hex"},
                {"tcp://h/%00", "%00"},
                {"tcp://h/%ff", "UTF-8"},
                {"tcp://h#x", "%23"},
                {"tcp://h?=1", "no name"},
                {"tcp://h?a=1&a=2", "twice"},
                {"tcp://h\n", "control"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_uri_parse(bad[i].text, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_nonnull(tb_error_field(error));
                if (!strstr(tb_error_detail(error), bad[i].what))
                        g_error("%s: \"%s\" does not say \"%s\"", bad[i].text, tb_error_detail(error),
                                bad[i].what);
        }
}

static void test_limit(void)
{
        g_autofree char *name = g_strnfill(TB_LIMIT_URI - strlen("tcp://"), 'x'),
                        *fill = g_strconcat("tcp://", name, NULL);
        g_autoptr(TbUri) fits = tb_uri_parse(fill, NULL);
        g_assert_nonnull(fits);
        g_autofree char *longer = g_strconcat(fill, "x", NULL);
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_uri_parse(longer, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
}

static void test_redacted(void)
{
        static const char *const secrets[] = {"password", NULL};
        static const struct {
                const char *text, *shown;
        } table[] = {
                {"vnc://joe:secret@lab:5901/x?a=1&password=hush&b=2",
                 "vnc://joe:***@lab:5901/x?a=1&password=***&b=2"},
                {"vnc://lab?pass%77ord=hush", "vnc://lab?pass%77ord=***"},
                {"vnc://lab", "vnc://lab"},
                {"vnc://:s@lab", "vnc://:***@lab"},
                {"vnc://lab?password", "vnc://lab?password"},
                {"vnc://lab?x=%41", "vnc://lab?x=%41"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autoptr(TbUri) uri = tb_uri_parse(table[i].text, NULL);
                g_autofree char *shown = tb_uri_redacted(uri, secrets);
                g_assert_cmpstr(shown, ==, table[i].shown);
        }
        g_autoptr(TbUri) uri = tb_uri_parse("vnc://lab?password=x", NULL);
        g_autofree char *shown = tb_uri_redacted(uri, NULL);
        g_assert_cmpstr(shown, ==, "vnc://lab?password=x");
}

/* What a text may hold of a URL whose parameters nobody knows. */
static void test_shown(void)
{
        static const struct {
                const char *url, *shown;
        } cases[] = {{"http://10.0.0.7:80/relay/0?turn=on&password=marker", "http://10.0.0.7:80/relay/0?***"},
                     {"http://user:marker@10.0.0.7/", "http://***@10.0.0.7/"},
                     {"http://marker@host", "http://***@host"},
                     {"http://a:mar@ker@host/x?marker", "http://***@host/x?***"},
                     {"shelly://[::1]:8080", "shelly://[::1]:8080"},
                     {"user:marker@host/x?marker", "***@host/x"},
                     {"/status?marker", "/status"},
                     {"", ""}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *shown = tb_uri_shown(cases[i].url);
                g_assert_cmpstr(shown, ==, cases[i].shown);
        }
        g_autoptr(TbUri) uri = tb_uri_parse("shelly://u:marker@10.0.0.7?password=marker", NULL);
        g_assert_cmpstr(uri->shown, ==, "shelly://***@10.0.0.7");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/uri/parts", test_parts);
        g_test_add_func("/uri/query", test_query);
        g_test_add_func("/uri/refused", test_refused);
        g_test_add_func("/uri/limit", test_limit);
        g_test_add_func("/uri/redacted", test_redacted);
        g_test_add_func("/uri/shown", test_shown);
        return g_test_run();
}
