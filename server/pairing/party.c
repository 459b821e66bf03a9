#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

#define CLEAN_MS 30000
#define CLEAN_SOON_MS 1000 /* when the time of one is over */
#define DROPPED_MAX 400    /* messages over the rate in a row: then the connection is closed */

const char *tb_party_role_name(TbPartyRole role)
{
        static const char *const names[] = {"none", "desktop", "phone", "host"};
        return names[role];
}

bool tb_party_send(TbParty *party, json_t *message_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        json_decref(message_take);
        return !party->refused && party->pairing->options.ops->text(party->connection, text, size);
}

void tb_party_error(TbParty *party, const char *code, const char *message)
{
        tb_party_send(party, json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", message));
}

void tb_party_refuse(TbParty *party, const char *code, const char *message)
{
        if (party->refused)
                return;
        tb_party_error(party, code, message);
        party->refused = true;
        party->pairing->options.ops->close(party->connection, 1008, message);
}

gpointer tb_party_connection(TbParty *party)
{
        return party->connection;
}

bool tb_party_has_role(const TbParty *party)
{
        return party->role != TB_PARTY_NONE;
}

/* --- coming and going --- */
TbParty *tb_pairing_join(TbPairing *pairing, gpointer connection, const char *request_id, gint64 now_ms)
{
        TbParty *party = g_new0(TbParty, 1);
        party->pairing = pairing;
        party->connection = connection;
        party->since_ms = now_ms;
        party->rtt_ms = party->loss_pct = -1;
        party->link.data = party;
        g_strlcpy(party->request_id, request_id ? request_id : "", sizeof party->request_id);
        g_queue_push_tail_link(&pairing->waiting, &party->link);
        pairing->parties[TB_PARTY_NONE]++;
        return party;
}

static void set_role(TbParty *party, TbPartyRole role)
{
        TbPairing *pairing = party->pairing;
        bool enters = party->role == TB_PARTY_NONE;
        if (enters)
                g_queue_unlink(&pairing->waiting, &party->link);
        pairing->parties[party->role]--;
        pairing->parties[role]++;
        party->role = role;
        if (enters && pairing->options.ops->entered)
                pairing->options.ops->entered(party->connection);
}

static json_t *presence(const char *type, TbParty *party)
{
        return json_pack("{s:s, s:s, s:s}", "type", type, "peer", tb_party_role_name(party->role), "peerId",
                         party->id);
}

/* To the observers of a session, but not to the party itself: presence is shown. */
static void tell_observers(TbSession *session, TbParty *party, const char *type)
{
        for (guint i = 0; i < session->observers->len; i++) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (observer != party)
                        tb_party_send(observer, presence(type, party));
        }
}

static void tell_watched(const TbParty *party, bool comes)
{
        const TbPairingOptions *o = &party->pairing->options;
        const TbSession *session = party->session;
        if (o->watched && session->host && party->role == TB_PARTY_DESKTOP)
                o->watched(&(TbWatched){.host = session->host,
                                        .device = session->device,
                                        .name = party->name ? party->name : "",
                                        .maker = session->share,
                                        .proven = party->proven,
                                        .comes = comes,
                                        .mode = party->mode,
                                        .net = o->ops->net ? o->ops->net(party->connection) : NULL,
                                        .request = party->request_id},
                           o->data);
}

/* An observer came or left. */
static void tell_producers(const TbSession *session, TbParty *party, bool present)
{
        TbParty *host = session->host ? g_hash_table_lookup(session->pairing->hosts, session->host) : NULL;
        if (host)
                tb_host_announce(host, party, present);
        for (guint i = 0; i < session->phones->len; i++)
                tb_party_send(g_ptr_array_index(session->phones, i),
                              presence(present ? "peer-connected" : "peer-disconnected", party));
}

void tb_party_leave_session(TbParty *party)
{
        TbSession *session = party->session;
        tell_watched(party, false);
        if (g_ptr_array_remove(session->phones, party)) {
                tb_session_said(session, true);
                tell_observers(session, party, "peer-disconnected");
        } else if (g_ptr_array_remove(session->observers, party)) {
                tb_room_changed(session);
                tell_observers(session, party, "peer-disconnected");
                tell_producers(session, party, false);
        }
        party->session = NULL;
}

