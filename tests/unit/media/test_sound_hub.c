/* The sound hub, its clock and its Opus, with a source that the test pushes by hand. */
#include <math.h>

#include "host/media/gstreamer.h"
#include "host/media/media.h"
#include "host/media/sound/opus_reader.h"
#include "host/media/sound/sound_clock.h"
#include "host/media/sound/sound_encoder.h"
#include "host/media/sound/sound_private.h"
#include "host/media/sound/sound_reader.h"
#include "host/media/webrtc/rtpext.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define WAIT_US (10 * G_USEC_PER_SEC)
#define BLOCK_US 10000

typedef struct Source {
        TbSoundPush push;
        void *push_data;
        guint starts, stops;
        bool refuse;
        gint64 at_us; /* of the next block */
} Source;

static bool start(void *source, TbSoundPush push, void *push_data, GError **error)
{
        Source *s = source;
        s->starts++;
        if (s->refuse) {
                tb_set_error(error, TB_ERROR_GONE, "the microphone is not plugged in");
                return false;
        }
        s->push = push;
        s->push_data = push_data;
        return true;
}

static void stop(void *source)
{
        ((Source *)source)->stops++;
}

static const TbSoundSource OPS = {.start = start, .stop = stop};

static void push(Source *s, TbSoundFormat format, int amplitude, guint blocks)
{
        if (!s->at_us)
                s->at_us = g_get_monotonic_time();
        for (guint b = 0; b < blocks; b++, s->at_us += BLOCK_US) {
                TbSound *sound = tb_sound_new(format, format.rate / 100, s->at_us);
                for (guint i = 0; i < sound->frames * format.channels; i++) {
                        guint frame = i / format.channels;
                        sound->samples[i] = (gint16)(amplitude * sin(2 * G_PI * frame / 48)); /* 1 kHz */
                }
                s->push(s->push_data, sound);
        }
}

static const TbSoundFormat MONO = {48000, 1}, STEREO = {48000, 2};

/* The pipelines' threads wake nobody here. */
static gboolean look_again(gpointer data G_GNUC_UNUSED)
{
        return G_SOURCE_CONTINUE;
}

#define run_until(condition)                                                                                 \
        do {                                                                                                 \
                gint64 end = g_get_monotonic_time() + WAIT_US;                                               \
                guint ticks = g_timeout_add(2, look_again, NULL);                                            \
                while (!(condition) && g_get_monotonic_time() < end)                                         \
                        g_main_context_iteration(NULL, TRUE);                                                \
                g_source_remove(ticks);                                                                      \
                g_assert_true(condition);                                                                    \
        } while (0)

typedef struct Fixture {
        TbMedia *media;
        TbSoundHub *hub;
        Source source;
} Fixture;

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        f->media = tb_media_new(NULL);
        f->hub = tb_media_add_sound(f->media, "board", "audio", &OPS, &f->source);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        tb_media_free(f->media);
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

typedef struct Heard {
        guint blocks;
        gint64 t_us;
} Heard;

static void on_heard(void *data, TbSound *sound)
{
        Heard *h = data;
        h->blocks++;
        h->t_us = sound->t_us;
}

static void test_first_starts_last_stops(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Heard a = {0}, b = {0};
        g_assert_cmpint(tb_sound_hub_state(f->hub), ==, TB_HUB_IDLE);
        TbSoundTap *one = tb_sound_hub_add_tap(f->hub, true, on_heard, &a);
        g_assert_cmpuint(f->source.starts, ==, 1);
        g_assert_cmpint(tb_sound_hub_state(f->hub), ==, TB_HUB_STARTING);
        TbSoundTap *two = tb_sound_hub_add_tap(f->hub, true, on_heard, &b);
        g_assert_cmpuint(f->source.starts, ==, 1);
        g_assert_cmpuint(tb_sound_hub_listeners(f->hub), ==, 2);
        push(&f->source, MONO, 1000, 1);
        g_assert_cmpuint(a.blocks, ==, 1); /* on the pushing thread */
        g_assert_cmpuint(b.blocks, ==, 1);
        run_until(tb_sound_hub_state(f->hub) == TB_HUB_LIVE);
        g_assert_cmpuint(tb_sound_hub_format(f->hub).rate, ==, 48000);
        tb_sound_hub_remove_tap(one);
        push(&f->source, MONO, 1000, 1);
        g_assert_cmpuint(a.blocks, ==, 1);
        tb_sound_hub_remove_tap(two);
        g_assert_cmpuint(f->source.stops, ==, 0); /* a page that reloads does not restart it */
        two = tb_sound_hub_add_tap(f->hub, true, on_heard, &b);
        g_assert_cmpuint(f->source.starts, ==, 1);
        tb_sound_hub_remove_tap(two);
        run_until(f->source.stops == 1);
        g_assert_cmpint(tb_sound_hub_state(f->hub), ==, TB_HUB_IDLE);
        push(&f->source, MONO, 1000, 1); /* late: dropped */
        TbSoundLevel level;
        g_assert_false(tb_sound_hub_level(f->hub, &level));
}

