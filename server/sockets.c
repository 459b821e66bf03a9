/* WebSockets at /ws, and what is behind each: a party of the pairing, or who reads lists. */
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/net.h"
#include "server/call_wiring.h"
#include "server/server_private.h"

static void look_soon(TbServer *server, gint64 now_ms)
{
        gint64 due_ms = tb_pairing_due(server->pairing, now_ms);
        if (due_ms < G_MAXINT64)
                tb_server_arm(server, due_ms);
}

/* Its first message was no hello, but asks for lists: it is no party, and needs no session. */
static void begin_lists(TbConnection *c, const char *text, gsize size)
{
        tb_connection_entered(c);
        tb_pairing_left(g_steal_pointer(&c->party), tb_clock_mono_ms());
        c->counted = true;
        c->lists = tb_list_socket_new(c->server, c->ws, g_steal_pointer(&c->caller));
        tb_list_socket_text(c->lists, text, size);
}

static void on_message(TbWs *ws G_GNUC_UNUSED, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        TbConnection *c = data;
        gint64 now_ms = tb_clock_mono_ms();
        if (c->lists) {
                tb_list_socket_text(c->lists, binary ? NULL : (const char *)bytes, size);
                return;
        }
        if (c->call) {
                tb_call_line_text(c->call, binary ? NULL : (const char *)bytes, size, now_ms);
                return;
        }
        if (!binary && !tb_party_has_role(c->party) && tb_call_line_asks((const char *)bytes, size)) {
                tb_server_begin_call_line(c, (const char *)bytes, size);
                return;
        }
        if (!binary && !tb_party_has_role(c->party) && tb_list_socket_asks((const char *)bytes, size)) {
                begin_lists(c, (const char *)bytes, size);
                return;
        }
        if (binary)
                tb_pairing_binary(c->party, bytes, size, now_ms);
        else
                tb_pairing_text(c->party, (const char *)bytes, size, now_ms);
        if (!tb_party_has_role(c->party))
                tb_server_arm(c->server, now_ms + TB_PAIRING_LOOK_MS);
        look_soon(c->server, now_ms);
}

static void on_drained(TbWs *ws G_GNUC_UNUSED, gpointer data)
{
        const TbConnection *c = data;
        if (c->lists)
                tb_list_socket_drained(c->lists);
        else if (c->party)
                tb_pairing_drained(c->party);
}

static void on_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        TbConnection *c = data;
        tb_connection_nothing(c);
        tb_connection_entered(c);
        gint64 now_ms = tb_clock_mono_ms();
        if (c->party)
                tb_pairing_left(c->party, now_ms);
        tb_list_socket_free(c->lists);
        tb_call_line_free(c->call, now_ms);
        tb_connection_forget_caller(c);
        look_soon(c->server, now_ms);
        g_free(c);
}

static void on_pong(TbWs *ws G_GNUC_UNUSED, const guint8 *bytes, gsize size, gpointer data)
{
        guint32 payload[2];
        const TbConnection *c = data;
        if (size != sizeof payload || !c->party)
                return; /* of the ping of a silent socket */
        memcpy(payload, bytes, sizeof payload);
        guint32 took_ms = (guint32)tb_clock_mono_ms() - GUINT32_FROM_BE(payload[1]);
        tb_pairing_arrived(c->party, GUINT32_FROM_BE(payload[0]), took_ms);
}

static const TbWsOps ws_ops = {on_message, on_drained, on_closed, on_pong};

/* Nobody is refused before his hello: what comes from one address may be a crowd of guesses, and one with a token. */
void tb_server_upgrade(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        TbConnection *c = g_new0(TbConnection, 1);
        tb_net_share_key(tb_request_peer(request), c->net);
        c->local = tb_address_is_loopback(tb_request_peer(request));
        c->server = server;
        c->ws = tb_request_upgrade(request, NULL, TB_LIMIT_WS_HELLO, &ws_ops, c);
        if (!c->ws) {
                g_free(c);
                return;
        }
        gint64 now_ms = tb_clock_mono_ms();
        tb_connection_make_room(server, c->net);
        tb_connection_waits(c);
        if (tb_request_role(request) > TB_ROLE_NONE) {
                c->caller = g_new0(TbCaller, 1);
                tb_caller_copy(c->caller, tb_request_caller(request));
        }
        c->party = tb_pairing_join(server->pairing, c, tb_request_id(request), now_ms);
        if (!tb_auth_is_open(server->config->auth) && tb_request_role(request) > TB_ROLE_NONE)
                tb_pairing_known_as(c->party, tb_request_user(request));
        tb_server_arm(server, now_ms + 1000); /* a host is asked for a sign of life soon after its hello */
}
