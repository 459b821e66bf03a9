#include "host/media/webrtc/feed.h"

#include "host/media/encode/group.h"
#include "host/media/webrtc/pass.h"
#include "lib/thread.h"

#define PASS_LOOK_MS 200
#define EXPECT_MS 100      /* a keyframe that is no older will do when the way to the viewer opens */
#define KEY_OVERDUE_MS 500 /* a keyframe that was asked for and did not come in this time will not */

typedef struct Feed {
        TbFeeds *feeds; /* borrowed */
        guint source;
        TbRung rung;
        GPtrArray *taps; /* owned by who made them */
        TbGroup group;
        gint64 asked_us; /* when a keyframe was asked for */
        guint kbps, fps;
        TbPass pass;  /* of the full rung */
        guint origin; /* of the source, as the pass knows it */
} Feed;

struct TbFeeds {
        TbFeedLimits limits;
        const TbFeedOps *ops; /* static */
        void *data;
        GHashTable *feeds;   /* key_of() -> owned Feed */
        GHashTable *sources; /* source -> owned TbFeedSource; of sources with feeds only */
        guint pass_timer;    /* while one of them is passed on */
        GPtrArray *senders;
        GPtrArray *ears; /* owned by who made them */
};

struct TbFeedEar {
        TbFeeds *feeds; /* borrowed */
        guint sound;
        void (*packet)(void *data, GstBuffer *buffer);
        void *data; /* borrowed from who made it */
};

struct TbFeedTap {
        Feed *feed;
        void (*packet)(void *data, GstBuffer *buffer, bool keyframe);
        void *data; /* borrowed from who made it */
        bool open;
};

static void feed_free(gpointer data)
{
        Feed *feed = data;
        g_ptr_array_free(feed->taps, TRUE);
        tb_group_clear(&feed->group);
        g_free(feed);
}

TbFeeds *tb_feeds_new(const TbFeedLimits *limits, const TbFeedOps *ops, void *data)
{
        TbFeeds *feeds = g_new0(TbFeeds, 1);
        feeds->limits = *limits;
        feeds->ops = ops;
        feeds->data = data;
        feeds->feeds = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, feed_free);
        feeds->sources = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        feeds->senders = g_ptr_array_new();
        feeds->ears = g_ptr_array_new();
        return feeds;
}

void tb_feeds_free(TbFeeds *feeds)
{
        if (!feeds)
                return;
        g_assert(g_hash_table_size(feeds->feeds) == 0 && feeds->ears->len == 0);
        g_ptr_array_free(feeds->ears, TRUE);
        g_hash_table_unref(feeds->feeds);
        g_hash_table_unref(feeds->sources);
        g_clear_handle_id(&feeds->pass_timer, g_source_remove);
        g_ptr_array_free(feeds->senders, TRUE);
        g_free(feeds);
}

const TbFeedLimits *tb_feeds_limits(TbFeeds *feeds)
{
        return &feeds->limits;
}

GPtrArray *tb_feeds_senders(TbFeeds *feeds)
{
        return feeds->senders;
}

static gint64 key_of(guint source, TbRung rung)
{
        return (gint64)source * TB_RUNGS + (gint64)rung;
}

static Feed *find(TbFeeds *feeds, guint source, TbRung rung)
{
        gint64 key = key_of(source, rung);
        return g_hash_table_lookup(feeds->feeds, &key);
}

/* --- what the host tells --- */
static guint may_kbps(const Feed *feed)
{
        return MIN(feed->kbps, feed->feeds->limits.max_kbps);
}

/* The host's encoder is what viewers get from now on, at the rate that they want. */
static void pass_ended(Feed *feed)
{
        const TbFeedOps *ops = feed->feeds->ops;
        feed->asked_us = 0;
        ops->subscribe(feed->feeds->data, feed->source, feed->rung, true);
        ops->rate(feed->feeds->data, feed->source, feed->rung, feed->kbps, feed->fps);
}

void tb_feeds_set_source(TbFeeds *feeds, guint source, const TbFeedSource *what)
{
        Feed *feed = find(feeds, source, TB_RUNG_FULL);
        g_hash_table_insert(feeds->sources, GUINT_TO_POINTER(source), g_memdup2(what, sizeof *what));
        if (!feed || feed->origin == what->origin)
                return;
        if (tb_pass_end(&feed->pass, g_get_monotonic_time()))
                pass_ended(feed);
        if (what->origin)
                feed->pass = (TbPass){0};
        feed->origin = what->origin;
}

