#pragma once
/*
 * Least, mean and most of a stream's values in each step of time, oldest first, a bounded number of them. A step begins at a
 * multiple of its length. Any order of samples; one thread at a time. Pure.
 */
#include <glib.h>

typedef struct TbStep {
        gint64 t_ms; /* its beginning; of a sample by itself: its time */
        double min, mean, max;
        guint32 n; /* samples in it; not 0 */
} TbStep;

typedef struct TbSteps {
        gint64 step_ms;  /* 0: each sample, and each row, by itself */
        guint most;      /* the oldest go */
        gint64 whole_ms; /* from here on nothing has gone; G_MININT64: nothing at all */
        GArray *rows;    /* of TbStep, by t_ms; owned */
} TbSteps;

void tb_steps_init(TbSteps *steps, gint64 step_ms, guint most);
void tb_steps_clear(TbSteps *steps);
/* What is in `row` belongs to the step of row->t_ms from here on. */
void tb_steps_add(TbSteps *steps, const TbStep *row);
/* The beginning of the step that holds `t_ms`. */
gint64 tb_step_of(gint64 t_ms, gint64 step_ms);
