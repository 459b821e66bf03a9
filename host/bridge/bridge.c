#include "host/bridge/bridge.h"

#include <string.h>

#include "host/bridge/bridge_private.h"
#include "host/bridge/devices.h"
#include "host/bridge/hello.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/ice.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/thread.h"

#define ANNOUNCE_MS 200 /* changes come in swarms */

/* What a session can make us log is logged at our rate. */
static bool observer_may_say(const char *what, TbObserver *observer, gpointer data)
{
        return tb_tally_notef(((TbBridge *)data)->tally, "%s, session %s", what,
                              tb_observer_session(observer));
}

/* --- sending --- */
static bool send_text(const char *text, gsize size, gpointer data)
{
        return tb_bridge_link_send(((TbBridge *)data)->link, false, text, size);
}

bool tb_bridge_send(TbBridge *bridge, json_t *message_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        json_decref(message_take);
        return send_text(text, size, bridge);
}

static bool send_frame(const void *bytes, gsize size, gpointer data)
{
        return tb_bridge_link_send(((TbBridge *)data)->link, true, bytes, size);
}

/* Bodies go only as far ahead as keeps the line busy: an answer to a command waits for no more than that. */
static gsize bulk_room(gpointer data)
{
        TbBridge *bridge = data;
        gsize under_way = bridge->ready ? tb_bridge_link_under_way(bridge->link) : TB_BRIDGE_BULK;
        return under_way < TB_BRIDGE_BULK ? TB_BRIDGE_BULK - under_way : 0;
}

static bool send_to_observer(json_t *message_take, TbObserver *observer, gpointer data)
{
        gsize size;
        g_autofree char *text = tb_bridge_wrap(message_take, tb_observer_session(observer),
                                               tb_observer_peer(observer), &size);
        json_decref(message_take);
        return send_text(text, size, data);
}

static bool send_picture(GBytes *source, int width, GBytes *jpeg, TbObserver *observer, gpointer data)
{
        TbBridge *bridge = data;
        if (!bridge->ready || tb_bridge_link_is_late(bridge->link) ||
            !tb_bridge_link_arrived(bridge->link, tb_observer_picture_mark(observer)))
                return false;
        g_autoptr(GBytes) message = tb_uploads_message(&bridge->uploads, tb_observer_session(observer),
                                                       tb_observer_peer(observer), source, width, jpeg);
        if (!tb_bridge_link_send(bridge->link, true, g_bytes_get_data(message, NULL),
                                 g_bytes_get_size(message)))
                return false;
        tb_observer_set_picture_mark(observer, tb_bridge_link_mark(bridge->link));
        return true;
}

static bool send_unit(GBytes *unit, bool keyframe, int width, int height, TbObserver *observer, gpointer data)
{
        TbBridge *bridge = data;
        if (!bridge->ready || tb_bridge_link_is_late(bridge->link))
                return false;
        g_autoptr(GBytes) message =
                tb_uploads_unit(&bridge->uploads, tb_observer_session(observer), tb_observer_peer(observer),
                                unit, keyframe, width, height);
        if (!tb_bridge_link_send(bridge->link, true, g_bytes_get_data(message, NULL),
                                 g_bytes_get_size(message)))
                return false;
        tb_bridge_link_mark(bridge->link);
        return true;
}

static bool takes_units(gpointer data)
{
        return ((TbBridge *)data)->units;
}

/* Pictures wait while the line is late, sound does not: it is little, and goes first. */
static void send_sound(const guint8 *bytes, gsize size, guint32 at, TbObserver *observer, gpointer data)
{
        TbBridge *bridge = data;
        if (!bridge->ready || tb_bridge_link_under_way(bridge->link) > TB_LIMIT_RELAY_SOUND)
                return;
        g_autoptr(GBytes) message = tb_uploads_sound(&bridge->uploads, tb_observer_session(observer),
                                                     tb_observer_peer(observer), bytes, size, at);
        tb_bridge_link_send(bridge->link, true, g_bytes_get_data(message, NULL), g_bytes_get_size(message));
}

static bool takes_sound(gpointer data)
{
        return ((TbBridge *)data)->sound;
}

static gsize queued(gpointer data)
{
        return tb_bridge_link_under_way(((TbBridge *)data)->link);
}