void tb_feeds_size(TbFeeds *feeds, guint source, guint *ret_width, guint *ret_height)
{
        const TbFeedSource *what = g_hash_table_lookup(feeds->sources, GUINT_TO_POINTER(source));
        *ret_width = what ? what->width : 0;
        *ret_height = what ? what->height : 0;
}

void tb_feeds_set_rate(TbFeeds *feeds, guint source, TbRung rung, guint kbps, guint fps)
{
        Feed *feed = find(feeds, source, rung);
        if (!feed || feed->pass.on)
                return;
        feed->kbps = kbps;
        feed->fps = fps;
}

static void hand_on(Feed *feed, GstBuffer *buffer, bool keyframe)
{
        tb_group_add(&feed->group, buffer, keyframe, g_get_monotonic_time());
        for (guint i = 0; i < feed->taps->len; i++) {
                TbFeedTap *tap = g_ptr_array_index(feed->taps, i);
                if (tap->open)
                        tap->packet(tap->data, buffer, keyframe);
        }
}

void tb_feeds_push(TbFeeds *feeds, guint source, TbRung rung, GstBuffer *buffer, bool keyframe)
{
        tb_assert_main();
        Feed *feed = find(feeds, source, rung);
        if (feed && !feed->pass.on) /* else it was on its way */
                hand_on(feed, buffer, keyframe);
}

/* --- phones --- */
static gboolean look_at_passes(gpointer data)
{
        TbFeeds *feeds = data;
        GHashTableIter iter;
        gpointer value;
        guint on = 0;
        g_hash_table_iter_init(&iter, feeds->feeds);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Feed *feed = value;
                if (tb_pass_look(&feed->pass, may_kbps(feed), g_get_monotonic_time()))
                        pass_ended(feed);
                on += feed->pass.on;
        }
        if (on == 0)
                feeds->pass_timer = 0;
        return on > 0;
}

static void pass_unit(Feed *feed, GstBuffer *buffer, bool keyframe)
{
        TbFeeds *feeds = feed->feeds;
        bool was = feed->pass.on;
        bool passes = tb_pass_unit(&feed->pass, gst_buffer_get_size(buffer), keyframe, may_kbps(feed),
                                   g_get_monotonic_time());
        if (feed->pass.wants_key)
                feeds->ops->phone_keyframe(feeds->data, feed->origin);
        feed->pass.wants_key = false;
        if (!passes)
                return;
        if (!was)
                feeds->ops->subscribe(feeds->data, feed->source, feed->rung, false);
        if (!feeds->pass_timer)
                feeds->pass_timer = g_timeout_add(PASS_LOOK_MS, look_at_passes, feeds);
        hand_on(feed, buffer, keyframe);
}

static bool shows(TbFeeds *feeds, const Feed *feed, guint phone, TbCodec codec)
{
        const TbFeedSource *what = g_hash_table_lookup(feeds->sources, GUINT_TO_POINTER(feed->source));
        return feed->rung == TB_RUNG_FULL && what && what->origin == phone && what->codec == codec;
}

void tb_feeds_push_phone(TbFeeds *feeds, guint phone, TbCodec codec, GstBuffer *buffer, bool keyframe)
{
        tb_assert_main();
        g_autoptr(GPtrArray) to = g_ptr_array_new(); /* handing on ends feeds of other rungs */
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, feeds->feeds);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (shows(feeds, value, phone, codec))
                        g_ptr_array_add(to, value);
        for (guint i = 0; i < to->len; i++) {
                Feed *feed = g_ptr_array_index(to, i);
                feed->origin = phone;
                pass_unit(feed, buffer, keyframe);
        }
}

/* --- sound --- */
TbFeedEar *tb_feeds_hear(TbFeeds *feeds, guint sound, void (*packet)(void *data, GstBuffer *buffer),
                         void *data)
{
        TbFeedEar *ear = g_new(TbFeedEar, 1);
        *ear = (TbFeedEar){feeds, sound, packet, data};
        g_ptr_array_add(feeds->ears, ear);
        return ear;
}

void tb_feed_ear_remove(TbFeedEar *ear)
{
        if (!ear)
                return;
        g_ptr_array_remove_fast(ear->feeds->ears, ear);
        g_free(ear);
}

