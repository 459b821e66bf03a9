#pragma once
/* The worker that compresses pictures for stills and MJPEG. Main thread. */
#include <glib.h>
#include <stdbool.h>

#include "host/media/media_private.h"

typedef struct TbPictureJob {
        TbFrame *frame; /* borrowed; a reference is taken */
        bool png;
        int quality; /* of a JPEG */
        int width;   /* pixels that are enough of a JPEG; 0: all */
        /* Exactly once, on the main loop, later; also when the worker ends. `image` NULL with an error. */
        void (*done)(void *data, GBytes *image, gint64 taken_us, const GError *error);
        void *data;
} TbPictureJob;

/* False: TB_ERROR_LIMIT, the worker is behind; `done` is not called. */
bool tb_stills_compress(TbStills *stills, const TbPictureJob *job, GError **error);
/* Counts who waits for a still; returns how many now. */
int tb_stills_waiting(TbStills *stills, int change);
GPtrArray *tb_stills_groups(TbStills *stills); /* of mjpeg.c */
/* Epoch microseconds of a frame's monotonic time. */
gint64 tb_stills_real_time(gint64 t_us);
