/* What a raw port sends to a client that reads as fast as it is sent to: a turn's worth, then it is everybody else's turn. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/core/private.h"
#include "host/netserial/client.h"
#include "lib/limits.h"
#include "tests/unit/clock.h"
#include "tests/unit/core/fake.h"

static int client_fd = -1;
static gsize sent;
static bool stands; /* the client does not read */
static guint ends_told;
static bool may_end;

/* Instead of libc's: the client's socket takes all. */
ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
        if (fd != client_fd)
                return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
        if (stands) {
                errno = EAGAIN;
                return -1;
        }
        sent += size;
        return (ssize_t)size;
}

static void ended(TbSerialClient *client G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(may_end);
        ends_told++;
}

static gsize turn(void)
{
        gsize before = sent;
        g_main_context_iteration(NULL, FALSE);
        return sent - before;
}

/* TB_LIMIT_NETSERIAL_TURN bytes are one turn; a byte more comes with the next. */
static void test_turn(void)
{
        Bench b;
        int ends[2];
        g_autoptr(GError) error = NULL;
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        TbInterface *iface = tb_core_interface(b.core, "dut", "console", NULL);
        g_assert_true(tb_history_flush(iface->history, 60000));
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
        client_fd = ends[0];
        TbSerialClient *client = tb_serial_client_new(
                &(TbSerialClientOptions){
                        .core = b.core, .iface = iface, .fd = ends[0], .peer = "192.0.2.1", .ended = ended},
                &error);
        g_assert_no_error(error);
        for (guint i = 0; i < 50; i++)
                turn();
        g_assert_cmpuint(sent, ==, 0);
        g_autofree char *bytes = g_strnfill(2 * TB_LIMIT_NETSERIAL_TURN + 1, 'x');
        for (gsize size = TB_LIMIT_NETSERIAL_TURN; size <= 2 * TB_LIMIT_NETSERIAL_TURN + 1;
             size += size == TB_LIMIT_NETSERIAL_TURN ? 1 : TB_LIMIT_NETSERIAL_TURN) {
                sent = 0;
                tb_history_append(iface->history, bytes, size);
                tb_interface_grew(iface);
                g_assert_cmpuint(sent, ==, TB_LIMIT_NETSERIAL_TURN);
                for (gsize left = size - sent; left > 0;) {
                        gsize n = turn();
                        g_assert_cmpuint(n, <=, TB_LIMIT_NETSERIAL_TURN);
                        left -= n;
                }
                for (guint i = 0; i < 50; i++)
                        g_assert_cmpuint(turn(), ==, 0);
        }
        client_fd = -1;
        tb_serial_client_free(client);
        close(ends[1]);
        bench_stop(&b, false);
}

/* Who closes his side is sent what he is owed before he is let go; for TB_LIMIT_NETSERIAL_LAST_MS, if he does not read. */
static void test_last_words(void)
{
        for (guint reads = 0; reads < 2; reads++) {
                Bench b;
                int ends[2];
                static const char asks[] =
                        "\377\375\030"; /* IAC DO TERMINAL-TYPE: refused by as many bytes */
                bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
                TbInterface *iface = tb_core_interface(b.core, "dut", "console", NULL);
                g_assert_true(tb_history_flush(iface->history, 60000));
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==,
                                0);
                client_fd = ends[0];
                stands = true;
                may_end = false;
                sent = ends_told = 0;
                test_clock.held_from_ms = TB_LIMIT_NETSERIAL_LAST_MS;
                TbSerialClient *client = tb_serial_client_new(&(TbSerialClientOptions){.core = b.core,
                                                                                       .iface = iface,
                                                                                       .fd = ends[0],
                                                                                       .peer = "192.0.2.1",
                                                                                       .rfc2217 = true,
                                                                                       .ended = ended},
                                                              NULL);
                g_assert_nonnull(client);
                for (guint i = 0; i < 100; i++)
                        g_assert_cmpint(write(ends[1], asks, 3), ==, 3);
                g_assert_cmpint(shutdown(ends[1], SHUT_WR), ==, 0);
                for (guint i = 0; i < 200; i++)
                        turn();
                g_assert_cmpuint(clock_last_ms(), ==, TB_LIMIT_NETSERIAL_LAST_MS);
                may_end = true;
                if (reads) {
                        stands = false;
                        while (ends_told == 0)
                                g_main_context_iteration(NULL, TRUE);
                        g_assert_cmpuint(sent, ==, 12 + 3 * 100); /* four offers, and every answer */
                        g_assert_false(clock_fire(TB_LIMIT_NETSERIAL_LAST_MS));
                } else {
                        g_assert_true(clock_fire(TB_LIMIT_NETSERIAL_LAST_MS));
                        while (ends_told == 0)
                                g_main_context_iteration(NULL, TRUE);
                        g_assert_cmpuint(sent, ==, 0);
                }
                test_clock.held_from_ms = 0;
                client_fd = -1;
                tb_serial_client_free(client);
                close(ends[1]);
                bench_stop(&b, false);
        }
}

