#include "server/server.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/server_limits.h"
#include "lib/thread.h"
#include "lib/version.h"
#include "server/call_wiring.h"
#include "server/phone_links.h"
#include "server/server_private.h"

#define STORE_GRACE_MS 1500 /* for what is not written yet after SIGTERM */
#define CONNECTIONS 16384   /* HTTP at once; WebSockets are not among them once they are open */

/* --- the pairing's view of us --- */
static void on_carried(TbParty *host, const guint8 *bytes, gsize size, gpointer data)
{
        tb_carrier_frames(((TbServer *)data)->carry, host, bytes, size);
}

static void on_host_drained(TbParty *host, gpointer data)
{
        tb_carrier_drained(((TbServer *)data)->carry, host);
}

static void on_host_left(TbParty *host, gpointer data)
{
        tb_carrier_host_left(((TbServer *)data)->carry, host);
}

/* --- clock --- */
void tb_server_arm(TbServer *server, gint64 at_ms)
{
        if (at_ms == G_MAXINT64) /* never */
                return;
        gint64 at_us = g_get_monotonic_time() + MAX(at_ms - tb_clock_mono_ms(), 0) * 1000,
               old_us = g_source_get_ready_time(server->tick);
        if (old_us < 0 || at_us < old_us)
                g_source_set_ready_time(server->tick, at_us);
}

typedef struct TickSource {
        GSource source;
        TbServer *server; /* borrowed */
} TickSource;

static void on_session(TbSession *session, TbSessionChange change, gpointer data)
{
        TbServer *server = data;
        if (change == TB_SESSION_ENDED)
                tb_carrier_session_narrowed(server->carry, tb_session_id(session), TB_ROLE_NONE);
        else if (change == TB_SESSION_CHANGED && tb_session_mode(session) == TB_MODE_VIEW)
                tb_carrier_session_narrowed(server->carry, tb_session_id(session), TB_ROLE_VIEWER);
        tb_persist_changed(server->persist, session, change);
}

static void on_accounts(gpointer data)
{
        tb_server_noticed(data, TB_VIEW_ENROL, NULL);
        tb_server_noticed(data, TB_VIEW_USERS, NULL);
        tb_server_noticed(data, TB_VIEW_GROUPS, NULL);
        tb_server_noticed(data, TB_VIEW_LOGINS, NULL);
}

static void on_list(const TbListChange *change, gpointer data)
{
        TbServer *server = data;
        if (!server->views) /* the store is being read */
                return;
        tb_views_changed(server->views, change, tb_clock_mono_ms());
        if (change->presence)
                tb_views_noticed(server->views, TB_VIEW_ENROL, NULL, tb_clock_mono_ms());
        tb_server_arm(server, tb_views_due(server->views));
}