static void on_level(void *data, const TbSoundLevel *level)
{
        *(TbSoundLevel *)data = *level;
}

static void test_level(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        TbSoundLevel told = {0}, level;
        Heard h = {0};
        tb_sound_hub_watch(f->hub, on_level, &told);
        TbSoundTap *tap = tb_sound_hub_add_tap(f->hub, true, on_heard, &h);
        push(&f->source, STEREO, 3277, TB_SOUND_LEVEL_MS / 10 - 1);
        g_assert_false(tb_sound_hub_level(f->hub, &level)); /* not for so short a time */
        push(&f->source, STEREO, 3277, 1);
        g_assert_true(tb_sound_hub_level(f->hub, &level));
        run_until(told.rms < 0);
        g_assert_cmpfloat_with_epsilon(told.rms, -23, 0.1);
        g_assert_cmpfloat_with_epsilon(told.peak, -20, 0.1);
        json_auto_t *json = tb_sound_hub_to_json(f->hub);
        g_assert_cmpfloat_with_epsilon(json_number_value(json_object_get(json, "level_dbfs")), -23, 0.11);
        g_assert_cmpint(json_integer_value(json_object_get(json, "channels")), ==, 2);
        g_assert_cmpstr(json_string_value(json_object_get(json, "state")), ==, "live");
        tb_sound_hub_remove_tap(tap);
}

static void test_faults(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Heard h = {0};
        f->source.refuse = true;
        TbSoundTap *tap = tb_sound_hub_add_tap(f->hub, true, on_heard, &h);
        g_assert_cmpint(tb_sound_hub_state(f->hub), ==, TB_HUB_FAULT);
        g_assert_cmpstr(tb_sound_hub_fault(f->hub), ==, "the microphone is not plugged in");
        f->source.refuse = false;
        run_until(f->source.starts == 2); /* it is tried again */
        push(&f->source, MONO, 1000, 1);
        run_until(tb_sound_hub_state(f->hub) == TB_HUB_LIVE);
        g_assert_null(tb_sound_hub_fault(f->hub));
        tb_sound_hub_no_sound(f->hub, "it is muted");
        run_until(tb_sound_hub_state(f->hub) == TB_HUB_FAULT);
        g_assert_cmpstr(tb_sound_hub_fault(f->hub), ==, "it is muted");
        push(&f->source, MONO, 1000, 1);
        run_until(tb_sound_hub_state(f->hub) == TB_HUB_LIVE);
        guint before = h.blocks;
        tb_sound_hub_set_fault(f->hub, "the device is away", false);
        push(&f->source, MONO, 1000, 1); /* what still comes is none of it */
        g_assert_cmpuint(h.blocks, ==, before);
        g_assert_cmpstr(tb_sound_hub_fault(f->hub), ==, "the device is away");
        tb_sound_hub_set_fault(f->hub, NULL, false);
        push(&f->source, MONO, 1000, 1);
        run_until(tb_sound_hub_state(f->hub) == TB_HUB_LIVE);
        /* it goes for good while somebody listens */
        tb_media_remove_sound(f->media, tb_sound_hub_ref(f->hub), "the device was removed");
        g_assert_cmpuint(f->source.stops, ==, 1);
        g_assert_cmpstr(tb_sound_hub_fault(f->hub), ==, "the device was removed");
        tb_sound_hub_remove_tap(tap);
        tb_sound_hub_unref(f->hub);
}

