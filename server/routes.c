#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/policy.h"
#include "lib/limits.h"
#include "lib/qr.h"
#include "lib/server_limits.h"
#include "lib/version.h"
#include "server/phone_links.h"
#include "server/server_private.h"

/* --- pages --- */
static void reply_page(TbRequest *request, TbServer *server, const char *name)
{
        g_autofree char *path = g_build_filename(server->config->web_dir, name, NULL);
        tb_request_reply_file(request, path);
}

static void desktop_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/index.html");
}

static void phone_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/phone.html");
}

static void watch_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/watch.html");
}

static void account_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/account.html");
}

static void users_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/users.html");
}

static void links_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/links.html");
}

static void timeline_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/timeline.html");
}

static void capture_page(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autofree char *bucket = tb_blobs_client_origin(server->blobs);
        tb_request_allow_connect(request, bucket); /* clips go there */
        reply_page(request, server, "server/capture.html");
}

/* Below the page's own address: a worker serves no page above the folder that it comes from. */
static void capture_worker(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/capture-worker.js");
}

static void diagnose_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/diagnose.html");
}

static void wall_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/wall.html");
}

static void call_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "server/call.html");
}

static void docs_page(TbRequest *request, gpointer data)
{
        reply_page(request, data, "docs.html");
}

static void favicon(TbRequest *request, gpointer data)
{
        reply_page(request, data, "favicon.svg");
}

/* --- sessions --- */
const char *tb_server_session_token(TbRequest *request)
{
        const char *header = tb_request_header(request, "X-Session-Token");
        return header ? header : tb_request_query_string(request, "token");
}

const char *tb_server_base_url(TbRequest *request, TbServer *server)
{
        return server->config->url ? server->config->url : tb_request_base_url(request);
}

static void put_url(json_t *o, const char *key, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void put_url(json_t *o, const char *key, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *url = g_strdup_vprintf(format, args);
        va_end(args);
        json_object_set_new(o, key, json_string(url));
}

/* A session that was made, until it is written: the 201 says that it survives us. */
typedef struct Created {
        TbRequest *request; /* ref */
        json_t *answer;     /* owned */
} Created;

/* When the disk does not take it in time the session is given all the same: it exists, and /health says what is wrong. */
static void on_written(bool written G_GNUC_UNUSED, gpointer data)
{
        Created *created = data;
        tb_request_reply_json(created->request, 201, created->answer);
        tb_request_unref(created->request);
        g_free(created);
}

static bool within_creations(TbRequest *request, TbServer *server, GError **error)
{
        double wait_s = 0;
        char net[TB_NET_KEY];
        tb_net_share_key(tb_request_peer(request), net);
        if (tb_rates_take(server->creations, net, 1, g_get_monotonic_time(), &wait_s))
                return true;
        g_autofree char *seconds = g_strdup_printf("%d", (int)ceil(wait_s));
        tb_request_add_header(request, "Retry-After", seconds);
        tb_set_error(error, TB_ERROR_LIMIT, "more than %u sessions a minute from one address",
                     server->config->sessions_per_minute);
        return false;
}

static TbSession *make_session(TbRequest *request, TbServer *server, TbSessionAsk ask, char **ret_token,
                               char **ret_view, GError **error)
{
        char net[TB_NET_KEY], wide[TB_NET_KEY];
        bool open = tb_auth_is_open(server->config->auth);
        tb_net_share_key(tb_request_peer(request), net);
        tb_net_wide_key(tb_request_peer(request), wide);
        ask.share = open ? net : tb_request_user(request);
        ask.wide = wide;
        ask.trusted = !open && tb_request_role(request) >= TB_ROLE_OPERATOR;
        TbSession *session =
                tb_pairing_create(server->pairing, &ask, tb_clock_mono_ms(), ret_token, ret_view, error);
        if (!session && tb_error_status(*error) != 404)
                tb_request_add_header(request, "Retry-After",
                                      "30"); /* ended sessions are cleared away so often */
        return session;
}

static json_t *session_links(TbRequest *request, TbServer *server, TbSession *session, const char *token,
                             const char *view, bool control)
{
        const char *id = tb_session_id(session), *base = tb_server_base_url(request, server);
        gint64 ends_ms = tb_session_expires_ms(session);
        g_autofree char *expires = ends_ms == G_MAXINT64 ? NULL : tb_clock_rfc3339(tb_clock_wall_of(ends_ms));
        json_t *o = json_pack("{s:s, s:s, s:s?}", "sessionId", id, "token", token, "expiresAt", expires);
        if (tb_session_is_device(session)) {
                put_url(o, "viewUrl", "%s/v/%s#token=%s", base, id, view);
                if (control)
                        put_url(o, "controlUrl", "%s/v/%s#token=%s", base, id, token);
                put_url(o, "desktopUrl", "%s/v/%s#token=%s", base, id, token);
        } else {
                tb_phone_links(request, server, o, id, token);
                tb_session_put_phones(session, o);
                put_url(o, "desktopUrl", "%s/#sessionId=%s&token=%s", base, id, token);
        }
        return o;
}

/* Of what he may not see, nobody learns whether it is there. */
static bool may_share(TbRequest *request, const char *name, bool control, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(name, "/", 2);
        TbRole least = control ? TB_ROLE_OPERATOR : TB_ROLE_VIEWER,
               role = parts[0] && parts[1] ? tb_caller_role(tb_request_caller(request), parts[0], parts[1])
                                           : tb_request_role(request);
        if (role >= least)
                return true;
        if (role == TB_ROLE_NONE && tb_request_role(request) >= TB_ROLE_VIEWER)
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "device", "no host \"%s\" is connected",
                                   parts[0] ? parts[0] : "");
        else
                tb_set_error(error, TB_ERROR_FORBIDDEN, "a %s session of a device needs the role %s%s",
                             control ? "control" : "view", tb_role_name(least),
                             tb_request_role(request) >= least ? " there" : "");
        return false;
}

