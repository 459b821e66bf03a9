#include "host/bridge/carry.h"

#include <libsoup/soup.h>
#include <string.h>

#include "host/bridge/carry_body.h"
#include "host/bridge/carry_tunnel.h"
#include "host/bridge/message.h"
#include "host/core/ceiling.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/thread.h"

struct TbCarry {
        TbCore *core;          /* borrowed */
        const TbCarryOps *ops; /* static */
        gpointer data;
        TbHttp *http;         /* owned */
        TbAuth *auth;         /* ref: of `http` */
        SoupSession *session; /* ref */
        TbMux *mux;           /* owned */
        guint flying;         /* calls whose callback is to come, cancelled ones too */
};

typedef struct Call {
        TbCarry *carry;        /* borrowed */
        TbMuxStream *stream;   /* valid until it is closed; NULL: nobody waits, say nothing */
        SoupMessage *message;  /* ref */
        GInputStream *answer;  /* ref; NULL: none yet */
        GCancellable *cancel;  /* ref */
        TbCarryBody *body;     /* owned: what the client sends; NULL: nothing */
        TbCarryTunnel *tunnel; /* owned: of a WebSocket; NULL: it is a request */
        char *token;           /* owned: good for this request alone */
        bool waiting;          /* for room on the stream */
        bool answered;         /* the head was sent */
} Call;

static void read_more(Call *call);

static void call_free(Call *call)
{
        if (call->stream)
                tb_mux_set_user(call->stream, NULL);
        tb_carry_body_free(call->body);
        tb_carry_tunnel_free(call->tunnel);
        tb_auth_remove(call->carry->auth, call->token);
        g_clear_object(&call->answer);
        g_object_unref(call->message);
        g_object_unref(call->cancel);
        call->carry->flying--;
        g_free(call->token);
        g_free(call);
}

/* --- answers --- */
/* What tells something to the other side; connection-level headers and those of our own loopback stay here.
 */
static json_t *answer_headers(SoupMessage *message)
{
        static const char *const wanted[] = {"content-type",  "x-request-id",  "content-disposition",
                                             "location",      "retry-after",   "etag",
                                             "cache-control", "last-modified", "content-length",
                                             "allow",         "accept-patch",  "accept-post",
                                             "link",          "x-next-offset", "x-end-offset",
                                             "x-taken-at",    "x-file-mode",   "upgrade"};
        json_t *headers = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const char *value =
                        soup_message_headers_get_list(soup_message_get_response_headers(message), wanted[i]);
                json_t *text = value ? json_string(value) : NULL; /* NULL as well when it is no UTF-8 */
                if (text)
                        json_object_set_new(headers, wanted[i], text);
        }
        return headers;
}

static bool send_head(TbMuxStream *stream, int status, json_t *headers_take, bool end)
{
        gsize size;
        json_auto_t *head = json_pack("{s:i, s:o}", "status", status, "headers", headers_take);
        g_autofree char *text = tb_json_text(head, &size);
        return tb_mux_answer(stream, text, size, end); /* not without a text */
}

static void refuse(TbMuxStream *stream, const GError *error)
{
        gsize size;
        json_auto_t *problem = tb_error_to_problem(error, NULL);
        g_autofree char *text = tb_json_text(problem, &size);
        json_t *headers = json_pack("{s:s}", "content-type", "application/problem+json");
        if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT))
                json_object_set_new(headers, "retry-after", json_string("1"));
        send_head(stream, tb_error_status(error), headers, false);
        tb_mux_write(stream, text, MIN(size, TB_LIMIT_STREAM_QUEUE), true);
}

