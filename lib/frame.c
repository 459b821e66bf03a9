#include "lib/frame.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/thread.h"

struct TbFramePool {
        TbRefCount ref;
        TbMutex lock;
        GPtrArray *idle; /* owned frames; protected by lock */
        guint max_idle;
        const TbFrameMemory *memory; /* static; NULL: the heap */
        gpointer memory_data;
};

bool tb_frame_layout(TbPixelFormat format, int width, int height, int stride[3], gsize offset[3], gsize *size)
{
        if (width < 1 || height < 1 || width > TB_LIMIT_VIDEO_SIDE || height > TB_LIMIT_VIDEO_SIDE)
                return false;
        gsize w = (gsize)width, h = (gsize)height;
        gsize even_h = (h + 1) / 2;
        memset(stride, 0, 3 * sizeof stride[0]);
        memset(offset, 0, 3 * sizeof offset[0]);
        switch (format) {
        case TB_PIXEL_BGRX:
        case TB_PIXEL_RGBX:
                stride[0] = (int)(w * 4);
                *size = w * 4 * h;
                return true;
        case TB_PIXEL_YUY2:
                stride[0] = (int)((w + 1) / 2 * 4);
                *size = (gsize)stride[0] * h;
                return true;
        case TB_PIXEL_NV12:
                stride[0] = stride[1] = (int)((w + 3) & ~(gsize)3);
                offset[1] = (gsize)stride[0] * (even_h * 2);
                *size = offset[1] + (gsize)stride[1] * even_h;
                return true;
        case TB_PIXEL_I420:
                stride[0] = (int)((w + 3) & ~(gsize)3);
                stride[1] = stride[2] = (int)(((w + 1) / 2 + 3) & ~(gsize)3);
                offset[1] = (gsize)stride[0] * (even_h * 2);
                offset[2] = offset[1] + (gsize)stride[1] * even_h;
                *size = offset[2] + (gsize)stride[2] * even_h;
                return true;
        case TB_PIXEL_JPEG: return false;
        }
        return false;
}

TbFramePool *tb_frame_pool_new(guint max_idle)
{
        TbFramePool *pool = g_new0(TbFramePool, 1);
        __atomic_store_n(&pool->ref, 1, __ATOMIC_RELAXED);
        tb_mutex_init(&pool->lock);
        pool->idle = g_ptr_array_new();
        pool->max_idle = max_idle;
        return pool;
}

TbFramePool *tb_frame_pool_new_in(guint max_idle, const TbFrameMemory *ops, gpointer data)
{
        TbFramePool *pool = tb_frame_pool_new(max_idle);
        pool->memory = ops;
        pool->memory_data = data;
        return pool;
}

TbFramePool *tb_frame_pool_ref(TbFramePool *pool)
{
        tb_ref_inc(&pool->ref);
        return pool;
}

static void data_free(TbFramePool *pool, TbFrame *frame)
{
        if (!pool->memory)
                g_free(frame->data);
        else if (frame->data)
                pool->memory->free(frame->data, pool->memory_data);
}

static void frame_free(TbFramePool *pool, TbFrame *frame)
{
        data_free(pool, frame);
        g_free(frame);
}

void tb_frame_pool_unref(TbFramePool *pool)
{
        if (!pool || !tb_ref_dec(&pool->ref))
                return;
        for (guint i = 0; i < pool->idle->len; i++)
                frame_free(pool, g_ptr_array_index(pool->idle, i));
        g_ptr_array_free(pool->idle, TRUE);
        tb_mutex_clear(&pool->lock);
        if (pool->memory)
                pool->memory->done(pool->memory_data);
        g_free(pool);
}

TbFrame *tb_frame_pool_take(TbFramePool *pool, TbPixelFormat format, int width, int height, gsize size)
{
        int stride[3] = {0};
        gsize offset[3] = {0};
        gsize need = size;

        if (format == TB_PIXEL_JPEG) {
                if (size > TB_LIMIT_REPLY)
                        return NULL;
        } else if (!tb_frame_layout(format, width, height, stride, offset, &need)) {
                return NULL;
        }

        TbFrame *frame = NULL;
        tb_mutex_lock(&pool->lock);
        if (pool->idle->len > 0)
                frame = g_ptr_array_steal_index_fast(pool->idle, pool->idle->len - 1);
        tb_mutex_unlock(&pool->lock);
        if (!frame)
                frame = g_new0(TbFrame, 1);
        if (frame->capacity < need) {
                data_free(pool, frame);
                frame->data = pool->memory ? pool->memory->alloc(need, pool->memory_data) : g_malloc(need);
                frame->capacity = need;
        }
        __atomic_store_n(&frame->ref, 1, __ATOMIC_RELAXED);
        frame->format = format;
        frame->width = width;
        frame->height = height;
        frame->size = need;
        frame->t_us = 0;
        frame->n_damage = 0;
        frame->origin = 0;
        frame->pool = tb_frame_pool_ref(pool);
        for (int i = 0; i < 3; i++) {
                frame->stride[i] = stride[i];
                frame->plane[i] = i == 0 || offset[i] ? frame->data + offset[i] : NULL;
        }
        return frame;
}

TbFrame *tb_frame_ref(TbFrame *frame)
{
        tb_ref_inc(&frame->ref);
        return frame;
}

void tb_frame_unref(TbFrame *frame)
{
        if (!frame || !tb_ref_dec(&frame->ref))
                return;
        TbFramePool *pool = g_steal_pointer(&frame->pool);
        tb_mutex_lock(&pool->lock);
        bool keep = pool->idle->len < pool->max_idle;
        if (keep)
                g_ptr_array_add(pool->idle, frame);
        tb_mutex_unlock(&pool->lock);
        if (!keep)
                frame_free(pool, frame);
        tb_frame_pool_unref(pool);
}

static TbRect rect_union(TbRect a, TbRect b)
{
        int x2 = MAX(a.x + a.width, b.x + b.width), y2 = MAX(a.y + a.height, b.y + b.height);
        TbRect r = {.x = MIN(a.x, b.x), .y = MIN(a.y, b.y)};
        r.width = x2 - r.x;
        r.height = y2 - r.y;
        return r;
}

void tb_frame_add_damage(TbFrame *frame, TbRect rect)
{
        int x1 = CLAMP(rect.x, 0, frame->width), y1 = CLAMP(rect.y, 0, frame->height);
        int x2 = CLAMP(rect.x + rect.width, 0, frame->width),
            y2 = CLAMP(rect.y + rect.height, 0, frame->height);
        if (x2 <= x1 || y2 <= y1)
                return;
        TbRect clipped = {x1, y1, x2 - x1, y2 - y1};
        if (frame->n_damage < TB_FRAME_RECTS) {
                frame->damage[frame->n_damage++] = clipped;
                return;
        }
        for (guint i = 0; i < frame->n_damage; i++)
                clipped = rect_union(clipped, frame->damage[i]);
        frame->damage[0] = clipped;
        frame->n_damage = 1;
}

const char *tb_pixel_format_name(TbPixelFormat format)
{
        switch (format) {
        case TB_PIXEL_BGRX: return "BGRx";
        case TB_PIXEL_RGBX: return "RGBx";
        case TB_PIXEL_YUY2: return "YUY2";
        case TB_PIXEL_NV12: return "NV12";
        case TB_PIXEL_I420: return "I420";
        case TB_PIXEL_JPEG: return NULL;
        }
        return NULL;
}
