/* adb_apps.c - apps of a phone: list, start, stop, remove (adb_install.c installs) */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"

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

const TbAppsOps tb_adb_apps_ops = {.list = app_list,
                                   .install = tb_adb_install,
                                   .remove = app_remove,
                                   .start = app_start,
                                   .stop = app_stop};