void tb_pairing_left(TbParty *party, gint64 now_ms)
{
        TbPairing *pairing = party->pairing;
        if (party->session) {
                tb_session_touch(party->session, now_ms);
                tb_party_leave_session(party);
        }
        if (party->role == TB_PARTY_HOST)
                tb_host_left(party);
        tb_rival_left(party);
        tb_renew_left(party);
        if (party->role == TB_PARTY_NONE)
                g_queue_unlink(&pairing->waiting, &party->link);
        pairing->parties[party->role]--;
        tb_host_line_left(party);
        if (party->picture)
                g_bytes_unref(party->picture);
        if (party->uploaded)
                g_bytes_unref(party->uploaded);
        for (guint i = 0; i < TB_LINK_SOUNDS; i++)
                g_clear_pointer(&party->sounds[i], g_bytes_unref);
        tb_device_list_free(party->devices);
        g_clear_pointer(&party->held, g_hash_table_unref);
        json_decref(party->hello);
        g_free(party->nonce);
        g_free(party->enrolment);
        g_free(party->key);
        g_free(party->host);
        g_free(party->version);
        g_free(party->claimed);
        g_free(party->name);
        g_free(party);
}

gint64 tb_pairing_tick(TbPairing *pairing, gint64 now_ms)
{
        gint64 limit = tb_server_limits.hello_s * 1000ll, next = pairing->cleaned_ms + CLEAN_MS;
        for (GList *l = pairing->waiting.head; l; l = l->next) {
                TbParty *party = l->data;
                if (now_ms - party->since_ms < limit) {
                        next = MIN(next, party->since_ms + limit);
                        break; /* oldest first */
                }
                if (!party->refused)
                        tb_party_refuse_hello(party, "hello-timeout", "Hello timeout");
        }
        if (now_ms - pairing->cleaned_ms >= CLEAN_MS ||
            (now_ms >= pairing->ends_ms && now_ms - pairing->cleaned_ms >= CLEAN_SOON_MS)) {
                pairing->cleaned_ms = now_ms;
                tb_session_expire(pairing, now_ms);
                next = MIN(next, now_ms + CLEAN_MS);
        }
        next = MIN(next, MAX(pairing->ends_ms, pairing->cleaned_ms + CLEAN_SOON_MS));
        next = MIN(next, tb_rivals_tick(pairing, now_ms));
        next = MIN(next, tb_renew_tick(pairing, now_ms));
        next = MIN(next, tb_rooms_tick(pairing, now_ms));
        return MAX(MIN(next, tb_hosts_tick(pairing, now_ms)), now_ms + 10);
}

/* --- hello --- */
void tb_party_refuse_hello(TbParty *party, const char *code, const char *message)
{
        party->pairing->refused++;
        if (tb_tally_notef(party->pairing->said, "connections refused (%s)", code))
                tb_log(TB_LOG_INFO,
                       TB_F("request", party->request_id, "host", party->claimed ? party->claimed : "",
                            "code", code),
                       "a connection was refused: %s", message);
        tb_party_refuse(party, code, message);
}

void tb_party_refuse_stranger(TbParty *party, const char *code, const char *message)
{
        const TbPartyOps *ops = party->pairing->options.ops;
        if (ops->spent && ops->spent(party->connection))
                tb_party_refuse_hello(party, "rate",
                                      "Too many connections from this address came to nothing");
        else
                tb_party_refuse_hello(party, code, message);
}

void tb_pairing_give_way(TbParty *party)
{
        if (!party->refused)
                tb_party_refuse_hello(party, "rate",
                                      "Too many connections from this address have not said hello");
}

static json_t *ready(TbParty *party)
{
        TbSession *session = party->session;
        json_t *peers = json_array();
        bool desktop = party->role == TB_PARTY_DESKTOP;
        if (desktop && session->host && tb_session_present(session))
                json_array_append_new(peers, json_pack("{s:s, s:s}", "peer", "phone", "peerId",
                                                       tb_session_producer(session)->id));
        for (guint i = 0; desktop && i < session->phones->len; i++)
                json_array_append_new(peers,
                                      json_pack("{s:s, s:s}", "peer", "phone", "peerId",
                                                ((TbParty *)g_ptr_array_index(session->phones, i))->id));
        for (guint i = 0; i < session->observers->len; i++) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (observer == party)
                        continue;
                json_array_append_new(peers,
                                      json_pack("{s:s, s:s}", "peer", "desktop", "peerId", observer->id));
        }
        json_t *o =
                json_pack("{s:s, s:s, s:s, s:o, s:o}", "type", "ready", "role",
                          tb_party_role_name(party->role), "peerId", party->id, "peers", peers, "iceServers",
                          tb_ice_servers(party->pairing->options.ice, party->id, tb_clock_ms()));
        if (session->host) {
                json_object_set_new(o, "mode",
                                    json_string(party->mode == TB_MODE_CONTROL ? "control" : "view"));
                json_object_set_new(o, "host", json_string(session->host));
                json_object_set_new(o, "device", json_string(session->device));
        }
        return o;
}

