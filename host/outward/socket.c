#include "host/outward/socket.h"

#include <string.h>

#include "host/outward/wire.h"
#include "lib/http/ws_handshake.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define GOING_AWAY 1001
#define KEEP (64 * 1024) /* bytes of an empty queue that are kept for the next */

typedef struct Flush Flush;

struct TbOutSocket {
        guint refs; /* its owner, and a turn that is under way */
        GIOStream *stream;
        const TbOutSocketOps *ops; /* NULL: it has ended, or its owner has gone */
        gpointer data;
        TbWire wire;
        GByteArray *in; /* owned: bytes of frames that are not taken yet */
        gsize in_at;    /* of them taken */
        GByteArray *out;
        gsize out_at;   /* bytes of it that are sent */
        gsize offered;  /* bytes that TLS was given and did not take: it wants the same again; 0: none */
        gsize pong_end; /* where in `out` the last pong ends; 0: none is in it */
        GBytes *pong;   /* owned: the latest ping's payload that waits for the one in `out`; NULL */
        GSource *flush, *readable, *writable; /* ref; NULL */
        guint again;                          /* source: the next turn of what is read already */
        GError *broken;                       /* owned: what writing said; NULL */
        bool held;
};

struct Flush {
        GSource source;
        TbOutSocket *socket; /* borrowed */
};

static void drop_source(GSource **source)
{
        if (*source)
                g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
}

static void stop(TbOutSocket *s)
{
        drop_source(&s->flush);
        drop_source(&s->readable);
        drop_source(&s->writable);
        g_clear_handle_id(&s->again, g_source_remove);
        s->ops = NULL;
}

static void unref(TbOutSocket *s)
{
        if (--s->refs > 0)
                return;
        g_byte_array_unref(s->in);
        g_byte_array_unref(s->out);
        g_clear_pointer(&s->pong, g_bytes_unref);
        g_clear_error(&s->broken);
        tb_wire_clear(&s->wire);
        g_object_unref(s->stream);
        g_free(s);
}

/* A callback of its runs a loop of its own: what lies in `in` is in use. */
static bool is_in_turn(const TbOutSocket *s)
{
        return s->refs > 1;
}

/* --- out --- */
gsize tb_out_socket_queued(const TbOutSocket *s)
{
        return s->out->len - s->out_at;
}

static void put(TbOutSocket *s, TbWireKind kind, const void *bytes, gsize size)
{
        if (s->out_at == s->out->len) {
                g_byte_array_set_size(s->out, 0);
                s->out_at = s->pong_end = 0;
        } else if (s->out_at > s->out->len / 2 && !s->offered) {
                g_byte_array_remove_range(s->out, 0, (guint)s->out_at);
                s->pong_end -= MIN(s->pong_end, s->out_at);
                s->out_at = 0;
        }
        tb_wire_put(&s->wire, s->out, kind, bytes, size);
}

/* One pong at most stands in the queue; the next waits beside it, where a later one replaces it (RFC 6455, 5.5.3). */
static void place_pong(TbOutSocket *s)
{
        if (!s->pong || s->pong_end > s->out_at)
                return;
        g_autoptr(GBytes) pong = g_steal_pointer(&s->pong);
        gsize size;
        const void *bytes = g_bytes_get_data(pong, &size);
        put(s, TB_WIRE_PONG, bytes, size);
        s->pong_end = s->out->len;
}

static void all_sent(TbOutSocket *s)
{
        if (s->out->len > KEEP) { /* the memory of a crowd is not kept for ever */
                g_byte_array_unref(s->out);
                s->out = g_byte_array_new();
        }
        g_byte_array_set_size(s->out, 0);
        s->out_at = s->pong_end = 0;
        place_pong(s);
}

