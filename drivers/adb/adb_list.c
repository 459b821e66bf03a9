/* adb_list.c - folders of a phone: what is in them, links followed, and the bytes of names that are not UTF-8 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/adb/adb_input.h"
#include "drivers/adb/adb_sync.h"
#include "lib/clock.h"
#include "lib/limits.h"

#define REPLACED "\xef\xbf\xbd" /* U+FFFD: g_utf8_make_valid() */
#define LARGE_BLOCKS 8388607    /* of 512 bytes: what is larger does not fit into the 32 bits of LIST */

typedef struct {
        char *name; /* bytes */
        TbAdbStat st;
} Entry;

static void entry_free(gpointer data)
{
        Entry *e = data;

        g_free(e->name);
        g_free(e);
}

static bool read_entries(TbTransport *link, TbIo *io, const char *path, bool v2, GPtrArray *into,
                         GError **error)
{
        g_autoptr(GByteArray) in = g_byte_array_new();

        for (;;) {
                guint8 chunk[16 * 1024];
                gsize at = 0;
                gssize n = tb_transport_read(link, io, chunk, sizeof(chunk), TB_ADB_STALL_MS, error), used;

                if (n < 0)
                        return false;
                if (n == 0)
                        return tb_adb_sync_broken(link, error);
                g_byte_array_append(in, chunk, (guint)n);
                for (;;) {
                        g_autofree char *name = NULL;
                        TbAdbStat st;

                        used = tb_adb_parse_entry(in->data + at, in->len - at, v2, &st, &name);
                        if (used < 0)
                                return tb_adb_sync_broken(link, error);
                        if (used == 0)
                                break;
                        at += (gsize)used;
                        if (name == NULL)
                                return true;
                        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                                continue;
                        if (into->len >= TB_LIMIT_FOLDER_ENTRIES) {
                                g_autofree char *text = g_utf8_make_valid(path, -1);
                                tb_error_set_field(error, TB_ERROR_TOO_LARGE, "path",
                                                   "%s has more than %d entries: list them by a command",
                                                   text, TB_LIMIT_FOLDER_ENTRIES);
                                return false;
                        }
                        Entry *e = g_new0(Entry, 1);
                        *e = (Entry){.name = g_steal_pointer(&name), .st = st};
                        g_ptr_array_add(into, e);
                }
                g_byte_array_remove_range(in, 0, (guint)at);
        }
}

/* A folder is listed with its links as links: those to folders are folders to who looks in. */
static bool follow_links(TbInstance *self, TbTransport *link, TbIo *io, const char *folder,
                         GPtrArray *entries, GError **error)
{
        bool v2 = (((TbAdbLane *)self)->target.features & TB_ADB_STAT_V2) != 0;

        for (guint i = 0; i < entries->len; i++) {
                Entry *e = g_ptr_array_index(entries, i);
                /* without stat_v2 no link is followed, but the last "/" is behind it */
                g_autofree char *path = g_strconcat(folder, e->name, v2 ? "" : "/", NULL);
                TbAdbStat st;

                if (!S_ISLNK(e->st.mode) || strlen(path) > TB_ADB_SYNC_PATH)
                        continue;
                if (!tb_adb_sync_ask(self, link, io, path, &st, error))
                        return false;
                if (st.error == 0 && st.mode != 0)
                        e->st = st;
        }
        return true;
}

/* "4294967303 a name": sizes that LIST cut off. A phone whose command is another one keeps what was listed. */
static void add_large(TbInstance *self, TbIo *io, const char *folder, GPtrArray *entries)
{
        g_autofree char *quoted = tb_adb_quote(folder),
                        *command = g_strdup_printf(
                                "find %s -maxdepth 1 -type f -size +%d -exec stat -c '%%s %%n' {} + "
                                "2>/dev/null",
                                quoted, LARGE_BLOCKS),
                        *said = tb_adb_ask(io, &((TbAdbLane *)self)->target, command, NULL, NULL);
        g_auto(GStrv) lines = g_strsplit(said != NULL ? said : "", "\n", -1);

        for (guint l = 0; lines[l] != NULL; l++) {
                char *end;
                guint64 size = g_ascii_strtoull(lines[l], &end, 10);
                const char *name = strrchr(end, '/');

                for (guint i = 0; name != NULL && i < entries->len; i++) {
                        Entry *e = g_ptr_array_index(entries, i);
                        if (strcmp(e->name, name + 1) == 0)
                                e->st.size = size;
                }
        }
}

