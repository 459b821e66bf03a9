#pragma once
/*
 * What the sensors of one interface said: of each stream the latest sample, and those before it in memory, TB_LIMIT_SAMPLES_KEPT
 * at most, so that a plot has a past when it opens. Main thread only.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "drivers/driver.h"

typedef struct TbSamples TbSamples;

TbSamples *tb_samples_new(void);
void tb_samples_free(TbSamples *samples); /* NULL is allowed */

bool tb_samples_has(TbSamples *samples, const char *stream);
guint tb_samples_count(TbSamples *samples); /* streams */
/* Numbers it and keeps it; what a driver says beyond the limits of unit and quantity is cut, what is no UTF-8 replaced, a time
 * that is none becomes now. Returns {t,seq,quantity,unit,value}, a new reference; NULL: its value is not finite, the name is
 * none, or it would be the stream after TB_LIMIT_STREAMS. */
json_t *tb_samples_add(TbSamples *samples, const TbSample *sample);

/* {stream: {t,seq,quantity,unit,value}}, in the order in which the streams came; new reference */
json_t *tb_samples_latest(TbSamples *samples);
/* {stream: {quantity,unit,t:[ms],value:[]}}, oldest first, of the streams in `only` (NULL: all), with samples after `since_ms`;
 * new reference */
json_t *tb_samples_history(TbSamples *samples, const char *const *only, gint64 since_ms);
