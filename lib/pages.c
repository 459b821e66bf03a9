#include "lib/pages.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

/* Whether nothing below `folder` is younger than `than`; what is fetched (packages) and the tests do not count. */
static bool all_older(const char *folder, const struct timespec *than)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;
        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                GStatBuf st;
                if (*name == '.' || strcmp(name, "node_modules") == 0 || strcmp(name, "tests") == 0 ||
                    g_lstat(path, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode)
                            ? !all_older(path, than)
                            : st.st_mtim.tv_sec > than->tv_sec || (st.st_mtim.tv_sec == than->tv_sec &&
                                                                   st.st_mtim.tv_nsec > than->tv_nsec))
                        return false;
        }
        return dir != NULL;
}

char *tb_pages_of_tree(const char *root)
{
        g_autofree char *source = g_build_filename(root, "web", NULL);
        g_autofree char *made = g_build_filename(root, "build", "pages", NULL);
        g_autofree char *stamp = g_build_filename(made, ".made", NULL);
        GStatBuf st;
        if (g_lstat(stamp, &st) == 0 && all_older(source, &st.st_mtim))
                return g_steal_pointer(&made);
        return g_steal_pointer(&source);
}

char *tb_pages_dir(void)
{
        if (g_file_test("web/index.html", G_FILE_TEST_EXISTS))
                return tb_pages_of_tree(".");
        g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *bin = program ? g_path_get_dirname(program) : g_strdup("/usr/bin");
        g_autofree char *prefix = g_path_get_dirname(bin);
        g_autofree char *tree = g_build_filename(prefix, "web", "index.html", NULL);
        if (g_file_test(tree, G_FILE_TEST_EXISTS)) /* build/testbed-host, started from another folder */
                return tb_pages_of_tree(prefix);
        return g_build_filename(prefix, "share", "testbed", "web", NULL);
}
