#include "client/socket.h"

#include <string.h>

#include "client/settings.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"

#define ASK_S 5      /* between two questions whether the other side is there */
#define SILENCE_S 15 /* of the other side: then it is gone */
#define AGAIN_MS 500 /* between two attempts, at first */
#define AGAIN_MAX 5000
#define MESSAGE (4 * 1024 * 1024) /* bytes of one message of a host */

struct TbCliSocket {
        TbCli *cli;                /* borrowed */
        const TbCliDevice *device; /* borrowed */
        const TbCliSocketOps *ops; /* static */
        gpointer data;
        SoupWebsocketConnection *ws; /* ref; NULL: none */
        SoupMessage *message;        /* ref: of an attempt */
        GCancellable *cancel;        /* ref */
        /* owned: of the server's session on the device, which ends by itself ten minutes after we have gone; NULL: not through a server */
        char *session, *token;
        bool open; /* commands can be sent */
        bool was_open, given_up;
        guint retry, alive;       /* sources; 0: none */
        guint attempts;           /* since it was open */
        gint64 heard_ms, lost_ms; /* boot clock */
        double again_s;
        gint64 next;
};

static void attempt(TbCliSocket *s);

static void fail(TbCliSocket *s, GError *error_take)
{
        s->given_up = true;
        s->ops->failed(error_take, s->data);
}

static gboolean on_retry(gpointer data)
{
        TbCliSocket *s = data;
        s->retry = 0;
        attempt(s);
        return G_SOURCE_REMOVE;
}

static void drop_ws(TbCliSocket *s)
{
        g_clear_handle_id(&s->alive, g_source_remove);
        s->open = false;
        if (!s->ws)
                return;
        g_signal_handlers_disconnect_by_data(s->ws, s);
        if (soup_websocket_connection_get_state(s->ws) == SOUP_WEBSOCKET_STATE_OPEN)
                soup_websocket_connection_close(s->ws, SOUP_WEBSOCKET_CLOSE_GOING_AWAY, NULL);
        g_clear_object(&s->ws);
}

/* Only what was open once is tried again: a wrong address is said at once. */
static void lose(TbCliSocket *s, GError *why_take)
{
        g_autoptr(GError) why = why_take;
        bool said = s->lost_ms != 0;
        drop_ws(s);
        if (s->given_up)
                return;
        gint64 now = tb_clock_mono_ms();
        s->lost_ms = said ? s->lost_ms : now;
        if (!s->was_open || now - s->lost_ms > (gint64)(s->again_s * 1000)) {
                fail(s, g_steal_pointer(&why));
                return;
        }
        if (!s->retry)
                s->retry = g_timeout_add(MIN((guint)AGAIN_MS << MIN(s->attempts, 4), AGAIN_MAX), on_retry, s);
        s->attempts++;
        if (!said)
                s->ops->lost(tb_error_detail(why), s->data);
}

static void lose_because(TbCliSocket *s, const char *why)
{
        GError *error = NULL;
        tb_set_error(&error, TB_ERROR_UNAVAILABLE, "%s: %s", s->device->name, why);
        lose(s, error);
}

static gboolean on_alive(gpointer data)
{
        TbCliSocket *s = data;
        if (tb_clock_mono_ms() - s->heard_ms > SILENCE_S * 1000) {
                s->alive = 0;
                lose_because(s, "the other side does not answer");
                return G_SOURCE_REMOVE;
        }
        soup_websocket_connection_send_text(s->ws, "{\"type\":\"ping\"}");
        return G_SOURCE_CONTINUE;
}

static void now_open(TbCliSocket *s)
{
        if (s->open)
                return;
        s->open = s->was_open = true;
        s->attempts = 0;
        s->lost_ms = 0;
        s->ops->opened(s->data);
}

/* --- through a server: hello, and whether the host is there --- */
static bool has_phone(const json_t *peers)
{
        size_t i;
        const json_t *each;
        json_array_foreach (peers, i, each)
                if (g_strcmp0(json_string_value(json_object_get(each, "peer")), "phone") == 0)
                        return true;
        return false;
}

/* A host that is away for a moment: the session stays, the conversation begins anew when it is back. */
static void host_away(TbCliSocket *s)
{
        s->open = false;
        if (s->lost_ms == 0) {
                s->lost_ms = tb_clock_mono_ms();
                s->ops->lost("the host is away from its server", s->data);
        }
}

/* True: it was about the session. */
static bool session_message(TbCliSocket *s, const json_t *m)
{
        const char *type = json_string_value(json_object_get(m, "type"));
        bool host = g_strcmp0(json_string_value(json_object_get(m, "peer")), "phone") == 0;
        if (g_strcmp0(type, "ready") == 0) {
                if (has_phone(json_object_get(m, "peers")))
                        now_open(s);
        } else if (g_strcmp0(type, "peer-connected") == 0 && host) {
                now_open(s);
        } else if (g_strcmp0(type, "peer-disconnected") == 0 && host) {
                host_away(s);
        } else if (g_strcmp0(type, "error") == 0 && json_object_get(m, "code") && !s->open) {
                g_clear_pointer(&s->session, g_free); /* expired: another one is made */
                lose_because(s, json_string_value(json_object_get(m, "message")) ?: "refused by the server");
        } else {
                return false;
        }
        return true;
}

static void say_hello(TbCliSocket *s)
{
        json_auto_t *hello = json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", "desktop",
                                       "sessionId", s->session, "token", s->token);
        g_autofree char *text = tb_json_text(hello, NULL);
        soup_websocket_connection_send_text(s->ws, text);
}