void tb_feeds_push_sound(TbFeeds *feeds, guint sound, GstBuffer *buffer)
{
        tb_assert_main();
        for (guint i = 0; i < feeds->ears->len; i++) {
                TbFeedEar *ear = g_ptr_array_index(feeds->ears, i);
                if (ear->sound == sound)
                        ear->packet(ear->data, buffer);
        }
}

/* --- taps --- */
TbFeedTap *tb_feed_tap_new(TbFeeds *feeds, guint source, TbRung rung,
                           void (*packet)(void *data, GstBuffer *buffer, bool keyframe), void *data)
{
        tb_assert_main();
        Feed *feed = find(feeds, source, rung);
        if (!feed) {
                feed = g_new0(Feed, 1);
                feed->feeds = feeds;
                feed->source = source;
                feed->rung = rung;
                feed->taps = g_ptr_array_new();
                tb_group_init(&feed->group);
                gint64 key = key_of(source, rung);
                g_hash_table_insert(feeds->feeds, g_memdup2(&key, sizeof key), feed);
                feeds->ops->subscribe(feeds->data, source, rung, true);
        }
        TbFeedTap *tap = g_new(TbFeedTap, 1);
        *tap = (TbFeedTap){.feed = feed, .packet = packet, .data = data};
        g_ptr_array_add(feed->taps, tap);
        return tap;
}

static bool has_feeds(TbFeeds *feeds, guint source)
{
        for (TbRung rung = 0; rung < TB_RUNGS; rung++)
                if (find(feeds, source, rung))
                        return true;
        return false;
}

void tb_feed_tap_remove(TbFeedTap *tap)
{
        if (!tap)
                return;
        tb_assert_main();
        Feed *feed = tap->feed;
        TbFeeds *feeds = feed->feeds;
        g_ptr_array_remove_fast(feed->taps, tap);
        g_free(tap);
        if (feed->taps->len > 0)
                return;
        guint source = feed->source;
        gint64 key = key_of(source, feed->rung);
        feeds->ops->subscribe(feeds->data, source, feed->rung, false);
        g_hash_table_remove(feeds->feeds, &key);
        if (!has_feeds(feeds, source))
                g_hash_table_remove(feeds->sources, GUINT_TO_POINTER(source));
}

static void ask(Feed *feed)
{
        feed->asked_us = g_get_monotonic_time();
        if (feed->pass.on)
                feed->feeds->ops->phone_keyframe(feed->feeds->data, feed->origin);
        else
                feed->feeds->ops->keyframe(feed->feeds->data, feed->source, feed->rung);
}

/* A keyframe that was asked for and is not here yet. */
static bool key_is_coming(const Feed *feed, gint64 now_us)
{
        return feed->asked_us > feed->group.key_us && now_us - feed->asked_us < KEY_OVERDUE_MS * 1000;
}

void tb_feed_tap_expect(TbFeedTap *tap)
{
        Feed *feed = tap->feed;
        gint64 now_us = g_get_monotonic_time();
        if (!key_is_coming(feed, now_us) && now_us - feed->group.key_us >= EXPECT_MS * 1000)
                ask(feed);
}

void tb_feed_tap_open(TbFeedTap *tap, bool recent)
{
        tb_assert_main();
        Feed *feed = tap->feed;
        gint64 now_us = g_get_monotonic_time();
        tap->open = true;
        bool ready = recent && tb_group_is_fresh(&feed->group, now_us);
        for (GList *l = ready ? feed->group.buffers.head : NULL; l; l = l->next)
                tap->packet(tap->data, l->data, l == feed->group.buffers.head);
        if (!ready && !key_is_coming(feed, now_us))
                ask(feed);
}

void tb_feed_tap_want_keyframe(TbFeedTap *tap)
{
        ask(tap->feed);
}

void tb_feed_tap_set_rate(TbFeedTap *tap, guint kbps, guint fps)
{
        Feed *feed = tap->feed;
        TbFeeds *feeds = feed->feeds;
        if (!feed->pass.on) {
                feeds->ops->rate(feeds->data, feed->source, feed->rung, kbps, fps);
                return;
        }
        feed->kbps = kbps; /* what they get is as large as the phone makes it: the pass looks at that */
        feed->fps = fps;
}

TbRung tb_feed_tap_rung(TbFeedTap *tap)
{
        return tap->feed->rung;
}

guint tb_feed_tap_kbps(TbFeedTap *tap)
{
        return tap->feed->kbps;
}

guint tb_feed_tap_fps(TbFeedTap *tap)
{
        return tap->feed->fps;
}
