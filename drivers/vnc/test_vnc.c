/* The vnc driver against VNC servers that others wrote: TigerVNC's Xvnc, and x11vnc with a password. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "lib/limits.h"
#include "tests/contract/lane.h"
#include "tests/contract/typing.h"
#include "tests/contract/xserver.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_xvnc(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbv-XXXXXX", NULL), *path = g_build_filename(dir, "rfb", NULL),
                        *uri = g_strconcat("vnc://", path, NULL);
        g_setenv("TB_VNC_SOCKET", path, TRUE);
        XServer server;
        xserver_start(&server, "Xvnc", "800x600", -1);
        xserver_paint(&server, "#336699");
        Lane *screen = lane_start(uri, NULL, "screen", dir);
        lane_open_wait(screen, 10000);
        lane_video(screen, 30);
        const LaneColour first = {799, 599, 0x336699}, second = {5, 5, 0xabcdef};
        lane_wait(screen, "first colour", lane_has_colour, &first, 5000);
        xserver_paint(&server, "#abcdef");
        lane_wait(screen, "second colour", lane_has_colour, &second, 5000);

        g_autofree char *resized = xserver_run(&server, ARGV("xrandr", "-s", "640x480"));
        const TbRect small = {0, 0, 640, 480};
        lane_wait(screen, "640x480", lane_has_size, &small, 5000);

        const TbInput tap = {.type = TB_INPUT_TAP, .x = 200, .y = 150};
        lane_input(screen, &tap, 1);
        g_autofree char *at = xserver_run(&server, ARGV("xdotool", "getmouselocation", "--shell"));
        g_assert_nonnull(strstr(at, "X=200\nY=150\n"));

        TypingTerminal terminal;
        typing_open(&terminal, &server);
        const TbInput over = {.type = TB_INPUT_POINTER, .x = 100, .y = 100};
        lane_input(screen, &over, 1);
        typing_run(&terminal, screen);
        typing_close(&terminal);

        lane_video(screen, 0);
        int display = server.display;
        lane_video(screen, 30);
        xserver_stop(&server);
        lane_wait_dark(screen, "VNC session ended", 5000);
        g_unlink(path);
        lane_forget(screen);
        xserver_start(&server, "Xvnc", "800x600", display);
        lane_wait_frames(screen, 1, 10000); /* by itself */
        lane_stop(screen, 500);
        xserver_stop(&server);
        g_unlink(path);
        g_rmdir(dir);
}

typedef struct Send {
        const TbInput *events;
        guint n, done;
} Send;

static bool call_send(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        Send *send = data;
        return self->lane->input->send(self, io, send->events, send->n, &send->done, error);
}

/* What is acknowledged was done: a server that stands still has taken nothing. */
static void test_stopped(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbv-XXXXXX", NULL), *path = g_build_filename(dir, "rfb", NULL),
                        *uri = g_strconcat("vnc://", path, NULL);
        g_setenv("TB_VNC_SOCKET", path, TRUE);
        XServer server;
        xserver_start(&server, "Xvnc", "640x480", -1);
        Lane *screen = lane_start(uri, NULL, "screen", dir);
        lane_open_wait(screen, 10000);
        TypingTerminal terminal;
        typing_open(&terminal, &server);
        const TbInput over = {.type = TB_INPUT_POINTER, .x = 100, .y = 100};
        lane_input(screen, &over, 1);
        const TbInput keys[] = {{.type = TB_INPUT_KEY, .text = "Shift", .action = TB_KEY_DOWN},
                                {.type = TB_INPUT_KEY, .text = "A"},
                                {.type = TB_INPUT_KEY, .text = "B"},
                                {.type = TB_INPUT_KEY, .text = "Shift", .action = TB_KEY_UP}};
        lane_input(screen, keys, 2);
        typing_expect(&terminal, "before", "A");

        g_assert_cmpint(kill(tb_child_pid(server.child), SIGSTOP), ==, 0);
        const gint64 begin = g_get_monotonic_time();
        g_autoptr(GError) first = NULL, second = NULL;
        Send stands = {&keys[1], 1, 0}, later = {&keys[2], 2, 0};
        g_assert_false(lane_call(screen, call_send, &stands, 30000, &first));
        g_assert_error(first, TB_ERROR, TB_ERROR_TIMEOUT);
        g_assert_nonnull(strstr(first->message, "stand still"));
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, TB_LIMIT_RFB_SILENT_MS * 1000);
        g_assert_false(
                lane_call(screen, call_send, &later, 30000, &second)); /* and Shift comes up all the same */
        g_assert_error(second, TB_ERROR, TB_ERROR_TIMEOUT);

        g_assert_cmpint(kill(tb_child_pid(server.child), SIGCONT), ==, 0);
        typing_expect(&terminal, "what was on its way", "A"); /* what came later, B, was not sent */
        const TbInput code = {.type = TB_INPUT_KEY, .text = "x"};
        Send again = {&code, 1, 0};
        GError *error = NULL;
        while (!lane_call(screen, call_send, &again, 30000, &error)) { /* until the answer is there */
                g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
                g_clear_error(&error);
        }
        typing_expect(&terminal, "again", "x");
        typing_close(&terminal);
        lane_stop(screen, 500);
        xserver_stop(&server);
        g_unlink(path);
        g_rmdir(dir);
}

static void test_password(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "640x480", -1);
        xserver_paint(&server, "#445566");
        TbIo io;
        tb_io_init_plain(&io);
        TbChild *x11vnc = xserver_spawn(&server,
                                        ARGV("x11vnc", "-passwd", "secret", "-localhost", "-autoport", "5950",
                                             "-forever", "-shared", "-q", "-noipv6"),
                                        TB_CHILD_STDOUT);
        int port = 0;
        while (port == 0) {
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stdout(x11vnc), &io, 1000, 20000, NULL);
                g_assert_nonnull(line);
                if (g_str_has_prefix(line, "PORT="))
                        port = atoi(line + 5);
        }
        g_autofree char *good = g_strdup_printf("vnc://127.0.0.1:%d?password=secret", port),
                        *bad = g_strdup_printf("vnc://127.0.0.1:%d?password=wrong", port),
                        *none = g_strdup_printf("vnc://127.0.0.1:%d", port);
        Lane *screen = lane_start(good, NULL, "screen", "/tmp");
        lane_video(screen, 30);
        const LaneColour colour = {639, 479, 0x445566};
        lane_wait(screen, "colour", lane_has_colour, &colour, 10000);
        xserver_paint(&server, "#665544");
        const LaneColour other = {0, 479, 0x665544};
        lane_wait(screen, "other colour", lane_has_colour, &other, 10000);
        lane_stop(screen, 500);

        screen = lane_start(none, NULL, "screen", "/tmp");
        lane_wait(screen, "a word about the password", lane_is_lost, "assword", 10000);
        lane_stop(screen, 500);
        screen = lane_start(bad, NULL, "screen", "/tmp");
        lane_wait(screen, "a word about the password", lane_is_lost, "assword", 10000);
        lane_stop(screen, 500);
        tb_child_free(x11vnc, 0);
        xserver_stop(&server);
        tb_io_clear_plain(&io);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        lane_crowd(); /* the library waits by select() */
        g_test_add_func("/vnc/xvnc", test_xvnc);
        g_test_add_func("/vnc/stopped", test_stopped);
        g_test_add_func("/vnc/password", test_password);
        return g_test_run();
}