/* The end of a call that somebody still waits for. */
static void fail(Call *call, const char *cause)
{
        TbMuxStream *stream = g_steal_pointer(&call->stream);
        tb_mux_set_user(stream, NULL);
        if (call->answered) { /* too late for a status: the body ends short */
                tb_mux_reset(stream, cause);
        } else {
                g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                                      "the host's own route did not answer: %s", cause);
                refuse(stream, error);
        }
        call_free(call);
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
        Call *call = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &error);
        if (!call->stream) {
                call_free(call);
        } else if (!bytes) {
                fail(call, error->message);
        } else if (g_bytes_get_size(bytes) == 0) {
                TbMuxStream *stream = g_steal_pointer(&call->stream);
                tb_mux_set_user(stream, NULL);
                tb_mux_write(stream, NULL, 0, true);
                call_free(call);
        } else {
                gsize size;
                const void *piece = g_bytes_get_data(bytes, &size);
                tb_mux_write(call->stream, piece, size, false); /* takes it: no more was read than it takes */
                read_more(call);
        }
}

static void read_more(Call *call)
{
        gsize room = tb_mux_writable(call->stream);
        call->waiting = room == 0;
        if (room > 0)
                g_input_stream_read_bytes_async(call->answer, MIN(room, TB_LIMIT_LINK_CHUNK),
                                                G_PRIORITY_DEFAULT, call->cancel, on_read, call);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
        Call *call = data;
        g_autoptr(GError) error = NULL;
        call->answer = soup_session_send_finish(SOUP_SESSION(source), result, &error);
        if (!call->stream) {
                call_free(call);
                return;
        }
        if (!call->answer) {
                fail(call, error->message);
                return;
        }
        int status = (int)soup_message_get_status(call->message);
        bool bare = status == SOUP_STATUS_NO_CONTENT || status == SOUP_STATUS_NOT_MODIFIED ||
                    soup_message_get_method(call->message) == SOUP_METHOD_HEAD;
        if (!send_head(call->stream, status, answer_headers(call->message), bare)) {
                fail(call, "its headers are too large, or no text");
                return;
        }
        call->answered = true;
        if (bare)
                call_free(call);
        else
                read_more(call);
}

/* --- requests --- */
static void add_headers(SoupMessageHeaders *to, const TbBridgeMessage *request)
{
        static const char *const wanted[] = {"accept",        "content-type", "x-lease",
                                             "last-event-id", "range",        "if-none-match",
                                             "if-match",      "x-request-id", "x-forwarded-prefix"};
        const char *name;
        json_t *value;
        json_object_foreach (request->headers, name, value) {
                g_autofree char *lower = g_ascii_strdown(name, -1);
                const char *text = json_string_value(value);
                for (gsize i = 0; text && i < G_N_ELEMENTS(wanted); i++)
                        if (strcmp(lower, wanted[i]) == 0 && strlen(text) <= TB_LIMIT_URI &&
                            !strpbrk(text, "\r\n"))
                                soup_message_headers_replace(to, wanted[i], text);
        }
}

static SoupMessage *build(TbCarry *carry, const TbBridgeMessage *request, const char *token, GError **error)
{
        g_autofree char *url =
                g_strdup_printf("http://127.0.0.1:%u%s", tb_http_port(carry->http), request->path);
        SoupMessage *message = soup_message_new(request->method, url);
        if (!message) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "the path is malformed");
                return NULL;
        }
        SoupMessageHeaders *headers = soup_message_get_request_headers(message);
        add_headers(headers, request);
        g_autofree char *bearer = g_strdup_printf("Bearer %s", token);
        soup_message_headers_replace(headers, "Authorization", bearer);
        soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
        return message;
}

/* A token that is this person's, for this request, with no more than what the configuration lets through. */
static char *mint(TbCarry *carry, const TbBridgeMessage *request)
{
        char *token = tb_random_token(32);
        g_autofree char *user = tb_via_server_user(request->user, NULL);
        tb_auth_add(carry->auth, user, token, tb_via_server_role(carry->core, request->role), NULL);
        return token;
}

