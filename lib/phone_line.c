#include "lib/phone_line.h"

#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define TAPS 2 /* TbPhoneTapOf: what looks at pictures, and what hears and samples */

struct TbPhoneLine {
        TbRefCount ref;
        char *name; /* owned */
        TbMutex lock;
        /* all below is protected by lock */
        bool closed;
        char *away;       /* owned; NULL: the phone is there */
        char *dark[TAPS]; /* owned; NULL: its camera, its microphone is on */
        bool dark_news[TAPS];
        GPtrArray *sounds;             /* owned TbSound */
        TbFrame *frame;                /* owned; the newest that nobody has taken */
        GHashTable *samples;           /* stream (borrowed from the sample) -> owned TbPhoneSample */
        GPtrArray *events;             /* owned TbPhoneEvent */
        TbPhoneTap *taps[TAPS];        /* borrowed */
        bool wants[TAPS];              /* pictures, sound */
        void (*wanted)(gpointer data); /* NULL: closed */
        gpointer data;
};

struct TbPhoneTap {
        TbPhoneLine *line; /* ref */
        TbPhoneTapOf of;
        TbInterruptor *news; /* owned */
};

static TbMutex table_lock = TB_MUTEX_INIT;
static GHashTable *table; /* name (borrowed from the line) -> borrowed TbPhoneLine; protected by table_lock */

static void sample_free(gpointer data)
{
        TbPhoneSample *s = data;
        g_free(s->stream);
        g_free(s->quantity);
        g_free(s->unit);
        g_free(s);
}

static void sound_free(gpointer data)
{
        tb_sound_unref(data);
}

static void event_free(gpointer data)
{
        TbPhoneEvent *e = data;
        g_free(e->type);
        json_decref(e->data);
        g_free(e);
}

static void line_unref(TbPhoneLine *line)
{
        if (!tb_ref_dec(&line->ref))
                return;
        if (line->frame)
                tb_frame_unref(line->frame);
        g_hash_table_unref(line->samples);
        g_ptr_array_unref(line->events);
        g_ptr_array_unref(line->sounds);
        tb_mutex_clear(&line->lock);
        g_free(line->away);
        for (guint of = 0; of < TAPS; of++)
                g_free(line->dark[of]);
        g_free(line->name);
        g_free(line);
}

/* With the line's lock. */
static void news(TbPhoneLine *line, TbPhoneTapOf of)
{
        if (line->taps[of])
                tb_interruptor_raise(line->taps[of]->news);
}

static GHashTable *samples_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sample_free);
}

static GPtrArray *sounds_new(void)
{
        return g_ptr_array_new_with_free_func(sound_free);
}

/* --- host/phone --- */
TbPhoneLine *tb_phone_line_open(const char *name, void (*wanted)(gpointer data), gpointer data)
{
        TbPhoneLine *line = g_new0(TbPhoneLine, 1);
        tb_ref_init(&line->ref);
        tb_mutex_init(&line->lock);
        line->name = g_strdup(name);
        line->away = g_strdup("the phone has not come yet");
        line->samples = samples_new();
        line->events = g_ptr_array_new_with_free_func(event_free);
        line->sounds = sounds_new();
        line->wanted = wanted;
        line->data = data;
        tb_mutex_lock(&table_lock);
        if (!table)
                table = g_hash_table_new(g_str_hash, g_str_equal);
        g_assert(!g_hash_table_contains(table, name));
        g_hash_table_insert(table, line->name, line);
        tb_mutex_unlock(&table_lock);
        return line;
}

void tb_phone_line_close(TbPhoneLine *line)
{
        if (!line)
                return;
        tb_mutex_lock(&table_lock);
        g_hash_table_remove(table, line->name);
        if (g_hash_table_size(table) == 0)
                g_clear_pointer(&table, g_hash_table_unref);
        tb_mutex_unlock(&table_lock);
        tb_mutex_lock(&line->lock);
        line->closed = true;
        line->wanted = NULL;
        for (guint of = 0; of < TAPS; of++)
                news(line, (TbPhoneTapOf)of);
        tb_mutex_unlock(&line->lock);
        line_unref(line);
}

