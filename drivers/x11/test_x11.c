/* The x11 driver against a real Xvfb with real programs. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/x11/x11.h"
#include "lib/limits.h"
#include "tests/contract/lane.h"
#include "tests/contract/typing.h"
#include "tests/contract/xserver.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static Lane *start(XServer *server, const char *lane)
{
        g_autofree char *uri = g_strdup_printf("x11://:%d", server->display);
        return lane_start(uri, NULL, lane, "/tmp");
}

static void look_count(const LaneSeen *seen, gpointer data)
{
        *(guint *)data = seen->frames;
}

static void test_picture(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "800x600", -1);
        xserver_paint(&server, "#123456");
        Lane *screen = start(&server, "screen");
        lane_open_wait(screen, 10000);
        lane_video(screen, 30);
        lane_wait_frames(screen, 1, 5000); /* one soon after start, though nothing changes */
        const LaneColour first = {10, 10, 0x123456}, second = {799, 599, 0xfedcba};
        lane_wait(screen, "first colour", lane_has_colour, &first, 2000);
        xserver_paint(&server, "#fedcba");
        lane_wait(screen, "second colour", lane_has_colour, &second, 5000);

        /* a small window damages its own rectangle only */
        lane_forget(screen);
        TbChild *logo =
                xserver_spawn(&server, ARGV("xlogo", "-geometry", "100x50+300+200", "-bg", "#ff0000"), 0);
        const LaneColour red = {350, 201, 0xff0000};
        lane_wait(screen, "window", lane_has_colour, &red, 10000);
        /* the picture before went straight into its frame: what it showed around the window is not lost */
        const LaneColour around = {10, 10, 0xfedcba};
        lane_wait(screen, "colour around the window", lane_has_colour, &around, 1000);
        guint before = 0, after = 0;
        lane_look(screen, look_count, &before);
        g_assert_cmpuint(before, <, 60);

        lane_video(screen, 0);
        tb_child_free(logo, 0);
        xserver_paint(&server, "#000000");
        lane_video(screen, 5); /* and again: with what is there now */
        const LaneColour black = {350, 201, 0};
        lane_wait(screen, "black", lane_has_colour, &black, 5000);
        lane_look(screen, look_count, &after);
        lane_stop(screen, 1000);
        xserver_stop(&server);
}

static void test_resize(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "1024x768", -1);
        Lane *screen = start(&server, "screen");
        lane_video(screen, 30);
        const TbRect large = {0, 0, 1024, 768}, small = {0, 0, 640, 480};
        lane_wait(screen, "1024x768", lane_has_size, &large, 10000);
        g_autofree char *mode = xserver_run(&server, ARGV("xrandr", "--newmode", "small", "0", "640", "640",
                                                          "640", "640", "480", "480", "480", "480"));
        g_autofree char *added = xserver_run(&server, ARGV("xrandr", "--addmode", "screen", "small"));
        g_autofree char *out = xserver_run(&server, ARGV("xrandr", "--output", "screen", "--mode", "small"));
        lane_wait(screen, "640x480", lane_has_size, &small, 5000);
        xserver_paint(&server, "#00ff00");
        const LaneColour green = {639, 479, 0x00ff00};
        lane_wait(screen, "green", lane_has_colour, &green, 5000);
        g_autofree char *back =
                xserver_run(&server, ARGV("xrandr", "--output", "screen", "--mode", "1024x768"));
        lane_wait(screen, "1024x768 again", lane_has_size, &large, 5000);
        lane_stop(screen, 1000);
        xserver_stop(&server);
}

static void test_server_killed(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "640x480", -1);
        Lane *screen = start(&server, "screen"), *input = start(&server, "input");
        lane_video(screen, 30);
        lane_wait_frames(screen, 1, 10000);
        lane_open_wait(input, 5000);
        int display = server.display;
        xserver_stop(&server);
        lane_wait_dark(screen, "is gone", 5000);
        lane_forget(screen);
        xserver_start(&server, "Xvfb", "640x480", display);
        lane_wait_frames(screen, 1, 10000); /* by itself */
        const TbInput tap = {.type = TB_INPUT_TAP, .x = 5, .y = 6};
        lane_open_wait(input, 5000);
        lane_input(input, &tap, 1);
        lane_stop(screen, 1000);
        lane_stop(input, 1000);
        xserver_stop(&server);
}

/* --- input: a real xterm, its program writes what it reads into a fifo --- */
static char *location(XServer *server)
{
        return xserver_run(server, ARGV("xdotool", "getmouselocation", "--shell"));
}

