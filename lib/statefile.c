#include "lib/statefile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define TMP_SUFFIX ".tmp"
#define KEPT_SUFFIX ".kept"

struct TbStateDir {
        char *path;
        int fd, lock_fd;    /* -1: none */
        GHashTable *frozen; /* owned names: what stands there could not be kept aside */
};

static bool said(GError **error, const TbStateDir *dir, const char *name, const char *what)
{
        int code = errno;
        tb_set_error(error, code == ENOENT ? TB_ERROR_NOT_FOUND : TB_ERROR_INTERNAL, "%s/%s %s: %s",
                     dir->path, name, what, code == ELOOP ? "it is a symbolic link" : g_strerror(code));
        return false;
}

static bool is_plain_name(const char *name)
{
        return *name && *name != '.' && !strchr(name, '/');
}

/* --- locks --- */
static bool lock(int fd, bool *ret_taken)
{
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                return true;
        *ret_taken = fd >= 0 && errno == EWOULDBLOCK;
        return false;
}

/* The lock file bears the pid for the words of the second one; the folder itself is locked too, because a file can be removed. */
static bool lock_all(TbStateDir *dir, const char *who, bool whole, GError **error)
{
        g_autofree char *name = g_strdup_printf("%s.lock", who);
        char pid[16] = "";
        bool taken = false;
        dir->lock_fd = openat(dir->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        int file_errno = errno;
        bool locked = lock(dir->lock_fd, &taken);
        if (locked && whole)
                locked = lock(dir->fd, &taken);
        if (taken) {
                ssize_t n = pread(dir->lock_fd, pid, sizeof pid - 1, 0);
                pid[MAX(n, 0)] = '\0';
                tb_set_error(error, TB_ERROR_BUSY,
                             "the state folder %s is in use by another testbed-%s (pid %s); stop that one, "
                             "or choose another "
                             "folder with --state-dir",
                             dir->path, who, *g_strstrip(pid) ? pid : "unknown");
                return false;
        }
        if (dir->lock_fd < 0 && file_errno == ELOOP) {
                errno = file_errno;
                return said(error, dir, name, "cannot be the lock");
        }
        g_snprintf(pid, sizeof pid, "%d\n", (int)getpid());
        if (!locked || ftruncate(dir->lock_fd, 0) < 0 || pwrite(dir->lock_fd, pid, strlen(pid), 0) < 0)
                tb_log(TB_LOG_WARNING, TB_F(), "%s/%s: %s: nothing keeps a second daemon out of this folder",
                       dir->path, name, g_strerror(dir->lock_fd < 0 ? file_errno : errno));
        return true;
}

/* --- life --- */
/* ".NAME.tmp" is ours; NAME.json.XXXXXX (capitals, digits) is what earlier versions wrote. */
static bool is_leftover(const char *name)
{
        static const char *const before[] = {"devices.json.", "leases.json.", "sessions.json."};
        if (*name == '.')
                return g_str_has_suffix(name, TMP_SUFFIX);
        for (guint i = 0; i < G_N_ELEMENTS(before); i++)
                if (g_str_has_prefix(name, before[i]))
                        return strlen(name + strlen(before[i])) == 6 &&
                               strspn(name + strlen(before[i]), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 6;
        return false;
}

static void sweep(TbStateDir *dir)
{
        int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        if (!d) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        for (const struct dirent *e; (e = readdir(d));) {
                struct stat st;
                if (is_leftover(e->d_name) && fstatat(dir->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(st.st_mode) && unlinkat(dir->fd, e->d_name, 0) == 0)
                        tb_log(TB_LOG_INFO, TB_F(), "%s/%s: left by a save that was cut short: removed",
                               dir->path, e->d_name);
        }
        closedir(d);
}

/* Closed to others where it is ours: one that we made, or used before (a folder like /tmp that somebody names is not). */
static void close_to_others(const TbStateDir *dir, const char *who)
{
        struct stat st, of_lock;
        g_autofree char *name = g_strdup_printf("%s.lock", who);
        if (fstat(dir->fd, &st) < 0 || (st.st_mode & 077) == 0)
                return;
        if (st.st_uid == geteuid() && !(st.st_mode & S_ISVTX) &&
            fstatat(dir->fd, name, &of_lock, AT_SYMLINK_NOFOLLOW) == 0) {
                if (fchmod(dir->fd, 0700) == 0)
                        return;
        }
        if (st.st_mode & 022)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "others may write into the state folder %s: chmod 700 it, or choose another",
                       dir->path);
}

TbStateDir *tb_state_dir_open(const char *path, const char *who, bool whole, GError **error)
{
        g_autoptr(TbStateDir) dir = g_new0(TbStateDir, 1);
        dir->path = g_strdup(path);
        dir->lock_fd = -1;
        dir->frozen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        dir->fd = g_mkdir_with_parents(path, 0700) == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (dir->fd < 0) {
                tb_set_error(error, TB_ERROR_INTERNAL,
                             "cannot use the state folder %s: %s; choose another with --state-dir", path,
                             g_strerror(errno));
                return NULL;
        }
        close_to_others(dir, who);
        if (!lock_all(dir, who, whole, error))
                return NULL;
        sweep(dir);
        return g_steal_pointer(&dir);
}

void tb_state_dir_close(TbStateDir *dir)
{
        if (!dir)
                return;
        if (dir->lock_fd >= 0)
                close(dir->lock_fd);
        if (dir->fd >= 0)
                close(dir->fd);
        g_hash_table_unref(dir->frozen);
        g_free(dir->path);
        g_free(dir);
}

bool tb_state_make_folder(TbStateDir *dir, const char *below, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(below, "/", -1);
        int at = dir->fd;
        for (guint i = 0; parts[i]; i++) {
                int next = -1;
                errno = EINVAL;
                if (is_plain_name(parts[i]) && (mkdirat(at, parts[i], 0700) == 0 || errno == EEXIST))
                        next = openat(at, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                int code = errno;
                if (at != dir->fd)
                        close(at);
                at = next;
                errno = code;
                if (at < 0)
                        return said(error, dir, below, "cannot be made");
        }
        if (at != dir->fd)
                close(at);
        return true;
}

/* --- read --- */
/* Regular files only; O_NONBLOCK: a FIFO that somebody put there does not stop us. */
static int open_regular(TbStateDir *dir, const char *name, int flags, GError **error)
{
        struct stat st;
        int fd = openat(dir->fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0) {
                said(error, dir, name, "cannot be opened");
                return -1;
        }
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                return fd;
        close(fd);
        tb_set_error(error, TB_ERROR_INTERNAL, "%s/%s is no regular file", dir->path, name);
        return -1;
}

static char *read_all(int fd, gsize *ret_size)
{
        g_autoptr(GByteArray) all = g_byte_array_new();
        guint8 buf[16 * 1024];
        for (ssize_t n; (n = read(fd, buf, sizeof buf)) != 0;) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return NULL;
                if (all->len + (gsize)n > TB_LIMIT_STATE_FILE) {
                        errno = EFBIG;
                        return NULL;
                }
                g_byte_array_append(all, buf, (guint)n);
        }
        *ret_size = all->len;
        g_byte_array_append(all, (const guint8 *)"", 1);
        return (char *)g_byte_array_free(g_steal_pointer(&all), FALSE);
}

char *tb_state_read(TbStateDir *dir, const char *name, gsize *ret_size, GError **error)
{
        g_assert(is_plain_name(name));
        int fd = open_regular(dir, name, O_RDONLY, error);
        if (fd < 0)
                return NULL;
        char *text = read_all(fd, ret_size);
        if (!text && errno == EFBIG)
                tb_set_error(error, TB_ERROR_TOO_LARGE, "%s/%s has more than %d bytes", dir->path, name,
                             TB_LIMIT_STATE_FILE);
        else if (!text)
                said(error, dir, name, "cannot be read");
        close(fd);
        return text;
}

/* --- write --- */
static bool write_all(int fd, const char *data, gsize size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                data += n;
                size -= (gsize)n;
        }
        return fsync(fd) == 0;
}

/* One name for what is being written: the lock makes us the only writer, so that nothing piles up. */
bool tb_state_write(TbStateDir *dir, const char *name, const void *data, gsize size, GError **error)
{
        g_assert(is_plain_name(name));
        g_autofree char *temporary = g_strdup_printf(".%s" TMP_SUFFIX, name);
        if (g_hash_table_contains(dir->frozen, name)) {
                tb_set_error(error, TB_ERROR_INTERNAL,
                             "%s/%s could not be read and could not be kept aside: it is not written over; "
                             "move it away",
                             dir->path, name);
                return false;
        }
        if (size > TB_LIMIT_STATE_FILE) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "%s/%s would have more than %d bytes", dir->path,
                             name, TB_LIMIT_STATE_FILE);
                return false;
        }
        unlinkat(dir->fd, temporary, 0);
        int fd = openat(dir->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        bool ok = fd >= 0 && write_all(fd, data, size);
        int code = errno;
        if (fd >= 0 && close(fd) < 0 && ok) {
                code = errno;
                ok = false;
        }
        if (ok && renameat(dir->fd, temporary, dir->fd, name) < 0) {
                code = errno;
                ok = false;
        }
        if (ok) {
                fsync(dir->fd); /* the name; a file system that cannot has done so already */
                return true;
        }
        unlinkat(dir->fd, temporary, 0);
        errno = code;
        return said(error, dir, name, "cannot be written");
}

