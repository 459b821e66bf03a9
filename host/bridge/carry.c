#include "host/bridge/carry.h"

#include <libsoup/soup.h>
#include <string.h>

#include "host/bridge/carry_asked.h"
#include "host/bridge/carry_line.h"
#include "host/bridge/carry_tunnel.h"
#include "host/bridge/message.h"
#include "host/core/ceiling.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

struct TbCarry {
        TbCore *core;          /* borrowed */
        const TbCarryOps *ops; /* static */
        gpointer data;
        TbHttp *http;        /* owned */
        TbAuth *auth;        /* ref: of `http` */
        TbCarryLines *lines; /* owned */
        TbMux *mux;          /* owned */
        TbPoller *poller;    /* borrowed */
        GByteArray *out;     /* owned: whole frames that wait for the end of the poller's round */
        guint gathers;       /* those who say what belongs together */
        bool in_turn;        /* what was received belongs together, too */
        guint flying;        /* calls whose callback is to come, cancelled ones too */
};

typedef struct Call {
        TbCarry *carry;        /* borrowed */
        TbMuxStream *stream;   /* valid until it is closed */
        TbCarryAsked *asked;   /* of a request that needs no connection; NULL */
        TbCarryLine *line;     /* of one that does; NULL */
        TbCarryTunnel *tunnel; /* owned: of a WebSocket; NULL */
        SoupMessage *message;  /* ref: of a WebSocket; NULL */
        char *token;           /* owned: good for this WebSocket alone; NULL: none was made */
} Call;

static bool flush(TbCarry *carry)
{
        if (carry->out->len == 0)
                return true;
        g_autoptr(GByteArray) message = g_steal_pointer(&carry->out);
        carry->out = g_byte_array_new();
        return carry->ops->send(message->data, message->len, carry->data);
}

static bool is_gathering(const TbCarry *carry)
{
        return carry->in_turn || carry->gathers > 0 || tb_poller_is_calling(carry->poller);
}

static void flush_if_all(TbCarry *carry)
{
        if (!is_gathering(carry))
                flush(carry);
}

static void call_free(Call *call)
{
        if (call->stream)
                tb_mux_set_user(call->stream, NULL);
        tb_carry_tunnel_free(call->tunnel);
        if (call->token)
                tb_auth_remove(call->carry->auth, call->token);
        g_clear_object(&call->message);
        call->carry->flying--;
        g_free(call->token);
        g_free(call);
}

/* The line or the tunnel has ended, and has let go of the stream. */
static void on_ended(gpointer data)
{
        Call *call = data;
        call->stream = NULL;
        call_free(call);
}

/* --- WebSockets --- */
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
        const char *name;
        json_t *value;
        json_object_foreach (request->headers, name, value)
                soup_message_headers_replace(headers, name, json_string_value(value));
        g_autofree char *bearer = g_strdup_printf("Bearer %s", token);
        soup_message_headers_replace(headers, "Authorization", bearer);
        return message;
}

/* By a token that is this person's, for this socket, with no more than what the configuration lets through. */
static bool open_tunnel(Call *call, const TbBridgeMessage *request, const char *user, TbRole role,
                        GError **error)
{
        TbCarry *carry = call->carry;
        call->token = tb_random_token(32);
        tb_auth_add(carry->auth, user, call->token, role, NULL);
        call->message = build(carry, request, call->token, error);
        if (!call->message)
                return false;
        call->tunnel = tb_carry_tunnel_new(call->stream, tb_http_port(carry->http), call->message,
                                           request->protocols, on_ended, call);
        return true;
}

/* --- streams --- */
static void gather(bool begins, gpointer data)
{
        TbCarry *carry = ((Call *)data)->carry;
        carry->gathers += begins ? 1 : -1;
        flush_if_all(carry);
}

static const TbCarryAskedOps asked_ops = {.gather = gather, .ended = on_ended};

/* True: it is answered, or will be. */
static bool ask(Call *call, const TbBridgeMessage *request, const char *user, TbRole role)
{
        bool done;
        call->asked = tb_carry_asked_new(call->carry->http, call->stream, request, user, role, &asked_ops,
                                         call, &done);
        if (done)
                on_ended(call);
        return done || call->asked;
}