/* --- clock --- */
static void test_clock(void)
{
        /* exact times stay as they are */
        TbSoundClock exact = {0};
        for (gint64 t = 1000000; t < 2000000; t += BLOCK_US)
                g_assert_cmpint(tb_sound_clock_next(&exact, t, BLOCK_US), ==, t);
        /* a server's "some 20 ms ago": what comes out goes on evenly */
        TbSoundClock rough = {0};
        gint64 last = tb_sound_clock_next(&rough, 1000000, BLOCK_US), worst = 0;
        for (int i = 1; i < 1000; i++) {
                gint64 noise = i * 7919 % 10001 - 5000;
                gint64 at = tb_sound_clock_next(&rough, 1000000 + i * BLOCK_US + noise, BLOCK_US);
                worst = MAX(worst, ABS(at - last - BLOCK_US));
                last = at;
        }
        g_assert_cmpint(worst, <, 500);
        g_assert_cmpint(ABS(last - (1000000 + 999 * BLOCK_US)), <, 3000);
        /* a card that is 200 ppm too slow is followed */
        TbSoundClock slow = {0};
        gint64 said = 0;
        for (int i = 0; i < 60000; i++) {
                said = 1000000 + (gint64)i * (BLOCK_US + 2);
                last = tb_sound_clock_next(&slow, said, BLOCK_US);
        }
        g_assert_cmpint(ABS(last - said), <, 3000);
        /* a gap is a gap */
        g_assert_cmpint(tb_sound_clock_next(&slow, said + 500000, BLOCK_US), ==, said + 500000);
        g_assert_cmpint(tb_sound_clock_next(&slow, said + 510000, BLOCK_US), ==, said + 510000);
}

/* --- Opus --- */
typedef struct Packets {
        guint n, gaps; /* gaps: packets that do not begin where the one before ends */
        GstClockTime first, next;
} Packets;

static TbMutex packets_lock = TB_MUTEX_INIT;

static void on_packet(void *data, GstBuffer *buffer)
{
        Packets *p = data;
        GstClockTime pts = GST_BUFFER_PTS(buffer);
        g_assert_true(GST_CLOCK_TIME_IS_VALID(pts));
        tb_mutex_lock(&packets_lock);
        if (p->n == 0)
                p->first = pts;
        else if (p->n > 1 &&
                 ABS(GST_CLOCK_DIFF(p->next, pts)) > 100000) /* the first has Opus' run-up in it */
                p->gaps++;
        p->next = pts + TB_OPUS_MS * GST_MSECOND;
        p->n++;
        tb_mutex_unlock(&packets_lock);
}

static Packets seen_of(const Packets *p)
{
        tb_mutex_lock(&packets_lock);
        Packets copy = *p;
        tb_mutex_unlock(&packets_lock);
        return copy;
}

static guint packets_of(const Packets *p)
{
        return seen_of(p).n;
}

/* However many listen, one encoder works, and one source. */
static void test_encoded_once(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        static const TbSoundFormat formats[] = {{48000, 1}, {44100, 2}, {8000, 1}, {96000, 6}};
        Packets a = {0}, b = {0};
        g_autoptr(GError) error = NULL;
        TbOpusTap *one = tb_opus_tap_new(f->hub, on_packet, &a, &error);
        g_assert_no_error(error);
        TbSoundEncoder *encoder = f->hub->encoder;
        TbOpusTap *two = tb_opus_tap_new(f->hub, on_packet, &b, &error);
        g_assert_true(f->hub->encoder == encoder);
        g_assert_cmpuint(f->source.starts, ==, 1);
        for (guint i = 0; i < G_N_ELEMENTS(formats); i++) { /* another one at any block */
                guint before = packets_of(&a);
                push(&f->source, formats[i], 8000, 20);
                run_until(packets_of(&a) >= before + 8);
        }
        run_until(packets_of(&b) == packets_of(&a));
        tb_opus_tap_remove(one);
        g_assert_true(f->hub->encoder == encoder);
        tb_opus_tap_remove(two);
        g_assert_null(f->hub->encoder);
        run_until(f->source.stops == 1);
}

typedef struct Read {
        guint n, gaps;
        guint32 next;
} Read;

static void on_read(void *data, const guint8 *bytes, gsize size, guint32 at)
{
        Read *r = data;
        g_assert_cmpuint(size, >, 2);
        g_assert_cmpuint(bytes[0] >> 3, >=, 16); /* CELT, RFC 6716 §3.1 */
        r->gaps += r->n > 1 && (gint32)(at - r->next) > 5;
        r->next = at + TB_OPUS_RATE * TB_OPUS_MS / 1000;
        r->n++;
}

