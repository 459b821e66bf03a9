#include "host/core/state/samples.h"

#include <math.h>

#include "host/core/state/stream.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/name.h"

struct TbSamples {
        GPtrArray *
                streams; /* owned TbStream, in the order in which a driver first told of them: it is its author's */
        GHashTable *by_name; /* borrowed TbStream */
        guint told;          /* streams that are more than remembered */
};

TbSamples *tb_samples_new(void)
{
        TbSamples *samples = g_new0(TbSamples, 1);
        samples->streams = g_ptr_array_new_with_free_func(tb_stream_free);
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

static TbStream *find(TbSamples *samples, const char *stream)
{
        return g_hash_table_lookup(samples->by_name, stream);
}

static TbStream *make(TbSamples *samples, const char *name)
{
        TbStream *s = tb_stream_new(name);
        g_ptr_array_add(samples->streams, s);
        g_hash_table_insert(samples->by_name, s->name, s);
        return s;
}

bool tb_samples_has(TbSamples *samples, const char *stream)
{
        const TbStream *s = find(samples, stream);
        return s && s->seq > 0;
}

guint tb_samples_count(TbSamples *samples)
{
        return samples->told;
}

static json_t *latest_of(const TbStream *s)
{
        const TbPoint *p = tb_stream_at(s, s->count - 1);
        return json_pack("{s:I, s:I, s:s, s:s, s:f}", "t", (json_int_t)p->t_ms, "seq", (json_int_t)s->seq,
                         "quantity", s->quantity, "unit", s->unit, "value", p->value);
}

json_t *tb_samples_add(TbSamples *samples, const TbSample *sample)
{
        if (!isfinite(sample->value) || !tb_name_valid(TB_NAME_STREAM, sample->stream))
                return NULL;
        TbStream *s = find(samples, sample->stream);
        bool fresh = !s || s->seq == 0;
        if (fresh && samples->told >= TB_LIMIT_STREAMS)
                return NULL;
        if (!s)
                s = make(samples, sample->stream);
        samples->told += fresh;
        tb_stream_describe(s, sample->quantity, sample->unit);
        /* a device whose clock is wrong by years must not be the newest for years */
        const gint64 now_ms = tb_clock_ms();
        const bool sane = sample->t_ms >= 0 && sample->t_ms <= now_ms + TB_LIMIT_SAMPLE_AHEAD_MS;
        tb_stream_add(s, sane ? sample->t_ms : now_ms, sample->value);
        return latest_of(s);
}

json_t *tb_samples_latest(TbSamples *samples)
{
        json_t *all = json_object();
        for (guint i = 0; i < samples->streams->len; i++) {
                const TbStream *s = g_ptr_array_index(samples->streams, i);
                if (s->seq > 0)
                        json_object_set_new(all, s->name, latest_of(s));
        }
        return all;
}

json_t *tb_samples_history(TbSamples *samples, const char *const *only, const TbSpan *span)
{
        json_t *all = json_object();
        guint asked = only ? g_strv_length((char **)only) : samples->streams->len;
        guint most = TB_LIMIT_SAMPLES_ANSWER / CLAMP(asked, 1, TB_LIMIT_STREAMS);
        for (guint i = 0; i < samples->streams->len; i++) {
                const TbStream *s = g_ptr_array_index(samples->streams, i);
                if (!only || g_strv_contains(only, s->name))
                        json_object_set_new(all, s->name, tb_stream_history(s, span, most));
        }
        return all;
}

/* --- what the disk keeps --- */
void tb_samples_unsaved(TbSamples *samples, bool all, void (*each)(const TbStreamRows *, gpointer),
                        gpointer data)
{
        for (guint i = 0; i < samples->streams->len; i++)
                tb_stream_unsaved(g_ptr_array_index(samples->streams, i), all, each, data);
}

bool tb_samples_crowded(TbSamples *samples, const char *stream)
{
        const TbStream *s = find(samples, stream);
        return s && s->unsaved->len >= TB_LIMIT_SENSORS_UNSAVED;
}

static bool is_sound(const TbStep *row)
{
        return row->n > 0 && row->t_ms >= 0 && row->t_ms <= TB_LIMIT_JSON_INT && isfinite(row->min) &&
               isfinite(row->max) && isfinite(row->mean) && row->min <= row->max;
}

bool tb_samples_remember(TbSamples *samples, const TbStreamRows *rows)
{
        TbStream *s = find(samples, rows->stream);
        if (!tb_name_valid(TB_NAME_STREAM, rows->stream) || (!s && samples->streams->len >= TB_LIMIT_STREAMS))
                return false;
        for (guint i = 0; i < rows->n; i++)
                if (!is_sound(&rows->rows[i]))
                        return false;
        tb_stream_remember(s ? s : make(samples, rows->stream), rows);
        return true;
}

void tb_samples_restore(TbSamples *samples, TbSamples *before_take)
{
        for (guint i = 0; i < before_take->streams->len; i++) {
                TbStream *before = g_ptr_array_index(before_take->streams, i),
                         *s = find(samples, before->name);
                if (!s && samples->streams->len >= 2 * TB_LIMIT_STREAMS)
                        break;
                tb_stream_restore(s ? s : make(samples, before->name), before);
        }
        tb_samples_free(before_take);
}
