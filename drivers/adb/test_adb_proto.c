/* The pure parts: smart socket, shell v2, sync, screencap header; vectors of PROTOCOLS.md §9 and of AOSP's
 * own documents */
#include "drivers/adb/adb_proto.h"

#include <string.h>

#include "lib/limits.h"

static void test_request(void)
{
        g_autofree char *version = tb_adb_request("host:version"),
                        *devices = tb_adb_request("host:devices-l");
        g_autofree char *longest = g_strnfill(TB_ADB_SERVICE_MAX, 'x'),
                        *too_long = g_strnfill(TB_ADB_SERVICE_MAX + 1, 'x');
        g_autofree char *framed = tb_adb_request(longest);

        g_assert_cmpstr(version, ==, "000chost:version");
        g_assert_cmpstr(devices, ==, "000ehost:devices-l");
        g_assert_true(g_str_has_prefix(framed, "ffffx"));
        g_assert_null(tb_adb_request(too_long));
}

/* Every prefix of a good answer wants more; the whole is consumed; what follows is left alone. */
static void test_status(void)
{
        static const char fail[] = "FAIL001bdevice 'X' not found by adbOKAY";
        static const char *const wrong[] = {"HTTP", "FAILzzzz", "okay", "OKAX", "FAIL00g0"};
        g_autofree char *message = NULL;
        bool ok = true;

        for (gsize n = 0; n < 8 + 27; n++)
                g_assert_cmpint(tb_adb_parse_status((const guint8 *)fail, n, &ok, &message), ==, 0);
        g_assert_cmpint(tb_adb_parse_status((const guint8 *)fail, strlen(fail), &ok, &message), ==, 8 + 27);
        g_assert_false(ok);
        g_assert_cmpstr(message, ==, "device 'X' not found by adb");
        g_assert_cmpint(tb_adb_parse_status((const guint8 *)"OKAYrest", 8, &ok, &message), ==, 4);
        g_assert_true(ok);
        for (guint i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_cmpint(
                        tb_adb_parse_status((const guint8 *)wrong[i], strlen(wrong[i]), &ok, &message), ==,
                        -1);
}

static void test_text(void)
{
        g_autofree char *text = NULL, *empty = NULL;

        for (gsize n = 0; n < 8; n++)
                g_assert_cmpint(tb_adb_parse_text((const guint8 *)"00040029", n, &text), ==, 0);
        g_assert_cmpint(tb_adb_parse_text((const guint8 *)"00040029", 8, &text), ==, 8);
        g_assert_cmpstr(text, ==, "0029");
        g_assert_cmpint(tb_adb_parse_text((const guint8 *)"0000", 4, &empty), ==, 4);
        g_assert_cmpstr(empty, ==, "");
        g_assert_cmpint(tb_adb_parse_text((const guint8 *)"-001", 4, &empty), ==, -1);
}

static const TbAdbDevice *device(GPtrArray *list, guint i)
{
        return g_ptr_array_index(list, i);
}

static void test_devices(void)
{
        static const char text[] = "* daemon started successfully *\r\nList of devices attached\n"
                                   "0A1B2C3D               device usb:1-1.4 product:oriole model:Pixel_6 "
                                   "device:oriole transport_id:3\r\n"
                                   "127.0.0.1:5555\toffline\n"
                                   "X9                     no permissions (user in plugdev group; are your "
                                   "udev rules wrong?); see [http://x] usb:1-2\n"
                                   "emulator-5554          unauthorized transport_id:1\n\nlonely\n";
        g_autoptr(GPtrArray) list = tb_adb_parse_devices(text), none = tb_adb_parse_devices("");

        g_assert_cmpuint(none->len, ==, 0);
        g_assert_cmpuint(list->len, ==, 4);
        g_assert_cmpstr(device(list, 0)->serial, ==, "0A1B2C3D");
        g_assert_cmpstr(device(list, 0)->state, ==, "device");
        g_assert_cmpstr(device(list, 0)->usb, ==, "1-1.4");
        g_assert_cmpstr(device(list, 0)->model, ==, "Pixel_6");
        g_assert_cmpstr(device(list, 1)->serial, ==, "127.0.0.1:5555");
        g_assert_cmpstr(device(list, 1)->state, ==, "offline");
        g_assert_null(device(list, 1)->usb);
        g_assert_cmpstr(device(list, 2)->state, ==, "no permissions");
        g_assert_cmpstr(device(list, 2)->usb, ==, "1-2");
        g_assert_cmpstr(device(list, 3)->state, ==, "unauthorized");
}

static void test_shell(void)
{
        static const guint8 ls[] = {0, 3, 0, 0, 0, 'l', 's', '\n'}, done[] = {3, 1, 0, 0, 0, 0};
        g_autoptr(GByteArray) out = g_byte_array_new();
        TbAdbShellPacket p;
        guint8 head[5] = {1, 0, 0, 16, 0};

        tb_adb_append_shell(out, TB_ADB_SHELL_STDIN, "ls\n", 3);
        g_assert_cmpmem(out->data, out->len, ls, sizeof(ls));
        for (gsize n = 0; n < sizeof(ls); n++)
                g_assert_cmpint(tb_adb_parse_shell(ls, n, &p), ==, 0);
        g_assert_cmpint(tb_adb_parse_shell(ls, sizeof(ls), &p), ==, sizeof(ls));
        g_assert_cmpmem(p.data, p.size, "ls\n", 3);
        g_assert_cmpint(tb_adb_parse_shell(done, sizeof(done), &p), ==, sizeof(done));
        g_assert_cmpuint(p.id, ==, TB_ADB_SHELL_EXIT);
        g_assert_cmpint(tb_adb_parse_shell((const guint8 *)"\6", 1, &p), ==, -1); /* no such id */
        g_assert_cmpint(tb_adb_parse_shell((const guint8 *)"\3\2\0\0\0ab", 7, &p), ==,
                        -1);                                                /* an exit code of two bytes */
        g_assert_cmpint(tb_adb_parse_shell(head, sizeof(head), &p), ==, 0); /* the limit */
        head[1] = 1;
        g_assert_cmpint(tb_adb_parse_shell(head, sizeof(head), &p), ==, -1); /* limit + 1 */
}

static void test_sync_out(void)
{
        static const guint8 done[] = {'D', 'O', 'N', 'E', 0, 0xf1, 0x53, 0x65};
        g_autoptr(GByteArray) out = g_byte_array_new();

        tb_adb_append_sync(out, "DONE", NULL, 1700000000);
        g_assert_cmpmem(out->data, out->len, done, sizeof(done));
        g_byte_array_set_size(out, 0);
        tb_adb_append_sync(out, "SEND", "/data/local/tmp/x,33188", 23);
        g_assert_cmpmem(out->data, 8, "SEND\x17\0\0\0", 8);
        g_assert_cmpuint(out->len, ==, 31);
}

static void put32(guint8 *p, guint32 v)
{
        for (int i = 0; i < 4; i++)
                p[i] = (guint8)(v >> (8 * i));
}

static void test_stat(void)
{
        guint8 v1[16] = "STAT", v2[72] = "STA2";
        TbAdbStat st;

        put32(v1 + 4, 0100644);
        put32(v1 + 8, 1234);
        put32(v1 + 12, 1700000000);
        for (gsize n = 0; n < sizeof(v1); n++)
                g_assert_cmpint(tb_adb_parse_stat(v1, n, &st), ==, 0);
        g_assert_cmpint(tb_adb_parse_stat(v1, sizeof(v1), &st), ==, 16);
        g_assert_cmpuint(st.mode, ==, 0100644);
        g_assert_cmpuint(st.size, ==, 1234);
        g_assert_cmpint(st.mtime_s, ==, 1700000000);
        put32(v2 + 24, 040755);
        put32(v2 + 40, 1);
        put32(v2 + 44, 2); /* 8 GiB + 1 */
        put32(v2 + 56, 1700000000);
        for (gsize n = 0; n < sizeof(v2); n++)
                g_assert_cmpint(tb_adb_parse_stat(v2, n, &st), ==, 0);
        g_assert_cmpint(tb_adb_parse_stat(v2, sizeof(v2), &st), ==, 72);
        g_assert_cmpuint(st.mode, ==, 040755);
        g_assert_cmpuint(st.size, ==, ((guint64)2 << 32) + 1);
        g_assert_cmpint(st.mtime_s, ==, 1700000000);
        g_assert_cmpint(tb_adb_parse_stat((const guint8 *)"FAIL", 4, &st), ==, -1);
}

static void check_entry(bool v2)
{
        gsize head = v2 ? 76 : 20;
        guint8 data[96] = {0};
        g_autofree char *name = NULL, *none = g_strdup("untouched");
        char *before = none;
        TbAdbStat st;

        memcpy(data, v2 ? "DNT2" : "DENT", 4);
        put32(data + (v2 ? 24 : 4), 0100600);
        put32(data + head - 4, 3);
        memcpy(data + head, "a b", 3);
        for (gsize n = 0; n < head + 3; n++)
                g_assert_cmpint(tb_adb_parse_entry(data, n, v2, &st, &name), ==, 0);
        g_assert_cmpint(tb_adb_parse_entry(data, sizeof(data), v2, &st, &name), ==, head + 3);
        g_assert_cmpstr(name, ==, "a b");
        g_assert_cmpuint(st.mode, ==, 0100600);
        put32(data + head - 4, TB_ADB_NAME_MAX + 1);
        g_assert_cmpint(tb_adb_parse_entry(data, sizeof(data), v2, &st, &before), ==, -1);
        put32(data + head - 4, 0);
        g_assert_cmpint(tb_adb_parse_entry(data, sizeof(data), v2, &st, &before), ==, -1);
        memcpy(data, "DONE", 4);
        g_assert_cmpint(tb_adb_parse_entry(data, head - 1, v2, &st, &before), ==, 0);
        g_assert_cmpint(tb_adb_parse_entry(data, head, v2, &st, &before), ==, head);
        g_assert_null(before);
        memcpy(data, v2 ? "DENT" : "DNT2", 4);
        g_assert_cmpint(tb_adb_parse_entry(data, sizeof(data), v2, &st, &before), ==, -1);
}

static void test_entry(void)
{
        check_entry(false);
        check_entry(true);
}

static void test_sync_head(void)
{
        TbAdbSyncKind kind;
        guint32 size;

        for (gsize n = 0; n < 8; n++)
                g_assert_cmpint(tb_adb_parse_sync_head((const guint8 *)"DATA\0\0\1\0", n, &kind, &size), ==,
                                0);
        g_assert_cmpint(tb_adb_parse_sync_head((const guint8 *)"DATA\0\0\1\0", 8, &kind, &size), ==, 8);
        g_assert_cmpint(kind, ==, TB_ADB_SYNC_DATA_CHUNK);
        g_assert_cmpuint(size, ==, TB_ADB_SYNC_DATA);
        g_assert_cmpint(tb_adb_parse_sync_head((const guint8 *)"DATA\1\0\1\0", 8, &kind, &size), ==,
                        -1); /* limit + 1 */
        g_assert_cmpint(tb_adb_parse_sync_head((const guint8 *)"DONE\0\xf1\x53\x65", 8, &kind, &size), ==, 8);
        g_assert_cmpuint(size, ==, 0);
        g_assert_cmpint(tb_adb_parse_sync_head((const guint8 *)"QUIT\0\0\0\0", 8, &kind, &size), ==, -1);
}

static void test_picture(void)
{
        guint8 head[16] = {0};
        TbAdbPicture p;

        put32(head, 540);
        put32(head + 4, 1170);
        put32(head + 8, 1);
        for (gsize n = 0; n < 12; n++)
                g_assert_cmpint(tb_adb_parse_picture(head, n, &p), ==, 0);
        g_assert_cmpint(tb_adb_parse_picture(head, 16, &p), ==, 12);
        g_assert_cmpuint(p.bytes_per_pixel, ==, 4);
        g_assert_true(tb_adb_picture_fit(&p, 540 * 1170 * 4 + 12));
        g_assert_cmpuint(p.header, ==, 12);
        g_assert_true(tb_adb_picture_fit(&p, 540 * 1170 * 4 + 16));
        g_assert_cmpuint(p.header, ==, 16);
        g_assert_false(tb_adb_picture_fit(&p, 540 * 1170 * 4 + 14));
        put32(head + 8, 6);
        g_assert_cmpint(tb_adb_parse_picture(head, 16, &p), ==, -1);
        put32(head + 8, 4);
        put32(head, TB_LIMIT_VIDEO_SIDE);
        g_assert_cmpint(tb_adb_parse_picture(head, 16, &p), ==, 12);
        g_assert_cmpuint(p.bytes_per_pixel, ==, 2);
        put32(head, TB_LIMIT_VIDEO_SIDE + 1);
        g_assert_cmpint(tb_adb_parse_picture(head, 16, &p), ==, -1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/adb/proto/request", test_request);
        g_test_add_func("/adb/proto/status", test_status);
        g_test_add_func("/adb/proto/text", test_text);
        g_test_add_func("/adb/proto/devices", test_devices);
        g_test_add_func("/adb/proto/shell", test_shell);
        g_test_add_func("/adb/proto/sync-out", test_sync_out);
        g_test_add_func("/adb/proto/stat", test_stat);
        g_test_add_func("/adb/proto/entry", test_entry);
        g_test_add_func("/adb/proto/sync-head", test_sync_head);
        g_test_add_func("/adb/proto/picture", test_picture);
        return g_test_run();
}
