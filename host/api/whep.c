/*
 * WHEP: WebRTC for a viewer by HTTP (draft-ietf-wish-whep; statuses and trickle as RFC 9725 has them for
 * WHIP). The viewer offers, we answer. POST .../whep            application/sdp -> 201, Location, ETag, Link
 * (ICE servers), the answer PATCH {Location}         application/trickle-ice-sdpfrag -> 204 DELETE {Location}
 * -> 200;  GET {Location} -> statistics of this viewer The data channel `control` speaks the messages of
 * /host/ws with the rights of whoever sent the POST; `sensor` carries samples of the device.
 */
#include <string.h>

#include "host/api/private.h"
#include "host/media/gstreamer.h"
#include "host/media/peer.h"
#include "lib/clock.h"
#include "lib/ice.h"
#include "lib/limits.h"
#include "lib/log.h"

/* at most, for an allocation: a few round trips, and on a bad line one more try. The answer is our only
 * message. */
#define TURN_WAIT_MS 1500
#define SDPFRAG "application/trickle-ice-sdpfrag"

typedef struct TbWhep {
        TbApi *api;   /* borrowed */
        TbPeer *peer; /* borrowed until `closed` */
        char *id, *etag, *device;
        char *location, *user, *lease, *log_id;
        TbRole role;
        TbRequest *request;          /* ref; the POST that waits for the answer; NULL: answered */
        TbControl *control, *sensor; /* owned; NULL: the channel is not open */
} TbWhep;

/* --- data channels --- */
static bool channel_control_send(const char *text, gsize size G_GNUC_UNUSED, gpointer data)
{
        return tb_peer_send(((TbWhep *)data)->peer, "control", text, NULL);
}

static bool channel_sensor_send(const char *text, gsize size G_GNUC_UNUSED, gpointer data)
{
        return tb_peer_send(((TbWhep *)data)->peer, "sensor", text, NULL);
}

static const TbControlOps control_ops = {.send = channel_control_send, .max = TB_LIMIT_CHANNEL_MESSAGE};
static const TbControlOps sensor_ops = {.send = channel_sensor_send, .max = TB_LIMIT_CHANNEL_MESSAGE};

static void on_channel(TbPeer *peer G_GNUC_UNUSED, const char *channel, bool open, void *data)
{
        TbWhep *w = data;
        bool is_control = strcmp(channel, "control") == 0;
        TbControl **slot = is_control ? &w->control : &w->sensor;
        if (!is_control && strcmp(channel, "sensor") != 0)
                return;
        g_clear_pointer(slot, tb_control_free);
        if (!open)
                return;
        TbActor actor = {w->user, w->role, w->lease, "datachannel", w->log_id};
        *slot = tb_control_new(w->api->core, &actor, NULL, is_control ? &control_ops : &sensor_ops, w);
        if (!is_control) {
                g_autofree char *topic = g_strconcat("sensor:", w->device, NULL);
                tb_control_subscribe(w->sensor, topic, -1, NULL);
        }
}

static void on_message(TbPeer *peer G_GNUC_UNUSED, const char *channel, const char *bytes, gsize length,
                       bool text G_GNUC_UNUSED, void *data)
{
        TbWhep *w = data;
        TbControl *control = strcmp(channel, "control") == 0  ? w->control
                             : strcmp(channel, "sensor") == 0 ? w->sensor
                                                              : NULL;
        if (control)
                tb_control_receive(control, bytes, length);
}

/* --- life --- */
static void whep_free(TbWhep *w)
{
        g_hash_table_remove(w->api->whep, w->id);
        tb_control_free(w->control);
        tb_control_free(w->sensor);
        if (w->request)
                tb_request_unref(w->request);
        g_free(w->id);
        g_free(w->etag);
        g_free(w->device);
        g_free(w->location);
        g_free(w->user);
        g_free(w->lease);
        g_free(w->log_id);
        g_free(w);
}

/* Fresh credentials for who asks; the caller owns the reference. */
static json_t *ice_servers(TbApi *api, const char *user)
{
        return tb_ice_servers(&tb_core_config(api->core)->ice, user, tb_clock_ms());
}

/* The viewer's side of them: Link headers (RFC 9725 section 4.6). */
static void add_ice_links(TbApi *api, TbRequest *request)
{
        json_auto_t *servers = ice_servers(api, tb_request_user(request));
        g_auto(GStrv) links = tb_ice_links(servers);
        for (char **link = links; *link; link++)
                tb_request_add_header(request, "Link", *link);
        if (json_array_size(servers) > 0)
                tb_request_add_header(request, "Cache-Control", "no-store");
}

static TbRequest *take_request(TbWhep *w)
{
        TbRequest *request = g_steal_pointer(&w->request);
        if (request)
                tb_request_on_gone(request, NULL, NULL);
        return request;
}

