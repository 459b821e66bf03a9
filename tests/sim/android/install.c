/* install.c - pm install, and the sessions of it (install-create, -write, -commit, -abandon): runs in the shell, which holds the bytes;
 * PackageInstallerSession's rules as far as they tell of the package: one base, no split twice, all of one app */
#include "tests/sim/android/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define APK_MAX ((guint64)4 << 30)

typedef struct Options {
        guint64 size;
        char *rest[4]; /* what is no option */
        int n;
} Options;

static int say(int code, const char *text)
{
        printf("%s\n", text);
        fflush(stdout);
        return code;
}

static char *below_data(const char *name)
{
        const char *data = g_getenv("ANDROID_DATA");

        return g_build_filename(data ? data : "/data", "app", name, NULL);
}

static char *phone_path(const char *path)
{
        const char *data = g_getenv("ANDROID_DATA");
        gsize n = data ? strlen(data) - strlen("/data") : 0;

        if (access(path, F_OK) == 0 || n == 0)
                return g_strdup(path);
        return g_strdup_printf("%.*s%s", (int)n, data, path);
}

/* Copy up to `size` bytes of `from` to `to`. */
static bool copy(int from, int to, guint64 size)
{
        guint8 chunk[65536];

        while (size > 0) {
                ssize_t n = read(from, chunk, MIN(size, sizeof(chunk)));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n == 0 && size >= APK_MAX; /* a file: up to its end; a stream: all of it */
                if (!sim_write_all(to, chunk, (size_t)n))
                        return false;
                size -= (guint64)n;
        }
        return true;
}

static void remove_folder(const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                g_unlink(path);
        }
        g_rmdir(folder);
}

/* A session's folder; NULL: there is no such session. */
static char *session_folder(const char *id)
{
        g_autofree char *name = g_strdup_printf("vmdl%s.tmp", id);
        char *folder = below_data(name);

        if (*id == '\0' || id[strspn(id, "0123456789")] != '\0' || !g_file_test(folder, G_FILE_TEST_IS_DIR))
                g_clear_pointer(&folder, g_free);
        return folder;
}

static int create(char **ret_id)
{
        g_autofree char *id = g_strdup_printf("%d", g_random_int_range(1000000, 2000000000)),
                        *name = g_strdup_printf("vmdl%s.tmp", id), *folder = below_data(name);

        if (g_mkdir_with_parents(folder, 0755) < 0)
                return say(1, "Error: java.io.IOException: Failed to prepare session dir");
        *ret_id = g_steal_pointer(&id);
        return 0;
}

/* `file` NULL: the stream. */
static int write_part(const char *id, const char *name, guint64 size, const char *file)
{
        g_autofree char *folder = session_folder(id), *real = file ? phone_path(file) : NULL;

        if (folder == NULL)
                return say(1, "Error: java.lang.SecurityException: Caller has no access to session");
        if (strchr(name, '/') != NULL || *name == '.')
                return say(1, "Error: java.lang.IllegalArgumentException: Invalid name");
        g_autofree char *path = g_build_filename(folder, name, NULL);
        int from = file ? open(real, O_RDONLY | O_CLOEXEC) : 0;
        int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        bool ok = from >= 0 && to >= 0 && copy(from, to, file ? APK_MAX : size);
        if (to >= 0)
                close(to);
        if (ok)
                return 0;
        unlink(path);
        return say(1, "Failure [INSTALL_FAILED_INVALID_URI: the stream ended early]");
}

/* Moves a part to its place; *package is that of the parts before. */
static bool place(const char *path, char **package, GHashTable *splits, GString *why)
{
        g_autofree char *split = NULL, *of = sim_apk_package(path, &split, why);

        if (of == NULL)
                return false;
        if (*package != NULL && strcmp(*package, of) != 0)
                g_string_append_printf(
                        why, "Failure [INSTALL_FAILED_INVALID_APK: %s package %s inconsistent with %s]", path,
                        of, *package);
        else if (!g_hash_table_add(splits, g_strdup(split ? split : "")))
                g_string_append_printf(
                        why, "Failure [INSTALL_FAILED_INVALID_APK: Split %s was defined multiple times]",
                        split ? split : "null");
        if (why->len > 0)
                return false;
        g_autofree char *name = g_strdup_printf("%s-1", of), *folder = below_data(name),
                        *file = split ? g_strdup_printf("split_%s.apk", split) : g_strdup("base.apk"),
                        *to = g_build_filename(folder, file, NULL);
        g_free(*package);
        *package = g_strdup(of);
        g_mkdir_with_parents(folder, 0755);
        if (rename(path, to) == 0)
                return true;
        g_string_append_printf(why, "Failure [INSTALL_FAILED_INTERNAL_ERROR: %s]", strerror(errno));
        return false;
}

