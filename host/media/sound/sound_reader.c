#include "host/media/sound/sound_reader.h"

#include "lib/limits.h"
#include "lib/thread.h"

struct TbSoundReader {
        TbRefCount ref;  /* of main, and of a post on its way */
        TbSoundTap *tap; /* owned; NULL: freed */
        void (*heard)(void *data, TbSound *sound);
        void *data; /* borrowed from who made it */
        TbMutex lock;
        GQueue blocks;    /* ref TbSound; protected by lock */
        gint64 behind_us; /* of them; protected by lock */
        bool posted;      /* main will look; protected by lock */
};

static void unref_sound(gpointer sound)
{
        tb_sound_unref(sound);
}

static void reader_unref(TbSoundReader *r)
{
        if (!tb_ref_dec(&r->ref))
                return;
        g_queue_clear_full(&r->blocks, unref_sound);
        tb_mutex_clear(&r->lock);
        g_free(r);
}

static TbSound *take(TbSoundReader *r)
{
        tb_mutex_lock(&r->lock);
        TbSound *sound = g_queue_pop_head(&r->blocks);
        if (sound)
                r->behind_us -= tb_sound_us(sound);
        else
                r->posted = false;
        tb_mutex_unlock(&r->lock);
        return sound;
}

/* Main thread; owns a reference. */
static void deliver(gpointer data)
{
        TbSoundReader *r = data;
        for (TbSound *sound; r->tap && (sound = take(r));) {
                r->heard(r->data, sound);
                tb_sound_unref(sound);
        }
        reader_unref(r);
}

/* The source's thread. */
static void on_heard(void *data, TbSound *sound)
{
        TbSoundReader *r = data;
        tb_mutex_lock(&r->lock);
        g_queue_push_tail(&r->blocks, tb_sound_ref(sound));
        r->behind_us += tb_sound_us(sound);
        while (r->behind_us > TB_LIMIT_SOUND_BEHIND_MS * G_TIME_SPAN_MILLISECOND) {
                TbSound *lost = g_queue_pop_head(&r->blocks);
                r->behind_us -= tb_sound_us(lost);
                tb_sound_unref(lost);
        }
        bool post = !r->posted;
        r->posted = true;
        tb_mutex_unlock(&r->lock);
        if (!post)
                return;
        tb_ref_inc(&r->ref);
        if (!tb_main_post(deliver, r))
                reader_unref(r);
}

TbSoundReader *tb_sound_reader_new(TbSoundHub *hub, void (*heard)(void *data, TbSound *sound), void *data)
{
        TbSoundReader *r = g_new0(TbSoundReader, 1);
        tb_ref_init(&r->ref);
        r->heard = heard;
        r->data = data;
        tb_mutex_init(&r->lock);
        g_queue_init(&r->blocks);
        r->tap = tb_sound_hub_add_tap(hub, true, on_heard, r);
        return r;
}

void tb_sound_reader_free(TbSoundReader *r)
{
        if (!r)
                return;
        tb_sound_hub_remove_tap(g_steal_pointer(&r->tap));
        reader_unref(r);
}
