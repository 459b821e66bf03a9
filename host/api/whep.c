/*
 * WHEP: WebRTC for a viewer by HTTP (draft-ietf-wish-whep; statuses, trickle and ICE restart as RFC 9725 has them for
 * WHIP). The viewer offers, we answer.
 *   POST .../whep       application/sdp -> 201, Location, ETag, Link (ICE servers), the answer
 *                       of an interface of video: its picture, and the device's sound where the offer has a section for it; of one of audio: the sound
 *   PATCH {Location}    application/trickle-ice-sdpfrag -> 204; with other ICE credentials -> 200, ETag, ours
 *   DELETE {Location}   -> 200, however often;  GET {Location} -> statistics of this viewer
 * The data channel `control` speaks the messages of /host/ws with the rights of whoever sent the POST; `sensor` carries
 * samples of the device. Here: the offer, and the viewer's life; whep_session.c has what is asked of one that is there.
 */
#include <string.h>

#include "host/api/whep_private.h"
#include "host/media/gstreamer.h"
#include "host/media/peer.h"
#include "lib/clock.h"
#include "lib/ice.h"
#include "lib/limits.h"
#include "lib/log.h"

/* at most, for an allocation: a few round trips, and on a bad line one more try. The answer is our only
 * message. */
#define TURN_WAIT_MS 1500

/* --- data channels --- */
static bool channel_control_send(const char *text, gsize size G_GNUC_UNUSED, gpointer data)
{
        const TbWhep *w = data;
        return w->peer && tb_peer_send(w->peer, "control", text, NULL);
}

static bool channel_sensor_send(const char *text, gsize size G_GNUC_UNUSED, gpointer data)
{
        const TbWhep *w = data;
        return w->peer && tb_peer_send(w->peer, "sensor", text, NULL);
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
        if (w->location) /* it was one */
                tb_whep_gone_add(&w->api->whep_gone, w->device, w->id);
        g_hash_table_remove(w->api->whep, w->id);
        tb_control_free(w->control);
        tb_control_free(w->sensor);
        tb_core_absent(w->present); /* who listens is told: no longer this one */
        if (w->request)
                tb_request_unref(w->request);
        if (w->restart)
                tb_request_unref(w->restart);
        g_free(w->id);
        g_free(w->etag);
        g_free(w->former);
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
void tb_whep_add_links(TbApi *api, TbRequest *request)
{
        json_auto_t *servers = ice_servers(api, tb_request_user(request));
        g_auto(GStrv) links = tb_ice_links(servers);
        for (char **link = links; *link; link++)
                tb_request_add_header(request, "Link", *link);
        if (json_array_size(servers) > 0)
                tb_request_add_header(request, "Cache-Control", "no-store");
}

/* Whoever waits is answered now, or has gone. */
TbRequest *tb_whep_take(TbRequest **slot)
{
        TbRequest *request = g_steal_pointer(slot);
        if (request)
                tb_request_on_gone(request, NULL, NULL);
        return request;
}

static void on_answer(TbPeer *peer G_GNUC_UNUSED, const char *sdp, const GError *error, void *data)
{
        TbWhep *w = data;
        TbRequest *request = tb_whep_take(&w->request);
        if (!request)
                return;
        if (error) {
                tb_request_reply_error(request, error);
        } else if (w->answered) {
                w->answered(w, request, sdp);
        } else {
                tb_request_add_header(request, "Location", w->location);
                tb_request_add_header(request, "ETag", w->etag);
                tb_request_add_header(request, "Accept-Patch", TB_WHEP_SDPFRAG);
                tb_whep_add_links(w->api, request);
                tb_request_reply_text(request, 201, "application/sdp", sdp);
        }
        tb_request_unref(request);
}

static void on_closed(TbPeer *peer G_GNUC_UNUSED, const char *reason, void *data)
{
        TbWhep *w = data;
        TbRequest *waiting[] = {tb_whep_take(&w->request), tb_whep_take(&w->restart)};
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                              "the session ended before it was answered: %s", reason);
        for (gsize i = 0; i < G_N_ELEMENTS(waiting); i++)
                if (waiting[i]) {
                        tb_request_reply_error(waiting[i], error);
                        tb_request_unref(waiting[i]);
                }
        tb_log(TB_LOG_INFO, TB_F("device", w->device, "session", w->log_id, "user", w->user),
               "viewer left: %s", reason);
        w->peer = NULL;
        whep_free(w);
}

static const TbPeerCallbacks callbacks = {.answer = on_answer,
                                          .channel = on_channel,
                                          .message = on_message,
                                          .restarted = tb_whep_restarted,
                                          .closed = on_closed};

static void on_gone(TbRequest *request, gpointer data)
{
        TbWhep *w = data;
        w->request = NULL;
        tb_peer_close(w->peer, "the viewer left before the answer");
        tb_request_unref(request);
}

