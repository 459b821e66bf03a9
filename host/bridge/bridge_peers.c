/* Who came and went at the server, who of them has a lease, and what the server is told of that. */
#include <string.h>

#include "host/bridge/bridge_private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/ice.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define LOOK_MS 1000
#define PEOPLE_MS 300 /* what comes together is told together */

/* --- leases of observers: seats.h --- */
static TbObserver *observer_of(TbBridge *bridge, const char *device, const char *user)
{
        for (guint i = 0; i < bridge->observers->len; i++) {
                TbObserver *o = g_ptr_array_index(bridge->observers, i);
                if (strcmp(tb_observer_device(o), device) == 0 && strcmp(tb_observer_user(o), user) == 0)
                        return o;
        }
        return NULL;
}

static void look_at(TbDevice *device, gpointer data)
{
        TbBridge *bridge = data;
        const char *id = tb_device_id(device), *holder = tb_core_lease_holder(device);
        const TbObserver *o = holder ? observer_of(bridge, id, holder) : NULL;
        TbSeatSight sight = o && tb_observer_controls(o) ? TB_SEAT_THERE
                            : o                          ? TB_SEAT_MAY_NOT
                            : bridge->ready              ? TB_SEAT_AWAY
                                                         : TB_SEAT_UNKNOWN;
        if (tb_seats_look(&bridge->seats, id, holder, sight, tb_clock_mono_ms()))
                tb_core_end_lease_of(device, holder, "left", "who had the lease has left");
}

static gboolean on_look(gpointer data);

static void look(TbBridge *bridge)
{
        tb_core_each_device(bridge->core, look_at, bridge);
        if (tb_seats_any(&bridge->seats) && !bridge->look)
                bridge->look = g_timeout_add(LOOK_MS, on_look, bridge);
}

static gboolean on_look(gpointer data)
{
        TbBridge *bridge = data;
        bridge->look = 0;
        look(bridge);
        return G_SOURCE_REMOVE;
}

/* The server shows who has which device; what it shows is what is so here. */
static void say_seat(TbDevice *device, gpointer data)
{
        TbBridge *bridge = data;
        const char *id = tb_device_id(device), *holder = tb_core_lease_holder(device);
        const TbObserver *o = holder ? observer_of(bridge, id, holder) : NULL;
        if (bridge->ready)
                tb_bridge_send(bridge, json_pack("{s:s, s:s, s:s?, s:s?}", "type", "control", "device", id,
                                                 "holder", holder, "peerId", o ? tb_observer_peer(o) : NULL));
}

static void say_held_seat(TbDevice *device, gpointer data)
{
        if (tb_core_lease_holder(device))
                say_seat(device, data);
}

/* Whom it has here still; the server tells of those who may not be here any more. */
static void say_observers(TbBridge *bridge)
{
        json_t *list = json_array();
        for (guint i = 0; i < bridge->observers->len; i++) {
                const TbObserver *o = g_ptr_array_index(bridge->observers, i);
                json_array_append_new(list, json_pack("{s:s, s:s}", "sessionId", tb_observer_session(o),
                                                      "peerId", tb_observer_peer(o)));
        }
        if (json_array_size(list) > 0)
                tb_bridge_send(bridge, json_pack("{s:s, s:O}", "type", "observers", "observers", list));
        json_decref(list);
}

void tb_bridge_say_seats(TbBridge *bridge)
{
        say_observers(bridge);
        tb_core_each_device(bridge->core, say_held_seat, bridge);
        look(bridge);
}

void tb_bridge_lease(TbBridge *bridge, const char *device)
{
        TbDevice *d = tb_core_device(bridge->core, device, NULL);
        if (d)
                say_seat(d, bridge);
        look(bridge);
}

/* --- who is there, for this host's own pages --- */
static void tell_people(TbDevice *device, gpointer data)
{
        TbBridge *bridge = data;
        json_t *people = json_array();
        for (guint i = 0; i < bridge->observers->len; i++) {
                const TbObserver *o = g_ptr_array_index(bridge->observers, i);
                if (strcmp(tb_observer_device(o), tb_device_id(device)) == 0)
                        json_array_append_new(people, tb_observer_person(o));
        }
        tb_core_set_people(device, people);
}

static gboolean on_people(gpointer data)
{
        TbBridge *bridge = data;
        bridge->people = 0;
        tb_core_each_device(bridge->core, tell_people, bridge);
        return G_SOURCE_REMOVE;
}

void tb_bridge_people_changed(TbBridge *bridge)
{
        if (!bridge->people)
                bridge->people = g_timeout_add(PEOPLE_MS, on_people, bridge);
}

void tb_bridge_people(TbBridge *bridge, const TbBridgeMessage *m)
{
        gsize at;
        json_t *person;
        json_array_foreach (m->people, at, person) {
                guint i;
                const char *peer = json_string_value(json_object_get(person, "peerId"));
                TbObserver *o = peer ? tb_observer_find(bridge->observers, m->session, peer, &i) : NULL;
                if (o)
                        tb_observer_set_person(o, person);
        }
        tb_bridge_people_changed(bridge);
}

void tb_bridge_peers_clear(TbBridge *bridge)
{
        g_clear_handle_id(&bridge->look, g_source_remove);
        g_clear_handle_id(&bridge->people, g_source_remove);
        tb_seats_clear(&bridge->seats);
}

