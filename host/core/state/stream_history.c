/* What is asked for of a stream's past: the samples, or least, mean and most of steps. */
#include "host/core/state/stream.h"
#include "lib/limits.h"

static bool within(const TbSpan *span, gint64 t_ms)
{
        return t_ms > span->since_ms && t_ms <= span->until_ms;
}

static json_t *samples_of(const TbStream *s, const TbSpan *span, guint most)
{
        json_t *t = json_array(), *value = json_array();
        for (guint i = s->count > most ? s->count - most : 0; i < s->count; i++) {
                const TbPoint *p = tb_stream_at(s, i);
                if (!within(span, p->t_ms))
                        continue;
                json_array_append_new(t, json_integer(p->t_ms));
                json_array_append_new(value, json_real(p->value));
        }
        return json_pack("{s:s, s:s, s:o, s:o}", "quantity", s->quantity, "unit", s->unit, "t", t, "value",
                         value);
}

/* Where the finer ones begin to have everything, at the beginning of a step of the coarser ones. */
static gint64 seam(gint64 whole_ms, gint64 coarse_ms)
{
        return whole_ms == G_MININT64 ? whole_ms : tb_step_of(whole_ms + coarse_ms - 1, coarse_ms);
}

static void take_steps(TbSteps *into, const TbSteps *from, const TbSpan *span, gint64 start_ms, gint64 end_ms)
{
        for (guint i = 0; i < from->rows->len; i++) {
                const TbStep *row = &g_array_index(from->rows, TbStep, i);
                /* a step that has begun before and holds what came after counts */
                if (row->t_ms >= start_ms && row->t_ms < end_ms && row->t_ms <= span->until_ms &&
                    row->t_ms + from->step_ms - 1 > span->since_ms)
                        tb_steps_add(into, row);
        }
}

static json_t *steps_of(const TbStream *s, const TbSpan *span, guint most)
{
        TbSteps out;
        gint64 fine = seam(s->whole_ms, TB_LIMIT_STEP_MS),
               middle = seam(s->steps.whole_ms, TB_LIMIT_LONG_STEP_MS);
        if (fine < middle) /* a slow stream: its samples reach back beyond the short steps */
                fine = middle = seam(s->whole_ms, TB_LIMIT_LONG_STEP_MS);
        tb_steps_init(&out, span->step_ms, most);
        take_steps(&out, &s->long_steps, span, G_MININT64, middle);
        take_steps(&out, &s->steps, span, middle, fine);
        for (guint i = 0; i < s->count; i++) {
                const TbPoint *p = tb_stream_at(s, i);
                if (p->t_ms >= fine && within(span, p->t_ms))
                        tb_steps_add(&out, &(TbStep){p->t_ms, p->value, p->value, p->value, 1});
        }
        json_t *t = json_array(), *min = json_array(), *mean = json_array(), *max = json_array(),
               *n = json_array();
        for (guint i = out.rows->len > most ? out.rows->len - most : 0; i < out.rows->len; i++) {
                const TbStep *row = &g_array_index(out.rows, TbStep, i);
                json_array_append_new(t, json_integer(row->t_ms));
                json_array_append_new(min, json_real(row->min));
                json_array_append_new(mean, json_real(row->mean));
                json_array_append_new(max, json_real(row->max));
                json_array_append_new(n, json_integer(row->n));
        }
        tb_steps_clear(&out);
        return json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:o}", "quantity", s->quantity, "unit", s->unit,
                         "step_s", (double)span->step_ms / 1000, "t", t, "min", min, "mean", mean, "max", max,
                         "n", n);
}

json_t *tb_stream_history(const TbStream *s, const TbSpan *span, guint most)
{
        return span->step_ms ? steps_of(s, span, most) : samples_of(s, span, most);
}
