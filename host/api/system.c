/* The host itself: health, info, drivers, resources, metrics, OpenAPI, documentation page. */
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "host/api/private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/version.h"

static gint64 uptime_s(const TbApi *api)
{
        return (g_get_monotonic_time() - api->started_us) / G_USEC_PER_SEC;
}

/* --- health --- */
/* Names under which monitoring looks for a service, whether there is one or not; some are of the host that
 * Testbed replaces (flask, x11vnc). */
static void add_known(json_t *all)
{
        static const struct {
                const char *name, *is, *without;
        } known[] = {
                {"vnc", "vnc", "off"},     {"novnc", "novnc", "off"},   {"adb", "adb", "unused"},
                {"xvfb", "x11", "unused"}, {"server", "server", "off"}, {"flask", "host", "off"},
                {"x11vnc", "vnc", "off"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
                json_t *state = json_object_get(all, known[i].is);
                json_object_set_new(all, known[i].name,
                                    state ? json_incref(state) : json_string(known[i].without));
        }
}

static json_t *services(TbApi *api)
{
        json_t *all = json_pack("{s:s}", "host", "running");
        json_auto_t *core = tb_core_services_json(api->core);
        json_object_update(all, core);
        json_auto_t *more = api->services ? api->services(api->services_data) : NULL;
        if (more)
                json_object_update(all, more);
        if (api->media)
                json_object_set_new(all, "media", json_string(tb_media_state_name(api->media)));
        add_known(all);
        return all;
}

/* What is switched off on purpose is well. What does not run is a reason, once: the devices of a driver say theirs, and some services
 * have an old name besides. */
static bool all_well(const json_t *services, json_t *reasons)
{
        static const char *const well[] = {"running",  "connected", "idle",     "off",
                                           "disabled", "unused",    "starting", NULL},
                                 *const ours[] = {"media", "vnc", "novnc", "server", NULL};
        const char *name;
        json_t *state;
        bool all = true;
        json_object_foreach ((json_t *)services, name, state) {
                const char *is = json_string_value(state);
                if (!is || g_strv_contains(well, is))
                        continue;
                all = false;
                if (g_strv_contains(ours, name))
                        json_array_append_new(reasons, json_sprintf("the service %s is %s", name, is));
        }
        return all;
}

static void health(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        json_t *all = services(api),
               *reasons = tb_core_problems_json(api->core, tb_request_role(request) >= TB_ROLE_VIEWER);
        bool well = json_array_size(reasons) == 0;
        well = all_well(all, reasons) && well;
        tb_request_reply_json(request, 200,
                              json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "status",
                                        well ? "healthy" : "degraded", "host_name",
                                        tb_core_config(api->core)->name, "version", tb_version, "uptime_s",
                                        (json_int_t)uptime_s(api), "services", all, "reasons", reasons));
}

/* --- info --- */
static json_t *limits(TbApi *api)
{
        const TbHostConfig *config = tb_core_config(api->core);
        const struct {
                const char *name;
                gint64 value;
        } rows[] = {
                {"http_body", TB_LIMIT_HTTP_BODY},
                {"http_headers", TB_LIMIT_HTTP_HEADERS},
                {"json_depth", TB_LIMIT_JSON_DEPTH},
                {"ws_message", TB_LIMIT_WS_MESSAGE},
                {"devices", TB_LIMIT_DEVICES},
                {"interfaces", TB_LIMIT_INTERFACES},
                {"commands_queued", TB_LIMIT_QUEUE},
                {"command_s", TB_LIMIT_COMMAND_S},
                {"events_kept", TB_LIMIT_BUS_REPLAY},
                {"input_events", TB_LIMIT_INPUT_EVENTS},
                {"input_text", TB_LIMIT_INPUT_TEXT},
                {"shell_output", TB_LIMIT_SHELL_OUTPUT},
                {"console_write", TB_LIMIT_CONSOLE_WRITE},
                {"log_lines", TB_LIMIT_LOG_LINES},
                {"samples", TB_LIMIT_SAMPLES},
                {"streams", TB_LIMIT_STREAMS},
                {"lease_s", TB_LIMIT_LEASE_S},
                {"lease_wait_s", TB_LIMIT_LEASE_WAIT_S},
                {"history", (gint64)config->history_limit},
                {"viewers", config->max_viewers},
                {"sdp", TB_LIMIT_SDP},
        };
        json_t *o = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                json_object_set_new(o, rows[i].name, json_integer(rows[i].value));
        return o;
}

