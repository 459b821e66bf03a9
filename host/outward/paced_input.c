#include "host/outward/paced_input.h"

#include "lib/limits.h"

struct _TbPacedInput {
        GFilterInputStream parent;
        gsize left; /* of this turn */
        bool held;
};

typedef struct Gate { /* ready as soon as the stream is not held any more */
        GSource source;
        const TbPacedInput *input; /* borrowed: the source that this is a child of has a ref */
} Gate;

static void pollable_init(GPollableInputStreamInterface *iface);

G_DEFINE_TYPE_WITH_CODE(TbPacedInput, tb_paced_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM, pollable_init))

static GPollableInputStream *base_of(GPollableInputStream *stream)
{
        return G_POLLABLE_INPUT_STREAM(g_filter_input_stream_get_base_stream(G_FILTER_INPUT_STREAM(stream)));
}

static gboolean can_poll(GPollableInputStream *stream)
{
        return g_pollable_input_stream_can_poll(base_of(stream));
}

static gboolean is_readable(GPollableInputStream *stream)
{
        const TbPacedInput *input = TB_PACED_INPUT(stream);
        return !input->held && input->left > 0 && g_pollable_input_stream_is_readable(base_of(stream));
}

static gssize read_nonblocking(GPollableInputStream *stream, void *buffer, gsize size, GError **error)
{
        TbPacedInput *input = TB_PACED_INPUT(stream);
        if (input->held || input->left == 0) {
                /* what a GPollableInputStream has to say */
                g_propagate_error(error, g_error_new_literal(G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "wait"));
                return -1;
        }
        gssize n = g_pollable_input_stream_read_nonblocking(base_of(stream), buffer, MIN(size, input->left),
                                                            NULL, error);
        input->left -= (gsize)MAX(n, 0);
        return n;
}

static gboolean gate_prepare(GSource *source, gint *ret_ms)
{
        *ret_ms = -1;
        return !((Gate *)source)->input->held;
}

static gboolean gate_check(GSource *source)
{
        return !((Gate *)source)->input->held;
}

static gboolean gate_dispatch(GSource *source G_GNUC_UNUSED, GSourceFunc callback G_GNUC_UNUSED,
                              gpointer data G_GNUC_UNUSED)
{
        return G_SOURCE_CONTINUE; /* its parent is what somebody waits for */
}

static gboolean nothing(gpointer data G_GNUC_UNUSED)
{
        return G_SOURCE_CONTINUE;
}

/* Who waits for more has ended a turn; the next one begins. */
static GSource *create_source(GPollableInputStream *stream, GCancellable *cancel)
{
        static GSourceFuncs gate = {.prepare = gate_prepare,
                                    .check = gate_check,
                                    .dispatch = gate_dispatch,
                                    .closure_callback =
                                            nothing}; /* GLib gives it a callback that is never called */
        TbPacedInput *input = TB_PACED_INPUT(stream);
        input->left = TB_LIMIT_LINK_TURN_IN;
        g_autoptr(GSource) child = NULL;
        if (input->held) {
                child = g_source_new(&gate, sizeof(Gate));
                ((Gate *)child)->input = input;
        } else {
                child = g_pollable_input_stream_create_source(base_of(stream), NULL);
        }
        return g_pollable_source_new_full(stream, child, cancel);
}

static void pollable_init(GPollableInputStreamInterface *iface)
{
        iface->can_poll = can_poll;
        iface->is_readable = is_readable;
        iface->create_source = create_source;
        iface->read_nonblocking = read_nonblocking;
}

static void tb_paced_input_class_init(TbPacedInputClass *class G_GNUC_UNUSED)
{
}

static void tb_paced_input_init(TbPacedInput *input G_GNUC_UNUSED)
{
}

TbPacedInput *tb_paced_input_new(GInputStream *base)
{
        TbPacedInput *input = g_object_new(tb_paced_input_get_type(), "base-stream", base, NULL);
        input->left = TB_LIMIT_LINK_TURN_IN;
        return input;
}

void tb_paced_input_hold(TbPacedInput *input, bool held)
{
        input->held = held;
}
