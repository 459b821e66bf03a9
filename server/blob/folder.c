/* Clips as files below a folder. A file is written beside its place and renamed; nothing that is a link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/log.h"
#include "server/blob/private.h"

#define BLOCK (64 * 1024)
#define PART ".part-" /* begins what is not finished; no clip is named so */

typedef struct Folder {
        char *where; /* owned */
        gint parts;  /* atomic: the next number of an unfinished file */
} Folder;

static gpointer folder_open(const TbBlobOptions *options)
{
        Folder *f = g_new0(Folder, 1);
        f->where = g_strdup(options->folder);
        return f;
}

static void folder_close(gpointer store)
{
        Folder *f = store;
        g_free(f->where);
        g_free(f);
}

static bool trouble(const Folder *f, const char *name, GError **error)
{
        int why = errno;
        if (why == ENOENT)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the clip %s is not there", name);
        else
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clip %s in %s: %s", name, f->where,
                             g_strerror(why));
        return false;
}

/* The folder that `name` lies in; *ret_leaf: its last segment. -1: errno. */
static int open_parent(const Folder *f, const char *name, bool make, const char **ret_leaf)
{
        if (make && g_mkdir_with_parents(f->where, 0700) != 0)
                return -1;
        int at = open(f->where, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *slash;
        for (; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
                g_autofree char *segment = g_strndup(name, (gsize)(slash - name));
                if (make && mkdirat(at, segment, 0700) != 0 && errno != EEXIST) {
                        close(at);
                        return -1;
                }
                int next = openat(at, segment, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                close(at);
                at = next;
        }
        *ret_leaf = name;
        return at;
}

static bool write_all(int fd, const guint8 *bytes, gsize size)
{
        while (size > 0) {
                ssize_t n = write(fd, bytes, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                bytes += n;
                size -= (gsize)n;
        }
        return true;
}

/* All of `body` into `fd`, with its sum. */
static bool take(const Folder *f, const char *name, int fd, gint64 size, TbPipe *body, TbBlobInfo *ret,
                 GError **error)
{
        g_autofree guint8 *block = g_malloc(BLOCK);
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_MD5);
        gint64 have = 0;
        gssize n;
        while ((n = tb_pipe_read(body, block, BLOCK, error)) > 0) {
                have += n;
                if (have > size) {
                        tb_set_error(error, TB_ERROR_TOO_LARGE,
                                     "the clip has more than the %" G_GINT64_FORMAT
                                     " bytes that were promised",
                                     size);
                        return false;
                }
                g_checksum_update(sum, block, n);
                if (!write_all(fd, block, (gsize)n))
                        return trouble(f, name, error);
        }
        if (n < 0)
                return false;
        if (have < size) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "the clip has %" G_GINT64_FORMAT " bytes, and %" G_GINT64_FORMAT
                             " were promised: send all of it again",
                             have, size);
                return false;
        }
        if (fdatasync(fd) != 0)
                return trouble(f, name, error);
        ret->size = size;
        g_snprintf(ret->etag, sizeof ret->etag, "\"%s\"", g_checksum_get_string(sum));
        return true;
}

