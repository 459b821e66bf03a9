#include "host/uplink/paced.h"

#define STEPS 20 /* pieces of a second's bytes: so the line is even, and an end comes soon */
#define LEAST 512

typedef struct Paced {
        GFilterInputStream parent;
        gsize per_s; /* bytes; 0: no limit */
        gint64 begun_us;
        guint64 read; /* since then */
        void (*progress)(void *data, gint64 bytes);
        void *data; /* borrowed from who made it */
} Paced;

typedef struct PacedClass {
        GFilterInputStreamClass parent;
} PacedClass;

static GType paced_get_type(void);
G_DEFINE_TYPE(Paced, paced, G_TYPE_FILTER_INPUT_STREAM)

/* Until what was read may have gone, or an end comes. */
static bool wait_turn(Paced *p, GCancellable *cancel, GError **error)
{
        gint64 due_us = p->begun_us + (gint64)(p->read * G_USEC_PER_SEC / p->per_s), left_us;
        GPollFD end = {.fd = -1};
        bool can_end = cancel && g_cancellable_make_pollfd(cancel, &end);
        while ((left_us = due_us - g_get_monotonic_time()) > 0 && !g_cancellable_is_cancelled(cancel))
                g_poll(&end, can_end ? 1 : 0, (gint)MIN(left_us / 1000 + 1, 60000));
        if (can_end)
                g_cancellable_release_fd(cancel);
        return !g_cancellable_set_error_if_cancelled(cancel, error);
}

static gssize read_some(GInputStream *stream, void *to, gsize size, GCancellable *cancel, GError **error)
{
        Paced *p = (Paced *)stream;
        if (p->per_s > 0) {
                if (!wait_turn(p, cancel, error))
                        return -1;
                size = MIN(size, MAX(p->per_s / STEPS, LEAST));
        }
        gssize n = g_input_stream_read(p->parent.base_stream, to, size, cancel, error);
        if (n > 0) {
                p->read += (guint64)n;
                p->progress(p->data, n);
        }
        return n;
}

static void paced_init(Paced *p)
{
        p->begun_us = g_get_monotonic_time();
}

static void paced_class_init(PacedClass *class)
{
        G_INPUT_STREAM_CLASS(class)->read_fn = read_some;
}

GInputStream *tb_paced_open(const char *path, guint kbps, void (*progress)(void *data, gint64 bytes),
                            void *data, gint64 *ret_size, GError **error)
{
        g_autoptr(GFile) file = g_file_new_for_path(path);
        g_autoptr(GFileInputStream) base = g_file_read(file, NULL, error);
        g_autoptr(GFileInfo) info =
                base ? g_file_input_stream_query_info(base, G_FILE_ATTRIBUTE_STANDARD_SIZE, NULL, error)
                     : NULL;
        if (!info)
                return NULL;
        *ret_size = g_file_info_get_size(info);
        Paced *p = g_object_new(paced_get_type(), "base-stream", base, NULL);
        p->per_s = (gsize)kbps * 1000 / 8;
        p->progress = progress;
        p->data = data;
        return G_INPUT_STREAM(p);
}
