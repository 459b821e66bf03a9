#include "host/vnc/film.h"

#include "host/media/record.h"
#include "lib/limits_vnc.h"
#include "lib/log.h"
#include "lib/refcount.h"

#define FILM_LINGER_MS 5000           /* a picture that rests may move again */
#define KEY_US (G_USEC_PER_SEC / 2)   /* a keyframe at most so often */
#define RETRY_US (2 * G_USEC_PER_SEC) /* after there was no encoder, or its process was not ready yet */

struct TbVncFilm {
        TbRefCount ref;       /* of main, and of each post on its way */
        TbMedia *media;       /* borrowed; main; NULL: freed */
        TbHub *hub;           /* ref */
        TbRecordVideo *video; /* owned; main; NULL: nobody wants it */
        guint linger, again;  /* main: timers */
        gint64 key_us;        /* main: when a keyframe was last asked for */
        gint64 failed_us;     /* main: when there was no encoder; 0: never */
        TbMutex lock;
        GPtrArray *reels; /* borrowed; protected by lock */
        bool posted;      /* main will look; protected by lock */
};

struct TbVncReel {
        TbVncFilm *film;     /* borrowed */
        TbInterruptor *wake; /* borrowed */
        /* protected by the film's lock */
        GArray *units;  /* owned, of TbVncUnit */
        gint64 from_us; /* the first may be no older */
        bool runs, needs_key, behind;
};

static void film_unref(TbVncFilm *film)
{
        if (!tb_ref_dec(&film->ref))
                return;
        g_ptr_array_free(film->reels, TRUE);
        tb_hub_unref(film->hub);
        tb_mutex_clear(&film->lock);
        g_free(film);
}

static void unit_clear(gpointer data)
{
        g_bytes_unref(((TbVncUnit *)data)->bytes);
}

static GArray *units_new(void)
{
        GArray *units = g_array_new(FALSE, FALSE, sizeof(TbVncUnit));
        g_array_set_clear_func(units, unit_clear);
        return units;
}

/* --- the encoder's thread --- */
/* Lock held. */
static void put(TbVncReel *reel, GBytes *bytes, gint64 at_us, bool keyframe)
{
        if (!reel->runs || (reel->needs_key && (!keyframe || at_us < reel->from_us)))
                return;
        if (reel->units->len >= TB_LIMIT_VNC_FILM_UNITS) {
                g_array_set_size(reel->units, 0);
                reel->runs = false;
                reel->behind = true;
        } else {
                TbVncUnit unit = {g_bytes_ref(bytes), at_us, keyframe};
                g_array_append_val(reel->units, unit);
                reel->needs_key = false;
        }
        tb_interruptor_raise(reel->wake);
}

static void on_unit(void *data, const guint8 *unit, gsize size, gint64 at_us, bool keyframe)
{
        TbVncFilm *film = data;
        g_autoptr(GBytes) bytes = g_bytes_new(unit, size);
        tb_mutex_lock(&film->lock);
        for (guint i = 0; i < film->reels->len; i++)
                put(g_ptr_array_index(film->reels, i), bytes, at_us, keyframe);
        tb_mutex_unlock(&film->lock);
}

/* --- main --- */
static gboolean lingered(gpointer data)
{
        TbVncFilm *film = data;
        film->linger = 0;
        tb_record_video_free(g_steal_pointer(&film->video));
        return G_SOURCE_REMOVE;
}

static void begin(TbVncFilm *film, gint64 now)
{
        static const TbRecordCalls calls = {.unit = on_unit, .whole = true};
        g_autoptr(GError) error = NULL;
        if (film->failed_us && now - film->failed_us < RETRY_US - KEY_US) /* a timer is not exact */
                return;
        film->video = tb_record_video_new(film->media, film->hub, &calls, film, &error);
        film->failed_us = film->video ? 0 : now;
        film->key_us = now; /* it begins with one */
        if (!film->video)
                tb_log(TB_LOG_DEBUG, TB_F("device", tb_hub_device(film->hub)), "VNC viewers get no H.264: %s",
                       error->message);
}

static gboolean again(gpointer data);

