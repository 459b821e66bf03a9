#pragma once
/*
 * The pure part of the v4l2 driver: which of a camera's modes to take, and what its bytes are as a TbFrame.
 * No I/O, any thread. Units: pixels, bytes, frames per second. Source: Linux
 * Documentation/userspace-api/media/v4l (pixfmt-*.rst); fourcc codes as in videodev2.h.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/frame.h"

#define TB_V4L2_MODES 1024 /* modes that are looked at; UVC cameras have up to some hundred */

typedef struct TbV4l2Mode {
        guint32 fourcc;
        int width, height;
        double fps;
} TbV4l2Mode;

typedef struct TbV4l2Wish {
        guint32 fourcc;    /* 0: any that we understand */
        int width, height; /* 0: no wish */
        double fps;        /* 0: no wish */
} TbV4l2Wish;

/* TB_PIXEL_* of a fourcc; false for what nobody here can show. */
bool tb_v4l2_format(guint32 fourcc, TbPixelFormat *ret_format);
/* "yuyv", "mjpg", … as in the `format` parameter; 0 when unknown, and for "auto". */
guint32 tb_v4l2_fourcc(const char *name);
/* "YUYV" for texts; 5 bytes with the end. */
void tb_v4l2_fourcc_text(guint32 fourcc, char ret_text[5]);

/* The mode nearest to the wish: the size first, then enough frames a second, then the least work (raw before
 * JPEG); -1 when none can be shown. */
int tb_v4l2_choose(const TbV4l2Mode *modes, guint n, const TbV4l2Wish *wish);
/* A size within min…max in steps, nearest to `wish`. */
int tb_v4l2_snap(int wish, int min, int max, int step);

/* Bytes that a picture of this layout must have; 0 for compressed ones. `stride` = bytesperline of the first
 * plane. */
gsize tb_v4l2_size(TbPixelFormat format, int height, gsize stride);
/* Copies a captured buffer into a frame of the same format and size. False when the buffer is too short, or
 * is no JPEG. */
bool tb_v4l2_fill(TbFrame *frame, const guint8 *data, gsize size, gsize stride);
