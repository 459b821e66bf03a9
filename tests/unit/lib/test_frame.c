/* Frames and their pools: buffers come back, and memory of one's own is freed exactly once. */
#include "lib/frame.h"

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

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/frame/memory", test_memory);
        return g_test_run();
}
