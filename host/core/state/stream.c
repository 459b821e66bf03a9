#include "host/core/state/stream.h"

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/text.h"

#define FIRST_ROOM 16
#define SECOND_MS 1000

TbStream *tb_stream_new(const char *name)
{
        TbStream *s = g_new0(TbStream, 1);
        s->name = g_strdup(name);
        s->whole_ms = s->long_from_ms = G_MININT64;
        tb_steps_init(&s->steps, TB_LIMIT_STEP_MS, TB_LIMIT_STEPS);
        tb_steps_init(&s->long_steps, TB_LIMIT_LONG_STEP_MS, TB_LIMIT_LONG_STEPS);
        s->unsaved = g_array_new(FALSE, FALSE, sizeof(TbStep));
        return s;
}

void tb_stream_free(gpointer stream)
{
        TbStream *s = stream;
        g_free(s->name);
        g_free(s->quantity);
        g_free(s->unit);
        g_free(s->ring);
        tb_steps_clear(&s->steps);
        tb_steps_clear(&s->long_steps);
        g_array_unref(s->unsaved);
        g_free(s);
}

/* At most `max` bytes of UTF-8. */
static void set(char **text, const char *to, gsize max)
{
        if (g_strcmp0(*text, to) == 0)
                return;
        g_free(*text);
        *text = tb_text_cut(to, max);
}

void tb_stream_describe(TbStream *s, const char *quantity, const char *unit)
{
        set(&s->quantity, quantity ? quantity : "", TB_LIMIT_QUANTITY);
        set(&s->unit, unit ? unit : "1", TB_LIMIT_UNIT);
}

/* Most streams are slow: room grows with what comes. */
static void keep(TbStream *s, gint64 t_ms, double value)
{
        if (s->count == s->room && s->room < TB_LIMIT_SAMPLES_KEPT) {
                s->room = MIN(MAX(s->room * 2, FIRST_ROOM), TB_LIMIT_SAMPLES_KEPT);
                s->ring = g_renew(TbPoint, s->ring, s->room);
        }
        if (s->end == s->room)
                s->end = 0;
        if (s->count == s->room)
                s->whole_ms = MAX(s->whole_ms, s->ring[s->end].t_ms + 1);
        s->ring[s->end++] = (TbPoint){t_ms, value};
        s->count = MIN(s->count + 1, s->room);
}

const TbPoint *tb_stream_at(const TbStream *s, guint i)
{
        return &s->ring[(s->end + s->room - s->count + i) % s->room];
}

/* --- what goes to the disk, and comes from it --- */
/* Of a fast stream least, mean and most of a second: it would fill the disk. */
static void note_unsaved(TbStream *s, const TbStep *one)
{
        TbStep *last = s->unsaved->len ? &g_array_index(s->unsaved, TbStep, s->unsaved->len - 1) : NULL;
        if (last && tb_step_of(one->t_ms, SECOND_MS) == tb_step_of(last->t_ms, SECOND_MS)) {
                double n = last->n + 1.0;
                last->mean = last->mean * (last->n / n) + one->mean / n;
                last->min = MIN(last->min, one->min);
                last->max = MAX(last->max, one->max);
                last->n++;
        } else if (s->unsaved->len < TB_LIMIT_SENSORS_UNSAVED) {
                g_array_append_val(s->unsaved, *one);
        }
}

void tb_stream_add(TbStream *s, gint64 t_ms, double value)
{
        const TbStep one = {t_ms, value, value, value, 1};
        s->seq++;
        keep(s, t_ms, value);
        tb_steps_add(&s->steps, &one);
        tb_steps_add(&s->long_steps, &one);
        note_unsaved(s, &one);
}

static void tell_rows(const TbStream *s, bool is_long, const TbStep *rows, guint n,
                      void (*each)(const TbStreamRows *, gpointer), gpointer data)
{
        if (n > 0)
                each(&(TbStreamRows){s->name, s->quantity, s->unit, is_long, rows, n}, data);
}

void tb_stream_unsaved(TbStream *s, bool all, void (*each)(const TbStreamRows *, gpointer), gpointer data)
{
        gint64 now = tb_clock_ms();
        GArray *rows = s->unsaved, *steps = s->long_steps.rows;
        guint n = rows->len;
        if (n > 0 && !all &&
            tb_step_of(g_array_index(rows, TbStep, n - 1).t_ms, SECOND_MS) == tb_step_of(now, SECOND_MS))
                n--; /* more of this second may come */
        tell_rows(s, false, (const TbStep *)(gpointer)rows->data, n, each, data);
        g_array_remove_range(rows, 0, n);

        guint from = steps->len, to = steps->len;
        while (from > 0 && g_array_index(steps, TbStep, from - 1).t_ms >= s->long_from_ms)
                from--;
        while (to > from && g_array_index(steps, TbStep, to - 1).t_ms + TB_LIMIT_LONG_STEP_MS > now)
                to--; /* the seconds of what is not complete are there */
        if (to == from)
                return;
        tell_rows(s, true, &g_array_index(steps, TbStep, from), to - from, each, data);
        s->long_from_ms = g_array_index(steps, TbStep, to - 1).t_ms + TB_LIMIT_LONG_STEP_MS;
}

void tb_stream_remember(TbStream *s, const TbStreamRows *rows)
{
        tb_stream_describe(s, rows->quantity, rows->unit);
        for (guint i = 0; i < rows->n; i++) {
                const TbStep *row = &rows->rows[i];
                if (rows->is_long) {
                        tb_steps_add(&s->long_steps, row);
                        s->long_from_ms = MAX(s->long_from_ms, row->t_ms + TB_LIMIT_LONG_STEP_MS);
                        continue;
                }
                bool first = s->count == 0 && s->long_steps.rows->len > 0;
                if (first) /* there was more before, which only the long steps have */
                        s->whole_ms = s->steps.whole_ms = row->t_ms;
                keep(s, row->t_ms, row->mean);
                if (row->n > 1)
                        s->whole_ms = MAX(s->whole_ms, tb_step_of(row->t_ms, SECOND_MS) + SECOND_MS);
                tb_steps_add(&s->steps, row);
                if (row->t_ms >= s->long_from_ms)
                        tb_steps_add(&s->long_steps, row);
        }
}

static void join_steps(TbSteps *into, const TbSteps *from)
{
        for (guint i = 0; i < from->rows->len; i++)
                tb_steps_add(into, &g_array_index(from->rows, TbStep, i));
        into->whole_ms = MAX(into->whole_ms, from->whole_ms);
}

void tb_stream_restore(TbStream *s, TbStream *before)
{
        for (guint i = 0; i < s->count; i++)
                keep(before, tb_stream_at(s, i)->t_ms, tb_stream_at(s, i)->value);
        before->whole_ms = MAX(before->whole_ms, s->whole_ms);
        join_steps(&before->steps, &s->steps);
        join_steps(&before->long_steps, &s->long_steps);
        before->seq = s->seq;
        before->long_from_ms = MAX(before->long_from_ms, s->long_from_ms);
        if (s->seq > 0)
                tb_stream_describe(before, s->quantity, s->unit);
        g_array_append_vals(before->unsaved, s->unsaved->data, s->unsaved->len);
        g_array_set_size(s->unsaved, 0);
        TbStream whole = *before;
        char *name = s->name; /* whoever finds it by its name borrows it */
        *before = *s;
        before->name = whole.name;
        *s = whole;
        s->name = name;
}
