/* Pictures of the relay on lines that are simulated: they come, they are not old, and they are as large as the line bears. */
#include "host/bridge/picture_pace.h"

#include "lib/limits.h"

typedef struct Line {
        double kbps;
        gint64 rtt_us;
        int full;         /* pixels of width */
        double full_size; /* bytes of the whole screen at TB_PICTURE_QUALITY */
        bool tells, old;  /* old: how long it took is not told */
} Line;

typedef struct Seen {
        guint n;
        gint64 first_us, oldest_us; /* oldest: of the second half */
        int width;
} Seen;

static Seen watch(TbPicturePace *p, const Line *l, int seconds)
{
        Seen seen = {0};
        gint64 now = G_USEC_PER_SEC, arrives = 0, told = 0, end = now + (gint64)seconds * G_USEC_PER_SEC;
        gint64 free_us = now, took = 0;
        gsize out = 0;
        for (; now < end; now += 10000) {
                if (told && now >= told) {
                        told = 0;
                        if (l->tells)
                                tb_picture_pace_arrived(p, (gint64)out, l->old ? -1 : took,
                                                        l->old ? -1 : l->rtt_us, now);
                }
                if ((now / 10000) % 10 || (arrives && now < arrives))
                        continue; /* ten a second; and what is on its way to the server is waited for, as ever */
                int width = p->width > 0 ? MIN(p->width, l->full) : l->full;
                double share = (double)width / l->full;
                gsize bytes = (gsize)(l->full_size * share * share * p->quality / TB_PICTURE_QUALITY);
                if (!tb_picture_pace_may(p, now) || !tb_picture_pace_made(p, bytes, l->full))
                        continue;
                tb_picture_pace_sent(p, bytes, now);
                out = bytes;
                free_us = MAX(free_us, now) + (gint64)((double)bytes * 8000 / l->kbps);
                took = free_us - now;
                arrives = free_us + l->rtt_us / 2;
                told = arrives + l->rtt_us / 2;
                seen.n++;
                seen.first_us = seen.first_us ? seen.first_us : arrives - G_USEC_PER_SEC;
                if (now > G_USEC_PER_SEC + (end - G_USEC_PER_SEC) / 2)
                        seen.oldest_us = MAX(seen.oldest_us, arrives - now);
                seen.width = width;
        }
        return seen;
}

static void test_any_line(void)
{
        static const struct {
                double kbps, size;
                int full, least; /* width that it has at least */
        } cases[] = {{300, 2.6e6, 2560, 160},    {300, 6e5, 1920, 200},   {300, 3e4, 1920, 640},
                     {1000, 6e5, 1920, 240},     {10000, 6e5, 1920, 640}, {100000, 1.5e5, 1920, 1920},
                     {100000, 2.6e6, 2560, 512}, {100, 6e5, 1920, 160}};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                TbPicturePace p;
                const Line l = {.kbps = cases[i].kbps,
                                .rtt_us = 100000,
                                .full = cases[i].full,
                                .full_size = cases[i].size,
                                .tells = true};
                tb_picture_pace_init(&p);
                Seen seen = watch(&p, &l, 30);
                g_test_message(
                        "%.0f kbit/s, %.0f KB: first after %.2f s, %u pictures, at most %.2f s old, width %d",
                        l.kbps, l.full_size / 1000, (double)seen.first_us / 1e6, seen.n,
                        (double)seen.oldest_us / 1e6, seen.width);
                g_assert_cmpuint(seen.n, >=, 20);
                g_assert_cmpint(seen.first_us, <, 4 * G_USEC_PER_SEC);
                g_assert_cmpint(seen.oldest_us, <, l.rtt_us / 2 + 300000);
                g_assert_cmpint(seen.width, >=, cases[i].least);
        }
}

/* A far line is no narrow one: its pictures are as large as those of a near one that bears as much. Where the way itself is not told, they
 * are small, never none; and they grow again. */
static void test_far_and_back(void)
{
        TbPicturePace p;
        tb_picture_pace_init(&p);
        Line far = {.kbps = 20000,
                    .rtt_us = 900000,
                    .full = 1920,
                    .full_size = 4e5,
                    .tells = true,
                    .old = true},
             near = far;
        near.rtt_us = 20000;
        near.old = false;
        Seen seen = watch(&p, &far, 30);
        g_assert_cmpuint(seen.n, >=, 15);
        g_assert_cmpint(seen.width, >=, 160);
        g_assert_cmpint(seen.width, <, 400);
        p.out_us = 0; /* the clock begins anew */
        seen = watch(&p, &near, 20);
        g_assert_cmpint(seen.width, >=, 960);
        tb_picture_pace_init(&p);
        far.old = false;
        seen = watch(&p, &far, 30);
        g_assert_cmpint(seen.width, >=, 800);
        g_assert_cmpint(seen.oldest_us, <, far.rtt_us / 2 + 300000);
}

/* An older server tells nothing: as many as before, and none of them large. */
static void test_not_told(void)
{
        TbPicturePace p;
        tb_picture_pace_init(&p);
        const Line l = {.kbps = 10000, .rtt_us = 20000, .full = 1920, .full_size = 4e5};
        Seen seen = watch(&p, &l, 12);
        g_assert_cmpuint(seen.n, >=, 30);
        g_assert_cmpint(seen.width, >=, 160);
        g_assert_cmpuint(p.target, <, 16000);
}

static void test_limit(void)
{
        TbPicturePace p;
        tb_picture_pace_init(&p);
        p.target = TB_LIMIT_RELAY_PICTURE;
        for (int i = 0; i < 5; i++) { /* never above it, however wide the line */
                tb_picture_pace_sent(&p, TB_LIMIT_RELAY_PICTURE, G_USEC_PER_SEC);
                tb_picture_pace_arrived(&p, TB_LIMIT_RELAY_PICTURE, -1, -1, G_USEC_PER_SEC + 1);
                g_assert_cmpuint(p.target, ==, TB_LIMIT_RELAY_PICTURE);
        }
        g_assert_true(tb_picture_pace_made(&p, TB_LIMIT_RELAY_PICTURE, 1920));
        p.width = 160;
        p.quality = 25; /* as small as can be, and still too large: up to the limit it is sent */
        p.target = 20000;
        g_assert_true(tb_picture_pace_made(&p, TB_LIMIT_RELAY_PICTURE, 1920));
        g_assert_false(tb_picture_pace_made(&p, TB_LIMIT_RELAY_PICTURE + 1, 1920));
        /* one that nobody tells of holds the next up for a while, not for ever */
        tb_picture_pace_sent(&p, 1000, G_USEC_PER_SEC);
        g_assert_false(tb_picture_pace_may(&p, 2 * G_USEC_PER_SEC));
        g_assert_true(tb_picture_pace_may(&p, 10 * G_USEC_PER_SEC));
        tb_picture_pace_sent(&p, 2000, 10 * G_USEC_PER_SEC);
        guint target = p.target;
        tb_picture_pace_arrived(&p, 1000, -1, -1,
                                10 * G_USEC_PER_SEC + 1); /* the late one says nothing of this */
        g_assert_cmpuint(p.target, ==, target);
        g_assert_false(tb_picture_pace_may(&p, 11 * G_USEC_PER_SEC));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bridge/picture-pace/any-line", test_any_line);
        g_test_add_func("/bridge/picture-pace/far-and-back", test_far_and_back);
        g_test_add_func("/bridge/picture-pace/not-told", test_not_told);
        g_test_add_func("/bridge/picture-pace/limit", test_limit);
        return g_test_run();
}
