/* adb_files.c - files of a phone by adb's sync service: any size, 64 KiB at a time */
#include "drivers/adb/adb_sync.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/adb/adb_input.h"
#include "lib/clock.h"
#include "lib/limits.h"

static bool file_stat(TbInstance *self, TbIo *io, const char *path, TbFileInfo *ret, GError **error)
{
        g_autofree char *real = tb_adb_real_path(self, io, path, error);
        g_autoptr(TbTransport) link = real != NULL ? tb_adb_sync_open(self, io, real, error) : NULL;
        TbAdbStat st;

        if (link == NULL || !tb_adb_sync_stat(self, link, io, real, &st, error))
                return false;
        *ret = (TbFileInfo){S_ISDIR(st.mode), (gint64)st.size, st.mode & 07777, st.mtime_s * 1000};
        return true;
}

/* Reads one head and, for FAIL, the message, which becomes the error. */
static bool read_head(TbTransport *link, TbIo *io, const char *path, TbAdbSyncKind *ret_kind,
                      guint32 *ret_size, GError **error)
{
        guint8 head[8];

        if (!tb_transport_read_exact(link, io, head, sizeof(head), TB_ADB_STALL_MS, error))
                return false;
        if (tb_adb_parse_sync_head(head, sizeof(head), ret_kind, ret_size) != sizeof(head))
                return tb_adb_sync_broken(link, error);
        if (*ret_kind != TB_ADB_SYNC_FAIL)
                return true;
        g_autofree char *said = g_malloc0((gsize)*ret_size + 1);
        if (!tb_transport_read_exact(link, io, said, *ret_size, TB_ADB_STALL_MS, error))
                return false;
        g_autofree char *text = g_utf8_make_valid(said, -1);
        return tb_adb_sync_refuse(path, text, error);
}

static bool file_read(TbInstance *self, TbIo *io, const char *path, TbPipe *to, GError **error)
{
        g_autofree char *real = tb_adb_real_path(self, io, path, error);
        g_autoptr(TbTransport) link = real != NULL ? tb_adb_sync_open(self, io, real, error) : NULL;
        g_autofree guint8 *chunk = g_malloc(TB_ADB_SYNC_DATA);
        TbAdbSyncKind kind;
        guint32 size;

        if (link == NULL || !tb_adb_sync_send(link, io, "RECV", real, strlen(real), error))
                return false;
        for (;;) {
                if (!read_head(link, io, path, &kind, &size, error))
                        return false;
                if (kind == TB_ADB_SYNC_DONE)
                        return true;
                if (kind != TB_ADB_SYNC_DATA_CHUNK)
                        return tb_adb_sync_broken(link, error);
                if (!tb_transport_read_exact(link, io, chunk, size, TB_ADB_STALL_MS, error) ||
                    !tb_pipe_write(to, chunk, size, error))
                        return false;
        }
}

static bool send_body(TbTransport *link, TbIo *io, TbPipe *from, GError **error)
{
        g_autofree guint8 *chunk = g_malloc(TB_ADB_SYNC_DATA);
        gssize n;

        while ((n = tb_pipe_read(from, chunk, TB_ADB_SYNC_DATA, error)) > 0)
                if (!tb_adb_sync_send(link, io, "DATA", chunk, (gsize)n, error))
                        return false;
        return n == 0;
}

static bool file_write(TbInstance *self, TbIo *io, const char *path, guint32 mode, TbPipe *from,
                       GError **error)
{
        g_autofree char *real = tb_adb_real_path(self, io, path, error);
        g_autoptr(TbTransport) link = real != NULL ? tb_adb_sync_open(self, io, real, error) : NULL;
        g_autofree char *spec = NULL;
        g_autoptr(GByteArray) done = g_byte_array_new();
        TbAdbSyncKind kind;
        TbAdbStat st;
        guint32 size;

        if (link == NULL)
                return false;
        if (g_str_has_suffix(path, "/") ||
            (tb_adb_sync_stat(self, link, io, real, &st, NULL) && S_ISDIR(st.mode))) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "%s is a folder", path);
                return false;
        }
        spec = g_strdup_printf("%s,%u", real, S_IFREG | (mode != 0 ? mode & 0777 : 0644));
        if (strlen(spec) > TB_ADB_SYNC_PATH) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "must be shorter than %d bytes",
                                   TB_ADB_SYNC_PATH - 6);
                return false;
        }
        if (!tb_adb_sync_send(link, io, "SEND", spec, strlen(spec), error) ||
            !send_body(link, io, from, error))
                return false; /* the connection breaks off: the phone throws the part away */
        tb_adb_append_sync(done, "DONE", NULL, (guint32)(tb_clock_ms() / 1000));
        if (!tb_transport_write(link, io, done->data, done->len, TB_ADB_STALL_MS, error) ||
            !read_head(link, io, path, &kind, &size, error))
                return false;
        return kind == TB_ADB_SYNC_OKAY || tb_adb_sync_broken(link, error);
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
        g_autofree char *real = NULL, *quoted = NULL, *command = NULL;
        TbFileInfo info;

        if (!file_stat(self, io, path, &info, error) ||
            (real = tb_adb_real_path(self, io, path, error)) == NULL)
                return false;
        quoted = tb_adb_quote(real);
        /* of a link to a folder, the link goes */
        command = info.directory ? g_strdup_printf("if [ -L %s ]; then rm -- %s; else %s -- %s; fi", quoted,
                                                   quoted, recursive ? "rm -r" : "rmdir", quoted)
                                 : g_strdup_printf("rm -- %s", quoted);
        return ask_about_path(self, io, command, error);
}

static bool file_rename(TbInstance *self, TbIo *io, const char *path, const char *to, GError **error)
{
        g_autofree char *real = NULL, *from = NULL, *quoted = tb_adb_quote(to), *command = NULL;
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
        if ((real = tb_adb_real_path(self, io, path, error)) == NULL)
                return false;
        from = tb_adb_quote(real);
        command = g_strdup_printf("mv -n -- %s %s", from, quoted);
        return ask_about_path(self, io, command, error);
}

const TbFilesOps tb_adb_files_ops = {.stat = file_stat,
                                     .list = tb_adb_file_list,
                                     .read = file_read,
                                     .write = file_write,
                                     .remove = file_remove,
                                     .rename = file_rename};
