#pragma once
/*
 * Archives that came from outside, by libzip: an app's package (APK) and a bundle of packages are zip files. Any thread; an archive is
 * used by one. What is wrong is TB_ERROR_INVALID with libzip's words.
 */
#include <glib.h>
#include <stdbool.h>
#include <zip.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(zip_t, zip_discard)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(zip_file_t, zip_fclose)

/* `data` is borrowed until the archive is discarded. `what` is for the words: "an APK". More than TB_LIMIT_APP_ENTRIES files are
 * refused. Owned. */
zip_t *tb_adb_zip_open(const void *data, gsize size, const char *what, GError **error);
/* A whole entry; INVALID when it says that it is larger than `max`, is damaged or encrypted. Owned. */
GBytes *tb_adb_zip_read(zip_t *zip, guint64 index, gsize max, GError **error);
/* To read an entry with zip_fread(). Owned. */
zip_file_t *tb_adb_zip_entry(zip_t *zip, guint64 index, GError **error);
