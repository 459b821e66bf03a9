/* files and apps: bodies of any size go through a TbPipe between the view and the driver. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

/* --- files --- */
static bool exec_stat(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        TbFileInfo info = {0};
        if (!instance->lane->files->stat(instance, io, tb_command_string(c, "path"), &info, error))
                return false;
        g_autofree char *mtime = tb_clock_rfc3339(info.mtime_ms);
        g_autofree char *mode = g_strdup_printf("%04o", info.mode & 07777U);
        c->result = json_pack("{s:b, s:I, s:s, s:s}", "directory", info.directory, "size",
                              (json_int_t)info.size, "mode", mode, "mtime", mtime);
        return true;
}

static bool exec_list(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        c->result = json_array();
        return instance->lane->files->list(instance, io, tb_command_string(c, "path"), c->result, error);
}

static bool exec_read(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        if (!instance->lane->files->read(instance, io, tb_command_string(c, "path"), c->pipe, error))
                return false;
        tb_pipe_finish(c->pipe);
        return true;
}

static bool exec_write(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        const char *mode = tb_command_string(c, "mode");
        return TB_STEP(c, instance->lane->files->write, instance, io, tb_command_string(c, "path"),
                       (guint32)g_ascii_strtoull(mode, NULL, 8), c->pipe, error);
}

static bool exec_remove(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return TB_STEP(c, instance->lane->files->remove, instance, io, tb_command_string(c, "path"),
                       json_is_true(json_object_get(c->params, "recursive")), error);
}

static bool exec_rename(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return TB_STEP(c, instance->lane->files->rename, instance, io, tb_command_string(c, "path"),
                       tb_command_string(c, "to"), error);
}

/* A cancelled transfer must not leave the driver waiting for bytes that never come. */
static void fail_pipe(TbCommand *c)
{
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_INTERRUPTED, "the transfer was cancelled");
        tb_pipe_fail(c->pipe, error);
}

static void with_pipe(TbCommand *c, bool (*exec)(TbCommand *, TbInstance *, TbIo *, GError **))
{
        if (!c->pipe) {
                tb_command_fail(
                        c, g_error_new(TB_ERROR, TB_ERROR_INVALID, "%s moves bytes: use REST", c->verb_text),
                        NULL);
                return;
        }
        tb_command_on_cancel(c, fail_pipe);
        tb_command_dispatch(c, exec, NULL);
}

static bool is_path(TbCommand *c, const char *field)
{
        if (tb_command_string(c, field)[0] == '/')
                return true;
        GError *error = NULL;
        tb_error_set_field(&error, TB_ERROR_INVALID, field, "the path must be absolute, on the device");
        tb_command_fail(c, error, NULL);
        return false;
}

static bool path_ok(TbCommand *c)
{
        return is_path(c, "path");
}

/* Not the root, and nothing that leads there: "/", "//", "/.", "/sdcard/..". */
static bool may_change(TbCommand *c, const char *field)
{
        if (!is_path(c, field))
                return false;
        g_autofree char *plain = g_canonicalize_filename(tb_command_string(c, field), "/");
        if (strcmp(plain, "/") != 0 && strcmp(plain, "//") != 0)
                return true;
        GError *error = NULL;
        tb_error_set_field(&error, TB_ERROR_INVALID, field, "the root folder of a device stays where it is");
        tb_command_fail(c, error, NULL);
        return false;
}

static void stat_(TbCommand *c)
{
        if (path_ok(c))
                tb_command_dispatch(c, exec_stat, NULL);
}

static void list(TbCommand *c)
{
        if (path_ok(c))
                tb_command_dispatch(c, exec_list, NULL);
}

static void read_(TbCommand *c)
{
        if (path_ok(c))
                with_pipe(c, exec_read);
}

static void write_(TbCommand *c)
{
        const char *mode = tb_command_string(c, "mode");
        GError *error = NULL;
        if (!path_ok(c))
                return;
        if (strspn(mode, "01234567") != strlen(mode) || strlen(mode) < 3 || strlen(mode) > 4) {
                tb_error_set_field(&error, TB_ERROR_INVALID, "mode",
                                   "three or four octal digits are expected, like 0644");
                tb_command_fail(c, error, NULL);
        } else {
                with_pipe(c, exec_write);
        }
}

static void remove_(TbCommand *c)
{
        if (may_change(c, "path"))
                tb_command_dispatch(c, exec_remove, NULL);
}

static void rename_(TbCommand *c)
{
        if (may_change(c, "path") && may_change(c, "to"))
                tb_command_dispatch(c, exec_rename, NULL);
}

#define PATH                                                                                                 \
        {                                                                                                    \
                .name = "path", .type = TB_PARAM_STRING, .required = true, .min = 1, .max = TB_LIMIT_URI,    \
                .help = "absolute, on the device"                                                            \
        }
static const TbParam path_params[] = {PATH, TB_PARAM_END};
static const TbParam write_params[] = {
        PATH,
        {.name = "mode",
         .type = TB_PARAM_STRING,
         .max = 4,
         .fallback = "\"0644\"",
         .help = "permission bits, octal"},
        TB_PARAM_END,
};

