/* WebSocket frames of the host's link: read whole, byte by byte, and refused where the rules are broken; what is put is read by
 * wslay, which we did not write. */
#include "host/outward/wire.h"

#include <string.h>
#include <wslay/wslay.h>

/* A server's frame: not masked. */
static void frame(GByteArray *out, guint8 first, const char *payload, gsize size)
{
        gsize more = size < 126 ? 0 : size < 65536 ? 2 : 8;
        guint8 head[10] = {first, (guint8)(more == 0 ? size : more == 2 ? 126 : 127)};
        for (gsize i = 0; i < more; i++)
                head[2 + i] = (guint8)((guint64)size >> 8 * (more - 1 - i));
        g_byte_array_append(out, head, 2 + (guint)more);
        g_byte_array_append(out, (const guint8 *)payload, (guint)size);
}

/* Everything that came, as "kind:text;" */
static char *told(const GByteArray *bytes, gsize piece, gsize max, int *ret_code)
{
        TbWire wire;
        GString *out = g_string_new(NULL);
        tb_wire_init(&wire, max);
        for (gsize at = 0, have = 0; at < bytes->len && !*ret_code;) {
                TbWireFrame f;
                gssize n = tb_wire_take(&wire, bytes->data + at, have, &f);
                g_assert_cmpint(n, <=, (gssize)have);
                if (n < 0) {
                        *ret_code = f.code;
                } else if (n > 0) {
                        g_string_append_printf(out, "%d:%.*s;", f.kind, (int)MIN(f.size, 20),
                                               (const char *)f.bytes);
                        at += (gsize)n;
                        have -= (gsize)n;
                } else if (at + have == bytes->len) {
                        break;
                } else {
                        have = MIN(have + piece, bytes->len - at);
                }
        }
        tb_wire_clear(&wire);
        return g_string_free(out, FALSE);
}

/* However it comes: messages in one frame and in several, with control frames in between, empty ones, large ones. */
static void test_take(void)
{
        g_autofree char *large = g_strnfill(70000, 'x'), *middle = g_strnfill(126, 'm');
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        frame(bytes, 0x81, "hello", 5);
        frame(bytes, 0x82, "", 0);
        frame(bytes, 0x01, "one ", 4);
        frame(bytes, 0x89, "ping", 4);
        frame(bytes, 0x00, "", 0);
        frame(bytes, 0x80, "two", 3);
        frame(bytes, 0x82, middle, 126);
        frame(bytes, 0x81, large, 70000);
        frame(bytes, 0x8a, "pong", 4);
        frame(bytes, 0x88,
              "\x03\xe9"
              "bye",
              5);
        for (gsize piece = 1; piece < 80000; piece = piece < 9 ? piece + 1 : piece * 7) {
                int code = 0;
                g_autofree char *text = told(bytes, piece, 70000, &code);
                g_assert_cmpint(code, ==, 0);
                g_assert_cmpstr(text, ==,
                                "1:hello;2:;0:one ;9:ping;0:;1:one two;2:mmmmmmmmmmmmmmmmmmmm;"
                                "1:xxxxxxxxxxxxxxxxxxxx;10:pong;8:bye;");
        }
}

/* A message is as large as it may be, in one part or several; one byte more is refused before it has come. */
static void test_max(void)
{
        for (guint beyond = 0; beyond <= 1; beyond++)
                for (guint parts = 1; parts <= 2; parts++) {
                        int code = 0;
                        g_autoptr(GByteArray) bytes = g_byte_array_new();
                        if (parts == 2)
                                frame(bytes, 0x02, "ab", 2);
                        frame(bytes, parts == 2 ? 0x80 : 0x82, "abcdefghijk", 10 + beyond - 2 * (parts - 1));
                        if (beyond) /* the head alone */
                                g_byte_array_set_size(bytes, parts == 2 ? 6 : 2);
                        g_autofree char *text = told(bytes, 1, 10, &code);
                        g_assert_cmpint(code, ==, beyond ? 1009 : 0);
                }
}

