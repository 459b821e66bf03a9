/* The frame that nearly all are: what is taken without wslay, and what is left to it. */
#include "lib/http/ws_frame.h"

#include <string.h>

static const guint8 mask[4] = {0x12, 0xf4, 0x00, 0x78};

/* A masked client frame, its length in `form` bytes beside the seven bits. */
static GByteArray *frame(guint8 first, gsize size, guint form)
{
        GByteArray *f = g_byte_array_new();
        guint8 head[10] = {first, (guint8)(0x80 | (form == 0 ? size : form == 2 ? 126 : 127))};
        for (guint i = 0; i < form; i++)
                head[2 + i] = (guint8)((guint64)size >> 8 * (form - 1 - i));
        g_byte_array_append(f, head, 2 + form);
        g_byte_array_append(f, mask, sizeof mask);
        for (gsize i = 0; i < size; i++) {
                guint8 byte = (guint8)((i * 7 + 3) ^ mask[i % 4]);
                g_byte_array_append(f, &byte, 1);
        }
        return f;
}

/* Taken when all of it is there, not before; what stands behind it is not touched. */
static void test_whole(void)
{
        static const gsize sizes[] = {1, 7, 8, 9, 124, 125, 126, 127, 250, 3000, 65535};
        for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
                for (guint8 first = 0x81; first <= 0x82; first++) {
                        gsize size = sizes[i];
                        TbWsFrame out = {0};
                        g_autoptr(GByteArray) f = frame(first, size, size < 126 ? 0 : 2);
                        gsize whole = f->len;
                        g_byte_array_append(f, mask, sizeof mask);
                        for (gsize n = 0; n < whole; n += n < 20 || n + 20 > whole ? 1 : 97) {
                                g_assert_false(tb_ws_frame_whole(f->data, n, &out));
                                g_assert_cmpuint(tb_ws_frame_missing(f->data, n), ==, n < 6 ? 0 : whole - n);
                        }
                        g_assert_true(tb_ws_frame_whole(f->data, f->len, &out));
                        g_assert_cmpuint(tb_ws_frame_missing(f->data, f->len), ==, 0);
                        g_assert_cmpuint(out.size, ==, size);
                        g_assert_cmpuint(out.head + out.size, ==, whole);
                        g_assert_true(out.binary == (first == 0x82));
                        tb_ws_unmask(f->data + out.head, out.size, f->data + out.head - 4);
                        for (gsize at = 0; at < size; at++)
                                g_assert_cmpint(f->data[out.head + at], ==, (guint8)(at * 7 + 3));
                        g_assert_cmpmem(f->data + whole, sizeof mask, mask, sizeof mask);
                }
}

/* Parts, control frames, reserved bits, no mask, nothing in it, a length in a longer form than it needs, 64 bits of it. */
static void test_others(void)
{
        static const struct {
                guint8 first, second_and;
                gsize size;
                guint form;
        } others[] = {
                {0x01, 0xff, 5, 0}, {0x02, 0xff, 5, 0}, {0x80, 0xff, 5, 0},     {0x88, 0xff, 5, 0},
                {0x89, 0xff, 5, 0}, {0x8a, 0xff, 5, 0}, {0xc1, 0xff, 5, 0},     {0x91, 0xff, 5, 0},
                {0x83, 0xff, 5, 0}, {0x81, 0x7f, 5, 0}, {0x81, 0xff, 0, 0},     {0x81, 0xff, 125, 2},
                {0x81, 0xff, 0, 2}, {0x82, 0xff, 5, 8}, {0x82, 0xff, 70000, 8},
        };
        for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
                TbWsFrame out;
                g_autoptr(GByteArray) f = frame(others[i].first, others[i].size, others[i].form);
                f->data[1] &= others[i].second_and;
                g_assert_false(tb_ws_frame_whole(f->data, f->len, &out));
        }
}

/* As GLib says it, but for NULs, wherever in a word the first byte beyond ASCII stands. */
static void test_utf8(void)
{
        static const struct {
                const char *bytes;
                gsize size;
                bool is;
        } texts[] = {
                {"", 0, true},
                {"plain", 5, true},
                {"grün", 5, true},
                {"a NUL \0 in it", 13, true},
                {"\0", 1, true},
                {"\xc3", 1, false},
                {"\xc3\0", 2, false},
                {"\xff", 1, false},
                {"\xed\xa0\x80", 3, false}, /* half of a surrogate pair */
                {"\xc0\x80", 2, false},     /* NUL in two bytes */
                {"\xf0\x9f\x98\x80", 4, true},
        };
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
                for (gsize before = 0; before < 20; before++) {
                        guint8 bytes[40];
                        memset(bytes, 'x', before);
                        memcpy(bytes + before, texts[i].bytes, texts[i].size);
                        g_assert_true(tb_ws_is_utf8(bytes, before + texts[i].size) == texts[i].is);
                }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ws-frame/whole", test_whole);
        g_test_add_func("/ws-frame/others", test_others);
        g_test_add_func("/ws-frame/utf8", test_utf8);
        return g_test_run();
}