static void on_opened(TbMuxStream *stream, const guint8 *head, gsize size, bool end, gpointer data)
{
        TbCarry *carry = data;
        g_autoptr(GError) error = NULL;
        g_auto(TbBridgeMessage) m = {0};
        /* A stream that was reset is gone at once, its call only when it has ended: calls count, not streams. */
        if (tb_bridge_parse_request(head, size, &m, &error) && carry->flying >= TB_LIMIT_LINK_STREAMS)
                tb_set_error(&error, TB_ERROR_LIMIT, "%u requests of the server are under way here already",
                             carry->flying);
        if (error) {
                tb_carry_refuse(stream, m.request_id, error);
                return;
        }
        g_autofree char *user = tb_via_server_user(m.user, NULL);
        TbRole role = tb_via_server_role(carry->core, m.role);
        Call *call = g_new0(Call, 1);
        call->carry = carry;
        call->stream = stream;
        carry->flying++;
        tb_mux_set_user(stream, call);
        bool reads = strcmp(m.method, "GET") == 0 || strcmp(m.method, "HEAD") == 0;
        if (m.websocket && !end)
                open_tunnel(call, &m, user, role, &error);
        else if (!reads || !end || !ask(call, &m, user, role))
                call->line =
                        tb_carry_line_new(carry->lines, stream, &m, user, role, end, on_ended, call, &error);
        if (!error)
                return;
        call_free(call);
        tb_carry_refuse(stream, m.request_id, error);
}

static void on_data(TbMuxStream *stream, const guint8 *bytes, gsize size, bool end,
                    gpointer data G_GNUC_UNUSED)
{
        Call *call = tb_mux_user(stream);
        if (call && call->tunnel)
                tb_carry_tunnel_data(call->tunnel, bytes, size, end);
        else if (call && call->line)
                tb_carry_line_data(call->line, bytes, size, end);
        else
                tb_mux_consumed(stream, size); /* answered already: the rest is of no use */
}

static void on_writable(TbMuxStream *stream, gpointer data G_GNUC_UNUSED)
{
        Call *call = tb_mux_user(stream);
        if (call && call->tunnel)
                tb_carry_tunnel_writable(call->tunnel);
        else if (call && call->asked)
                tb_carry_asked_writable(call->asked);
        else if (call)
                tb_carry_line_writable(call->line);
}

static void on_closed(TbMuxStream *stream, const char *reason G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        Call *call = tb_mux_user(stream);
        if (!call)
                return;
        call->stream = NULL;
        if (call->tunnel)
                tb_carry_tunnel_abandon(
                        call->tunnel); /* it frees the call, now or when nothing is under way */
        else if (call->asked)
                tb_carry_asked_abandon(call->asked);
        else
                tb_carry_line_abandon(call->line); /* it frees the call */
}

static void on_round(gpointer data)
{
        flush(data);
}

/* What is answered in one round of the poller, or to one message of the server, goes as one message of the link. */
static bool line_send(const void *bytes, gsize size, gpointer data)
{
        TbCarry *carry = data;
        bool gathers = is_gathering(carry);
        if ((!gathers || carry->out->len + size > TB_LIMIT_LINK_LINE) && !flush(carry))
                return false;
        if (!gathers)
                return carry->ops->send(bytes, size, carry->data);
        g_byte_array_append(carry->out, bytes, (guint)size);
        return true;
}

static gsize line_room(gpointer data)
{
        TbCarry *carry = data;
        gsize room = carry->ops->room(carry->data);
        return room > carry->out->len ? room - carry->out->len : 0;
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
        carry->in_turn = true;
        if (!tb_mux_receive(carry->mux, bytes, size, &error))
                line_broken(error, carry);
}

void tb_carry_turned(TbCarry *carry)
{
        carry->in_turn = false;
        flush_if_all(carry);
}

void tb_carry_pump(TbCarry *carry)
{
        carry->gathers++;
        tb_mux_pump(carry->mux);
        carry->gathers--;
        flush_if_all(carry);
}

void tb_carry_lost(TbCarry *carry)
{
        tb_mux_reset_all(carry->mux, "the link was lost");
        g_byte_array_set_size(carry->out, 0);
        carry->in_turn = false;
}

/* --- life --- */
TbCarry *tb_carry_new(TbCore *core, TbPoller *poller, const char *version, const TbCarryOps *ops,
                      gpointer data, GError **error)
{
        g_autoptr(TbCarry) carry = g_new0(TbCarry, 1);
        carry->core = core;
        carry->ops = ops;
        carry->data = data;
        carry->poller = poller;
        carry->out = g_byte_array_new();
        carry->mux = tb_mux_new(&mux_ops, carry);
        tb_poller_hook(poller, on_round, carry);
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
        carry->lines = tb_carry_lines_new(carry->http, poller);
        return g_steal_pointer(&carry);
}

void tb_carry_free(TbCarry *carry)
{
        if (!carry)
                return;
        tb_carry_lost(carry);
        while (carry->flying) /* every one is cancelled: this takes a turn or two of the loop */
                g_main_context_iteration(NULL, TRUE);
        tb_poller_unhook(carry->poller, carry);
        tb_carry_lines_free(carry->lines);
        tb_http_free(carry->http);
        tb_auth_unref(carry->auth);
        tb_mux_free(carry->mux);
        g_byte_array_unref(carry->out);
        g_free(carry);
}

TbHttp *tb_carry_http(TbCarry *carry)
{
        return carry->http;
}