/* What the reels want, and has been so long since a keyframe, is done. */
static void review(TbVncFilm *film)
{
        gint64 now = g_get_monotonic_time();
        bool wanted = false, key = false;
        tb_mutex_lock(&film->lock);
        for (guint i = 0; i < film->reels->len; i++) {
                const TbVncReel *reel = g_ptr_array_index(film->reels, i);
                wanted |= reel->runs;
                key |= reel->runs && reel->needs_key;
        }
        tb_mutex_unlock(&film->lock);
        if (wanted)
                g_clear_handle_id(&film->linger, g_source_remove);
        if (wanted && !film->video)
                begin(film, now);
        if (wanted && !film->video && !film->again)
                film->again = g_timeout_add(RETRY_US / 1000, again, film);
        if (!film->video)
                return;
        if (!wanted && !film->linger)
                film->linger = g_timeout_add(FILM_LINGER_MS, lingered, film);
        if (!key)
                return;
        /* one that is on its way may be of an older picture: it is asked for until it is there */
        if (!film->again)
                film->again = g_timeout_add(KEY_US / 1000, again, film);
        if (now - film->key_us < KEY_US)
                return;
        film->key_us = now;
        tb_record_video_keyframe(film->video);
}

static gboolean again(gpointer data)
{
        TbVncFilm *film = data;
        film->again = 0;
        review(film);
        return G_SOURCE_REMOVE;
}

static void on_post(gpointer data)
{
        TbVncFilm *film = data;
        tb_mutex_lock(&film->lock);
        film->posted = false;
        tb_mutex_unlock(&film->lock);
        if (film->media)
                review(film);
        film_unref(film);
}

TbVncFilm *tb_vnc_film_new(TbMedia *media, TbHub *hub)
{
        tb_assert_main();
        TbVncFilm *film = g_new0(TbVncFilm, 1);
        tb_ref_init(&film->ref);
        tb_mutex_init(&film->lock);
        film->media = media;
        film->hub = tb_hub_ref(hub);
        film->reels = g_ptr_array_new();
        return film;
}

void tb_vnc_film_free(TbVncFilm *film)
{
        if (!film)
                return;
        tb_assert_main();
        g_assert(film->reels->len == 0);
        film->media = NULL;
        g_clear_handle_id(&film->linger, g_source_remove);
        g_clear_handle_id(&film->again, g_source_remove);
        tb_record_video_free(g_steal_pointer(&film->video));
        film_unref(film);
}

/* --- the viewer's thread --- */
/* Lock held. True: main has to be told. */
static bool owes_post(TbVncFilm *film)
{
        bool owes = !film->posted;
        film->posted = true;
        if (owes)
                tb_ref_inc(&film->ref);
        return owes;
}

static void post(TbVncFilm *film)
{
        if (!tb_main_post(on_post, film))
                film_unref(film);
}

TbVncReel *tb_vnc_reel_new(TbVncFilm *film, TbInterruptor *wake)
{
        TbVncReel *reel = g_new0(TbVncReel, 1);
        reel->film = film;
        reel->wake = wake;
        reel->units = units_new();
        tb_mutex_lock(&film->lock);
        g_ptr_array_add(film->reels, reel);
        tb_mutex_unlock(&film->lock);
        return reel;
}

void tb_vnc_reel_free(TbVncReel *reel)
{
        if (!reel)
                return;
        TbVncFilm *film = reel->film;
        tb_mutex_lock(&film->lock);
        g_ptr_array_remove_fast(film->reels, reel);
        bool owes = reel->runs && owes_post(film);
        tb_mutex_unlock(&film->lock);
        if (owes)
                post(film);
        g_array_free(reel->units, TRUE);
        g_free(reel);
}

static void set(TbVncReel *reel, bool runs, gint64 from_us)
{
        TbVncFilm *film = reel->film;
        tb_mutex_lock(&film->lock);
        g_array_set_size(reel->units, 0);
        reel->runs = reel->needs_key = runs;
        reel->from_us = from_us;
        reel->behind = false;
        bool owes = owes_post(film);
        tb_mutex_unlock(&film->lock);
        if (owes)
                post(film);
}

void tb_vnc_reel_run(TbVncReel *reel, gint64 from_us)
{
        set(reel, true, from_us);
}

void tb_vnc_reel_stop(TbVncReel *reel)
{
        set(reel, false, 0);
}

GArray *tb_vnc_reel_take(TbVncReel *reel, bool *ret_behind)
{
        GArray *fresh = units_new();
        TbVncFilm *film = reel->film;
        tb_mutex_lock(&film->lock);
        GArray *units = reel->units;
        reel->units = fresh;
        *ret_behind = reel->behind;
        reel->behind = false;
        tb_mutex_unlock(&film->lock);
        return units;
}
