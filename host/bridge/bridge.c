#include "host/bridge/bridge.h"

#include <string.h>

#include "host/bridge/away.h"
#include "host/bridge/carry.h"
#include "host/bridge/credentials.h"
#include "host/bridge/devices.h"
#include "host/bridge/hello.h"
#include "host/bridge/message.h"
#include "host/bridge/observer.h"
#include "host/outward/link.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/ice.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/proto/link_key.h"
#include "lib/tally.h"
#include "lib/thread.h"

#define ANNOUNCE_MS 200 /* changes come in swarms */

struct TbBridge {
        TbCore *core;                                 /* borrowed */
        TbMedia *media;                               /* borrowed */
        const TbHostConfig *config;                   /* borrowed */
        char *version;                                /* owned */
        TbBridgeLink *link;                           /* owned */
        TbCarry *carry;                               /* owned */
        TbLinkKey *key;                               /* owned */
        GPtrArray *observers;                         /* owned TbObserver */
        TbPlaces places;                              /* of them, by who made their link */
        TbCredentials credentials;                    /* of the server */
        guint bus;                                    /* subscription */
        guint announce;                               /* source */
        TbAway away;                                  /* observers while the server is */
        bool ready;                                   /* the server has accepted us */
        bool late_devices;                            /* the hello did not have room for them */
        bool short_devices;                           /* their interfaces are left out */
        TbTally *tally;                               /* owned: what observers make us log */
        void (*said)(json_t *message, gpointer data); /* NULL: nobody listens */
        gpointer said_data;
};

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

static bool send_json(TbBridge *bridge, json_t *message_take)
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

static bool send_picture(GBytes *jpeg, TbObserver *observer, gpointer data)
{
        TbBridge *bridge = data;
        if (!bridge->ready || !tb_bridge_link_arrived(bridge->link, tb_observer_picture_mark(observer)))
                return false;
        g_autoptr(GBytes) message =
                tb_bridge_picture(tb_observer_session(observer), tb_observer_peer(observer), jpeg);
        if (!tb_bridge_link_send(bridge->link, true, g_bytes_get_data(message, NULL),
                                 g_bytes_get_size(message)))
                return false;
        tb_observer_set_picture_mark(observer, tb_bridge_link_mark(bridge->link));
        return true;
}

static gsize queued(gpointer data)
{
        return tb_bridge_link_under_way(((TbBridge *)data)->link);
}

static const TbObserverOps observer_ops = {
        .send = send_to_observer, .picture = send_picture, .queued = queued, observer_may_say};

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
                send_json(bridge, tb_bridge_devices_message(bridge->core, &bridge->short_devices));
        return G_SOURCE_REMOVE;
}

static void on_event(const TbEvent *event, gpointer user)
{
        TbBridge *bridge = user;
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

/* --- observers --- */
/* As the server would: error {code, message} in its envelope. */
static void refuse(TbBridge *bridge, const TbBridgeMessage *m, const char *code, const char *text)
{
        gsize size;
        json_auto_t *message = json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", text);
        g_autofree char *wrapped = tb_bridge_wrap(message, m->session, m->peer, &size);
        send_text(wrapped, size, bridge);
}

/* Before the credentials of before end; the next peer connection of each observer is made with them. */
static void renewed(TbBridge *bridge, const TbBridgeMessage *m)
{
        tb_credentials_set(&bridge->credentials, m->ice_servers);
        g_auto(GStrv) uris = tb_ice_uris(m->ice_servers);
        for (guint i = 0; i < bridge->observers->len; i++)
                tb_observer_renew(g_ptr_array_index(bridge->observers, i), (const char *const *)uris);
}

static void peer_connected(TbBridge *bridge, const TbBridgeMessage *m)
{
        guint i;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) ice_servers =
                tb_credentials_of(&bridge->credentials, m->ice_servers, &bridge->config->ice, m->peer);
        TbObserver *old = tb_observer_find(bridge->observers, m->session, m->peer, &i);
        bool known = tb_core_device(bridge->core, m->device, &error) != NULL;
        const TbObserverInfo info = {.session = m->session,
                                     .peer = m->peer,
                                     .device = m->device,
                                     .name = m->name,
                                     .control = m->control,
                                     .places = &bridge->places,
                                     .ice_servers = (const char *const *)ice_servers};
        if (old && known && tb_observer_take_back(old, &info)) {
                if (tb_tally_notef(bridge->tally, "observer is back, session %s", m->session))
                        tb_log(TB_LOG_INFO, TB_F("device", m->device, "session", m->session, "peer", m->peer),
                               "observer is known to the server again; its picture went on");
                return;
        }
        if (old)
                g_ptr_array_remove_index_fast(bridge->observers, i); /* it came back: begin anew */
        TbObserver *o =
                known ? tb_observer_new(bridge->core, bridge->media, &info, &observer_ops, bridge, &error)
                      : NULL;
        if (o)
                g_ptr_array_add(bridge->observers, o);
        else
                refuse(bridge, m, known ? "too-many" : "no-device", tb_error_detail(error));
        if (o && tb_tally_notef(bridge->tally, "observer joined, session %s", m->session))
                tb_log(TB_LOG_INFO, TB_F("device", m->device, "session", m->session, "peer", m->peer),
                       "observer joined to %s", m->control ? "control" : "watch");
}

static void peer_gone(TbBridge *bridge, const TbBridgeMessage *m)
{
        guint i;
        while (tb_observer_find(bridge->observers, m->session, m->peer,
                                &i)) { /* peer NULL: all of the session */
                if (tb_tally_notef(bridge->tally, "observer left, session %s", m->session))
                        tb_log(TB_LOG_INFO,
                               TB_F("session", m->session, "peer",
                                    tb_observer_peer(g_ptr_array_index(bridge->observers, i))),
                               "observer left");
                g_ptr_array_remove_index_fast(bridge->observers, i);
        }
}

