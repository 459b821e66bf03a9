/* Where who may do how much: role x grant x place, as a table. */
#include "lib/http/grants.h"

static void patterns(void)
{
        static const char *const good[] = {"lab-1", "lab-1/board", "*", "*/*", "lab-*/b*d", "lab-1~2/board"},
                                 *const bad[] = {"",      "/",         "lab-1/", "/board",
                                                 "lab 1", "lab-1/a/b", "lab-?",  "läb"};
        g_autofree char *longest = g_strnfill(64, 'a'), *longer = g_strnfill(65, 'a');
        for (guint i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_true(tb_grants_pattern_valid(good[i]));
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_grants_pattern_valid(bad[i]));
        g_assert_true(tb_grants_pattern_valid(longest));
        g_assert_false(tb_grants_pattern_valid(longer));
}

#define NONE TB_ROLE_NONE
#define VIEWER TB_ROLE_VIEWER
#define OPERATOR TB_ROLE_OPERATOR
#define ADMIN TB_ROLE_ADMIN

static void roles(void)
{
        static const struct {
                const char *pattern;
                TbRole granted;
                const char *host, *device; /* device NULL: the host itself */
                TbRole as_viewer, as_operator, as_admin;
        } table[] = {
                /* the host and all that is on it */
                {"lab-1", OPERATOR, "lab-1", NULL, VIEWER, OPERATOR, ADMIN},
                {"lab-1", OPERATOR, "lab-1", "board", VIEWER, OPERATOR, ADMIN},
                {"lab-1/*", VIEWER, "lab-1", NULL, VIEWER, VIEWER, ADMIN},
                {"lab-1", OPERATOR, "lab-2", "board", NONE, NONE, ADMIN},
                {"lab-1", OPERATOR, "lab-10", "board", NONE, NONE, ADMIN},
                {"lab-1", OPERATOR, "xlab-1", NULL, NONE, NONE, ADMIN},
                {"lab-1", OPERATOR, "lab-1~2", NULL, NONE, NONE, ADMIN},
                /* one device of it */
                {"lab-1/board", OPERATOR, "lab-1", "board", VIEWER, OPERATOR, ADMIN},
                {"lab-1/board", OPERATOR, "lab-1", "board2", NONE, NONE, ADMIN},
                {"lab-1/board", OPERATOR, "lab-1", NULL, NONE, NONE, ADMIN},
                {"lab-1/board", VIEWER, "lab-1", "board", VIEWER, VIEWER, ADMIN},
                {"lab-1/board", ADMIN, "lab-1", "board", VIEWER, OPERATOR, ADMIN},
                /* stars */
                {"*", VIEWER, "lab-9", NULL, VIEWER, VIEWER, ADMIN},
                {"*/phone-*", OPERATOR, "lab-9", "phone-", VIEWER, OPERATOR, ADMIN},
                {"*/phone-*", OPERATOR, "lab-9", "a-phone-1", NONE, NONE, ADMIN},
                {"*/phone-*", OPERATOR, "lab-9", NULL, NONE, NONE, ADMIN},
                {"lab-*-b", OPERATOR, "lab-a-b-b", NULL, VIEWER, OPERATOR, ADMIN},
                {"lab-*-b", OPERATOR, "lab-a-b-c", NULL, NONE, NONE, ADMIN},
                {"Lab-1", OPERATOR, "lab-1", NULL, NONE, NONE, ADMIN},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                const TbRole want[] = {NONE, table[i].as_viewer, table[i].as_operator, table[i].as_admin};
                g_autoptr(TbGrants) grants = tb_grants_new();
                tb_grants_add(grants, table[i].pattern, table[i].granted);
                for (guint role = NONE; role <= ADMIN; role++)
                        g_assert_cmpint(tb_grants_role(grants, (TbRole)role, table[i].host, table[i].device),
                                        ==, want[role]);
        }
}

static void several(void)
{
        g_autoptr(TbGrants) grants = tb_grants_new(), same = tb_grants_new(), none = tb_grants_new();
        tb_grants_add(grants, "lab-1", TB_ROLE_VIEWER);
        tb_grants_add(grants, "lab-1/board", TB_ROLE_OPERATOR);
        g_assert_cmpint(tb_grants_role(grants, TB_ROLE_OPERATOR, "lab-1", "board"), ==, TB_ROLE_OPERATOR);
        g_assert_cmpint(tb_grants_role(grants, TB_ROLE_OPERATOR, "lab-1", "phone"), ==, TB_ROLE_VIEWER);
        g_assert_true(tb_grants_touch(grants, TB_ROLE_VIEWER, "lab-1"));
        g_assert_false(tb_grants_touch(grants, TB_ROLE_VIEWER, "lab-2"));
        g_assert_true(tb_grants_touch(grants, TB_ROLE_ADMIN, "lab-2"));
        /* no grants at all: everywhere; none of them: nowhere */
        g_assert_cmpint(tb_grants_role(NULL, TB_ROLE_OPERATOR, "lab-9", NULL), ==, TB_ROLE_OPERATOR);
        g_assert_cmpint(tb_grants_role(none, TB_ROLE_OPERATOR, "lab-9", "board"), ==, TB_ROLE_NONE);
        g_assert_false(tb_grants_touch(none, TB_ROLE_OPERATOR, "lab-9"));
        tb_grants_add(same, "lab-1/*", TB_ROLE_VIEWER);
        g_assert_false(tb_grants_equal(grants, same));
        tb_grants_add(same, "lab-1/board", TB_ROLE_OPERATOR);
        g_assert_true(tb_grants_equal(grants, same));
        g_assert_false(tb_grants_equal(grants, NULL));
}

/* As long as patterns are, they cost nothing that somebody could use. */
static void stars(void)
{
        g_autoptr(TbGrants) grants = tb_grants_new();
        g_autofree char *text = g_strnfill(64, 'a');
        tb_grants_add(grants, "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", TB_ROLE_VIEWER);
        for (guint i = 0; i < 1000; i++)
                g_assert_cmpint(tb_grants_role(grants, TB_ROLE_VIEWER, text, NULL), ==, TB_ROLE_NONE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/grants/patterns", patterns);
        g_test_add_func("/grants/roles", roles);
        g_test_add_func("/grants/several", several);
        g_test_add_func("/grants/stars", stars);
        return g_test_run();
}