/* Who closed, and whose bytes the device does not take: they wait for TB_LIMIT_WRITE_KEPT_MS; then it is said. */
static void test_kept(void)
{
        Bench b;
        int ends[2];
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        TbInterface *iface = tb_core_interface(b.core, "dut", "console", NULL);
        g_assert_true(tb_history_flush(iface->history, 60000));
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
        g_atomic_int_set(&fake.takes, -1);
        may_end = false;
        ends_told = 0;
        clock_stop(0);
        TbSerialClient *client = tb_serial_client_new(
                &(TbSerialClientOptions){
                        .core = b.core, .iface = iface, .fd = ends[0], .peer = "192.0.2.1", .ended = ended},
                NULL);
        g_assert_nonnull(client);
        g_assert_cmpint(write(ends[1], "\rlast words\r", 12), ==, 12);
        g_assert_cmpint(shutdown(ends[1], SHUT_WR), ==, 0);
        for (gint64 ms = 0; ms < TB_LIMIT_WRITE_KEPT_MS; ms += TB_LIMIT_WRITE_STALL_MS) {
                for (int until = g_atomic_int_get(&fake.writes) + 3; g_atomic_int_get(&fake.writes) < until;)
                        g_main_context_iteration(NULL, FALSE);
                g_assert_cmpuint(ends_told, ==, 0);
                may_end = ms + TB_LIMIT_WRITE_STALL_MS >= TB_LIMIT_WRITE_KEPT_MS;
                clock_advance(TB_LIMIT_WRITE_STALL_MS * G_TIME_SPAN_MILLISECOND);
        }
        while (ends_told == 0)
                g_main_context_iteration(NULL, TRUE);
        clock_go();
        g_atomic_int_set(&fake.takes, 0);
        tb_serial_client_free(client);
        close(ends[1]);
        bench_stop(&b, false);
}

/* NOTIFY-LINESTATE: to who asked for it, by its mask. */
static void test_line_state(void)
{
        Bench b;
        int ends[2];
        static const char asks[] =
                "\377\373\054\377\372\054\012\020\377\360"; /* WILL 44, SET-LINESTATE-MASK 16 */
        json_auto_t *framing = json_pack("{s:i}", "framing", 1), *brk = json_pack("{s:i}", "break", 1);
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        TbInterface *iface = tb_core_interface(b.core, "dut", "console", NULL);
        g_assert_true(tb_history_flush(iface->history, 60000));
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
        client_fd = ends[0];
        TbSerialClient *client = tb_serial_client_new(&(TbSerialClientOptions){.core = b.core,
                                                                               .iface = iface,
                                                                               .fd = ends[0],
                                                                               .peer = "192.0.2.1",
                                                                               .rfc2217 = true,
                                                                               .ended = ended},
                                                      NULL);
        g_assert_nonnull(client);
        sent = 0;
        tb_serial_client_line(client, brk);
        g_assert_cmpuint(sent, ==, 0); /* nobody asked */
        g_assert_cmpint(write(ends[1], asks, sizeof asks - 1), ==, sizeof asks - 1);
        while (sent < 3 + 7 + 7) /* DO 44, NOTIFY-MODEMSTATE, the mask's answer */
                turn();
        sent = 0;
        tb_serial_client_line(client, framing);
        g_assert_cmpuint(sent, ==, 0);
        tb_serial_client_line(client, brk);
        g_assert_cmpuint(sent, ==, 7);
        /* one that does not read is told the latest of each, once, and costs nothing meanwhile */
        stands = true;
        sent = 0;
        for (guint i = 0; i < 10000; i++) {
                json_auto_t *lines = json_pack("{s:b}", "cts", i % 2);
                tb_serial_client_line(client, brk);
                tb_serial_client_modem(client, lines);
        }
        stands = false;
        for (guint i = 0; i < 50; i++)
                turn();
        g_assert_cmpuint(sent, <=, 3 * 7); /* the one that stood in the socket, and the two that waited */
        client_fd = -1;
        tb_serial_client_free(client);
        close(ends[1]);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/netserial/turn", test_turn);
        g_test_add_func("/netserial/last-words", test_last_words);
        g_test_add_func("/netserial/kept", test_kept);
        g_test_add_func("/netserial/line-state", test_line_state);
        return g_test_run();
}