/* What no server may send. */
static void test_refused(void)
{
        static const struct {
                const char *bytes;
                gsize size;
                int code;
        } bad[] = {
                {"\x81\x81"
                 "abcd"
                 "x",
                 7, 1002},              /* masked */
                {"\xc1\x01x", 3, 1002}, /* a reserved bit */
                {"\x83\x01x", 3, 1002}, /* no such frame */
                {"\x8b\x01x", 3, 1002},
                {"\x80\x01x", 3, 1002},          /* goes on with nothing */
                {"\x01\x01x\x81\x01y", 6, 1002}, /* begins in the middle of another */
                {"\x09\x01x", 3, 1002},          /* a ping in parts */
                {"\x89\x7e\x00\x7e", 4, 1002},   /* a ping that is too long */
                {"\x81\x7e\x00\x05", 4, 1002},   /* not the shortest form */
                {"\x81\x7f\0\0\0\0\0\0\xff\xff", 10, 1002},
                {"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10, 1002}, /* no such number */
                {"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 1009},
                {"\x81\x02\xc3\x28", 4, 1007}, /* no UTF-8 */
                {"\x01\x01\xc3\x80\x01\x28", 6, 1007},
                {"\x88\x01\x03", 3, 1002},     /* half a code */
                {"\x88\x02\x03\xed", 4, 1002}, /* 1005 is never sent */
                {"\x88\x03\x03\xe8\xff", 5, 1007},
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                int code = 0;
                g_autoptr(GByteArray) bytes = g_byte_array_new();
                g_byte_array_append(bytes, (const guint8 *)bad[i].bytes, (guint)bad[i].size);
                g_autofree char *text = told(bytes, 1, 1000, &code);
                g_assert_cmpint(code, ==, bad[i].code);
        }
}

static ssize_t on_recv(uint8_t *buf, size_t size, int flags G_GNUC_UNUSED, void *data)
{
        GByteArray *bytes = data;
        gsize n = MIN(size, bytes->len);
        memcpy(buf, bytes->data, n);
        g_byte_array_remove_range(bytes, 0, (guint)n);
        return n ? (ssize_t)n : -1;
}

/* wslay reads what we put; no two masks are the same. */
static void test_put(void)
{
        static const gsize sizes[] = {0, 1, 125, 126, 65535, 65536, 70001};
        const struct wslay_frame_callbacks callbacks = {.recv_callback = on_recv};
        TbWire wire;
        g_autoptr(GByteArray) line = g_byte_array_new();
        g_autoptr(GHashTable) masks = g_hash_table_new(NULL, NULL);
        tb_wire_init(&wire, 1);
        wslay_frame_context_ptr frames;
        g_assert_cmpint(wslay_frame_context_init(&frames, &callbacks, line), ==, 0);
        for (guint i = 0; i < 140; i++) { /* more than one helping of randomness */
                gsize size = sizes[i % G_N_ELEMENTS(sizes)];
                g_autofree char *payload = g_strnfill(size, (char)('a' + i % 26));
                guint32 mask;
                tb_wire_put(&wire, line, i % 2 ? TB_WIRE_TEXT : TB_WIRE_BINARY, payload, size);
                memcpy(&mask, line->data + (size < 126 ? 2 : size < 65536 ? 4 : 10), 4);
                g_assert_true(g_hash_table_add(masks, GUINT_TO_POINTER(mask)));
                gsize got = 0;
                do {
                        struct wslay_frame_iocb f = {0};
                        ssize_t n = wslay_frame_recv(frames, &f);
                        g_assert_cmpint(n, >=, 0);
                        g_assert_true(f.mask && f.fin && f.opcode == (i % 2 ? 1 : 2) &&
                                      f.payload_length == size);
                        g_assert_cmpint(memcmp(f.data, payload + got, (gsize)n), ==, 0);
                        got += (gsize)n;
                } while (got < size);
                g_assert_cmpuint(line->len, ==, 0);
        }
        wslay_frame_context_free(frames);
        tb_wire_clear(&wire);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/take", test_take);
        g_test_add_func("/wire/max", test_max);
        g_test_add_func("/wire/refused", test_refused);
        g_test_add_func("/wire/put", test_put);
        return g_test_run();
}
