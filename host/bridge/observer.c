#include "host/bridge/observer.h"

#include <string.h>

#include "host/bridge/observer_private.h"
#include "host/core/ceiling.h"
#include "host/media/gstreamer.h"
#include "host/media/peer.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

/* A peer connection outlives its observer for the moments that its end takes: its callbacks then find
 * `observer` NULL. */
typedef struct Line {
        TbObserver *observer; /* borrowed; NULL: gone */
        TbPeer *peer;         /* media's; valid until `closed` */
        TbControl *control;   /* owned: channel "control" */
        TbControl *sensor;    /* owned: channel "sensor" */
        TbHub *hub;           /* owned; NULL: data channels only */
        guint listener;
        int width, height; /* of the screen, as the observer was told */
} Line;

static TbActor actor_of(const TbObserver *o, const char *via)
{
        return (TbActor){.user = o->user,
                         .role = o->control ? TB_ROLE_OPERATOR : TB_ROLE_VIEWER,
                         .via = via,
                         .request = o->session};
}

static void publish(TbObserver *o, const char *type, const char *via, const char *reason)
{
        tb_bus_publish_share(tb_core_bus(o->core), TB_BUS_VIEWERS, type, o->device, NULL,
                             json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "via", via, "viewer", o->peer_id,
                                       "session", o->session, "user", o->user, "mode",
                                       o->control ? "control" : "view", "reason", reason));
}

/* --- data channels --- */
static bool send_control(const char *text, gsize size, gpointer data)
{
        (void)size;
        Line *line = data;
        return line->peer && tb_peer_send(line->peer, "control", text, NULL);
}

static bool send_sensor(const char *text, gsize size, gpointer data)
{
        (void)size;
        Line *line = data;
        return line->peer && tb_peer_send(line->peer, "sensor", text, NULL);
}

static const TbControlOps control_ops = {.send = send_control, .max = TB_LIMIT_CHANNEL_MESSAGE};
static const TbControlOps sensor_ops = {.send = send_sensor, .max = TB_LIMIT_CHANNEL_MESSAGE};

static void on_channel(TbPeer *peer, const char *channel, bool open, void *data)
{
        (void)peer;
        Line *line = data;
        TbObserver *o = line->observer;
        if (!o)
                return;
        bool control = strcmp(channel, "control") == 0, sensor = strcmp(channel, "sensor") == 0;
        const TbActor actor = actor_of(o, "datachannel");
        if (control)
                g_clear_pointer(&line->control, tb_control_free);
        if (sensor)
                g_clear_pointer(&line->sensor, tb_control_free);
        if (control && open)
                line->control = tb_control_new(o->core, &actor, o->device, &control_ops, line);
        if (sensor && open) {
                g_autofree char *topic = g_strdup_printf("sensor:%s", o->device);
                g_autoptr(GError) error = NULL;
                line->sensor = tb_control_new(o->core, &actor, o->device, &sensor_ops, line);
                if (!tb_control_subscribe(line->sensor, topic, -1, &error))
                        tb_log(TB_LOG_DEBUG, TB_F("device", o->device, "session", o->session),
                               "no samples: %s", error->message);
        }
}

static void on_message(TbPeer *peer, const char *channel, const char *bytes, gsize length, bool text,
                       void *data)
{
        (void)peer;
        Line *line = data;
        if (!text || !line->observer)
                return;
        if (line->control && strcmp(channel, "control") == 0)
                tb_control_receive(line->control, bytes, length);
        else if (line->sensor && strcmp(channel, "sensor") == 0)
                tb_control_receive(line->sensor, bytes, length);
}

/* --- peer connection --- */
static void send_bye(TbObserver *o, const char *reason)
{
        o->ops->send(json_pack("{s:s, s:s}", "type", "bye", "reason", reason), o, o->data);
}

/* Its picture may be smaller, and pointers go by the screen's own size. */
static void say_screen(void *data)
{
        Line *line = data;
        int width = 0, height = 0;
        tb_hub_size(line->hub, &width, &height);
        if (!line->observer || width <= 0 || (width == line->width && height == line->height))
                return;
        line->width = width;
        line->height = height;
        line->observer->ops->send(
                json_pack("{s:s, s:i, s:i}", "type", "screen", "width", width, "height", height),
                line->observer, line->observer->data);
}

static void on_answer(TbPeer *peer, const char *sdp, const GError *error, void *data)
{
        (void)peer;
        Line *line = data;
        TbObserver *o = line->observer;
        if (!o)
                return;
        if (!sdp) {
                send_bye(o, tb_error_detail(error));
                return;
        }
        o->ops->send(json_pack("{s:s, s:s}", "type", "answer", "sdp", sdp), o, o->data);
        if (line->hub && line->listener == 0) {
                line->listener = tb_hub_listen(line->hub, say_screen, line);
                say_screen(line);
        }
}

