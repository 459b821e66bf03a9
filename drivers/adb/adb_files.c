/* adb_files.c - files of a phone by adb's sync service: any size, 64 KiB at a time */
#include "drivers/adb/adb_lanes.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/adb/adb_proto.h"
#include "lib/clock.h"
#include "lib/limits.h"

#define STALL_MS 30000 /* a phone whose storage says nothing for this long is broken */

static bool check_path(const char *path, GError **error)
{
        if (path != NULL && *path == '/' && strlen(path) <= TB_ADB_SYNC_PATH)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "path", "must be an absolute path of at most %d bytes",
                           TB_ADB_SYNC_PATH);
        return false;
}

static TbTransport *sync_open(TbInstance *self, TbIo *io, const char *path, GError **error)
{
        return check_path(path, error) ? tb_adb_service(io, &((TbAdbLane *)self)->target, "sync:", error)
                                       : NULL;
}

static bool sync_send(TbTransport *link, TbIo *io, const char id[4], const void *data, gsize size,
                      GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)size + 8);

        tb_adb_append_sync(out, id, data, (guint32)size);
        return tb_transport_write(link, io, out->data, out->len, STALL_MS, error);
}

static bool protocol_error(TbTransport *link, GError **error)
{
        tb_set_error(error, TB_ERROR_DEVICE, "%s broke adb's sync protocol: try again, or restart its adbd",
                     tb_transport_name(link));
        return false;
}

/* The device's words, as one of our errors. */
static bool refuse(const char *path, const char *said, GError **error)
{
        if (strstr(said, "No such file") != NULL || strstr(said, "Not a directory") != NULL)
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "path", "%s: %s", path, said);
        else if (strstr(said, "Is a directory") != NULL)
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "%s: %s", path, said);
        else
                tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "path", "%s: the phone refused: %s", path,
                                   said);
        return false;
}

static bool read_stat(TbInstance *self, TbTransport *link, TbIo *io, const char *path, TbAdbStat *ret,
                      GError **error)
{
        bool v2 = (((TbAdbLane *)self)->target.features & TB_ADB_STAT_V2) != 0;
        gsize size = v2 ? 72 : 16;
        guint8 data[72];

        if (!sync_send(link, io, v2 ? "STA2" : "STAT", path, strlen(path), error) ||
            !tb_transport_read_exact(link, io, data, size, STALL_MS, error))
                return false;
        if (tb_adb_parse_stat(data, size, ret) != (gssize)size)
                return protocol_error(link, error);
        if (ret->error != 0) /* Linux on both sides: the numbers are the same */
                return refuse(path, g_strerror((int)ret->error), error);
        if (ret->mode == 0)
                return refuse(path, "No such file or directory", error);
        return true;
}

static bool file_stat(TbInstance *self, TbIo *io, const char *path, TbFileInfo *ret, GError **error)
{
        g_autoptr(TbTransport) link = sync_open(self, io, path, error);
        TbAdbStat st;

        if (link == NULL || !read_stat(self, link, io, path, &st, error))
                return false;
        *ret = (TbFileInfo){S_ISDIR(st.mode), (gint64)st.size, st.mode & 07777, st.mtime_s * 1000};
        return true;
}

static void add_entry(json_t *into, const TbAdbStat *st, const char *name)
{
        g_autofree char *text = g_utf8_make_valid(name, -1);
        g_autofree char *mtime = tb_clock_rfc3339(st->mtime_s * 1000);

        json_array_append_new(into, json_pack("{s:s, s:b, s:I, s:i, s:s}", "name", text, "directory",
                                              S_ISDIR(st->mode), "size", (json_int_t)st->size, "mode",
                                              (int)(st->mode & 07777), "mtime", mtime));
}

