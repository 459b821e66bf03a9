#include "host/analysis/find/find.h"

#include <string.h>

#include "host/analysis/find/needle.h"
#include "host/analysis/find/words.h"
#include "host/analysis/picture.h"
#include "host/core/find.h"
#include "host/media/still/picture.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/param.h"
#include "lib/places.h"
#include "lib/thread.h"

#define LOOK_MS 100 /* between two looks at a screen that changes */
#define QUALITY 85  /* of the picture in the answer */

struct TbFinder {
        TbCore *core;     /* borrowed */
        TbMedia *media;   /* borrowed */
        TbQueue *queue;   /* owned; of Look */
        TbThread *thread; /* owned; NULL until the first one looks */
        GPtrArray *finds; /* borrowed Find, that are not answered */
        TbPlaces places;
        /* its thread's */
        TbGreyReader *reader;
        TbGreyImage screen;
        TbPicture *picture;
        TbOcr *words;   /* owned: of the language that was asked for last; NULL: none yet */
        char *language; /* owned */
};

typedef struct Find {
        guint ref;        /* itself, and the look that is under way */
        TbFinder *finder; /* borrowed; NULL: it was answered, the look's result is nobody's */
        TbRoomCall *call;
        TbPlace place;
        char *device, *language, *text; /* owned; text NULL: a needle */
        char *image;                    /* owned: base64, until it is `needle` */
        json_t *areas;                  /* owned: its own copy */
        double match;
        TbNeedle *needle; /* owned; of the thread */
        TbRect within;
        bool shows;
        TbHub *hub;      /* ref */
        TbHubSink *sink; /* owned */
        guint tick, deadline;
        gint64 until_us;
        TbMutex lock;
        TbFrame *newest; /* ref; NULL: none since the last look; protected by lock */
        bool busy;
        TbFrame *seen; /* ref; what was looked at last */
        double best;   /* score so far */
} Find;

typedef struct Look {
        Find *find;     /* ref */
        TbFrame *frame; /* ref; NULL: only what is looked for is read */
        bool late;      /* the time is over: only the picture is wanted */
        /* what came of it */
        bool found;
        double score;
        TbRect at;
        char *read;   /* owned */
        GBytes *jpeg; /* ref */
        GError *error;
} Look;

static void find_unref(Find *f)
{
        if (--f->ref > 0)
                return;
        tb_frame_unref(f->newest);
        tb_frame_unref(f->seen);
        tb_mutex_clear(&f->lock);
        tb_needle_free(f->needle);
        json_decref(f->areas);
        g_free(f->image);
        tb_hub_unref(f->hub);
        g_free(f->device);
        g_free(f->language);
        g_free(f->text);
        g_free(f);
}

/* It looks no more. */
static void leave(Find *f)
{
        g_clear_handle_id(&f->tick, g_source_remove);
        g_clear_handle_id(&f->deadline, g_source_remove);
        tb_hub_remove_sink(g_steal_pointer(&f->sink));
        tb_place_give(&f->place);
        g_ptr_array_remove_fast(f->finder->finds, f);
        f->finder = NULL;
        find_unref(f);
}

static json_t *answer_of(const Find *f, const Look *look)
{
        json_t *o = json_pack("{s:b, s:f}", "found", look->found, "score", look->score);
        if (look->found)
                json_object_update_new(o, json_pack("{s:i, s:i, s:i, s:i}", "x", look->at.x, "y", look->at.y,
                                                    "width", look->at.width, "height", look->at.height));
        if (look->read)
                json_object_set_new(o, "read", json_string(look->read));
        if (look->frame)
                json_object_set_new(
                        o, "taken_at",
                        json_integer((json_int_t)(tb_clock_ms() -
                                                  (g_get_monotonic_time() - look->frame->t_us) / 1000)));
        if (f->shows && look->jpeg) {
                gsize size;
                const guchar *bytes = g_bytes_get_data(look->jpeg, &size);
                g_autofree char *base64 = g_base64_encode(bytes, size);
                json_object_set_new(o, "screenshot", json_string(base64));
        }
        return o;
}

static void not_found(Find *f, const Look *look)
{
        GError *error = NULL;
        if (!look->frame)
                tb_set_error(&error, TB_ERROR_TIMEOUT, "%s: no picture came in time%s%s", f->device,
                             tb_hub_fault(f->hub) ? ": " : "",
                             tb_hub_fault(f->hub) ? tb_hub_fault(f->hub) : "");
        else if (f->text)
                tb_set_error(&error, TB_ERROR_TIMEOUT, "%s: \"%s\" was not read on the screen in time",
                             f->device, f->text);
        else
                tb_set_error(
                        &error, TB_ERROR_TIMEOUT,
                        "%s: the picture was not on the screen in time; what was most like it had %.1f %%",
                        f->device, look->score * 100);
        tb_room_fail(g_steal_pointer(&f->call), error, answer_of(f, look));
        leave(f);
}