/* False: the rest has to wait for the kernel, or the stream is broken. */
static bool write_all(TbOutSocket *s)
{
        GPollableOutputStream *to = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(s->stream));
        while (!s->broken && s->out_at < s->out->len) {
                gsize size = s->offered ? s->offered : s->out->len - s->out_at;
                gssize n = g_pollable_output_stream_write_nonblocking(to, s->out->data + s->out_at, size,
                                                                      NULL, &s->broken);
                if (n <= 0) {
                        s->offered = size;
                        return false;
                }
                s->offered = 0;
                s->out_at += (gsize)n;
                if (s->out_at == s->out->len)
                        all_sent(s);
        }
        return !s->broken;
}

static bool would_block(const TbOutSocket *s)
{
        return !s->broken || g_error_matches(s->broken, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

/* Ends it and tells its owner, who may free it. */
static void end(TbOutSocket *s, const char *reason)
{
        const TbOutSocketOps *ops = s->ops;
        gpointer data = s->data;
        if (!ops)
                return;
        stop(s);
        ops->closed(reason, data);
}

static gboolean on_writable(GObject *stream G_GNUC_UNUSED, gpointer data)
{
        TbOutSocket *s = data;
        drop_source(&s->writable); /* the flush goes on in the next round */
        return G_SOURCE_REMOVE;
}

/* At the beginning of each round of the loop, which is the end of the one before. */
static gboolean flush_prepare(GSource *source, gint *ret_ms)
{
        TbOutSocket *s = ((Flush *)source)->socket;
        *ret_ms = -1;
        return !s->writable && !write_all(s);
}

static gboolean flush_check(GSource *source G_GNUC_UNUSED)
{
        return FALSE;
}

static gboolean flush_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                               gpointer data G_GNUC_UNUSED)
{
        TbOutSocket *s = ((Flush *)source)->socket;
        if (!would_block(s)) {
                end(s, "the connection ended");
                return G_SOURCE_REMOVE;
        }
        g_clear_error(&s->broken);
        s->writable = g_pollable_output_stream_create_source(
                G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(s->stream)), NULL);
        g_source_set_callback(s->writable, G_SOURCE_FUNC(on_writable), s, NULL);
        g_source_attach(s->writable, NULL);
        return G_SOURCE_CONTINUE;
}

void tb_out_socket_send(TbOutSocket *s, bool binary, const void *bytes, gsize size)
{
        tb_assert_main();
        put(s, binary ? TB_WIRE_BINARY : TB_WIRE_TEXT, bytes, size);
}

static void put_close(TbOutSocket *s, int code, const char *reason)
{
        char text[2 + 124];
        text[0] = (char)(code >> 8);
        text[1] = (char)code;
        put(s, TB_WIRE_CLOSE, text, 2 + tb_ws_close_reason(reason, text + 2));
        write_all(s); /* what the kernel does not take now is lost with the connection */
}

/* --- in --- */
static void take_close(TbOutSocket *s, const TbWireFrame *frame)
{
        g_autofree char *said = g_strndup((const char *)frame->bytes, frame->size);
        g_autofree char *why = frame->code == 1005 ? g_strdup("the connection ended")
                               : *said ? g_strdup_printf("closed by the server: %s (%d)", said, frame->code)
                                       : g_strdup_printf("closed by the server (%d)", frame->code);
        put_close(s, frame->code == 1005 ? 1000 : frame->code, NULL);
        end(s, why);
}

static void take_frame(TbOutSocket *s, const TbWireFrame *frame)
{
        switch (frame->kind) {
        case TB_WIRE_PART:
        case TB_WIRE_PONG: break;
        case TB_WIRE_TEXT:
        case TB_WIRE_BINARY:
                s->ops->message(frame->kind == TB_WIRE_BINARY, frame->bytes, frame->size, s->data);
                break;
        case TB_WIRE_PING:
                g_clear_pointer(&s->pong, g_bytes_unref);
                s->pong = g_bytes_new(frame->bytes, frame->size);
                place_pong(s);
                break;
        case TB_WIRE_CLOSE: take_close(s, frame); break;
        }
}

static void refuse(TbOutSocket *s, int code)
{
        const char *why = code == 1009 ? "a message of the server is larger than it may be"
                                       : "what came is no WebSocket of a server";
        put_close(s, code, why);
        end(s, why);
}

static gboolean on_again(gpointer data);

