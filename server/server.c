#include "server/server.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "lib/version.h"
#include "server/server_private.h"
#include "server/store.h"

#define CONNECTIONS 16384 /* HTTP at once; WebSockets are not among them once they are open */

typedef struct Connection { /* a WebSocket and the party behind it */
        TbServer *server;   /* borrowed */
        TbWs *ws;           /* borrowed; NULL once closed */
        TbParty *party;     /* owned by the pairing; borrowed */
        char *peer;         /* owned: its address */
} Connection;

/* --- the pairing's view of a connection --- */
static bool party_text(gpointer connection, const char *text, gsize size)
{
        return tb_ws_send(((Connection *)connection)->ws, false, text, size);
}

static bool party_binary(gpointer connection, const void *bytes, gsize size)
{
        return tb_ws_send(((Connection *)connection)->ws, true, bytes, size);
}

static gsize party_queued(gpointer connection)
{
        return tb_ws_queued(((Connection *)connection)->ws);
}

static void party_close(gpointer connection, int code, const char *reason)
{
        tb_ws_close(((Connection *)connection)->ws, code, reason);
}

static const TbPartyOps party_ops = {party_text, party_binary, party_queued, party_close};

/* --- the socket's view of the pairing --- */
static void on_message(TbWs *ws G_GNUC_UNUSED, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        Connection *c = data;
        if (binary)
                tb_pairing_binary(c->party, bytes, size, tb_clock_ms());
        else
                tb_pairing_text(c->party, (const char *)bytes, size, tb_clock_ms());
}

static void on_drained(TbWs *ws G_GNUC_UNUSED, gpointer data)
{
        tb_pairing_drained(((Connection *)data)->party);
}

static void on_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        Connection *c = data;
        if (!tb_party_has_role(c->party))
                tb_rates_take(c->server->refusals, c->peer, 1, g_get_monotonic_time(), NULL);
        tb_pairing_left(c->party, tb_clock_ms());
        g_free(c->peer);
        g_free(c);
}

static const TbWsOps ws_ops = {on_message, on_drained, on_closed};

static void arm_tick(TbServer *server, gint64 at_ms)
{
        gint64 at_us = g_get_monotonic_time() + MAX(at_ms - tb_clock_ms(), 0) * 1000,
               old_us = g_source_get_ready_time(server->tick);
        if (old_us < 0 || at_us < old_us)
                g_source_set_ready_time(server->tick, at_us);
}

void tb_server_upgrade(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        double wait_s = 0;
        if (!tb_rates_has(server->refusals, tb_request_peer(request), 1, g_get_monotonic_time(), &wait_s)) {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_LIMIT,
                                    "more than %u connections a minute from one address came to nothing",
                                    server->config->refusals_per_minute);
                g_autofree char *seconds = g_strdup_printf("%d", (int)ceil(wait_s));
                tb_request_add_header(request, "Retry-After", seconds);
                tb_request_reply_error(request, error);
                return;
        }
        Connection *c = g_new0(Connection, 1);
        c->peer = g_strdup(tb_request_peer(request));
        c->server = server;
        c->ws = tb_request_upgrade(request, NULL, TB_LIMIT_WS_MESSAGE, &ws_ops, c);
        if (!c->ws) {
                g_free(c->peer);
                g_free(c);
                return;
        }
        gint64 now_ms = tb_clock_ms();
        c->party = tb_pairing_join(server->pairing, c, tb_request_id(request), now_ms);
        arm_tick(server, now_ms + 1000); /* a host is asked for a sign of life soon after its hello */
}

static void pause_host(gpointer connection, bool paused)
{
        tb_ws_pause(((Connection *)connection)->ws, paused);
}

static void on_carried(TbParty *host, json_t *message, gpointer data)
{
        tb_carry_message(((TbServer *)data)->carry, host, message);
}

static void on_host_left(TbParty *host, gpointer data)
{
        tb_carry_host_left(((TbServer *)data)->carry, host);
}

/* --- clock --- */
typedef struct TickSource {
        GSource source;
        TbServer *server; /* borrowed */
} TickSource;

/* --- sessions across restarts --- */
#define SAVE_MS 50 /* after a session came or went: many at once are one file */

