/* Shares of a lane's queue: at each limit and one beyond, and who goes first. */
#include "host/core/lanes/call_queue.h"
#include "lib/error.h"
#include "lib/limits.h"

#include <string.h>

#define MANY 200

static TbCall calls[MANY];
static guint used;

static bool push(TbCallQueue *queue, const char *user, bool watches, TbCallRank rank)
{
        g_autoptr(GError) error = NULL;
        g_assert_cmpuint(used, <, MANY);
        TbCall *call = &calls[used++];
        *call = (TbCall){.user = user, .watches = watches, .yields = watches, .rank = rank};
        bool ok = tb_call_queue_push(queue, call, &error);
        if (!ok)
                g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        return ok;
}

static void drain(TbCallQueue *queue)
{
        while (tb_call_queue_take(queue, 0))
                ;
        used = 0;
}

static void test_shares(void)
{
        TbCallQueue *queue = tb_call_queue_new(0);
        for (guint i = 0; i < TB_LIMIT_QUEUE_OF_VIEWER; i++)
                g_assert_true(push(queue, "eve", true, TB_CALL_READS));
        g_assert_false(push(queue, "eve", true, TB_CALL_READS)); /* limit + 1 */
        for (guint i = TB_LIMIT_QUEUE_OF_VIEWER; i < TB_LIMIT_QUEUE_WATCHED; i++)
                g_assert_true(push(queue, "mallory", true, TB_CALL_READS));
        g_assert_false(push(queue, "trudy", true, TB_CALL_READS));
        g_assert_true(push(queue, "bob", false, TB_CALL_CHANGES)); /* viewers leave room */
        drain(queue);
        for (guint i = 0; i < TB_LIMIT_QUEUE_OF_USER; i++)
                g_assert_true(push(queue, "bob", false, TB_CALL_CHANGES));
        g_assert_false(push(queue, "bob", false, TB_CALL_CHANGES));
        for (guint i = TB_LIMIT_QUEUE_OF_USER; i < TB_LIMIT_QUEUE; i++)
                g_assert_true(push(queue, "alice", false, TB_CALL_READS));
        g_assert_false(push(queue, "alice", false, TB_CALL_READS));
        g_assert_true(push(queue, NULL, false, TB_CALL_READS)); /* the lane's own */
        for (guint i = 0; i < TB_LIMIT_QUEUE_URGENT; i++)
                g_assert_true(push(queue, "bob", false, TB_CALL_URGENT));
        g_assert_false(push(queue, "bob", false, TB_CALL_URGENT));
        drain(queue);
        tb_call_queue_free(queue);
}

/* One who controls here comes after one of a crowd that yields, not after all of it. */
static void test_yielding(void)
{
        TbCallQueue *queue = tb_call_queue_new(0);
        for (guint i = 0; i < TB_LIMIT_QUEUE_OF_VIEWER; i++)
                g_assert_true(push(queue, "eve", true, TB_CALL_READS));
        for (guint i = 0; i < 4; i++)
                g_assert_true(push(queue, "bob", false, TB_CALL_READS));
        guint of_bob = 0;
        for (guint i = 0; i < 8; i++)
                of_bob += strcmp(tb_call_queue_take(queue, 0)->user, "bob") == 0;
        g_assert_cmpuint(of_bob, ==, 4);
        for (guint i = 0; i < TB_LIMIT_QUEUE_OF_VIEWER - 4; i++)
                g_assert_cmpstr(tb_call_queue_take(queue, 0)->user, ==, "eve");
        g_assert_null(tb_call_queue_take(queue, 0));
        tb_call_queue_free(queue);
        used = 0;
}

static void test_order(void)
{
        static const TbCallRank ranks[] = {TB_CALL_READS, TB_CALL_CHANGES, TB_CALL_READS, TB_CALL_CHANGES,
                                           TB_CALL_URGENT};
        static const guint order[] = {4, 1, 3, 0, 2};
        TbCallQueue *queue = tb_call_queue_new(0);
        for (guint i = 0; i < G_N_ELEMENTS(ranks); i++)
                g_assert_true(push(queue, "bob", false, ranks[i]));
        g_assert_cmpuint(tb_call_queue_length(queue), ==, G_N_ELEMENTS(ranks));
        for (guint i = 0; i < G_N_ELEMENTS(order); i++)
                g_assert_true(tb_call_queue_take(queue, 0) == &calls[order[i]]);
        g_assert_null(tb_call_queue_take(queue, g_get_monotonic_time() + 1000));
        tb_call_queue_close(queue);
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_call_queue_push(queue, &calls[0], &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        used = 0;
        tb_call_queue_free(queue);
}

/* One that is withdrawn gives its place back while it waits. */
static void test_remove(void)
{
        TbCallQueue *queue = tb_call_queue_new(0);
        for (guint i = 0; i < TB_LIMIT_QUEUE_URGENT; i++)
                g_assert_true(push(queue, "bob", false, TB_CALL_URGENT));
        g_assert_false(push(queue, "root", false, TB_CALL_URGENT));
        g_assert_true(tb_call_queue_remove(queue, &calls[0]));
        g_assert_false(tb_call_queue_remove(queue, &calls[0]));
        g_assert_true(push(queue, "root", false, TB_CALL_URGENT));
        TbCall *taken = tb_call_queue_take(queue, 0);
        g_assert_true(taken == &calls[1]);
        g_assert_false(tb_call_queue_remove(queue, taken));
        drain(queue);
        tb_call_queue_free(queue);
}

/* A lane of several threads: whoever has its share of them waits, others do not wait for him. */
static void test_running(void)
{
        TbCallQueue *queue = tb_call_queue_new(2);
        for (guint i = 0; i < 4; i++)
                g_assert_true(push(queue, "bob", false, TB_CALL_CHANGES));
        g_assert_true(push(queue, "eve", false, TB_CALL_READS));
        g_assert_true(tb_call_queue_take(queue, 0) == &calls[0]);
        g_assert_true(tb_call_queue_take(queue, 0) == &calls[1]);
        g_assert_true(tb_call_queue_take(queue, 0) == &calls[4]);
        g_assert_null(tb_call_queue_take(queue, 0));
        g_assert_true(push(queue, "bob", false, TB_CALL_URGENT));
        g_assert_true(tb_call_queue_take(queue, 0) == &calls[5]); /* an emergency has no share */
        tb_call_queue_done(queue, &calls[5]);
        g_assert_null(tb_call_queue_take(queue, 0));
        tb_call_queue_done(queue, &calls[1]);
        g_assert_true(tb_call_queue_take(queue, 0) == &calls[2]);
        g_assert_null(tb_call_queue_take(queue, 0));
        g_assert_cmpuint(tb_call_queue_length(queue), ==, 1);
        tb_call_queue_close(queue); /* what is left is taken to be failed */
        g_assert_true(tb_call_queue_take(queue, 0) == &calls[3]);
        for (guint i = 0; i < 5; i++)
                tb_call_queue_done(queue, &calls[i]);
        drain(queue);
        tb_call_queue_free(queue);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/call-queue/shares", test_shares);
        g_test_add_func("/call-queue/yielding", test_yielding);
        g_test_add_func("/call-queue/order", test_order);
        g_test_add_func("/call-queue/remove", test_remove);
        g_test_add_func("/call-queue/running", test_running);
        return g_test_run();
}
