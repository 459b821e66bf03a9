/*
 * WebRTC as astrophotograph's pages ask for it: offer in, answer out, by JSON. Each is a viewer of WHEP (host/api/whep.c), with its data
 * channels; all of our candidates are in the answer, so the stream of them says only that it is alive.
 */
#include <string.h>

#include "host/api/compat/scope_words.h"
#include "host/api/compat/scopes.h"
#include "host/api/whep_private.h"
#include "host/media/link/viewer_state.h"
#include "lib/clock.h"
#include "lib/ice.h"
#include "lib/limits.h"

#define ALIVE_S 1

static void answered(TbWhep *w, TbRequest *request, const char *sdp)
{
        tb_request_reply_json(request, 200,
                              json_pack("{s:s, s:{s:s, s:s}}", "session_id", w->id, "answer", "sdp", sdp,
                                        "type", "answer"));
}

static void create(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        json_t *body = tb_request_json(request), *offer = json_object_get(body, "offer");
        const char *stream = json_string_value(json_object_get(body, "stream_type")),
                   *sdp = json_string_value(json_object_get(offer, "sdp"));
        TbInterface *mount = NULL, *video = NULL;
        if (!sdp)
                tb_error_set_field(&error, TB_ERROR_INVALID, "offer.sdp", "offer.sdp is missing, or no text");
        else if ((mount = tb_scope_find(api, json_string_value(json_object_get(body, "telescope_name")),
                                        &error)))
                video = tb_scope_video(mount, stream, &error);
        if (!video) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_whep_offer(api, request,
                      &(TbWhepOffer){.device = tb_device_id(tb_interface_device(video)),
                                     .interface = tb_interface_name(video),
                                     .sdp = sdp,
                                     .answered = answered,
                                     .stream = strcmp(stream, "stacked") == 0 ? "stacked" : "live"});
}

/* --- those that are there --- */
/* A session's id is what lets its viewer change and end it: nobody is shown another's, or may use it. */
static bool is_theirs(const TbWhep *w, TbRequest *request)
{
        return w->peer && w->stream && g_strcmp0(w->user, tb_request_user(request)) == 0;
}

static TbWhep *find(TbApi *api, TbRequest *request)
{
        TbWhep *w = g_hash_table_lookup(api->whep, tb_request_arg(request, "session"));
        if (w && is_theirs(w, request))
                return w;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_NOT_FOUND, "there is no such session; it may have ended");
        tb_request_reply_error(request, error);
        return NULL;
}

static json_t *describe(const TbWhep *w)
{
        json_auto_t *viewer = tb_peer_to_json(w->peer);
        const char *state = json_string_value(json_object_get(viewer, "state"));
        return json_pack("{s:s, s:s, s:s, s:s, s:[]}", "session_id", w->id, "telescope_name", w->device,
                         "stream_type", w->stream, "state",
                         g_strcmp0(state, "disconnected") == 0 ? "failed" : state, "ice_candidates");
}

static void list(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        json_t *all = json_array();
        GHashTableIter i;
        gpointer w;
        g_hash_table_iter_init(&i, api->whep);
        while (g_hash_table_iter_next(&i, NULL, &w))
                if (is_theirs(w, request))
                        json_array_append_new(all, describe(w));
        tb_request_reply_json(request, 200, all);
}

static void get(TbRequest *request, gpointer data)
{
        TbWhep *w = find(data, request);
        if (w)
                tb_request_reply_json(request, 200, describe(w));
}

static void end(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        TbWhep *w = find(api, request);
        if (!w)
                return;
        tb_peer_close(w->peer, "the viewer left");
        g_hash_table_remove(api->whep, w->id);
        tb_request_reply_json(request, 200,
                              json_pack("{s:b, s:s}", "success", 1, "message", "the session is closed"));
}

static void add_candidate(TbRequest *request, gpointer data)
{
        g_autoptr(GError) error = NULL;
        TbWhep *w = find(data, request);
        if (!w)
                return;
        g_autofree char *fragment = tb_scope_fragment(tb_request_json(request), &error);
        if (fragment && tb_peer_add_sdpfrag(w->peer, fragment, &error))
                tb_request_reply_json(request, 200, json_pack("{s:b}", "success", 1));
        else
                tb_request_reply_error(request, error);
}