static gint64 size_of(int folder, const char *leaf)
{
        struct stat st;
        return fstatat(folder, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static bool folder_put(gpointer store, const char *name, gint64 size, TbPipe *body, TbBlobInfo *ret,
                       gint64 *ret_replaced, GError **error)
{
        Folder *f = store;
        const char *leaf;
        g_autofree char *part = g_strdup_printf(PART "%d-%d", (int)getpid(), g_atomic_int_add(&f->parts, 1));
        int folder = open_parent(f, name, true, &leaf);
        if (folder < 0)
                return trouble(f, name, error);
        int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        bool ok = fd >= 0 ? take(f, name, fd, size, body, ret, error) : trouble(f, name, error);
        if (fd >= 0)
                close(fd);
        if (ok) {
                *ret_replaced = size_of(folder, leaf);
                ok = renameat(folder, part, folder, leaf) == 0 || trouble(f, name, error);
        }
        if (!ok && fd >= 0)
                unlinkat(folder, part, 0);
        close(folder);
        return ok;
}

static bool give(const Folder *f, const char *name, int fd, gint64 from, gint64 n, TbPipe *to, GError **error)
{
        g_autofree guint8 *block = g_malloc(BLOCK);
        while (n > 0) {
                ssize_t got = pread(fd, block, (gsize)MIN(n, BLOCK), from);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return trouble(f, name, error);
                if (got == 0) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clip %s is shorter than it was", name);
                        return false;
                }
                if (!tb_pipe_write(to, block, (gsize)got, error))
                        return false;
                from += got;
                n -= got;
        }
        return true;
}

/* What is no file is not there. */
static int open_file(const Folder *f, const char *name, struct stat *ret)
{
        const char *leaf;
        int folder = open_parent(f, name, false, &leaf);
        int fd = folder >= 0 ? openat(folder, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
        int why = errno;
        if (folder >= 0)
                close(folder);
        errno = why;
        if (fd >= 0 && (fstat(fd, ret) != 0 || !S_ISREG(ret->st_mode))) {
                close(fd);
                errno = ENOENT;
                return -1;
        }
        return fd;
}

static bool folder_get(gpointer store, const char *name, const char *etag G_GNUC_UNUSED, gint64 from,
                       gint64 n, TbPipe *to, GError **error)
{
        const Folder *f = store;
        struct stat st;
        int fd = open_file(f, name, &st);
        if (fd < 0)
                return trouble(f, name, error);
        bool ok = give(f, name, fd, from, n, to, error);
        close(fd);
        return ok;
}

static bool folder_stat(gpointer store, const char *name, TbBlobInfo *ret, GError **error)
{
        const Folder *f = store;
        struct stat st;
        int fd = open_file(f, name, &st);
        if (fd < 0)
                return trouble(f, name, error);
        close(fd);
        ret->size = st.st_size;
        return true;
}

static const char *folder_container(gpointer store G_GNUC_UNUSED)
{
        return "local";
}

static char *folder_uri(gpointer store G_GNUC_UNUSED, const char *name)
{
        return g_strconcat("local://", name, NULL);
}

static bool folder_remove(gpointer store, const char *name, gint64 *ret_bytes, GError **error)
{
        const Folder *f = store;
        const char *leaf;
        int folder = open_parent(f, name, false, &leaf);
        if (folder < 0)
                return errno == ENOENT || trouble(f, name, error);
        gint64 bytes = size_of(folder, leaf);
        bool ok = unlinkat(folder, leaf, 0) == 0;
        if (ok)
                *ret_bytes = bytes;
        ok = ok || errno == ENOENT || trouble(f, name, error);
        close(folder);
        return ok;
}

/* --- what is there --- */
static __thread guint64 counted; /* nftw() has no data of its caller */

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
        if (type != FTW_F || !S_ISREG(st->st_mode))
                return 0;
        if (strncmp(path + at->base, PART, strlen(PART)) == 0)
                unlink(path);
        else
                counted += (guint64)st->st_size;
        return 0;
}

static bool folder_count(gpointer store, guint64 *ret_bytes, GError **error)
{
        const Folder *f = store;
        counted = 0;
        if (nftw(f->where, on_entry, 16, FTW_PHYS) != 0 && errno != ENOENT) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clips in %s: %s", f->where, g_strerror(errno));
                return false;
        }
        *ret_bytes = counted;
        return true;
}

/* --- names: of a large folder those that come first alone are held --- */
typedef struct Names {
        GPtrArray *all; /* owned char * */
        const char *where, *after;
        gint64 from_ms, to_ms;
        guint most;
} Names;

static __thread Names *names;

static gint by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void keep_first(Names *n)
{
        g_ptr_array_sort(n->all, by_name);
        if (n->all->len > n->most)
                g_ptr_array_set_size(n->all, (gint)n->most);
}

static int on_name(const char *path, const struct stat *st, int type, struct FTW *at)
{
        gint64 ms = st->st_mtim.tv_sec * G_GINT64_CONSTANT(1000) + st->st_mtim.tv_nsec / 1000000;
        if (type != FTW_F || !S_ISREG(st->st_mode) || strncmp(path + at->base, PART, strlen(PART)) == 0)
                return 0;
        const char *name = path + strlen(names->where);
        name += strspn(name, "/");
        if (ms < names->from_ms || ms > names->to_ms || !tb_blob_name_valid(name) ||
            (names->after && strcmp(name, names->after) <= 0))
                return 0;
        g_ptr_array_add(names->all, g_strdup(name));
        if (names->all->len >= 2 * names->most)
                keep_first(names);
        return 0;
}

static bool folder_list(gpointer store, const char *after, gint64 from_ms, gint64 to_ms, guint most,
                        char ***ret, GError **error)
{
        const Folder *f = store;
        Names n = {.all = g_ptr_array_new_with_free_func(g_free),
                   .where = f->where,
                   .after = after,
                   .from_ms = from_ms,
                   .to_ms = to_ms,
                   .most = most};
        names = &n;
        bool ok = nftw(f->where, on_name, 16, FTW_PHYS) == 0 || errno == ENOENT;
        names = NULL;
        if (!ok)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clips in %s: %s", f->where, g_strerror(errno));
        keep_first(&n);
        g_ptr_array_add(n.all, NULL);
        char **all = (char **)g_ptr_array_free(n.all, FALSE);
        if (ok)
                *ret = all;
        else
                g_strfreev(all);
        return ok;
}

const TbBlobBackend tb_blob_folder = {.open = folder_open,
                                      .close = folder_close,
                                      .container = folder_container,
                                      .uri = folder_uri,
                                      .count = folder_count,
                                      .put = folder_put,
                                      .get = folder_get,
                                      .stat = folder_stat,
                                      .remove = folder_remove,
                                      .list = folder_list};
