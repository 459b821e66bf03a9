#pragma once
/* One stream of samples.h: the last samples, and steps of those before them. One thread at a time. */
#include <jansson.h>

#include "host/core/state/samples.h"

typedef struct TbPoint {
        gint64 t_ms;
        double value;
} TbPoint;

typedef struct TbStream {
        char *name, *quantity, *unit; /* owned */
        gint64 seq;                   /* 0: it is only remembered */
        TbPoint *ring;                /* owned; as they came */
        guint room, count, end;       /* `end`: where the next one goes */
        gint64 whole_ms;              /* from here on the ring has each sample; G_MININT64: has them all */
        TbSteps steps, long_steps;
        GArray *unsaved;     /* of TbStep: seconds, or single samples; owned */
        gint64 long_from_ms; /* long steps from here on are not on the disk */
} TbStream;

TbStream *tb_stream_new(const char *name);
void tb_stream_free(gpointer stream);
void tb_stream_describe(TbStream *stream, const char *quantity,
                        const char *unit); /* NULL: unknown; cut, made valid */
void tb_stream_add(TbStream *stream, gint64 t_ms, double value);
const TbPoint *tb_stream_at(const TbStream *stream, guint i); /* 0: the oldest of `count` */
/* Its part of tb_samples_history(): the newest `most` of it; new reference. */
json_t *tb_stream_history(const TbStream *stream, const TbSpan *span, guint most);
void tb_stream_unsaved(TbStream *stream, bool all, void (*each)(const TbStreamRows *, gpointer),
                       gpointer data);
void tb_stream_remember(TbStream *stream, const TbStreamRows *rows);
/* `before` gets what `stream` has, and stream all that is there then. */
void tb_stream_restore(TbStream *stream, TbStream *before);
