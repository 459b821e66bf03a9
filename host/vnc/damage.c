#include "host/vnc/damage.h"

#include <string.h>

#include "lib/limits.h"

static void add(sraRegionPtr region, int x1, int y1, int x2, int y2)
{
        sraRegionPtr rect = sraRgnCreateRect(x1, y1, x2, y2);
        sraRgnOr(region, rect);
        sraRgnDestroy(rect);
}

static bool tile_differs(const guint8 *a, int a_stride, const guint8 *b, int b_stride, gsize bytes, int rows)
{
        for (int y = 0; y < rows; y++)
                if (memcmp(a + (gsize)y * (gsize)a_stride, b + (gsize)y * (gsize)b_stride, bytes) != 0)
                        return true;
        return false;
}

#define TILES ((TB_LIMIT_VIDEO_SIDE + TB_VNC_TILE - 1) / TB_VNC_TILE)

/* Which tiles of one band changed. */
static void look_at_band(const TbFrame *before, const TbFrame *now, int y, int rows, guint8 changed[TILES])
{
        const guint8 *a = before->plane[0] + (gsize)y * (gsize)before->stride[0];
        const guint8 *b = now->plane[0] + (gsize)y * (gsize)now->stride[0];
        memset(changed, 0, TILES);
        if (before->stride[0] == now->stride[0] && memcmp(a, b, (gsize)rows * (gsize)now->stride[0]) == 0)
                return;
        for (int x = 0, i = 0; x < now->width; x += TB_VNC_TILE, i++) {
                int width = MIN(TB_VNC_TILE, now->width - x);
                changed[i] = tile_differs(a + x * 4, before->stride[0], b + x * 4, now->stride[0],
                                          (gsize)width * 4, rows);
        }
}

/* Neighbours that changed become one rectangle. */
static void add_band(const guint8 changed[TILES], int width, int y1, int y2, sraRegionPtr region)
{
        int tiles = (width + TB_VNC_TILE - 1) / TB_VNC_TILE, first = -1;
        for (int i = 0; i <= tiles; i++) {
                bool on = i < tiles && changed[i];
                if (on && first < 0)
                        first = i;
                if (!on && first >= 0) {
                        add(region, first * TB_VNC_TILE, y1, MIN(i * TB_VNC_TILE, width), y2);
                        first = -1;
                }
        }
}

/* Bands with the same tiles become one: the region does not join what lies above each other, and encoders
 * like large rectangles. */
void tb_vnc_damage(const TbFrame *before, const TbFrame *now, sraRegionPtr region)
{
        if (before->width != now->width || before->height != now->height) {
                add(region, 0, 0, now->width, now->height);
                return;
        }
        guint8 open[TILES] = {0}, band[TILES];
        int since = 0;
        for (int y = 0; y < now->height; y += TB_VNC_TILE) {
                look_at_band(before, now, y, MIN(TB_VNC_TILE, now->height - y), band);
                if (memcmp(open, band, TILES) == 0)
                        continue;
                add_band(open, now->width, since, y, region);
                memcpy(open, band, TILES);
                since = y;
        }
        add_band(open, now->width, since, now->height, region);
}

static void same_in(const TbFrame *before, const TbFrame *now, sraRect r, sraRegionPtr ret_same)
{
        r = (sraRect){MAX(r.x1, 0), MAX(r.y1, 0), MIN(r.x2, now->width), MIN(r.y2, now->height)};
        for (int y = r.y1, below; y < r.y2; y = below) {
                below = MIN((y / TB_VNC_TILE + 1) * TB_VNC_TILE, r.y2);
                for (int x = r.x1, right; x < r.x2; x = right) {
                        right = MIN((x / TB_VNC_TILE + 1) * TB_VNC_TILE, r.x2);
                        const guint8 *a =
                                before->plane[0] + (gsize)y * (gsize)before->stride[0] + (gsize)x * 4;
                        const guint8 *b = now->plane[0] + (gsize)y * (gsize)now->stride[0] + (gsize)x * 4;
                        if (!tile_differs(a, before->stride[0], b, now->stride[0], (gsize)(right - x) * 4,
                                          below - y))
                                add(ret_same, x, y, right, below);
                }
        }
}

