#include "server/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/server_limits.h"

static bool fail(GError **error, const char *file, const char *what)
{
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s", file, what);
        return false;
}

/* All pages in one step: a reader's view of one moment, beside which writers go on (WAL). */
static bool copy(sqlite3 *source, sqlite3 *target, const char *from, const char *part, GError **error)
{
        sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
        if (!backup)
                return fail(error, part, sqlite3_errmsg(target));
        int rc = sqlite3_backup_step(backup, -1);
        sqlite3_backup_finish(backup);
        if (rc == SQLITE_DONE)
                return true;
        /* what could not be read is the source's, what could not be written the target's */
        return (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_BUSY
                       ? fail(error, from, sqlite3_errstr(rc))
                       : fail(error, part, sqlite3_errstr(rc));
}

/* One file without a log beside it, and whole. */
static bool settle(sqlite3 *target, const char *part, GError **error)
{
        sqlite3_stmt *check = NULL;
        int rc = sqlite3_exec(target, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_prepare_v2(target, "PRAGMA integrity_check(1)", -1, &check, NULL);
        bool row = rc == SQLITE_OK && sqlite3_step(check) == SQLITE_ROW;
        bool whole = row && g_strcmp0((const char *)sqlite3_column_text(check, 0), "ok") == 0;
        if (!whole)
                fail(error, part, row ? "the copy does not hold together" : sqlite3_errmsg(target));
        sqlite3_finalize(check);
        return whole;
}

static bool make(const char *from, const char *part, GError **error)
{
        sqlite3 *source = NULL, *target = NULL;
        bool ok = true;
        /* read and write: with the log that the server keeps beside it, reading alone needs that, too */
        if (sqlite3_open_v2(from, &source, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
                ok = fail(error, from, sqlite3_errmsg(source));
        if (ok && sqlite3_open_v2(part, &target, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
                ok = fail(error, part, sqlite3_errmsg(target));
        if (ok)
                sqlite3_busy_timeout(source, tb_server_limits.db_busy_ms);
        ok = ok && copy(source, target, from, part, error) && settle(target, part, error);
        sqlite3_close(target);
        sqlite3_close(source);
        return ok;
}

static bool sync_file(const char *path, GError **error)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool ok = fd >= 0 && fsync(fd) == 0;
        if (!ok)
                fail(error, path, g_strerror(errno));
        if (fd >= 0)
                close(fd);
        return ok;
}

bool tb_db_backup(const char *from, const char *to, GError **error)
{
        struct stat st;
        if (lstat(to, &st) == 0)
                return fail(error, to, "it is there already, and nothing is written over: name another file");
        if (stat(from, &st) != 0)
                return fail(error, from, g_strerror(errno));
        g_autofree char *part = g_strconcat(to, ".XXXXXX", NULL), *folder = g_path_get_dirname(to);
        int fd = g_mkstemp_full(part, O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
                return fail(error, to, g_strerror(errno));
        close(fd);
        bool ok = make(from, part, error) && sync_file(part, error);
        if (ok && link(part, to) != 0) /* unlike rename() it does not replace */
                ok = fail(error, to, g_strerror(errno));
        g_unlink(part);
        return ok && sync_file(folder, error);
}