static void save_sessions(TbServer *server)
{
        g_autoptr(GError) error = NULL;
        server->saved_stamp = tb_sessions_stamp(server->pairing);
        if (server->sessions_file && !tb_sessions_save(server->pairing, server->sessions_file, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "sessions are not kept: %s", error->message);
}

static void open_sessions(TbServer *server)
{
        g_autoptr(GError) error = NULL;
        const char *folder = server->config->state_dir;
        if (g_mkdir_with_parents(folder, 0700) < 0) {
                tb_log(TB_LOG_WARNING, TB_F(), "sessions are not kept: %s: %s", folder, g_strerror(errno));
                return;
        }
        server->sessions_file = g_build_filename(folder, "server-sessions.json", NULL);
        if (!tb_sessions_load(server->pairing, server->sessions_file, server->started_ms, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "sessions of before are lost: %s", error->message);
        server->saved_stamp = tb_sessions_stamp(server->pairing);
}

void tb_server_changed(TbServer *server)
{
        arm_tick(server, tb_clock_ms() + SAVE_MS);
}

static gboolean tick_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                              gpointer data G_GNUC_UNUSED)
{
        TbServer *server = ((TickSource *)source)->server;
        g_source_set_ready_time(source, -1);
        arm_tick(server, tb_pairing_tick(server->pairing, tb_clock_ms()));
        if (server->saved_stamp != tb_sessions_stamp(server->pairing))
                save_sessions(server);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs tick_funcs = {.dispatch = tick_dispatch};

/* --- life --- */
static void add_pages(TbServer *server)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *vendor_file = g_build_filename(server->config->web_dir, "vendor.json", NULL),
                        *vendor = NULL;
        if (g_file_get_contents(vendor_file, &vendor, NULL, NULL) &&
            tb_http_add_static(server->http, "/", server->config->web_dir, vendor, NULL))
                return;
        if (!tb_http_add_static(server->http, "/", server->config->web_dir, NULL, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "no pages: %s", tb_error_detail(error));
}

TbServer *tb_server_new(const TbServerConfig *config, GError **error)
{
        TbServer *server = g_new0(TbServer, 1);
        server->config = config;
        server->started_ms = tb_clock_ms();
        server->metrics = tb_metrics_new();
        server->poller = tb_poller_new(NULL);
        server->carry = tb_carry_new(pause_host);
        server->creations = tb_rates_new(config->sessions_per_minute / 60.0, config->sessions_per_minute);
        server->refusals = tb_rates_new(config->refusals_per_minute / 60.0, config->refusals_per_minute);
        server->pairing = tb_pairing_new(&(TbPairingOptions){.ops = &party_ops,
                                                             .ice = &config->ice,
                                                             .hosts = config->hosts,
                                                             .users = config->auth,
                                                             .carried = on_carried,
                                                             .host_left = on_host_left,
                                                             .data = server});
        tb_metrics_collector(server->metrics, tb_pairing_metrics, server->pairing);
        server->http = tb_http_new(&(TbHttpOptions){.address = config->address,
                                                    .port = config->port,
                                                    .name = "testbed-server",
                                                    .version = tb_version,
                                                    .auth = config->auth,
                                                    .metrics = server->metrics,
                                                    .poller = server->poller,
                                                    .url = config->url,
                                                    .hosts = (const char *const *)config->names,
                                                    .origins = (const char *const *)config->origins,
                                                    .max_connections = CONNECTIONS},
                                   error);
        server->tick = g_source_new(&tick_funcs, sizeof(TickSource));
        ((TickSource *)server->tick)->server = server;
        g_source_attach(server->tick, NULL);
        if (!server->http) {
                tb_server_free(server);
                return NULL;
        }
        open_sessions(server);
        tb_http_add_routes(server->http, tb_server_routes, server);
        add_pages(server);
        arm_tick(server, server->started_ms + 1000);
        return server;
}

guint16 tb_server_port(TbServer *server)
{
        return tb_http_port(server->http);
}

void tb_server_stop(TbServer *server, guint grace_ms, void (*done)(gpointer), gpointer data)
{
        tb_http_stop(server->http, grace_ms, done, data);
}

void tb_server_free(TbServer *server)
{
        if (!server)
                return;
        tb_http_free(server->http); /* ends every connection: the pairing is told */
        save_sessions(server);      /* with the times of their last activity */
        g_free(server->sessions_file);
        g_source_destroy(server->tick);
        g_source_unref(server->tick);
        tb_pairing_free(server->pairing);
        tb_carry_free(server->carry);
        tb_rates_free(server->creations);
        tb_rates_free(server->refusals);
        tb_poller_free(server->poller);
        tb_metrics_free(server->metrics);
        g_free(server);
}