bool tb_state_rename(TbStateDir *dir, const char *from, const char *to, GError **error)
{
        g_assert(is_plain_name(from) && is_plain_name(to));
        return renameat(dir->fd, from, dir->fd, to) == 0 || said(error, dir, from, "cannot be renamed");
}

int tb_state_append(TbStateDir *dir, const char *name, GError **error)
{
        g_assert(is_plain_name(name));
        int fd = open_regular(dir, name, O_WRONLY | O_CREAT | O_APPEND, error);
        if (fd >= 0 && fchmod(fd, 0600) < 0) /* of earlier versions */
                tb_log(TB_LOG_DEBUG, TB_F(), "%s/%s: %s", dir->path, name, g_strerror(errno));
        return fd;
}

/* --- what is not understood --- */
bool tb_keep_aside_at(int folder, const char *name, char **ret_kept)
{
        g_autofree char *date = tb_clock_rfc3339(tb_clock_ms());
        g_strdelimit(date, ":", '-');
        for (guint i = 0; i < TB_LIMIT_STATE_KEPT; i++) {
                struct stat st;
                g_autofree char *number = i ? g_strdup_printf("-%u", i) : g_strdup("");
                g_autofree char *kept = g_strdup_printf("%s.%s%s" KEPT_SUFFIX, name, date, number);
                if (fstatat(folder, kept, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                if (renameat(folder, name, folder, kept) < 0)
                        return false;
                if (ret_kept)
                        *ret_kept = g_steal_pointer(&kept);
                return true;
        }
        errno = EEXIST;
        return false;
}

bool tb_state_keep_aside(TbStateDir *dir, const char *name, char **ret_kept, GError **error)
{
        g_assert(is_plain_name(name));
        if (tb_keep_aside_at(dir->fd, name, ret_kept))
                return true;
        g_hash_table_add(dir->frozen, g_strdup(name));
        return said(error, dir, name, "cannot be kept aside");
}

static json_t *parse(TbStateDir *dir, const char *name, json_type type, GError **error)
{
        gsize size = 0;
        g_autofree char *text = tb_state_read(dir, name, &size, error);
        json_t *value = text ? tb_json_parse_kept(text, size, error) : NULL;
        if (value && json_typeof(value) != type) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is expected",
                             type == JSON_OBJECT ? "an object" : "a list");
                json_decref(value);
                value = NULL;
        }
        return value;
}