const TbObserverOps tb_bridge_observer_ops = {.send = send_to_observer,
                                              .picture = send_picture,
                                              .unit = send_unit,
                                              .takes_units = takes_units,
                                              .sound = send_sound,
                                              .takes_sound = takes_sound,
                                              .queued = queued,
                                              .may_say = observer_may_say};

static void hold_line(bool held, gpointer data)
{
        tb_bridge_link_hold(((TbBridge *)data)->link, held);
}

static void on_broken(const GError *error, gpointer data)
{
        g_autofree char *why = g_strdup_printf("the server breaks the protocol: %s", tb_error_detail(error));
        tb_bridge_link_drop(((TbBridge *)data)->link, why);
}

static const TbCarryOps carry_ops = {
        .send = send_frame, .room = bulk_room, .hold = hold_line, .broken = on_broken};

/* --- announcing --- */
static gboolean on_announce(gpointer data)
{
        TbBridge *bridge = data;
        bridge->announce = 0;
        if (bridge->ready)
                tb_bridge_send(bridge, tb_bridge_devices_message(bridge->core, &bridge->short_devices));
        return G_SOURCE_REMOVE;
}

static void on_event(const TbEvent *event, gpointer user)
{
        TbBridge *bridge = user;
        if (event->device &&
            (strcmp(event->type, "lease.taken") == 0 || strcmp(event->type, "lease.ended") == 0))
                tb_bridge_lease(bridge, event->device);
        if (!g_str_has_prefix(event->type, "device.") && strcmp(event->type, "interface.state") != 0)
                return;
        if (!bridge->announce)
                bridge->announce = g_timeout_add(ANNOUNCE_MS, on_announce, bridge);
        if (strcmp(event->type, "device.removed") != 0 || !event->device)
                return;
        for (guint i = bridge->observers->len; i-- > 0;)
                if (strcmp(tb_observer_device(g_ptr_array_index(bridge->observers, i)), event->device) == 0)
                        g_ptr_array_remove_index_fast(bridge->observers, i);
}

/* --- the link --- */
static void say_hello(gpointer data)
{
        TbBridge *bridge = data;
        tb_bridge_send(bridge, tb_bridge_hello(bridge->core, bridge->key, bridge->version,
                                               &bridge->short_devices, &bridge->late_devices));
}

static void ready(TbBridge *bridge, const TbBridgeMessage *m)
{
        if (m->open && !tb_bridge_may_join_open(bridge->config)) {
                tb_log(TB_LOG_ERROR, TB_F("url", bridge->config->server_url),
                       "the server asks nobody for a token, so anybody could control this host through it: "
                       "not joined. Give the server `tokens:`, or say `server: {insecure: true}` here");
                tb_bridge_link_drop(bridge->link, "the server asks nobody for a token");
                return;
        }
        if (m->protocol < TB_LINK_PROTOCOL) {
                tb_log(TB_LOG_ERROR, TB_F("url", bridge->config->server_url),
                       "the server speaks protocol %d of the link, this host needs %d: update testbed-server",
                       m->protocol, TB_LINK_PROTOCOL);
                tb_bridge_link_drop(bridge->link, "the server's protocol is too old");
                return;
        }
        if (m->host && strcmp(m->host, bridge->config->name) != 0)
                tb_log(TB_LOG_WARNING, TB_F("url", bridge->config->server_url),
                       "the server knows another host as %s and calls this one %s: give it its own `name:`",
                       bridge->config->name, m->host);
        bridge->ready = true;
        bridge->uploads.shares = m->shares;
        bridge->uploads.shares_sound = m->shares_sound;
        bridge->units = m->units;
        bridge->sound = m->sound;
        bridge->away.ready_us = g_get_monotonic_time();
        if (bridge->late_devices)
                tb_bridge_send(bridge, tb_bridge_devices_message(bridge->core, &bridge->short_devices));
        tb_bridge_link_settled(bridge->link);
        tb_bridge_say_seats(bridge);
        tb_credentials_set(&bridge->credentials, m->ice_servers);
        tb_log(TB_LOG_INFO, TB_F("url", bridge->config->server_url), "registered with the server");
        tb_bus_publish(tb_core_bus(bridge->core), "server.connected", NULL, NULL,
                       json_pack("{s:s}", "url", bridge->config->server_url));
}

/* Our line stood, and still somebody came who proved the same key: a machine or a volume that was copied. Both would send each other
 * away as quickly as they come back. */