void tb_phone_line_set_away(TbPhoneLine *line, const char *why)
{
        tb_mutex_lock(&line->lock);
        g_free(line->away);
        line->away = g_strdup(why);
        if (why && line->frame) {
                tb_frame_unref(line->frame);
                line->frame = NULL;
        }
        if (why)
                g_ptr_array_set_size(line->sounds, 0);
        for (guint of = 0; why && of < TAPS; of++)
                news(line, (TbPhoneTapOf)of);
        tb_mutex_unlock(&line->lock);
}

static void set_dark(TbPhoneLine *line, TbPhoneTapOf of, const char *why)
{
        tb_mutex_lock(&line->lock);
        if (g_strcmp0(why, line->dark[of]) != 0) {
                g_free(line->dark[of]);
                line->dark[of] = g_strdup(why);
                line->dark_news[of] = why != NULL;
                news(line, of);
        }
        tb_mutex_unlock(&line->lock);
}

void tb_phone_line_set_dark(TbPhoneLine *line, const char *why)
{
        set_dark(line, TB_PHONE_CAMERA, why);
}

void tb_phone_line_set_mute(TbPhoneLine *line, const char *why)
{
        set_dark(line, TB_PHONE_SENSORS, why);
}

static bool wants(TbPhoneLine *line, TbPhoneTapOf of)
{
        tb_mutex_lock(&line->lock);
        bool wanted = line->wants[of];
        tb_mutex_unlock(&line->lock);
        return wanted;
}

bool tb_phone_line_wants_pictures(TbPhoneLine *line)
{
        return wants(line, TB_PHONE_CAMERA);
}

bool tb_phone_line_wants_sound(TbPhoneLine *line)
{
        return wants(line, TB_PHONE_SENSORS);
}

void tb_phone_line_sound(TbPhoneLine *line, TbSound *sound_take)
{
        tb_mutex_lock(&line->lock);
        if (line->sounds->len >= TB_LIMIT_PHONE_SOUNDS)
                g_ptr_array_remove_index(line->sounds, 0);
        g_ptr_array_add(line->sounds, sound_take);
        news(line, TB_PHONE_SENSORS);
        tb_mutex_unlock(&line->lock);
}

void tb_phone_line_picture(TbPhoneLine *line, TbFrame *frame_take)
{
        tb_mutex_lock(&line->lock);
        TbFrame *old = line->frame;
        line->frame = frame_take;
        news(line, TB_PHONE_CAMERA);
        tb_mutex_unlock(&line->lock);
        if (old)
                tb_frame_unref(old);
}

void tb_phone_line_sample(TbPhoneLine *line, const char *stream, const char *quantity, const char *unit,
                          double value)
{
        tb_mutex_lock(&line->lock);
        TbPhoneSample *s = g_hash_table_lookup(line->samples, stream);
        if (s && g_strcmp0(s->unit, unit) == 0) {
                s->value = value;
        } else if (s || g_hash_table_size(line->samples) < TB_LIMIT_STREAMS) {
                s = g_new(TbPhoneSample, 1);
                *s = (TbPhoneSample){g_strdup(stream), g_strdup(quantity), g_strdup(unit), value};
                g_hash_table_replace(line->samples, s->stream, s);
        }
        news(line, TB_PHONE_SENSORS);
        tb_mutex_unlock(&line->lock);
}

bool tb_phone_line_event(TbPhoneLine *line, const char *type, json_t *data_take)
{
        tb_mutex_lock(&line->lock);
        bool room = line->events->len < TB_LIMIT_PHONE_EVENTS;
        if (room) {
                TbPhoneEvent *e = g_new(TbPhoneEvent, 1);
                *e = (TbPhoneEvent){g_strdup(type), data_take};
                g_ptr_array_add(line->events, e);
                news(line, TB_PHONE_SENSORS);
        }
        tb_mutex_unlock(&line->lock);
        if (!room)
                json_decref(data_take);
        return room;
}

/* --- lanes --- */
static bool is_there(TbPhoneLine *line, GError **error)
{
        if (line->closed)
                tb_set_error(error, TB_ERROR_GONE, "the phone %s was removed", line->name);
        else if (line->away)
                tb_set_error(error, TB_ERROR_GONE, "%s", line->away);
        return !line->closed && !line->away;
}