/* Most of what X says to have changed in a terminal that scrolls is what was there before. */
void tb_vnc_damage_in(const TbFrame *before, const TbFrame *now, sraRegionPtr region)
{
        sraRegionPtr same = sraRgnCreate();
        sraRect r;
        sraRectangleIterator *i = sraRgnGetIterator(region);
        while (sraRgnIteratorNext(i, &r))
                same_in(before, now, r, same);
        sraRgnReleaseIterator(i);
        sraRgnSubtract(region, same);
        sraRgnDestroy(same);
        sraRegionPtr all = sraRgnCreateRect(0, 0, now->width, now->height);
        sraRgnAnd(region, all);
        sraRgnDestroy(all);
}

static inline guint8 clamp8(int v)
{
        return (guint8)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* 8-bit fixed point of BT.601: R = 1.164(Y-16) + 1.596(V-128) … */
static inline void put_yuv(guint8 *out, int y, int u, int v)
{
        int c = 298 * (y - 16) + 128, d = u - 128, e = v - 128;
        out[0] = clamp8((c + 516 * d) >> 8);
        out[1] = clamp8((c - 100 * d - 208 * e) >> 8);
        out[2] = clamp8((c + 409 * e) >> 8);
        out[3] = 0xff;
}

static void row_rgbx(const TbFrame *in, int y, guint8 *out)
{
        const guint8 *p = in->plane[0] + (gsize)y * (gsize)in->stride[0];
        for (int x = 0; x < in->width; x++, p += 4, out += 4) {
                out[0] = p[2];
                out[1] = p[1];
                out[2] = p[0];
                out[3] = 0xff;
        }
}

static void row_yuy2(const TbFrame *in, int y, guint8 *out)
{
        const guint8 *p = in->plane[0] + (gsize)y * (gsize)in->stride[0];
        for (int x = 0; x < in->width; x++, out += 4)
                put_yuv(out, p[2 * x], p[(x & ~1) * 2 + 1], p[(x & ~1) * 2 + 3]);
}

static void row_nv12(const TbFrame *in, int y, guint8 *out)
{
        const guint8 *luma = in->plane[0] + (gsize)y * (gsize)in->stride[0];
        const guint8 *uv = in->plane[1] + (gsize)(y / 2) * (gsize)in->stride[1];
        for (int x = 0; x < in->width; x++, out += 4)
                put_yuv(out, luma[x], uv[x & ~1], uv[(x & ~1) + 1]);
}

static void row_i420(const TbFrame *in, int y, guint8 *out)
{
        const guint8 *luma = in->plane[0] + (gsize)y * (gsize)in->stride[0];
        const guint8 *u = in->plane[1] + (gsize)(y / 2) * (gsize)in->stride[1];
        const guint8 *v = in->plane[2] + (gsize)(y / 2) * (gsize)in->stride[2];
        for (int x = 0; x < in->width; x++, out += 4)
                put_yuv(out, luma[x], u[x / 2], v[x / 2]);
}

TbFrame *tb_vnc_to_bgrx(TbFrame *frame, TbFramePool *pool)
{
        void (*row)(const TbFrame *in, int y, guint8 *out) = NULL;
        switch (frame->format) {
        case TB_PIXEL_BGRX: return tb_frame_ref(frame);
        case TB_PIXEL_RGBX: row = row_rgbx; break;
        case TB_PIXEL_YUY2: row = row_yuy2; break;
        case TB_PIXEL_NV12: row = row_nv12; break;
        case TB_PIXEL_I420: row = row_i420; break;
        case TB_PIXEL_JPEG: return NULL;
        }
        TbFrame *out = tb_frame_pool_take(pool, TB_PIXEL_BGRX, frame->width, frame->height, 0);
        if (!out)
                return NULL;
        for (int y = 0; y < frame->height; y++)
                row(frame, y, out->plane[0] + (gsize)y * (gsize)out->stride[0]);
        out->t_us = frame->t_us;
        return out;
}
