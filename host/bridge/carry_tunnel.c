#include "host/bridge/carry_tunnel.h"

#include <string.h>

#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/json.h"
#include "lib/limits.h"

#define PIECE 16384 /* bytes of one read or write */

struct TbCarryTunnel {
        TbMuxStream *stream; /* borrowed; NULL: gone */
        void (*ended)(gpointer data);
        gpointer data;
        GCancellable *cancel;        /* ref */
        GSocketConnection *io;       /* ref; NULL: not connected yet */
        GByteArray *out;             /* owned: what the listener has not taken; the handshake is in front */
        gsize ours;                  /* bytes in front of `out` that are ours and cost no credit */
        GByteArray *head;            /* owned: the answer's head, while it is not whole; NULL: answered */
        guint under_way;             /* callbacks that are to come */
        bool reading, writing, last; /* last: the client says no more */
        bool done;                   /* the listener says no more */
        bool refused;                /* by an answer with a body */
        goffset left;                /* bytes of that */
        guint8 piece[PIECE];
};

/* Of a callback, at its end: what it does may end the stream. */
static void finish(TbCarryTunnel *t)
{
        if (!t->stream && t->under_way == 0)
                t->ended(t->data);
}

static void fail(TbCarryTunnel *t, const char *reason)
{
        TbMuxStream *stream = g_steal_pointer(&t->stream);
        if (!stream)
                return;
        tb_mux_set_user(stream, NULL);
        tb_mux_reset(stream, reason);
        g_cancellable_cancel(t->cancel);
}

/* --- towards the listener --- */
static void write_more(TbCarryTunnel *t);

static void on_written(GObject *source, GAsyncResult *result, gpointer data)
{
        TbCarryTunnel *t = data;
        g_autoptr(GError) error = NULL;
        gssize n = g_output_stream_write_bytes_finish(G_OUTPUT_STREAM(source), result, &error);
        t->writing = false;
        if (n < 0) {
                fail(t, error->message);
        } else {
                gsize own = MIN((gsize)n, t->ours);
                t->ours -= own;
                g_byte_array_remove_range(t->out, 0, (guint)n);
                if (t->stream)
                        tb_mux_consumed(t->stream, (gsize)n - own);
                write_more(t);
        }
        t->under_way--;
        finish(t);
}

static void write_more(TbCarryTunnel *t)
{
        if (!t->io || !t->stream || t->writing)
                return;
        if (t->out->len > 0) {
                /* a copy: what comes meanwhile may move the rest */
                g_autoptr(GBytes) piece = g_bytes_new(t->out->data, MIN(t->out->len, PIECE));
                t->writing = true;
                t->under_way++;
                g_output_stream_write_bytes_async(g_io_stream_get_output_stream(G_IO_STREAM(t->io)), piece,
                                                  G_PRIORITY_DEFAULT, t->cancel, on_written, t);
        } else if (t->last) {
                g_socket_shutdown(g_socket_connection_get_socket(t->io), FALSE, TRUE, NULL);
        }
}

void tb_carry_tunnel_data(TbCarryTunnel *t, const guint8 *bytes, gsize size, bool end)
{
        t->last |= end;
        g_byte_array_append(t->out, bytes, (guint)size);
        write_more(t);
}

/* --- from the listener --- */
static void read_more(TbCarryTunnel *t);

static bool send_head(TbCarryTunnel *t, guint status, SoupMessageHeaders *headers)
{
        static const char *const wanted[] = {"content-type", "sec-websocket-protocol", "retry-after",
                                             "upgrade"};
        json_t *out = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const char *value = soup_message_headers_get_one(headers, wanted[i]);
                json_t *text = value ? json_string(value) : NULL;
                if (text)
                        json_object_set_new(out, wanted[i], text);
        }
        gsize size;
        json_auto_t *head = json_pack("{s:i, s:o}", "status", (int)status, "headers", out);
        g_autofree char *text = tb_json_text(head, &size);
        return tb_mux_answer(t->stream, text, size, false);
}

/* The head of the answer; what stands behind it is the body, or the first frames. False: it is not whole yet. */
static bool take_head(TbCarryTunnel *t)
{
        static const char blank[] = "\r\n\r\n";
        const guint8 *end = memmem(t->head->data, t->head->len, blank, strlen(blank));
        guint status = 0;
        if (!end) {
                if (t->head->len > TB_LIMIT_LINK_HEAD)
                        fail(t, "the answer's head is too large");
                return false;
        }
        gsize size = (gsize)(end - t->head->data) + strlen(blank);
        SoupMessageHeaders *headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
        g_autofree char *text = g_strndup((const char *)t->head->data, size); /* the library wants an end */
        bool good = soup_headers_parse_response(text, (int)size - 2, headers, NULL, &status, NULL) &&
                    send_head(t, status, headers);
        t->refused = status != 101;
        t->left = soup_message_headers_get_content_length(headers);
        soup_message_headers_unref(headers);
        g_byte_array_remove_range(t->head, 0, (guint)size);
        if (!good)
                fail(t, "the answer's head makes no sense");
        return good;
}

