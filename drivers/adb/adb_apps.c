/*
 * adb_apps.c - apps of a phone
 *
 * An APK is first received into an unlinked file: its package name is read from its manifest before the phone
 * gets it, and the phone must be told its size before its bytes.
 */
#include "drivers/adb/adb_lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/adb/adb_apk.h"
#include "drivers/adb/adb_dump.h"
#include "lib/limits.h"

#define INSTALL_MS 300000 /* dexopt on an old phone */
/* Without a user, `pm` asks about all: a phone with a work profile or a secure folder refuses that to a shell. */
#define CURRENT_USER "u=$(am get-current-user 2>/dev/null); case \"$u\" in ''|*[!0-9]*) u=0;; esac; "

static bool check_package(const char *package, GError **error)
{
        if (package != NULL && tb_adb_package_valid(package))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "package",
                           "must be a package name such as com.example.app");
        return false;
}

static void add_packages(json_t *into, const char *text, GHashTable *third)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (guint i = 0; lines[i] != NULL; i++) {
                g_autofree char *package = NULL, *path = NULL;

                if (!tb_adb_parse_package(g_strchomp(lines[i]), &package, &path))
                        continue;
                json_t *app = json_pack("{s:s, s:b}", "package", package, "system",
                                        !g_hash_table_contains(third, package));
                if (path != NULL && g_utf8_validate(path, -1, NULL))
                        json_object_set_new(app, "path", json_string(path));
                json_array_append_new(into, app);
        }
}

static bool app_list(TbInstance *self, TbIo *io, json_t *into, GError **error)
{
        g_autofree char *text = tb_adb_ask(
                io, &((TbAdbLane *)self)->target,
                CURRENT_USER "pm list packages --user $u -3 && echo @@ && pm list packages --user $u -f",
                NULL, error);
        g_autoptr(GHashTable) third = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        if (text == NULL)
                return false;
        g_auto(GStrv) halves = g_strsplit(text, "@@\n", 2);
        g_auto(GStrv) lines = g_strsplit(halves[0], "\n", -1);
        for (guint i = 0; lines[i] != NULL; i++) {
                g_autofree char *path = NULL;
                char *package;

                if (tb_adb_parse_package(g_strchomp(lines[i]), &package, &path))
                        g_hash_table_add(third, package);
        }
        if (halves[1] != NULL)
                add_packages(into, halves[1], third);
        return true;
}

/* --- install --- */

static bool spool(TbPipe *from, int fd, gint64 *ret_size, GError **error)
{
        g_autofree guint8 *chunk = g_malloc(256 * 1024);
        gint64 size = 0;
        gssize n;

        while ((n = tb_pipe_read(from, chunk, 256 * 1024, error)) > 0) {
                size += n;
                if (!tb_adb_apk_size(size, error))
                        return false;
                for (gssize at = 0, w; at < n; at += w)
                        if ((w = write(fd, chunk + at, (gsize)(n - at))) <= 0) {
                                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                                             "this host has no room for the APK: %s", g_strerror(errno));
                                return false;
                        }
        }
        *ret_size = size;
        return n == 0;
}