static void on_answer(TbPeer *peer G_GNUC_UNUSED, const char *sdp, const GError *error, void *data)
{
        TbWhep *w = data;
        TbRequest *request = take_request(w);
        if (!request)
                return;
        if (error) {
                tb_request_reply_error(request, error);
        } else {
                tb_request_add_header(request, "Location", w->location);
                tb_request_add_header(request, "ETag", w->etag);
                tb_request_add_header(request, "Accept-Patch", SDPFRAG);
                add_ice_links(w->api, request);
                tb_request_reply_text(request, 201, "application/sdp", sdp);
        }
        tb_request_unref(request);
}

static void on_closed(TbPeer *peer G_GNUC_UNUSED, const char *reason, void *data)
{
        TbWhep *w = data;
        TbRequest *request = take_request(w);
        if (request) {
                g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                                      "the session ended before it was answered: %s", reason);
                tb_request_reply_error(request, error);
                tb_request_unref(request);
        }
        tb_log(TB_LOG_INFO, TB_F("device", w->device, "session", w->log_id, "user", w->user),
               "viewer left: %s", reason);
        w->peer = NULL;
        whep_free(w);
}

static const TbPeerCallbacks callbacks = {
        .answer = on_answer, .channel = on_channel, .message = on_message, .closed = on_closed};

static void on_gone(TbRequest *request, gpointer data)
{
        TbWhep *w = data;
        w->request = NULL;
        tb_peer_close(w->peer, "the viewer left before the answer");
        tb_request_unref(request);
}

static TbPeer *start_peer(TbWhep *w, TbRequest *request, TbHub *hub, GError **error)
{
        gsize size = 0;
        const char *offer = g_bytes_get_data(tb_request_body(request), &size);
        if (size > TB_LIMIT_SDP) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "an offer has at most %d bytes", TB_LIMIT_SDP);
                return NULL;
        }
        if (size == 0 || memchr(offer, '\0', size)) {
                tb_set_error(error, TB_ERROR_INVALID, "the body is no SDP");
                return NULL;
        }
        g_autofree char *sdp = g_strndup(offer, size);
        g_autofree char *label = g_strdup_printf("%s %s", tb_request_peer(request), w->user);
        json_auto_t *servers = ice_servers(w->api, w->user);
        g_auto(GStrv) uris = tb_ice_uris(servers);
        const TbPlaceBy by = tb_api_place_by(request);
        TbPeerOptions options = {.by = &by, .label = label, .ice_servers = (const char *const *)uris};
        for (char **uri = uris; *uri; uri++)
                if (g_str_has_prefix(*uri, "turn")) { /* turns: too */
                        options.answer_wait_ms = TURN_WAIT_MS;
                        options.answer_at_relay = true;
                }
        return tb_peer_new(w->api->media, hub, sdp, &options, &callbacks, w, error);
}

static void answer_offer(TbApi *api, TbRequest *request, const char *device, const char *interface)
{
        g_autoptr(GError) error = NULL;
        TbHub *hub = NULL;
        if (!api->media || api->stopping)
                tb_set_error(&error, TB_ERROR_UNAVAILABLE,
                             api->stopping ? "the host is stopping" : "this host runs without video");
        else
                hub = tb_media_find_hub(api->media, device, interface, &error);
        if (!hub) {
                tb_request_reply_error(request, error);
                return;
        }
        TbActor actor = tb_api_actor(request);
        TbWhep *w = g_new0(TbWhep, 1);
        w->api = api;
        w->id = tb_random_token(16);
        w->etag = g_strdup_printf("\"%.8s\"", w->id);
        w->device = g_strdup(device);
        w->location = tb_api_location(request, "/host/devices/%s/%s/whep/%s", device, interface, w->id);
        w->user = g_strdup(actor.user);
        w->lease = g_strdup(actor.lease);
        w->role = actor.role;
        w->log_id = g_strdup(actor.request);
        w->peer = start_peer(w, request, hub, &error);
        if (!w->peer) {
                if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT))
                        tb_request_add_header(request, "Retry-After", "5");
                tb_request_reply_error(request, error);
                whep_free(w);
                return;
        }
        g_hash_table_insert(api->whep, w->id, w);
        w->request = tb_request_ref(request);
        tb_request_on_gone(request, on_gone, w);
}

/* --- an offer that comes before GStreamer has started waits for it --- */
typedef struct Early {
        TbApi *api;         /* borrowed */
        TbRequest *request; /* ref */
} Early;

static void early_free(Early *e)
{
        g_queue_remove(&e->api->early_offers, e);
        tb_request_unref(e->request);
        g_free(e);
}

static void on_started(gpointer data)
{
        Early *e = data;
        tb_request_on_gone(e->request, NULL, NULL);
        answer_offer(e->api, e->request, tb_request_arg(e->request, "id"),
                     tb_request_arg(e->request, "interface"));
        early_free(e);
}

static void refuse_early(TbApi *api)
{
        for (Early *e; (e = g_queue_peek_head(&api->early_offers));) {
                tb_gstreamer_unwait(e);
                on_started(e); /* says that the host is stopping */
        }
}

static void on_early_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        tb_gstreamer_unwait(data);
        early_free(data);
}