static void enter(TbParty *party, TbSession *session, TbPartyRole role, const json_t *hello, gint64 now_ms)
{
        tb_room_name(party, hello);
        tb_party_name(party, session, role, json_string_value(json_object_get(hello, "peerId")));
        set_role(party, role);
        party->session = session;
        if (role == TB_PARTY_PHONE)
                g_ptr_array_add(session->phones, party);
        else
                g_ptr_array_add(session->observers, party);
        tb_session_said(session, true);
        tell_watched(party, true);
        tb_session_touch(session, now_ms);
        tb_party_send(party, ready(party));
        tb_renew_begin(party, now_ms);
        tell_observers(session, party, "peer-connected");
        if (role == TB_PARTY_PHONE)
                return;
        tell_producers(session, party, true);
        if (session->host)
                tb_room_enter(party);
}

/* A crowd that watches does not keep the one out who is to control: the last who came goes. */
static bool make_room_for(const TbParty *party, TbSession *session)
{
        if (!session->host || party->mode != TB_MODE_CONTROL)
                return false;
        for (guint i = 0; i < session->observers->len; i++)
                if (((TbParty *)g_ptr_array_index(session->observers, i))->mode == TB_MODE_CONTROL)
                        return false; /* somebody controls already */
        TbParty *watcher = g_ptr_array_index(session->observers, session->observers->len - 1);
        tb_party_leave_session(watcher);
        tb_party_refuse(watcher, "too-many-observers", "Too many observers: somebody who controls came");
        return true;
}

void tb_party_hello(TbParty *party, json_t *message, bool waits, gint64 now_ms)
{
        const char *role_name = json_string_value(json_object_get(message, "role"));
        const char *id = json_string_value(json_object_get(message, "sessionId")),
                   *token = json_string_value(json_object_get(message, "token")),
                   *claimed = json_string_value(json_object_get(message, "peerId"));
        if (g_strcmp0(role_name, "host") == 0) {
                tb_host_hello(party, message, now_ms);
                if (party->host)
                        set_role(party, TB_PARTY_HOST);
                return;
        }
        TbPartyRole role = g_strcmp0(role_name, "desktop") == 0 ? TB_PARTY_DESKTOP
                           : g_strcmp0(role_name, "phone") == 0 ? TB_PARTY_PHONE
                                                                : TB_PARTY_NONE;
        if (role == TB_PARTY_NONE) {
                tb_party_refuse_hello(party, "invalid-role", "Invalid role");
                return;
        }
        TbSession *session = id ? tb_pairing_find(party->pairing, id, now_ms) : NULL;
        if (!session || !token || !tb_session_check(session, token, &party->mode)) {
                tb_party_refuse_stranger(party, "unauthorized", "Invalid session or token");
                return;
        }
        TbParty *same = tb_party_same(party, session, role, claimed);
        if (session->host && role == TB_PARTY_PHONE) {
                tb_party_refuse_hello(party, "invalid-role", "Invalid role");
        } else if (!tb_bucket_take(&session->joins, tb_server_limits.joins_per_s, tb_server_limits.joins, 1,
                                   now_ms * 1000, NULL)) {
                tb_party_refuse_hello(party, "rate", "Too many joins of this session: try again in a moment");
        } else if (role == TB_PARTY_PHONE && session->phones->len >= session->max_phones) {
                if (!waits || !tb_rival_waits(party, session, role, same, message, now_ms))
                        tb_party_refuse_hello(party, "phone-connected", "Phone already connected");
        } else if (role == TB_PARTY_DESKTOP && session->observers->len >= session->max_observers &&
                   !make_room_for(party, session)) {
                if (!waits || !tb_rival_waits(party, session, role, same, message, now_ms))
                        tb_party_refuse_hello(
                                party, session->host ? "too-many-observers" : "desktop-connected",
                                session->host ? "Too many observers" : "Desktop already connected");
        } else {
                if (!waits || !same || !tb_rival_waits(party, session, role, same, message, now_ms))
                        enter(party, session, role, message, now_ms);
        }
}

