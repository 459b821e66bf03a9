/* The WebSocket of the host's link: turns, back-pressure, what is said at once, and ends. The other side is a bare socket. */
#include "host/outward/socket.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/limits.h"
#include "lib/thread.h"

typedef struct Rig {
        TbOutSocket *socket;
        int peer;
        guint messages, ends;
        GString *text;
        char *why;
        bool hold_each, free_at_end, free_at_message;
} Rig;

static void on_message(bool binary G_GNUC_UNUSED, const guint8 *bytes, gsize size, gpointer data)
{
        Rig *rig = data;
        rig->messages++;
        g_string_append_len(rig->text, (const char *)bytes, (gssize)MIN(size, 16));
        if (rig->hold_each)
                tb_out_socket_hold(rig->socket, true);
        if (rig->free_at_message)
                g_clear_pointer(&rig->socket, tb_out_socket_free);
}

static void on_closed(const char *reason, gpointer data)
{
        Rig *rig = data;
        rig->ends++;
        g_free(rig->why);
        rig->why = g_strdup(reason);
        if (rig->free_at_end)
                g_clear_pointer(&rig->socket, tb_out_socket_free);
}

static void rig_open(Rig *rig)
{
        static const TbOutSocketOps ops = {.message = on_message, .closed = on_closed};
        int ends[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
        g_autoptr(GSocket) own = g_socket_new_from_fd(ends[0], NULL);
        g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(own);
        *rig = (Rig){.peer = ends[1], .text = g_string_new(NULL)};
        rig->socket = tb_out_socket_new(G_IO_STREAM(stream), 100000, &ops, rig);
}

static void rig_close(Rig *rig)
{
        tb_out_socket_free(rig->socket);
        if (rig->peer >= 0)
                close(rig->peer);
        g_string_free(rig->text, TRUE);
        g_free(rig->why);
}

static void rounds(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static void say(const Rig *rig, const void *bytes, gsize size)
{
        g_assert_cmpint(send(rig->peer, bytes, size, 0), ==, (gssize)size);
}

/* In a round of the loop at most TB_LIMIT_LINK_TURN_FRAMES messages; all of them come, in their order. */
static void test_turn(void)
{
        Rig rig;
        rig_open(&rig);
        const guint count = 3 * TB_LIMIT_LINK_TURN_FRAMES + 1;
        for (guint i = 0; i < count; i++)
                say(&rig, "\x81\x01x", 3);
        while (rig.messages < count) {
                guint before = rig.messages;
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(rig.messages - before, <=, TB_LIMIT_LINK_TURN_FRAMES);
        }
        g_assert_cmpuint(rig.text->len, ==, count);
        rig_close(&rig);
}

/* TB_LIMIT_LINK_TURN_IN bytes are read in a round; the rest stays in the kernel. */
static void test_bytes(void)
{
        for (guint beyond = 0; beyond <= 1; beyond++) {
                Rig rig;
                rig_open(&rig);
                const gsize size = TB_LIMIT_LINK_TURN_IN + beyond;
                g_autofree guint8 *bytes = g_malloc0(size);
                bytes[0] = 0x82; /* one message, with its head: as long as a turn, or one more */
                bytes[1] = 126;
                bytes[2] = (guint8)((size - 4) >> 8);
                bytes[3] = (guint8)(size - 4);
                say(&rig, bytes, size);
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(rig.messages, ==, beyond ? 0 : 1);
                rounds();
                g_assert_cmpuint(rig.messages, ==, 1);
                rig_close(&rig);
        }
}

/* While it is held nothing is told, also of what was read already, and the peer has to wait. */
static void test_hold(void)
{
        Rig rig;
        rig_open(&rig);
        rig.hold_each = true;
        for (guint i = 0; i < 3; i++)
                say(&rig, "\x81\x01x", 3);
        rounds();
        g_assert_cmpuint(rig.messages, ==, 1);
        g_autofree guint8 *zeros = g_malloc0(64 * 1024);
        gsize most = 0;
        for (gssize n; (n = send(rig.peer, zeros, 64 * 1024, 0)) > 0; rounds())
                g_assert_cmpuint(most += (gsize)n, <, 16 * 1024 * 1024);
        g_assert_cmpuint(rig.messages, ==, 1);
        tb_out_socket_hold(rig.socket, false);
        rounds();
        g_assert_cmpuint(rig.messages, ==, 2);
        rig_close(&rig);
}

/* What is said in one round goes out by one write. */
static void test_gathered(void)
{
        int ends[2];
        Rig rig;
        char got[256];
        static const TbOutSocketOps ops = {.message = on_message, .closed = on_closed};
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
        g_autoptr(GSocket) own = g_socket_new_from_fd(ends[0], NULL);
        g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(own);
        rig = (Rig){.peer = ends[1], .text = g_string_new(NULL)};
        rig.socket = tb_out_socket_new(G_IO_STREAM(stream), 1000, &ops, &rig);
        for (guint i = 0; i < 5; i++)
                tb_out_socket_send(rig.socket, i % 2, "12345", 5);
        g_assert_cmpint(recv(rig.peer, got, sizeof got, 0), <, 0);
        rounds();
        g_assert_cmpint(recv(rig.peer, got, sizeof got, 0), ==, 5 * (2 + 4 + 5));
        rig_close(&rig);
}

/* A peer that does not read: all of it waits, and comes when he reads again. Pings are answered once, the last of them. */
static void test_slow_peer(void)
{
        Rig rig;
        rig_open(&rig);
        g_autofree char *bytes = g_malloc0(100000), *got = g_malloc(100000);
        for (guint i = 0; i < 40; i++)
                tb_out_socket_send(rig.socket, true, bytes, 100000);
        rounds();
        gsize queued = tb_out_socket_queued(rig.socket);
        g_assert_cmpuint(queued, >, 1000000);
        for (char ping[] = "\x89\x01"
                           "a";
             ping[2] <= 'z'; ping[2]++)
                say(&rig, ping, 3);
        rounds();
        g_assert_cmpuint(tb_out_socket_queued(rig.socket), ==, queued + 7); /* one pong waits there */
        gsize all = 0;
        for (gssize n; (n = recv(rig.peer, got, 100000, 0)) > 0; rounds())
                all += (gsize)n;
        g_assert_cmpuint(all, ==, 40 * (100000 + 14) + 2 * 7);
        g_assert_cmpuint(tb_out_socket_queued(rig.socket), ==, 0);
        rig_close(&rig);
}

/* Each way to end: said once, in words; its owner may free it there. */
static void test_ends(void)
{
        static const struct {
                const char *bytes;
                gsize size;
                const char *why;
        } ends[] = {
                {"", 0, "the connection ended"},
                {"\x88\x00", 2, "the connection ended"},
                {"\x88\x02\x03\xe9", 4, "closed by the server (1001)"},
                {"\x88\x05\x03\xf0"
                 "off",
                 7, "closed by the server: off (1008)"},
                {"\x81\x81"
                 "abcdx",
                 7, "what came is no WebSocket of a server"},
                {"\x82\x7f\x00\x00\x00\x00\x00\x01\x86\xa1", 10,
                 "a message of the server is larger than it may be"},
        };
        for (guint i = 0; i < 2 * G_N_ELEMENTS(ends); i++) {
                Rig rig;
                rig_open(&rig);
                rig.free_at_end = i % 2;
                say(&rig, ends[i / 2].bytes, ends[i / 2].size);
                if (ends[i / 2].size == 0) {
                        close(rig.peer);
                        rig.peer = -1;
                }
                rounds();
                g_assert_cmpuint(rig.ends, ==, 1);
                g_assert_cmpstr(rig.why, ==, ends[i / 2].why);
                rig_close(&rig);
        }
}

/* Freed by who was told a message, with others behind it; freed with a goodbye. */
static void test_free(void)
{
        Rig rig;
        char got[64];
        rig_open(&rig);
        rig.free_at_message = true;
        say(&rig, "\x81\x01x\x81\x01y", 6);
        rounds();
        g_assert_cmpuint(rig.messages, ==, 1);
        g_assert_cmpuint(rig.ends, ==, 0);
        g_assert_cmpint(recv(rig.peer, got, sizeof got, 0), ==, 8);
        g_assert_cmpint(got[0], ==, (char)0x88);
        g_assert_cmpint((guint8)(got[6] ^ got[2]) << 8 | (guint8)(got[7] ^ got[3]), ==, 1001);
        rig_close(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/socket/turn", test_turn);
        g_test_add_func("/socket/bytes", test_bytes);
        g_test_add_func("/socket/hold", test_hold);
        g_test_add_func("/socket/gathered", test_gathered);
        g_test_add_func("/socket/slow-peer", test_slow_peer);
        g_test_add_func("/socket/ends", test_ends);
        g_test_add_func("/socket/free", test_free);
        return g_test_run();
}