/* What a POST of WHEP offers, as text; the caller frees. NULL: "", which is refused. */
static char *offer_of(TbRequest *request)
{
        gsize size = 0;
        const char *offer = g_bytes_get_data(tb_request_body(request), &size);
        return size == 0 || memchr(offer, '\0', size) ? g_strdup("") : g_strndup(offer, size);
}

static TbPeer *start_peer(TbWhep *w, TbRequest *request, const char *sdp, TbHub *hub, TbSoundHub *sound,
                          GError **error)
{
        if (strlen(sdp) > TB_LIMIT_SDP) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "an offer has at most %d bytes", TB_LIMIT_SDP);
                return NULL;
        }
        if (!*sdp) {
                tb_set_error(error, TB_ERROR_INVALID, "the body is no SDP");
                return NULL;
        }
        g_autofree char *label = g_strdup_printf("%s %s", tb_request_peer(request), w->user);
        json_auto_t *servers = ice_servers(w->api, w->user);
        g_auto(GStrv) uris = tb_ice_uris(servers);
        const TbPlaceBy by = tb_api_place_by(request);
        json_t *most = json_object_get(tb_request_query(request), "max_kbps");
        TbPeerOptions options = {.by = &by,
                                 .label = label,
                                 .ice_servers = (const char *const *)uris,
                                 .max_kbps = (guint)json_integer_value(most),
                                 .sound = sound};
        for (char **uri = uris; *uri; uri++)
                if (g_str_has_prefix(*uri, "turn")) { /* turns: too */
                        options.answer_wait_ms = TURN_WAIT_MS;
                        options.answer_at_relay = true;
                }
        return tb_peer_new(w->api->media, hub, sdp, &options, &callbacks, w, error);
}

/* "video2" is heard by "audio2" where there is one, else by the device's first. */
static TbSoundHub *sound_beside(TbApi *api, const char *device, const char *video)
{
        g_autofree char *name = g_strconcat("audio", video + strcspn(video, "0123456789"), NULL);
        TbSoundHub *sound = tb_media_find_sound(api->media, device, name, NULL);
        return sound ? sound : tb_media_find_sound(api->media, device, NULL, NULL);
}

static void answer_offer(TbApi *api, TbRequest *request, const TbWhepOffer *offer)
{
        const char *device = offer->device, *interface = offer->interface;
        g_autoptr(GError) error = NULL;
        TbHub *hub = NULL;
        TbSoundHub *sound = NULL;
        if (!api->media || api->stopping) {
                tb_set_error(&error, TB_ERROR_UNAVAILABLE,
                             api->stopping ? "the host is stopping"
                                           : "this host runs without video and sound");
        } else if ((hub = tb_media_find_hub(api->media, device, interface, &error))) {
                sound = sound_beside(api, device, interface);
        } else if ((sound = tb_media_find_sound(api->media, device, interface, NULL))) {
                g_clear_error(&error);
        }
        if (!hub && !sound) {
                tb_request_reply_error(request, error);
                return;
        }
        TbActor actor = tb_api_actor(request);
        TbWhep *w = g_new0(TbWhep, 1);
        w->api = api;
        w->id = tb_random_token(16);
        w->etag = tb_whep_new_etag();
        w->device = g_strdup(device);
        w->location = tb_api_location(request, "/host/devices/%s/%s/whep/%s", device, interface, w->id);
        w->user = g_strdup(actor.user);
        w->lease = g_strdup(actor.lease);
        w->role = actor.role;
        w->log_id = g_strdup(actor.request);
        w->answered = offer->answered;
        w->stream = offer->stream;
        w->peer = start_peer(w, request, offer->sdp, hub, sound, &error);
        if (!w->peer) {
                if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT))
                        tb_request_add_header(request, "Retry-After", "5");
                tb_request_reply_error(request, error);
                whep_free(w);
                return;
        }
        g_hash_table_insert(api->whep, w->id, w);
        const TbPresence who = tb_api_presence(request, "webrtc");
        w->present = tb_core_present(tb_core_device(api->core, device, NULL), &who);
        w->request = tb_request_ref(request);
        tb_request_on_gone(request, on_gone, w);
}

/* --- an offer that comes before GStreamer has started waits for it --- */
typedef struct Early {
        TbApi *api;         /* borrowed */
        TbRequest *request; /* ref */
        TbWhepOffer offer;  /* strings owned, but for `stream` */
} Early;

static void early_free(Early *e)
{
        g_queue_remove(&e->api->early_offers, e);
        tb_request_unref(e->request);
        g_free((char *)e->offer.device);
        g_free((char *)e->offer.interface);
        g_free((char *)e->offer.sdp);
        g_free(e);
}

