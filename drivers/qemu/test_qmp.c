/* The QMP parser: lines as QEMU 7.2 sent them, whole, byte by byte, and split at every offset. */
#include "drivers/qemu/qmp_proto.h"

#include <string.h>

#include "drivers/qemu/qemu.h"
#include "lib/limits.h"

static const char greeting[] = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": "
                               "7}, \"package\": \"Debian 1:7.2\"}, \"capabilities\": [\"oob\"]}}\r\n";
static const char result[] =
        "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}, \"id\": 3}\r\n";
static const char refused[] = "{\"id\": 4, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The "
                              "command nix has not been found\"}}\r\n";
static const char event[] = "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"SHUTDOWN\", "
                            "\"data\": {\"guest\": true, \"reason\": \"guest-shutdown\"}}\r\n";

static void check(const TbQemuQmpMessage *m, guint i)
{
        static const TbQemuQmpKind kinds[] = {TB_QEMU_QMP_GREETING, TB_QEMU_QMP_RETURN, TB_QEMU_QMP_ERROR,
                                              TB_QEMU_QMP_EVENT};
        g_assert_cmpint(m->kind, ==, kinds[i]);
        if (m->kind == TB_QEMU_QMP_RETURN) {
                g_assert_cmpint(m->id, ==, 3);
                g_assert_true(json_is_true(json_object_get(m->value, "running")));
        } else if (m->kind == TB_QEMU_QMP_ERROR) {
                g_assert_cmpint(m->id, ==, 4);
                g_assert_cmpstr(m->text, ==, "The command nix has not been found");
        } else if (m->kind == TB_QEMU_QMP_EVENT) {
                g_assert_cmpstr(m->text, ==, "SHUTDOWN");
                g_assert_cmpint(m->id, ==, -1);
        }
}

/* Feeds `text` in pieces that end at `split` (0: byte by byte). */
static void feed(const char *text, gsize split)
{
        gsize size = strlen(text), given = 0, used = 0;
        guint seen = 0;
        while (given < size) {
                given = split == 0 ? given + 1 : given < split ? split : size;
                for (;;) {
                        /* an exact copy, so that ASan sees a byte too many */
                        g_autofree char *copy = g_memdup2(text + used, given - used);
                        TbQemuQmpMessage m;
                        gssize n = tb_qemu_qmp_parse(copy, given - used, &m);
                        g_assert_cmpint(n, >=, 0);
                        if (n == 0)
                                break;
                        check(&m, seen++);
                        tb_qemu_qmp_message_clear(&m);
                        used += (gsize)n;
                }
        }
        g_assert_cmpuint(seen, ==, 4);
        g_assert_cmpuint(used, ==, size);
}

static void test_split(void)
{
        g_autofree char *text = g_strconcat(greeting, result, refused, event, NULL);
        for (gsize split = 0; split <= strlen(text); split++)
                feed(text, split);
}

static void test_violations(void)
{
        static const char *const bad[] = {"\n",
                                          "null\n",
                                          "[]\n",
                                          "{}\n",
                                          "{\"x\":1}\n",
                                          "{\"error\":{}}\n",
                                          "{\"error\":1}\n",
                                          "{\"event\":1}\n",
                                          "{\n"};
        TbQemuQmpMessage m;
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_cmpint(tb_qemu_qmp_parse(bad[i], strlen(bad[i]), &m), ==, -1);
        g_assert_cmpint(tb_qemu_qmp_parse("", 0, &m), ==, 0);
}

static void test_limit(void)
{
        g_autofree char *line = g_strnfill(TB_LIMIT_LINE + 2, ' ');
        memcpy(line, "{\"return\":{}}", 13);
        TbQemuQmpMessage m;
        g_assert_cmpint(tb_qemu_qmp_parse(line, TB_LIMIT_LINE, &m), ==, 0);
        line[TB_LIMIT_LINE] = '\n';
        g_assert_cmpint(tb_qemu_qmp_parse(line, TB_LIMIT_LINE + 1, &m), ==, TB_LIMIT_LINE + 1);
        tb_qemu_qmp_message_clear(&m);
        line[TB_LIMIT_LINE] = ' ';
        line[TB_LIMIT_LINE + 1] = '\n';
        g_assert_cmpint(tb_qemu_qmp_parse(line, TB_LIMIT_LINE + 2, &m), ==, -1);
        g_assert_cmpint(tb_qemu_qmp_parse(line, TB_LIMIT_LINE + 1, &m), ==, -1);
}

static void test_command(void)
{
        g_autofree char *plain = tb_qemu_qmp_command(7, "quit", NULL);
        g_assert_cmpstr(plain, ==, "{\"execute\":\"quit\",\"id\":7}\n");
        json_auto_t *arguments = json_pack("{s:s}", "a", "b\n");
        g_autofree char *with = tb_qemu_qmp_command(8, "x", arguments);
        g_assert_cmpstr(with, ==, "{\"execute\":\"x\",\"id\":8,\"arguments\":{\"a\":\"b\\n\"}}\n");
}

static void test_chardev(void)
{
        json_auto_t *list =
                json_loads("[{\"label\":\"console\",\"filename\":\"disconnected:unix:/x/serial,server=on\"},"
                           "{\"label\":\"qmp\",\"filename\":\"unix:/x/qmp,server=on\"},{\"label\":3}]",
                           0, NULL);
        g_assert_false(tb_qemu_qmp_chardev_connected(list, "console"));
        g_assert_true(tb_qemu_qmp_chardev_connected(list, "qmp"));
        g_assert_false(tb_qemu_qmp_chardev_connected(list, "none"));
        g_assert_false(tb_qemu_qmp_chardev_connected(NULL, "qmp"));
}

static void test_argv(void)
{
        g_autoptr(TbUri) uri = tb_uri_parse("qemu:///a,b/rom", NULL);
        g_autoptr(GError) error = NULL;
        json_auto_t *in = json_pack("{s:i, s:[s,s,s,s], s:[s], s:b}", "memory", 64, "args", "-k", "de",
                                    "-device", "usb-tablet", "drives", "/x,y.qcow2", "snapshot", 1);
        json_auto_t *params = tb_params_validate(tb_driver_find("qemu")->params, in, &error);
        g_assert_no_error(error);
        g_auto(GStrv) argv = tb_qemu_argv(uri, params, "/run,dir");
        g_autofree char *line = g_strjoinv("|", argv);
        g_assert_nonnull(strstr(line, "|-S|"));
        g_assert_nonnull(strstr(line, "|-m|64|"));
        g_assert_nonnull(strstr(line, "|-bios|/a,b/rom|"));
        g_assert_nonnull(strstr(line, "file=/x,,y.qcow2,format=qcow2,if=virtio,snapshot=on|"));
        g_assert_nonnull(strstr(line, "path=/run,,dir/serial,server=on"));
        g_assert_true(g_str_has_suffix(line, "|-device|usb-tablet"));
        g_assert_null(strstr(line, "|-k|")); /* or QEMU goes by keysyms, and drops what its own map lacks */
        g_assert_nonnull(strstr(line, "/vnc,key-delay-ms=0|"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/qmp/split", test_split);
        g_test_add_func("/qmp/violations", test_violations);
        g_test_add_func("/qmp/limit", test_limit);
        g_test_add_func("/qmp/command", test_command);
        g_test_add_func("/qmp/chardev", test_chardev);
        g_test_add_func("/qmp/argv", test_argv);
        return g_test_run();
}
