#include "host/recorder/parts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"

#define BLOCK 65536

typedef struct Part {
        GBytes *bytes; /* ref; NULL: a file */
        int fd;        /* owned */
        gint64 size;
} Part;

struct TbParts {
        GArray *all; /* of Part */
        gint64 size;
};

TbParts *tb_parts_new(void)
{
        TbParts *parts = g_new0(TbParts, 1);
        parts->all = g_array_new(FALSE, FALSE, sizeof(Part));
        return parts;
}

void tb_parts_free(TbParts *parts)
{
        if (!parts)
                return;
        for (guint i = 0; i < parts->all->len; i++) {
                Part *part = &g_array_index(parts->all, Part, i);
                if (part->bytes)
                        g_bytes_unref(part->bytes);
                else
                        close(part->fd);
        }
        g_array_free(parts->all, TRUE);
        g_free(parts);
}

bool tb_parts_file(TbParts *parts, int fd)
{
        struct stat st;
        if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
                close(fd);
                return false;
        }
        Part part = {.fd = fd, .size = st.st_size};
        g_array_append_val(parts->all, part);
        parts->size += part.size;
        return true;
}

void tb_parts_memory(TbParts *parts, const void *bytes, gsize size)
{
        Part part = {.bytes = g_bytes_new(bytes, size), .fd = -1, .size = (gint64)size};
        g_array_append_val(parts->all, part);
        parts->size += part.size;
}

gint64 tb_parts_size(const TbParts *parts)
{
        return parts->size;
}

static bool write_file(const Part *part, gint64 from, gint64 n, TbPipe *pipe, GError **error)
{
        g_autofree char *block = g_malloc(BLOCK);
        while (n > 0) {
                gssize got = pread(part->fd, block, (gsize)MIN(n, BLOCK), (off_t)from);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the file cannot be read to its end: %s",
                                     got < 0 ? g_strerror(errno) : "it has become shorter");
                        return false;
                }
                if (!tb_pipe_write(pipe, block, (gsize)got, error))
                        return false;
                from += got;
                n -= got;
        }
        return true;
}

void tb_parts_write(TbParts *parts, gint64 from, gint64 n, TbPipe *pipe)
{
        g_autoptr(GError) error = NULL;
        bool ok = true;
        for (guint i = 0; i < parts->all->len && n > 0 && ok; i++) {
                const Part *part = &g_array_index(parts->all, Part, i);
                if (from >= part->size) {
                        from -= part->size;
                        continue;
                }
                gint64 here = MIN(n, part->size - from);
                ok = part->bytes
                             ? tb_pipe_write(pipe, (const char *)g_bytes_get_data(part->bytes, NULL) + from,
                                             (gsize)here, &error)
                             : write_file(part, from, here, pipe, &error);
                n -= here;
                from = 0;
        }
        if (ok)
                tb_pipe_finish(pipe);
        else
                tb_pipe_fail(pipe, error);
}