static void create_session(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        json_t *in = tb_request_json(request);
        bool control = strcmp(json_string_value(json_object_get(in, "mode")), "control") == 0;
        TbSessionAsk ask = {.device = json_string_value(json_object_get(in, "device")),
                            .mode = control ? TB_MODE_CONTROL : TB_MODE_VIEW,
                            .observers = (guint)json_integer_value(json_object_get(in, "observers")),
                            .phones = (guint)json_integer_value(json_object_get(in, "phones")),
                            .note = json_string_value(json_object_get(in, "note"))};
        g_autofree char *token = NULL, *view = NULL;
        g_autoptr(GError) error = NULL;
        TbSession *session = NULL;
        if (within_creations(request, server, &error)) {
                if ((!ask.device || may_share(request, ask.device, control, &error)) &&
                    tb_server_life(request, in, &ask.life_s, &error))
                        session = make_session(request, server, ask, &token, &view, &error);
        }
        if (!session) {
                tb_request_reply_error(request, error);
                return;
        }
        Created *created = g_new0(Created, 1);
        created->request = tb_request_ref(request);
        created->answer = session_links(request, server, session, token, view, control);
        tb_persist_when_written(server->persist, on_written, created);
}

static TbSession *find(TbRequest *request, TbServer *server)
{
        TbSession *session =
                tb_pairing_find(server->pairing, tb_request_arg(request, "id"), tb_clock_mono_ms());
        if (!session) {
                g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_NOT_FOUND,
                                                              "there is no such session, or it has expired");
                tb_request_reply_error(request, error);
        }
        return session;
}

static void get_session(TbRequest *request, gpointer data)
{
        TbSession *session = find(request, data);
        if (session)
                tb_request_reply_json(request, 200, tb_session_status(session));
}

