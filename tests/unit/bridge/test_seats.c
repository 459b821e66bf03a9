/* Leases of those who come by links: how long one of them may be away, and who is cut at once. */
#include "host/bridge/seats.h"

#include "lib/limits.h"

#define BERT "anna, link p7 (via server)"
#define CARL "anna, link p8 (via server)"

/* TB_LIMIT_SEAT_AWAY_S: he may come back within it, as often as he likes. */
static void test_away(void)
{
        TbSeats seats;
        const gint64 most = TB_LIMIT_SEAT_AWAY_S * 1000;
        gint64 now = 5;
        tb_seats_init(&seats);
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_THERE, now));
        g_assert_true(tb_seats_any(&seats));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, now));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, now += most - 1));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_THERE, now += 1));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, now));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, now += most - 1));
        g_assert_true(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, now += 1));
        g_assert_false(tb_seats_look(&seats, "board", NULL, TB_SEAT_AWAY, now));
        g_assert_false(tb_seats_any(&seats));
        tb_seats_clear(&seats);
}

/* While the server is away nobody can say who is there: the time begins when it is back. After a restart of the host nothing is known. */
static void test_server_away(void)
{
        TbSeats seats;
        const gint64 most = TB_LIMIT_SEAT_AWAY_S * 1000;
        tb_seats_init(&seats);
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, 0));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_UNKNOWN, most));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, 100 * most));
        g_assert_false(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, 101 * most - 1));
        g_assert_true(tb_seats_look(&seats, "board", BERT, TB_SEAT_AWAY, 101 * most));
        tb_seats_clear(&seats);
}

/* Who may not control any more has nothing, at once; another holder has his own time; others than links' are left alone. */
static void test_others(void)
{
        TbSeats seats;
        const gint64 most = TB_LIMIT_SEAT_AWAY_S * 1000;
        tb_seats_init(&seats);
        g_assert_true(tb_seats_look(&seats, "board", BERT, TB_SEAT_MAY_NOT, 0));
        g_assert_false(tb_seats_look(&seats, "desk", BERT, TB_SEAT_AWAY, 0));
        g_assert_false(tb_seats_look(&seats, "desk", CARL, TB_SEAT_AWAY, most));
        g_assert_false(tb_seats_look(&seats, "desk", CARL, TB_SEAT_AWAY, 2 * most - 1));
        static const char *const own[] = {"anna", "local", "anna (via server)", "vnc:1, link p7"};
        for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
                g_assert_false(tb_seats_look(&seats, "rack", own[i], TB_SEAT_AWAY, 0));
                g_assert_false(tb_seats_look(&seats, "rack", own[i], TB_SEAT_AWAY, 100 * most));
        }
        tb_seats_clear(&seats);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bridge/seats/away", test_away);
        g_test_add_func("/bridge/seats/server-away", test_server_away);
        g_test_add_func("/bridge/seats/others", test_others);
        return g_test_run();
}
