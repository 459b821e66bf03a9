/* Shares of a pool: at each limit and one beyond, who speaks for many, and what is given back can be had again. */
#include "lib/error.h"
#include "lib/places.h"

#define MAX_PLACES 16

static TbPlace places[4 * MAX_PLACES];
static guint used;

static bool take(TbPlaces *p, const char *user, const char *peer, bool watches)
{
        g_autoptr(GError) error = NULL;
        g_assert_cmpuint(used, <, G_N_ELEMENTS(places));
        bool ok = tb_place_take(p, &(TbPlaceBy){user, peer, watches}, &places[used], &error);
        if (ok)
                used++;
        else
                g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        return ok;
}

static void give_all(TbPlaces *p)
{
        while (used > 0)
                tb_place_give(&places[--used]);
        g_assert_cmpuint(p->all, ==, 0);
        g_assert_cmpuint(p->watched, ==, 0);
        g_assert_cmpuint(p->held ? g_hash_table_size(p->held) : 0, ==, 0);
}

static void test_shares(void)
{
        TbPlaces p;
        tb_places_init(&p, "seats", MAX_PLACES);
        guint each = tb_places_each(&p), watched = tb_places_watched(&p);
        for (guint i = 0; i < each; i++)
                g_assert_true(take(&p, "eve", NULL, true));
        g_assert_false(take(&p, "eve", NULL, true)); /* limit + 1 of one */
        for (guint i = each; i < watched; i++)
                g_assert_true(take(&p, "mallory", NULL, true));
        g_assert_false(take(&p, "trudy", NULL, true)); /* limit + 1 of those who watch */
        for (guint i = watched; i < MAX_PLACES; i++)
                g_assert_true(take(&p, "alice", NULL, false));
        g_assert_false(take(&p, "bob", NULL, false)); /* limit + 1 of all */
        tb_place_give(&places[0]);
        tb_place_give(&places[0]); /* none: nothing happens */
        g_assert_true(take(&p, "bob", NULL, false));
        give_all(&p);
        tb_places_clear(&p);
}

/* Who multiplies his name by links has one share; what a server spells leaves places for who controls here. */
static void test_via_server(void)
{
        TbPlaces p;
        tb_places_init(&p, "seats", MAX_PLACES);
        for (guint i = 0; i < tb_places_each(&p); i++) {
                g_autofree char *link = g_strdup_printf("eve, link p%u (via server)", i);
                g_assert_true(take(&p, i % 2 ? link : "eve (via server)", NULL, i % 3));
        }
        g_assert_false(take(&p, "eve, link p99 (via server)", NULL, false));
        g_assert_true(take(&p, "eve", NULL, false)); /* the one of this host is another one */
        for (guint i = tb_places_each(&p); i < tb_places_watched(&p); i++) {
                g_autofree char *spelled = g_strdup_printf("u%u (via server)", i);
                g_assert_true(take(&p, spelled, NULL, false));
        }
        g_assert_false(take(&p, "one more (via server)", NULL, false));
        for (guint i = tb_places_watched(&p) + 1; i < MAX_PLACES; i++)
                g_assert_true(take(&p, "bob", NULL, false));
        give_all(&p);
        tb_places_clear(&p);
}

/* Addresses of one subscriber are one; this machine speaks for many; a pool without a name lets everybody in. */
static void test_keys(void)
{
        TbPlaces p;
        tb_places_init(&p, "seats", MAX_PLACES);
        for (guint i = 0; i < tb_places_each(&p); i++)
                g_assert_true(take(&p, "local", i % 2 ? "2001:db8::1" : "2001:db8::2", false));
        g_assert_false(take(&p, NULL, "2001:db8::3", false));
        g_assert_true(take(&p, NULL, "192.0.2.1", false));
        give_all(&p);
        for (guint i = 0; i < MAX_PLACES; i++)
                g_assert_true(i % 2 ? take(&p, "local", "127.0.0.1", false) : take(&p, NULL, NULL, false));
        g_assert_false(take(&p, "local", "::1", false));
        give_all(&p);
        tb_places_clear(&p);
        TbPlaces open = {0};
        for (guint i = 0; i < 2 * MAX_PLACES; i++)
                g_assert_true(take(&open, "eve", NULL, true));
        give_all(&open);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/places/shares", test_shares);
        g_test_add_func("/places/via-server", test_via_server);
        g_test_add_func("/places/keys", test_keys);
        return g_test_run();
}