/* --- the stream of our candidates: "keepalive" each second, until the session ends --- */
typedef struct Alive {
        TbApi *api;
        TbPush *push; /* borrowed */
        char *session;
        guint timer;
} Alive;

static void alive_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Alive *a = data;
        if (a->timer)
                g_source_remove(a->timer);
        g_free(a->session);
        g_free(a);
}

static gboolean alive_again(gpointer data)
{
        Alive *a = data;
        if (g_hash_table_lookup(a->api->whep, a->session)) {
                tb_sse_send(a->push, NULL, NULL, "{\"type\":\"keepalive\"}");
                return G_SOURCE_CONTINUE;
        }
        a->timer = 0;
        tb_push_close(a->push); /* frees it */
        return G_SOURCE_REMOVE;
}

static void candidates(TbRequest *request, gpointer data)
{
        TbWhep *w = find(data, request);
        if (!w)
                return;
        Alive *a = g_new0(Alive, 1);
        a->api = data;
        a->session = g_strdup(w->id);
        a->push = tb_request_reply_sse(request, alive_gone, a);
        if (!a->push) {
                alive_gone(NULL, a);
                return;
        }
        tb_sse_send(a->push, NULL, NULL, "{\"type\":\"keepalive\"}");
        a->timer = g_timeout_add_seconds(ALIVE_S, alive_again, a);
}

static void config(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_json(request, 200,
                              json_pack("{s:o}", "iceServers",
                                        tb_ice_servers(&tb_core_config(api->core)->ice,
                                                       tb_request_user(request), tb_clock_ms())));
}

static const TbParam create_params[] = {
        {.name = "telescope_name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .help = "the device, its label, or the telescope's serial number"},
        {.name = "offer", .type = TB_PARAM_OBJECT, .required = true, .help = "{sdp, type: \"offer\"}"},
        {.name = "stream_type",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("live", "stacked"),
         .fallback = "\"live\"",
         .help = "which picture"},
        TB_PARAM_END,
};
static const TbParam candidate_params[] = {
        {.name = "candidate",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_URI,
         .help = "candidate:…"},
        {.name = "sdpMLineIndex", .type = TB_PARAM_INT, .min = 0, .max = 63, .help = "which section"},
        {.name = "sdpMid", .type = TB_PARAM_STRING, .max = 64, .help = "its name"},
        {.name = "usernameFragment", .type = TB_PARAM_STRING, .max = 256, .help = "of which ICE"},
        TB_PARAM_END,
};

#define ROUTE(method_, path_, flags_, handler_, summary_, answers_)                                          \
        .method = method_, .path = "/api/webrtc" path_, .role = TB_ROLE_VIEWER,                              \
        .flags = TB_ROUTE_FOREIGN | (flags_), .handler = handler_, .tag = "compatibility",                   \
        .summary = summary_, .answers = answers_

static const TbRoute routes[] = {
        {ROUTE("GET", "/config", 0, config, "ALP Experimental: ICE servers", "200 application/json Compat")},
        {ROUTE("GET", "/sessions", 0, list, "ALP Experimental: your sessions",
               "200 application/json Compat")},
        {ROUTE("POST", "/sessions", 0, create, "ALP Experimental: watch a telescope by WebRTC",
               "200 application/json Compat; 400; 404; 413; 422; 429; 503"),
         .body = TB_BODY_JSON, .json = create_params},
        {ROUTE("GET", "/sessions/{session}", 0, get, "ALP Experimental: one of them",
               "200 application/json Compat; 404")},
        {ROUTE("DELETE", "/sessions/{session}", 0, end, "ALP Experimental: stop watching",
               "200 application/json Compat; 404")},
        {ROUTE("POST", "/sessions/{session}/ice-candidates", 0, add_candidate,
               "ALP Experimental: a candidate of the viewer", "200 application/json Compat; 400; 404; 429"),
         .body = TB_BODY_JSON, .json = candidate_params},
        {ROUTE("GET", "/sessions/{session}/ice-candidates/stream", TB_ROUTE_STREAMING, candidates,
               "ALP Experimental: candidates of the host (all are in the answer)",
               "200 text/event-stream; 404")},
        {.method = NULL},
};

void tb_compat_add_scope_sessions(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