static void reply_qr(TbRequest *request, TbServer *server, const char *type,
                     GBytes *(*make)(const char *text, GError **error))
{
        TbSession *session = find(request, server);
        const char *token = tb_server_session_token(request);
        g_autoptr(GError) error = NULL;
        if (!session)
                return;
        if (!token || !tb_session_check(session, token, NULL)) {
                error = g_error_new_literal(TB_ERROR, token ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                                            "the session's token is needed: X-Session-Token, or ?token=…");
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *base = tb_phone_base_asked(request, server);
        if (!base)
                return;
        g_autofree char *url =
                g_strdup_printf("%s/%s/%s#token=%s", base, tb_session_is_device(session) ? "v" : "m",
                                tb_session_id(session), token);
        g_autoptr(GBytes) picture = make(url, &error);
        if (!picture) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_request_add_header(request, "Cache-Control", "no-store"); /* it is a secret */
        tb_request_reply_bytes(request, 200, type, picture);
}

static void qr_svg(TbRequest *request, gpointer data)
{
        reply_qr(request, data, "image/svg+xml", tb_qr_svg);
}

static void qr_png(TbRequest *request, gpointer data)
{
        reply_qr(request, data, "image/png", tb_qr_png);
}

/* --- the rest --- */
static void get_ice(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        tb_request_reply_json(
                request, 200,
                json_pack("{s:o}", "iceServers",
                          tb_ice_servers(&server->config->ice, tb_request_user(request), tb_clock_ms())));
}

static void health(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *trouble = tb_persist_trouble(server->persist);
        if (!trouble && server->redis && tb_redis_state(server->redis) == TB_REDIS_FAILING)
                trouble = tb_redis_reason(server->redis);
        json_t *o = json_pack("{s:s, s:s, s:s, s:I}", "service", "Testbed pairing server", "status",
                              trouble ? "degraded" : "running", "version", tb_version, "uptime_s",
                              (json_int_t)((tb_clock_mono_ms() - server->started_ms) / 1000));
        if (server->beats)
                json_object_set_new(o, "servers", json_integer(tb_beats_count(server->beats)));
        if (trouble)
                json_object_set_new(o, "reason", json_string(trouble));
        tb_request_reply_json(request, 200, o);
}

static void metrics(TbRequest *request, gpointer data)
{
        g_autofree char *text = tb_metrics_text(((TbServer *)data)->metrics);
        tb_request_reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}

static void openapi(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_http_reply_openapi(request, "Testbed server", "Pairing of phones, desktops and hosts", ".");
}

static TbParam session_params[] = {
        {.name = "device",
         .type = TB_PARAM_STRING,
         .min = 3,
         .max = 2 * TB_LIMIT_ID + 1,
         .help = "\"host/device\": that host is the producer"},
        {.name = "mode",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("view", "control"),
         .fallback = "\"view\"",
         .help = "what the token allows"},
        {.name = "phones",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_PHONES_OF_SESSION,
         .fallback = "1",
         .help = "how many phones may be in it at once, where no device is named"},
        {.name = "observers",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_OBSERVERS,
         .fallback = "8",
         .help = "how many may watch at once"},
        TB_SERVER_TERMS,
        TB_PARAM_END,
};

void tb_server_session_limits(void)
{
        static char fewer[12];
        g_snprintf(fewer, sizeof fewer, "%u", tb_server_limits.observers);
        tb_server_terms_limits();
        for (TbParam *p = session_params; p->name; p++) {
                if (strcmp(p->name, "phones") == 0)
                        p->max = tb_server_limits.phones;
                if (strcmp(p->name, "observers") != 0)
                        continue;
                p->max = tb_server_limits.observers;
                if (tb_server_limits.observers < 8)
                        p->fallback = fewer;
        }
}

const TbRoute tb_server_routes[] = {
        {.method = "GET", .path = "/", .flags = TB_ROUTE_HIDDEN, .handler = desktop_page},
        {.method = "GET", .path = "/m/{id}", .flags = TB_ROUTE_HIDDEN, .handler = phone_page},
        {.method = "GET", .path = "/v/{id}", .flags = TB_ROUTE_HIDDEN, .handler = watch_page},
        {.method = "GET", .path = "/links", .flags = TB_ROUTE_HIDDEN, .handler = links_page},
        {.method = "GET", .path = "/timeline", .flags = TB_ROUTE_HIDDEN, .handler = timeline_page},
        {.method = "GET", .path = "/capture", .flags = TB_ROUTE_HIDDEN, .handler = capture_page},
        {.method = "GET", .path = "/capture-worker.js", .flags = TB_ROUTE_HIDDEN, .handler = capture_worker},
        {.method = "GET", .path = "/diagnose", .flags = TB_ROUTE_HIDDEN, .handler = diagnose_page},
        {.method = "GET", .path = "/account", .flags = TB_ROUTE_HIDDEN, .handler = account_page},
        {.method = "GET", .path = "/users", .flags = TB_ROUTE_HIDDEN, .handler = users_page},
        {.method = "GET", .path = "/wall", .flags = TB_ROUTE_HIDDEN, .handler = wall_page},
        {.method = "GET", .path = "/call", .flags = TB_ROUTE_HIDDEN, .handler = call_page},
        {.method = "GET", .path = "/docs", .flags = TB_ROUTE_HIDDEN, .handler = docs_page},
        {.method = "GET", .path = "/favicon.ico", .flags = TB_ROUTE_HIDDEN, .handler = favicon},
        {.method = "POST",
         .path = "/api/session",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_STRANGERS |
                  TB_ROUTE_GRANTED, /* a phone is paired without tokens; devices ask for the role */
         .body = TB_BODY_JSON,
         .json = session_params,
         .max_body = 16 * 1024,
         .handler = create_session,
         .tag = "sessions",
         .summary = "Create a session: {} for a phone, or one on a device",
         .answers = "201 application/json Session; 400; 403; 404; 429; 503"},
        {.method = "GET",
         .path = "/api/session/{id}",
         .handler = get_session,
         .tag = "sessions",
         .summary = "Presence and times of a session",
         .answers = "200 application/json Status; 404"},
        {.method = "GET",
         .path = "/api/session/{id}/qr.svg",
         .handler = qr_svg,
         .tag = "sessions",
         .summary = "The phone's address as a QR code; ?token=, ?base= one of those of `phoneUrls`",
         .answers = "200 image/svg+xml; 400; 401; 403; 404"},
        {.method = "GET",
         .path = "/api/session/{id}/qr.png",
         .handler = qr_png,
         .tag = "sessions",
         .summary = "The same as PNG; ?token=, ?base=",
         .answers = "200 image/png; 400; 401; 403; 404"},
        {.method = "GET",
         .path = "/api/ice",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = get_ice,
         .tag = "sessions",
         .summary = "STUN and TURN servers with time-limited credentials"},
        {.method = "GET",
         .path = "/health",
         .handler = health,
         .tag = "system",
         .summary = "Whether the server is running, or degraded, and why"},
        {.method = "GET",
         .path = "/metrics",
         .handler = metrics,
         .tag = "system",
         .summary = "Prometheus metrics",
         .answers = "200 text/plain"},
        {.method = "GET",
         .path = "/openapi.json",
         .handler = openapi,
         .tag = "system",
         .summary = "This description"},
        {.method = "GET",
         .path = "/ws",
         .flags = TB_ROUTE_WEBSOCKET,
         .handler = tb_server_upgrade,
         .tag = "sessions",
         .summary = "Signaling and relay",
         .answers = "101; 426; 429"},
        {.method = NULL},
};
