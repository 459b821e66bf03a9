/* testbed-host: arguments, the rooms in the order in which they need each other, signals. */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/analysis/analysis.h"
#include "host/analysis/find/find.h"
#include "host/api/api.h"
#include "host/bridge/bridge.h"
#include "host/core/core.h"
#include "host/core/discover.h"
#include "host/media/bind.h"
#include "host/media/media.h"
#include "host/netserial/netserial.h"
#include "host/phone/phones.h"
#include "host/recorder/recorder.h"
#include "host/rules/rules.h"
#include "host/uplink/uplink.h"
#include "host/vnc/vnc.h"
#include "lib/config.h"
#include "lib/descriptors.h"
#include "lib/env_secrets.h"
#include "lib/http/http.h"
#include "lib/http/probe.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/reload.h"
#include "lib/service.h"
#include "lib/thread.h"
#include "lib/tls_local.h"
#include "lib/version.h"

#define GRACE_MS 700    /* for answers in flight at SIGTERM */
#define EXIT_RESTART 75 /* EX_TEMPFAIL: no success, so that "restart on failure" starts it again */

typedef struct TbHost {
        TbHostConfig *config;
        GMainLoop *loop;
        TbMetrics *metrics;
        TbPoller *poller;
        TbHttp *http;
        TbCore *core;
        TbMedia *media;
        TbMediaBind *bind;
        TbAnalysis *analysis;
        TbRules *rules;
        TbVnc *vnc;
        TbNetSerial *netserial;
        TbApi *api;
        TbBridge *bridge; /* NULL: no pairing server */
        TbPhones *phones;
        TbRecorder *recorder;
        TbUplink *uplink;
        TbFinder *finder;
        TbApi *carried; /* the routes once more, for what the server carries to us */
        bool restart;   /* ends to be started again */
} TbHost;

static struct {
        char *config, *state_dir;
        gboolean check, discover, health, version, insecure, log_json;
} args;

static const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &args.config,
         "configuration (default /etc/testbed/host.yaml)", "FILE"},
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &args.state_dir,
         "where devices, leases and console history are kept", "DIR"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &args.check, "print every problem of the configuration and exit",
         NULL},
        {"discover", 0, 0, G_OPTION_ARG_NONE, &args.discover,
         "look for hardware for a few seconds, print it as YAML ready to paste into the configuration, and "
         "exit",
         NULL},
        {"health", 0, 0, G_OPTION_ARG_NONE, &args.health,
         "ask the host that runs with this configuration how it is, and exit", NULL},
        {"insecure", 0, 0, G_OPTION_ARG_NONE, &args.insecure,
         "allow listening beyond this machine without tokens", NULL},
        {"log-json", 0, 0, G_OPTION_ARG_NONE, &args.log_json, "logs as one JSON object a line", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &args.version, "print the version and exit", NULL},
        G_OPTION_ENTRY_NULL,
};

static json_t *services(gpointer data)
{
        const TbHost *h = data;
        json_t *all = tb_vnc_services(h->vnc);
        json_auto_t *bridge = h->bridge ? tb_bridge_services(h->bridge) : json_object();
        json_object_update(all, bridge);
        return all;
}

/* RFB over WebSocket: the route is wired here, because api and vnc do not know each other. */
static void vnc_upgrade(TbRequest *request, gpointer data)
{
        TbHost *h = data;
        g_autoptr(GError) error = NULL;
        TbInterface *iface = tb_core_interface(h->core, tb_request_arg(request, "id"),
                                               tb_request_arg(request, "interface"), &error);
        if (iface && tb_interface_kind(iface) != TB_KIND_VIDEO)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "%s is no video interface", tb_interface_id(iface));
        if (error)
                tb_request_reply_error(request, error);
        else
                tb_vnc_upgrade(request, iface, h->vnc);
}

static const TbRoute vnc_routes[] = {
        {.method = "GET",
         .path = "/host/devices/{id}/{interface}/vnc",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_WEBSOCKET,
         .handler = vnc_upgrade,
         .tag = "video",
         .summary = "RFB over WebSocket (subprotocol binary)",
         .answers = "101"},
        {.method = NULL},
};

