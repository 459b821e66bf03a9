#pragma once
/* What writer.c (life) and sweep.c (bounds, folders) share. */
#include "host/recorder/segment.h"
#include "host/recorder/writer.h"

typedef struct TbWriterDevice {
        char *id, *folder; /* owned */
        TbRing *ring;      /* ref */
        bool on, sound;
        bool reads;         /* the ring keeps for us what we have not had */
        gint64 until_us;    /* of the last clip that needs it */
        TbSegment *segment; /* owned; NULL: none is open */
        char *stopped;      /* owned: why; NULL: it is not */
        gint64 retry_us;    /* … and when it is tried again */
} TbWriterDevice;

typedef struct TbPending {
        json_t *clip;       /* owned */
        const char *device; /* of it */
        gint64 from_us, to_us;
        gint64 owed_us; /* the encoder has not put out what it was given since then; 0: it has */
} TbPending;

struct TbWriter {
        char *folder; /* owned */
        TbWriterBounds bounds;
        TbWriterCalls calls;
        GHashTable *devices; /* id of it -> owned TbWriterDevice */
        GPtrArray *pending;  /* owned TbPending */
        gint64 swept_us;
};