static void on_candidate(TbPeer *peer, const char *candidate, const char *mid, guint mline_index, void *data)
{
        (void)peer;
        Line *line = data;
        if (line->observer)
                line->observer->ops->send(json_pack("{s:s, s:s, s:s*, s:i}", "type", "ice", "candidate",
                                                    candidate, "sdpMid", mid, "sdpMLineIndex",
                                                    (int)mline_index),
                                          line->observer, line->observer->data);
}

static void on_state(TbPeer *peer, TbViewerState state, void *data)
{
        (void)peer;
        Line *line = data;
        if (line->observer)
                tb_log(TB_LOG_DEBUG,
                       TB_F("device", line->observer->device, "session", line->observer->session, "peer",
                            line->observer->peer_id),
                       "observer's peer is %s", tb_viewer_state_name(state));
}

static void line_free(Line *line)
{
        tb_control_free(line->control);
        tb_control_free(line->sensor);
        if (line->listener)
                tb_hub_unlisten(line->hub, line->listener);
        g_clear_pointer(&line->hub, tb_hub_unref);
        g_free(line);
}

static void on_closed(TbPeer *peer, const char *reason, void *data)
{
        (void)peer;
        Line *line = data;
        line->peer = NULL;
        if (line->observer) {
                line->observer->line = NULL;
                send_bye(line->observer, reason);
        }
        line_free(line);
}

static const TbPeerCallbacks peer_callbacks = {.answer = on_answer,
                                               .candidate = on_candidate,
                                               .state = on_state,
                                               .channel = on_channel,
                                               .message = on_message,
                                               .closed = on_closed};

/* Nothing more is said to or heard from the observer; `closed` frees the line. */
static void hang_up(TbObserver *o, const char *reason)
{
        Line *line = g_steal_pointer(&o->line);
        if (!line)
                return;
        line->observer = NULL;
        g_clear_pointer(&line->control, tb_control_free);
        g_clear_pointer(&line->sensor, tb_control_free);
        tb_peer_close(line->peer, reason);
}

/* --- what came before GStreamer was there --- */
typedef struct Candidate {
        char *text; /* owned */
        guint mline_index;
} Candidate;

static void candidate_free(gpointer data)
{
        Candidate *c = data;
        g_free(c->text);
        g_free(c);
}

static void forget_early(TbObserver *o)
{
        tb_gstreamer_unwait(o);
        g_clear_pointer(&o->early_offer, g_free);
        g_clear_pointer(&o->early_candidates, g_ptr_array_unref);
}

static void answer(TbObserver *o, const char *sdp);

static void on_started(void *data)
{
        TbObserver *o = data;
        g_autofree char *sdp = g_steal_pointer(&o->early_offer);
        g_autoptr(GPtrArray) candidates = g_steal_pointer(&o->early_candidates);
        answer(o, sdp);
        for (guint i = 0; i < candidates->len; i++) {
                const Candidate *c = g_ptr_array_index(candidates, i);
                tb_observer_candidate(o, c->text, c->mline_index);
        }
}

void tb_observer_offer(TbObserver *o, const char *sdp)
{
        tb_assert_main();
        forget_early(o);
        hang_up(o, "a new offer came");
        if (!tb_gstreamer_wait(on_started, o)) {
                answer(o, sdp);
                return;
        }
        o->early_offer = g_strdup(sdp);
        o->early_candidates = g_ptr_array_new_with_free_func(candidate_free);
}

static void answer(TbObserver *o, const char *sdp)
{
        g_autoptr(GError) error = NULL;
        TbHub *hub = tb_observer_hub(o, NULL, NULL); /* none: data channels only */
        g_autofree char *label = g_strdup_printf("%s (%s)", o->user, o->session);
        const TbPlaceBy by = {.user = o->user, .watches = !o->control};
        const TbPeerOptions options = {.by = &by,
                                       .label = label,
                                       .ice_servers = (const char *const *)o->ice_servers,
                                       .answer_wait_ms = -1};
        Line *line = g_new0(Line, 1);
        line->observer = o;
        line->hub = hub ? tb_hub_ref(hub) : NULL;
        o->line = line;
        line->peer = tb_peer_new(o->media, hub, sdp, &options, &peer_callbacks, line, &error);
        if (line->peer)
                return;
        o->line = NULL;
        line_free(line);
        if (o->ops->may_say("offers refused", o, o->data))
                tb_log(TB_LOG_INFO, TB_F("device", o->device, "session", o->session),
                       "observer's offer was refused: %s", error->message);
        send_bye(o, tb_error_detail(error));
}

void tb_observer_candidate(TbObserver *o, const char *candidate, guint mline_index)
{
        g_autoptr(GError) error = NULL;
        if (o->early_candidates && o->early_candidates->len < TB_LIMIT_CANDIDATES) {
                Candidate *c = g_new(Candidate, 1);
                *c = (Candidate){g_strdup(candidate), mline_index};
                g_ptr_array_add(o->early_candidates, c);
        }
        if (o->line && !tb_peer_add_candidate(o->line->peer, candidate, mline_index, &error))
                tb_log(TB_LOG_DEBUG, TB_F("device", o->device, "session", o->session), "candidate: %s",
                       error->message);
}