static Call *call_new(TbCarry *carry, TbMuxStream *stream, SoupMessage *message_take, char *token_take)
{
        Call *call = g_new0(Call, 1);
        call->carry = carry;
        call->stream = stream;
        call->message = message_take;
        call->token = token_take;
        call->cancel = g_cancellable_new();
        carry->flying++;
        tb_mux_set_user(stream, call);
        return call;
}

static void on_tunnel_ended(gpointer data)
{
        Call *call = data;
        call->stream = NULL;
        call_free(call);
}

static void start(TbCarry *carry, TbMuxStream *stream, SoupMessage *message_take, char *token_take,
                  TbCarryBody *body_take, GInputStream *from, gint64 length)
{
        Call *call = call_new(carry, stream, message_take, token_take);
        call->body = body_take;
        if (from) {
                /* a copy: the call replaces the header that we read */
                g_autofree char *type = g_strdup(soup_message_headers_get_one(
                        soup_message_get_request_headers(message_take), "content-type"));
                soup_message_set_request_body(message_take, type, from, (gssize)length);
                /* a refusal comes in place of the body: one that came in the midst of it would be lost with the connection */
                soup_message_headers_set_expectations(soup_message_get_request_headers(message_take),
                                                      SOUP_EXPECTATION_CONTINUE);
                /* a body cannot be sent twice: on no connection that may be closed already */
                soup_message_add_flags(message_take, SOUP_MESSAGE_NEW_CONNECTION);
        }
        soup_session_send_async(carry->session, message_take, G_PRIORITY_DEFAULT, call->cancel, on_answer,
                                call);
}

/* --- streams --- */
static void on_opened(TbMuxStream *stream, const guint8 *head, gsize size, bool end, gpointer data)
{
        TbCarry *carry = data;
        g_autoptr(GError) error = NULL;
        g_auto(TbBridgeMessage) m = {0};
        /* A stream that was reset is gone at once, its call only when it has ended: calls count, not streams. */
        if (carry->flying >= TB_LIMIT_LINK_STREAMS) {
                tb_set_error(&error, TB_ERROR_LIMIT, "%u requests of the server are under way here already",
                             carry->flying);
                refuse(stream, error);
                return;
        }
        if (!tb_bridge_parse_request(head, size, &m, &error)) {
                refuse(stream, error);
                return;
        }
        char *token = mint(carry, &m);
        g_autoptr(GInputStream) from = NULL;
        SoupMessage *message = build(carry, &m, token, &error);
        if (message && m.websocket && !end) {
                Call *call = call_new(carry, stream, message, token);
                call->tunnel = tb_carry_tunnel_new(stream, tb_http_port(carry->http), message, m.protocols,
                                                   on_tunnel_ended, call);
                return;
        }
        TbCarryBody *body = message && !end ? tb_carry_body_new(stream, &from, &error) : NULL;
        if (!error) {
                start(carry, stream, message, token, body, from, m.length);
                return;
        }
        g_clear_object(&message);
        tb_auth_remove(carry->auth, token);
        g_free(token);
        refuse(stream, error);
}

static void on_data(TbMuxStream *stream, const guint8 *bytes, gsize size, bool end,
                    gpointer data G_GNUC_UNUSED)
{
        Call *call = tb_mux_user(stream);
        if (call && call->tunnel)
                tb_carry_tunnel_data(call->tunnel, bytes, size, end);
        else if (call && call->body)
                tb_carry_body_add(call->body, bytes, size, end);
        else
                tb_mux_consumed(stream, size); /* answered already: the rest is of no use */
}

static void on_writable(TbMuxStream *stream, gpointer data G_GNUC_UNUSED)
{
        Call *call = tb_mux_user(stream);
        if (call && call->tunnel)
                tb_carry_tunnel_writable(call->tunnel);
        else if (call && call->waiting)
                read_more(call);
}

