#pragma once
/*
 * What the sensors of one interface said: of each stream the latest sample, those before it, TB_LIMIT_SAMPLES_KEPT at most, and before
 * these least, mean and most of steps of time (an hour by TB_LIMIT_STEP_MS, a day by TB_LIMIT_LONG_STEP_MS), so that a plot has a
 * past when it opens. sensor_log.h keeps it on the disk. One thread at a time.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "drivers/driver.h"
#include "host/core/state/steps.h"

typedef struct TbSamples TbSamples;

TbSamples *tb_samples_new(void);
void tb_samples_free(TbSamples *samples); /* NULL is allowed */

bool tb_samples_has(TbSamples *samples, const char *stream); /* something was told of it since the start */
guint tb_samples_count(TbSamples *samples);                  /* streams of which that is so */
/* Numbers it and keeps it; what a driver says beyond the limits of unit and quantity is cut, what is no UTF-8 replaced, a time
 * that is none becomes now. Returns {t,seq,quantity,unit,value}, a new reference; NULL: its value is not finite, the name is
 * none, or it would be the stream after TB_LIMIT_STREAMS. */
json_t *tb_samples_add(TbSamples *samples, const TbSample *sample);

/* {stream: {t,seq,quantity,unit,value}}, in the order in which the streams came; new reference */
json_t *tb_samples_latest(TbSamples *samples);

typedef struct TbSpan {
        gint64 since_ms; /* only what came after this moment */
        gint64 until_ms; /* and not after this one */
        gint64 step_ms;  /* 0: each sample */
} TbSpan;
/* {stream: {quantity,unit,t:[ms],value:[]}}, oldest first, of the streams in `only` (NULL: all); with a step
 * {quantity,unit,step_s,t:[ms],min:[],mean:[],max:[],n:[]}, t at the beginning of each step in which there was a sample. What is
 * older than the samples comes from the steps that are kept, which may be longer than those asked for. New reference. */
json_t *tb_samples_history(TbSamples *samples, const char *const *only, const TbSpan *span);

/* --- what the disk keeps --- */
typedef struct TbStreamRows {
        const char *stream, *quantity, *unit; /* borrowed */
        bool is_long;       /* steps of TB_LIMIT_LONG_STEP_MS; else seconds, or single samples */
        const TbStep *rows; /* borrowed */
        guint n;
} TbStreamRows;
/* What was not given out yet, and is complete; `all`: what is not complete, too. */
void tb_samples_unsaved(TbSamples *samples, bool all, void (*each)(const TbStreamRows *rows, gpointer data),
                        gpointer data);
/* `stream` has TB_LIMIT_SENSORS_UNSAVED of them: no more are taken until they are given out. */
bool tb_samples_crowded(TbSamples *samples, const char *stream);
/* Takes what was given out once, long steps first. False: no name, not finite, or too many streams. */
bool tb_samples_remember(TbSamples *samples, const TbStreamRows *rows);
/* What was before all that `samples` has; takes it. */
void tb_samples_restore(TbSamples *samples, TbSamples *before_take);
