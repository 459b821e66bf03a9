#include "host/media/child/sources.h"

#include "host/media/private.h"
#include "lib/log.h"
#include "lib/rate.h"

/* An encoder that starts costs something; viewers that come, and change their rung, need few. */
#define SUBSCRIBES_PER_S 10.0
#define SUBSCRIBES_BURST 64.0
#define RATE_US 20000 /* wishes for another rate that come sooner are made again */

typedef struct Source Source;

typedef struct Feed {
        Source *source; /* borrowed */
        TbRung rung;
        TbTap *tap;     /* owned */
        bool need_key;  /* pictures are left out until the next keyframe; atomic */
        gint64 rate_us; /* when the last wish was granted */
} Feed;

struct Source {
        guint32 number;
        TbHub *hub; /* ref */
        TbCodec codec;
        TbLink *link; /* borrowed */
        guint viewers;
        int width, height;     /* as the child knows them */
        guint32 origin;        /* as the child knows it */
        Feed *feeds[TB_RUNGS]; /* owned; NULL: nobody is on that rung */
};

struct TbSources {
        TbEncoders *encoders; /* borrowed */
        GHashTable *sources;  /* number -> owned Source */
        guint32 last;
        TbBucket subscribes;
};

/* --- pictures: the encoder's thread --- */
static void packet(void *data, GstBuffer *buffer, bool keyframe)
{
        Feed *feed = data;
        GstMapInfo map;
        bool held_up = __atomic_load_n(&feed->need_key, __ATOMIC_RELAXED);
        if ((held_up && !keyframe) || !gst_buffer_map(buffer, &map, GST_MAP_READ)) {
                TB_COUNT(tb_media_counters()->frames_dropped, 1);
                return;
        }
        TbLinkMessage m = {.type = TB_LINK_UNIT,
                           .id = feed->source->number,
                           .unit = {.rung = feed->rung,
                                    .keyframe = keyframe,
                                    .pts_ns = GST_BUFFER_PTS(buffer),
                                    .data = {(const char *)map.data, map.size}}};
        bool sent = tb_link_send(feed->source->link, &m) == TB_LINK_SENT;
        gst_buffer_unmap(buffer, &map);
        TB_COUNT(tb_media_counters()->frames_dropped, !sent);
        __atomic_store_n(&feed->need_key, !sent, __ATOMIC_RELAXED);
}

/* --- feeds --- */
static void tell_rate(const Feed *feed)
{
        TbEncoder *e = tb_tap_encoder(feed->tap);
        tb_link_send(feed->source->link,
                     &(TbLinkMessage){.type = TB_LINK_FEED,
                                      .id = feed->source->number,
                                      .feed = {feed->rung, tb_encoder_kbps(e), tb_encoder_fps(e)}});
}

static bool subscribe(TbSources *sources, Source *source, TbRung rung, GError **error)
{
        if (source->feeds[rung])
                return true;
        Feed *feed = g_new0(Feed, 1);
        feed->source = source;
        feed->rung = rung;
        feed->need_key = true;
        feed->tap = tb_tap_new(sources->encoders, source->hub, source->codec, rung, packet, feed, error);
        if (!feed->tap) {
                g_free(feed);
                return false;
        }
        source->feeds[rung] = feed;
        tb_tap_open(feed->tap, true);
        return true;
}

static void unsubscribe(Source *source, TbRung rung)
{
        Feed *feed = g_steal_pointer(&source->feeds[rung]);
        if (!feed)
                return;
        tb_tap_remove(feed->tap);
        g_free(feed);
}

static void set_rate(Feed *feed, const TbLinkFeed *wish)
{
        gint64 now = g_get_monotonic_time();
        if (now - feed->rate_us < RATE_US)
                return;
        feed->rate_us = now;
        tb_encoder_set_rate(tb_tap_encoder(feed->tap), wish->kbps, wish->fps);
        tell_rate(feed);
}

