#include "drivers/adb/adb_bundle.h"

#include <string.h>

#include "drivers/adb/adb_apk.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_apps.h"

static const char *const processors[] = {"armeabi", "armeabi_v7a", "arm64_v8a", "x86", "x86_64",
                                         "mips",    "mips64",      "riscv64",   NULL};

void tb_adb_part_free(TbAdbPart *part)
{
        if (part == NULL)
                return;
        g_free(part->name);
        g_free(part);
}

static const char *last_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash != NULL ? slash + 1 : path;
}

/* An APK, and not what a Mac left beside it (._base.apk). */
static bool is_apk(const char *name)
{
        return g_str_has_suffix(name, ".apk") && last_of(name)[0] != '.';
}

bool tb_adb_is_bundle(zip_t *zip)
{
        zip_int64_t n = zip_get_num_entries(zip, 0);

        if (zip_name_locate(zip, "AndroidManifest.xml", ZIP_FL_ENC_RAW) >= 0)
                return false;
        for (zip_int64_t i = 0; i < n; i++)
                if (is_apk(zip_get_name(zip, (zip_uint64_t)i, 0) ?: ""))
                        return true;
        return false;
}

/* "base-arm64_v8a.apk" -> "arm64_v8a"; NULL: for every processor. */
static const char *processor_of(const char *name)
{
        g_autofree char *stem = g_strndup(last_of(name), strlen(last_of(name)) - strlen(".apk"));
        const char *word =
                strpbrk(stem, "-.") != NULL ? MAX(strrchr(stem, '-'), strrchr(stem, '.')) + 1 : stem;

        for (int i = 0; processors[i] != NULL; i++)
                if (strcmp(word, processors[i]) == 0)
                        return processors[i];
        return NULL;
}

/* `abis` spells them with a hyphen: arm64-v8a. */
static bool runs(const char *abis, const char *processor)
{
        g_auto(GStrv) list = g_strsplit(abis, ",", -1);

        for (guint i = 0; list[i] != NULL; i++)
                if (strcmp(g_strdelimit(g_strstrip(list[i]), "-", '_'), processor) == 0)
                        return true;
        return false;
}

static char *name_of(const char *path, GHashTable *taken)
{
        g_autofree char *plain = g_strdup(last_of(path)), *name = NULL;

        g_strcanon(plain, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '_');
        if (strlen(plain) > 128) /* a name of a file on the phone */
                memmove(plain, plain + strlen(plain) - 128, 129);
        name = g_strdup(plain);
        for (guint n = 2; g_hash_table_contains(taken, name); n++) {
                g_free(name);
                name = g_strdup_printf("%u_%s", n, plain);
        }
        g_hash_table_add(taken, g_strdup(name));
        return g_steal_pointer(&name);
}

static bool add(GPtrArray *parts, GHashTable *taken, const zip_stat_t *st, GError **error)
{
        if ((st->valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && st->encryption_method != ZIP_EM_NONE) {
                tb_set_error(
                        error, TB_ERROR_INVALID,
                        "%s is encrypted: unpack the bundle, and install its APKs as an .apks that is not",
                        st->name);
                return false;
        }
        if (parts->len == TB_LIMIT_APP_PARTS) {
                tb_set_error(error, TB_ERROR_INVALID, "the bundle has more than %d packages",
                             TB_LIMIT_APP_PARTS);
                return false;
        }
        TbAdbPart *part = g_new(TbAdbPart, 1);
        *part = (TbAdbPart){.name = name_of(st->name, taken), .index = st->index, .size = st->size};
        g_ptr_array_add(parts, part);
        return true;
}

static gint by_size(gconstpointer a, gconstpointer b)
{
        const TbAdbPart *x = *(TbAdbPart *const *)a, *y = *(TbAdbPart *const *)b;

        return x->size < y->size ? -1 : x->size > y->size;
}

/* Sizes of 64 bits that an archive claims: their sum may not wrap round. */
static bool sizes_fit(const GPtrArray *parts, GError **error)
{
        gint64 sum = 0;

        for (guint i = 0; i < parts->len; i++) {
                const TbAdbPart *part = g_ptr_array_index(parts, i);
                sum += (gint64)MIN(part->size, (guint64)TB_LIMIT_PACKAGE + 1);
        }
        return tb_adb_apk_size(sum, error);
}

GPtrArray *tb_adb_bundle_parts(zip_t *zip, const char *abis, GError **error)
{
        g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)tb_adb_part_free);
        g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        zip_int64_t n = zip_get_num_entries(zip, 0);
        bool splits = false;
        zip_stat_t st;

        for (zip_int64_t i = 0; i < n; i++) {
                const char *name = zip_get_name(zip, (zip_uint64_t)i, 0) ?: "";
                splits = splits || (g_str_has_prefix(name, "splits/") && is_apk(name));
                if (g_str_has_suffix(name, ".obb")) {
                        tb_set_error(
                                error, TB_ERROR_INVALID,
                                "the bundle has data beside its packages (%s): unpack it, put that below "
                                "/sdcard/Android/obb, and install the APKs as an .apks",
                                last_of(name));
                        return NULL;
                }
        }
        for (zip_int64_t i = 0; i < n; i++) {
                if (zip_stat_index(zip, (zip_uint64_t)i, 0, &st) < 0 || !is_apk(st.name) ||
                    (splits && !g_str_has_prefix(st.name, "splits/")))
                        continue;
                const char *processor = processor_of(st.name);
                if (processor != NULL && abis != NULL && *abis != '\0' && !runs(abis, processor))
                        continue;
                if (!add(parts, taken, &st, error))
                        return NULL;
        }
        if (parts->len == 0) {
                tb_set_error(error, TB_ERROR_INVALID, "the bundle has no package for this phone (%s)",
                             abis != NULL && *abis != '\0' ? abis : "its processors are not known");
                return NULL;
        }
        if (!sizes_fit(parts, error))
                return NULL;
        g_ptr_array_sort(parts, by_size);
        return g_steal_pointer(&parts);
}