/* A page that may not open a WebSocket is not told why by its browser: it asks here, where the same is looked at. */
static void ping(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_empty(request, 204);
}

static void info(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        const TbHostConfig *config = tb_core_config(api->core);
        g_autofree char *glib =
                g_strdup_printf("%u.%u.%u", glib_major_version, glib_minor_version, glib_micro_version);
        json_t *versions = json_pack("{s:s, s:s, s:s, s:s}", "testbed", tb_version, "glib", glib, "jansson",
                                     jansson_version_str(), "libmicrohttpd", MHD_get_version());
        json_t *media = api->media ? tb_media_info(api->media) : json_null();
        json_t *codecs = json_object_get(media, "video");
        json_t *o = json_pack("{s:s, s:s, s:o, s:O, s:o, s:o, s:I, s:s, s:s}", "host_name", config->name,
                              "version", tb_version, "versions", versions, "codecs",
                              codecs ? codecs : json_null(), "media", media, "limits", limits(api),
                              "uptime_s", (json_int_t)uptime_s(api), "role",
                              tb_role_name(tb_request_role(request)), "user", tb_request_user(request));
        g_autofree char *now =
                tb_clock_rfc3339(tb_clock_ms()); /* how old a sample is, is for this clock to say */
        json_object_set_new(o, "time", json_string(now));
        json_object_set_new(o, "vnc_port", json_integer(config->vnc_port));
        json_object_set_new(o, "novnc_port", json_integer(config->novnc_port));
        tb_request_reply_json(request, 200, o);
}

static void drivers(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_json(request, 200, tb_core_drivers_json());
}

static void resources(TbRequest *request, gpointer data)
{
        tb_request_reply_json(request, 200, tb_core_resources_json(((TbApi *)data)->core));
}

