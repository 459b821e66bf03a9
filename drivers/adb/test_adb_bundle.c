/* Which packages of a bundle go to a phone, and which bundles are refused */
#include "drivers/adb/adb_bundle.h"

#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_apps.h"

/* An archive of empty files, read back as it is uploaded: its bytes and what libzip sees in them. */
typedef struct Archive {
        char *path; /* owned */
        char *data; /* owned */
        gsize size;
        zip_t *zip; /* owned */
} Archive;

static zip_t *archive_begin(Archive *a)
{
        int fd = g_file_open_tmp("testbed-bundle-XXXXXX", &a->path, NULL);

        g_assert_cmpint(fd, >=, 0);
        close(fd);
        zip_t *zip = zip_open(a->path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
        g_assert_nonnull(zip);
        return zip;
}

static gint64 add(zip_t *zip, const char *name)
{
        zip_int64_t at = zip_file_add(zip, name, zip_source_buffer(zip, "x", 1, 0), ZIP_FL_ENC_UTF_8);

        g_assert_cmpint(at, >=, 0);
        return at;
}

static void archive_end(Archive *a, zip_t *zip)
{
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(zip_close(zip), ==, 0);
        g_assert_true(g_file_get_contents(a->path, &a->data, &a->size, &error));
        g_assert_cmpint(unlink(a->path), ==, 0);
        a->zip = tb_adb_zip_open(a->data, a->size, "an APK", &error);
        g_assert_no_error(error);
}

static void archive_clear(Archive *a)
{
        g_clear_pointer(&a->zip, zip_discard);
        g_free(a->path);
        g_free(a->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Archive, archive_clear)

static void archive_of(Archive *a, const char *names)
{
        g_auto(GStrv) list = g_strsplit(names, " ", -1);
        zip_t *zip = archive_begin(a);

        for (guint i = 0; list[i] != NULL; i++)
                add(zip, list[i]);
        archive_end(a, zip);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names that the session gets, sorted, with a blank between; NULL: refused. */
static char *chosen(const char *names, const char *abis, GError **error)
{
        g_auto(Archive) a = {0};
        archive_of(&a, names);
        g_autoptr(GPtrArray) parts = tb_adb_bundle_parts(a.zip, abis, error);
        g_autoptr(GPtrArray) list = g_ptr_array_new();

        if (parts == NULL)
                return NULL;
        for (guint i = 0; i < parts->len; i++)
                g_ptr_array_add(list, ((TbAdbPart *)g_ptr_array_index(parts, i))->name);
        g_ptr_array_sort(list, by_name);
        g_ptr_array_add(list, NULL);
        return g_strjoinv(" ", (char **)list->pdata);
}

static void test_choice(void)
{
        static const struct {
                const char *names, *abis, *chosen;
        } all[] = {
                {"toc.pb splits/base-master.apk splits/base-arm64_v8a.apk splits/base-x86_64.apk "
                 "splits/base-xhdpi.apk "
                 "standalones/standalone-arm64_v8a.apk",
                 "arm64-v8a,armeabi-v7a,armeabi", "base-arm64_v8a.apk base-master.apk base-xhdpi.apk"},
                {"base.apk split_config.arm64_v8a.apk split_config.armeabi_v7a.apk split_config.de.apk "
                 "icon.png",
                 "x86_64,x86,arm64-v8a", "base.apk split_config.arm64_v8a.apk split_config.de.apk"},
                {"com.x.apk config.x86.apk manifest.json", "",
                 "com.x.apk config.x86.apk"}, /* a phone that does not say */
                {"toc.pb universal.apk", "arm64-v8a", "universal.apk"},
                {"x86.apk", "arm64-v8a", NULL}, /* for another processor */
                {"a/base.apk b/base.apk ._base.apk __MACOSX/._base.apk", "", "2_base.apk base.apk"},
                {"b$(reboot)ase;.apk", "",
                 "b__reboot_ase_.apk"}, /* it stands in a command line of the phone */
                {"readme.txt", "", NULL},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *got = chosen(all[i].names, all[i].abis, &error);

                g_assert_cmpstr(got, ==, all[i].chosen);
                g_assert_true((got == NULL) == (error != NULL));
        }
}

/* Who is refused is told for which phone; one that does not say its processors, too. */
static void test_none(void)
{
        g_autoptr(GError) other = NULL, unknown = NULL;
        g_autofree char *a = chosen("x86.apk", "arm64-v8a", &other),
                        *b = chosen("readme.txt", NULL, &unknown);

        g_assert_null(a);
        g_assert_null(b);
        g_assert_nonnull(strstr(other->message, "(arm64-v8a)"));
        g_assert_nonnull(strstr(unknown->message, "(its processors are not known)"));
}

static void test_is(void)
{
        static const struct {
                const char *names;
                bool is;
        } all[] = {{"AndroidManifest.xml classes.dex assets/inner.apk", false},
                   {"base.apk", true},
                   {"splits/base-master.apk toc.pb", true},
                   {"readme.txt", false},
                   {"._base.apk", false}};

        for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
                g_auto(Archive) a = {0};

                archive_of(&a, all[i].names);
                g_assert_cmpint(tb_adb_is_bundle(a.zip), ==, all[i].is);
        }
}

static void test_parts_limit(void)
{
        for (int more = 0; more <= 1; more++) {
                g_auto(Archive) a = {0};
                g_autoptr(GError) error = NULL;
                zip_t *zip = archive_begin(&a);

                for (int i = 0; i < TB_LIMIT_APP_PARTS + more; i++) {
                        g_autofree char *name = g_strdup_printf("split%d.apk", i);
                        add(zip, name);
                }
                archive_end(&a, zip);
                g_autoptr(GPtrArray) parts = tb_adb_bundle_parts(a.zip, NULL, &error);
                g_assert_true((parts != NULL) == !more);
                g_assert_cmpuint(parts != NULL ? parts->len : 0, ==, more ? 0 : TB_LIMIT_APP_PARTS);
        }
}

static void test_entries_limit(void)
{
        enum { ENTRY = 46 + 1, COUNT = TB_LIMIT_APP_ENTRIES + 1 };
        g_autoptr(GByteArray) zip = g_byte_array_new();
        g_autoptr(GError) error = NULL;

        /* written here: libzip makes room for sixteen entries at a time */
        for (int i = 0; i < COUNT; i++) {
                guint8 entry[ENTRY] = {'P', 'K', 1, 2, 45, 0, 45, [28] = 1, [46] = 'x'};
                g_byte_array_append(zip, entry, sizeof(entry));
        }
        /* more than sixteen bits can count: the end of zip64, where it is, and the end of those who know no other */
        guint8 end[56 + 20 + 22] = {'P', 'K', 6, 6,        44,         [12] = 45, [14] = 45, [56] = 'P',
                                    'K', 6,   7, [72] = 1, [76] = 'P', 'K',       5,         6};
        const guint64 count = GUINT64_TO_LE(COUNT), size = GUINT64_TO_LE((guint64)COUNT * ENTRY);
        memcpy(end + 24, &count, 8);
        memcpy(end + 32, &count, 8);
        memcpy(end + 40, &size, 8);
        memcpy(end + 56 + 8, &size, 8);
        memset(end + 76 + 8, 0xff, 12);
        g_byte_array_append(zip, end, sizeof(end));
        g_assert_null(tb_adb_zip_open(zip->data, zip->len, "an APK", &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "65536 files"));
}

static void test_encrypted(void)
{
        g_auto(Archive) a = {0};
        g_autoptr(GError) error = NULL;
        zip_t *zip = archive_begin(&a);

        g_assert_cmpint(
                zip_file_set_encryption(zip, (zip_uint64_t)add(zip, "base.apk"), ZIP_EM_AES_256, "word"), ==,
                0);
        archive_end(&a, zip);
        g_assert_null(tb_adb_bundle_parts(a.zip, NULL, &error));
        g_assert_nonnull(strstr(error->message, "encrypted"));
}

/* The sizes are what an archive claims: their sum is held against TB_LIMIT_PACKAGE, and does not wrap round. */
static void test_size_limit(void)
{
        for (int more = 0; more <= 1; more++) {
                g_auto(Archive) a = {0};
                g_autoptr(GError) error = NULL;

                archive_of(&a, "a.apk b.apk");
                char *first = NULL;
                for (gsize at = 0; at + 4 <= a.size; at++) /* the directory's records: size unpacked at 24 */
                        if (memcmp(a.data + at, "PK\1\2", 4) == 0) {
                                guint32 size = GUINT32_TO_LE(first == NULL ? 0x80000000u
                                                                           : 0x7fffffffu + (guint)more * 2);
                                memcpy(a.data + at + 24, &size, 4);
                                first = a.data + at;
                        }
                g_clear_pointer(&a.zip, zip_discard);
                a.zip = tb_adb_zip_open(a.data, a.size, "an APK", &error);
                g_assert_no_error(error);
                g_autoptr(GPtrArray) parts = tb_adb_bundle_parts(a.zip, NULL, &error);
                g_assert_true((parts != NULL) == !more);
                if (more)
                        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/adb/bundle/choice", test_choice);
        g_test_add_func("/adb/bundle/none", test_none);
        g_test_add_func("/adb/bundle/is", test_is);
        g_test_add_func("/adb/bundle/TB_LIMIT_APP_PARTS: one more", test_parts_limit);
        g_test_add_func("/adb/bundle/TB_LIMIT_APP_ENTRIES: one more", test_entries_limit);
        g_test_add_func("/adb/bundle/encrypted", test_encrypted);
        g_test_add_func("/adb/bundle/size", test_size_limit);
        return g_test_run();
}