/* A bench is of use without its pages, too: what is missing is said and left out. */
static void add_pages(TbHost *h)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *file = g_build_filename(h->config->web_dir, "vendor.json", NULL), *vendor = NULL;
        if (g_file_get_contents(file, &vendor, NULL, NULL) &&
            tb_http_add_static(h->http, "/", h->config->web_dir, vendor, &error))
                return;
        tb_log(TB_LOG_WARNING, TB_F(), "pages: %s (run \"make deps\")",
               error ? tb_error_detail(error) : "there is no vendor.json");
        g_clear_error(&error);
        if (!tb_http_add_static(h->http, "/", h->config->web_dir, NULL, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "pages: %s", tb_error_detail(error));
}

/* The answer that says so is still sent: close_rooms() lets answers in flight end. */
static void restart(gpointer data)
{
        TbHost *h = data;
        tb_log(TB_LOG_INFO, TB_F(), "stopping, to be started again: asked for over the API");
        h->restart = true;
        g_main_loop_quit(h->loop);
}

/* Phones and the bridge do not know each other: what one says to the server and hears of it goes through here. */
static bool say_of_phones(json_t *message_take, gpointer data)
{
        return tb_bridge_say(((TbHost *)data)->bridge, message_take);
}

static void said_of_phones(json_t *message, gpointer data)
{
        tb_phones_said(((TbHost *)data)->phones, message);
}

static void open_phones(TbHost *h)
{
        h->phones = tb_phones_new(&(TbPhonesOptions){h->core, h->media, h->bridge ? say_of_phones : NULL, h});
        tb_phones_add_routes(h->phones, h->http);
        if (!h->bridge)
                return;
        tb_bridge_listen(h->bridge, said_of_phones, h);
        tb_phones_add_routes(h->phones, tb_bridge_http(h->bridge));
}

static void open_rules(TbHost *h)
{
        h->rules = tb_rules_new(h->core);
        tb_rules_add_routes(h->rules, h->http);
        if (h->bridge)
                tb_rules_add_routes(h->rules, tb_bridge_http(h->bridge));
}

static bool open_bridge(TbHost *h, GError **error)
{
        h->bridge = tb_bridge_new(&(TbBridgeOptions){h->core, h->media, h->poller, tb_version}, error);
        if (!h->bridge)
                return false;
        tb_http_add_routes(tb_bridge_http(h->bridge), vnc_routes, h);
        tb_recorder_add_routes(h->recorder, tb_bridge_http(h->bridge));
        tb_uplink_add_routes(h->uplink, tb_bridge_http(h->bridge));
        h->carried = tb_api_new(tb_bridge_http(h->bridge), h->core, h->media, NULL);
        tb_api_set_services(h->carried, services, h);
        tb_api_set_restart(h->carried, restart, h);
        return true;
}

static bool open_recorder(TbHost *h, GError **error)
{
        h->recorder = tb_recorder_new(h->core, h->media, error);
        if (!h->recorder)
                return false;
        tb_recorder_add_routes(h->recorder,
                               h->http); /* before those of interfaces, which any word may name */
        h->uplink = tb_uplink_new(h->core, error);
        if (h->uplink)
                tb_uplink_add_routes(h->uplink, h->http);
        return h->uplink != NULL;
}

