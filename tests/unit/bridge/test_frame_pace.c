/* Encoded pictures of the relay on lines that are simulated: the largest rung that one bears, none of them old, and JPEG where it bears none. */
#include "host/bridge/frame_pace.h"

#define MS 1000

static const struct {
        double kbps;
        guint fps;
} RUNGS[TB_FRAME_PACE_RUNGS] = {{4000, 30}, {1000, 20}, {250, 10}};

typedef struct Line {
        double kbps;
        gint64 trip_us, free_us;
        gint64 due_us[TB_FRAME_PACE_OUT], took_us[TB_FRAME_PACE_OUT]; /* what is told when; a ring */
        guint first, n;
} Line;

typedef struct Seen {
        guint n;
        gint64 oldest_us, gap_us;          /* of the second half */
        guint on[TB_FRAME_PACE_RUNGS + 1]; /* seconds on that rung, in the second half */
} Seen;

static void tell(Line *l, TbFramePace *p, gint64 now)
{
        for (; l->n > 0 && l->due_us[l->first] <= now; l->n--) {
                tb_frame_pace_arrived(p, l->took_us[l->first], l->trip_us, now);
                l->first = (l->first + 1) % TB_FRAME_PACE_OUT;
        }
}

static Seen watch(TbFramePace *p, Line *l, gint64 from, int seconds)
{
        Seen seen = {0};
        gint64 last = 0, end = from + (gint64)seconds * G_USEC_PER_SEC, half = from + (end - from) / 2,
               next = from;
        int rung = p->waits ? -1 : p->rung;
        for (gint64 now = from; now < end; now += MS) {
                tell(l, p, now);
                if (now >= half && (now - half) % G_USEC_PER_SEC == 0)
                        seen.on[p->rung]++;
                if (p->rung == TB_FRAME_PACE_JPEG || now < next)
                        continue;
                next = now + G_USEC_PER_SEC / RUNGS[p->rung].fps;
                bool key = rung != p->rung || tb_frame_pace_wants_key(p);
                rung = p->rung;
                if (!tb_frame_pace_may(p, key, now))
                        continue;
                double bytes = RUNGS[p->rung].kbps * 125 / RUNGS[p->rung].fps * (key ? 8 : 1);
                tb_frame_pace_sent(p, (gsize)bytes, key, now);
                l->free_us = MAX(l->free_us, now) + (gint64)(bytes * 8000 / l->kbps);
                guint at = (l->first + l->n++) % TB_FRAME_PACE_OUT;
                l->took_us[at] = l->free_us - now;
                l->due_us[at] = l->free_us + l->trip_us;
                gint64 shown = l->free_us + l->trip_us / 2;
                seen.n++;
                if (now >= half) {
                        seen.oldest_us = MAX(seen.oldest_us, shown - now);
                        seen.gap_us = MAX(seen.gap_us, shown - last);
                }
                last = shown;
        }
        return seen;
}

static void test_any_line(void)
{
        static const struct {
                double kbps;
                gint64 trip_us;
                int rung;
        } cases[] = {{20000, 20 * MS, 0},
                     {20000, 600 * MS, 0},
                     {2000, 50 * MS, 1},
                     {2000, 300 * MS, 1},
                     {400, 50 * MS, 2},
                     {400, 300 * MS, 2},
                     {100, 50 * MS, TB_FRAME_PACE_JPEG}};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                TbFramePace p;
                Line l = {.kbps = cases[i].kbps, .trip_us = cases[i].trip_us};
                tb_frame_pace_init(&p, 2, G_USEC_PER_SEC);
                Seen seen = watch(&p, &l, G_USEC_PER_SEC, 60);
                g_test_message(
                        "%.0f kbit/s, %ld ms: %u pictures, at most %.2f s old, the longest gap %.2f s, "
                        "seconds on each rung %u %u %u, JPEG %u",
                        l.kbps, l.trip_us / MS, seen.n, (double)seen.oldest_us / 1e6,
                        (double)seen.gap_us / 1e6, seen.on[0], seen.on[1], seen.on[2], seen.on[3]);
                g_assert_cmpuint(seen.on[cases[i].rung], >=, 24);
                if (cases[i].rung < TB_FRAME_PACE_JPEG) /* none was tried that it does not bear */
                        g_assert_cmpint(seen.oldest_us, <, l.trip_us / 2 + 300 * MS);
        }
}

/* The line gets narrow, and wide again: down in a few seconds, most of which what is under way takes, and up again. */
static void test_there_and_back(void)
{
        TbFramePace p;
        Line l = {.kbps = 20000, .trip_us = 60 * MS};
        tb_frame_pace_init(&p, 2, G_USEC_PER_SEC);
        watch(&p, &l, G_USEC_PER_SEC, 20);
        g_assert_cmpint(p.rung, ==, 0);
        l.kbps = 400;
        watch(&p, &l, 21 * G_USEC_PER_SEC, 6);
        g_assert_cmpint(p.rung, ==, 2);
        l.kbps = 20000;
        watch(&p, &l, 27 * G_USEC_PER_SEC, 30);
        g_assert_cmpint(p.rung, ==, 0);
}

/* What the server left out is not waited for; nothing goes before the line is empty and a keyframe is there. */
static void test_lost(void)
{
        TbFramePace p;
        tb_frame_pace_init(&p, 1, 0);
        g_assert_false(tb_frame_pace_may(&p, false, 0));
        g_assert_true(tb_frame_pace_wants_key(&p));
        g_assert_true(tb_frame_pace_may(&p, true, 0));
        tb_frame_pace_sent(&p, 1000, true, 0);
        g_assert_true(tb_frame_pace_may(&p, false, MS));
        tb_frame_pace_sent(&p, 1000, false, MS);
        tb_frame_pace_lost(&p, true, 2 * MS);
        g_assert_cmpint(p.rung, ==, 2);
        g_assert_false(tb_frame_pace_may(&p, true, 3 * MS)); /* one is on its way still */
        g_assert_false(tb_frame_pace_wants_key(&p));
        tb_frame_pace_arrived(&p, 0, 5 * MS, 6 * MS);
        g_assert_true(tb_frame_pace_wants_key(&p));
        g_assert_true(tb_frame_pace_may(&p, true, 7 * MS));
        tb_frame_pace_sent(&p, 1000, true, 7 * MS);
        g_assert_true(tb_frame_pace_may(&p, false, 7 * MS + 5 * MS + TB_FRAME_PACE_KEY_US));
        g_assert_false(tb_frame_pace_may(&p, false, 8 * MS + 5 * MS + TB_FRAME_PACE_KEY_US));
        g_assert_cmpint(p.rung, ==, TB_FRAME_PACE_JPEG);
        g_assert_false(tb_frame_pace_retry(&p, 300 * MS));
        g_assert_true(tb_frame_pace_retry(&p, 200 * G_USEC_PER_SEC));
        g_assert_cmpint(p.rung, ==, 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bridge/frame-pace/any-line", test_any_line);
        g_test_add_func("/bridge/frame-pace/there-and-back", test_there_and_back);
        g_test_add_func("/bridge/frame-pace/lost", test_lost);
        return g_test_run();
}