static bool read_entries(TbTransport *link, TbIo *io, const char *path, bool v2, json_t *into, GError **error)
{
        g_autoptr(GByteArray) in = g_byte_array_new();

        for (;;) {
                guint8 chunk[16 * 1024];
                gsize at = 0;
                gssize n = tb_transport_read(link, io, chunk, sizeof(chunk), STALL_MS, error), used;

                if (n < 0)
                        return false;
                if (n == 0)
                        return protocol_error(link, error);
                g_byte_array_append(in, chunk, (guint)n);
                for (;;) {
                        g_autofree char *name = NULL;
                        TbAdbStat st;

                        used = tb_adb_parse_entry(in->data + at, in->len - at, v2, &st, &name);
                        if (used < 0)
                                return protocol_error(link, error);
                        if (used == 0)
                                break;
                        at += (gsize)used;
                        if (name == NULL)
                                return true;
                        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                                continue;
                        if (json_array_size(into) >= TB_LIMIT_FOLDER_ENTRIES) {
                                tb_error_set_field(error, TB_ERROR_TOO_LARGE, "path",
                                                   "%s has more than %d entries: list them by a command",
                                                   path, TB_LIMIT_FOLDER_ENTRIES);
                                return false;
                        }
                        add_entry(into, &st, name);
                }
                g_byte_array_remove_range(in, 0, (guint)at);
        }
}

static bool file_list(TbInstance *self, TbIo *io, const char *path, json_t *into, GError **error)
{
        bool v2 = (((TbAdbLane *)self)->target.features & TB_ADB_LS_V2) != 0;
        g_autoptr(TbTransport) link = sync_open(self, io, path, error);
        g_autofree char *slash = NULL;
        TbAdbStat st;

        if (link == NULL || !read_stat(self, link, io, path, &st, error))
                return false;
        if (!S_ISDIR(st.mode)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "%s is not a folder", path);
                return false;
        }
        slash = strlen(path) < TB_ADB_SYNC_PATH ? g_strconcat(path, "/", NULL)
                                                : g_strdup(path); /* through a link, as /sdcard is */
        return sync_send(link, io, v2 ? "LIS2" : "LIST", slash, strlen(slash), error) &&
               read_entries(link, io, path, v2, into, error);
}

/* Reads one head and, for FAIL, the message, which becomes the error. */
static bool read_head(TbTransport *link, TbIo *io, const char *path, TbAdbSyncKind *ret_kind,
                      guint32 *ret_size, GError **error)
{
        guint8 head[8];

        if (!tb_transport_read_exact(link, io, head, sizeof(head), STALL_MS, error))
                return false;
        if (tb_adb_parse_sync_head(head, sizeof(head), ret_kind, ret_size) != sizeof(head))
                return protocol_error(link, error);
        if (*ret_kind != TB_ADB_SYNC_FAIL)
                return true;
        g_autofree char *said = g_malloc0((gsize)*ret_size + 1);
        if (!tb_transport_read_exact(link, io, said, *ret_size, STALL_MS, error))
                return false;
        g_autofree char *text = g_utf8_make_valid(said, -1);
        return refuse(path, text, error);
}

static bool file_read(TbInstance *self, TbIo *io, const char *path, TbPipe *to, GError **error)
{
        g_autoptr(TbTransport) link = sync_open(self, io, path, error);
        g_autofree guint8 *chunk = g_malloc(TB_ADB_SYNC_DATA);
        TbAdbSyncKind kind;
        guint32 size;

        if (link == NULL || !sync_send(link, io, "RECV", path, strlen(path), error))
                return false;
        for (;;) {
                if (!read_head(link, io, path, &kind, &size, error))
                        return false;
                if (kind == TB_ADB_SYNC_DONE)
                        return true;
                if (kind != TB_ADB_SYNC_DATA_CHUNK)
                        return protocol_error(link, error);
                if (!tb_transport_read_exact(link, io, chunk, size, STALL_MS, error) ||
                    !tb_pipe_write(to, chunk, size, error))
                        return false;
        }
}

