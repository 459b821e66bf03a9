#include "host/media/child/room.h"
#include "lib/limits.h"

#define NOW (100 * G_USEC_PER_SEC)
#define OLD (NOW - TB_LIMIT_UNCONNECTED_MS * 1000)

static void test_own_first(void)
{
        const TbRoomPlace places[] = {{"eve", OLD - 5, false}, {"eve", OLD - 9, false},
                                      {"eve", OLD - 20, true}, {"bob", OLD - 50, true},
                                      {NULL, OLD - 30, false}, {"ann", OLD - 1, false}};
        guint n = G_N_ELEMENTS(places);
        g_assert_cmpuint(tb_room_waiting(places, n, "eve"), ==, 2);
        g_assert_cmpuint(tb_room_waiting(places, n, "bob"), ==, 0);
        g_assert_cmpuint(tb_room_waiting(places, n, NULL), ==, 1);
        g_assert_cmpint(tb_room_find(places, n, "eve", true, NOW), ==, 1);
        g_assert_cmpint(tb_room_find(places, n, NULL, true, NOW), ==, 4);
        g_assert_cmpint(tb_room_find(places, n, "bob", false, NOW), ==, -1); /* has none that waits */
        g_assert_cmpint(tb_room_find(places, n, "bob", true, NOW), ==, 1);   /* of who has most */
}

/* One offer of each of many is on its way, not a flood: nobody is sent away for it. */
static void test_single_offers_stay(void)
{
        const TbRoomPlace places[] = {{"ann", OLD - 5, false}, {"eve", OLD - 9, false}, {NULL, OLD, false}};
        g_assert_cmpint(tb_room_find(places, 3, "bob", true, NOW), ==, -1);
        g_assert_cmpint(tb_room_find(places, 3, "ann", true, NOW), ==, 0);
        g_assert_cmpint(tb_room_find(NULL, 0, "ann", true, NOW), ==, -1);
}

/* TB_LIMIT_UNCONNECTED_MS: each has that long for itself. */
static void test_has_its_time(void)
{
        TbRoomPlace place = {"eve", OLD + 1, false};
        g_assert_cmpint(tb_room_find(&place, 1, "eve", false, NOW), ==, -1);
        place.since_us = OLD;
        g_assert_cmpint(tb_room_find(&place, 1, "eve", false, NOW), ==, 0);
        place.since_us = G_MAXINT64; /* it has no answer yet, and cannot connect */
        g_assert_cmpint(tb_room_find(&place, 1, "eve", false, NOW), ==, -1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/media/room/own-first", test_own_first);
        g_test_add_func("/media/room/single-offers-stay", test_single_offers_stay);
        g_test_add_func("/media/room/has-its-time", test_has_its_time);
        return g_test_run();
}