static void on_started(gpointer data)
{
        Early *e = data;
        tb_request_on_gone(e->request, NULL, NULL);
        answer_offer(e->api, e->request, &e->offer);
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

void tb_whep_offer(TbApi *api, TbRequest *request, const TbWhepOffer *offer)
{
        Early *e = g_new(Early, 1);
        if (!api->media || api->stopping || !tb_gstreamer_wait(on_started, e)) {
                g_free(e);
                answer_offer(api, request, offer);
                return;
        }
        *e = (Early){api, tb_request_ref(request), *offer};
        e->offer.device = g_strdup(offer->device);
        e->offer.interface = g_strdup(offer->interface);
        e->offer.sdp = g_strdup(offer->sdp);
        g_queue_push_tail(&api->early_offers, e);
        tb_request_on_gone(request, on_early_gone, e);
}

static void post(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        g_autofree char *sdp = offer_of(request);
        const TbWhepOffer offer = {.device = tb_device_id(tb_interface_device(iface)),
                                   .interface = tb_interface_name(iface),
                                   .sdp = sdp};
        tb_whep_offer(api, request, &offer);
}

void tb_api_whep_stop(TbApi *api)
{
        refuse_early(api);
        g_autoptr(GList) all = g_hash_table_get_values(api->whep);
        for (GList *i = all; i; i = i->next)
                tb_peer_close(((TbWhep *)i->data)->peer, "the host is stopping");
}

static const TbParam whep_params[] = {
        {.name = "max_kbps",
         .type = TB_PARAM_INT,
         .min = 50,
         .max = 1000000,
         .unit = "kbit/s",
         .help = "at most so much of the line; as much as it carries without"},
        TB_PARAM_END,
};

#define WHEP_ROUTES(of, said)                                                                                \
        {.kind = of,                                                                                         \
         .route = {.method = "POST",                                                                         \
                   .path = "/whep",                                                                          \
                   .role = TB_ROLE_VIEWER,                                                                   \
                   .query = whep_params,                                                                     \
                   .body = TB_BODY_BYTES,                                                                    \
                   .max_body = TB_LIMIT_SDP,                                                                 \
                   .body_type = "application/sdp",                                                           \
                   .summary = said,                                                                          \
                   .answers = "201 application/sdp; 400; 404; 415; 422; 429"},                               \
         .call = post},                                                                                      \
                {.kind = of,                                                                                 \
                 .route = {.method = "OPTIONS",                                                              \
                           .path = "/whep",                                                                  \
                           .role = TB_ROLE_VIEWER,                                                           \
                           .flags = TB_ROUTE_HIDDEN},                                                        \
                 .call = tb_whep_options},                                                                   \
                {.kind = of,                                                                                 \
                 .route = {.method = "PATCH",                                                                \
                           .path = "/whep/{session}",                                                        \
                           .role = TB_ROLE_VIEWER,                                                           \
                           .body = TB_BODY_BYTES,                                                            \
                           .body_type = TB_WHEP_SDPFRAG,                                                     \
                           .summary = "Trickle ICE: further candidates of the viewer; with other "           \
                                      "credentials, ICE "                                                    \
                                      "begins anew",                                                         \
                           .answers = "200 application/trickle-ice-sdpfrag; 204; 400; 404; 409; 412; 415; "  \
                                      "429; 503"},                                                           \
                 .call = tb_whep_patch},                                                                     \
                {.kind = of,                                                                                 \
                 .route = {.method = "DELETE",                                                               \
                           .path = "/whep/{session}",                                                        \
                           .role = TB_ROLE_VIEWER,                                                           \
                           .summary = "Stop watching",                                                       \
                           .answers = "200; 404"},                                                           \
                 .call = tb_whep_delete},                                                                    \
                {.kind = of,                                                                                 \
                 .route = {.method = "GET",                                                                  \
                           .path = "/whep/{session}",                                                        \
                           .role = TB_ROLE_VIEWER,                                                           \
                           .summary = "This viewer's statistics",                                            \
                           .answers = "200 application/json Viewer; 404"},                                   \
                 .call = tb_whep_get},                                                                       \
        {                                                                                                    \
                .kind = of,                                                                                  \
                .route = {.method = "OPTIONS",                                                               \
                          .path = "/whep/{session}",                                                         \
                          .role = TB_ROLE_VIEWER,                                                            \
                          .flags = TB_ROUTE_HIDDEN},                                                         \
                .call = tb_whep_options                                                                      \
        }

static const TbApiRoute routes[] = {
        WHEP_ROUTES(TB_KIND_VIDEO, "Watch by WebRTC: the body is the viewer's offer (H.264 or VP8; the "
                                   "device's sound beside it, by Opus)"),
        WHEP_ROUTES(TB_KIND_AUDIO, "Listen by WebRTC: the body is the listener's offer (Opus)"),
        {.route = {.method = NULL}},
};

void tb_api_add_whep(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
}