static bool make_session(TbCliSocket *s, GError **error)
{
        json_auto_t *body = json_pack("{s:s, s:s}", "device", s->device->name, "mode", "control");
        const TbCliRequest request = {.method = "POST", .path = "/api/session", .body = body};
        json_auto_t *session = tb_cli_ask(s->cli, &request, NULL, error);
        const char *id = json_string_value(json_object_get(session, "sessionId")),
                   *token = json_string_value(json_object_get(session, "token"));
        if (!session)
                return false;
        if (!id || !token) {
                tb_set_error(error, TB_ERROR_DEVICE, "%s: the server made no session", s->device->name);
                return false;
        }
        g_free(s->session);
        g_free(s->token);
        s->session = g_strdup(id);
        s->token = g_strdup(token);
        return true;
}

/* --- the socket --- */
static void on_message(SoupWebsocketConnection *ws G_GNUC_UNUSED, gint kind, GBytes *bytes, gpointer data)
{
        TbCliSocket *s = data;
        gsize size = 0;
        const char *text = g_bytes_get_data(bytes, &size);
        s->heard_ms = tb_clock_mono_ms();
        if (kind != SOUP_WEBSOCKET_DATA_TEXT)
                return;
        json_auto_t *m = tb_json_parse_kept(text, size, NULL);
        if (!m || (s->device->host && session_message(s, m)))
                return;
        s->ops->message(m, s->data);
}

static void on_closed(SoupWebsocketConnection *ws, gpointer data)
{
        const char *text = soup_websocket_connection_get_close_data(ws);
        lose_because(data, text && *text ? text : "the connection ended");
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
        g_autoptr(GError) why = NULL;
        SoupWebsocketConnection *ws =
                soup_session_websocket_connect_finish(SOUP_SESSION(source), result, &why);
        if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* it is gone */
        TbCliSocket *s = data;
        g_autoptr(SoupMessage) message = g_steal_pointer(&s->message);
        g_clear_object(&s->cancel);
        if (!ws) {
                GError *error = NULL;
                int status = (int)soup_message_get_status(message);
                if (status >= 400)
                        tb_cli_refusal(s->device, status, NULL, &error);
                else
                        tb_cli_transport_error(s->cli, message, why, &error);
                if (status >= 400 && status < 500)
                        fail(s, error);
                else
                        lose(s, error);
                return;
        }
        s->ws = ws;
        s->heard_ms = tb_clock_mono_ms();
        soup_websocket_connection_set_max_incoming_payload_size(ws, MESSAGE);
        g_signal_connect(ws, "message", G_CALLBACK(on_message), s);
        g_signal_connect(ws, "closed", G_CALLBACK(on_closed), s);
        s->alive = g_timeout_add_seconds(ASK_S, on_alive, s);
        if (s->device->host)
                say_hello(s);
        else
                now_open(s);
}

static void attempt(TbCliSocket *s)
{
        GError *error = NULL;
        if (s->device->host && !s->session && !make_session(s, &error)) {
                bool refused = g_error_matches(error, TB_ERROR, TB_ERROR_UNAUTHORIZED) ||
                               g_error_matches(error, TB_ERROR, TB_ERROR_FORBIDDEN);
                if (refused)
                        fail(s, error);
                else
                        lose(s, error);
                return;
        }
        const TbCliDevice own = {.name = s->device->name};
        const TbCliRequest request = {
                .method = "GET", .device = s->device->host ? NULL : &own, .path = "/ws"};
        s->message = tb_cli_message(s->cli, &request, &error);
        if (!s->message) {
                fail(s, error);
                return;
        }
        s->cancel = g_cancellable_new();
        soup_session_set_timeout(tb_cli_session(s->cli), SILENCE_S);
        soup_session_websocket_connect_async(tb_cli_session(s->cli), s->message, NULL, NULL,
                                             G_PRIORITY_DEFAULT, s->cancel, on_connected, s);
}

TbCliSocket *tb_cli_socket_new(TbCli *cli, const TbCliDevice *device, double again_s,
                               const TbCliSocketOps *ops, gpointer data)
{
        TbCliSocket *s = g_new0(TbCliSocket, 1);
        s->cli = cli;
        s->device = device;
        s->again_s = again_s;
        s->ops = ops;
        s->data = data;
        s->retry = g_timeout_add(0, on_retry, s);
        return s;
}

bool tb_cli_socket_send(TbCliSocket *s, json_t *message_take)
{
        g_autofree char *text = tb_json_text(message_take, NULL);
        json_decref(message_take);
        if (!s->open || !text || soup_websocket_connection_get_state(s->ws) != SOUP_WEBSOCKET_STATE_OPEN)
                return false;
        soup_websocket_connection_send_text(s->ws, text);
        return true;
}

gint64 tb_cli_socket_command(TbCliSocket *s, const char *verb, json_t *params_take)
{
        json_t *m = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)++s->next, "device", s->device->id, "verb",
                              verb);
        if (params_take)
                json_object_set_new(m, "params", params_take);
        if (s->cli->settings->lease)
                json_object_set_new(m, "lease", json_string(s->cli->settings->lease));
        return tb_cli_socket_send(s, m) ? s->next : 0;
}

void tb_cli_socket_free(TbCliSocket *s)
{
        if (!s)
                return;
        s->given_up = true;
        drop_ws(s);
        g_clear_handle_id(&s->retry, g_source_remove);
        if (s->cancel)
                g_cancellable_cancel(s->cancel);
        g_clear_object(&s->cancel);
        g_clear_object(&s->message);
        g_free(s->session);
        g_free(s->token);
        g_free(s);
}