static char *package_of(int fd, gint64 size, GError **error)
{
        void *map = size > 0 ? mmap(NULL, (gsize)size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
        char *package;

        if (map == MAP_FAILED) {
                tb_set_error(error, TB_ERROR_INVALID, "not an APK: empty body");
                return NULL;
        }
        package = tb_adb_apk_package(map, (gsize)size, error);
        munmap(map, (gsize)size);
        return package;
}

/* What the package manager says, up to its end of the stream. */
static char *read_verdict(TbTransport *link, TbIo *io, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        char chunk[1024];
        gssize n;

        while ((n = tb_transport_read(link, io, chunk, sizeof(chunk), INSTALL_MS, error)) > 0)
                if (text->len < TB_LIMIT_LINE)
                        g_string_append_len(text, chunk, n);
        return n == 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static bool send_apk(TbInstance *self, TbIo *io, int fd, gint64 size, GError **error)
{
        /* what a lab builds is often for tests only, or older than what is there */
        bool grants = json_is_true(json_object_get(self->params, "grant"));
        g_autofree char *service = g_strdup_printf("exec:cmd package install -r -t -d %s-S %" G_GINT64_FORMAT
                                                   " 2>&1",
                                                   grants ? "-g " : "", size),
                        *said = NULL;
        g_autoptr(TbTransport) link = tb_adb_service(io, &((TbAdbLane *)self)->target, service, error);
        g_autofree guint8 *chunk = g_malloc(256 * 1024);
        g_autoptr(GError) broke = NULL;
        gssize n;

        if (link == NULL)
                return false;
        for (gint64 at = 0; at < size && broke == NULL; at += n) {
                n = pread(fd, chunk, 256 * 1024, at);
                if (n <= 0) {
                        tb_set_error(error, TB_ERROR_INTERNAL, "the received APK cannot be read again: %s",
                                     n < 0 ? g_strerror(errno) : "it is shorter now");
                        return false;
                }
                tb_transport_write(link, io, chunk, (gsize)n, INSTALL_MS,
                                   &broke); /* it may refuse early: then its words count */
        }
        said = read_verdict(link, io, broke == NULL ? error : NULL);
        if (said == NULL || (broke != NULL && *said == '\0')) {
                if (broke != NULL)
                        g_propagate_error(error, g_steal_pointer(&broke));
                return false;
        }
        if (strstr(said, "Success") != NULL)
                return true;
        g_autofree char *failure = tb_adb_failure(said);
        g_autofree char *text = g_utf8_make_valid(failure != NULL ? failure : g_strstrip(said), -1);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s refused the app: %s",
                     ((TbAdbLane *)self)->target.serial, text);
        return false;
}

static bool app_install(TbInstance *self, TbIo *io, TbPipe *from, gint64 size, char **ret_package,
                        GError **error)
{
        g_autofree char *package = NULL;
        bool ok;
        int fd;

        if (!tb_adb_apk_size(size, error))
                return false;
        fd = open(self->run_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host cannot keep the APK while it is sent: %s", g_strerror(errno));
                return false;
        }
        ok = spool(from, fd, &size, error) && (package = package_of(fd, size, error)) != NULL &&
             send_apk(self, io, fd, size, error);
        close(fd);
        if (ok)
                *ret_package = g_steal_pointer(&package);
        return ok;
}

/* --- the others --- */

/* Runs a script for a package that is there: in it, $1 is the package. Owned output. */
static char *with_package(TbInstance *self, TbIo *io, const char *package, const char *script, GError **error)
{
        g_autofree char *command = NULL, *text = NULL;
        int code = 0;

        if (!check_package(package, error))
                return NULL;
        command = g_strdup_printf(
                CURRENT_USER
                "set -- %s; pm path --user $u \"$1\" >/dev/null 2>&1 || pm path \"$1\" >/dev/null 2>&1 || "
                "exit 99; %s",
                package, script);
        text = tb_adb_ask(io, &((TbAdbLane *)self)->target, command, &code, error);
        if (text == NULL)
                return NULL;
        if (code == 99) {
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "package", "%s is not installed", package);
                return NULL;
        }
        g_autofree char *failure = tb_adb_failure(text);
        if (code == 0 && failure == NULL)
                return g_steal_pointer(&text);
        g_autofree char *said = g_utf8_make_valid(failure != NULL ? failure : g_strstrip(text), -1);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s: the phone refused: %s", package, said);
        return NULL;
}

static bool app_remove(TbInstance *self, TbIo *io, const char *package, GError **error)
{
        g_autofree char *text = with_package(self, io, package, "pm uninstall --user $u \"$1\" 2>&1", error);

        return text != NULL;
}

static bool app_start(TbInstance *self, TbIo *io, const char *package, GError **error)
{
        static const char script[] = "a=$(cmd package resolve-activity --brief --user $u -c "
                                     "android.intent.category.LAUNCHER \"$1\" 2>/dev/null | tail -n 1); "
                                     "case \"$a\" in */*) am start --user $u -n \"$a\" 2>&1;; "
                                     "*) monkey -p \"$1\" -c android.intent.category.LAUNCHER 1 2>&1;; esac";
        g_autofree char *text = with_package(self, io, package, script, error);

        return text != NULL;
}

static bool app_stop(TbInstance *self, TbIo *io, const char *package, GError **error)
{
        g_autofree char *text = with_package(self, io, package, "am force-stop --user $u \"$1\" 2>&1", error);

        return text != NULL;
}

const TbAppsOps tb_adb_apps_ops = {
        .list = app_list, .install = app_install, .remove = app_remove, .start = app_start, .stop = app_stop};
