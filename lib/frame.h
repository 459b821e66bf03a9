#pragma once
/*
 * TbFrame: one picture on its way from a driver to the media hub and the VNC server.
 *
 * Ownership: reference counted, immutable once it was pushed. A producer takes a buffer from its own
 * TbFramePool, fills it, pushes it; the last unref gives the buffer back to the pool, so a running source
 * allocates nothing. Thread: any (the count is atomic, the pool is locked). Units: pixels; bytes for strides
 * and sizes; microseconds of the monotonic clock (g_get_monotonic_time) for t_us.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/refcount.h"

typedef enum TbPixelFormat {
        TB_PIXEL_BGRX, /* 4 bytes a pixel, little-endian 0x00RRGGBB: X11, QEMU, libvncserver */
        TB_PIXEL_RGBX, /* 4 bytes a pixel, R first: Android's screencap */
        TB_PIXEL_YUY2, /* 2 bytes a pixel, packed 4:2:2: most USB cameras */
        TB_PIXEL_NV12, /* 2 planes */
        TB_PIXEL_I420, /* 3 planes */
        TB_PIXEL_JPEG, /* one compressed picture, plane[0] of `size` bytes */
} TbPixelFormat;

typedef struct TbRect {
        int x, y, width, height;
} TbRect;

#define TB_FRAME_RECTS 16

typedef struct TbFramePool TbFramePool;

typedef struct TbFrame {
        TbRefCount ref;
        TbPixelFormat format;
        int width, height;
        int stride[3];    /* bytes of a row, per plane; 0 for JPEG */
        guint8 *plane[3]; /* owned by the frame; borrowed views into `data` */
        guint8 *data;     /* owned */
        gsize size;       /* bytes that are valid in data */
        gsize capacity;   /* bytes that data can hold */
        gint64 t_us;      /* when the picture was taken */
        guint32 origin;   /* the phone (peer of testbed-media) that sent it, also encoded; 0: none */
        guint n_damage; /* what changed since this source's previous frame; 0 = unknown: treat all as changed
                         */
        TbRect damage[TB_FRAME_RECTS];
        TbFramePool *pool; /* ref; where the buffer goes back to */
} TbFrame;

/* Bytes and strides of an uncompressed picture; false when the size is outside TB_LIMIT_VIDEO_SIDE. */
bool tb_frame_layout(TbPixelFormat format, int width, int height, int stride[3], gsize offset[3],
                     gsize *size);

TbFramePool *tb_frame_pool_new(guint max_idle);

/* Memory of a pool's pictures that is not the heap's, so that somebody else can write into it (an X server). Any
 * thread; alloc never fails; done when the pool has ended. */
typedef struct TbFrameMemory {
        guint8 *(*alloc)(gsize size, gpointer data);
        void (*free)(guint8 *memory, gpointer data);
        void (*done)(gpointer data);
} TbFrameMemory;

/* `ops` is static. */
TbFramePool *tb_frame_pool_new_in(guint max_idle, const TbFrameMemory *ops, gpointer data);
TbFramePool *tb_frame_pool_ref(TbFramePool *pool);
void tb_frame_pool_unref(TbFramePool *pool);

/* A writable frame with planes laid out (uncompressed), or with `size` bytes of room (JPEG).
 * NULL when the size is over the limits. `size` is ignored for uncompressed formats. The content is not
 * cleared. */
TbFrame *tb_frame_pool_take(TbFramePool *pool, TbPixelFormat format, int width, int height, gsize size);

TbFrame *tb_frame_ref(TbFrame *frame);
void tb_frame_unref(TbFrame *frame);

/* Adds a rectangle to the damage list, clipped to the frame; when the list is full it becomes its bounding
 * box. */
void tb_frame_add_damage(TbFrame *frame, TbRect rect);

/* GStreamer's name of the format ("BGRx"), or NULL for compressed formats. */
const char *tb_pixel_format_name(TbPixelFormat format);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbFrame, tb_frame_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbFramePool, tb_frame_pool_unref)
