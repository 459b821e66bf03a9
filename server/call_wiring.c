/* Where calls touch the rest of the server: their sockets at /ws, who somebody is, ICE servers, browsers that are told. */
#include "server/call_wiring.h"

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/limits_calls.h"

/* --- a connection of calls --- */
static void line_send(gpointer connection, const char *text, gsize size)
{
        tb_ws_send(((TbConnection *)connection)->ws, false, text, size);
}

static void line_close(gpointer connection, int code, const char *reason)
{
        tb_ws_close(((TbConnection *)connection)->ws, code, reason);
}

static void line_accepted(gpointer connection)
{
        TbConnection *c = connection;
        tb_connection_entered(c);
        c->counted = true;
        tb_ws_set_max_message(c->ws, TB_LIMIT_CALL_MESSAGE);
}

static void line_nobody(gpointer connection)
{
        TbConnection *c = connection;
        gint64 now_us = g_get_monotonic_time();
        bool spent = !tb_rates_has(c->server->refusals, c->net, 1, now_us, NULL);
        if (!c->counted)
                tb_rates_take(c->server->refusals, c->net, 1, now_us, NULL);
        c->counted = true;
        tb_ws_close(c->ws, 1008, "Authentication required");
        if (spent)
                tb_ws_drop(c->ws);
}

static const TbCallLineOps line_ops = {line_send, line_close, line_accepted, line_nobody};

void tb_server_begin_call_line(TbConnection *c, const char *text, gsize size)
{
        tb_pairing_left(g_steal_pointer(&c->party), tb_clock_mono_ms());
        c->call = tb_call_line_new(c->server->calls, &line_ops, c, c->caller);
        tb_connection_forget_caller(c);
        tb_call_line_text(c->call, text, size, tb_clock_mono_ms());
}

/* --- what calls ask of the server --- */
static json_t *ice(const char *user, gpointer data)
{
        return tb_ice_servers(&((TbServer *)data)->config->ice, user, tb_clock_ms());
}

static bool identify(const char *token, TbCaller *ret, gpointer data)
{
        const TbServer *server = data;
        const char *name = "";
        TbGrants *grants = NULL;
        TbAuth *auth = server->config->auth;
        const TbShown shown = {token, NULL, ""};
        ret->role = tb_auth_find(auth, token, &name, &grants);
        if (ret->role == TB_ROLE_NONE)
                return tb_people_identify(&shown, ret, NULL, server->people);
        ret->by = tb_auth_is_open(auth) ? TB_BY_OPEN : TB_BY_TOKEN;
        ret->grants = tb_grants_ref(grants);
        ret->user = g_strdup(name);
        return true;
}

static void ring(const char *user, const char *from, const char *call, gpointer data)
{
        tb_events_ring(((TbServer *)data)->events, user, from, call);
}

static void entered(const char *call, const char *user, gpointer data)
{
        tb_recordings_entered(((TbServer *)data)->recordings, call, user);
}

static void over(const char *call, gpointer data)
{
        tb_recordings_call_over(((TbServer *)data)->recordings, call);
}

static void arm(gint64 at_ms, gpointer data)
{
        tb_server_arm(data, at_ms);
}

static const char *base(TbRequest *request, gpointer data)
{
        return tb_server_base_url(request, data);
}

void tb_server_begin_calls(TbServer *server)
{
        server->calls = tb_calls_new(&(TbCallsOptions){.db = tb_persist_db(server->persist),
                                                       .ice = ice,
                                                       .identify = identify,
                                                       .ring = ring,
                                                       .entered = entered,
                                                       .over = over,
                                                       .arm = arm,
                                                       .base = base,
                                                       .data = server});
        tb_metrics_collector(server->metrics, tb_calls_metrics, server->calls);
}

void tb_server_add_call_routes(TbServer *server)
{
        tb_http_add_routes(server->http, tb_call_routes, server->calls);
        tb_http_add_routes(server->http, tb_call_guest_routes, server->calls);
}