static void another_has_our_key(TbBridge *bridge)
{
        tb_log(TB_LOG_ERROR, TB_F("url", bridge->config->server_url, "name", bridge->config->name),
               "another machine or container has this host's key, and took its place at the server: was the "
               "state "
               "folder %s copied? Stop that host, or remove link-key.pem from its state folder and add it on "
               "the "
               "server's page",
               bridge->config->state_dir);
        tb_bridge_link_rest(bridge->link);
}

static void server_error(TbBridge *bridge, const TbBridgeMessage *m)
{
        if (tb_tally_notef(bridge->tally, "the server says more, session %s", m->session))
                tb_log(TB_LOG_WARNING, TB_F("url", bridge->config->server_url, "session", m->session),
                       "the server says: %.*s", TB_LIMIT_LINK_REASON, m->text);
        if (!bridge->ready)
                tb_bridge_link_drop(bridge->link, m->text);
        else if (g_strcmp0(m->code, "replaced") == 0)
                another_has_our_key(bridge);
}

/* A malformed message is answered where there is somebody to answer, and never ends the link: the fault may
 * be one observer's. */
static void malformed(TbBridge *bridge, const TbBridgeMessage *m, const GError *error)
{
        if (tb_tally_notef(bridge->tally, "malformed messages, session %s", m->session))
                tb_log(TB_LOG_WARNING, TB_F("session", m->session), "message of the server: %s",
                       tb_error_detail(error));
        if (m->session && m->peer)
                tb_bridge_refuse(bridge, m, "bad-message", tb_error_detail(error));
}

static void on_text(const char *text, gsize size, gpointer data)
{
        TbBridge *bridge = data;
        g_autoptr(GError) error = NULL;
        g_auto(TbBridgeMessage) m = {0};
        if (!tb_bridge_parse(text, size, &m, &error)) {
                malformed(bridge, &m, error);
                return;
        }
        /* heard once: a line in the log and an event for each is not the server's to choose */
        bool once = m.type == TB_BRIDGE_READY || m.type == TB_BRIDGE_CHALLENGE;
        bool early =
                once || m.type == TB_BRIDGE_ERROR || m.type == TB_BRIDGE_PING || m.type == TB_BRIDGE_PONG;
        if (bridge->ready ? once : !early)
                return;
        switch (m.type) {
        case TB_BRIDGE_OTHER: break;
        case TB_BRIDGE_READY: ready(bridge, &m); break;
        case TB_BRIDGE_CHALLENGE:
                tb_bridge_send(bridge, tb_bridge_proof(bridge->key, bridge->config->name, m.nonce,
                                                       m.names ? bridge->config->server_url : NULL));
                break;
        case TB_BRIDGE_ERROR: server_error(bridge, &m); break;
        case TB_BRIDGE_PEER_CONNECTED: tb_bridge_peer_connected(bridge, &m); break;
        case TB_BRIDGE_PEER_DISCONNECTED:
        case TB_BRIDGE_SESSION_CLOSED: tb_bridge_peer_gone(bridge, &m); break;
        case TB_BRIDGE_PEOPLE: tb_bridge_people(bridge, &m); break;
        case TB_BRIDGE_ICE_SERVERS: tb_bridge_renewed(bridge, &m); break;
        case TB_BRIDGE_PICTURE_ARRIVED:
        case TB_BRIDGE_OFFER:
        case TB_BRIDGE_ICE:
        case TB_BRIDGE_BYE:
        case TB_BRIDGE_CONTROL: tb_bridge_from_observer(bridge, &m); break;
        case TB_BRIDGE_PHONE_SESSION:
                if (bridge->said)
                        bridge->said(m.json, bridge->said_data);
                break;
        case TB_BRIDGE_PING:
                tb_bridge_send(bridge, json_pack("{s:s, s:o*}", "type", "pong", "t",
                                                 m.t >= 0 ? json_integer(m.t) : NULL));
                break;
        case TB_BRIDGE_PONG: tb_bridge_link_pong(bridge->link, m.t); break;
        }
}