static void on_closed(TbMuxStream *stream, const char *reason G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        Call *call = tb_mux_user(stream);
        if (!call)
                return;
        call->stream = NULL;
        if (call->tunnel) {
                tb_carry_tunnel_abandon(
                        call->tunnel); /* it frees the call, now or when nothing is under way */
                return;
        }
        if (call->body)
                tb_carry_body_abandon(call->body);
        if (call->waiting)
                call_free(call);
        else
                g_cancellable_cancel(call->cancel); /* its callback frees it */
}

static bool line_send(const void *bytes, gsize size, gpointer data)
{
        TbCarry *carry = data;
        return carry->ops->send(bytes, size, carry->data);
}

static gsize line_room(gpointer data)
{
        TbCarry *carry = data;
        return carry->ops->room(carry->data);
}

static void line_hold(bool held, gpointer data)
{
        TbCarry *carry = data;
        carry->ops->hold(held, carry->data);
}

static void line_broken(const GError *error, gpointer data)
{
        TbCarry *carry = data;
        carry->ops->broken(error, carry->data);
}

static const TbMuxOps mux_ops = {.send = line_send,
                                 .room = line_room,
                                 .hold = line_hold,
                                 .broken = line_broken,
                                 .opened = on_opened,
                                 .data = on_data,
                                 .writable = on_writable,
                                 .closed = on_closed};

void tb_carry_receive(TbCarry *carry, const guint8 *bytes, gsize size)
{
        g_autoptr(GError) error = NULL;
        if (!tb_mux_receive(carry->mux, bytes, size, &error))
                line_broken(error, carry);
}

void tb_carry_pump(TbCarry *carry)
{
        tb_mux_pump(carry->mux);
}

void tb_carry_lost(TbCarry *carry)
{
        tb_mux_reset_all(carry->mux, "the link was lost");
}

/* --- life --- */
TbCarry *tb_carry_new(TbCore *core, TbPoller *poller, const char *version, const TbCarryOps *ops,
                      gpointer data, GError **error)
{
        g_autoptr(TbCarry) carry = g_new0(TbCarry, 1);
        carry->core = core;
        carry->ops = ops;
        carry->data = data;
        carry->mux = tb_mux_new(&mux_ops, carry);
        carry->auth = tb_auth_new();
        /* one that nobody knows: without any token everybody would be admin */
        g_autofree char *none = tb_random_token(32);
        if (!tb_auth_add(carry->auth, "nobody", none, TB_ROLE_VIEWER, error))
                return NULL;
        const TbHttpOptions options = {.address = "127.0.0.1",
                                       .name = "testbed-host",
                                       .version = version,
                                       .auth = carry->auth,
                                       .poller = poller,
                                       .max_connections = 2 * TB_LIMIT_LINK_STREAMS,
                                       .max_streams = TB_LIMIT_LINK_STREAMS};
        carry->http = tb_http_new(&options, error);
        if (!carry->http)
                return NULL;
        /* our own loopback, with a token: the system's proxy has no part in it */
        carry->session =
                soup_session_new_with_options("proxy-resolver", NULL, "max-conns", 2 * TB_LIMIT_LINK_STREAMS,
                                              "max-conns-per-host", 2 * TB_LIMIT_LINK_STREAMS, NULL);
        soup_session_remove_feature_by_type(carry->session, SOUP_TYPE_CONTENT_DECODER);
        return g_steal_pointer(&carry);
}

void tb_carry_free(TbCarry *carry)
{
        if (!carry)
                return;
        tb_carry_lost(carry);
        while (carry->flying) /* every one is cancelled: this takes a turn or two of the loop */
                g_main_context_iteration(NULL, TRUE);
        if (carry->session) {
                soup_session_abort(carry->session);
                g_object_unref(carry->session);
        }
        tb_http_free(carry->http);
        tb_auth_unref(carry->auth);
        tb_mux_free(carry->mux);
        g_free(carry);
}

TbHttp *tb_carry_http(TbCarry *carry)
{
        return carry->http;
}