static void finish(gpointer data)
{
        Look *look = data;
        Find *f = look->find;
        f->busy = false;
        if (f->finder && look->error) {
                tb_room_answer(g_steal_pointer(&f->call), NULL, g_steal_pointer(&look->error));
                leave(f);
        } else if (f->finder && look->found) {
                tb_room_answer(g_steal_pointer(&f->call), answer_of(f, look), NULL);
                leave(f);
        } else if (f->finder && look->frame) {
                f->best = MAX(f->best, look->score);
                look->score = f->best;
                if (look->late || g_get_monotonic_time() >= f->until_us)
                        not_found(f, look);
        }
        find_unref(f);
        tb_frame_unref(look->frame);
        g_clear_pointer(&look->jpeg, g_bytes_unref);
        g_clear_error(&look->error);
        g_free(look->read);
        g_free(look);
}

/* --- its thread --- */
/* What is looked for: a large picture is not read on main. */
static bool prepare(TbFinder *finder, Find *f, GError **error)
{
        if (!f->text) {
                if (!f->needle)
                        f->needle = tb_needle_new(f->image, f->areas, f->within, f->match, error);
                return f->needle != NULL;
        }
        if (finder->words && g_str_equal(finder->language, f->language))
                return true;
        g_clear_pointer(&finder->words, tb_ocr_free);
        g_free(finder->language);
        finder->language = g_strdup(f->language);
        finder->words = tb_ocr_new(f->language, error);
        return finder->words != NULL;
}

static void read_text(TbFinder *finder, Look *look)
{
        const Find *f = look->find;
        TbWordsFound found;
        if (!tb_words_look(finder->words, &finder->screen, f->within, f->text, f->until_us, &found,
                           &look->read, &look->error))
                return;
        look->found = found.found;
        look->score = found.score;
        look->at = found.at;
}

static void compare(TbFinder *finder, Look *look)
{
        TbNeedleFound found;
        if (!tb_needle_look(look->find->needle, &finder->screen, look->find->until_us, &found))
                return;
        look->found = found.found;
        look->score = found.score;
        look->at = found.at;
}

static void look_at(TbFinder *finder, Look *look)
{
        Find *f = look->find;
        if (!prepare(finder, f, &look->error) || !look->frame)
                return;
        if (!look->late && tb_grey_read_full(finder->reader, look->frame, &finder->screen)) {
                if (f->text)
                        read_text(finder, look);
                else
                        compare(finder, look);
        }
        bool last = look->found || look->late || g_get_monotonic_time() >= f->until_us;
        if (last && f->shows)
                look->jpeg = tb_picture_jpeg(finder->picture, look->frame, QUALITY, 0, NULL);
}

static void run(gpointer data)
{
        TbFinder *finder = data;
        tb_thread_yield_to_others();
        for (Look *look; (look = tb_queue_take(finder->queue, -1));) {
                look_at(finder, look);
                if (!tb_main_post(finish, look))
                        finish(look); /* the main loop has ended, and main waits for us */
        }
}

/* --- main --- */
static bool push(Find *f, TbFrame *frame_take, bool late)
{
        TbFinder *finder = f->finder;
        Look *look = g_new0(Look, 1);
        *look = (Look){.find = f, .frame = frame_take, .late = late};
        if (!finder->thread)
                finder->thread = tb_thread_try_start("tb-find", run, finder, NULL);
        if (finder->thread && tb_queue_push(finder->queue, look)) {
                f->ref++;
                f->busy = true;
                return true;
        }
        tb_frame_unref(frame_take);
        g_free(look);
        return false;
}

static gboolean on_tick(gpointer data)
{
        Find *f = data;
        if (f->busy || tb_hub_state(f->hub) != TB_HUB_LIVE)
                return G_SOURCE_CONTINUE;
        tb_mutex_lock(&f->lock);
        TbFrame *frame = g_steal_pointer(&f->newest);
        tb_mutex_unlock(&f->lock);
        if (!frame)
                return G_SOURCE_CONTINUE;
        tb_frame_unref(f->seen);
        f->seen = tb_frame_ref(frame);
        push(f, frame, false);
        return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer data)
{
        Find *f = data;
        f->deadline = 0;
        if (f->busy) /* finish() sees that it is late */
                return G_SOURCE_REMOVE;
        if (f->seen && push(f, tb_frame_ref(f->seen), true))
                return G_SOURCE_REMOVE;
        not_found(f, &(Look){.find = f, .score = f->best});
        return G_SOURCE_REMOVE;
}

/* The pushing thread, with the hub's lock held. */
static void on_frame(void *data, TbFrame *frame)
{
        Find *f = data;
        tb_mutex_lock(&f->lock);
        TbFrame *old = f->newest;
        f->newest = tb_frame_ref(frame);
        tb_mutex_unlock(&f->lock);
        tb_frame_unref(old);
}

static void on_left(void *data)
{
        Find *f = data;
        tb_room_answer(g_steal_pointer(&f->call), json_null(), NULL); /* to nobody */
        leave(f);
}

