/* Frames of the host's link: at once, byte by byte, split anywhere, and what is refused. */
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/proto/link_frame.h"

typedef struct Bytes {
        guint8 bytes[3 * (TB_LINK_FRAME_HEADER + TB_LIMIT_LINK_HEAD)];
        gsize size;
} Bytes;

static void add(Bytes *b, TbLinkFrameType type, bool end, guint32 stream, const void *payload, gsize size)
{
        tb_link_frame_header(b->bytes + b->size, type, end, stream, size);
        if (payload)
                memcpy(b->bytes + b->size + TB_LINK_FRAME_HEADER, payload, size);
        b->size += TB_LINK_FRAME_HEADER + size;
}

static void check_three(const Bytes *b, gsize split)
{
        static const TbLinkFrameType types[] = {TB_LINK_HEAD, TB_LINK_DATA, TB_LINK_CREDIT};
        gsize at = 0, have = split, n = 0;
        while (n < G_N_ELEMENTS(types)) {
                TbLinkFrame f;
                gssize took = tb_link_frame_parse(b->bytes + at, have - at, &f, NULL);
                g_assert_cmpint(took, >=, 0);
                if (took == 0) {
                        g_assert_cmpuint(have, <, b->size);
                        have = split == 0 ? have + 1 : b->size;
                        continue;
                }
                g_assert_cmpint(f.type, ==, types[n]);
                g_assert_cmpuint(f.stream, ==, 7 + n);
                if (n == 0)
                        g_assert_cmpmem(f.payload, f.size, "{\"a\":1}", 7);
                if (n == 1)
                        g_assert_true(f.end && f.size == 3);
                if (n == 2)
                        g_assert_cmpuint(f.credit, ==, 0x01020304);
                at += (gsize)took;
                n++;
        }
        g_assert_cmpuint(at, ==, b->size);
}

static void test_split(void)
{
        Bytes b = {.size = 0};
        add(&b, TB_LINK_HEAD, false, 7, "{\"a\":1}", 7);
        add(&b, TB_LINK_DATA, true, 8, "abc", 3);
        add(&b, TB_LINK_CREDIT, false, 9, (const guint8[]){1, 2, 3, 4}, 4);
        check_three(&b, b.size);
        check_three(&b, 0); /* byte by byte */
        for (gsize i = 1; i < b.size; i++)
                check_three(&b, i);
}

static int parse(const Bytes *b)
{
        TbLinkFrame f;
        g_autoptr(GError) error = NULL;
        gssize n = tb_link_frame_parse(b->bytes, b->size, &f, &error);
        g_assert_true((n < 0) == (error != NULL));
        return n < 0 ? -1 : n == 0 ? 0 : 1;
}

static int one(TbLinkFrameType type, bool end, guint32 stream, const void *payload, gsize size)
{
        Bytes b = {.size = 0};
        add(&b, type, end, stream, payload, size);
        return parse(&b);
}

static void test_limits(void)
{
        g_autofree guint8 *big = g_malloc0(TB_LIMIT_LINK_HEAD + 1);
        memset(big, 'x', TB_LIMIT_LINK_HEAD + 1);
        g_assert_cmpint(one(TB_LINK_HEAD, false, 1, big, TB_LIMIT_LINK_HEAD), ==, 1);
        g_assert_cmpint(one(TB_LINK_HEAD, false, 1, big, TB_LIMIT_LINK_HEAD + 1), ==, -1);
        g_assert_cmpint(one(TB_LINK_HEAD, false, 1, big, 1), ==, -1);
        g_assert_cmpint(one(TB_LINK_DATA, false, 1, big, TB_LIMIT_LINK_CHUNK), ==, 1);
        g_assert_cmpint(one(TB_LINK_DATA, false, 1, big, TB_LIMIT_LINK_CHUNK + 1), ==, -1);
        g_assert_cmpint(one(TB_LINK_DATA, false, 1, NULL, 0), ==, -1);
        g_assert_cmpint(one(TB_LINK_DATA, true, 1, NULL, 0), ==, 1);
        g_assert_cmpint(one(TB_LINK_RESET, false, 1, big, TB_LIMIT_LINK_REASON), ==, 1);
        g_assert_cmpint(one(TB_LINK_RESET, false, 1, big, TB_LIMIT_LINK_REASON + 1), ==, -1);
        g_assert_cmpint(one(TB_LINK_RESET, false, 1, "\xff", 1), ==, -1);
        g_assert_cmpint(one(TB_LINK_DATA, true, 0, NULL, 0), ==, -1);
        g_assert_cmpint(one(TB_LINK_DATA, true, TB_LINK_STREAM_MAX, NULL, 0), ==, 1);
        g_assert_cmpint(one(TB_LINK_DATA, true, (guint32)TB_LINK_STREAM_MAX + 1, NULL, 0), ==, -1);
}

static void test_violations(void)
{
        static const guint8 none[4] = {0}, most[4] = {0x7f, 0xff, 0xff, 0xff}, negative[4] = {0x80, 0, 0, 0};
        g_assert_cmpint(one(TB_LINK_CREDIT, false, 1, none, 4), ==, -1);
        g_assert_cmpint(one(TB_LINK_CREDIT, false, 1, most, 4), ==, 1);
        g_assert_cmpint(one(TB_LINK_CREDIT, false, 1, negative, 4), ==, -1);
        g_assert_cmpint(one(TB_LINK_CREDIT, true, 1, most, 4), ==, -1);
        g_assert_cmpint(one(TB_LINK_CREDIT, false, 1, most, 3), ==, -1);
        g_assert_cmpint(one((TbLinkFrameType)0x14, false, 1, most, 4), ==, -1);
        g_assert_cmpint(one((TbLinkFrameType)0x01, false, 1, most, 4), ==, -1);
        Bytes flags = {.size = 0};
        add(&flags, TB_LINK_DATA, true, 1, "x", 1);
        flags.bytes[1] = 3;
        g_assert_cmpint(parse(&flags), ==, -1);
        g_assert_true(tb_link_frame_begins(flags.bytes, flags.size));
        g_assert_false(tb_link_frame_begins((const guint8 *)"\1", 1));
        g_assert_false(tb_link_frame_begins(flags.bytes, 0));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-frame/split", test_split);
        g_test_add_func("/link-frame/limits", test_limits);
        g_test_add_func("/link-frame/violations", test_violations);
        return g_test_run();
}
