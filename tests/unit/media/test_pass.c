/* A phone's pictures go to viewers as it sent them, or as the host encodes them: when which, and that no viewer gets both. */
#include "host/media/webrtc/feed.h"
#include "host/media/webrtc/pass.h"
#include "lib/thread.h"

#define FRAME_US 33000
#define UNIT 8250 /* bytes: 2000 kbit/s */

typedef struct Line {
        TbPass pass;
        gint64 now_us;
        guint passed, asked, ended;
} Line;

/* So many pictures of a phone that answers each question for a keyframe with the next one. */
static void send_units(Line *l, guint n, guint may_kbps)
{
        bool key = false;
        for (guint i = 0; i < n; i++) {
                l->now_us += FRAME_US;
                l->passed += tb_pass_unit(&l->pass, UNIT, key, may_kbps, l->now_us);
                key = l->pass.wants_key;
                l->asked += key;
                l->pass.wants_key = false;
                l->ended += tb_pass_look(&l->pass, may_kbps, l->now_us);
        }
}

static void test_begins(void)
{
        Line l = {.now_us = 1};
        send_units(&l, 25, 4000); /* the rate is not known yet */
        g_assert_false(l.pass.on);
        g_assert_cmpuint(l.asked, ==, 0);
        send_units(&l, 10, 4000);
        g_assert_true(l.pass.on);
        g_assert_cmpuint(l.asked, ==, 1);
        g_assert_cmpint(ABS((int)l.pass.kbps - 2000), <, 100);
        send_units(&l, 300, 4000);
        g_assert_cmpuint(l.ended, ==, 0);
        g_assert_cmpuint(l.passed, >, 300);
}

/* A line that bears less than the phone sends has the host's encoder, and not in turns. */
static void test_too_much(void)
{
        Line l = {.now_us = 1};
        send_units(&l, 100, 1500);
        g_assert_cmpuint(l.asked, ==, 0);
        send_units(&l, 100, 2500);
        g_assert_true(l.pass.on);
        send_units(&l, 20, 1500); /* a moment is none */
        send_units(&l, 20, 2500);
        g_assert_true(l.pass.on);
        send_units(&l, 60, 1500);
        g_assert_false(l.pass.on);
        g_assert_cmpuint(l.ended, ==, 1);
        guint passed = l.passed;
        send_units(&l, 100, 2500);
        g_assert_cmpuint(l.passed, ==, passed);
        send_units(&l, 100, 2500);
        g_assert_true(l.pass.on);
}

static void test_gone(void)
{
        Line l = {.now_us = 1};
        send_units(&l, 60, 4000);
        g_assert_true(l.pass.on);
        g_assert_false(tb_pass_look(&l.pass, 4000, l.now_us + TB_PASS_GONE_US));
        l.now_us += TB_PASS_GONE_US + 1;
        g_assert_true(tb_pass_look(&l.pass, 4000, l.now_us));
        g_assert_false(tb_pass_look(&l.pass, 4000, l.now_us));
        g_assert_false(tb_pass_end(&l.pass, l.now_us));
}

/* --- feeds --- */
typedef struct Host {
        bool encodes;
        guint keyframes, phone_keyframes, rate;
} Host;

static void on_subscribe(void *data, guint source G_GNUC_UNUSED, TbRung rung, bool on)
{
        g_assert_cmpint(rung, ==, TB_RUNG_FULL);
        ((Host *)data)->encodes = on;
}

static void on_keyframe(void *data, guint source G_GNUC_UNUSED, TbRung rung G_GNUC_UNUSED)
{
        ((Host *)data)->keyframes++;
}

static void on_rate(void *data, guint source G_GNUC_UNUSED, TbRung rung G_GNUC_UNUSED, guint kbps,
                    guint fps G_GNUC_UNUSED)
{
        ((Host *)data)->rate = kbps;
}

static void on_phone_keyframe(void *data, guint phone)
{
        g_assert_cmpuint(phone, ==, 9);
        ((Host *)data)->phone_keyframes++;
}

static const TbFeedOps OPS = {on_subscribe, on_keyframe, on_rate, on_phone_keyframe};

