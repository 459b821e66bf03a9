#include "lib/http/auth.h"

#include <string.h>

#include "lib/error.h"
#include "lib/http/grants.h"
#include "lib/limits.h"

static void test_open(void)
{
        TbAuth *auth = tb_auth_new();
        const char *name = NULL;
        g_assert_true(tb_auth_is_open(auth));
        g_assert_cmpint(tb_auth_check(auth, NULL, &name), ==, TB_ROLE_ADMIN);
        g_assert_cmpstr(name, ==, "local");
        tb_auth_unref(auth);
}

static void test_closed(void)
{
        TbAuth *auth = tb_auth_new();
        tb_auth_close(auth); /* somebody else knows users */
        g_assert_false(tb_auth_is_open(auth));
        g_assert_cmpint(tb_auth_check(auth, NULL, NULL), ==, TB_ROLE_NONE);
        g_assert_cmpint(tb_auth_check(auth, "0123456789abcdef", NULL), ==, TB_ROLE_NONE);
        tb_auth_unref(auth);
}

static void test_granted(void)
{
        TbAuth *auth = tb_auth_new(), *newer = tb_auth_new();
        g_autoptr(TbGrants) grants = tb_grants_new();
        TbGrants *found = NULL;
        tb_grants_add(grants, "lab-1", TB_ROLE_VIEWER);
        g_assert_true(tb_auth_add(auth, "anna", "0123456789abcdef", TB_ROLE_VIEWER, NULL));
        g_assert_true(tb_auth_add(newer, "anna", "0123456789abcdef", TB_ROLE_VIEWER, NULL));
        tb_auth_limit(auth, "0123456789abcdef", grants);
        g_assert_cmpint(tb_auth_find(auth, "0123456789abcdef", NULL, &found), ==, TB_ROLE_VIEWER);
        g_assert_true(found == grants);
        g_auto(GStrv) gone =
                tb_auth_exchange(auth, newer); /* he may elsewhere now: what he holds is made anew */
        g_assert_cmpstr(gone[0], ==, "anna");
        g_assert_cmpint(tb_auth_find(auth, "0123456789abcdef", NULL, &found), ==, TB_ROLE_VIEWER);
        g_assert_null(found);
        tb_auth_unref(auth);
        tb_auth_unref(newer);
}

static void test_tokens(void)
{
        TbAuth *auth = tb_auth_new();
        const char *name = NULL;
        g_assert_true(tb_auth_add(auth, "ci", "0123456789abcdef", TB_ROLE_OPERATOR, NULL));
        g_assert_true(tb_auth_add(auth, "tv", "fedcba9876543210", TB_ROLE_VIEWER, NULL));
        g_assert_false(tb_auth_is_open(auth));
        g_assert_cmpint(tb_auth_check(auth, "0123456789abcdef", &name), ==, TB_ROLE_OPERATOR);
        g_assert_cmpstr(name, ==, "ci");
        g_assert_cmpint(tb_auth_check(auth, "fedcba9876543210", &name), ==, TB_ROLE_VIEWER);
        static const char *const wrong[] = {"", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF",
                                            "admin"};
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_cmpint(tb_auth_check(auth, wrong[i], NULL), ==, TB_ROLE_NONE);
        g_assert_cmpint(tb_auth_check(auth, NULL, NULL), ==, TB_ROLE_NONE);
        tb_auth_unref(auth);
}

static void test_bad_tokens(void)
{
        TbAuth *auth = tb_auth_new();
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_auth_add(auth, "ci", "0123456789abcde", TB_ROLE_ADMIN, &error));
        g_assert_cmpstr(error->message, ==, "the token of \"ci\" is shorter than 16 bytes");
        g_clear_error(&error);
        g_autofree char *longest = g_strnfill(TB_LIMIT_TOKEN, 'x'),
                        *longer = g_strnfill(TB_LIMIT_TOKEN + 1, 'x'),
                        *shortest = g_strnfill(TB_LIMIT_TOKEN_MIN, 'y');
        g_assert_false(tb_auth_add(auth, "ci", longer, TB_ROLE_ADMIN, &error));
        g_assert_cmpstr(error->message, ==, "the token of \"ci\" is longer than 256 bytes");
        g_clear_error(&error);
        g_assert_true(tb_auth_is_open(auth)); /* none was taken */
        g_assert_true(tb_auth_add(auth, "long", longest, TB_ROLE_VIEWER, NULL));
        g_assert_true(tb_auth_add(auth, "short", shortest, TB_ROLE_VIEWER, NULL));
        g_assert_false(tb_auth_add(auth, "ci", "0123456789 abcdef", TB_ROLE_ADMIN, &error));
        g_assert_cmpstr(error->message, ==, "the token of \"ci\" has a character that no header can carry");
        g_clear_error(&error);
        g_assert_true(tb_auth_add(auth, "a", "0123456789abcdef", TB_ROLE_ADMIN, NULL));
        g_assert_false(tb_auth_add(auth, "b", "0123456789abcdef", TB_ROLE_ADMIN, &error));
        g_assert_cmpstr(error->message, ==, "\"a\" and \"b\" have the same token");
        tb_auth_unref(auth);
}

static void test_roles(void)
{
        TbRole role;
        g_assert_true(tb_role_parse("operator", &role));
        g_assert_cmpint(role, ==, TB_ROLE_OPERATOR);
        g_assert_false(tb_role_parse("none", &role)); /* nobody is given no role */
        g_assert_false(tb_role_parse("Admin", &role));
        g_assert_false(tb_role_parse(NULL, &role));
        g_assert_cmpstr(tb_role_name(TB_ROLE_VIEWER), ==, "viewer");
}

static void test_random(void)
{
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (guint i = 0; i < 1000; i++) {
                char *token = tb_random_token(32);
                g_assert_cmpuint(strlen(token), ==, 43);
                g_assert_cmpuint(
                        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), ==,
                        43);
                g_assert_true(g_hash_table_add(seen, token));
        }
        g_assert_true(tb_secret_equal("abc", "abc", 3));
        g_assert_false(tb_secret_equal("abc", "abd", 3));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/auth/open", test_open);
        g_test_add_func("/auth/closed", test_closed);
        g_test_add_func("/auth/granted", test_granted);
        g_test_add_func("/auth/tokens", test_tokens);
        g_test_add_func("/auth/bad-tokens", test_bad_tokens);
        g_test_add_func("/auth/roles", test_roles);
        g_test_add_func("/auth/random", test_random);
        return g_test_run();
}
