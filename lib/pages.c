#include "lib/pages.h"

#include <glib.h>

char *tb_pages_dir(void)
{
        if (g_file_test("web/index.html", G_FILE_TEST_EXISTS))
                return g_strdup("web");
        g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *bin = program ? g_path_get_dirname(program) : g_strdup("/usr/bin");
        g_autofree char *prefix = g_path_get_dirname(bin);
        g_autofree char *tree = g_build_filename(prefix, "web", "index.html", NULL);
        if (g_file_test(tree, G_FILE_TEST_EXISTS)) /* build/testbed-host, started from another folder */
                return g_path_get_dirname(tree);
        return g_build_filename(prefix, "share", "testbed", "web", NULL);
}