json_t *tb_state_load(TbStateDir *dir, const char *name, json_type type, GError **error)
{
        g_autoptr(GError) why = NULL, not_kept = NULL;
        g_autofree char *kept = NULL;
        json_t *value = parse(dir, name, type, &why);
        if (value || g_error_matches(why, TB_ERROR, TB_ERROR_NOT_FOUND))
                return value;
        if (tb_state_keep_aside(dir, name, &kept, &not_kept))
                tb_set_error(error, TB_ERROR_INTERNAL, "%s/%s was not understood (%s); it is kept as %s",
                             dir->path, name, why->message, kept);
        else
                tb_set_error(error, TB_ERROR_INTERNAL, "%s/%s was not understood (%s) and stays as it is: %s",
                             dir->path, name, why->message, not_kept->message);
        return NULL;
}

char *tb_state_text(const json_t *value)
{
        return json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(15)); /* lint: json - indented */
}

bool tb_state_save(TbStateDir *dir, const char *name, const json_t *value, GError **error)
{
        char *text = tb_state_text(value);
        if (!text) {
                tb_set_error(error, TB_ERROR_INTERNAL, "%s/%s: it cannot be said in JSON", dir->path, name);
                return false;
        }
        bool ok = tb_state_write(dir, name, text, strlen(text), error);
        free(text);
        return ok;
}
