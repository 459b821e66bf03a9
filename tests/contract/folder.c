#include "tests/contract/folder.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>

char *folder_new(void)
{
        GError *error = NULL;
        char *folder = g_dir_make_tmp("testbed-folder-XXXXXX", &error);
        g_assert_no_error(error);
        return folder;
}

void folder_put(const char *folder, const char *file, const char *text)
{
        g_autofree char *path = g_build_filename(folder, file, NULL);
        g_autoptr(GError) error = NULL;
        if (!text) {
                g_assert_cmpint(g_remove(path), ==, 0);
                return;
        }
        g_file_set_contents(path, text, (gssize)strlen(text), &error);
        g_assert_no_error(error);
}

static int drop(const char *path, const struct stat *st G_GNUC_UNUSED, int type G_GNUC_UNUSED,
                struct FTW *at G_GNUC_UNUSED)
{
        return g_remove(path);
}

void folder_remove(const char *folder)
{
        g_assert_cmpint(nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS), ==, 0);
}
