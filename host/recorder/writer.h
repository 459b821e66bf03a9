#pragma once
/*
 * What writes: rings into segments, orders of clips, and the sweep that keeps both within their bounds. All of it on the recorder's own
 * thread; who calls from elsewhere says so. A disk that fails stops the recording of that device, is told once, and is tried
 * again every few seconds.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/recorder/ring.h"

typedef struct TbWriter TbWriter;

typedef struct TbWriterBounds {
        guint64 bytes;        /* of all that the recorder has; the oldest goes first */
        guint64 device_bytes; /* of the segments of one device */
        guint days;           /* 0: any age */
        bool uplinked;        /* clips are sent elsewhere: none goes before it was (uplink.json says so) */
} TbWriterBounds;

typedef struct TbWriterCalls {
        /* An event for the bus. `data_take`: an object. */
        void (*tell)(void *user, const char *type, const char *device, json_t *data_take);
        /* The interval of a clip is on the disk: it is to be made. `clip`: borrowed. False: not now, it is asked again. */
        bool (*ready)(void *user, const json_t *clip);
        /* A clip was removed to make room. */
        void (*removed)(void *user, const char *clip);
        void *user;
} TbWriterCalls;

TbWriter *tb_writer_new(const char *folder, const TbWriterBounds *bounds,
                        const TbWriterCalls *calls); /* any thread */
void tb_writer_free(TbWriter *writer);               /* its thread has ended */
void tb_writer_tick(gpointer writer);                /* every TB_WRITER_TICK_MS */

/* From now on; `on`: what `ring` gets is written. Takes a reference. `sound`: there may be some. */
void tb_writer_device(TbWriter *writer, const char *device, TbRing *ring, bool on, bool sound);
void tb_writer_device_gone(TbWriter *writer, const char *device); /* its segments stay */
/* Keeps {"clip","device","from","to",…} (ms) on the disk, then sees to it that its interval is written. */
bool tb_writer_order(TbWriter *writer, const json_t *clip, GError **error);
/* What was ordered before this process, and is not ready; after the devices. */
void tb_writer_resume(TbWriter *writer, const json_t *clip);
/* [{"from","to"}] in ms of what there is of the device, the latest TB_LIMIT_RECORD_SPANS; *ret_bytes: on the disk. New reference. */
json_t *tb_writer_spans(TbWriter *writer, const char *device, guint64 *ret_bytes);
/* Why it does not record now, in words; NULL: it does, or need not. Borrowed. */
const char *tb_writer_stopped(TbWriter *writer, const char *device);
void tb_writer_sweep(TbWriter *writer);

/* Any thread; the caller frees. */
char *tb_writer_device_folder(TbWriter *writer, const char *device);
char *tb_writer_clip_folder(TbWriter *writer, const char *clip);
/* Writes clip.json so that it is whole or as it was. */
bool tb_writer_save_clip(TbWriter *writer, const json_t *clip, GError **error);
void tb_writer_remove_folder(const char *folder); /* with what is in it; one level */

#define TB_WRITER_TICK_MS 200
