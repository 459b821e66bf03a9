/* tcp against socat, exec against coreutils, vitals against this machine, testpattern against its own reader.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "drivers/testpattern/pattern.h"
#include "drivers/transport/transport.h"
#include "lib/clock.h"
#include "tests/contract/lane.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool is_lost(const LaneSeen *seen, gpointer data)
{
        return seen->lost && strstr(seen->lost, data);
}

static bool opened_twice(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open && seen->opened >= 2;
}

/* --- tcp --- */
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

/* --- exec --- */
static Lane *start_exec(const char *json, const char *lane)
{
        return lane_start("exec://", json_loads(json, 0, NULL), lane, "/tmp");
}

static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->set(self, io, *(const bool *)data, error);
}

static void test_exec_power(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbe-XXXXXX", NULL),
                        *file = g_build_filename(dir, "a b;c", NULL);
        /* a name with a blank and a semicolon: no shell sees it */
        g_autofree char *json = g_strdup_printf(
                "{\"power_on\":[\"cp\",\"/proc/self/comm\",\"%s\"],\"power_off\":[\"rm\",\"%s\"],"
                "\"power_get\":[\"sh\",\"-c\",\"test -e \\\"$0\\\" && echo on || echo off\",\"%s\"]}",
                file, file, file);
        Lane *lane = start_exec(json, "power");
        lane_open_wait(lane, 5000);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        const bool off = false;
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(lane, call_set, &off, 5000, &error)); /* rm fails: it is gone */
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        g_assert_nonnull(strstr(error->message, "exit code 1"));
        lane_stop(lane, 500);
        g_rmdir(dir);
}

static bool call_sample(TbInstance *self, TbIo *io, gpointer data G_GNUC_UNUSED, GError **error)
{
        return self->lane->sensors->sample(self, io, error);
}

static bool has_sample(const LaneSeen *seen, gpointer data)
{
        return g_hash_table_contains(seen->samples, data);
}

static void test_exec_sensors(void)
{
        Lane *lane = start_exec("{\"sensors\":[\"printf\",\"temp 21.5 Cel\\\\nrpm 900\\\\n\"]}", "sensors");
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_sample, NULL, 5000, &error);
        g_assert_no_error(error);
        lane_wait(lane, "rpm", has_sample, "rpm", 100);
        lane_stop(lane, 500);
        lane = start_exec("{\"sensors\":[\"sleep\",\"1000\"],\"timeout_ms\":100}", "sensors");
        g_assert_false(lane_call(lane, call_sample, NULL, 5000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        lane_stop(lane, 500);
}

static void test_exec_console(void)
{
        Lane *lane = start_exec(
                "{\"console\":[\"sh\",\"-c\",\"tty; stty -echo; echo ready; read x; echo got:$x; exit 3\"]}",
                "console");
        lane_wait_text(lane, "ready", 10000);
        lane_wait_text(lane, "/dev/pts/", 100); /* it has a terminal */
        lane_write(lane, "word\r");
        lane_wait_text(lane, "got:word", 5000);
        lane_wait(lane, "a second start", opened_twice, NULL, 10000); /* it ended and is started again */
        lane_stop(lane, 1000);
        lane = start_exec("{\"console\":[\"cat\"],\"pty\":false}", "console");
        lane_open_wait(lane, 5000);
        lane_write(lane, "plain\n");
        lane_wait_text(lane, "plain\n", 5000);
        lane_stop(lane, 1000);
}

/* --- vitals --- */
static void look_sane(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        const double *used = g_hash_table_lookup(seen->samples, "memory.used"),
                     *load = g_hash_table_lookup(seen->samples, "load.1m");
        g_assert_cmpfloat(*used, >, 0);
        g_assert_cmpfloat(*used, <, 100);
        g_assert_cmpfloat(*load, >=, 0);
        g_assert_true(g_hash_table_contains(seen->samples, "disk.free"));
        g_assert_true(g_hash_table_contains(seen->samples, "uptime"));
}

static void test_vitals(void)
{
        Lane *lane = lane_start("vitals://", NULL, "sensors", "/tmp");
        for (int i = 0; i < 2; i++) {
                g_autoptr(GError) error = NULL;
                lane_call(lane, call_sample, NULL, 5000, &error);
                g_assert_no_error(error);
        }
        lane_look(lane, look_sane, NULL);
        lane_stop(lane, 500);
}

/* --- testpattern --- */
static void look_age(const LaneSeen *seen, gpointer data)
{
        gint64 painted =
                pattern_read((const guint32 *)(gconstpointer)seen->frame->plane[0], seen->frame->width);
        gint64 age = tb_clock_ms() - painted;
        g_assert_cmpint(age, >=, 0);
        g_assert_cmpint(age, <, 5000);
        *(int *)data = seen->frame->width;
}

static bool is_640(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->frame && seen->frame->width == 640 && seen->frame->height == 360;
}

static bool call_bad_text(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        const TbInput input = {.type = TB_INPUT_TEXT, .text = data};
        return self->lane->input->send(self, io, &input, 1, error);
}

static void test_testpattern(void)
{
        Lane *lane = lane_start("testpattern://?width=320&height=200&fps=60", NULL, "screen", "/tmp");
        lane_video(lane, 60);
        lane_wait_frames(lane, 10, 5000);
        int width = 0;
        lane_look(lane, look_age, &width);
        g_assert_cmpint(width, ==, 320);
        const TbInput size = {.type = TB_INPUT_TEXT, .text = "640x360"};
        lane_input(lane, &size, 1);
        lane_wait(lane, "640x360", is_640, NULL, 5000);
        static const char *const bad[] = {"640", "1x1", "640x360x1", "8193x100", "x"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(lane_call(lane, call_bad_text, bad[i], 1000, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
        lane_stop(lane, 500);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/tcp", test_tcp);
        g_test_add_func("/exec/power", test_exec_power);
        g_test_add_func("/exec/sensors", test_exec_sensors);
        g_test_add_func("/exec/console", test_exec_console);
        g_test_add_func("/vitals", test_vitals);
        g_test_add_func("/testpattern", test_testpattern);
        return g_test_run();
}
