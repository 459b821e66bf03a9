#pragma once
/*
 * What a Seestar sends on its imaging port (TCP 4800): frames of an 80-byte head and a payload. Raw pictures of the sensor (u16 LE, Bayer
 * GRBG), of three colours (u16 LE, R, G, B), either in a ZIP with one member; JPEG where it begins like one. Pure.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_SEESTAR_HEAD 80
#define TB_SEESTAR_IMAGE_MIN 1000 /* bytes: what is no longer is no picture */

typedef enum TbSeestarFrameId {
        TB_SEESTAR_HELLO = 2,
        TB_SEESTAR_VIEW = 20,
        TB_SEESTAR_PREVIEW = 21,
        TB_SEESTAR_STACK = 23
} TbSeestarFrameId;

typedef struct TbSeestarHead {
        guint32 size; /* of the payload */
        guint8 code, id;
        int width, height;
        bool is_image;
} TbSeestarHead;

/* 80 when a head is there; 0: not whole yet; -1: it is none, or says more than TB_LIMIT_SEESTAR_PICTURE, or more than a picture of that
 * size can have. */
gssize tb_seestar_head(const void *data, gsize size, TbSeestarHead *ret);

typedef enum TbSeestarPixels { TB_SEESTAR_BAYER, TB_SEESTAR_RGB, TB_SEESTAR_JPEG } TbSeestarPixels;
/* What a payload holds. `scratch`: where a ZIP is unpacked to; *ret_data points into it, or into the payload. False with DEVICE. */
bool tb_seestar_unpack(const TbSeestarHead *head, const guint8 *payload, GByteArray *scratch,
                       const guint8 **ret_data, gsize *ret_size, TbSeestarPixels *ret_pixels, GError **error);

/*
 * Raw pixels made visible: almost all of a night picture lies in the lowest hundredth of its range. Per colour, the background (its
 * median, and how far it scatters) is found and lifted to a quarter, as PixInsight's screen transfer function does; what changes
 * between two pictures is followed softly.
 */
typedef struct TbSeestarShow TbSeestarShow;
TbSeestarShow *tb_seestar_show_new(void);
void tb_seestar_show_free(TbSeestarShow *show); /* accepts NULL */
/* BGRX, `stride` bytes a row. `data`: width * height * 2 (BAYER, both even) or * 6 (RGB) bytes, which unpack() made sure of. */
void tb_seestar_show(TbSeestarShow *show, TbSeestarPixels pixels, const guint8 *data, int width, int height,
                     guint8 *bgrx, int stride);