bool tb_sources_wish(TbSources *sources, const TbLinkMessage *m)
{
        Source *source = g_hash_table_lookup(sources->sources, GUINT_TO_POINTER(m->id));
        if (!source)
                return true; /* everybody has left it meanwhile */
        TbRung rung = (TbRung)(m->type == TB_LINK_RATE ? m->feed.rung : m->number);
        Feed *feed = source->feeds[rung];
        g_autoptr(GError) error = NULL;
        if (m->type == TB_LINK_SUBSCRIBE) {
                if (!tb_bucket_take(&sources->subscribes, SUBSCRIBES_PER_S, SUBSCRIBES_BURST, 1,
                                    g_get_monotonic_time(), NULL))
                        return false;
                if (subscribe(sources, source, rung, &error))
                        tell_rate(source->feeds[rung]);
                else
                        tb_log(TB_LOG_WARNING, TB_F("device", tb_hub_device(source->hub)),
                               "cannot change the quality of a viewer: %s", error->message);
        } else if (m->type == TB_LINK_UNSUBSCRIBE) {
                unsubscribe(source, rung);
        } else if (feed && m->type == TB_LINK_KEYFRAME) {
                tb_encoder_want_keyframe(tb_tap_encoder(feed->tap));
        } else if (feed && m->type == TB_LINK_RATE) {
                set_rate(feed, &m->feed);
        }
        return true;
}

/* --- sources --- */
static void source_free(gpointer data)
{
        Source *source = data;
        for (TbRung rung = 0; rung < TB_RUNGS; rung++)
                unsubscribe(source, rung);
        tb_hub_unref(source->hub);
        g_free(source);
}

TbSources *tb_sources_new(TbEncoders *encoders)
{
        TbSources *sources = g_new0(TbSources, 1);
        sources->encoders = encoders;
        sources->sources = g_hash_table_new_full(NULL, NULL, NULL, source_free);
        return sources;
}

void tb_sources_free(TbSources *sources)
{
        if (!sources)
                return;
        g_hash_table_unref(sources->sources);
        g_free(sources);
}

void tb_sources_clear(TbSources *sources)
{
        g_hash_table_remove_all(sources->sources);
}

/* How large its pictures are, and whose. */
static void tell_size(Source *source)
{
        int width = 0, height = 0;
        g_autoptr(TbFrame) last = tb_hub_last(source->hub);
        guint32 origin = last ? last->origin : 0; /* a slate has none */
        tb_hub_size(source->hub, &width, &height);
        if (width == source->width && height == source->height && origin == source->origin)
                return;
        source->origin = origin;
        source->width = width;
        source->height = height;
        tb_link_send(source->link,
                     &(TbLinkMessage){.type = TB_LINK_SOURCE,
                                      .id = source->number,
                                      .source = {source->codec, (guint32)width, (guint32)height, origin}});
}

void tb_sources_tick(TbSources *sources)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, sources->sources);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Source *source = value;
                tell_size(source);
                for (TbRung rung = 0; rung < TB_RUNGS; rung++) {
                        Feed *feed = source->feeds[rung];
                        if (feed && __atomic_load_n(&feed->need_key, __ATOMIC_RELAXED))
                                tb_encoder_want_keyframe(tb_tap_encoder(feed->tap));
                }
        }
}

static Source *find(TbSources *sources, TbHub *hub, TbCodec codec)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, sources->sources);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Source *source = value;
                if (source->hub == hub && source->codec == codec)
                        return source;
        }
        return NULL;
}

guint32 tb_sources_enter(TbSources *sources, TbLink *link, TbHub *hub, TbCodec codec, GError **error)
{
        Source *source = find(sources, hub, codec);
        if (source) {
                source->viewers++;
                return source->number;
        }
        source = g_new0(Source, 1);
        source->number = ++sources->last ? sources->last : ++sources->last;
        source->hub = tb_hub_ref(hub);
        source->codec = codec;
        source->link = link;
        source->viewers = 1;
        tell_size(source);
        if (!subscribe(sources, source, TB_RUNG_FULL, error)) {
                source_free(source);
                return 0;
        }
        g_hash_table_insert(sources->sources, GUINT_TO_POINTER(source->number), source);
        return source->number;
}

void tb_sources_leave(TbSources *sources, guint32 number)
{
        Source *source = g_hash_table_lookup(sources->sources, GUINT_TO_POINTER(number));
        if (source && --source->viewers == 0)
                g_hash_table_remove(sources->sources, GUINT_TO_POINTER(number));
}
