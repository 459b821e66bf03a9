/* What comes over the link, a turn's worth at a time: in frames and in time, whatever comes first. */
#include "lib/proto/turns.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"

typedef struct Line {
        guint frames, held, let_go, broken;
        gint64 cost_us;
} Line;

/* A frame is a byte; '!' is one that nobody may send. */
static gssize on_frame(const guint8 *bytes, gsize size, gpointer data, GError **error)
{
        Line *line = data;
        g_assert_cmpuint(size, >, 0);
        if (bytes[0] == '!') {
                tb_set_error(error, TB_ERROR_INVALID, "no such frame");
                return -1;
        }
        line->frames++;
        clock_advance(line->cost_us);
        return 1;
}

static void on_hold(bool held, gpointer data)
{
        Line *line = data;
        *(held ? &line->held : &line->let_go) += 1;
}

static void on_broken(const GError *error, gpointer data)
{
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        ((Line *)data)->broken++;
}

static const TbTurnsOps ops = {.frame = on_frame, .hold = on_hold, .broken = on_broken};

/* Adds `n` frames of `cost_us`; each turn but the last has exactly `fit`. */
static void takes(guint n, gint64 cost_us, guint fit)
{
        Line line = {.cost_us = cost_us};
        TbTurns *turns = tb_turns_new(&ops, &line);
        g_autofree char *bytes = g_strnfill(n, '.');
        g_autoptr(GError) error = NULL;
        clock_stop(0);
        g_assert_true(tb_turns_add(turns, (const guint8 *)bytes, n, &error));
        g_assert_cmpuint(line.frames, ==, MIN(n, fit));
        g_assert_cmpuint(line.held, ==, n > fit);
        for (guint before = line.frames; before < n; before = line.frames) {
                g_assert_cmpuint(line.let_go, ==, 0);
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(line.frames - before, ==, MIN(n - before, fit));
        }
        g_assert_cmpuint(line.let_go, ==, line.held);
        clock_go();
        tb_turns_free(turns);
}

/* TB_LIMIT_LINK_TURN_FRAMES: a message of so many is one turn; one more waits. */
static void test_frames(void)
{
        takes(TB_LIMIT_LINK_TURN_FRAMES, 0, TB_LIMIT_LINK_TURN_FRAMES);
        takes(TB_LIMIT_LINK_TURN_FRAMES + 1, 0, TB_LIMIT_LINK_TURN_FRAMES);
        takes(5 * TB_LIMIT_LINK_TURN_FRAMES, 0, TB_LIMIT_LINK_TURN_FRAMES);
}

/* TB_LIMIT_LINK_TURN_US: what fits into it is one turn; with a microsecond left there is one more. */
static void test_time(void)
{
        enum { FIT = 4 };
        G_STATIC_ASSERT(TB_LIMIT_LINK_TURN_US % FIT == 0);
        takes(40, TB_LIMIT_LINK_TURN_US / FIT, FIT);
        takes(40, TB_LIMIT_LINK_TURN_US / FIT - 1, FIT + 1);
        takes(3, 10 * TB_LIMIT_LINK_TURN_US, 1);
}

/* What is refused is told at once, or from the loop when it had to wait; what stands behind it is never taken. */
static void test_broken(void)
{
        Line line = {0};
        TbTurns *turns = tb_turns_new(&ops, &line);
        g_autofree char *bytes = g_strnfill(TB_LIMIT_LINK_TURN_FRAMES + 3, '.');
        g_autoptr(GError) error = NULL;
        bytes[TB_LIMIT_LINK_TURN_FRAMES + 1] = '!';
        clock_stop(0);
        g_assert_true(tb_turns_add(turns, (const guint8 *)bytes, strlen(bytes), &error));
        while (line.broken == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(line.frames, ==, TB_LIMIT_LINK_TURN_FRAMES + 1);
        g_assert_false(tb_turns_add(turns, (const guint8 *)"!.", 2, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        clock_go();
        tb_turns_free(turns);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/turns/frames", test_frames);
        g_test_add_func("/turns/time", test_time);
        g_test_add_func("/turns/broken", test_broken);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
