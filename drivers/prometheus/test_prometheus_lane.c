/* The lane against Debian's prometheus-node-exporter. */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/transport/transport.h"
#include "lib/limits.h"
#include "tests/contract/lane.h"
#include "tests/contract/sim.h"

#define PATIENCE_MS 20000
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static TbChild *serve(TbIo *io, int port)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *where = g_strdup_printf("--web.listen-address=127.0.0.1:%d", port);
        TbChild *server =
                tb_child_spawn(ARGV("prometheus-node-exporter", where, "--collector.disable-defaults",
                                    "--collector.loadavg", "--collector.cpu", "--collector.meminfo"),
                               NULL, NULL, TB_CHILD_STDERR, &error);
        g_assert_no_error(error);
        for (bool ready = false; !ready;) {
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stderr(server), io, 10000, PATIENCE_MS, &error);
                g_assert_no_error(error);
                ready = strstr(line, "Listening on") || strstr(line, "TLS is disabled");
        }
        return server;
}

static double read_one(const LaneSeen *seen, const char *stream)
{
        const double *value = g_hash_table_lookup(seen->samples, stream);
        return value ? *value : NAN;
}

static void look(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpfloat(read_one(seen, "load"), >=, 0);
        g_assert_cmpfloat(read_one(seen, "memory"), >, 1e6);
        g_assert_cmpfloat(read_one(seen, "cpu"), >=, 0); /* seconds of all processors in a second */
        g_assert_cmpfloat(read_one(seen, "cpu"), <, 1000);
}

static void test_node(void)
{
        TbIo io;
        g_autoptr(GError) error = NULL;
        tb_io_init_plain(&io);
        int port = sim_free_port(SOCK_STREAM);
        TbChild *server = serve(&io, port);
        g_autofree char *uri = g_strdup_printf("prometheus://127.0.0.1:%d", port);
        json_t *params =
                json_loads("{\"streams\":[{\"stream\":\"load\",\"metric\":\"node_load1\"},{\"stream\":"
                           "\"memory\",\"metric\":\"node_memory_MemTotal_bytes\",\"unit\":\"By\"},"
                           "{\"stream\":\"cpu\",\"metric\":\"node_cpu_seconds_total\",\"labels\":{\"mode\":"
                           "\"user\"},\"rate\":true}]}",
                           0, NULL);
        Lane *lane = lane_start(uri, params, NULL, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_true(lane_sample(lane, PATIENCE_MS, &error)); /* the second look: rates are known */
        lane_look(lane, look, NULL);
        lane_stop(lane, 1000);
        lane = lane_start(uri,
                          json_loads("{\"streams\":[{\"stream\":\"a\",\"metric\":\"node_load1\",\"labels\":{"
                                     "\"x\":\"y\"}}]}",
                                     0, NULL),
                          NULL, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_false(lane_sample(lane, PATIENCE_MS, &error));
        g_assert_nonnull(strstr(error->message, "has no node_load1 with these labels"));
        g_clear_error(&error);
        lane_stop(lane, 1000);
        lane = lane_start(
                uri,
                json_loads("{\"path\":\"/nothing\",\"streams\":[{\"stream\":\"a\",\"metric\":\"a\"}]}", 0,
                           NULL),
                NULL, "/tmp");
        lane_wait(lane, "refusal", lane_is_lost, "is no Prometheus target", PATIENCE_MS);
        lane_stop(lane, 1000);
        tb_child_free(server, 0);
        tb_io_clear_plain(&io);
}

/* TB_LIMIT_SCRAPE: what says just so much of itself is read, and one byte more is too much. */
static void test_huge(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        for (int more = 0; more <= 1; more++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *dir = g_dir_make_tmp("tb-prometheus-XXXXXX", NULL),
                                *path = g_build_filename(dir, "metrics", NULL),
                                *text = g_strnfill((gsize)TB_LIMIT_SCRAPE + (gsize)more, '#');
                memcpy(text, "a 5", 3);
                for (gsize i = 3; text[i]; i += MIN(1000, strlen(text + i))) /* comments */
                        text[i] = '\n';
                g_assert_true(g_file_set_contents(path, text, -1, NULL));
                g_autofree char *port = g_strdup_printf("%d", sim_free_port(SOCK_STREAM)),
                                *uri = g_strdup_printf("prometheus://127.0.0.1:%s", port);
                TbChild *server = tb_child_spawn(ARGV("/usr/bin/python3", "-u", "-m", "http.server", "--bind",
                                                      "127.0.0.1", "--directory", dir, port),
                                                 NULL, NULL, TB_CHILD_STDOUT, &error);
                g_assert_no_error(error);
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stdout(server), &io, 1000, PATIENCE_MS, &error);
                g_assert_nonnull(line);
                Lane *lane = lane_start(
                        uri, json_loads("{\"streams\":[{\"stream\":\"a\",\"metric\":\"a\"}]}", 0, NULL), NULL,
                        "/tmp");
                if (more)
                        lane_wait(lane, "refusal", lane_is_lost, "127.0.0.1", PATIENCE_MS);
                else
                        lane_open_wait(lane, PATIENCE_MS);
                lane_stop(lane, 1000);
                tb_child_free(server, 0);
                const char *const argv[] = {"rm", "-rf", dir, NULL};
                g_assert_true(
                        tb_child_run(&io, argv, NULL, 0, 100, PATIENCE_MS, &(int){0}, NULL, NULL, NULL));
        }
        tb_io_clear_plain(&io);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/prometheus-lane/node", test_node);
        g_test_add_func("/prometheus-lane/huge", test_huge);
        return g_test_run();
}