/* On the main thread, the same packets; while main is away the oldest are lost, and that is a gap. */
static void test_opus_reader(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Read r = {0};
        Packets all = {0};
        g_autoptr(GError) error = NULL;
        TbOpusReader *reader = tb_opus_reader_new(f->hub, on_read, &r, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(tb_sound_hub_listeners(f->hub), ==, 1);
        TbOpusTap *tap = tb_opus_tap_new(f->hub, on_packet, &all, NULL);
        push(&f->source, STEREO, 8000, 20);
        run_until(r.n >= 8);
        g_assert_cmpuint(r.gaps, ==, 0);
        guint before = packets_of(&all);
        for (guint i = 1; i <= 3; i++) { /* half a second may wait for the encoder */
                push(&f->source, STEREO, 8000, 40);
                for (gint64 end = g_get_monotonic_time() + WAIT_US;
                     packets_of(&all) < before + i * 20 - 2 && g_get_monotonic_time() < end;)
                        g_thread_yield();
        }
        guint read = r.n, encoded = packets_of(&all);
        g_assert_cmpuint(encoded, >, before + TB_LIMIT_OPUS_BEHIND);
        run_until(r.n >= read + TB_LIMIT_OPUS_BEHIND);
        /* the encoder's last packets may come while main reads */
        g_assert_cmpuint(r.n, <=, read + TB_LIMIT_OPUS_BEHIND + packets_of(&all) - encoded);
        g_assert_cmpuint(r.gaps, ==, 1);
        tb_opus_tap_remove(tap);
        tb_opus_reader_free(reader);
        g_assert_cmpuint(tb_sound_hub_listeners(f->hub), ==, 0);
        run_until(f->source.stops == 1);
}

/* Packets follow each other without a gap, and stand where their sound was taken. */
static void test_times(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Packets p = {0};
        TbOpusTap *tap = tb_opus_tap_new(f->hub, on_packet, &p, NULL);
        push(&f->source, STEREO, 8000, 1);
        GstClockTime begin = (GstClockTime)(f->source.at_us - BLOCK_US) * 1000 - tb_media_epoch();
        for (int i = 0; i < 199; i++) {
                f->source.at_us += 3; /* 300 ppm: 60 ms in 200 s */
                push(&f->source, STEREO, 8000, 1);
                if (i % 10 == 0) /* half a second may wait */
                        run_until((packets_of(&p) + 2) * TB_OPUS_MS >= (guint)i * 10);
        }
        run_until(packets_of(&p) >= 198 * 10 / TB_OPUS_MS);
        g_assert_cmpint(ABS(GST_CLOCK_DIFF(begin, seen_of(&p).first)), <, 10 * GST_MSECOND);
        g_assert_cmpuint(seen_of(&p).gaps, ==, 0);
        /* a source that was away for a second: the time goes on where the sound does */
        f->source.at_us += G_USEC_PER_SEC;
        guint before = packets_of(&p);
        push(&f->source, STEREO, 8000, 10);
        run_until(packets_of(&p) >= before + 4);
        GstClockTime end = (GstClockTime)f->source.at_us * 1000 - tb_media_epoch();
        g_assert_cmpint(ABS(GST_CLOCK_DIFF(end, seen_of(&p).next)), <, 40 * GST_MSECOND);
        tb_opus_tap_remove(tap);
}

/* Main is busy: what its readers do not get to in time is lost, the oldest first, and nobody else's. */
static void test_behind(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Heard slow = {0}, quick = {0};
        TbSoundReader *reader = tb_sound_reader_new(f->hub, on_heard, &slow);
        TbSoundTap *tap = tb_sound_hub_add_tap(f->hub, true, on_heard, &quick);
        guint most = TB_LIMIT_SOUND_BEHIND_MS * 1000 / BLOCK_US;
        push(&f->source, MONO, 1000, most);
        run_until(slow.blocks == most);
        push(&f->source, MONO, 1000, most + 1);
        run_until(slow.t_us == quick.t_us);
        g_assert_cmpuint(slow.blocks, ==, 2 * most);
        g_assert_cmpuint(quick.blocks, ==, 2 * most + 1);
        push(&f->source, MONO, 1000, 1); /* on its way when the reader leaves */
        tb_sound_reader_free(reader);
        tb_sound_hub_remove_tap(tap);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(NULL, NULL);
        tb_main_init(NULL);
        g_test_add("/sound-hub/first-starts", Fixture, NULL, set_up, test_first_starts_last_stops, tear_down);
        g_test_add("/sound-hub/level", Fixture, NULL, set_up, test_level, tear_down);
        g_test_add("/sound-hub/faults", Fixture, NULL, set_up, test_faults, tear_down);
        g_test_add_func("/sound-hub/clock", test_clock);
        g_test_add("/sound-hub/behind", Fixture, NULL, set_up, test_behind, tear_down);
        g_test_add("/sound-hub/encoded-once", Fixture, NULL, set_up, test_encoded_once, tear_down);
        g_test_add("/sound-hub/opus-reader", Fixture, NULL, set_up, test_opus_reader, tear_down);
        g_test_add("/sound-hub/times", Fixture, NULL, set_up, test_times, tear_down);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
