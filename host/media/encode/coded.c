/* One feed per (hub, rung): its tap on the encoder, and those whom it serves. See coded.h. */
#include "host/media/encode/coded.h"

#include "host/media/encode/encoder_private.h"
#include "host/media/media_private.h"
#include "host/media/private.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

typedef struct Unit {
        GBytes *bytes; /* ref */
        bool keyframe;
} Unit;

typedef struct Feed {
        TbRefCount ref;       /* the clients', and one of what was posted to main */
        TbEncoders *encoders; /* borrowed */
        TbHub *hub;           /* ref */
        TbRung rung;
        TbTap *tap;         /* owned; NULL: it has ended */
        GPtrArray *clients; /* borrowed TbCoded */
        TbMutex lock;
        GQueue units;  /* owned Unit, for main; protected by lock */
        bool need_key; /* what came was left out; protected by lock */
} Feed;

struct TbCoded {
        TbPlace place;
        Feed *feed; /* ref */
        bool begun; /* it has had a keyframe */
        void (*unit)(void *data, GBytes *bytes, bool keyframe);
        void *data; /* borrowed from who made it */
};

static void unit_free(gpointer data)
{
        Unit *unit = data;
        g_bytes_unref(unit->bytes);
        g_free(unit);
}

static void feed_unref(Feed *feed)
{
        if (!tb_ref_dec(&feed->ref))
                return;
        g_queue_clear_full(&feed->units, unit_free);
        tb_mutex_clear(&feed->lock);
        g_ptr_array_free(feed->clients, TRUE);
        tb_hub_unref(feed->hub);
        g_free(feed);
}

/* --- main --- */
static void serve(Feed *feed, const Unit *unit)
{
        g_autoptr(GPtrArray) copy = g_ptr_array_copy(feed->clients, NULL, NULL);
        for (guint i = 0; i < copy->len; i++) {
                TbCoded *client = g_ptr_array_index(copy, i);
                if (!g_ptr_array_find(feed->clients, client, NULL))
                        continue;
                client->begun |= unit->keyframe;
                if (client->begun)
                        client->unit(client->data, unit->bytes, unit->keyframe);
        }
}

static void hand_out(gpointer data)
{
        Feed *feed = data;
        tb_mutex_lock(&feed->lock);
        GQueue units = feed->units;
        g_queue_init(&feed->units);
        tb_mutex_unlock(&feed->lock);
        for (Unit *unit; (unit = g_queue_pop_head(&units)); unit_free(unit))
                serve(feed, unit);
        feed_unref(feed);
}

/* --- the encoder's thread --- */
static void packet(void *data, GstBuffer *buffer, bool keyframe)
{
        Feed *feed = data;
        GstMapInfo map;
        tb_mutex_lock(&feed->lock);
        bool full = feed->units.length >= TB_LIMIT_CODED_UNITS, first = feed->units.length == 0;
        feed->need_key = full || (feed->need_key && !keyframe);
        if (!feed->need_key && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
                Unit *unit = g_new(Unit, 1);
                *unit = (Unit){g_bytes_new(map.data, map.size), keyframe};
                gst_buffer_unmap(buffer, &map);
                g_queue_push_tail(&feed->units, unit);
        }
        bool post = first && feed->units.length > 0;
        tb_mutex_unlock(&feed->lock);
        if (!post)
                return;
        tb_ref_inc(&feed->ref);
        if (!tb_main_post(hand_out, feed))
                feed_unref(feed);
}

/* --- clients --- */
static Feed *feed_new(TbMedia *media, TbHub *hub, TbRung rung, GError **error)
{
        Feed *feed = g_new0(Feed, 1);
        tb_ref_init(&feed->ref);
        feed->encoders = tb_media_encoders(media);
        feed->hub = tb_hub_ref(hub);
        feed->rung = rung;
        feed->clients = g_ptr_array_new();
        tb_mutex_init(&feed->lock);
        g_queue_init(&feed->units);
        feed->need_key = true;
        feed->tap = tb_tap_new(feed->encoders, hub, TB_CODEC_H264, rung, packet, feed, error);
        if (!feed->tap) {
                feed_unref(feed);
                return NULL;
        }
        g_ptr_array_add(feed->encoders->coded, feed);
        return feed;
}

static Feed *feed_get(TbMedia *media, TbHub *hub, TbRung rung, GError **error)
{
        GPtrArray *feeds = tb_media_encoders(media)->coded;
        for (guint i = 0; i < feeds->len; i++) {
                Feed *feed = g_ptr_array_index(feeds, i);
                if (feed->hub != hub || feed->rung != rung)
                        continue;
                tb_ref_inc(&feed->ref);
                return feed;
        }
        return feed_new(media, hub, rung, error);
}

TbCoded *tb_coded_new(TbMedia *media, TbHub *hub, const TbPlaceBy *by, TbRung rung,
                      void (*unit)(void *data, GBytes *bytes, bool keyframe), void *data, GError **error)
{
        tb_assert_main();
        TbPlace place;
        if (!tb_media_admit_mjpeg(media, by, &place, error))
                return NULL;
        Feed *feed = feed_get(media, hub, rung, error);
        if (!feed) {
                tb_place_give(&place);
                return NULL;
        }
        TbCoded *client = g_new0(TbCoded, 1);
        client->place = place;
        client->feed = feed;
        client->unit = unit;
        client->data = data;
        g_ptr_array_add(feed->clients, client);
        tb_hub_acquire(hub, true);
        if (feed->clients->len == 1)
                tb_tap_open(feed->tap, true);
        else
                tb_coded_want_keyframe(client);
        return client;
}

void tb_coded_want_keyframe(TbCoded *client)
{
        tb_encoder_want_keyframe(tb_tap_encoder(client->feed->tap));
}

void tb_coded_free(TbCoded *client)
{
        if (!client)
                return;
        tb_assert_main();
        Feed *feed = client->feed;
        tb_place_give(&client->place);
        tb_hub_release(feed->hub, true);
        g_ptr_array_remove_fast(feed->clients, client);
        g_free(client);
        if (feed->clients->len == 0) {
                g_ptr_array_remove_fast(feed->encoders->coded, feed);
                tb_tap_remove(g_steal_pointer(&feed->tap));
        }
        feed_unref(feed);
}
