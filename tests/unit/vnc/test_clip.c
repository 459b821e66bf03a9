/* The clipboard of VNC viewers, pure: what is deflated, Latin-1, lengths. The conversation is in host-input.test.mjs. */
#include <string.h>
#include <zlib.h>

#include "host/vnc/clip.h"
#include "lib/limits.h"

static GByteArray *deflated(const char *text, gsize size, int flush)
{
        guint8 out[4096],
                head[4] = {(guint8)(size >> 24), (guint8)(size >> 16), (guint8)(size >> 8), (guint8)size};
        z_stream z = {0};
        g_assert_cmpint(deflateInit(&z, 9), ==, Z_OK);
        GByteArray *all = g_byte_array_new();
        const struct {
                const void *bytes;
                gsize n;
        } parts[] = {{head, 4}, {text, size}};
        for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
                z.next_in = (Bytef *)(gpointer)parts[i].bytes;
                z.avail_in = (uInt)parts[i].n;
                do {
                        z.next_out = out;
                        z.avail_out = sizeof out;
                        deflate(&z, i == 1 ? flush : Z_NO_FLUSH);
                        g_byte_array_append(all, out, (guint)(sizeof out - z.avail_out));
                } while (z.avail_out == 0);
        }
        deflateEnd(&z);
        return all;
}

/* Complete as libraries make it in one call, flushed as TigerVNC sends it; cut off anywhere it is none. */
static void test_inflate(void)
{
        const int ways[] = {Z_FINISH, Z_SYNC_FLUSH};
        for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
                g_autoptr(GByteArray) all = deflated("gr\303\274\303\237e", 8, ways[i]);
                g_autofree char *text = tb_vnc_clip_inflate(all->data, all->len);
                g_assert_cmpstr(text, ==, "gr\303\274\303\237e");
                for (guint n = 0; n + 8 < all->len; n++)
                        g_assert_null(tb_vnc_clip_inflate(all->data, n));
        }
        const struct {
                const char *text;
                gsize size;
        } bad[] = {{"\377", 2}, {"", 0}};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GByteArray) all = deflated(bad[i].text, bad[i].size, Z_FINISH);
                g_assert_null(tb_vnc_clip_inflate(all->data, all->len));
        }
}

static void test_longest(void)
{
        for (guint more = 0; more < 2; more++) {
                g_autofree char *text = g_strnfill(TB_LIMIT_CLIPBOARD + more, 'x');
                g_autoptr(GByteArray) all = deflated(text, TB_LIMIT_CLIPBOARD + more + 1, Z_FINISH);
                g_autofree char *got = tb_vnc_clip_inflate(all->data, all->len);
                g_assert_cmpint(got != NULL, ==, more == 0);
        }
}

static void test_there_and_back(void)
{
        g_autoptr(GByteArray) all = tb_vnc_clip_deflate("a\n\344\270\255");
        g_autofree char *text = tb_vnc_clip_inflate(all->data, all->len);
        g_assert_cmpstr(text, ==, "a\r\n\344\270\255");
        g_autoptr(GByteArray) latin1 = tb_vnc_clip_latin1("\303\251\342\202\254");
        g_assert_cmpmem(latin1->data, latin1->len, "\351?", 2);
        g_autofree char *back = tb_vnc_clip_of_latin1((const guint8 *)"\351\0x", 3);
        g_assert_cmpstr(back, ==, "\303\251");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/clip/inflate", test_inflate);
        g_test_add_func("/vnc/clip/longest", test_longest);
        g_test_add_func("/vnc/clip/there-and-back", test_there_and_back);
        return g_test_run();
}
