/* The lanes against coreutils and sh. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "tests/contract/lane.h"

#define ECHO (2 * 1024 * 1024) /* more than ptys and pipes hold */

static bool opened_twice(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open && seen->opened >= 2;
}

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

static bool has_fault(const LaneSeen *seen, gpointer data)
{
        return seen->lost && strstr(seen->lost, data);
}

/* What prints nonsense is a fault from the first look on, and well again as soon as it prints what is asked for. */
static void test_exec_nonsense(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbe-XXXXXX", NULL),
                        *file = g_build_filename(dir, "state", NULL);
        g_autofree char *json = g_strdup_printf("{\"power_on\":[\"true\"],\"power_off\":[\"true\"],"
                                                "\"power_get\":[\"cat\",\"%s\"],\"poll_ms\":1000}",
                                                file);
        g_assert_true(g_file_set_contents(file, "banana\n", -1, NULL));
        Lane *lane = start_exec(json, "power");
        lane_wait(lane, "the fault", has_fault, "cat: the command printed \"banana\"", 5000);
        g_assert_true(g_file_set_contents(file, "on\n", -1, NULL));
        lane_open_wait(lane, 5000);
        lane_stop(lane, 500);
        g_unlink(file);
        g_rmdir(dir);
}

static void test_exec_silent(void)
{
        Lane *lane = start_exec("{\"power_on\":[\"false\"],\"power_off\":[\"true\"]}", "power");
        lane_open_wait(lane, 5000);
        const bool on = true;
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(lane, call_set, &on, 5000, &error)); /* and says nothing of why */
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        g_assert_true(g_str_has_suffix(error->message, "exit code 1"));
        lane_stop(lane, 500);
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

typedef struct Size {
        int columns, rows;
} Size;

static bool call_resize(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        const Size *size = data;
        return self->lane->console->resize(self, io, size->columns, size->rows, error);
}

/* The program learns how large its terminal is, and is told when that changes; one that is started again has it, too. */
static void test_exec_size(void)
{
        Lane *lane =
                start_exec("{\"console\":[\"sh\",\"-c\",\"stty -echo; trap 'stty size' WINCH; stty size; "
                           "while :; do read x && exit; done\"]}",
                           "console");
        Size wide = {132, 43};
        g_autoptr(GError) error = NULL;
        lane_wait_text(lane, "24 80", 10000);
        lane_call(lane, call_resize, &wide, 5000, &error);
        g_assert_no_error(error);
        lane_write(lane, "\r"); /* it ends, and is started again */
        lane_wait_text(lane, "43 132", 10000);
        lane_wait(lane, "a second start", opened_twice, NULL, 10000);
        lane_stop(lane, 1000);
        lane = start_exec("{\"console\":[\"cat\"],\"pty\":false}", "console");
        lane_open_wait(lane, 5000);
        g_assert_false(lane_call(lane, call_resize, &wide, 5000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
        lane_stop(lane, 1000);
}

/* cat stops reading when its echo is not taken. */
static void test_exec_echo(void)
{
        Lane *lane = start_exec("{\"console\":[\"sh\",\"-c\",\"stty raw -echo; echo ready; exec cat\"]}",
                                "console");
        lane_wait_text(lane, "ready\n", 10000);
        lane_echo(lane, ECHO);
        lane_stop(lane, 1000);
        lane = start_exec("{\"console\":[\"cat\"],\"pty\":false}", "console");
        lane_open_wait(lane, 5000);
        lane_echo(lane, ECHO);
        lane_stop(lane, 1000);
}

/* --- shell: a line is one argument of the program, argv is a program of its own --- */
typedef struct Said {
        TbShellRequest request;
        int exit_code;
        GByteArray *out, *err;
} Said;

static bool call_run(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        Said *said = data;
        TbShellResult result = {.out = said->out, .err = said->err};
        bool ok = self->lane->shell->run(self, io, &said->request, &result, error);
        said->exit_code = result.exit_code;
        return ok;
}

static void run_line(Lane *lane, const TbShellRequest *request, const char *out, const char *err,
                     int exit_code)
{
        Said said = {.request = *request, .out = g_byte_array_new(), .err = g_byte_array_new()};
        g_autoptr(GError) error = NULL;
        bool ok = lane_call(lane, call_run, &said, 5000, &error);
        g_assert_no_error(error);
        g_assert_true(ok);
        g_assert_cmpmem(said.out->data, said.out->len, out, strlen(out));
        g_assert_cmpmem(said.err->data, said.err->len, err, strlen(err));
        g_assert_cmpint(said.exit_code, ==, exit_code);
        g_byte_array_unref(said.out);
        g_byte_array_unref(said.err);
}

static void test_exec_shell(void)
{
        Lane *lane = start_exec("{\"shell\":[\"sh\",\"-c\"]}", "shell");
        lane_open_wait(lane, 5000);
        run_line(lane, &(TbShellRequest){.command = "echo 'a  b'; echo c >&2; exit 7"}, "a  b\n", "c\n", 7);
        run_line(lane, &(TbShellRequest){.argv = (const char *const[]){"printf", "%s", "$HOME; x", NULL}},
                 "$HOME; x", "", 0);
        run_line(lane, &(TbShellRequest){.command = "tr a-z A-Z", .input = "typed", .input_size = 5}, "TYPED",
                 "", 0);
        Said slow = {
                .request = {.command = "sleep 1000"}, .out = g_byte_array_new(), .err = g_byte_array_new()};
        g_autoptr(GError) error = NULL;
        bool ended = lane_call(lane, call_run, &slow, 100, &error);
        g_assert_false(ended);
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_byte_array_unref(slow.out);
        g_byte_array_unref(slow.err);
        lane_stop(lane, 500);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/exec/power", test_exec_power);
        g_test_add_func("/exec/nonsense", test_exec_nonsense);
        g_test_add_func("/exec/silent", test_exec_silent);
        g_test_add_func("/exec/sensors", test_exec_sensors);
        g_test_add_func("/exec/console", test_exec_console);
        g_test_add_func("/exec/size", test_exec_size);
        g_test_add_func("/exec/echo", test_exec_echo);
        g_test_add_func("/exec/shell", test_exec_shell);
        return g_test_run();
}