void tb_observer_bye(TbObserver *o)
{
        forget_early(o);
        hang_up(o, "the observer said goodbye");
}

/* --- relay --- */
static bool send_relay(const char *text, gsize size, gpointer data)
{
        TbObserver *o = data;
        json_t *message = tb_json_parse(text, size, NULL);
        return message && o->ops->send(message, o, o->data);
}

static gsize queued_relay(gpointer data)
{
        TbObserver *o = data;
        return o->ops->queued(o->data);
}

static const TbControlOps relay_ops = {
        .send = send_relay, .queued = queued_relay, .picture = tb_observer_picture_topic};

void tb_observer_relay(TbObserver *o, json_t *message)
{
        tb_assert_main();
        if (!o->relay) {
                const TbActor actor = actor_of(o, "relay");
                o->relay = tb_control_new(o->core, &actor, o->device, &relay_ops, o);
        }
        /* the envelope's `from` is a peer; in a conversation it would be an offset */
        json_auto_t *bare = json_copy(message);
        json_object_del(bare, "from");
        json_object_del(bare, "sessionId");
        gsize size;
        g_autofree char *text = tb_json_text(bare, &size);
        tb_control_receive(o->relay, text, size);
}

void tb_observer_drained(TbObserver *o)
{
        if (o->relay)
                tb_control_drained(o->relay);
}

/* --- life --- */
TbObserver *tb_observer_new(TbCore *core, TbMedia *media, const TbObserverInfo *info,
                            const TbObserverOps *ops, gpointer data, GError **error)
{
        tb_assert_main();
        /* all come by the server, so who controls finds what is kept; "local" would speak for many */
        const char *maker = info->name && strcmp(info->name, "local") != 0 ? info->name : "somebody";
        TbPlace place;
        if (!tb_place_take(info->places, &(TbPlaceBy){.user = maker, .watches = !info->control}, &place,
                           error))
                return NULL;
        TbObserver *o = g_new0(TbObserver, 1);
        o->core = core;
        o->media = media;
        o->ops = ops;
        o->data = data;
        o->session = g_strdup(info->session);
        o->peer_id = g_strdup(info->peer);
        o->device = g_strdup(info->device);
        o->user = tb_via_server_user(info->name, info->peer);
        o->control = info->control;
        o->place = place;
        o->ice_servers = g_strdupv((char **)(gpointer)info->ice_servers);
        tb_picture_pace_init(&o->pace);
        o->picture_mark = -1;
        publish(o, "viewer.joined", "server", NULL);
        return o;
}

static void end_relay(TbObserver *o)
{
        g_clear_pointer(&o->relay, tb_control_free);
        g_clear_pointer(&o->picture, tb_mjpeg_free);
}

bool tb_observer_let_go(TbObserver *o)
{
        end_relay(o);
        o->let_go = true;
        return tb_observer_flows(o);
}

bool tb_observer_is_let_go(const TbObserver *o)
{
        return o->let_go;
}

bool tb_observer_flows(const TbObserver *o)
{
        return o->line != NULL;
}

bool tb_observer_take_back(TbObserver *o, const TbObserverInfo *info)
{
        g_autofree char *user = tb_via_server_user(info->name, info->peer);
        if (!o->let_go || strcmp(o->device, info->device) != 0 || o->control != info->control ||
            strcmp(o->user, user) != 0)
                return false;
        o->let_go = false;
        g_strfreev(o->ice_servers);
        o->ice_servers = g_strdupv((char **)(gpointer)info->ice_servers);
        tb_picture_pace_init(&o->pace);
        o->picture_mark = -1;
        return true;
}

void tb_observer_free(TbObserver *o)
{
        if (!o)
                return;
        forget_early(o);
        hang_up(o, "the observer left");
        end_relay(o);
        publish(o, "viewer.left", "server", NULL);
        tb_place_give(&o->place);
        g_free(o->session);
        g_free(o->peer_id);
        g_free(o->device);
        g_free(o->user);
        g_free(o->picture_of);
        g_strfreev(o->ice_servers);
        g_free(o);
}

TbObserver *tb_observer_find(GPtrArray *observers, const char *session, const char *peer, guint *ret_index)
{
        for (guint i = 0; i < observers->len; i++) {
                TbObserver *o = g_ptr_array_index(observers, i);
                if (strcmp(o->session, session) == 0 && (!peer || strcmp(o->peer_id, peer) == 0)) {
                        *ret_index = i;
                        return o;
                }
        }
        return NULL;
}

const char *tb_observer_session(const TbObserver *o)
{
        return o->session;
}

const char *tb_observer_peer(const TbObserver *o)
{
        return o->peer_id;
}

const char *tb_observer_device(const TbObserver *o)
{
        return o->device;
}

gint64 tb_observer_picture_mark(const TbObserver *o)
{
        return o->picture_mark;
}

void tb_observer_set_picture_mark(TbObserver *o, gint64 mark)
{
        o->picture_mark = mark;
}
