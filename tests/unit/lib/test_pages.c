#include "lib/pages.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <utime.h>

static char *root;

/* A file below the root, changed at `t` (seconds). */
static void put(const char *name, time_t t)
{
        g_autofree char *path = g_build_filename(root, name, NULL), *dir = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        g_assert_cmpint(utime(path, &(struct utimbuf){t, t}), ==, 0);
}

static void expect(const char *folder)
{
        g_autofree char *is = tb_pages_of_tree(root), *want = g_build_filename(root, folder, NULL);
        g_assert_cmpstr(is, ==, want);
}

/* What `make` made is served, unless what it was made of has changed since. */
static void test_tree(void)
{
        root = g_dir_make_tmp("pages-XXXXXX", NULL);
        put("web/index.html", 1000);
        put("web/app/views/bench.js", 1000);
        put("web/node_modules/x/index.js", 9000);
        put("web/tests/a.test.mjs", 9000);
        expect("web");
        put("build/pages/.made", 2000);
        expect("build/pages");
        put("web/app/views/bench.js", 2001);
        expect("web");
        put("build/pages/.made", 2001);
        expect("build/pages");
        put("web/css/new.css", 3000);
        expect("web");
        g_free(root);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pages/tree", test_tree);
        return g_test_run();
}