/* A turn's worth of the frames that are here. */
static void take_turn(TbOutSocket *s)
{
        gint64 until_us = g_get_monotonic_time() + TB_LIMIT_LINK_TURN_US;
        TbWireFrame frame;
        gssize n = 0;
        s->refs++;
        for (guint frames = 0; s->ops && !s->held; frames++) {
                if (frames == TB_LIMIT_LINK_TURN_FRAMES || g_get_monotonic_time() >= until_us) {
                        if (!s->again)
                                s->again = g_idle_add_full(G_PRIORITY_DEFAULT, on_again, s, NULL);
                        break;
                }
                n = tb_wire_take(&s->wire, s->in->data + s->in_at, s->in->len - s->in_at, &frame);
                if (n <= 0)
                        break;
                s->in_at += (gsize)n;
                take_frame(s, &frame);
        }
        g_byte_array_remove_range(s->in, 0, (guint)s->in_at);
        s->in_at = 0;
        if (s->ops && s->ops->turned)
                s->ops->turned(s->data);
        if (n < 0 && s->ops)
                refuse(s, frame.code);
        unref(s);
}

static gboolean on_again(gpointer data)
{
        TbOutSocket *s = data;
        if (is_in_turn(s))
                return G_SOURCE_CONTINUE;
        s->again = 0;
        take_turn(s);
        return G_SOURCE_REMOVE;
}

static gboolean on_readable(GObject *stream, gpointer data)
{
        TbOutSocket *s = data;
        g_autoptr(GError) error = NULL;
        guint had = s->in->len;
        if (s->again || is_in_turn(s))
                return G_SOURCE_CONTINUE; /* what is here comes first */
        g_byte_array_set_size(s->in, had + TB_LIMIT_LINK_TURN_IN);
        gssize n = g_pollable_input_stream_read_nonblocking(
                G_POLLABLE_INPUT_STREAM(stream), s->in->data + had, TB_LIMIT_LINK_TURN_IN, NULL, &error);
        g_byte_array_set_size(s->in, had + (guint)MAX(n, 0));
        if (n > 0)
                take_turn(s);
        else if (n == 0 || !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
                end(s, "the connection ended");
        return G_SOURCE_CONTINUE; /* destroyed where it is not wanted any more */
}

static void read_on(TbOutSocket *s)
{
        s->readable = g_pollable_input_stream_create_source(
                G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(s->stream)), NULL);
        g_source_set_callback(s->readable, G_SOURCE_FUNC(on_readable), s, NULL);
        g_source_attach(s->readable, NULL);
}

void tb_out_socket_hold(TbOutSocket *s, bool held)
{
        if (!s->ops || s->held == held)
                return;
        s->held = held;
        g_clear_handle_id(&s->again, g_source_remove);
        drop_source(&s->readable);
        if (held)
                return;
        read_on(s);
        if (s->in->len > 0)
                s->again = g_idle_add_full(G_PRIORITY_DEFAULT, on_again, s, NULL);
}

/* --- life --- */
TbOutSocket *tb_out_socket_new(GIOStream *stream, gsize max_message, const TbOutSocketOps *ops, gpointer data)
{
        static GSourceFuncs flush = {
                .prepare = flush_prepare, .check = flush_check, .dispatch = flush_dispatch};
        tb_assert_main();
        TbOutSocket *s = g_new0(TbOutSocket, 1);
        s->refs = 1;
        s->stream = g_object_ref(stream);
        s->ops = ops;
        s->data = data;
        s->in = g_byte_array_new();
        s->out = g_byte_array_new();
        tb_wire_init(&s->wire, max_message);
        s->flush = g_source_new(&flush, sizeof(Flush));
        ((Flush *)s->flush)->socket = s;
        g_source_set_priority(s->flush, G_PRIORITY_HIGH);
        g_source_attach(s->flush, NULL);
        read_on(s);
        return s;
}

void tb_out_socket_free(TbOutSocket *s)
{
        if (!s)
                return;
        if (s->ops)
                put_close(s, GOING_AWAY, NULL);
        stop(s);
        unref(s);
}