static gboolean tick_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                              gpointer data G_GNUC_UNUSED)
{
        TbServer *server = ((TickSource *)source)->server;
        g_source_set_ready_time(source, -1);
        gint64 now_ms = tb_clock_mono_ms(), next_ms = tb_pairing_tick(server->pairing, now_ms);
        tb_people_tick(server->people, now_ms);
        tb_server_look_for_accounts(server);
        next_ms = MIN(next_ms, tb_persist_tick(server->persist, now_ms));
        next_ms = MIN(next_ms, tb_calls_tick(server->calls, now_ms));
        tb_server_arm(server, MIN(next_ms, tb_views_tick(server->views, now_ms)));
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

/* What a network has at the most when it makes sessions as fast as it may and lets them lie. */
static guint share_of(const TbServerConfig *config)
{
        guint by_rate =
                (guint)MIN((guint64)config->sessions_per_minute * tb_server_limits.session_idle_s / 60,
                           tb_server_limits.sessions);
        return config->sessions_per_network ? config->sessions_per_network : by_rate;
}

static void new_pairing(TbServer *server)
{
        const TbServerConfig *config = server->config;
        server->pairing = tb_pairing_new(&(TbPairingOptions){
                .ops = &tb_connection_ops,
                .ice = &config->ice,
                .hosts = config->hosts,
                .users = config->auth,
                .carried = on_carried,
                .host_drained = on_host_drained,
                .host_left = on_host_left,
                .session_changed = on_session,
                .list_changed = on_list,
                .watched = tb_server_audit_watched,
                .phone_links = tb_phone_links_of_host,
                .host_keys = tb_persist_host_keys(server->persist),
                .enrolments = tb_persist_enrolments(server->persist),
                .sessions_per_share = share_of(config),
                .data = server,
        });
        tb_metrics_collector(server->metrics, tb_pairing_metrics, server->pairing);
        tb_metrics_collector(server->metrics, tb_persist_metrics, server->persist);
}

static bool start(TbServer *server, const int *listener, GError **error)
{
        const TbServerConfig *config = server->config;
        if (config->redis && !(server->redis = tb_redis_new(config->redis, NULL, NULL, error)))
                return false;
        if (server->redis)
                tb_metrics_collector(server->metrics, tb_redis_metrics, server->redis);
        server->persist = tb_persist_new(config->state_dir, config->database, error);
        if (!server->persist)
                return false;
        new_pairing(server);
        server->views = tb_views_new(server->pairing);
        tb_metrics_collector(server->metrics, tb_views_metrics, server->views);
        if (!tb_server_begin_people(server, error) ||
            !tb_persist_load(server->persist, server->pairing, error))
                return false;
        tb_server_look_for_accounts(server);
        tb_server_begin_events(server);
        tb_server_begin_calls(server);
        tb_server_begin_recordings(server);
        server->http = tb_http_new(
                &(TbHttpOptions){.address = config->address,
                                 .without_tokens = config->insecure ? TB_ANYONE : TB_THIS_MACHINE_ALWAYS,
                                 .port = config->port,
                                 .name = "testbed-server",
                                 .version = tb_version,
                                 .auth = config->auth,
                                 .identify = tb_people_identify,
                                 .holds = tb_people_holds,
                                 .identify_data = server->people,
                                 .answered = tb_server_audit_answer,
                                 .answered_data = server,
                                 .metrics = server->metrics,
                                 .poller = server->poller,
                                 .url = config->url,
                                 .trusted = config->trusted,
                                 .needs_tls = config->needs_tls,
                                 .tls = config->tls,
                                 .listener = listener,
                                 .hosts = (const char *const *)config->names,
                                 .origins = (const char *const *)config->origins,
                                 .max_connections = CONNECTIONS},
                error);
        return server->http != NULL;
}

static const TbRoute *const tables[] = {
        tb_server_routes,         tb_server_host_routes,     tb_server_list_routes,
        tb_server_enrol_routes,   tb_server_own_routes,      tb_server_login_routes,
        tb_server_signin_routes,  tb_server_token_routes,    tb_server_oidc_routes,
        tb_server_privacy_routes, tb_server_user_routes,     tb_server_group_routes,
        tb_server_audit_routes,   tb_server_phone_routes,    tb_server_telemetry_routes,
        tb_server_link_routes,    tb_server_diagnose_routes, tb_server_registered_routes};

TbServer *tb_server_new_on(const TbServerConfig *config, const int *listener, TbBeats *beats, GError **error)
{
        TbServer *server = g_new0(TbServer, 1);
        server->config = config;
        server->started_ms = tb_clock_mono_ms();
        server->metrics = tb_metrics_new();
        if (config->tls)
                tb_metrics_collector(server->metrics, tb_tls_metrics, config->tls);
        server->poller = tb_poller_new(NULL);
        server->carry = tb_carrier_new(&tb_connection_ops);
        server->registered = tb_registered_new();
        server->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        server->creations = tb_rates_new(config->sessions_per_minute / 60.0, config->sessions_per_minute);
        server->refusals = tb_rates_new(config->refusals_per_minute / 60.0, config->refusals_per_minute);
        server->telemetry = tb_telemetry_new(server->metrics);
        server->reports = tb_rates_new(TB_LIMIT_REPORTS_PER_MINUTE / 60.0, TB_LIMIT_REPORTS_PER_MINUTE);
        server->tick = g_source_new(&tick_funcs, sizeof(TickSource));
        ((TickSource *)server->tick)->server = server;
        server->beats = beats;
        if (beats)
                tb_metrics_collector(server->metrics, tb_beats_metrics, beats);
        if (!start(server, listener, error)) {
                tb_server_free(server);
                return NULL;
        }
        tb_persist_tell(server->persist, on_accounts, server);
        g_source_attach(server->tick, NULL);
        tb_people_set_port(server->people, tb_http_port(server->http));
        tb_server_session_limits();
        tb_server_enrol_limits();
        for (gsize i = 0; i < G_N_ELEMENTS(tables); i++)
                tb_http_add_routes(server->http, tables[i], server);
        tb_server_add_event_routes(server);
        tb_server_add_call_routes(server);
        tb_server_add_recording_routes(server);
        add_pages(server);
        tb_server_arm(server, server->started_ms + 1000);
        return server;
}

bool tb_server_has_store(const TbServer *server)
{
        return tb_persist_is_loaded(server->persist);
}

void tb_server_take(TbServer *server, int fd, const char *peer, const char *local, bool tls)
{
        tb_http_take(server->http, fd, peer, local, tls);
}

guint16 tb_server_port(TbServer *server)
{
        return tb_http_port(server->http);
}

void tb_server_end_users(TbServer *server, const char *const *users, const char *const *hosts)
{
        for (; *users; users++) {
                tb_http_end_user(server->http, *users, TB_HTTP_TOKEN_LESS);
                if (!tb_auth_names(server->config->auth,
                                   *users)) /* nobody is that any more: his links end, too */
                        tb_server_narrowed(server, *users);
        }
        tb_server_tokens_changed(server);
        for (; *hosts; hosts++)
                tb_pairing_end_host(server->pairing, *hosts);
        tb_server_rights_changed(server, NULL);
}

void tb_server_read_users(TbServer *server)
{
        tb_persist_read_users(server->persist);
}

void tb_server_stop(TbServer *server, guint grace_ms, void (*done)(gpointer), gpointer data)
{
        tb_http_stop(server->http, grace_ms, done, data);
}

void tb_server_free(TbServer *server)
{
        if (!server)
                return;
        tb_http_free(g_steal_pointer(&server->http)); /* ends every connection: the pairing is told */
        tb_hasher_free(server->hasher);
        tb_oidc_free(server->oidc);
        tb_recordings_free(server->recordings);
        tb_server_end_events(server);
        tb_redis_free(server->redis);
        tb_audit_free(server->audit);
        tb_persist_free(server->persist, STORE_GRACE_MS); /* with the times of their last activity */
        tb_calls_free(server->calls);
        g_source_destroy(server->tick);
        g_source_unref(server->tick);
        tb_views_free(g_steal_pointer(&server->views));
        tb_pairing_free(server->pairing);
        tb_carrier_free(server->carry);
        tb_registered_free(server->registered);
        tb_people_free(server->people);
        tb_guesses_free(server->guesses);
        g_hash_table_unref(server->waiting);
        tb_rates_free(server->creations);
        tb_rates_free(server->refusals);
        tb_rates_free(server->reports);
        tb_telemetry_free(server->telemetry);
        tb_poller_free(server->poller);
        tb_metrics_free(server->metrics);
        g_free(server);
}