static void test_keyboard(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "1024x768", -1);
        TypingTerminal terminal;
        typing_open(&terminal, &server);
        Lane *input = start(&server, "input");
        lane_open_wait(input, 10000);
        const TbInput over = {.type = TB_INPUT_POINTER, .x = 100, .y = 100};
        lane_input(input, &over, 1);
        typing_run(&terminal, input);

        /* by place: what is printed there on this layout */
        g_autofree char *german = xserver_run(&server, ARGV("setxkbmap", "de"));
        const TbInput place = {.type = TB_INPUT_KEY, .code = "KeyY"};
        lane_input(input, &place, 1);
        typing_expect(&terminal, "by place", "z");
        typing_run(&terminal, input); /* the same on any layout */
        lane_stop(input, 1000);
        typing_close(&terminal);
        xserver_stop(&server);
}

/* What a host held that was killed, and what somebody else let go: the display knows better than any table. */
static void test_disagree(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "1024x768", -1);
        TypingTerminal terminal;
        typing_open(&terminal, &server);
        g_autofree char *left = xserver_run(&server, ARGV("xdotool", "keydown", "Shift_L", "mousedown", "1"));
        Lane *input = start(&server, "input");
        lane_open_wait(input, 10000);
        const TbInput over = {.type = TB_INPUT_POINTER, .x = 100, .y = 100};
        const TbInput shift = {.type = TB_INPUT_KEY, .text = "Shift", .action = TB_KEY_DOWN};
        const TbInput code = {.type = TB_INPUT_KEY, .code = "KeyA"};
        lane_input(input, &over, 1);
        lane_input(input, &code, 1);
        typing_expect(&terminal, "Shift of a host that was killed", "a");
        lane_input(input, &shift, 1);
        lane_input(input, &code, 1);
        typing_expect(&terminal, "Shift", "A");
        g_autofree char *up = xserver_run(&server, ARGV("xdotool", "keyup", "Shift_L"));
        const TbInput exact = {.type = TB_INPUT_TEXT, .text = "a"};
        lane_input(input, &exact, 1);
        lane_input(input, &code, 1);
        typing_expect(&terminal, "Shift that somebody else let go", "aa");
        lane_stop(input, 1000);
        typing_close(&terminal);
        xserver_stop(&server);
}

static bool call_send(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        guint done;
        return self->lane->input->send(self, io, data, 1, &done, error);
}

static void test_pointer(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "800x600", -1);
        Lane *input = start(&server, "input");
        lane_open_wait(input, 10000);
        const TbInput tap = {.type = TB_INPUT_TAP, .x = 123, .y = 45};
        lane_input(input, &tap, 1);
        g_autofree char *at = location(&server);
        g_assert_nonnull(strstr(at, "X=123\nY=45\n"));
        const TbInput more[] = {{.type = TB_INPUT_SWIPE, .x = 10, .y = 20, .x2 = 310, .y2 = 220, .ms = 100},
                                {.type = TB_INPUT_SCROLL, .x = 310, .y = 220, .y2 = 3}};
        lane_input(input, more, 2);
        g_autofree char *there = location(&server);
        g_assert_nonnull(strstr(there, "X=310\nY=220\n"));
        const TbInput bad = {.type = TB_INPUT_KEY, .text = "NoSuchKey"};
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(input, call_send, &bad, 1000, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "key");
        lane_stop(input, 1000);
        xserver_stop(&server);
}

/* The shape depends on the cursor theme; that something is drawn on the grey around the point does not. */
static guint not_grey(const LaneSeen *seen, int x0, int y0)
{
        guint n = 0;
        for (int y = y0 - 8; seen->frame && y < y0 + 8; y++)
                for (int x = x0 - 8; x < x0 + 8; x++)
                        n += seen->frame->plane[0][y * seen->frame->stride[0] + x * 4] != 0x80;
        return n;
}

static bool at_400_300(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return not_grey(seen, 400, 300) > 10 && not_grey(seen, 100, 100) == 0;
}

static bool at_100_100(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return not_grey(seen, 400, 300) == 0 && not_grey(seen, 100, 100) > 10;
}

