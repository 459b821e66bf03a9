#pragma once
/*
 * One minute or so of one device on the disk: <folder>/<day>/<begin>.mp4 (fragments of H.264 and Opus) and <begin>.jsonl (what else
 * happened, one JSON object a line, each with `t`). Begin is in the name: 20261130T210300.123Z. Both play and read up to where they
 * end, whatever ended them. Blocking; one thread at a time for each.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/recorder/mp4.h"
#include "host/recorder/ring.h"

/* --- names --- */
#define TB_SEGMENT_NAME 24                                             /* bytes of one, NUL included */
void tb_segment_name(gint64 begin_ms, char ret_name[TB_SEGMENT_NAME]); /* "20261130T210300.123Z" */
gint64 tb_segment_time(
        const char *name); /* ms since the epoch of what begins with such a name; -1: none does */

/* --- writing --- */
typedef struct TbSegment TbSegment;

/* `folder`: of the device. `mono_ms`: tb_clock_mono_ms() of that moment. `sound`: there may be some. */
TbSegment *tb_segment_new(const char *folder, const char *device, gint64 begin_ms, gint64 mono_ms, bool sound,
                          GError **error);
/* False: it belongs into the next segment (other pictures, or this one is long enough); only keyframes and lines say so. */
bool tb_segment_takes(TbSegment *segment, const TbRecord *record);
void tb_segment_add(TbSegment *segment, const TbRecord *record);
/* Writes what is complete; the last picture waits until the next one says how long it was, or for a second. `all`: that, too. */
bool tb_segment_flush(TbSegment *segment, gint64 now_us, bool all, GError **error);
gint64 tb_segment_begin_ms(const TbSegment *segment);
void tb_segment_close(TbSegment *segment); /* frees; writes nothing more; accepts NULL */

/* --- reading; what follows the last whole fragment is left out --- */
/* Samples with `file` and, as `at_us`, their wall clock time. `setup`: of the file; avcc is a new reference, NULL: no pictures. */
bool tb_segment_read(const char *path, guint file, TbMp4Setup *ret_setup, GArray *samples, GError **error);
/* The same of what `read` gives, which is hostile; `begin_us`: its wall clock time. `read`: at most `n` bytes from `at` on, how many there
 * were; n 0: how large it is. */
typedef guint64 (*TbSegmentBytes)(gpointer source, guint64 at, guint8 *to, guint64 n);
bool tb_segment_parse(TbSegmentBytes read, gpointer source, gint64 begin_us, guint file,
                      TbMp4Setup *ret_setup, GArray *samples);