/* Observers are the server's: after a loss it tells us anew who is there. */
static void on_lost(const char *reason, gpointer data)
{
        TbBridge *bridge = data;
        bool was = bridge->ready;
        bridge->ready = false;
        bridge->away.ready_us = 0;
        tb_uploads_clear(&bridge->uploads);
        tb_carry_lost(bridge->carry);
        tb_away_let_go(&bridge->away, bridge->observers);
        if (!was)
                return;
        tb_log(TB_LOG_WARNING, TB_F("url", bridge->config->server_url),
               "the server is lost: %s; trying again", reason);
        tb_bus_publish(tb_core_bus(bridge->core), "server.lost", NULL, NULL,
                       json_pack("{s:s, s:s}", "url", bridge->config->server_url, "reason", reason));
}

static void on_binary(const guint8 *bytes, gsize size, gpointer data)
{
        TbBridge *bridge = data;
        if (bridge->ready && tb_link_frame_begins(bytes, size)) /* else the server has grown first */
                tb_carry_receive(bridge->carry, bytes, size);
}

static void on_arrived(gpointer data)
{
        TbBridge *bridge = data;
        if (tb_bridge_link_under_way(bridge->link) >= TB_BRIDGE_UNDER_WAY)
                return;
        tb_carry_pump(bridge->carry);
        for (guint i = 0; i < bridge->observers->len; i++)
                tb_observer_drained(g_ptr_array_index(bridge->observers, i));
}

static void on_turned(gpointer data)
{
        tb_carry_turned(((TbBridge *)data)->carry);
}

static const TbBridgeLinkOps link_ops = {.opened = say_hello,
                                         .text = on_text,
                                         .binary = on_binary,
                                         .turned = on_turned,
                                         .lost = on_lost,
                                         .arrived = on_arrived};

/* --- life --- */
TbBridge *tb_bridge_new(const TbBridgeOptions *options, GError **error)
{
        tb_assert_main();
        TbBridge *bridge = g_new0(TbBridge, 1);
        bridge->core = options->core;
        bridge->media = options->media;
        bridge->config = tb_core_config(options->core);
        bridge->version = g_strdup(options->version);
        tb_places_init(&bridge->places, "observers of this host", TB_LIMIT_HOST_OBSERVERS);
        bridge->observers = g_ptr_array_new_with_free_func((GDestroyNotify)tb_observer_free);
        tb_seats_init(&bridge->seats);
        bridge->tally = tb_tally_new_log();
        g_autofree char *key_file = g_build_filename(bridge->config->state_dir, "link-key.pem", NULL);
        bridge->key = tb_link_key_open(key_file, error);
        if (bridge->key)
                bridge->carry = tb_carry_new(options->core, options->poller, options->version, &carry_ops,
                                             bridge, error);
        if (bridge->carry)
                bridge->link = tb_bridge_link_new(bridge->config->server_url, bridge->config->server_ca,
                                                  &link_ops, bridge, error);
        if (!bridge->link) {
                tb_bridge_free(bridge);
                return NULL;
        }
        bridge->bus = tb_bus_subscribe(tb_core_bus(bridge->core), on_event, bridge);
        return bridge;
}

void tb_bridge_free(TbBridge *bridge)
{
        if (!bridge)
                return;
        tb_assert_main();
        if (bridge->bus)
                tb_bus_unsubscribe(tb_core_bus(bridge->core), bridge->bus);
        g_clear_handle_id(&bridge->announce, g_source_remove);
        tb_bridge_peers_clear(bridge);
        tb_away_clear(&bridge->away);
        g_ptr_array_free(bridge->observers, TRUE);
        tb_places_clear(&bridge->places);
        tb_tally_free(bridge->tally);
        tb_bridge_link_free(g_steal_pointer(&bridge->link));
        tb_carry_free(bridge->carry);
        tb_link_key_free(bridge->key);
        tb_credentials_clear(&bridge->credentials);
        tb_uploads_clear(&bridge->uploads);
        g_free(bridge->version);
        g_free(bridge);
}

TbHttp *tb_bridge_http(TbBridge *bridge)
{
        return tb_carry_http(bridge->carry);
}

json_t *tb_bridge_services(TbBridge *bridge)
{
        return json_pack("{s:s}", "server", bridge->ready ? "running" : "connecting");
}

bool tb_bridge_say(TbBridge *bridge, json_t *message_take)
{
        if (bridge->ready)
                tb_bridge_send(bridge, json_incref(message_take));
        json_decref(message_take);
        return bridge->ready;
}

void tb_bridge_listen(TbBridge *bridge, void (*said)(json_t *message, gpointer data), gpointer data)
{
        bridge->said = said;
        bridge->said_data = data;
}
