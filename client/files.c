/* push, pull: files of any size, and folders. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>

#include "client/api.h"
#include "client/out.h"
#include "client/partial.h"
#include "client/progress.h"
#include "lib/error.h"
#include "lib/limits.h"

typedef struct Copy {
        TbCli *cli;    /* borrowed */
        TbCliDevice d; /* owned */
        guint depth;   /* folders that we are in */
        guint files, left_out;
        guint64 bytes;
} Copy;

static char *path_query(const char *remote, const char *mode)
{
        GString *q = g_string_new("?path=");
        g_string_append_uri_escaped(q, remote, "/", FALSE);
        if (mode)
                g_string_append_printf(q, "&mode=%s", mode);
        return g_string_free(q, FALSE);
}

/* Folders in folders: a device may have them without an end. */
static bool enter(Copy *c, const char *path, GError **error)
{
        if (c->depth++ < TB_LIMIT_CLI_DEPTH)
                return true;
        tb_set_error(error, TB_ERROR_INVALID, "%s: more than %d folders in each other: copy an archive of it",
                     path, TB_LIMIT_CLI_DEPTH);
        return false;
}

/* What comes from a device names no file outside of the folder that it goes into. */
static bool is_plain_name(const char *name)
{
        return name && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* What was done, for --json; and whether that is all. */
static int tell(const Copy *c, bool ok, const char *remote, const char *local, GError **error)
{
        if (ok && c->cli->json) {
                json_auto_t *said =
                        json_pack("{s:s, s:s, s:i, s:I, s:i}", "device", c->d.name, "remote", remote, "files",
                                  (int)c->files, "bytes", (json_int_t)c->bytes, "left_out", (int)c->left_out);
                if (g_utf8_validate(local, -1, NULL))
                        json_object_set_new(said, "local", json_string(local));
                tb_cli_print_json(said);
        }
        if (ok && c->left_out > 0)
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "%u of %s left out, as said above; everything else was copied", c->left_out,
                             local);
        return ok && c->left_out == 0 ? TB_CLI_OK : TB_CLI_FAILED;
}

static void leave_out(Copy *c, const char *path, const char *why)
{
        tb_cli_say("%s: left out (%s)", path, why);
        c->left_out++;
}

/* --- push --- */
static bool push_fd(Copy *c, int fd, gint64 size, const char *remote, const char *mode, GError **error)
{
        g_autoptr(GInputStream) in = g_unix_input_stream_new(fd, FALSE);
        g_autofree char *path = path_query(remote, mode);
        TbCliProgress p;
        tb_cli_progress_begin(&p, c->cli, remote, size);
        const TbCliRequest request = {.method = "PUT",
                                      .device = &c->d,
                                      .path = path,
                                      .upload = in,
                                      .upload_size = size,
                                      .sent = tb_cli_progress_add,
                                      .data = &p,
                                      .wait_s = 600};
        json_auto_t *answer = tb_cli_ask(c->cli, &request, NULL, error);
        tb_cli_progress_end(&p);
        c->files += answer != NULL;
        c->bytes += p.done;
        return answer != NULL;
}

static bool push_file(Copy *c, const char *local, const char *remote, GError **error)
{
        int fd = open(local, O_RDONLY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", local,
                             fd >= 0 ? "is a folder: testbed push -r" : g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                return false;
        }
        g_autofree char *mode = g_strdup_printf("%o", (unsigned)(st.st_mode & 0777));
        const char *wanted = tb_cli_text(c->cli, "mode");
        bool ok =
                push_fd(c, fd, S_ISREG(st.st_mode) ? st.st_size : -1, remote, wanted ? wanted : mode, error);
        close(fd);
        return ok;
}

