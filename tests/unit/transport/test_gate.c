/* One at a time at a device; who waits has a deadline, and can be interrupted; other devices are not waited for. */
#include "drivers/transport/gate.h"

#include "lib/error.h"

static void refuse(TbIo *io, TbErrorCode code)
{
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_gate_enter(io, "a", false, &error));
        g_assert_error(error, TB_ERROR, (int)code);
        g_assert_nonnull(error->message);
}

static void test_one(void)
{
        TbIo first, second;
        g_autoptr(GError) error = NULL;
        tb_io_init_plain(&first);
        tb_io_init_plain(&second);
        g_assert_true(tb_gate_enter(&first, "a", false, &error));
        g_assert_true(tb_gate_enter(&second, "b", false, &error));
        second.deadline_us = g_get_monotonic_time() + 20000;
        refuse(&second, TB_ERROR_TIMEOUT);
        second.deadline_us = G_MAXINT64;
        tb_interruptor_raise(second.stop);
        refuse(&second, TB_ERROR_INTERRUPTED);
        tb_interruptor_lower(second.stop);
        tb_gate_leave("a");
        g_assert_true(tb_gate_enter(&second, "a", false, &error));
        g_assert_no_error(error);
        tb_gate_leave("a");
        tb_gate_leave("b");
        tb_io_clear_plain(&first);
        tb_io_clear_plain(&second);
}

/* Threads that ask one device are never in there together. */
static int inside, most;

static void ask(gpointer data G_GNUC_UNUSED)
{
        TbIo io;
        tb_io_init_plain(&io);
        for (int i = 0; i < 50; i++) {
                g_assert_true(tb_gate_enter(&io, "pdu", false, NULL));
                int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
                if (now > __atomic_load_n(&most, __ATOMIC_SEQ_CST))
                        __atomic_store_n(&most, now, __ATOMIC_SEQ_CST);
                __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
                tb_gate_leave("pdu");
        }
        tb_io_clear_plain(&io);
}

static void test_threads(void)
{
        TbThread *threads[4];
        for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = tb_thread_start("outlet", ask, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
                tb_thread_join(threads[i]);
        g_assert_cmpint(most, ==, 1);
}

/* A PDU that is looked at all the while: who asked for something comes before the looks that waited already; they come, too. */
#define LOOKS 3
#define ASKED 12
static char order[LOOKS + ASKED + 1];
static int came;

static void wait_turn(gpointer data)
{
        TbIo io;
        tb_io_init_plain(&io);
        g_assert_true(tb_gate_enter(&io, "slow", *(const char *)data == 'l', NULL));
        order[came++] = *(const char *)data; /* who is in is alone */
        tb_gate_leave("slow");
        tb_io_clear_plain(&io);
}

static void test_order(void)
{
        TbIo io;
        TbThread *threads[LOOKS + ASKED];
        tb_io_init_plain(&io);
        g_assert_true(tb_gate_enter(&io, "slow", false, NULL));
        for (guint i = 0; i < LOOKS + ASKED; i++) {
                threads[i] = tb_thread_start("outlet", wait_turn, (gpointer)(i < LOOKS ? "l" : "a"));
                while (tb_gate_waiting("slow") <= i)
                        g_thread_yield();
        }
        tb_gate_leave("slow");
        for (guint i = 0; i < LOOKS + ASKED; i++)
                tb_thread_join(threads[i]);
        g_assert_cmpstr(order, ==, "aaaaaaaalaaaall");
        g_assert_cmpuint(tb_gate_waiting("slow"), ==, 0);
        tb_io_clear_plain(&io);
}

/* A dead PDU: who waited with as little patience as was lost already is told what the first was told, without a wait of its own; who has
 * more asks, and an answer that came late says nothing of the others. */
static GError *told[2];

static void lose(gpointer data)
{
        static const int patience_ms[] = {1, 60000};
        int i = *(const int *)data;
        TbIo io;
        tb_io_init_plain(&io);
        bool in = tb_gate_enter_or_lose(&io, "dead", i == 1, patience_ms[i], &told[i]);
        g_assert_true(in == !told[i]);
        if (in)
                tb_gate_leave("dead");
        tb_io_clear_plain(&io);
}

static void test_lost(void)
{
        static const int numbers[] = {0, 1};
        g_autoptr(GError) why = NULL;
        TbIo io;
        TbThread *threads[2];
        tb_io_init_plain(&io);
        tb_set_error(&why, TB_ERROR_TIMEOUT, "no answer in time");
        g_assert_true(tb_gate_enter(&io, "dead", false, NULL));
        for (guint i = 0; i < 2; i++) {
                threads[i] = tb_thread_start("outlet", lose, (gpointer)&numbers[i]);
                while (tb_gate_waiting("dead") <= i)
                        g_thread_yield();
        }
        for (gint64 until = g_get_monotonic_time() + 2000; g_get_monotonic_time() < until;)
                g_thread_yield();
        tb_gate_lost("dead", why);
        for (guint i = 0; i < 2; i++)
                tb_thread_join(threads[i]);
        g_assert_error(told[0], TB_ERROR, TB_ERROR_TIMEOUT);
        g_assert_cmpstr(told[0]->message, ==, "no answer in time");
        g_assert_no_error(told[1]);
        g_assert_cmpuint(tb_gate_waiting("dead"), ==, 0);
        g_clear_error(&told[0]);
        tb_io_clear_plain(&io);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/gate/one", test_one);
        g_test_add_func("/gate/threads", test_threads);
        g_test_add_func("/gate/order", test_order);
        g_test_add_func("/gate/lost", test_lost);
        return g_test_run();
}