static int commit(const char *id)
{
        g_autofree char *folder = session_folder(id), *package = NULL;
        g_autoptr(GDir) dir = folder != NULL ? g_dir_open(folder, 0, NULL) : NULL;
        g_autoptr(GHashTable) splits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GString) why = g_string_new(NULL);
        const char *name;
        bool ok = true;

        if (dir == NULL)
                return say(1, "Error: java.lang.SecurityException: Caller has no access to session");
        while (ok && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                ok = place(path, &package, splits, why);
        }
        remove_folder(folder);
        if (ok && !g_hash_table_contains(splits, ""))
                g_string_append(
                        why,
                        "Failure [INSTALL_FAILED_INVALID_APK: Full install must include a base package]");
        if (why->len > 0)
                return say(1, g_strchomp(why->str));
        g_autofree char *seen = g_strdup_printf("/data/app/%s-1/base.apk", package);
        char *ask[] = {(char *)"pm", (char *)"sim-register", package, seen, NULL};
        return sim_client_ask(4, ask, NULL);
}

static int install(const Options *o)
{
        const char *file = o->n > 0 && strcmp(o->rest[0], "-") != 0 ? o->rest[0] : NULL;
        g_autofree char *id = NULL;
        int code;

        if (file == NULL && (o->size == 0 || o->size >= APK_MAX)) {
                fprintf(stderr, "Error: must either specify a package size or an APK file\n");
                return 1;
        }
        code = create(&id);
        if (code == 0 && (code = write_part(id, "base.apk", o->size, file)) == 0)
                return commit(id);
        g_autofree char *folder = id != NULL ? session_folder(id) : NULL;
        if (folder != NULL)
                remove_folder(folder);
        return code;
}

static int session(const char *verb, const Options *o)
{
        if (strcmp(verb, "create") == 0) {
                g_autofree char *id = NULL, *text = NULL;
                int code = create(&id);
                text = id != NULL ? g_strdup_printf("Success: created install session [%s]", id) : NULL;
                return text != NULL ? say(0, text) : code;
        }
        if (strcmp(verb, "write") == 0 && o->n >= 2) {
                g_autofree char *text =
                        g_strdup_printf("Success: streamed %" G_GUINT64_FORMAT " bytes", o->size);
                const char *file = o->n > 2 && strcmp(o->rest[2], "-") != 0 ? o->rest[2] : NULL;
                int code = write_part(o->rest[0], o->rest[1], o->size, file);
                return code == 0 ? say(0, text) : code;
        }
        if (strcmp(verb, "commit") == 0 && o->n == 1)
                return commit(o->rest[0]);
        if (strcmp(verb, "abandon") == 0 && o->n == 1) {
                g_autofree char *folder = session_folder(o->rest[0]);
                if (folder != NULL)
                        remove_folder(folder);
                return folder != NULL ? say(0, "Success") : say(1, "Error: no such session");
        }
        return say(1, "Error: unknown command");
}

int sim_client_pm(int argc, char **argv)
{
        Options o = {0};

        if (argc < 2 || (strcmp(argv[1], "install") != 0 && !g_str_has_prefix(argv[1], "install-")))
                return sim_client_ask(argc, argv, NULL);
        for (int i = 2; i < argc; i++) {
                if (strcmp(argv[i], "-S") == 0 && i + 1 < argc)
                        o.size = g_ascii_strtoull(argv[++i], NULL, 10);
                else if ((strcmp(argv[i], "-i") == 0 || strcmp(argv[i], "--user") == 0) && i + 1 < argc)
                        i++;
                else if ((argv[i][0] != '-' || argv[i][1] == '\0') && o.n < (int)G_N_ELEMENTS(o.rest))
                        o.rest[o.n++] = argv[i];
        }
        return strcmp(argv[1], "install") == 0 ? install(&o) : session(argv[1] + strlen("install-"), &o);
}
