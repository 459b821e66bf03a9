/* adb_sync.c - a connection to adb's sync service, and what it says of a path */
#include "drivers/adb/adb_sync.h"

#include <string.h>
#include <sys/stat.h>

#include "drivers/adb/adb_input.h"

static bool check_path(const char *path, GError **error)
{
        if (path != NULL && *path == '/' && strlen(path) <= TB_ADB_SYNC_PATH)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "path", "must be an absolute path of at most %d bytes",
                           TB_ADB_SYNC_PATH);
        return false;
}

TbTransport *tb_adb_sync_open(TbInstance *self, TbIo *io, const char *path, GError **error)
{
        return check_path(path, error) ? tb_adb_service(io, &((TbAdbLane *)self)->target, "sync:", error)
                                       : NULL;
}

bool tb_adb_sync_send(TbTransport *link, TbIo *io, const char id[4], const void *data, gsize size,
                      GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)size + 8);

        tb_adb_append_sync(out, id, data, (guint32)size);
        return tb_transport_write(link, io, out->data, out->len, TB_ADB_STALL_MS, error);
}

bool tb_adb_sync_broken(TbTransport *link, GError **error)
{
        tb_set_error(error, TB_ERROR_DEVICE, "%s broke adb's sync protocol: try again, or restart its adbd",
                     tb_transport_name(link));
        return false;
}

/* The device's words, as one of our errors. */
bool tb_adb_sync_refuse(const char *bytes, const char *said, GError **error)
{
        g_autofree char *path = g_utf8_make_valid(bytes, -1);

        if (strstr(said, "No such file") != NULL || strstr(said, "Not a directory") != NULL)
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "path", "%s: %s", path, said);
        else if (strstr(said, "Is a directory") != NULL)
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "%s: %s", path, said);
        else
                tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "path", "%s: the phone refused: %s", path,
                                   said);
        return false;
}

bool tb_adb_sync_ask(TbInstance *self, TbTransport *link, TbIo *io, const char *path, TbAdbStat *ret,
                     GError **error)
{
        bool v2 = (((TbAdbLane *)self)->target.features & TB_ADB_STAT_V2) != 0;
        gsize size = v2 ? 72 : 16;
        guint8 data[72];

        if (!tb_adb_sync_send(link, io, v2 ? "STA2" : "STAT", path, strlen(path), error) ||
            !tb_transport_read_exact(link, io, data, size, TB_ADB_STALL_MS, error))
                return false;
        return tb_adb_parse_stat(data, size, ret) == (gssize)size || tb_adb_sync_broken(link, error);
}

/* "81a4 4294967303 1795206632": mode, size, time. What the service said stays where the phone's command says something else. */
static void ask_command(TbInstance *self, TbIo *io, const char *path, TbAdbStat *st)
{
        g_autofree char *quoted = tb_adb_quote(path),
                        *command = g_strdup_printf("stat -L -c '%%f %%s %%Y' -- %s 2>/dev/null", quoted),
                        *said = tb_adb_ask(io, &((TbAdbLane *)self)->target, command, NULL, NULL);
        g_auto(GStrv) word = g_strsplit(said != NULL ? g_strchomp(said) : "", " ", 3);
        guint64 mode, size, mtime_s;

        if (g_strv_length(word) == 3 &&
            g_ascii_string_to_unsigned(word[0], 16, 1, G_MAXUINT32, &mode, NULL) &&
            g_ascii_string_to_unsigned(word[1], 10, 0, G_MAXINT64, &size, NULL) &&
            g_ascii_string_to_unsigned(word[2], 10, 0, G_MAXINT64, &mtime_s, NULL))
                *st = (TbAdbStat){.mode = (guint32)mode, .size = size, .mtime_s = (gint64)mtime_s};
}

bool tb_adb_sync_stat(TbInstance *self, TbTransport *link, TbIo *io, const char *path, TbAdbStat *ret,
                      GError **error)
{
        if (!tb_adb_sync_ask(self, link, io, path, ret, error))
                return false;
        if (ret->error != 0) /* Linux on both sides: the numbers are the same */
                return tb_adb_sync_refuse(path, g_strerror((int)ret->error), error);
        if (ret->mode == 0)
                return tb_adb_sync_refuse(path, "No such file or directory", error);
        if ((((TbAdbLane *)self)->target.features & TB_ADB_STAT_V2) == 0 && !S_ISDIR(ret->mode))
                ask_command(self, io, path, ret);
        return true;
}