static bool open_rooms(TbHost *h, GError **error)
{
        TbHostConfig *c = h->config;
        h->metrics = tb_metrics_new();
        if (c->tls)
                tb_metrics_collector(h->metrics, tb_tls_metrics, c->tls);
        h->poller = tb_poller_new(NULL);
        h->core = tb_core_new(c, h->metrics, error);
        if (!h->core)
                return false;
        g_autoptr(GUri) own = c->url ? g_uri_parse(c->url, G_URI_FLAGS_NONE, NULL) : NULL;
        h->http = tb_http_new(
                &(TbHttpOptions){.address = c->address,
                                 .port = c->port,
                                 .name = "testbed-host",
                                 .version = tb_version,
                                 .auth = c->auth,
                                 .metrics = h->metrics,
                                 .poller = h->poller,
                                 .max_connections = TB_LIMIT_HTTP_CONNECTIONS,
                                 .max_streams = TB_LIMIT_HTTP_STREAMS,
                                 .url = c->url,
                                 .trusted = c->trusted,
                                 .needs_tls = c->needs_tls,
                                 .tls = c->tls,
                                 .without_tokens = c->insecure ? TB_ANYONE : TB_THIS_MACHINE,
                                 .origins = (const char *const *)c->origins,
                                 .hosts = (const char *const[]){own ? g_uri_get_host(own) : NULL, NULL}},
                error);
        if (!h->http)
                return false;
        h->media = tb_media_new(&(TbMediaConfig){.max_viewers = c->max_viewers,
                                                 .ice_servers = (const char *const *)c->ice.stun,
                                                 .max_kbps = (guint)c->bitrate_kbps,
                                                 .log_json = args.log_json});
        tb_core_start(h->core);
        h->bind = tb_media_bind(h->media, h->core);
        h->analysis = tb_analysis_new(h->core, h->media);
        h->finder = tb_finder_new(h->core, h->media);
        h->vnc = tb_vnc_new(&(TbVncOptions){h->core, h->media, h->poller, h->metrics, tb_version}, error);
        if (!h->vnc)
                return false;
        h->netserial = tb_netserial_new(h->core);
        if (!open_recorder(h, error))
                return false;
        tb_http_add_routes(h->http, vnc_routes, h);
        h->api = tb_api_new(h->http, h->core, h->media, h->metrics);
        tb_api_set_services(h->api, services, h);
        tb_api_set_restart(h->api, restart, h);
        tb_api_listen(h->api);
        add_pages(h);
        if (c->server_url && !open_bridge(h, error))
                return false;
        open_phones(h);
        open_rules(h);
        return true;
}

static void stopped(gpointer data)
{
        *(bool *)data = true;
}

static void close_rooms(TbHost *h)
{
        bool done = h->http == NULL;
        if (h->carried)
                tb_api_stop(h->carried);
        tb_rules_free(h->rules);
        tb_phones_free(h->phones);
        tb_bridge_free(h->bridge);
        tb_api_free(h->carried);
        if (h->api)
                tb_api_stop(h->api);
        if (h->http)
                tb_http_stop(h->http, GRACE_MS, stopped, &done);
        while (!done)
                g_main_context_iteration(NULL, TRUE);
        tb_uplink_free(h->uplink);
        tb_recorder_free(h->recorder);
        tb_netserial_free(h->netserial);
        tb_vnc_free(h->vnc);
        tb_finder_free(h->finder);
        tb_analysis_free(h->analysis);
        tb_media_unbind(h->bind);
        tb_media_free(h->media);
        if (h->core)
                tb_core_stop(h->core);
        tb_main_stop();
        tb_http_free(h->http);
        tb_api_free(h->api);
        tb_core_free(h->core);
        if (h->poller)
                tb_poller_free(h->poller);
        if (h->metrics)
                tb_metrics_free(h->metrics);
}

static gboolean on_signal(gpointer data)
{
        tb_log(TB_LOG_INFO, TB_F(), "stopping");
        tb_service_stopping();
        g_main_loop_quit(((TbHost *)data)->loop);
        return G_SOURCE_REMOVE;
}

static TbReload reload_of(const TbHostConfig *c)
{
        return (TbReload){c->auth, c->tls, c->log_level, c->prints};
}

static gboolean on_hangup(gpointer data)
{
        TbHost *h = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(TbHostConfig) fresh = tb_host_config_load(
                &(TbHostOptions){args.config, args.state_dir, args.insecure, tb_rules_check}, &error);
        if (!fresh || !tb_tls_local_take(fresh->local_tls, fresh->state_dir, true, &fresh->tls, &error)) {
                tb_log(TB_LOG_ERROR, TB_F(), "the configuration stays as it was: %s", tb_error_detail(error));
                return G_SOURCE_CONTINUE;
        }
        TbReload now = reload_of(h->config), next = reload_of(fresh);
        g_auto(GStrv) gone = tb_reload_take(&now, &next, (const char *const[]){"devices", NULL});
        tb_core_reconfigure(h->core, fresh->devices);
        json_t *devices = h->config->devices;
        h->config->devices = fresh->devices;
        fresh->devices = devices;
        for (char **user = gone; *user; user++) {
                tb_http_end_user(h->http, *user, TB_HTTP_TOKEN_LESS);
                tb_vnc_end_user(h->vnc, *user);
        }
        return G_SOURCE_CONTINUE;
}