/* --- metrics --- */
static gint64 resident_bytes(void)
{
        g_autofree char *text = NULL;
        if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
                return 0;
        g_auto(GStrv) words = g_strsplit(text, " ", 3);
        return g_strv_length(words) > 1 ? g_ascii_strtoll(words[1], NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static guint entries(const char *path)
{
        guint n = 0;
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        while (dir && g_dir_read_name(dir))
                n++;
        return n;
}

static void gauge(GString *out, const char *name, const char *help, double value)
{
        tb_metrics_one(out, TB_METRIC_GAUGE, name, help, value);
}

static void counter(GString *out, const char *name, const char *help, guint64 value)
{
        tb_metrics_one(out, TB_METRIC_COUNTER, name, help, (double)value);
}

static void media_metrics(GString *out, TbMedia *media)
{
        TbMediaStats s;
        tb_media_get_stats(media, &s);
        tb_metrics_head(out, TB_METRIC_GAUGE, "testbed_viewers", "Who watches now.");
        tb_metrics_line(out, "testbed_viewers", "kind=\"webrtc\"", s.peers);
        tb_metrics_line(out, "testbed_viewers", "kind=\"mjpeg\"", s.mjpeg);
        tb_metrics_line(out, "testbed_viewers", "kind=\"raw\"", s.sinks);
        gauge(out, "testbed_video_sources_live", "Screens and cameras that are captured.", s.hubs_live);
        gauge(out, "testbed_video_encoders", "Encoders that run.", s.encoders);
        counter(out, "testbed_viewers_total", "WebRTC viewers that came.", s.peers_total);
        counter(out, "testbed_viewers_refused_total", "WebRTC viewers beyond the limit.", s.peers_refused);
        counter(out, "testbed_video_frames_total", "Captured frames.", s.frames_in);
        counter(out, "testbed_video_frames_encoded_total", "Encoded frames.", s.frames_encoded);
        counter(out, "testbed_video_frames_dropped_total", "Frames that no encoder had time for.",
                s.frames_dropped);
        counter(out, "testbed_video_keyframes_total", "Encoded keyframes.", s.keyframes);
        counter(out, "testbed_video_sent_bytes_total", "RTP bytes to WebRTC viewers.", s.bytes_sent);
}

static void collect(GString *out, gpointer data)
{
        TbApi *api = data;
        gauge(out, "testbed_uptime_seconds", "Since the start.", (double)uptime_s(api));
        gauge(out, "testbed_resident_bytes", "Memory of this process.", (double)resident_bytes());
        gauge(out, "testbed_open_fds", "File descriptors of this process.", entries("/proc/self/fd"));
        gauge(out, "testbed_threads", "Threads of this process.", entries("/proc/self/task"));
        gauge(out, "testbed_whep_sessions", "WHEP sessions that are open.", g_hash_table_size(api->whep));
        gauge(out, "testbed_console_sockets", "WebSockets on consoles.", api->consoles.length);
        if (api->media)
                media_metrics(out, api->media);
}

static void metrics(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autofree char *text = api->metrics ? tb_metrics_text(api->metrics) : g_strdup("");
        tb_request_reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}

/* --- documentation --- */
static void openapi(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_http_reply_openapi(request, "Testbed host",
                              "Routes below /host/devices/{id}/ are shown with an interface that is named "
                              "after its kind, as it is by default; "
                              "put the interface's own name there if it has another. Errors are RFC 9457 "
                              "problem+json. Control calls carry "
                              "X-Lease when the device is leased.",
                              "..");
}

static void docs(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autofree char *path = g_build_filename(tb_core_config(api->core)->web_dir, "docs.html", NULL);
        tb_request_reply_file(request, path);
}

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/health",
         .role = TB_ROLE_NONE,
         .handler = health,
         .tag = "host",
         .summary = "Whether all is well, answered from the main loop",
         .answers = "200 application/json Health"},
        {.method = "POST",
         .path = "/host/ping",
         .role = TB_ROLE_VIEWER,
         .handler = ping,
         .tag = "host",
         .summary = "Nothing but the checks of every change: Host, Origin, token. For a page whose "
                    "WebSockets do not open",
         .answers = "204; 403; 421"},
        {.method = "GET",
         .path = "/host/info",
         .role = TB_ROLE_VIEWER,
         .query = tb_no_params,
         .handler = info,
         .tag = "host",
         .summary = "Versions, codecs, limits",
         .answers = "200 application/json Info"},
        {.method = "GET",
         .path = "/host/drivers",
         .role = TB_ROLE_VIEWER,
         .query = tb_no_params,
         .handler = drivers,
         .tag = "host",
         .summary = "Every driver: kinds, typed parameters, help",
         .answers = "200 application/json DriverList"},
        {.method = "GET",
         .path = "/host/resources",
         .role = TB_ROLE_VIEWER,
         .query = tb_no_params,
         .handler = resources,
         .tag = "host",
         .summary = "Discovered hardware that can be attached",
         .answers = "200 application/json ResourceList"},
        {.method = "GET",
         .path = "/metrics",
         .role = TB_ROLE_VIEWER,
         .handler = metrics,
         .tag = "host",
         .summary = "Prometheus text format",
         .answers = "200 text/plain"},
        {.method = "GET",
         .path = "/host/openapi.json",
         .role = TB_ROLE_NONE,
         .handler = openapi,
         .tag = "host",
         .summary = "This description",
         .answers = "200 application/json"},
        {.method = "GET", .path = "/docs", .role = TB_ROLE_NONE, .flags = TB_ROUTE_HIDDEN, .handler = docs},
        {.method = NULL},
};

void tb_api_add_system(TbApi *api)
{
        if (api->metrics)
                tb_metrics_collector(api->metrics, collect, api);
        tb_http_add_routes(api->http, routes, api);
}