static void from_observer(TbBridge *bridge, const TbBridgeMessage *m)
{
        guint i;
        TbObserver *o = tb_observer_find(bridge->observers, m->session, m->peer, &i);
        if (!o)
                return; /* it left while this was on its way */
        if (m->type == TB_BRIDGE_OFFER)
                tb_observer_offer(o, m->sdp, m->attempt);
        else if (m->type == TB_BRIDGE_ICE)
                tb_observer_candidate(o, m->candidate, m->mline_index, m->attempt);
        else if (m->type == TB_BRIDGE_BYE)
                tb_observer_bye(o, m->attempt);
        else if (m->type == TB_BRIDGE_PICTURE_ARRIVED)
                tb_observer_picture_arrived(o, m->t);
        else
                tb_observer_relay(o, m->json);
}

/* --- the link --- */
static void say_hello(gpointer data)
{
        TbBridge *bridge = data;
        send_json(bridge, tb_bridge_hello(bridge->core, bridge->key, bridge->version, &bridge->short_devices,
                                          &bridge->late_devices));
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
        bridge->away.ready_us = g_get_monotonic_time();
        if (bridge->late_devices)
                send_json(bridge, tb_bridge_devices_message(bridge->core, &bridge->short_devices));
        tb_bridge_link_settled(bridge->link);
        tb_credentials_set(&bridge->credentials, m->ice_servers);
        tb_log(TB_LOG_INFO, TB_F("url", bridge->config->server_url), "registered with the server");
        tb_bus_publish(tb_core_bus(bridge->core), "server.connected", NULL, NULL,
                       json_pack("{s:s}", "url", bridge->config->server_url));
}

static void server_error(TbBridge *bridge, const TbBridgeMessage *m)
{
        if (tb_tally_notef(bridge->tally, "the server says more, session %s", m->session))
                tb_log(TB_LOG_WARNING, TB_F("url", bridge->config->server_url, "session", m->session),
                       "the server says: %.*s", TB_LIMIT_LINK_REASON, m->text);
        if (!bridge->ready)
                tb_bridge_link_drop(bridge->link, m->text);
}

/* A malformed message is answered where there is somebody to answer, and never ends the link: the fault may
 * be one observer's. */
static void malformed(TbBridge *bridge, const TbBridgeMessage *m, const GError *error)
{
        if (tb_tally_notef(bridge->tally, "malformed messages, session %s", m->session))
                tb_log(TB_LOG_WARNING, TB_F("session", m->session), "message of the server: %s",
                       tb_error_detail(error));
        if (m->session && m->peer)
                refuse(bridge, m, "bad-message", tb_error_detail(error));
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
                send_json(bridge, tb_bridge_proof(bridge->key, bridge->config->name, m.nonce,
                                                  m.names ? bridge->config->server_url : NULL));
                break;
        case TB_BRIDGE_ERROR: server_error(bridge, &m); break;
        case TB_BRIDGE_PEER_CONNECTED: peer_connected(bridge, &m); break;
        case TB_BRIDGE_PEER_DISCONNECTED:
        case TB_BRIDGE_SESSION_CLOSED: peer_gone(bridge, &m); break;
        case TB_BRIDGE_ICE_SERVERS: renewed(bridge, &m); break;
        case TB_BRIDGE_PICTURE_ARRIVED:
        case TB_BRIDGE_OFFER:
        case TB_BRIDGE_ICE:
        case TB_BRIDGE_BYE:
        case TB_BRIDGE_CONTROL: from_observer(bridge, &m); break;
        case TB_BRIDGE_PHONE_SESSION:
                if (bridge->said)
                        bridge->said(m.json, bridge->said_data);
                break;
        case TB_BRIDGE_PING:
                send_json(bridge,
                          json_pack("{s:s, s:o*}", "type", "pong", "t", m.t >= 0 ? json_integer(m.t) : NULL));
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
        tb_carry_lost(bridge->carry);
        tb_away_let_go(&bridge->away, bridge->observers);
        if (!was)
                return;
        tb_log(TB_LOG_WARNING, TB_F("url", bridge->config->server_url),
               "the server is lost: %s; trying again", reason);
        tb_bus_publish(tb_core_bus(bridge->core), "server.lost", NULL, NULL,
                       json_pack("{s:s, s:s}", "url", bridge->config->server_url, "reason", reason));
}

static void on_binary(GBytes *message, gpointer data)
{
        TbBridge *bridge = data;
        gsize size;
        const guint8 *bytes = g_bytes_get_data(message, &size);
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

static const TbBridgeLinkOps link_ops = {
        .opened = say_hello, .text = on_text, .binary = on_binary, .lost = on_lost, .arrived = on_arrived};

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
        tb_away_clear(&bridge->away);
        g_ptr_array_free(bridge->observers, TRUE);
        tb_places_clear(&bridge->places);
        tb_tally_free(bridge->tally);
        tb_bridge_link_free(g_steal_pointer(&bridge->link));
        tb_carry_free(bridge->carry);
        tb_link_key_free(bridge->key);
        tb_credentials_clear(&bridge->credentials);
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
                send_json(bridge, json_incref(message_take));
        json_decref(message_take);
        return bridge->ready;
}

void tb_bridge_listen(TbBridge *bridge, void (*said)(json_t *message, gpointer data), gpointer data)
{
        bridge->said = said;
        bridge->said_data = data;
}
