/* Apps of the simulated phone, through the real adb server: packages, bundles of them, and what is refused */
#include "drivers/adb/test_bench.h"

#include <zip.h>

#include "lib/limits.h"

static TbInstance *ops;

static bool install(const void *data, gsize size, char **ret_package, GError **error)
{
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        Feed feed = {tb_pipe_new(65536), bytes, false};
        TbThread *thread;
        bool ok;

        g_byte_array_append(bytes, data, (guint)size);
        thread = tb_thread_start("feed", feed_run, &feed);
        ok = ops->lane->apps->install(ops, &bench.io, feed.pipe, -1, ret_package, error);
        tb_thread_join(thread);
        tb_pipe_unref(feed.pipe);
        return ok;
}

static bool listed(const char *package, bool *ret_system)
{
        json_t *list = json_array(), *app;
        g_autoptr(GError) error = NULL;
        bool found = false;
        size_t i;

        g_assert_true(ops->lane->apps->list(ops, &bench.io, list, &error));
        json_array_foreach (list, i, app)
                if (strcmp(json_string_value(json_object_get(app, "package")), package) == 0) {
                        found = true;
                        *ret_system = json_is_true(json_object_get(app, "system"));
                }
        json_decref(list);
        return found;
}

static void test_apps(void)
{
        g_autofree char *apk = NULL, *package = NULL, *state = NULL, *stopped = NULL;
        g_autoptr(GError) error = NULL, gone = NULL, bad = NULL, name = NULL;
        bool system;
        gsize size;

        g_assert_true(g_file_get_contents("drivers/adb/fixtures/hello.apk", &apk, &size, NULL));
        g_assert_true(listed("com.android.settings", &system) && system);
        g_assert_true(install(apk, size, &package, &error));
        g_assert_cmpstr(package, ==, "com.example.hello");
        g_assert_true(listed(package, &system) && !system);
        g_assert_true(ops->lane->apps->start(ops, &bench.io, package, &error));
        state = control("state");
        g_assert_nonnull(strstr(state, "\"app\":\"com.example.hello\""));
        g_assert_true(ops->lane->apps->stop(ops, &bench.io, package, &error));
        stopped = control("state");
        g_assert_nonnull(strstr(stopped, "\"app\":\"com.testbed.launcher\""));
        g_assert_true(ops->lane->apps->remove(ops, &bench.io, package, &error));
        g_assert_false(listed(package, &system));
        g_assert_false(ops->lane->apps->start(ops, &bench.io, package, &gone));
        g_assert_error(gone, TB_ERROR, TB_ERROR_NOT_FOUND);
        g_assert_false(install("no apk", 6, &package, &bad));
        g_assert_error(bad, TB_ERROR, TB_ERROR_INVALID);
        g_assert_false(ops->lane->apps->remove(ops, &bench.io, "x; reboot", &name));
        g_assert_error(name, TB_ERROR, TB_ERROR_INVALID);
}

static void test_apps_refused(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(ops->lane->apps->remove(ops, &bench.io, "com.android.settings",
                                               &error)); /* belongs to the phone */
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_nonnull(strstr(error->message, "DELETE_FAILED_INTERNAL_ERROR"));
}

/* --- bundles --- */

static void add_file(zip_t *zip, const char *name, const char *file)
{
        zip_source_t *source = zip_source_file(zip, file, 0, -1);

        g_assert_cmpint(zip_file_add(zip, name, source, ZIP_FL_OVERWRITE), >=, 0);
}

/* A bundle of (name, file of fixtures/) pairs up to NULL, as its bytes. */
static GBytes *bundle(const char *const *pairs)
{
        g_autofree char *path = g_build_filename(bench.dir, "bundle.apks", NULL), *data = NULL;
        gsize size;
        zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

        g_assert_nonnull(zip);
        for (int i = 0; pairs[i] != NULL; i += 2)
                add_file(zip, pairs[i], pairs[i + 1]);
        g_assert_cmpint(zip_close(zip), ==, 0);
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        return g_bytes_new_take(g_steal_pointer(&data), size);
}

#define BASE "drivers/adb/fixtures/hello.apk"
#define ENGLISH "drivers/adb/fixtures/hello-en.apk" /* made by aapt, too: split="config.en" */

static bool install_pairs(const char *const *pairs, char **ret_package, GError **error)
{
        g_autoptr(GBytes) bytes = bundle(pairs);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        return install(data, size, ret_package, error);
}

/* No session is left on the phone, whatever became of it. */
static void assert_no_session(void)
{
        g_autofree char *out = NULL;

        g_assert_cmpint(run(ops, "ls /data/app | grep -c vmdl", NULL, 0, &out, NULL, NULL), ==, 1);
        g_assert_cmpstr(out, ==, "0\n");
}