static void host_proof(TbParty *party, json_t *message, gint64 now_ms)
{
        tb_host_proof(party, message, now_ms);
        if (party->host)
                set_role(party, TB_PARTY_HOST);
}

/* --- messages --- */
void tb_party_drop(TbParty *party, const char *message)
{
        if (party->dropped++ == 0)
                tb_party_error(party, "rate", message);
        else if (party->dropped > DROPPED_MAX)
                tb_party_refuse(party, "rate", message);
}

/* Hosts carry many observers: their queues bound them instead, and their lists of devices have a rate of their own. */
static bool within_rate(TbParty *party, gsize size, gint64 now_ms)
{
        gint64 now_us = now_ms * 1000;
        if (party->role == TB_PARTY_HOST)
                return true;
        bool ok = tb_bucket_take(&party->messages, tb_server_limits.messages_per_s,
                                 2 * tb_server_limits.messages_per_s, 1, now_us, NULL) &&
                  tb_bucket_take(&party->bytes, tb_server_limits.bytes_per_s,
                                 2 * tb_server_limits.bytes_per_s, (double)size, now_us, NULL);
        if (ok) {
                if (party->messages.tokens > tb_server_limits.messages_per_s &&
                    party->bytes.tokens > tb_server_limits.bytes_per_s)
                        party->dropped = 0; /* it has calmed down, not just found a gap */
                return true;
        }
        tb_party_drop(party, "Too many messages");
        return false;
}

void tb_pairing_text(TbParty *party, const char *text, gsize size, gint64 now_ms)
{
        if (party->refused || !within_rate(party, size, now_ms))
                return;
        char as_it_is[TB_JSON_TYPE];
        if (tb_relay_as_it_is(party, text, size, as_it_is)) {
                tb_relay_text(party, as_it_is, text, size, NULL, now_ms);
                return;
        }
        json_t *message = tb_json_parse(text, size, NULL);
        const char *type = json_string_value(json_object_get(message, "type"));
        if (party->role == TB_PARTY_HOST)
                tb_host_heard(party, g_strcmp0(type, "pong") == 0);
        if (party->wish) {
                /* it is told as soon as it is known */
        } else if (party->role == TB_PARTY_NONE) {
                if (g_strcmp0(type, "proof") == 0 && party->hello)
                        host_proof(party, message, now_ms);
                else if (g_strcmp0(type, "hello") == 0 && !party->hello)
                        tb_party_hello(party, message, true, now_ms);
                else
                        tb_party_refuse_stranger(party, "expected-hello", "Expected hello message");
        } else if (!json_is_object(message)) {
                tb_party_error(party, "invalid", "Invalid message");
        } else if (g_strcmp0(type, "ping") == 0) {
                json_t *pong = json_pack("{s:s}", "type", "pong"), *t = json_object_get(message, "t");
                if (t)
                        json_object_set(pong, "t", t);
                if (party->session)
                        tb_session_touch(party->session, now_ms);
                tb_party_send(party, pong);
        } else if (g_strcmp0(type, "pong") == 0) {
                if (party->session)
                        tb_session_touch(party->session, now_ms);
        } else if (party->role == TB_PARTY_HOST) {
                tb_host_text(party, message, now_ms);
        } else {
                tb_relay_text(party, type, text, size, message, now_ms);
        }
        json_decref(message);
}

void tb_pairing_binary(TbParty *party, const guint8 *bytes, gsize size, gint64 now_ms)
{
        if (party->refused)
                return;
        if (party->role == TB_PARTY_NONE) {
                tb_party_refuse_stranger(party, "expected-hello", "Expected hello message");
                return;
        }
        if (!within_rate(party, size, now_ms))
                return;
        if (party->role == TB_PARTY_HOST)
                tb_host_heard(party, false);
        if (party->session)
                tb_session_touch(party->session, now_ms);
        tb_relay_binary(party, bytes, size);
}

void tb_pairing_arrived(TbParty *party, gsize bytes, guint32 took_ms)
{
        if (!party->refused)
                tb_relay_arrived(party, bytes, took_ms);
}

void tb_pairing_drained(TbParty *party)
{
        g_autoptr(GBytes) picture = g_steal_pointer(&party->picture);
        if (picture)
                tb_relay_picture(party, picture);
        tb_host_line_drained(party);
        if (party->role == TB_PARTY_HOST && party->pairing->options.host_drained)
                party->pairing->options.host_drained(party, party->pairing->options.data);
}
