#pragma once
/*
 * TbRing: the last seconds of one device in memory: pictures, sound and lines of JSON in the order in which they came. Whoever has something
 * adds it (any thread, never waits), one reader takes what he has not had. Bounded by time, which never cuts the pictures apart that
 * belong together, and by TB_LIMIT_RECORD_RING bytes: above, the oldest is lost, whether it was taken or not. Any thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/recorder/flight.h"

typedef enum TbRecordKind { TB_RECORD_VIDEO, TB_RECORD_SOUND, TB_RECORD_LINE } TbRecordKind;

typedef struct TbRecord {
        guint64 seq;
        gint64 at_us; /* wall clock */
        TbRecordKind kind;
        bool key;
        GBytes *bytes; /* ref; VIDEO: byte-stream; LINE: JSON without a line end */
} TbRecord;

/* Of the samples that say how many pictures the encoder left out. */
#define TB_LEFT_OUT_STREAM "recording.left_out"

typedef struct TbRing TbRing; /* counted */

TbRing *tb_ring_new(gsize limit);
TbRing *tb_ring_ref(TbRing *ring);
void tb_ring_unref(TbRing *ring);

void tb_ring_keep(TbRing *ring, gint64 us); /* from now on; 0: what was taken goes at once */
void tb_ring_add(TbRing *ring, TbRecordKind kind, bool key, gint64 at_us, const void *bytes, gsize size);
/* The reader begins, with the oldest that he never had; pictures come again from the keyframe on that the first of them hangs on. What he
 * has not taken stays, whatever its age, until tb_ring_end(). */
void tb_ring_begin(TbRing *ring);
void tb_ring_end(TbRing *ring);
/* Owned TbRecord, oldest first. Returns how many were lost since the last time because he came too late. */
guint64 tb_ring_take(TbRing *ring, GPtrArray *out);
void tb_record_free(TbRecord *record);
/* The pictures that are on their way into it: borrowed, as long as the ring. */
TbFlight *tb_ring_flight(TbRing *ring);

typedef struct TbRingState {
        gsize bytes;
        gint64 first_us, last_us; /* 0: empty */
        gint64 key_us;            /* of the last keyframe; 0: none */
} TbRingState;
void tb_ring_state(TbRing *ring, TbRingState *ret);