/* Entries; NULL with an error. */
static GPtrArray *list_folder(TbInstance *self, TbIo *io, const char *path, GError **error)
{
        bool v2 = (((TbAdbLane *)self)->target.features & TB_ADB_LS_V2) != 0;
        g_autoptr(TbTransport) link = tb_adb_sync_open(self, io, path, error);
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
        g_autofree char *slash = NULL;
        TbAdbStat st;

        if (link == NULL || !tb_adb_sync_stat(self, link, io, path, &st, error))
                return NULL;
        if (!S_ISDIR(st.mode)) {
                g_autofree char *text = g_utf8_make_valid(path, -1);
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "%s is not a folder", text);
                return NULL;
        }
        slash = strlen(path) < TB_ADB_SYNC_PATH ? g_strconcat(path, "/", NULL)
                                                : g_strdup(path); /* through a link, as /sdcard is */
        if (!tb_adb_sync_send(link, io, v2 ? "LIS2" : "LIST", slash, strlen(slash), error) ||
            !read_entries(link, io, path, v2, entries, error) ||
            !follow_links(self, link, io, slash, entries, error))
                return NULL;
        if (!v2)
                add_large(self, io, slash, entries);
        return g_steal_pointer(&entries);
}

bool tb_adb_file_list(TbInstance *self, TbIo *io, const char *path, json_t *into, GError **error)
{
        g_autofree char *real = tb_adb_real_path(self, io, path, error);
        g_autoptr(GPtrArray) entries = real != NULL ? list_folder(self, io, real, error) : NULL;

        for (guint i = 0; entries != NULL && i < entries->len; i++) {
                const Entry *e = g_ptr_array_index(entries, i);
                g_autofree char *text = g_utf8_make_valid(e->name, -1),
                                *mtime = tb_clock_rfc3339(e->st.mtime_s * 1000);

                json_array_append_new(into, json_pack("{s:s, s:b, s:I, s:i, s:s}", "name", text, "directory",
                                                      S_ISDIR(e->st.mode), "size", (json_int_t)e->st.size,
                                                      "mode", (int)(e->st.mode & 07777), "mtime", mtime));
        }
        return entries != NULL;
}

/* The name of the one entry of `folder` that is listed as `name`; as given where there is none. Owned. */
static char *real_name(TbInstance *self, TbIo *io, const char *folder, const char *name, GError **error)
{
        g_autoptr(GError) none = NULL;
        g_autoptr(GPtrArray) entries = list_folder(self, io, folder, &none);
        const char *found = NULL;

        for (guint i = 0; entries != NULL && i < entries->len; i++) {
                const Entry *e = g_ptr_array_index(entries, i);
                g_autofree char *text = g_utf8_make_valid(e->name, -1);

                if (strcmp(text, name) != 0)
                        continue;
                if (found != NULL) {
                        tb_error_set_field(
                                error, TB_ERROR_INVALID, "path",
                                "several names that are not UTF-8 are listed as %s: rename them by a "
                                "command of the phone",
                                name);
                        return NULL;
                }
                found = e->name;
        }
        return g_strdup(found != NULL ? found : name);
}

char *tb_adb_real_path(TbInstance *self, TbIo *io, const char *path, GError **error)
{
        if (path == NULL || strstr(path, REPLACED) == NULL)
                return g_strdup(path != NULL ? path : "");
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        g_autoptr(GString) real = g_string_new(parts[0]);

        for (guint i = 1; parts[i] != NULL; i++) {
                g_autofree char *folder = real->len > 0 ? g_strdup(real->str) : g_strdup("/");
                g_autofree char *name = strstr(parts[i], REPLACED) != NULL
                                                ? real_name(self, io, folder, parts[i], error)
                                                : g_strdup(parts[i]);
                if (name == NULL)
                        return NULL;
                g_string_append_printf(real, "/%s", name);
        }
        return g_string_free(g_steal_pointer(&real), FALSE);
}