#define SIDE(name_, min_)                                                                                    \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_INT, .required = true, .min = min_,                          \
                .max = TB_LIMIT_VIDEO_SIDE, .unit = "px"                                                     \
        }
static const TbParam area_params[] = {SIDE("x", 0), SIDE("y", 0), SIDE("width", 1), SIDE("height", 1),
                                      TB_PARAM_END};

static bool read_within(json_t *area, TbRect *ret, GError **error)
{
        g_autoptr(GError) why = NULL;
        *ret = (TbRect){0, 0, TB_LIMIT_VIDEO_SIDE, TB_LIMIT_VIDEO_SIDE};
        if (!area)
                return true;
        json_auto_t *valid = tb_params_validate(area_params, area, &why);
        if (!valid) {
                tb_error_set_field(error, TB_ERROR_INVALID, "area", "area: %s", why->message);
                return false;
        }
        *ret = (TbRect){(int)json_integer_value(json_object_get(valid, "x")),
                        (int)json_integer_value(json_object_get(valid, "y")),
                        (int)json_integer_value(json_object_get(valid, "width")),
                        (int)json_integer_value(json_object_get(valid, "height"))};
        return true;
}

/* What is looked for, and where. */
static bool read_params(Find *f, json_t *params, GError **error)
{
        double match = json_number_value(json_object_get(params, "match"));
        f->image = g_strdup(json_string_value(json_object_get(params, "image")));
        f->areas = json_deep_copy(json_object_get(params, "areas")); /* the thread's own */
        f->match = match > 1 ? match / 100 : match;
        f->text = g_strdup(json_string_value(json_object_get(params, "text")));
        f->language = g_strdup(json_string_value(json_object_get(params, "language")));
        f->shows = json_is_true(json_object_get(params, "screenshot"));
        if (f->language &&
            strspn(f->language, "abcdefghijklmnopqrstuvwxyz_+0123456789") != strlen(f->language)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "language",
                                   "language: as Tesseract calls it: eng, deu, chi_sim");
                return false;
        }
        return read_within(json_object_get(params, "area"), &f->within, error);
}

static void find(TbRoomCall *call, TbInterface *iface, json_t *params, void *data)
{
        TbFinder *finder = data;
        GError *error = NULL;
        Find *f = g_new0(Find, 1);
        f->ref = 1;
        tb_mutex_init(&f->lock);
        const TbPlaceBy by = tb_room_by(call);
        TbHub *hub = tb_media_find_hub(finder->media, tb_device_id(tb_interface_device(iface)),
                                       tb_interface_name(iface), &error);
        if (!hub || !read_params(f, params, &error) ||
            !tb_place_take(&finder->places, &by, &f->place, &error)) {
                tb_room_answer(call, NULL, error);
                find_unref(f);
                return;
        }
        f->finder = finder;
        f->call = call;
        f->device = g_strdup(tb_interface_id(iface));
        f->hub = tb_hub_ref(hub);
        f->until_us = tb_room_deadline_us(call);
        g_ptr_array_add(finder->finds, f);
        tb_room_on_left(call, on_left, f);
        f->sink = tb_hub_add_watch(hub, on_frame, f);
        f->tick = g_timeout_add(LOOK_MS, on_tick, f);
        gint64 left_ms = (f->until_us - g_get_monotonic_time()) / 1000;
        f->deadline = g_timeout_add((guint)MAX(left_ms, 1), on_deadline, f);
        push(f, NULL, false); /* what is wrong with it is told at once */
}

TbFinder *tb_finder_new(TbCore *core, TbMedia *media)
{
        TbFinder *finder = g_new0(TbFinder, 1);
        finder->core = core;
        finder->media = media;
        finder->queue = tb_queue_new(TB_LIMIT_FINDS, finish);
        finder->finds = g_ptr_array_new();
        finder->reader = tb_grey_reader_new();
        finder->picture = tb_picture_new();
        tb_places_init(&finder->places, "searches on screens of this host", TB_LIMIT_FINDS);
        tb_core_set_finder(core, find, finder);
        return finder;
}

void tb_finder_free(TbFinder *finder)
{
        if (!finder)
                return;
        tb_core_set_finder(finder->core, NULL, NULL);
        while (finder->finds->len > 0) {
                GError *error = NULL;
                Find *f = finder->finds->pdata[0];
                tb_set_error(&error, TB_ERROR_INTERRUPTED, "the host stops");
                tb_room_answer(g_steal_pointer(&f->call), NULL, error);
                leave(f);
        }
        tb_queue_close(finder->queue);
        tb_thread_join(finder->thread);
        tb_queue_free(finder->queue);
        g_ptr_array_unref(finder->finds);
        tb_places_clear(&finder->places);
        tb_grey_reader_free(finder->reader);
        tb_grey_image_clear(&finder->screen);
        tb_picture_free(finder->picture);
        tb_ocr_free(finder->words);
        g_free(finder->language);
        g_free(finder);
}
