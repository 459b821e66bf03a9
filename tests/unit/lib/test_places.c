/* Shares of a pool: at each limit and one beyond, and what is given back can be had again. */
#include "lib/error.h"
#include "lib/places.h"

static const TbPlacesLimits limits = {.what = "seats", .all = 8, .each = 4, .watched = 6};

static bool take(TbPlaces *p, const char *key, bool watches)
{
        g_autoptr(GError) error = NULL;
        bool ok = tb_places_take(p, key, watches, &error);
        if (ok)
                g_assert_no_error(error);
        else
                g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        return ok;
}

static void test_shares(void)
{
        TbPlaces p;
        tb_places_init(&p, &limits);
        for (guint i = 0; i < limits.each; i++)
                g_assert_true(take(&p, "eve", true));
        g_assert_false(take(&p, "eve", true)); /* limit + 1 of one */
        for (guint i = limits.each; i < limits.watched; i++)
                g_assert_true(take(&p, "mallory", true));
        g_assert_false(take(&p, "trudy", true)); /* limit + 1 of those who watch */
        for (guint i = limits.watched; i < limits.all; i++)
                g_assert_true(take(&p, "alice", false));
        g_assert_false(take(&p, "alice", false)); /* limit + 1 of all */
        tb_places_give(&p, "eve", true);
        g_assert_cmpuint(tb_places_of(&p, "eve"), ==, limits.each - 1);
        g_assert_true(take(&p, "bob", false));
        tb_places_give(&p, "bob", false);
        g_assert_cmpuint(tb_places_of(&p, "bob"), ==, 0);
        g_assert_true(take(&p, "eve", true));
        tb_places_clear(&p);
        g_assert_true(take(&p, "eve", true));
        tb_places_clear(&p);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/places/shares", test_shares);
        return g_test_run();
}
