#include "host/core/state/samples.h"

#include <math.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/text.h"

#define FIRST_ROOM 16

typedef struct Point {
        gint64 t_ms;
        double value;
} Point;

typedef struct Stream {
        char *name, *quantity, *unit; /* owned */
        gint64 seq;
        Point *ring;            /* owned */
        guint room, count, end; /* `end`: where the next one goes */
} Stream;

struct TbSamples {
        GPtrArray *
                streams; /* owned Stream, in the order in which a driver first told of them: it is its author's */
        GHashTable *by_name; /* borrowed Stream */
};

static void stream_free(gpointer p)
{
        Stream *s = p;
        g_free(s->name);
        g_free(s->quantity);
        g_free(s->unit);
        g_free(s->ring);
        g_free(s);
}

TbSamples *tb_samples_new(void)
{
        TbSamples *samples = g_new0(TbSamples, 1);
        samples->streams = g_ptr_array_new_with_free_func(stream_free);
        samples->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        return samples;
}

void tb_samples_free(TbSamples *samples)
{
        if (!samples)
                return;
        g_hash_table_unref(samples->by_name);
        g_ptr_array_unref(samples->streams);
        g_free(samples);
}

bool tb_samples_has(TbSamples *samples, const char *stream)
{
        return g_hash_table_contains(samples->by_name, stream);
}

guint tb_samples_count(TbSamples *samples)
{
        return samples->streams->len;
}

/* Most streams are slow: room grows with what comes. */
static void keep(Stream *s, gint64 t_ms, double value)
{
        if (s->count == s->room && s->room < TB_LIMIT_SAMPLES_KEPT) {
                s->room = MIN(MAX(s->room * 2, FIRST_ROOM), TB_LIMIT_SAMPLES_KEPT);
                s->ring = g_renew(Point, s->ring, s->room);
        }
        if (s->end == s->room)
                s->end = 0;
        s->ring[s->end++] = (Point){t_ms, value};
        s->count = MIN(s->count + 1, s->room);
}

static const Point *point_at(const Stream *s, guint i)
{
        return &s->ring[(s->end + s->room - s->count + i) % s->room];
}

static json_t *latest_of(const Stream *s)
{
        const Point *p = point_at(s, s->count - 1);
        return json_pack("{s:I, s:I, s:s, s:s, s:f}", "t", (json_int_t)p->t_ms, "seq", (json_int_t)s->seq,
                         "quantity", s->quantity, "unit", s->unit, "value", p->value);
}

/* At most `max` bytes of UTF-8. */
static void set(char **text, const char *to, gsize max)
{
        if (g_strcmp0(*text, to) == 0)
                return;
        g_free(*text);
        *text = tb_text_cut(to, max);
}

json_t *tb_samples_add(TbSamples *samples, const TbSample *sample)
{
        if (!isfinite(sample->value) || !tb_name_valid(TB_NAME_STREAM, sample->stream))
                return NULL;
        Stream *s = g_hash_table_lookup(samples->by_name, sample->stream);
        if (!s && tb_samples_count(samples) >= TB_LIMIT_STREAMS)
                return NULL;
        if (!s) {
                s = g_new0(Stream, 1);
                s->name = g_strdup(sample->stream);
                g_ptr_array_add(samples->streams, s);
                g_hash_table_insert(samples->by_name, s->name, s);
        }
        set(&s->quantity, sample->quantity ? sample->quantity : "", TB_LIMIT_QUANTITY);
        set(&s->unit, sample->unit ? sample->unit : "1", TB_LIMIT_UNIT);
        s->seq++;
        keep(s, sample->t_ms >= 0 && sample->t_ms <= TB_LIMIT_JSON_INT ? sample->t_ms : tb_clock_ms(),
             sample->value);
        return latest_of(s);
}

json_t *tb_samples_latest(TbSamples *samples)
{
        json_t *all = json_object();
        for (guint i = 0; i < samples->streams->len; i++) {
                const Stream *s = g_ptr_array_index(samples->streams, i);
                json_object_set_new(all, s->name, latest_of(s));
        }
        return all;
}

static json_t *history_of(const Stream *s, gint64 since_ms, guint most)
{
        json_t *t = json_array(), *value = json_array();
        for (guint i = s->count > most ? s->count - most : 0; i < s->count; i++) {
                const Point *p = point_at(s, i);
                if (p->t_ms <= since_ms)
                        continue;
                json_array_append_new(t, json_integer(p->t_ms));
                json_array_append_new(value, json_real(p->value));
        }
        return json_pack("{s:s, s:s, s:o, s:o}", "quantity", s->quantity, "unit", s->unit, "t", t, "value",
                         value);
}

json_t *tb_samples_history(TbSamples *samples, const char *const *only, gint64 since_ms)
{
        json_t *all = json_object();
        guint asked = only ? g_strv_length((char **)only) : samples->streams->len;
        guint most = TB_LIMIT_SAMPLES_ANSWER / CLAMP(asked, 1, TB_LIMIT_STREAMS);
        for (guint i = 0; i < samples->streams->len; i++) {
                const Stream *s = g_ptr_array_index(samples->streams, i);
                if (!only || g_strv_contains(only, s->name))
                        json_object_set_new(all, s->name, history_of(s, since_ms, most));
        }
        return all;
}