static void test_cursor(void)
{
        XServer server;
        xserver_start(&server, "Xvfb", "800x600", -1);
        xserver_paint(&server, "#808080");
        g_autofree char *out = xserver_run(&server, ARGV("xsetroot", "-cursor_name", "left_ptr"));
        Lane *screen = start(&server, "screen"), *input = start(&server, "input");
        lane_video(screen, 30);
        lane_open_wait(input, 5000);
        lane_wait_frames(screen, 1, 10000);
        const TbInput move = {.type = TB_INPUT_POINTER, .x = 400, .y = 300};
        lane_input(input, &move, 1);
        lane_wait(screen, "cursor", at_400_300, NULL, 5000);
        const TbInput away = {.type = TB_INPUT_POINTER, .x = 100, .y = 100};
        lane_input(input, &away, 1);
        lane_wait(screen, "cursor moved away", at_100_100, NULL, 5000);
        lane_stop(screen, 1000);
        lane_stop(input, 1000);
        xserver_stop(&server);
}

static void test_blend(void)
{
        guint32 pixels[4] = {0xffffffff, 0x00000000, 0x80800000, 0xff0000ff};
        TbX11Cursor cursor = {
                .pixels = pixels, .width = 2, .height = 2, .hot_x = 1, .hot_y = 1, .x = 0, .y = 0};
        guint8 image[2 * 2 * 4];
        memset(image, 0x40, sizeof image);
        TbRect drawn;
        tb_x11_cursor_blend(&cursor, image, 8, 2, 2, &drawn); /* only its last pixel is inside */
        g_assert_cmpint(drawn.x, ==, 0);
        g_assert_cmpint(drawn.width * drawn.height, ==, 1);
        g_assert_cmpint(image[0], ==, 0xff);
        g_assert_cmpint(image[2], ==, 0);
        g_assert_cmpint(image[4], ==, 0x40);
        cursor.x = cursor.y = 1;
        memset(image, 0x40, sizeof image);
        tb_x11_cursor_blend(&cursor, image, 8, 2, 2, &drawn);
        g_assert_cmpint(drawn.width * drawn.height, ==, 4);
        g_assert_cmpint(image[4], ==, 0x40);                     /* transparent */
        g_assert_cmpint(image[10], ==, 0x80 + 0x40 * 127 / 255); /* half red over grey */
        cursor.x = 100;
        tb_x11_cursor_blend(&cursor, image, 8, 2, 2, &drawn);
        g_assert_cmpint(drawn.width, ==, 0);
}

static void test_nothing_there(void)
{
        for (const TbLane *l = tb_driver_find("x11")->lanes; l->name;
             l++) /* /worker/retry says what that does */
                g_assert_cmpint(l->retry_ms, ==, TB_LIMIT_DISPLAY_RETRY_MS);
        Lane *screen = lane_start("x11://:59535", NULL, "screen", "/tmp");
        lane_wait(screen, "reason", lane_is_lost, "no X server on display :59535", 5000);
        lane_stop(screen, 500);
}

/* A frame that comes again has most of the picture already: only rows that differ are copied. */
static void test_catch_up(void)
{
        TbX11Buffers *buffers;
        TbFramePool *pool = tb_x11_buffers_new(2, &buffers);
        TbFrame *a = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 64, 100, 0),
                *b = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 64, 100, 0);
        int top, bottom;
        g_assert_true(tb_x11_buffers_catch_up(buffers, a->data, &top, &bottom)); /* new: all of it */
        g_assert_true(top == 0 && bottom >= 100);
        g_assert_false(tb_x11_buffers_catch_up(buffers, a->data, &top, &bottom));
        tb_x11_buffers_catch_up(buffers, b->data, &top, &bottom);

        tb_x11_buffers_changed(buffers, 10, 20);
        tb_x11_buffers_wrote(buffers, a->data, 40, 50); /* a pointer was drawn there */
        tb_x11_buffers_wrote(buffers, a->data, 70, 70); /* and nothing there */
        g_assert_true(tb_x11_buffers_catch_up(buffers, a->data, &top, &bottom));
        g_assert_true(top == 10 && bottom == 50);
        g_assert_true(tb_x11_buffers_catch_up(buffers, b->data, &top, &bottom));
        g_assert_true(top == 10 && bottom == 20);
        tb_frame_unref(a);
        tb_frame_unref(b);
        tb_frame_pool_unref(pool);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/x11/blend", test_blend);
        g_test_add_func("/x11/nothing-there", test_nothing_there);
        g_test_add_func("/x11/picture", test_picture);
        g_test_add_func("/x11/resize", test_resize);
        g_test_add_func("/x11/server-killed", test_server_killed);
        g_test_add_func("/x11/keyboard", test_keyboard);
        g_test_add_func("/x11/disagree", test_disagree);
        g_test_add_func("/x11/pointer", test_pointer);
        g_test_add_func("/x11/cursor", test_cursor);
        g_test_add_func("/x11/buffers/catch-up", test_catch_up);
        return g_test_run();
}
