#pragma once
/*
 * What a target of Prometheus says of itself. Pure: any thread. Source: prometheus/docs, "Exposition formats", text format 0.0.4
 * (and what OpenMetrics has besides is skipped).
 */
#include "drivers/transport/declared.h"

typedef struct TbPrometheusSeries {
        const char *metric;                 /* borrowed */
        char *const *names, *const *values; /* labels; borrowed */
        guint n;
        double value;
        gint64 t_ms; /* 0: now */
} TbPrometheusSeries;

/* Calls `each` for each series of `text`, which it cuts in place. False: it is no such text; lines of it may have been told. */
bool tb_prometheus_parse(char *text, void (*each)(const TbPrometheusSeries *series, gpointer data),
                         gpointer data);

/* Entries: "metric", "labels" (an object of texts: those that a series has to have), "rate" (of a counter: how much more it is each second).
 * TB_ERROR_INVALID with the field. */
bool tb_prometheus_check(const json_t *streams, GError **error);
bool tb_prometheus_matches(const TbDeclared *row, const TbPrometheusSeries *series);
