/* The lane against socat. */
#include <signal.h>
#include <string.h>

#include "drivers/transport/transport.h"
#include "tests/contract/lane.h"

#define ECHO (16 * 1024 * 1024) /* more than the sockets of both sides hold */
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool is_lost(const LaneSeen *seen, gpointer data)
{
        return seen->lost && strstr(seen->lost, data);
}

static bool opened_twice(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open && seen->opened >= 2;
}

static TbChild *start_socat(TbIo *io, int *port)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *address = g_strdup_printf("TCP-LISTEN:%d,bind=127.0.0.1,reuseaddr,fork", *port);
        TbChild *socat = tb_child_spawn(ARGV("socat", "-d", "-d", address, "EXEC:cat"), NULL, NULL,
                                        TB_CHILD_STDERR, &error);
        g_assert_no_error(error);
        for (;;) {
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stderr(socat), io, 1000, 10000, &error);
                g_assert_no_error(error);
                const char *at = strstr(line, "listening on");
                if (at) {
                        *port = atoi(strrchr(at, ':') + 1);
                        return socat;
                }
        }
}

static void test_tcp(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        int port = 0;
        TbChild *socat = start_socat(&io, &port);
        g_autofree char *uri = g_strdup_printf("tcp://127.0.0.1:%d", port);
        Lane *lane = lane_start(uri, NULL, "console", "/tmp");
        lane_open_wait(lane, 5000);
        lane_write(lane, "hello board\n");
        lane_wait_text(lane, "hello board\n", 5000);
        lane_echo(lane, ECHO);
        tb_child_free(socat, 0);
        lane_wait(lane, "loss", is_lost, ":", 5000);
        socat = start_socat(&io, &port);
        lane_wait(lane, "reconnection", opened_twice, NULL, 10000);
        lane_write(lane, "again\n");
        lane_wait_text(lane, "again\n", 5000);
        lane_stop(lane, 500);
        tb_child_free(socat, 0);
        tb_io_clear_plain(&io);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/tcp/lane", test_tcp);
        return g_test_run();
}