TbPhoneTap *tb_phone_tap_new(const char *name, TbPhoneTapOf of, GError **error)
{
        TbInterruptor *fd = tb_interruptor_try_new(error);
        if (!fd)
                return NULL;
        tb_mutex_lock(&table_lock);
        TbPhoneLine *line = table ? g_hash_table_lookup(table, name) : NULL;
        if (line)
                tb_ref_inc(&line->ref);
        tb_mutex_unlock(&table_lock);
        if (!line) {
                tb_set_error(error, TB_ERROR_GONE,
                             "no phone is paired as %s: use \"Add a phone\" on this host's page, or POST "
                             "/host/phones",
                             name);
                tb_interruptor_free(fd);
                return NULL;
        }
        TbPhoneTap *tap = g_new(TbPhoneTap, 1);
        *tap = (TbPhoneTap){line, of, fd};
        tb_mutex_lock(&line->lock);
        bool there = is_there(line, error);
        if (there) {
                line->taps[of] = tap;
                line->dark_news[of] = line->dark[of] != NULL;
                tb_interruptor_raise(fd);
        }
        tb_mutex_unlock(&line->lock);
        if (there)
                return tap;
        tb_phone_tap_free(tap);
        return NULL;
}

static void tell_wanted(gpointer data)
{
        TbPhoneLine *line = data;
        tb_mutex_lock(&line->lock);
        void (*wanted)(gpointer data) = line->wanted;
        gpointer to = line->data;
        tb_mutex_unlock(&line->lock);
        if (wanted)
                wanted(to);
        line_unref(line);
}

void tb_phone_tap_want(TbPhoneTap *tap, bool wanted)
{
        TbPhoneLine *line = tap->line;
        tb_mutex_lock(&line->lock);
        bool changed = line->wants[tap->of] != wanted;
        line->wants[tap->of] = wanted;
        line->dark_news[tap->of] = line->dark[tap->of] != NULL; /* who begins to look is told, too */
        if (changed && wanted && line->dark_news[tap->of])
                tb_interruptor_raise(tap->news);
        tb_mutex_unlock(&line->lock);
        if (!changed)
                return;
        tb_ref_inc(&line->ref);
        if (!tb_main_post(tell_wanted, line))
                line_unref(line);
}

void tb_phone_tap_free(TbPhoneTap *tap)
{
        if (!tap)
                return;
        TbPhoneLine *line = tap->line;
        tb_phone_tap_want(tap, false);
        tb_mutex_lock(&line->lock);
        if (line->taps[tap->of] == tap)
                line->taps[tap->of] = NULL;
        tb_mutex_unlock(&line->lock);
        tb_interruptor_free(tap->news);
        line_unref(line);
        g_free(tap);
}

int tb_phone_tap_fd(TbPhoneTap *tap)
{
        return tb_interruptor_fd(tap->news);
}

bool tb_phone_tap_take(TbPhoneTap *tap, TbPhoneTaken *ret_taken, GError **error)
{
        TbPhoneLine *line = tap->line;
        tb_mutex_lock(&line->lock);
        tb_interruptor_lower(tap->news);
        bool there = is_there(line, error);
        if (there && line->dark_news[tap->of])
                ret_taken->dark = g_strdup(line->dark[tap->of]);
        line->dark_news[tap->of] &= !there;
        if (there && tap->of == TB_PHONE_CAMERA) {
                ret_taken->frame = g_steal_pointer(&line->frame);
        } else if (there) {
                GHashTableIter iter;
                gpointer sample;
                ret_taken->samples = g_ptr_array_new_with_free_func(sample_free);
                g_hash_table_iter_init(&iter, line->samples);
                while (g_hash_table_iter_next(&iter, NULL, &sample)) {
                        g_ptr_array_add(ret_taken->samples, sample);
                        g_hash_table_iter_steal(&iter);
                }
                ret_taken->sounds = line->sounds;
                line->sounds = sounds_new();
                ret_taken->events = line->events;
                line->events = g_ptr_array_new_with_free_func(event_free);
        }
        tb_mutex_unlock(&line->lock);
        return there;
}

void tb_phone_taken_clear(TbPhoneTaken *taken)
{
        if (taken->frame)
                tb_frame_unref(taken->frame);
        g_free(taken->dark);
        if (taken->samples)
                g_ptr_array_unref(taken->samples);
        if (taken->events)
                g_ptr_array_unref(taken->events);
        if (taken->sounds)
                g_ptr_array_unref(taken->sounds);
        *taken = (TbPhoneTaken){0};
}
