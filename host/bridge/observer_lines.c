/* The peer connections of an observer: one, and while it moves to another network or to new credentials the next. */
#include <string.h>

#include "host/bridge/observer_private.h"
#include "host/media/gstreamer.h"
#include "host/media/peer.h"
#include "lib/error.h"
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
        guint attempt;     /* its number; 0: the observer gives none */
        bool connected;    /* it has been */
} Line;

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
        const TbActor actor = tb_observer_actor(o, "datachannel");
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
/* With the number of the peer connection that it is about, where the observer gives numbers. */
static void say(Line *line, json_t *message_take)
{
        if (line->attempt)
                json_object_set_new(message_take, "attempt", json_integer(line->attempt));
        line->observer->ops->send(message_take, line->observer, line->observer->data);
}

static void send_bye(Line *line, const char *reason)
{
        say(line, json_pack("{s:s, s:s}", "type", "bye", "reason", reason));
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
                send_bye(line, tb_error_detail(error));
                return;
        }
        say(line, json_pack("{s:s, s:s}", "type", "answer", "sdp", sdp));
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
                say(line, json_pack("{s:s, s:s, s:s*, s:i}", "type", "ice", "candidate", candidate, "sdpMid",
                                    mid, "sdpMLineIndex", (int)mline_index));
}

static void on_state(TbPeer *peer, TbViewerState state, void *data)
{
        (void)peer;
        Line *line = data;
        line->connected |= state == TB_VIEWER_CONNECTED;
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

/* The observer has it no longer; the one beside it is its only one then. */
static void take_out(Line *line)
{
        TbObserver *o = line->observer;
        if (!o)
                return;
        if (o->line == line)
                o->line = g_steal_pointer(&o->next);
        else if (o->next == line)
                o->next = NULL;
        line->observer = NULL;
}

static void on_closed(TbPeer *peer, const char *reason, void *data)
{
        (void)peer;
        Line *line = data;
        line->peer = NULL;
        if (line->observer) {
                send_bye(line, reason);
                take_out(line);
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
static void hang_up(Line *line, const char *reason)
{
        take_out(line);
        g_clear_pointer(&line->control, tb_control_free);
        g_clear_pointer(&line->sensor, tb_control_free);
        tb_peer_close(line->peer, reason);
}

static void hang_up_all(TbObserver *o, const char *reason)
{
        while (o->line)
                hang_up(o->line, reason);
}

static Line *line_of(TbObserver *o, guint attempt)
{
        return o->line && o->line->attempt == attempt   ? o->line
               : o->next && o->next->attempt == attempt ? o->next
                                                        : NULL;
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

static void answer(TbObserver *o, const char *sdp, guint attempt);

static void on_started(void *data)
{
        TbObserver *o = data;
        g_autofree char *sdp = g_steal_pointer(&o->early_offer);
        g_autoptr(GPtrArray) candidates = g_steal_pointer(&o->early_candidates);
        answer(o, sdp, o->early_attempt);
        for (guint i = 0; i < candidates->len; i++) {
                const Candidate *c = g_ptr_array_index(candidates, i);
                tb_observer_candidate(o, c->text, c->mline_index, o->early_attempt);
        }
}

/* One that never was connected is not waited for: what it was to show, the new one will. */
static void make_room(TbObserver *o, guint attempt)
{
        if (o->next)
                hang_up(o->next, "a newer offer came");
        if (o->line && (attempt == 0 || o->line->attempt == 0 || !o->line->connected || line_of(o, attempt)))
                hang_up(o->line, "a new offer came");
}

void tb_observer_offer(TbObserver *o, const char *sdp, const char *sound, guint attempt)
{
        tb_assert_main();
        forget_early(o);
        make_room(o, attempt);
        g_free(o->sound_of);
        o->sound_of = g_strdup(sound);
        if (!tb_gstreamer_wait(on_started, o)) {
                answer(o, sdp, attempt);
                return;
        }
        o->early_offer = g_strdup(sdp);
        o->early_attempt = attempt;
        o->early_candidates = g_ptr_array_new_with_free_func(candidate_free);
}

static void answer(TbObserver *o, const char *sdp, guint attempt)
{
        g_autoptr(GError) error = NULL;
        TbHub *hub = tb_observer_hub(o, NULL, NULL); /* none: data channels only */
        g_autofree char *label = g_strdup_printf("%s (%s)", o->user, o->session);
        const TbPlaceBy by = {.user = o->user, .watches = !o->control};
        const TbPeerOptions options = {.by = &by,
                                       .label = label,
                                       .ice_servers = (const char *const *)o->ice_servers,
                                       .answer_wait_ms = -1,
                                       .sound = tb_media_find_sound(o->media, o->device, o->sound_of, NULL)};
        Line *line = g_new0(Line, 1);
        line->observer = o;
        line->hub = hub ? tb_hub_ref(hub) : NULL;
        line->attempt = attempt;
        *(o->line ? &o->next : &o->line) = line;
        line->peer = tb_peer_new(o->media, hub, sdp, &options, &peer_callbacks, line, &error);
        if (line->peer)
                return;
        send_bye(line, tb_error_detail(error));
        take_out(line);
        line_free(line);
        if (o->ops->may_say("offers refused", o, o->data))
                tb_log(TB_LOG_INFO, TB_F("device", o->device, "session", o->session),
                       "observer's offer was refused: %s", error->message);
}

void tb_observer_candidate(TbObserver *o, const char *candidate, guint mline_index, guint attempt)
{
        g_autoptr(GError) error = NULL;
        if (o->early_candidates && o->early_attempt == attempt &&
            o->early_candidates->len < TB_LIMIT_CANDIDATES) {
                Candidate *c = g_new(Candidate, 1);
                *c = (Candidate){g_strdup(candidate), mline_index};
                g_ptr_array_add(o->early_candidates, c);
        }
        Line *line = line_of(o, attempt);
        if (line && !tb_peer_add_candidate(line->peer, candidate, mline_index, &error))
                tb_log(TB_LOG_DEBUG, TB_F("device", o->device, "session", o->session), "candidate: %s",
                       error->message);
}

void tb_observer_bye(TbObserver *o, guint attempt)
{
        Line *line = line_of(o, attempt);
        if (attempt == 0 || o->early_attempt == attempt)
                forget_early(o);
        if (attempt == 0)
                hang_up_all(o, "the observer said goodbye");
        else if (line)
                hang_up(line, "the observer has another way");
}

void tb_observer_renew(TbObserver *o, const char *const *ice_servers)
{
        g_strfreev(o->ice_servers);
        o->ice_servers = g_strdupv((char **)(gpointer)ice_servers);
}

bool tb_observer_flows(const TbObserver *o)
{
        return o->line != NULL;
}

void tb_observer_end_lines(TbObserver *o, const char *reason)
{
        forget_early(o);
        hang_up_all(o, reason);
}
