/*
 * The folder of a history: what its files are called, and which of those that stand in it at the start are segments. Offsets are
 * told to users and go on where the last segment ends, so a file is believed only as far as it can be true.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/statefile.h"

#define NAME_DIGITS 20

char *tb_history_segment_path(const TbHistory *h, guint64 first, const char *ending)
{
        return g_strdup_printf("%s/%020" G_GUINT64_FORMAT ".%s", h->dir, first, ending);
}

int tb_history_segment_open(const TbHistory *h, guint64 first, const char *ending, int flags)
{
        g_assert(!tb_is_main()); /* the disk may stand still */
        g_autofree char *path = tb_history_segment_path(h, first, ending);
        struct stat st;
        int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
        if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
                return fd;
        close(fd);
        errno = EEXIST; /* something else, in the place of the file */
        return -1;
}

static int compare_segments(const void *a, const void *b)
{
        guint64 x = ((const TbSegment *)a)->first, y = ((const TbSegment *)b)->first;
        return x < y ? -1 : x > y;
}

static bool is_named_as_segment(const char *name, const char *ending)
{
        return strlen(name) == NAME_DIGITS + 4 && strspn(name, "0123456789") == NAME_DIGITS &&
               g_str_has_suffix(name, ending);
}

static bool is_file(int folder, const char *name)
{
        struct stat st;
        return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static bool read_segment(int folder, const char *name, TbSegment *ret)
{
        g_autofree char *digits = g_strndup(name, NAME_DIGITS);
        g_autofree char *idx = g_strdup_printf("%s.idx", digits);
        struct stat st;
        guint64 first;
        if (!g_ascii_string_to_unsigned(digits, 10, 0, TB_LIMIT_HISTORY_OFFSET, &first, NULL) ||
            fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
            (guint64)st.st_size > TB_LIMIT_HISTORY_OFFSET - first)
                return false;
        *ret = (TbSegment){.first = first, .size = (guint64)st.st_size};
        if (fstatat(folder, idx, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
                ret->index = (guint64)st.st_size;
        return true;
}

static void set_aside(const TbHistory *h, int folder, const char *name)
{
        g_autofree char *idx = g_strdup_printf("%.*s.idx", NAME_DIGITS, name), *kept = NULL;
        if (tb_keep_aside_at(folder, name, &kept))
                tb_log(TB_LOG_WARNING, TB_F(), "%s/%s is no part of this console's history: kept as %s",
                       h->dir, name, kept);
        else if (errno != ENOENT) /* with its .log just now */
                tb_log(TB_LOG_WARNING, TB_F(),
                       "%s/%s is no part of this console's history and cannot be kept aside: %s", h->dir,
                       name, g_strerror(errno));
        if (strcmp(idx, name) != 0)
                tb_keep_aside_at(folder, idx, NULL); /* there may be none */
}

/* A segment ends where the next one begins: a write that was cut short by a full disk may have left more. One that lies within
 * another one is not ours. */
static void untangle(const TbHistory *h, GArray *segments, int folder)
{
        for (guint i = 1; i < segments->len;) {
                TbSegment *before = &g_array_index(segments, TbSegment, i - 1),
                          *s = &g_array_index(segments, TbSegment, i);
                if (s->first + s->size < before->first + before->size) {
                        g_autofree char *name = g_strdup_printf("%020" G_GUINT64_FORMAT ".log", s->first);
                        set_aside(h, folder, name);
                        g_array_remove_index(segments, i);
                        continue;
                }
                before->size = MIN(before->size, s->first - before->first);
                i++;
        }
}

GArray *tb_history_scan(const TbHistory *h)
{
        GArray *segments = g_array_new(FALSE, FALSE, sizeof(TbSegment));
        int folder = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = folder < 0 ? NULL : fdopendir(folder);
        g_autoptr(GPtrArray) strange = g_ptr_array_new_with_free_func(g_free);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                TbSegment s;
                bool log = is_named_as_segment(entry->d_name, ".log");
                if (log && read_segment(folder, entry->d_name, &s))
                        g_array_append_val(segments, s);
                else if (log ||
                         (is_named_as_segment(entry->d_name, ".idx") && !is_file(folder, entry->d_name)))
                        g_ptr_array_add(strange, g_strdup(entry->d_name));
        }
        for (guint i = 0; i < strange->len; i++)
                set_aside(h, folder, g_ptr_array_index(strange, i));
        g_array_sort(segments, compare_segments);
        untangle(h, segments, folder);
        if (dir)
                closedir(dir);
        else if (folder >= 0)
                close(folder);
        return segments;
}