static bool push_tree(Copy *c, const char *local, const char *remote, GError **error)
{
        g_autoptr(GError) why = NULL;
        if (!enter(c, local, error))
                return false;
        g_autoptr(GDir) dir = g_dir_open(local, 0, &why);
        if (!dir) {
                tb_set_error(error, TB_ERROR_INVALID, "%s", why->message);
                return false;
        }
        bool empty = true;
        for (const char *name; (name = g_dir_read_name(dir)); empty = false) {
                g_autofree char *from = g_build_filename(local, name, NULL),
                                *to = g_strdup_printf("%s/%s", remote, name);
                struct stat st;
                if (lstat(from, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
                        leave_out(c, from, "neither a file nor a folder");
                        continue;
                }
                if (!(S_ISDIR(st.st_mode) ? push_tree(c, from, to, error) : push_file(c, from, to, error)))
                        return false;
        }
        if (empty)
                leave_out(c, local, "an empty folder: the host makes folders for files only");
        c->depth--;
        return true;
}

int tb_cli_run_push(TbCli *cli, GError **error)
{
        const char *local = cli->args[1], *remote = cli->args[2];
        Copy c = {.cli = cli};
        bool ok = tb_cli_device(cli, cli->args[0], "files", &c.d, error);
        g_autofree char *base = g_path_get_basename(local), *into = g_str_has_suffix(remote, "/")
                                                                            ? g_strconcat(remote, base, NULL)
                                                                            : g_strdup(remote);
        if (ok && strcmp(local, "-") == 0)
                ok = push_fd(&c, STDIN_FILENO, -1, remote, tb_cli_text(cli, "mode"), error);
        else if (ok && tb_cli_flag(cli, "recursive") && g_file_test(local, G_FILE_TEST_IS_DIR))
                ok = push_tree(&c, local, into, error);
        else if (ok)
                ok = push_file(&c, local, into, error);
        int code = tell(&c, ok, strcmp(local, "-") == 0 ? remote : into, local, error);
        tb_cli_device_clear(&c.d);
        return code;
}

/* --- pull --- */
static bool is_folder(SoupMessage *m)
{
        const char *type = soup_message_headers_get_content_type(soup_message_get_response_headers(m), NULL);
        return g_strcmp0(type, "application/json") == 0;
}

/* Beside it first: what is there stays until all has come. */
static bool save(Copy *c, GInputStream *in, SoupMessage *m, const char *local, GError **error)
{
        const char *mode_text =
                soup_message_headers_get_one(soup_message_get_response_headers(m), "X-File-Mode");
        guint64 mode = mode_text ? g_ascii_strtoull(mode_text, NULL, 8) & 0777 : 0644;
        bool plain = g_file_test(local, G_FILE_TEST_IS_REGULAR) || !g_file_test(local, G_FILE_TEST_EXISTS);
        int fd = plain ? tb_cli_partial_open(local, error) : open(local, O_WRONLY | O_CLOEXEC);
        if (fd < 0) {
                if (!plain)
                        tb_set_error(error, TB_ERROR_INVALID, "%s: %s", local, g_strerror(errno));
                return false;
        }
        TbCliProgress p;
        tb_cli_progress_begin(&p, c->cli, local, -1);
        bool ok = tb_cli_copy(in, fd, tb_cli_progress_add, &p, error);
        tb_cli_progress_end(&p);
        if (plain) {
                ok = tb_cli_partial_close(fd, local, (guint)mode, ok, error);
        } else if (close(fd) != 0 && ok) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", local, g_strerror(errno));
                ok = false;
        }
        c->files += ok;
        c->bytes += p.done;
        return ok;
}

static bool pull(Copy *c, const char *remote, const char *local, GError **error);

static bool pull_tree(Copy *c, const json_t *list, const char *remote, const char *local, GError **error)
{
        if (!enter(c, remote, error))
                return false;
        if (mkdir(local, 0777) != 0 && errno != EEXIST) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", local, g_strerror(errno));
                return false;
        }
        size_t i;
        json_t *each;
        json_array_foreach (list, i, each) {
                const char *name = json_string_value(json_object_get(each, "name"));
                if (!is_plain_name(name))
                        continue;
                g_autofree char *from = g_strdup_printf("%s%s%s", remote,
                                                        g_str_has_suffix(remote, "/") ? "" : "/", name),
                                *to = g_build_filename(local, name, NULL);
                if (!pull(c, from, to, error))
                        return false;
        }
        c->depth--;
        return true;
}

static bool pull(Copy *c, const char *remote, const char *local, GError **error)
{
        g_autofree char *path = path_query(remote, NULL);
        g_autoptr(SoupMessage) m = NULL;
        const TbCliRequest request = {.method = "GET", .device = &c->d, .path = path, .wait_s = 60};
        g_autoptr(GInputStream) in = tb_cli_open(c->cli, &request, &m, error);
        if (!in)
                return false;
        bool folder = is_folder(m);
        if (folder && !tb_cli_flag(c->cli, "recursive")) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s is a folder: testbed pull -r", c->d.name,
                             remote);
                return false;
        }
        if (folder) {
                g_autoptr(GByteArray) all = g_byte_array_new();
                if (!tb_cli_read_all(in, all, error))
                        return false;
                g_clear_object(&in); /* its connection is for what is in the folder */
                json_auto_t *list = json_loadb((const char *)all->data, all->len, 0, NULL);
                return pull_tree(c, list, remote, local, error);
        }
        if (strcmp(local, "-") == 0)
                return tb_cli_copy(in, STDOUT_FILENO, NULL, NULL, error);
        return save(c, in, m, local, error);
}

int tb_cli_run_pull(TbCli *cli, GError **error)
{
        const char *remote = cli->args[1], *local = cli->n > 2 ? cli->args[2] : ".";
        Copy c = {.cli = cli};
        g_autofree char *base = g_path_get_basename(remote);
        if (cli->json && strcmp(local, "-") == 0) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "pull: the standard output is the file: no JSON goes there");
                return TB_CLI_USAGE;
        }
        bool into = strcmp(local, "-") != 0 && g_file_test(local, G_FILE_TEST_IS_DIR);
        g_autofree char *to = into ? g_build_filename(local, base, NULL) : g_strdup(local);
        bool ok = tb_cli_device(cli, cli->args[0], "files", &c.d, error) && pull(&c, remote, to, error);
        int code = tell(&c, ok, remote, to, error);
        tb_cli_device_clear(&c.d);
        return code;
}
