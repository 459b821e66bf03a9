/* The lane against the reader of its own pictures. */
#include <signal.h>

#include "drivers/testpattern/pattern.h"
#include "lib/clock.h"
#include "tests/contract/lane.h"

static void look_age(const LaneSeen *seen, gpointer data)
{
        gint64 painted = tb_testpattern_read((const guint32 *)(gconstpointer)seen->frame->plane[0],
                                             seen->frame->width);
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
        guint done;
        return self->lane->input->send(self, io, &input, 1, &done, error);
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
        g_test_add_func("/testpattern/lane", test_testpattern);
        return g_test_run();
}
