#include "host/media/sound/opus_reader.h"

#include "host/media/gstreamer.h"
#include "host/media/private.h"
#include "host/media/sound/sound_encoder.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

struct TbOpusReader {
        TbRefCount ref;  /* of main, and of a post on its way */
        TbSoundHub *hub; /* ref */
        TbOpusTap *tap;  /* owned; NULL: freed */
        void (*packet)(void *data, const guint8 *bytes, gsize size, guint32 at);
        void *data; /* borrowed from who made it */
        TbMutex lock;
        GQueue packets; /* ref GstBuffer; protected by lock */
        bool posted;    /* main will look; protected by lock */
};

static void unref_buffer(gpointer buffer)
{
        gst_buffer_unref(buffer);
}

static void reader_unref(TbOpusReader *r)
{
        if (!tb_ref_dec(&r->ref))
                return;
        g_queue_clear_full(&r->packets, unref_buffer);
        tb_sound_hub_unref(r->hub);
        tb_mutex_clear(&r->lock);
        g_free(r);
}

static GstBuffer *take(TbOpusReader *r)
{
        tb_mutex_lock(&r->lock);
        GstBuffer *buffer = g_queue_pop_head(&r->packets);
        r->posted = buffer != NULL;
        tb_mutex_unlock(&r->lock);
        return buffer;
}

static guint32 place_of(const GstBuffer *buffer)
{
        return (guint32)gst_util_uint64_scale_round(GST_BUFFER_PTS(buffer), TB_OPUS_RATE, GST_SECOND);
}

/* Main thread; owns a reference. */
static void deliver(gpointer data)
{
        TbOpusReader *r = data;
        for (GstBuffer *buffer; r->tap && (buffer = take(r)); gst_buffer_unref(buffer)) {
                GstMapInfo map;
                if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                        continue;
                r->packet(r->data, map.data, map.size, place_of(buffer));
                gst_buffer_unmap(buffer, &map);
        }
        reader_unref(r);
}

/* The encoder's thread. */
static void on_packet(void *data, GstBuffer *buffer)
{
        TbOpusReader *r = data;
        tb_mutex_lock(&r->lock);
        g_queue_push_tail(&r->packets, gst_buffer_ref(buffer));
        if (r->packets.length > TB_LIMIT_OPUS_BEHIND)
                gst_buffer_unref(g_queue_pop_head(&r->packets));
        bool post = !r->posted;
        r->posted = true;
        tb_mutex_unlock(&r->lock);
        if (!post)
                return;
        tb_ref_inc(&r->ref);
        if (!tb_main_post(deliver, r))
                reader_unref(r);
}

TbOpusReader *tb_opus_reader_new(TbSoundHub *hub,
                                 void (*packet)(void *data, const guint8 *bytes, gsize size, guint32 at),
                                 void *data, GError **error)
{
        if (!tb_gstreamer_ready(error))
                return NULL;
        TbOpusReader *r = g_new0(TbOpusReader, 1);
        tb_ref_init(&r->ref);
        r->hub = tb_sound_hub_ref(hub);
        r->packet = packet;
        r->data = data;
        tb_mutex_init(&r->lock);
        r->tap = tb_opus_tap_new(hub, on_packet, r, error);
        if (!r->tap) {
                reader_unref(r);
                return NULL;
        }
        tb_sound_hub_acquire(hub, true);
        return r;
}

void tb_opus_reader_free(TbOpusReader *r)
{
        if (!r)
                return;
        tb_opus_tap_remove(g_steal_pointer(&r->tap));
        tb_sound_hub_release(r->hub, true);
        reader_unref(r);
}
