/* The qemu driver against real QEMU with real U-Boot: the lanes together, as one attachment. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "tests/contract/lane.h"

#define URI "qemu:///usr/lib/u-boot/qemu-x86/u-boot.rom?memory=256&machine=pc,pic=off&autostart=false"
#define BOOT_MS 60000

typedef struct Board {
        char *dir;
        Lane *machine, *console, *screen;
} Board;

static void board_start(Board *b, const char *uri)
{
        b->dir = g_dir_make_tmp("tbq-XXXXXX", NULL);
        b->machine = lane_start(uri, NULL, "machine", b->dir);
        b->console = lane_start(uri, NULL, "console", b->dir);
        b->screen = lane_start(uri, NULL, "screen", b->dir);
        lane_open_wait(b->machine, BOOT_MS);
        lane_open_wait(b->console, 5000);
        lane_open_wait(b->screen, 5000);
}

static void board_stop(Board *b)
{
        lane_stop(b->screen, 1000);
        lane_stop(b->console, 1000);
        lane_stop(b->machine, 5000);
        g_assert_cmpint(g_rmdir(b->dir), ==, 0); /* nothing is left in it */
        g_free(b->dir);
}

static bool is_faulty(const LaneSeen *seen, gpointer data)
{
        return seen->fault && strstr(seen->fault, data);
}

static bool is_well(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return !seen->fault;
}

static bool off_told(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->powers > 0 && seen->power.observed == TB_POWER_OFF;
}

static bool call_write(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->console->write(self, io, data, strlen(data), error);
}

static void starts_with(const LaneSeen *seen, gpointer data)
{
        g_assert_true(seen->bytes->len > 0);
        g_assert_nonnull(strstr(seen->bytes->str, data));
}

static void text(Lane *screen, const char *what)
{
        const TbInput input = {.type = TB_INPUT_TEXT, .text = what};
        lane_input(screen, &input, 1);
}

static void test_board(void)
{
        Board b;
        board_start(&b, URI);
        g_assert_cmpint(lane_observed(b.machine), ==, TB_POWER_OFF);
        lane_video(b.screen, 30);
        lane_wait_dark(b.screen, "board is powered off", 5000);
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(b.console, call_write, "x", 1000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);

        lane_power(b.machine, true);
        g_assert_cmpint(lane_observed(b.machine), ==, TB_POWER_ON);
        lane_wait_text(b.console, "=> ", BOOT_MS);
        lane_look(b.console, starts_with,
                  "U-Boot"); /* the first line is there: nothing was lost before we connected */
        lane_wait_frames(b.screen, 1, 5000);
        lane_write(b.console, "version\r");
        lane_wait_text(b.console, "gcc", 5000);

        /* what is typed over the picture reaches U-Boot's keyboard; its console goes to both */
        lane_forget(b.console);
        lane_forget(b.screen);
        text(b.screen, "echo Screen_KEYS@work:42\n");
        lane_wait_text(b.console, "\nScreen_KEYS@work:42", 10000);
        lane_wait_frames(b.screen, 1, 5000);

        lane_power(b.machine, false);
        g_assert_cmpint(lane_observed(b.machine), ==, TB_POWER_OFF);
        lane_wait_dark(b.screen, "board is powered off", 5000);
        lane_forget(b.console);
        lane_power(b.machine, true);
        lane_wait_text(b.console, "=> ", BOOT_MS);
        lane_look(b.console, starts_with, "U-Boot");
        board_stop(&b);
}

static bool call_kill(TbInstance *self, TbIo *io G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED,
                      GError **error G_GNUC_UNUSED)
{
        g_autofree char *path = g_build_filename(self->run_dir, "pid", NULL);
        g_autofree char *pid = NULL;
        g_assert_true(g_file_get_contents(path, &pid, NULL, NULL));
        return kill((pid_t)g_ascii_strtoll(pid, NULL, 10), SIGKILL) == 0;
}

static void test_killed(void)
{
        Board b;
        board_start(&b, "qemu:///usr/lib/u-boot/qemu-x86/u-boot.rom?machine=pc,pic=off");
        lane_video(b.screen, 30);
        lane_wait_frames(b.screen, 1, 10000);
        lane_forget(b.machine);
        g_assert_true(lane_call(b.machine, call_kill, NULL, 1000, NULL));
        lane_wait(b.machine, "fault", is_faulty, "QEMU ended by signal 9", 5000);
        lane_wait(b.machine, "power off told", off_told, NULL, 5000);
        lane_wait_dark(b.screen, "QEMU ended by signal 9", 5000);
        g_assert_cmpint(lane_observed(b.machine), ==, TB_POWER_OFF);
        lane_forget(b.console);
        lane_power(b.machine, true);
        lane_wait(b.machine, "no fault", is_well, NULL, 5000);
        lane_wait_text(b.console, "=> ", BOOT_MS);
        board_stop(&b);
}

static bool call_on(TbInstance *self, TbIo *io, gpointer data G_GNUC_UNUSED, GError **error)
{
        return self->lane->power->set(self, io, true, error);
}

static void test_broken(void)
{
        Board b;
        board_start(&b, "qemu:///nonexistent/firmware.rom");
        lane_wait(b.machine, "fault", is_faulty, "firmware.rom", 5000); /* QEMU's own words */
        lane_video(b.screen, 30);
        lane_wait_dark(b.screen, "firmware.rom", 5000);
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(b.machine, call_on, NULL, 10000, &error));
        g_assert_nonnull(strstr(error->message, "firmware.rom"));
        board_stop(&b);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/qemu/board", test_board);
        g_test_add_func("/qemu/killed", test_killed);
        g_test_add_func("/qemu/broken", test_broken);
        return g_test_run();
}