static void test_bundle(void)
{
        static const char *const apks[] = {"toc.pb",
                                           BASE,
                                           "splits/base-master.apk",
                                           BASE,
                                           "splits/base-en.apk",
                                           ENGLISH,
                                           "standalones/standalone.apk",
                                           BASE,
                                           NULL},
                                 *const flat[] = {
                                         "base.apk", BASE, "split_config.en.apk", ENGLISH, "manifest.json",
                                         BASE,       NULL};
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < 2; i++) {
                g_autofree char *package = NULL, *out = NULL;

                g_assert_true(install_pairs(i == 0 ? apks : flat, &package, &error));
                g_assert_no_error(error);
                g_assert_cmpstr(package, ==, "com.example.hello");
                g_assert_cmpint(run(ops, "ls /data/app/com.example.hello-1", NULL, 0, &out, NULL, NULL), ==,
                                0);
                g_assert_cmpstr(out, ==, "base.apk\nsplit_config.en.apk\n");
                assert_no_session();
                g_assert_true(ops->lane->apps->remove(ops, &bench.io, package, &error));
        }
}

/* The phone's words; and what was begun there is not left there. */
static void test_bundle_refused(void)
{
        static const char *const twice[] = {"base.apk", BASE, "copy.apk", BASE, NULL},
                                 *const none[] = {"splits/base-en.apk", ENGLISH, NULL},
                                 *const obb[] = {"base.apk", BASE, "Android/obb/x/main.1.x.obb", BASE, NULL},
                                 *const rubbish[] = {"base.apk", "drivers/adb/driver.mk", NULL};
        const struct {
                const char *const *pairs;
                TbErrorCode code;
                const char *says;
        } all[] = {{twice, TB_ERROR_UNPROCESSABLE, "defined multiple times"},
                   {none, TB_ERROR_UNPROCESSABLE, "must include a base package"},
                   {obb, TB_ERROR_INVALID, "/sdcard/Android/obb"},
                   {rubbish, TB_ERROR_INVALID, "not an APK"}};

        for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *package = NULL;
                bool system;

                g_assert_false(install_pairs(all[i].pairs, &package, &error));
                g_assert_error(error, TB_ERROR, (int)all[i].code);
                g_assert_nonnull(strstr(error->message, all[i].says));
                assert_no_session();
                g_assert_false(listed("com.example.hello", &system));
        }
}

/* A bundle whose second package is cut off in the archive: the phone had the first one, and has nothing after all. */
static void test_bundle_damaged(void)
{
        static const char *const pairs[] = {"base.apk", BASE, "en.apk", ENGLISH, NULL};
        g_autoptr(GBytes) whole = bundle(pairs);
        gsize size;
        g_autofree guint8 *data = g_memdup2(g_bytes_get_data(whole, &size), g_bytes_get_size(whole));
        g_autoptr(GError) error = NULL;
        g_autofree char *package = NULL;

        size = g_bytes_get_size(whole);
        for (gsize at = 0; at + 8 < size; at++) /* in the bytes of the larger one, which goes second */
                if (memcmp(data + at, "en.apk", 6) == 0) {
                        data[at + 100] ^= 0xff;
                        break;
                }
        g_assert_false(install(data, size, &package, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        assert_no_session();
}

/* The same by adb's own command: the simulated phone takes what Debian's adb sends. */
static void test_bundle_as_adb(void)
{
        const char *argv[] = {"/usr/bin/adb", "-P",         strchr(bench.address, ':') + 1,
                              "-s",           bench.serial, "install-multiple",
                              BASE,           ENGLISH,      NULL};
        g_autoptr(GByteArray) out = NULL;
        g_autoptr(GError) error = NULL;
        bool system;
        int status = -1;

        g_assert_true(tb_child_run(&bench.io, argv, NULL, 0, 65536, PATIENCE_S * 1000, &status, &out, NULL,
                                   &error));
        g_assert_cmpint(status, ==, 0);
        g_assert_true(listed("com.example.hello", &system) && !system);
        g_assert_true(ops->lane->apps->remove(ops, &bench.io, "com.example.hello", &error));
}

int main(int argc, char **argv)
{
        int code;

        g_test_init(&argc, &argv, NULL);
        bench_start();
        start_phone(0);
        start_server();
        ops = lane_new("ops", bench.serial);
        lane_open(ops);
        g_test_add_func("/adb/apps/one", test_apps);
        g_test_add_func("/adb/apps/refused", test_apps_refused);
        g_test_add_func("/adb/apps/bundle", test_bundle);
        g_test_add_func("/adb/apps/bundle-refused", test_bundle_refused);
        g_test_add_func("/adb/apps/bundle-damaged", test_bundle_damaged);
        g_test_add_func("/adb/apps/bundle-as-adb", test_bundle_as_adb);
        code = g_test_run();
        lane_free(ops);
        bench_stop();
        return code;
}