static void post(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        Early *e = g_new(Early, 1);
        *e = (Early){api, request};
        if (!api->media || api->stopping || !tb_gstreamer_wait(on_started, e)) {
                g_free(e);
                answer_offer(api, request, tb_device_id(tb_interface_device(iface)),
                             tb_interface_name(iface));
                return;
        }
        tb_request_ref(request);
        g_queue_push_tail(&api->early_offers, e);
        tb_request_on_gone(request, on_early_gone, e);
}

/* The id is 128 random bits: who knows it is the viewer. */
static TbWhep *session_of(TbApi *api, TbRequest *request)
{
        TbWhep *w = g_hash_table_lookup(api->whep, tb_request_arg(request, "session"));
        if (w && w->peer && strcmp(w->device, tb_request_arg(request, "id")) == 0)
                return w;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_NOT_FOUND, "there is no such session; it may have ended");
        tb_request_reply_error(request, error);
        return NULL;
}

static void patch(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                  const TbVerb *verb G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        TbWhep *w = session_of(api, request);
        if (!w)
                return;
        const char *match = tb_request_header(request, "If-Match");
        if (match && strcmp(match, "*") != 0 && strcmp(match, w->etag) != 0) {
                tb_request_add_header(request, "ETag", w->etag);
                tb_set_error(&error, TB_ERROR_PRECONDITION, "If-Match is not the ETag of this session");
                tb_request_reply_error(request, error);
                return;
        }
        gsize size = 0;
        const char *text = g_bytes_get_data(tb_request_body(request), &size);
        g_autofree char *fragment = g_strndup(text, size);
        if (size > TB_LIMIT_SDP || strlen(fragment) != size)
                tb_set_error(&error, TB_ERROR_INVALID, "the body is no SDP fragment");
        else if (tb_peer_add_sdpfrag(w->peer, fragment, &error))
                tb_request_reply_empty(request, 204);
        if (error)
                tb_request_reply_error(request, error);
}

static void delete (TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                    const TbVerb *verb G_GNUC_UNUSED)
{
        TbWhep *w = session_of(api, request);
        if (!w)
                return;
        tb_peer_close(w->peer, "the viewer left");
        g_hash_table_remove(api->whep, w->id); /* a second DELETE finds nothing */
        tb_request_reply_empty(request, 200);
}

static void get(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                const TbVerb *verb G_GNUC_UNUSED)
{
        TbWhep *w = session_of(api, request);
        if (w)
                tb_request_reply_json(request, 200, tb_peer_to_json(w->peer));
}

static void options(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                    const TbVerb *verb G_GNUC_UNUSED)
{
        bool session = tb_request_arg(request, "session") != NULL;
        tb_request_add_header(request, "Allow", session ? "GET, PATCH, DELETE, OPTIONS" : "POST, OPTIONS");
        tb_request_add_header(request, session ? "Accept-Patch" : "Accept-Post",
                              session ? SDPFRAG : "application/sdp");
        if (!session) /* before its offer a player can still use them */
                add_ice_links(api, request);
        tb_request_reply_empty(request, 204);
}

void tb_api_whep_stop(TbApi *api)
{
        refuse_early(api);
        g_autoptr(GList) all = g_hash_table_get_values(api->whep);
        for (GList *i = all; i; i = i->next)
                tb_peer_close(((TbWhep *)i->data)->peer, "the host is stopping");
}

static const TbApiRoute routes[] = {
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "POST",
                   .path = "/whep",
                   .role = TB_ROLE_VIEWER,
                   .body = TB_BODY_BYTES,
                   .max_body = TB_LIMIT_SDP,
                   .body_type = "application/sdp",
                   .summary = "Watch by WebRTC: the body is the viewer's offer (H.264 or VP8)",
                   .answers = "201 application/sdp; 400; 404; 415; 422; 429"},
         .call = post},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "OPTIONS", .path = "/whep", .role = TB_ROLE_VIEWER, .flags = TB_ROUTE_HIDDEN},
         .call = options},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "PATCH",
                   .path = "/whep/{session}",
                   .role = TB_ROLE_VIEWER,
                   .body = TB_BODY_BYTES,
                   .body_type = SDPFRAG,
                   .summary = "Trickle ICE: further candidates of the viewer",
                   .answers = "204; 400; 404; 412; 415; 429"},
         .call = patch},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "DELETE",
                   .path = "/whep/{session}",
                   .role = TB_ROLE_VIEWER,
                   .summary = "Stop watching",
                   .answers = "200; 404"},
         .call = delete},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "GET",
                   .path = "/whep/{session}",
                   .role = TB_ROLE_VIEWER,
                   .summary = "This viewer's statistics",
                   .answers = "200 application/json Viewer; 404"},
         .call = get},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "OPTIONS",
                   .path = "/whep/{session}",
                   .role = TB_ROLE_VIEWER,
                   .flags = TB_ROUTE_HIDDEN},
         .call = options},
        {.route = {.method = NULL}},
};

void tb_api_add_whep(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
}