/* One who is back has what he had: only now is it known who of the server's that is. */
static void say_seat_of(TbBridge *bridge, const TbObserver *o)
{
        TbDevice *device = tb_core_device(bridge->core, tb_observer_device(o), NULL);
        if (device && g_strcmp0(tb_core_lease_holder(device), tb_observer_user(o)) == 0)
                say_seat(device, bridge);
}

/* --- observers --- */
/* As the server would: error {code, message} in its envelope. */
void tb_bridge_refuse(TbBridge *bridge, const TbBridgeMessage *m, const char *code, const char *text)
{
        gsize size;
        json_auto_t *message = json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", text);
        g_autofree char *wrapped = tb_bridge_wrap(message, m->session, m->peer, &size);
        tb_bridge_link_send(bridge->link, false, wrapped, size);
}

/* Before the credentials of before end; the next peer connection of each observer is made with them. */
void tb_bridge_renewed(TbBridge *bridge, const TbBridgeMessage *m)
{
        tb_credentials_set(&bridge->credentials, m->ice_servers);
        g_auto(GStrv) uris = tb_ice_uris(m->ice_servers);
        for (guint i = 0; i < bridge->observers->len; i++)
                tb_observer_renew(g_ptr_array_index(bridge->observers, i), (const char *const *)uris);
}

void tb_bridge_peer_connected(TbBridge *bridge, const TbBridgeMessage *m)
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
        tb_bridge_people_changed(bridge);
        if (old && known && tb_observer_take_back(old, &info)) {
                if (tb_tally_notef(bridge->tally, "observer is back, session %s", m->session))
                        tb_log(TB_LOG_INFO, TB_F("device", m->device, "session", m->session, "peer", m->peer),
                               "observer is known to the server again; its picture went on");
                return;
        }
        if (old)
                g_ptr_array_remove_index_fast(bridge->observers, i); /* it came back: begin anew */
        TbObserver *o = known ? tb_observer_new(bridge->core, bridge->media, &info, &tb_bridge_observer_ops,
                                                bridge, &error)
                              : NULL;
        if (o) {
                g_ptr_array_add(bridge->observers, o);
                say_seat_of(bridge, o);
        } else {
                tb_bridge_refuse(bridge, m, known ? "too-many" : "no-device", tb_error_detail(error));
        }
        if (o && tb_tally_notef(bridge->tally, "observer joined, session %s", m->session))
                tb_log(TB_LOG_INFO, TB_F("device", m->device, "session", m->session, "peer", m->peer),
                       "observer joined to %s", m->control ? "control" : "watch");
}

/* His link was taken back, or is for watching only now: what he controls he has no more, and what he has begun stops at its next step. */
static void cut(TbBridge *bridge, TbObserver *o)
{
        static const char why[] = "the link by which this was asked lets nobody control any more";
        TbDevice *device = tb_core_device(bridge->core, tb_observer_device(o), NULL);
        if (!device)
                return;
        tb_core_end_lease_of(device, tb_observer_user(o), "revoked", why);
        tb_core_stop_user(device, tb_observer_user(o), why);
}

void tb_bridge_peer_gone(TbBridge *bridge, const TbBridgeMessage *m)
{
        guint i;
        TbObserver *o;
        tb_bridge_people_changed(bridge);
        while ((o = tb_observer_find(bridge->observers, m->session, m->peer,
                                     &i))) { /* peer NULL: all of the session */
                if (tb_tally_notef(bridge->tally, "observer left, session %s", m->session))
                        tb_log(TB_LOG_INFO,
                               TB_F("session", m->session, "peer",
                                    tb_observer_peer(g_ptr_array_index(bridge->observers, i))),
                               "observer left");
                if (m->cut)
                        cut(bridge, o);
                g_ptr_array_remove_index_fast(bridge->observers, i);
        }
        look(bridge);
}

/* The server saw how long the observer's line took; what is beyond that and both ways themselves was ours. */
static void picture_arrived(const TbBridge *bridge, TbObserver *o, const TbBridgeMessage *m)
{
        gint64 own_us = tb_bridge_link_trip_us(bridge->link);
        if (m->lost) {
                tb_observer_picture_lost(o);
                return;
        }
        bool told = m->took_ms >= 0 && own_us > 0;
        tb_observer_picture_arrived(o, m->t, told ? m->took_ms * 1000 : -1,
                                    told ? m->trip_ms * 1000 + own_us : -1);
}

void tb_bridge_from_observer(TbBridge *bridge, const TbBridgeMessage *m)
{
        guint i;
        TbObserver *o = tb_observer_find(bridge->observers, m->session, m->peer, &i);
        if (!o)
                return; /* it left while this was on its way */
        if (m->type == TB_BRIDGE_OFFER)
                tb_observer_offer(o, m->sdp, m->which, m->attempt);
        else if (m->type == TB_BRIDGE_ICE)
                tb_observer_candidate(o, m->candidate, m->mline_index, m->attempt);
        else if (m->type == TB_BRIDGE_BYE)
                tb_observer_bye(o, m->attempt);
        else if (m->type == TB_BRIDGE_PICTURE_ARRIVED)
                picture_arrived(bridge, o, m);
        else
                tb_observer_relay(o, m->json);
}
