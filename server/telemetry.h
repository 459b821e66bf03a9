#pragma once
/*
 * How connections between browsers and their phones or hosts went (S0.78): each page tells it, once when it is connected, when
 * its way changes, and when it ends. The server sees neither WebRTC's ways nor its losses itself. What a page says is its
 * own word: bounded, counted once, and shown to operators alone. Kept in memory. Main thread.
 */
#include <glib.h>
#include <jansson.h>

#include "lib/metrics.h"
#include "lib/param.h"

typedef struct TbTelemetry TbTelemetry;

/* What a report may say; `connected` and `peer` are there. */
extern const TbParam tb_telemetry_params[];

TbTelemetry *tb_telemetry_new(TbMetrics *metrics); /* borrows */
void tb_telemetry_free(TbTelemetry *telemetry);    /* accepts NULL */
/* `report`: checked against tb_telemetry_params; taken into the place of what the same peer of the session said before. The
 * newest TB_LIMIT_TELEMETRY are kept. `now_ms`: wall clock. */
void tb_telemetry_take(TbTelemetry *telemetry, const char *session, const char *device, const json_t *report,
                       gint64 now_ms);
/* {"summary":{…},"reports":[…]}, the newest TB_LIMIT_TELEMETRY_SHOWN of them first; a new reference. */
json_t *tb_telemetry_json(const TbTelemetry *telemetry);
