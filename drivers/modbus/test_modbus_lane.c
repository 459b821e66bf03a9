/* The lanes against Debian's pymodbus (tests/sim/modbus/): TCP, and RTU over socat's pair of ptys. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/transport/transport.h"
#include "tests/contract/plug_rig.h"

#define PATIENCE_MS 20000
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define STREAMS                                                                                              \
        "{\"streams\":[{\"stream\":\"mains\",\"register\":0,\"unit\":\"V\",\"scale\":0.1},{\"stream\":"      \
        "\"power\",\"register\":1,\"type\":\"f32\",\"unit\":\"W\"},"                                         \
        "{\"stream\":\"minus\",\"register\":3,\"type\":\"i16\"},{\"stream\":\"room\",\"register\":0,"        \
        "\"table\":\"input\",\"unit\":\"Cel\",\"scale\":0.1},"                                               \
        "{\"stream\":\"door\",\"register\":1,\"table\":\"discrete\"}],\"interval_ms\":100%s}"

static TbChild *serve(TbIo *io, const char *kind, const char *where)
{
        g_autoptr(GError) error = NULL;
        TbChild *server = tb_child_spawn(ARGV("/usr/bin/python3", "tests/sim/modbus/server.py", kind, where),
                                         NULL, NULL, TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line = tb_transport_read_line(tb_child_stdout(server), io, 100, PATIENCE_MS, &error);
        g_assert_cmpstr(line, ==, "ready");
        return server;
}

static double read_one(const LaneSeen *seen, const char *stream)
{
        const double *value = g_hash_table_lookup(seen->samples, stream);
        return value ? *value : NAN;
}

static void look_values(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpfloat_with_epsilon(read_one(seen, "mains"), 230.5, 1e-9);
        g_assert_cmpfloat_with_epsilon(read_one(seen, "power"), 123.456, 1e-4);
        g_assert_cmpfloat_with_epsilon(read_one(seen, "minus"), -2, 1e-9);
        g_assert_cmpfloat_with_epsilon(read_one(seen, "room"), 21.5, 1e-9);
        g_assert_cmpfloat_with_epsilon(read_one(seen, "door"), 1, 1e-9);
}

/* Opens when the server listens: it says ready a moment before. */
static Lane *attach(const char *uri, const char *text, const char *lane_name)
{
        json_t *params = json_loads(text, 0, NULL);
        g_assert_nonnull(params);
        Lane *lane = lane_start(uri, params, lane_name, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        return lane;
}

static void try_both(const char *uri)
{
        g_autofree char *streams = g_strdup_printf(STREAMS, ""),
                        *both = g_strdup_printf(STREAMS, ",\"coil\":2");
        g_autoptr(GError) error = NULL;
        Lane *lane = attach(uri, both, "device");
        g_assert_true(lane_sample(lane, PATIENCE_MS, &error));
        lane_look(lane, look_values, NULL);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_stop(lane, 1000);
        lane = attach(uri, "{\"coil\":7}", "coil"); /* says ok, and does not switch */
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_stop(lane, 1000);
        lane = attach(uri, "{\"streams\":[{\"stream\":\"a\",\"register\":500}]}", "streams");
        g_assert_false(lane_sample(lane, PATIENCE_MS, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        g_assert_nonnull(strstr(error->message, "holding register 500: it has no such address"));
        g_clear_error(&error);
        lane_stop(lane, 1000);
        lane = attach(uri, "{\"slave\":9,\"timeout_ms\":300,\"streams\":[{\"stream\":\"a\",\"register\":0}]}",
                      "streams"); /* not there */
        g_assert_false(lane_sample(lane, PATIENCE_MS, &error));
        g_assert_nonnull(strstr(error->message, "slave 9"));
        lane_stop(lane, 1000);
}

static void test_tcp(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        g_autofree char *port = g_strdup_printf("%d", sim_free_port(SOCK_STREAM)),
                        *uri = g_strdup_printf("modbus://127.0.0.1:%s", port);
        TbChild *server = serve(&io, "tcp", port);
        try_both(uri);
        g_autofree char *streams = g_strdup_printf(STREAMS, "");
        Lane *lane = attach(uri, streams, "streams");
        tb_child_free(server, 0);
        lane_wait(lane, "loss", lane_is_lost, "127.0.0.1", PATIENCE_MS);
        lane_stop(lane, 1000);
        tb_io_clear_plain(&io);
}

/* Over TCP no speed and no parity are wrong, but the port may be. */
static void test_foreign(void)
{
        Sim sim = sim_start("tests/sim/plugs/plugs-sim.mjs", ARGV("--kind", "gude"));
        g_autofree char *uri = g_strdup_printf("modbus://127.0.0.1:%d?coil=0", sim.port);
        Lane *lane = lane_start(uri, NULL, "coil", "/tmp");
        lane_wait(lane, "the refusal", lane_is_lost, "does Modbus TCP listen at this port", PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

static void test_rtu(void)
{
        TbIo io;
        g_autoptr(GError) error = NULL;
        tb_io_init_plain(&io);
        g_autofree char *dir = g_dir_make_tmp("tb-modbus-XXXXXX", NULL),
                        *mine = g_build_filename(dir, "mine", NULL),
                        *its = g_build_filename(dir, "its", NULL),
                        *a = g_strdup_printf("PTY,raw,echo=0,link=%s", mine),
                        *b = g_strdup_printf("PTY,raw,echo=0,link=%s", its),
                        *uri = g_strdup_printf("modbus://%s", mine);
        TbChild *socat = tb_child_spawn(ARGV("socat", "-d", "-d", a, b), NULL, NULL, TB_CHILD_STDERR, &error);
        g_assert_no_error(error);
        for (bool ready = false; !ready;) {
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stderr(socat), &io, 1000, PATIENCE_MS, &error);
                g_assert_no_error(error);
                ready = strstr(line, "starting data transfer") != NULL;
        }
        TbChild *server = serve(&io, "rtu", its);
        try_both(uri);
        tb_child_free(server, 0);
        tb_child_free(socat, 0);
        g_unlink(mine);
        g_unlink(its);
        g_assert_cmpint(g_rmdir(dir), ==, 0);
        tb_io_clear_plain(&io);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        lane_crowd(); /* the library waits by select() */
        g_test_add_func("/modbus-lane/tcp", test_tcp);
        g_test_add_func("/modbus-lane/foreign", test_foreign);
        g_test_add_func("/modbus-lane/rtu", test_rtu);
        return g_test_run();
}
