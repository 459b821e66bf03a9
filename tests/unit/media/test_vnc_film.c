/* The film of a screen for its VNC viewers, by the real encoder: who joins late, is too slow, or leaves. */
#include "host/vnc/film.h"

#include <gst/gst.h>
#include <string.h>

#include "host/media/gstreamer.h"
#include "host/media/hub/hub.h"
#include "host/media/media.h"
#include "lib/limits_vnc.h"

#define WAIT_US (30 * G_USEC_PER_SEC)

typedef struct Source {
        TbFrameSink sink;
        void *sink_data;
} Source;

static bool start(void *source, TbFrameSink sink, void *sink_data, GError **error G_GNUC_UNUSED)
{
        *(Source *)source = (Source){sink, sink_data};
        return true;
}

static void stop(void *source G_GNUC_UNUSED)
{
}

static const TbVideoSource OPS = {.start = start, .stop = stop};

typedef struct Fixture {
        TbMedia *media;
        TbHub *hub;
        Source source;
        TbFramePool *pool;
        guint timer, painted;
        TbVncFilm *film;
        TbInterruptor *wake;
} Fixture;

static gboolean paint(gpointer data)
{
        Fixture *f = data;
        if (!f->source.sink)
                return G_SOURCE_CONTINUE;
        TbFrame *frame = tb_frame_pool_take(f->pool, TB_PIXEL_BGRX, 320, 240, 0);
        memset(frame->data, (int)(f->painted++ * 16 & 0xff), frame->size);
        f->source.sink(f->source.sink_data, frame);
        return G_SOURCE_CONTINUE;
}

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        TbMediaConfig config = {.no_hardware = true};
        f->media = tb_media_new(&config);
        f->pool = tb_frame_pool_new(4);
        f->hub = tb_media_add_hub(f->media, "board", "video", &OPS, &f->source);
        f->timer = g_timeout_add(10, paint, f);
        f->film = tb_vnc_film_new(f->media, f->hub);
        f->wake = tb_interruptor_new();
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        tb_vnc_film_free(f->film);
        g_source_remove(f->timer);
        tb_media_free(f->media);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        tb_frame_pool_unref(f->pool);
        tb_interruptor_free(f->wake);
}

static guint encoders(Fixture *f)
{
        TbMediaStats stats;
        tb_media_get_stats(f->media, &stats);
        return stats.encoders;
}

#define run_until(condition)                                                                                 \
        do {                                                                                                 \
                gint64 end = g_get_monotonic_time() + WAIT_US;                                               \
                while (!(condition) && g_get_monotonic_time() < end)                                         \
                        g_main_context_iteration(NULL, TRUE);                                                \
                g_assert_true(condition);                                                                    \
        } while (0)

/* Takes until there are `n`; the first is a keyframe, no older than from_us, unless that is 0. */
static void take(Fixture *f, TbVncReel *reel, guint n, gint64 from_us)
{
        guint got = 0;
        gint64 at_us = from_us;
        gint64 end = g_get_monotonic_time() + WAIT_US;
        while (got < n && g_get_monotonic_time() < end) {
                bool behind;
                g_main_context_iteration(NULL, TRUE);
                g_autoptr(GArray) units = tb_vnc_reel_take(reel, &behind);
                g_assert_false(behind);
                for (guint i = 0; i < units->len; i++, got++) {
                        const TbVncUnit *unit = &g_array_index(units, TbVncUnit, i);
                        g_assert_true(got > 0 || !from_us || unit->keyframe);
                        g_assert_cmpint(unit->at_us, >=, at_us);
                        g_assert_cmpmem(g_bytes_get_data(unit->bytes, NULL), 3, "\0\0\0", 3);
                        at_us = unit->at_us;
                }
        }
        g_assert_cmpuint(got, >=, n);
        g_assert_cmpuint(encoders(f), ==, 1);
}

/* A viewer who is quicker than GStreamer is at its start: the film begins when it can, and nobody has to come again for that. */
static void test_early(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        TbVncReel *reel = tb_vnc_reel_new(f->film, f->wake);
        g_assert_false(tb_gstreamer_ready(NULL));
        tb_vnc_reel_run(reel, 1);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_cmpuint(encoders(f), ==, 0);
        gst_init(NULL, NULL);
        take(f, reel, 3, 1);
        tb_vnc_reel_free(reel);
}

static void test_join(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        TbVncReel *one = tb_vnc_reel_new(f->film, f->wake), *two = tb_vnc_reel_new(f->film, f->wake);
        bool behind;
        g_assert_cmpuint(encoders(f), ==, 0);
        tb_vnc_reel_run(one, 1);
        take(f, one, 5, 1);
        g_assert_true(tb_interruptor_raised(f->wake));
        gint64 now = g_get_monotonic_time();
        tb_vnc_reel_run(two, now);
        take(f, two, 5, now);
        take(f, one, 1, 0);
        /* again: from a keyframe on */
        now = g_get_monotonic_time();
        tb_vnc_reel_run(two, now);
        take(f, two, 2, now);
        tb_vnc_reel_stop(two);
        g_autoptr(GArray) rest = tb_vnc_reel_take(two, &behind);
        g_assert_cmpuint(rest->len, ==, 0);
        tb_vnc_reel_free(one);
        tb_vnc_reel_free(two);
        run_until(encoders(f) == 0); /* a while later */
}

static void test_behind(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        TbVncReel *slow = tb_vnc_reel_new(f->film, f->wake), *quick = tb_vnc_reel_new(f->film, f->wake);
        bool behind = false;
        tb_vnc_reel_run(slow, 0);
        tb_vnc_reel_run(quick, 0);
        take(f, quick, TB_LIMIT_VNC_FILM_UNITS + 2, 0);
        g_autoptr(GArray) none = tb_vnc_reel_take(slow, &behind);
        g_assert_true(behind);
        g_assert_cmpuint(none->len, ==, 0);
        take(f, quick, 2, 0); /* nobody else waits */
        g_autoptr(GArray) still = tb_vnc_reel_take(slow, &behind);
        g_assert_false(behind);
        g_assert_cmpuint(still->len, ==, 0);
        gint64 now = g_get_monotonic_time();
        tb_vnc_reel_run(slow, now);
        take(f, slow, 2, now);
        tb_vnc_reel_free(slow);
        tb_vnc_reel_free(quick);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add("/vnc-film/early", Fixture, NULL, set_up, test_early,
                   tear_down); /* the first: it begins GStreamer */
        g_test_add("/vnc-film/join", Fixture, NULL, set_up, test_join, tear_down);
        g_test_add("/vnc-film/behind", Fixture, NULL, set_up, test_behind, tear_down);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