static int run(TbHost *h)
{
        g_autoptr(GError) error = NULL;
        tb_service_init();
        tb_main_init(NULL);
        tb_descriptors_init();
        tb_descriptors_keep_low(TB_LIMIT_VNC_CLIENTS + TB_LIMIT_DEVICES);
        h->loop = g_main_loop_new(NULL, FALSE);
        g_unix_signal_add(SIGTERM, on_signal, h); /* before anybody is told that we listen */
        g_unix_signal_add(SIGINT, on_signal, h);
        bool ok = open_rooms(h, &error);
        if (ok) {
                g_unix_signal_add(SIGHUP, on_hangup, h);
                g_autofree char *url =
                        g_strdup_printf("%s://%s%s%s:%u/", h->config->tls ? "https" : "http",
                                        strchr(h->config->address, ':') ? "[" : "", h->config->address,
                                        strchr(h->config->address, ':') ? "]" : "", tb_http_port(h->http));
                g_autofree char *tls = h->config->tls ? tb_tls_about(h->config->tls) : NULL;
                tb_log(TB_LOG_INFO,
                       TB_F("url", url, "version", tb_version, "tls", tls, "state", h->config->state_dir),
                       "listening");
                tb_media_start(h->media); /* from here on somebody could watch */
                tb_service_ready();
                g_main_loop_run(h->loop);
        } else {
                tb_log(TB_LOG_ERROR, TB_F(), "%s", tb_error_detail(error));
        }
        close_rooms(h);
        g_main_loop_unref(h->loop);
        if (!ok)
                return 1;
        return h->restart ? EXIT_RESTART : 0;
}

static int ask(const TbHostConfig *c)
{
        g_autoptr(GError) error = NULL;
        if (tb_probe(c->address, c->port, c->tls, "/host/health", &error))
                return 0;
        fprintf(stderr, "testbed-host: %s\n", tb_error_detail(error));
        return 1;
}

int main(int argc, char **argv)
{
        tb_descriptors_standard();
        g_autoptr(GError) error = NULL;
        g_autoptr(GOptionContext) context = g_option_context_new("- puts a bench of hardware on the network");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
                fprintf(stderr, "testbed-host: %s\n",
                        error ? error->message : "unexpected argument; see --help");
                return 2;
        }
        if (args.version) {
                printf("testbed-host %s\n", tb_version);
                return 0;
        }
        tb_log_init(TB_LOG_INFO, args.log_json);
        tb_env_secrets_guard();
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP, SIG_IGN); /* until there is something to read again */
        TbHost host = {.config = tb_host_config_load(
                               &(TbHostOptions){args.config, args.state_dir, args.insecure, tb_rules_check},
                               &error)};
        if (!host.config) {
                fprintf(stderr, "%s\n", tb_error_detail(error));
                return 1;
        }
        tb_log_set_level(host.config->log_level);
        if (!args.check && !args.discover &&
            !tb_tls_local_take(host.config->local_tls, host.config->state_dir, !args.health,
                               &host.config->tls, &error)) {
                fprintf(stderr, "testbed-host: %s\n", tb_error_detail(error));
                return 1;
        }
        for (guint i = 0; !args.health && !args.discover && i < host.config->notes->len; i++)
                tb_log(TB_LOG_WARNING, TB_F(), "%s", (const char *)host.config->notes->pdata[i]);
        int rc = args.check      ? 0
                 : args.health   ? ask(host.config)
                 : args.discover ? tb_discover(host.config, stdout)
                                 : run(&host);
        tb_host_config_free(host.config);
        g_free(args.config);
        g_free(args.state_dir);
        return rc;
}