static const TbParam remove_params[] = {
        PATH,
        {.name = "recursive",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "a folder with all that is in it; else only an empty one"},
        TB_PARAM_END,
};
static const TbParam rename_params[] = {
        PATH,
        {.name = "to",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_URI,
         .help = "absolute, on the device; never over what is there"},
        TB_PARAM_END,
};

const TbVerbRun tb_files_verbs[] = {
        {.verb = {.kind = TB_KIND_FILES,
                  .op = "stat",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_JOINS,
                  .timeout_ms = 15000,
                  .params = path_params,
                  .method = "GET", /* one GET asks all three */
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "What a path is",
                  .answers = "200 application/json"},
         .start = stat_},
        {.verb = {.kind = TB_KIND_FILES,
                  .op = "list",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_JOINS,
                  .timeout_ms = 60000,
                  .params = path_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "A directory's entries",
                  .answers = "200 application/json"},
         .start = list},
        {.verb = {.kind = TB_KIND_FILES,
                  .op = "read",
                  .role = TB_ROLE_OPERATOR,
                  .params = path_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "A file's bytes, or a directory as JSON",
                  .answers = "200 application/octet-stream; 200 application/json FileList; 413; 422"},
         .start = read_},
        {.verb = {.kind = TB_KIND_FILES,
                  .op = "write",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .params = write_params,
                  .method = "PUT",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Write a file from the body, any size",
                  .answers = "204; 422"},
         .start = write_},
        {.verb = {.kind = TB_KIND_FILES,
                  .op = "remove",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 30000,
                  .params = remove_params,
                  .method = "DELETE",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Delete a file, or a folder",
                  .answers = "204; 422"},
         .start = remove_},
        {.verb = {.kind = TB_KIND_FILES,
                  .op = "rename",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 30000,
                  .params = rename_params,
                  .method = "POST",
                  .path = "/rename",
                  .summary = "Give a file or folder another name, or another place",
                  .answers = "204; 409; 422"},
         .start = rename_},
        {.verb = {.op = NULL}},
};

/* --- apps --- */
static bool exec_apps(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        c->result = json_array();
        return instance->lane->apps->list(instance, io, c->result, error);
}

static bool exec_install(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        g_autofree char *package = NULL;
        if (!TB_STEP(c, instance->lane->apps->install, instance, io, c->pipe, c->size, &package, error))
                return false;
        c->result = json_object();
        json_object_set_new(c->result, "package", package ? json_string(package) : json_null());
        return true;
}

static bool exec_app(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        const TbAppsOps *ops = instance->lane->apps;
        bool (*op)(TbInstance *, TbIo *, const char *, GError **) =
                strcmp(c->verb->op, "remove") == 0  ? ops->remove
                : strcmp(c->verb->op, "start") == 0 ? ops->start
                                                    : ops->stop;
        return TB_STEP(c, op, instance, io, tb_command_string(c, "package"), error);
}

static void apps_list(TbCommand *c)
{
        tb_command_dispatch(c, exec_apps, NULL);
}

static void apps_install(TbCommand *c)
{
        with_pipe(c, exec_install);
}

/* Package names go into device commands: only what a package name may hold. */
static void apps_one(TbCommand *c)
{
        const char *package = tb_command_string(c, "package");
        for (const char *p = package; *p; p++) {
                if (g_ascii_isalnum(*p) || *p == '.' || *p == '_')
                        continue;
                GError *error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, "package",
                                   "a package name holds letters, digits, '.' and '_'");
                tb_command_fail(c, error, NULL);
                return;
        }
        tb_command_dispatch(c, exec_app, NULL);
}

static const TbParam package_params[] = {
        {.name = "package",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 255,
         .help = "org.example.app"},
        TB_PARAM_END,
};

const TbVerbRun tb_apps_verbs[] = {
        {.verb = {.kind = TB_KIND_APPS,
                  .op = "list",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_JOINS,
                  .timeout_ms = 30000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .summary = "Installed apps",
                  .answers = "200 application/json AppList"},
         .start = apps_list},
        {.verb = {.kind = TB_KIND_APPS,
                  .op = "install",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .params = tb_no_params,
                  .method = "POST",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Install the app in the body: an APK, or a bundle of them (.apks, .xapk)",
                  .answers = "200 application/json App; 415"},
         .start = apps_install},
        {.verb = {.kind = TB_KIND_APPS,
                  .op = "remove",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 60000,
                  .params = package_params,
                  .method = "DELETE",
                  .path = "/{package}",
                  .summary = "Uninstall",
                  .answers = "204"},
         .start = apps_one},
        {.verb = {.kind = TB_KIND_APPS,
                  .op = "start",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 30000,
                  .params = package_params,
                  .method = "POST",
                  .path = "/{package}/start",
                  .summary = "Start an app",
                  .answers = "204"},
         .start = apps_one},
        {.verb = {.kind = TB_KIND_APPS,
                  .op = "stop",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 30000,
                  .params = package_params,
                  .method = "POST",
                  .path = "/{package}/stop",
                  .summary = "Stop an app",
                  .answers = "204"},
         .start = apps_one},
        {.verb = {.op = NULL}},
};