static bool send_body(TbTransport *link, TbIo *io, TbPipe *from, GError **error)
{
        g_autofree guint8 *chunk = g_malloc(TB_ADB_SYNC_DATA);
        gssize n;

        while ((n = tb_pipe_read(from, chunk, TB_ADB_SYNC_DATA, error)) > 0)
                if (!sync_send(link, io, "DATA", chunk, (gsize)n, error))
                        return false;
        return n == 0;
}

static bool file_write(TbInstance *self, TbIo *io, const char *path, guint32 mode, TbPipe *from,
                       GError **error)
{
        g_autoptr(TbTransport) link = sync_open(self, io, path, error);
        g_autofree char *spec = NULL;
        g_autoptr(GByteArray) done = g_byte_array_new();
        TbAdbSyncKind kind;
        TbAdbStat st;
        guint32 size;

        if (link == NULL)
                return false;
        if (g_str_has_suffix(path, "/") || (read_stat(self, link, io, path, &st, NULL) && S_ISDIR(st.mode))) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "%s is a folder", path);
                return false;
        }
        spec = g_strdup_printf("%s,%u", path, S_IFREG | (mode != 0 ? mode & 0777 : 0644));
        if (strlen(spec) > TB_ADB_SYNC_PATH) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "must be shorter than %d bytes",
                                   TB_ADB_SYNC_PATH - 6);
                return false;
        }
        if (!sync_send(link, io, "SEND", spec, strlen(spec), error) || !send_body(link, io, from, error))
                return false; /* the connection breaks off: the phone throws the part away */
        tb_adb_append_sync(done, "DONE", NULL, (guint32)(tb_clock_ms() / 1000));
        if (!tb_transport_write(link, io, done->data, done->len, STALL_MS, error) ||
            !read_head(link, io, path, &kind, &size, error))
                return false;
        return kind == TB_ADB_SYNC_OKAY || protocol_error(link, error);
}

/* A command on the phone that changes a path; what it says of a failure is about that path. */
static bool ask_about_path(TbInstance *self, TbIo *io, const char *command, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *said = tb_adb_ask(io, &((TbAdbLane *)self)->target, command, NULL, &why);

        if (said == NULL && g_error_matches(why, TB_ERROR, TB_ERROR_UNPROCESSABLE))
                tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "path", "%s", why->message);
        else if (said == NULL)
                g_propagate_error(error, g_steal_pointer(&why));
        return said != NULL;
}

static bool file_remove(TbInstance *self, TbIo *io, const char *path, bool recursive, GError **error)
{
        g_autofree char *quoted = NULL, *command = NULL;
        TbFileInfo info;

        if (!file_stat(self, io, path, &info, error))
                return false;
        quoted = tb_adb_quote(path);
        command = g_strdup_printf("%s -- %s", !info.directory ? "rm" : recursive ? "rm -r" : "rmdir", quoted);
        return ask_about_path(self, io, command, error);
}

static bool file_rename(TbInstance *self, TbIo *io, const char *path, const char *to, GError **error)
{
        g_autofree char *from = tb_adb_quote(path), *quoted = tb_adb_quote(to), *command = NULL;
        g_autoptr(GError) absent = NULL;
        TbFileInfo info;

        if (!file_stat(self, io, path, &info, error))
                return false;
        if (file_stat(self, io, to, &info, &absent)) {
                tb_error_set_field(error, TB_ERROR_BUSY, "to", "there is a %s already", to);
                return false;
        }
        if (!g_error_matches(absent, TB_ERROR, TB_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&absent));
                return false;
        }
        command = g_strdup_printf("mv -n -- %s %s", from, quoted);
        return ask_about_path(self, io, command, error);
}

const TbFilesOps tb_adb_files_ops = {.stat = file_stat,
                                     .list = file_list,
                                     .read = file_read,
                                     .write = file_write,
                                     .remove = file_remove,
                                     .rename = file_rename};