/* Behind the head. The room for it was looked at before it was read. */
static void pass_on(TbCarryTunnel *t, const guint8 *bytes, gsize size, bool end)
{
        if (t->refused) {
                size = MIN(size, (gsize)t->left);
                t->left -= (goffset)size;
                end = t->left == 0; /* the connection stays open */
        }
        tb_mux_write(t->stream, bytes, size, end);
        if (end)
                t->done = true;
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
        TbCarryTunnel *t = data;
        g_autoptr(GError) error = NULL;
        gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);
        t->reading = false;
        if (!t->stream) {
                /* nobody wants it any more */
        } else if (n < 0) {
                fail(t, error->message);
        } else if (t->head) {
                g_byte_array_append(t->head, t->piece, (guint)n);
                if (n == 0) {
                        fail(t, "the host's own route did not answer");
                } else if (take_head(t)) {
                        g_autoptr(GByteArray) rest = g_steal_pointer(&t->head);
                        pass_on(t, rest->data, rest->len, false);
                }
                read_more(t);
        } else {
                pass_on(t, t->piece, (gsize)n, n == 0);
                read_more(t);
        }
        t->under_way--;
        finish(t);
}

static void read_more(TbCarryTunnel *t)
{
        gsize room = !t->stream ? 0 : t->head ? PIECE : tb_mux_writable(t->stream);
        if (!t->io || t->reading || t->done || room == 0)
                return;
        t->reading = true;
        t->under_way++;
        g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(t->io)), t->piece,
                                  MIN(room, PIECE), G_PRIORITY_DEFAULT, t->cancel, on_read, t);
}

void tb_carry_tunnel_writable(TbCarryTunnel *t)
{
        read_more(t);
}

/* --- life --- */
static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
        TbCarryTunnel *t = data;
        g_autoptr(GError) error = NULL;
        t->io = g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(source), result, &error);
        if (!t->io)
                fail(t, error->message);
        write_more(t);
        read_more(t);
        t->under_way--;
        finish(t);
}

static void add_header(const char *name, const char *value, gpointer data)
{
        g_string_append_printf(data, "%s: %s\r\n", name, value);
}

static void handshake(GByteArray *out, guint16 port, SoupMessage *request, const char *protocols)
{
        g_autofree char *nonce = tb_random_token(16);
        g_autofree char *key = g_base64_encode((const guchar *)nonce, 16);
        g_autofree char *target = g_strdup(g_uri_get_path(soup_message_get_uri(request)));
        const char *query = g_uri_get_query(soup_message_get_uri(request));
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_append_printf(text, "GET %s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n", target,
                               query ? "?" : "", query ? query : "", port);
        soup_message_headers_foreach(soup_message_get_request_headers(request), add_header, text);
        add_header("Connection", "Upgrade", text);
        add_header("Upgrade", "websocket", text);
        add_header("Sec-WebSocket-Version", "13", text);
        add_header("Sec-WebSocket-Key", key, text);
        if (protocols)
                add_header("Sec-WebSocket-Protocol", protocols, text);
        g_string_append(text, "\r\n");
        g_byte_array_append(out, (const guint8 *)text->str, (guint)text->len);
}

TbCarryTunnel *tb_carry_tunnel_new(TbMuxStream *stream, guint16 port, SoupMessage *request,
                                   const char *protocols, void (*ended)(gpointer data), gpointer data)
{
        TbCarryTunnel *t = g_new0(TbCarryTunnel, 1);
        /* our own loopback: the system's proxy has no part in it */
        g_autoptr(GSocketClient) client =
                g_object_new(G_TYPE_SOCKET_CLIENT, "enable-proxy", FALSE, "proxy-resolver", NULL, NULL);
        t->stream = stream;
        t->ended = ended;
        t->data = data;
        t->cancel = g_cancellable_new();
        t->out = g_byte_array_new();
        t->head = g_byte_array_new();
        handshake(t->out, port, request, protocols);
        t->ours = t->out->len;
        t->under_way++;
        g_socket_client_connect_to_host_async(client, "127.0.0.1", port, t->cancel, on_connected, t);
        return t;
}

void tb_carry_tunnel_abandon(TbCarryTunnel *t)
{
        t->stream = NULL;
        g_cancellable_cancel(t->cancel);
        finish(t);
}

void tb_carry_tunnel_free(TbCarryTunnel *t)
{
        if (!t)
                return;
        g_clear_object(&t->io);
        g_object_unref(t->cancel);
        g_byte_array_unref(t->out);
        if (t->head)
                g_byte_array_unref(t->head);
        g_free(t);
}
