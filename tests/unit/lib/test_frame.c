/* Frames and their pools: buffers come back, and memory of one's own is freed exactly once. */
#include "lib/frame.h"

#include "lib/limits.h"

typedef struct Memory {
        guint allocated, freed, done;
} Memory;

static guint8 *count_alloc(gsize size, gpointer data)
{
        ((Memory *)data)->allocated++;
        return g_malloc(size);
}

static void count_free(guint8 *memory, gpointer data)
{
        ((Memory *)data)->freed++;
        g_free(memory);
}

static void count_done(gpointer data)
{
        ((Memory *)data)->done++;
}

static void test_memory(void)
{
        static const TbFrameMemory ops = {count_alloc, count_free, count_done};
        Memory memory = {0};
        TbFramePool *pool = tb_frame_pool_new_in(1, &ops, &memory);
        TbFrame *a = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 64, 32, 0);
        const guint8 *first = a->data;
        tb_frame_unref(a);
        a = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 32, 32, 0); /* smaller: the same buffer */
        g_assert_true(a->data == first);
        g_assert_cmpuint(memory.allocated, ==, 1);
        TbFrame *b = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 32, 32, 0);
        tb_frame_unref(a);
        tb_frame_unref(b); /* one is kept */
        g_assert_cmpuint(memory.allocated, ==, 2);
        g_assert_cmpuint(memory.freed, ==, 1);
        a = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 128, 128, 0); /* larger: another buffer */
        g_assert_cmpuint(memory.allocated, ==, 3);
        g_assert_cmpuint(memory.freed, ==, 2);
        tb_frame_pool_unref(pool); /* a frame on its way keeps the pool */
        g_assert_cmpuint(memory.done, ==, 0);
        a->data[128 * 128 * 4 - 1] = 1;
        tb_frame_unref(a);
        g_assert_cmpuint(memory.freed, ==, 3);
        g_assert_cmpuint(memory.done, ==, 1);
}

/* A compressed picture is as long as its sender says: up to the limit. */
static void test_largest(void)
{
        TbFramePool *pool = tb_frame_pool_new(1);
        g_assert_null(tb_frame_pool_take(pool, TB_PIXEL_JPEG, 64, 32, TB_LIMIT_REPLY + 1));
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_JPEG, 64, 32, TB_LIMIT_REPLY);
        g_assert_nonnull(frame);
        g_assert_cmpuint(frame->size, ==, TB_LIMIT_REPLY);
        frame->data[TB_LIMIT_REPLY - 1] = 1;
        tb_frame_unref(frame);
        g_assert_null(tb_frame_pool_take(pool, TB_PIXEL_I420, TB_LIMIT_VIDEO_SIDE + 1, 16, 0));
        g_assert_null(tb_frame_pool_take(pool, TB_PIXEL_I420, 16, TB_LIMIT_VIDEO_SIDE + 1, 0));
        frame = tb_frame_pool_take(pool, TB_PIXEL_I420, TB_LIMIT_VIDEO_SIDE, 16, 0);
        g_assert_nonnull(frame);
        tb_frame_unref(frame);
        tb_frame_pool_unref(pool);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/frame/memory", test_memory);
        g_test_add_func("/frame/largest", test_largest);
        return g_test_run();
}
