#include "drivers/adb/adb_zip.h"

#include "lib/error.h"
#include "lib/limits_apps.h"

zip_t *tb_adb_zip_open(const void *data, gsize size, const char *what, GError **error)
{
        zip_error_t why;
        zip_error_init(&why);
        zip_source_t *source = zip_source_buffer_create(data, size, 0, &why);
        zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;

        if (zip == NULL) {
                tb_set_error(error, TB_ERROR_INVALID, "not %s: %s", what, zip_error_strerror(&why));
                if (source != NULL)
                        zip_source_free(source);
        } else if (zip_get_num_entries(zip, 0) > TB_LIMIT_APP_ENTRIES) {
                tb_set_error(error, TB_ERROR_INVALID, "not %s: it holds more than %d files", what,
                             TB_LIMIT_APP_ENTRIES);
                g_clear_pointer(&zip, zip_discard);
        }
        zip_error_fini(&why);
        return zip;
}

zip_file_t *tb_adb_zip_entry(zip_t *zip, guint64 index, GError **error)
{
        zip_file_t *entry = zip_fopen_index(zip, index, 0);

        if (entry == NULL) {
                g_autofree char *name = g_utf8_make_valid(zip_get_name(zip, index, 0) ?: "an entry", -1);
                tb_set_error(error, TB_ERROR_INVALID, "%s cannot be unpacked: %s", name, zip_strerror(zip));
        }
        return entry;
}

GBytes *tb_adb_zip_read(zip_t *zip, guint64 index, gsize max, GError **error)
{
        g_autoptr(zip_file_t) entry = NULL;
        zip_stat_t st;

        if (zip_stat_index(zip, index, 0, &st) < 0 || (st.valid & ZIP_STAT_SIZE) == 0 || st.size > max) {
                tb_set_error(error, TB_ERROR_INVALID, "%s has an impossible size",
                             zip_get_name(zip, index, 0) ?: "an entry");
                return NULL;
        }
        if ((entry = tb_adb_zip_entry(zip, index, error)) == NULL)
                return NULL;
        g_autofree guint8 *data = g_malloc(st.size + 1);
        /* one byte more than there should be: only the end of an entry makes libzip check it */
        zip_int64_t n = zip_fread(entry, data, st.size + 1);
        if (n < 0 || (zip_uint64_t)n != st.size) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is damaged", st.name);
                return NULL;
        }
        return g_bytes_new_take(g_steal_pointer(&data), st.size);
}
