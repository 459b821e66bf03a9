#include "host/core/state/steps.h"

#define SPARE 64 /* rows more than kept, so that the oldest do not go one by one */

void tb_steps_init(TbSteps *s, gint64 step_ms, guint most)
{
        *s = (TbSteps){step_ms, most, G_MININT64, g_array_new(FALSE, FALSE, sizeof(TbStep))};
}

void tb_steps_clear(TbSteps *s)
{
        g_clear_pointer(&s->rows, g_array_unref);
}

gint64 tb_step_of(gint64 t_ms, gint64 step_ms)
{
        return step_ms ? t_ms - t_ms % step_ms : t_ms;
}

static TbStep *at(TbSteps *s, guint i)
{
        return &g_array_index(s->rows, TbStep, i);
}

/* Where something of this time goes: behind all that is not later. Mostly that is the end. */
static guint place_of(TbSteps *s, gint64 t_ms)
{
        guint low = 0, high = s->rows->len;
        if (high > 0 && at(s, high - 1)->t_ms <= t_ms)
                return high;
        while (low < high) {
                guint middle = (low + high) / 2;
                if (at(s, middle)->t_ms <= t_ms)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void join(TbStep *step, const TbStep *row)
{
        double n = (double)step->n + row->n; /* shares, so that huge values do not become infinite */
        step->mean = step->mean * (step->n / n) + row->mean * (row->n / n);
        step->min = MIN(step->min, row->min);
        step->max = MAX(step->max, row->max);
        step->n += row->n;
}

void tb_steps_add(TbSteps *s, const TbStep *row)
{
        TbStep fresh = *row;
        fresh.t_ms = tb_step_of(row->t_ms, s->step_ms);
        guint i = place_of(s, fresh.t_ms);
        if (s->step_ms && i > 0 && at(s, i - 1)->t_ms == fresh.t_ms) {
                join(at(s, i - 1), row);
                return;
        }
        if (i == 0 && s->rows->len >= s->most) { /* older than all that there is room for */
                s->whole_ms = MAX(s->whole_ms, fresh.t_ms + MAX(s->step_ms, 1));
                return;
        }
        g_array_insert_val(s->rows, i, fresh);
        if (s->rows->len < s->most + SPARE)
                return;
        guint old = s->rows->len - s->most;
        s->whole_ms = MAX(s->whole_ms, at(s, old - 1)->t_ms + MAX(s->step_ms, 1));
        g_array_remove_range(s->rows, 0, old);
}
