#include "host/media/webrtc/feed.h"

#include "host/media/encode/group.h"
#include "lib/thread.h"

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
} Feed;

typedef struct Size {
        guint width, height;
} Size;

struct TbFeeds {
        TbFeedLimits limits;
        const TbFeedOps *ops; /* static */
        void *data;
        GHashTable *feeds; /* key_of() -> owned Feed */
        GHashTable *sizes; /* source -> owned Size; of sources with feeds only */
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
        feeds->sizes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
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
        g_hash_table_unref(feeds->sizes);
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
void tb_feeds_set_size(TbFeeds *feeds, guint source, guint width, guint height)
{
        Size *size = g_new(Size, 1);
        *size = (Size){width, height};
        g_hash_table_insert(feeds->sizes, GUINT_TO_POINTER(source), size);
}

void tb_feeds_size(TbFeeds *feeds, guint source, guint *ret_width, guint *ret_height)
{
        const Size *size = g_hash_table_lookup(feeds->sizes, GUINT_TO_POINTER(source));
        *ret_width = size ? size->width : 0;
        *ret_height = size ? size->height : 0;
}

void tb_feeds_set_rate(TbFeeds *feeds, guint source, TbRung rung, guint kbps, guint fps)
{
        Feed *feed = find(feeds, source, rung);
        if (!feed)
                return;
        feed->kbps = kbps;
        feed->fps = fps;
}

void tb_feeds_push(TbFeeds *feeds, guint source, TbRung rung, GstBuffer *buffer, bool keyframe)
{
        tb_assert_main();
        Feed *feed = find(feeds, source, rung);
        if (!feed)
                return;
        tb_group_add(&feed->group, buffer, keyframe, g_get_monotonic_time());
        for (guint i = 0; i < feed->taps->len; i++) {
                TbFeedTap *tap = g_ptr_array_index(feed->taps, i);
                if (tap->open)
                        tap->packet(tap->data, buffer, keyframe);
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
                g_hash_table_remove(feeds->sizes, GUINT_TO_POINTER(source));
}

static void ask(Feed *feed)
{
        feed->asked_us = g_get_monotonic_time();
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
        TbFeeds *feeds = tap->feed->feeds;
        feeds->ops->rate(feeds->data, tap->feed->source, tap->feed->rung, kbps, fps);
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