typedef struct Seen {
        guint n, phone, first_is_key;
} Seen;

static void on_packet(void *data, GstBuffer *buffer, bool keyframe)
{
        Seen *seen = data;
        bool phone = gst_buffer_get_size(buffer) == UNIT;
        if (phone && !seen->phone)
                seen->first_is_key = keyframe;
        seen->phone += phone;
        seen->n++;
}

static void push(TbFeeds *feeds, bool phone, TbCodec codec, bool keyframe)
{
        GstBuffer *buffer = gst_buffer_new_allocate(NULL, phone ? UNIT : 100, NULL);
        if (phone)
                tb_feeds_push_phone(feeds, 9, codec, buffer, keyframe);
        else
                tb_feeds_push(feeds, 3, TB_RUNG_FULL, buffer, keyframe);
        gst_buffer_unref(buffer);
}

/* The phone sends for a second and answers the question; the host goes on with its own meanwhile. */
static void run_for(TbFeeds *feeds, Host *host, TbCodec codec, bool until_passed)
{
        gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC, least = g_get_monotonic_time() + 1200000;
        guint asked = host->phone_keyframes;
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        while (g_get_monotonic_time() < end &&
               (until_passed ? host->encodes : g_get_monotonic_time() < least)) {
                g_timeout_add_once(20, (GSourceOnceFunc)g_main_loop_quit, loop);
                g_main_loop_run(loop);
                bool key = host->phone_keyframes > asked;
                asked = host->phone_keyframes;
                push(feeds, true, codec, key);
                push(feeds, false, codec, false);
        }
}

static void test_feeds(void)
{
        Host host = {0};
        Seen seen = {0};
        const TbFeedLimits limits = {.max_fps = 60, .max_kbps = 8000};
        TbFeeds *feeds = tb_feeds_new(&limits, &OPS, &host);
        TbFeedSource source = {1280, 720, TB_CODEC_VP8, 9};
        tb_feeds_set_source(feeds, 3, &source);
        TbFeedTap *tap = tb_feed_tap_new(feeds, 3, TB_RUNG_FULL, on_packet, &seen);
        tb_feeds_set_rate(feeds, 3, TB_RUNG_FULL, 7000, 30);
        tb_feed_tap_open(tap, false);
        run_for(feeds, &host, TB_CODEC_H264, false); /* another codec is not theirs */
        g_assert_true(host.encodes);
        g_assert_cmpuint(seen.phone, ==, 0);
        run_for(feeds, &host, TB_CODEC_VP8, true);
        g_assert_false(host.encodes);
        g_assert_cmpuint(seen.first_is_key, ==, 1);
        guint n = seen.n, keyframes = host.keyframes, asked = host.phone_keyframes;
        push(feeds, false, TB_CODEC_VP8, false); /* of the host's, that was on its way */
        g_assert_cmpuint(seen.n, ==, n);
        push(feeds, true, TB_CODEC_VP8, false);
        g_assert_cmpuint(seen.n, ==, n + 1);
        tb_feed_tap_want_keyframe(tap);
        g_assert_cmpuint(host.keyframes, ==, keyframes);
        g_assert_cmpuint(host.phone_keyframes, ==, asked + 1);
        tb_feed_tap_set_rate(tap, 5000, 30); /* no matter of the encoder's, until it is needed */
        g_assert_cmpuint(host.rate, ==, 0);
        source.origin = 0; /* the hub shows a slate */
        tb_feeds_set_source(feeds, 3, &source);
        g_assert_true(host.encodes);
        g_assert_cmpuint(host.rate, ==, 5000);
        push(feeds, true, TB_CODEC_VP8, true);
        g_assert_cmpuint(seen.n, ==, n + 1);
        push(feeds, false, TB_CODEC_VP8, true);
        g_assert_cmpuint(seen.n, ==, n + 2);
        tb_feed_tap_remove(tap);
        tb_feeds_free(feeds);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(NULL, NULL);
        tb_main_init(NULL);
        g_test_add_func("/pass/begins", test_begins);
        g_test_add_func("/pass/too-much", test_too_much);
        g_test_add_func("/pass/gone", test_gone);
        g_test_add_func("/pass/feeds", test_feeds);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
