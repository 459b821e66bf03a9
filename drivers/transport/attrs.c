#include "drivers/transport/attrs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drivers/transport/samples.h"

#define NUMBER 64 /* bytes of a file that are read */

typedef struct Row {
        char *stream, *file, *fault; /* owned */
        const char *quantity, *unit; /* static */
        double offset, scale;
} Row;

struct TbAttrs {
        char *folder; /* owned */
        GArray *rows; /* of Row; owned */
};

static void row_clear(gpointer data)
{
        Row *row = data;
        g_free(row->stream);
        g_free(row->file);
        g_free(row->fault);
}

TbAttrs *tb_attrs_new(const char *folder)
{
        TbAttrs *attrs = g_new(TbAttrs, 1);
        *attrs = (TbAttrs){g_strdup(folder), g_array_new(FALSE, FALSE, sizeof(Row))};
        g_array_set_clear_func(attrs->rows, row_clear);
        return attrs;
}

void tb_attrs_free(TbAttrs *attrs)
{
        if (!attrs)
                return;
        g_array_unref(attrs->rows);
        g_free(attrs->folder);
        g_free(attrs);
}

static bool has(const TbAttrs *attrs, const char *stream)
{
        for (guint i = 0; i < attrs->rows->len; i++)
                if (strcmp(g_array_index(attrs->rows, Row, i).stream, stream) == 0)
                        return true;
        return false;
}

bool tb_attrs_add(TbAttrs *attrs, const TbAttrsFile *attr)
{
        g_autofree char *first = tb_samples_part(attr->quantity), *part = tb_samples_part(attr->label);
        char *stream = g_strdup_printf("%s.%s", first, part);
        if (attrs->rows->len >= TB_LIMIT_STREAMS) {
                g_free(stream);
                return false;
        }
        for (guint n = 2; has(attrs, stream); n++) {
                g_free(stream);
                stream = g_strdup_printf("%s.%s-%u", first, part, n);
        }
        const Row row = {stream,         g_strdup(attr->file), g_strdup(attr->fault),
                         attr->quantity, attr->unit,           attr->offset,
                         attr->scale};
        g_array_append_val(attrs->rows, row);
        return true;
}

guint tb_attrs_count(const TbAttrs *attrs)
{
        return attrs->rows->len;
}

double tb_attrs_number(const char *folder, const char *file, int *ret_errno)
{
        g_autofree char *path = g_build_filename(folder, file, NULL);
        char text[NUMBER + 1], *end;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), errnum = errno;
        ssize_t n = fd < 0 ? -1 : read(fd, text, NUMBER);
        if (fd >= 0) {
                errnum = n < 0 ? errno : ENODATA;
                close(fd);
        }
        if (ret_errno)
                *ret_errno = errnum;
        if (n < 0)
                return NAN;
        text[n] = '\0';
        double value = g_ascii_strtod(text, &end);
        return end > text && isfinite(value) ? value : NAN;
}

static bool is_quiet(int errnum)
{
        return errnum == EAGAIN || errnum == EBUSY || errnum == ENODATA;
}

/* *ret_errno is 0 when it was told, or has nothing to say. */
static void tell(const TbAttrs *attrs, const Row *row, TbInstance *self, int *ret_errno)
{
        *ret_errno = 0;
        if (row->fault && tb_attrs_number(attrs->folder, row->fault, NULL) > 0)
                return;
        double value = tb_attrs_number(attrs->folder, row->file, ret_errno);
        if (!isnan(value))
                tb_samples_tell(self, row->stream, row->quantity, row->unit,
                                (value + row->offset) * row->scale);
        if (!isnan(value) || is_quiet(*ret_errno))
                *ret_errno = 0;
}

bool tb_attrs_tell(TbAttrs *attrs, TbInstance *self, TbIo *io, GError **error)
{
        const char *failed = NULL;
        int why = 0;
        for (guint i = 0; i < attrs->rows->len; i++) {
                const Row *row = &g_array_index(attrs->rows, Row, i);
                int errnum;
                if (tb_io_wait(io, NULL, 0, 0) == TB_WAIT_STOP) /* a slow bus: each may take a second */
                        return tb_io_fail(TB_WAIT_STOP, attrs->folder, error);
                tell(attrs, row, self, &errnum);
                if (errnum != 0 && !failed) {
                        failed = row->file;
                        why = errnum;
                }
        }
        if (!failed)
                return true;
        if (!g_file_test(attrs->folder, G_FILE_TEST_IS_DIR))
                tb_set_error(error, TB_ERROR_GONE,
                             "%s: the sensors are gone (%s): unplugged, or their driver was unloaded",
                             self->uri->shown, attrs->folder);
        else
                tb_set_error(error, TB_ERROR_DEVICE, "%s: %s/%s cannot be read: %s", self->uri->shown,
                             attrs->folder, failed, g_strerror(why));
        return false;
}

/* --- a lane --- */
bool tb_attrs_opened(TbInstance *self, TbAttrs *attrs_take)
{
        TbAttrsLane *lane = (TbAttrsLane *)self;
        lane->gone = false;
        lane->attrs = attrs_take;
        return attrs_take != NULL;
}

void tb_attrs_close(TbInstance *self)
{
        g_clear_pointer(&((TbAttrsLane *)self)->attrs, tb_attrs_free);
}

bool tb_attrs_sample(TbInstance *self, TbIo *io, GError **error)
{
        TbAttrsLane *lane = (TbAttrsLane *)self;
        GError *why = NULL;
        if (tb_attrs_tell(lane->attrs, self, io, &why))
                return true;
        lane->gone = g_error_matches(why, TB_ERROR, TB_ERROR_GONE);
        g_propagate_error(error, why);
        return false;
}

/* Each sample ends it, so that what it found missing is looked for anew. */
bool tb_attrs_pump(TbInstance *self, TbIo *io, GError **error)
{
        if (((TbAttrsLane *)self)->gone) {
                tb_set_error(error, TB_ERROR_GONE,
                             "%s: the sensors are gone: unplugged, or their driver was unloaded",
                             self->uri->shown);
                return false;
        }
        (void)tb_io_wait(io, NULL, 0, -1);
        return true;
}

const TbSensorOps tb_attrs_sensors = {.interval_ms = 2000, .sample = tb_attrs_sample};
