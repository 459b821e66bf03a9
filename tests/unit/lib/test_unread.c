/* What waits for slow readers, together: at each ceiling and one byte beyond, and who goes. */
#include "lib/http/unread.h"
#include "lib/limits.h"

#include <stdbool.h>

#define MANY 64

typedef struct Reader {
        TbUnread unread;
        bool cut;
} Reader;

static Reader readers[MANY];
static TbUnreadBook book;

static void on_cut(gpointer owner)
{
        ((Reader *)owner)->cut = true;
}

static void begin(guint i, const char *user)
{
        readers[i] = (Reader){0};
        tb_unread_begin(&readers[i].unread, &book, user, NULL, on_cut, &readers[i]);
}

/* The loop goes on until there is nothing to look at any more. */
static void run(void)
{
        while (book.source && g_source_get_ready_time(book.source) >= 0)
                g_main_context_iteration(NULL, TRUE);
}

static guint cuts(guint from, guint to)
{
        guint n = 0;
        for (guint i = from; i < to; i++)
                n += readers[i].cut;
        return n;
}

static void end_all(guint n)
{
        for (guint i = 0; i < n; i++)
                tb_unread_end(&readers[i].unread);
        g_assert_cmpuint(book.all, ==, 0);
        g_assert_cmpuint(book.readers.length, ==, 0);
}

/* Of one user the one who has had something to read for longest goes; who reads to the end comes last. */
static void test_of_one(void)
{
        const gsize each = TB_LIMIT_UNREAD_OF_ONE / 8;
        for (guint i = 0; i < 8; i++) {
                begin(i, i % 2 ? "eve, link p1 (via server)" : "eve (via server)");
                tb_unread_set(&readers[i].unread, each);
        }
        begin(8, "bob");
        tb_unread_set(&readers[8].unread, each);
        run();
        g_assert_cmpuint(cuts(0, 9), ==, 0); /* at the ceiling */
        tb_unread_set(&readers[0].unread, 0);
        tb_unread_set(&readers[0].unread, each + 1);
        run();
        g_assert_true(readers[1].cut);
        g_assert_cmpuint(cuts(0, 9), ==, 1);
        g_assert_cmpuint(readers[1].unread.bytes, ==, 0);
        end_all(9);
}

static void test_of_all(void)
{
        const gsize each = TB_LIMIT_UNREAD / MANY;
        for (guint i = 0; i < MANY; i++) {
                begin(i, NULL); /* who speaks for many counts in the sum alone */
                tb_unread_set(&readers[i].unread, each);
        }
        run();
        g_assert_cmpuint(cuts(0, MANY), ==, 0);
        tb_unread_set(&readers[MANY - 1].unread, each + 1);
        run();
        g_assert_true(readers[0].cut);
        g_assert_cmpuint(cuts(0, MANY), ==, 1);
        end_all(MANY);
}

/* Nobody goes at once: what came just now may be read yet. */
static void test_grace(void)
{
        for (guint i = 0; i < 2; i++) {
                begin(i, "eve");
                tb_unread_set(&readers[i].unread, TB_LIMIT_UNREAD_OF_ONE);
        }
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(cuts(0, 2), ==, 0);
        tb_unread_set(&readers[0].unread, 0); /* it was read */
        run();
        g_assert_cmpuint(cuts(0, 2), ==, 0);
        end_all(2);
        tb_unread_book_clear(&book);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/unread/of-one", test_of_one);
        g_test_add_func("/unread/of-all", test_of_all);
        g_test_add_func("/unread/grace", test_grace);
        return g_test_run();
}
