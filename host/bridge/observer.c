#include "host/bridge/observer.h"

#include <string.h>

#include "host/bridge/observer_private.h"
#include "host/core/ceiling.h"
#include "host/core/control/control_msg.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/thread.h"

#define PICTURE_LEAST 64 /* px */

TbActor tb_observer_actor(const TbObserver *o, const char *via)
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

static const TbControlOps relay_ops = {.send = send_relay,
                                       .queued = queued_relay,
                                       .picture = tb_observer_picture_topic,
                                       .sound = tb_observer_sound_topic};

static bool names(const json_t *list, const char *word)
{
        gsize at;
        json_t *item;
        bool found = false;
        json_array_foreach (list, at, item)
                found |= g_strcmp0(json_string_value(item), word) == 0;
        return found;
}

static bool subscribes_picture(const json_t *message)
{
        gsize at;
        json_t *item;
        bool found = false;
        json_array_foreach (json_object_get(message, "subscribe"), at, item) {
                g_auto(TbTopic) topic = {0};
                found |= json_is_string(item) && tb_topic_parse(json_string_value(item), &topic) &&
                         g_str_equal(topic.name, "picture");
        }
        return found;
}

/* How the picture is to be: said where it is subscribed to, whatever else the page subscribes to before and after. */
static void take_wishes(TbObserver *o, const json_t *message)
{
        if (!subscribes_picture(message))
                return;
        const json_t *width = json_object_get(message, "width");
        if (json_is_integer(width))
                o->picture_width = (int)CLAMP(json_integer_value(width), PICTURE_LEAST, TB_LIMIT_VIDEO_SIDE);
        o->takes_h264 = names(json_object_get(message, "codecs"), "h264");
}

void tb_observer_relay(TbObserver *o, json_t *message)
{
        tb_assert_main();
        if (!o->relay) {
                const TbActor actor = tb_observer_actor(o, "relay");
                o->relay = tb_control_new(o->core, &actor, o->device, &relay_ops, o);
        }
        /* the envelope's `from` is a peer; in a conversation it would be an offset */
        json_auto_t *bare = json_copy(message);
        json_object_del(bare, "from");
        json_object_del(bare, "sessionId");
        take_wishes(o, bare);
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
        tb_observer_picture_begin(o);
        o->picture_mark = -1;
        publish(o, "viewer.joined", "server", NULL);
        return o;
}

static void end_relay(TbObserver *o)
{
        g_clear_pointer(&o->relay, tb_control_free);
        tb_observer_picture_end(o);
        tb_observer_sound_end(o);
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

bool tb_observer_take_back(TbObserver *o, const TbObserverInfo *info)
{
        g_autofree char *user = tb_via_server_user(info->name, info->peer);
        if (!o->let_go || strcmp(o->device, info->device) != 0 || o->control != info->control ||
            strcmp(o->user, user) != 0)
                return false;
        o->let_go = false;
        tb_observer_renew(o, info->ice_servers);
        tb_observer_picture_begin(o);
        o->picture_mark = -1;
        return true;
}

void tb_observer_free(TbObserver *o)
{
        if (!o)
                return;
        tb_observer_end_lines(o, "the observer left");
        end_relay(o);
        publish(o, "viewer.left", "server", NULL);
        tb_place_give(&o->place);
        g_free(o->session);
        g_free(o->peer_id);
        g_free(o->device);
        g_free(o->user);
        g_free(o->sound_of);
        g_free(o->picture_of);
        json_decref(o->person);
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

const char *tb_observer_user(const TbObserver *o)
{
        return o->user;
}

bool tb_observer_controls(const TbObserver *o)
{
        return o->control;
}

/* --- the person --- */
void tb_observer_set_person(TbObserver *o, const json_t *person)
{
        static const char *const texts[] = {"name", "since", "path"}, *const numbers[] = {"rtt_ms",
                                                                                          "loss_pct"};
        json_t *kept = json_pack("{s:b}", "guest", !json_is_false(json_object_get(person, "guest")));
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
                const char *text = json_string_value(json_object_get(person, texts[i]));
                g_autofree char *cut = text ? tb_text_line(text, TB_LIMIT_PERSON) : NULL;
                if (cut)
                        json_object_set_new(kept, texts[i], json_string(cut));
        }
        for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
                json_t *number = json_object_get(person, numbers[i]);
                if (json_is_number(number))
                        json_object_set(kept, numbers[i], number);
        }
        json_decref(o->person);
        o->person = kept;
}

json_t *tb_observer_person(const TbObserver *o)
{
        json_t *json = json_pack("{s:s, s:s, s:s}", "user", o->user, "peerId", o->peer_id, "mode",
                                 o->control ? "control" : "view");
        if (o->person)
                json_object_update(json, o->person);
        return json;
}
