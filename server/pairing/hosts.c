#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/proto/link_frame.h"
#include "lib/proto/link_key.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

#define PING_MS 2000
#define NOTE_MS 3600000 /* a host that is there is noted down as seen */
#define AWAY_MS 4000    /* without an answer to a ping */

/* --- to the host --- */
void tb_host_announce(TbParty *host, TbParty *observer, bool present)
{
        TbSession *session = observer->session;
        json_t *o =
                json_pack("{s:s, s:s, s:s, s:s}", "type", present ? "peer-connected" : "peer-disconnected",
                          "sessionId", session->id, "peerId", observer->id, "peer", "desktop");
        if (observer->cut)
                json_object_set_new(o, "cut", json_true());
        if (present) {
                json_object_set_new(o, "device", json_string(session->device));
                json_object_set_new(o, "mode",
                                    json_string(observer->mode == TB_MODE_CONTROL ? "control" : "view"));
                json_object_set_new(o, "name", json_string(session->share)); /* who has made the link */
                /* those of the host's own `ready` may have run out since */
                json_object_set_new(o, "iceServers",
                                    tb_ice_servers(host->pairing->options.ice, host->host, tb_clock_ms()));
        }
        tb_party_send(host, o);
}

void tb_host_session_closed(TbPairing *pairing, TbSession *session)
{
        TbParty *host = g_hash_table_lookup(pairing->hosts, session->host);
        if (host)
                tb_party_send(host,
                              json_pack("{s:s, s:s}", "type", "session-closed", "sessionId", session->id));
}

/* The host's coming and going, for every observer of its sessions. After a reconnect it learns of all
 * observers again: `announce`. */
static void tell_observers(TbParty *host, bool present, bool announce)
{
        const GQueue *sessions = g_hash_table_lookup(host->pairing->of_host, host->host);
        for (GList *l = sessions ? sessions->head : NULL; l; l = l->next) {
                TbSession *session = l->data;
                tb_session_said(session, true);
                for (guint i = 0; i < session->observers->len; i++) {
                        TbParty *observer = g_ptr_array_index(session->observers, i);
                        tb_room_changed(session);
                        tb_party_send(observer, json_pack("{s:s, s:s, s:s}", "type",
                                                          present ? "peer-connected" : "peer-disconnected",
                                                          "peer", "phone", "peerId", host->id));
                        if (announce)
                                tb_host_announce(host, observer, true);
                }
        }
}

/* Host tokens are each good for one name. Without any, what lets a user be admin lets a host be one: a server
 * that asks its users for tokens must not take a stranger's word for being the lab. */
bool tb_pairing_may_be_host(const TbPairing *pairing, const char *name, const char *token)
{
        const char *owner = NULL;
        TbAuth *hosts = pairing->options.hosts, *users = pairing->options.users;
        if (tb_auth_is_open(hosts))
                return !users || tb_auth_check(users, token, NULL) >= TB_ROLE_ADMIN;
        return tb_auth_check(hosts, token, &owner) != TB_ROLE_NONE && strcmp(owner, name) == 0;
}

static void welcome(TbParty *party)
{
        TbPairing *pairing = party->pairing;
        bool open = !pairing->options.users || tb_auth_is_open(pairing->options.users);
        tb_party_send(party,
                      json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:b, s:s, s:[], s:o}", "type",
                                "ready", "role", "host", "host", party->host, "peerId", party->id, "protocol",
                                TB_LINK_PROTOCOL, "access", open ? "open" : "tokens", "pictures", "shared",
                                "encoded", 1, "sound", 1, "sounds", "shared", "peers", "iceServers",
                                tb_ice_servers(pairing->options.ice, party->host, tb_clock_ms())));
        if (party->protocol < TB_LINK_PROTOCOL)
                tb_party_error(
                        party, "protocol",
                        "This host speaks an older protocol: sessions work, requests are not carried to "
                        "it; update testbed-host");
        tell_observers(party, true, true);
}

/* Everything about it is right: it is `name` here. The same host may be back before its old connection was noticed to
 * be dead; one without a key gives way to one that has proven its own. */
static void join(TbParty *party, char *name_take, bool known, json_t *hello, gint64 now_ms)
{
        TbPairing *pairing = party->pairing;
        TbParty *old = g_hash_table_lookup(pairing->hosts, name_take);
        if (!old && !tb_host_find_place(party, name_take, known)) {
                g_free(name_take);
                tb_party_refuse_hello(party, "too-many-hosts", "Too many hosts");
                return;
        }
        if (old) {
                tb_host_left(old);
                tb_party_refuse(old, "replaced", "Host connected again");
        }
        party->host = name_take;
        tb_host_name_party(party);
        if (!tb_lists_set(party, json_object_get(hello, "devices"), NULL)) /* no room for a long list */
                tb_lists_set(party, NULL, NULL);
        party->version = g_strdup(json_string_value(json_object_get(hello, "version")));
        party->protocol =
                (int)CLAMP(json_integer_value(json_object_get(hello, "protocol")), 1, TB_LINK_PROTOCOL);
        party->since_ms = now_ms;
        g_hash_table_insert(pairing->hosts, party->host, party);
        tb_lists_forget(pairing->lists, party->host);
        tb_lists_changed(pairing->lists, party->host);
        tb_host_key_present(party, true, now_ms);
        if (tb_host_is_said(party))
                tb_log(TB_LOG_INFO, TB_F("host", party->host, "request", party->request_id),
                       "host connected with %u devices", tb_device_list_count(party->devices));
        welcome(party);
        tb_renew_begin(party, now_ms);
}

static const char *name_of(json_t *hello)
{
        json_t *named = json_object_get(hello, "host");
        return json_string_value(named ? named : json_object_get(hello, "name"));
}

void tb_host_hello(TbParty *party, json_t *hello, gint64 now_ms)
{
        const char *name = name_of(hello), *token = json_string_value(json_object_get(hello, "token"));
        json_t *key = json_object_get(hello, "key");
        g_autoptr(GError) error = NULL;
        TbDeviceList *devices = tb_device_list_new(json_object_get(hello, "devices"), &error);
        bool named = tb_name_valid(TB_NAME_HOST, name);
        g_free(party->claimed);
        party->claimed = g_strdup(named ? name : "");
        if (!named) {
                tb_party_refuse_hello(party, "invalid", "Invalid host name");
        } else if (!tb_host_may_come(party, now_ms)) {
                tb_party_refuse_hello(party, "rate",
                                      "Hosts of this network connect too often: try again in some seconds");
        } else if (!tb_host_is_admitted(party, name, token, json_string_value(key), &error)) {
                tb_party_refuse_stranger(party, "unauthorized", tb_error_detail(error));
        } else if (!devices) {
                tb_party_refuse_hello(party, "invalid", tb_error_detail(error));
        } else if (json_string_length(json_object_get(hello, "version")) > TB_LIMIT_LABEL) {
                tb_party_refuse_hello(party, "invalid", "Invalid version");
        } else if (key && !tb_link_key_is_public(json_string_value(key))) {
                tb_party_refuse_hello(party, "invalid", "Invalid key");
        } else if (key) {
                party->hello = json_incref(hello);
                party->nonce = tb_random_token(32);
                tb_party_send(party, json_pack("{s:s, s:s, s:b}", "type", "challenge", "nonce", party->nonce,
                                               "names", 1));
        } else {
                char *full = tb_host_name_for(party, name, NULL, NULL);
                if (full)
                        join(party, full, false, hello, now_ms);
                else
                        tb_party_refuse_hello(party, "name-taken",
                                              "This name belongs to a host with a key: update testbed-host, "
                                              "or take another "
                                              "name");
        }
        tb_device_list_free(devices);
}

void tb_host_proof(TbParty *party, json_t *message, gint64 now_ms)
{
        json_auto_t *hello = g_steal_pointer(&party->hello);
        const char *name = name_of(hello), *key = json_string_value(json_object_get(hello, "key")),
                   *token = json_string_value(json_object_get(hello, "token"));
        g_autoptr(GError) error = NULL;
        const char *server = json_string_value(json_object_get(message, "server"));
        if (!tb_link_key_verify(key, name, party->nonce, server,
                                json_string_value(json_object_get(message, "signature")))) {
                tb_party_refuse_stranger(party, "unauthorized", "Invalid proof of the host's key");
                return;
        }
        if (!tb_host_proof_is_for_us(party, key, server, &error)) {
                tb_party_refuse_stranger(party, "unauthorized", tb_error_detail(error));
                return;
        }
        if (!tb_host_is_admitted(party, name, token, key, &error)) { /* not any more since its hello */
                tb_party_refuse_stranger(party, "unauthorized", tb_error_detail(error));
                return;
        }
        bool known = false;
        tb_host_replace(party, name, token, key);
        char *full = tb_host_name_for(party, name, key, &known);
        if (!full) {
                tb_party_refuse_hello(
                        party, "name-taken",
                        "Too many hosts have this name, or too many are known: take another name, or have an "
                        "admin forget "
                        "one (DELETE /api/hosts/NAME)");
                return;
        }
        party->key = g_strdup(key);
        if (server)
                tb_host_named_us(party, full);
        tb_host_enrol(party, token, key, full);
        if (strcmp(full, name) != 0)
                tb_log(TB_LOG_WARNING, TB_F("host", full, "request", party->request_id),
                       "another host is known as %s: this one is told apart as %s", name, full);
        join(party, full, known, hello, now_ms);
}

void tb_pairing_end_host(TbPairing *pairing, const char *name)
{
        for (guint n = 1; n <= TB_LIMIT_HOST_INSTANCES; n++) {
                g_autofree char *full = n == 1 ? g_strdup(name) : g_strdup_printf("%s~%u", name, n);
                TbParty *host = g_hash_table_lookup(pairing->hosts, full);
                if (host)
                        tb_party_refuse(host, "unauthorized", "The token was taken back");
        }
}

void tb_host_left(TbParty *party)
{
        TbPairing *pairing = party->pairing;
        if (!party->host || g_hash_table_lookup(pairing->hosts, party->host) != party)
                return;
        if (tb_host_is_said(party))
                tb_log(TB_LOG_INFO, TB_F("host", party->host), "host disconnected");
        tb_host_key_present(party, false, party->noted_ms);
        g_hash_table_remove(pairing->hosts, party->host);
        tb_host_line_left(party); /* another may be in its place already */
        tb_lists_left(party);
        if (!party->away)
                tell_observers(party, false, false);
        if (pairing->options.host_left)
                pairing->options.host_left(party, pairing->options.data);
}

/* --- presence --- */
/* A cut cable ends no connection for minutes. So hosts are pinged, and one that does not answer is shown as
 * away; its connection, its observers and what is on its way to it are kept, and it is back with the first
 * word that comes. Only a host that is known to answer is judged. */
void tb_host_heard(TbParty *party, bool pong)
{
        party->asked_ms = 0;
        party->pongs |= pong;
        if (!party->away)
                return;
        party->away = false;
        tb_lists_changed(party->pairing->lists, party->host);
        tb_log(TB_LOG_INFO, TB_F("host", party->host), "host answers again");
        tell_observers(party, true, false);
}

gint64 tb_hosts_tick(TbPairing *pairing, gint64 now_ms)
{
        GHashTableIter iter;
        gpointer value;
        gint64 next = g_hash_table_size(pairing->hosts) > 0 ? now_ms + PING_MS : G_MAXINT64;
        g_hash_table_iter_init(&iter, pairing->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                TbParty *host = value;
                if (now_ms - host->noted_ms >= NOTE_MS)
                        tb_host_key_present(host, true, now_ms);
                if (!host->asked_ms) {
                        host->asked_ms = now_ms;
                        tb_party_send(host, json_pack("{s:s, s:I}", "type", "ping", "t", (json_int_t)now_ms));
                } else if (!host->pongs || host->away) {
                        continue;
                } else if (now_ms - host->asked_ms < AWAY_MS) {
                        next = MIN(next, host->asked_ms + AWAY_MS);
                } else {
                        host->away = true;
                        tb_lists_changed(pairing->lists, host->host);
                        tb_log(TB_LOG_WARNING, TB_F("host", host->host), "host does not answer");
                        tell_observers(host, false, false);
                }
        }
        return next;
}

/* --- from the host --- */
static void to_observers(TbParty *host, json_t *message, gint64 now_ms)
{
        const char *id = json_string_value(json_object_get(message, "sessionId"));
        g_autofree char *to = g_strdup(json_string_value(json_object_get(message, "to")));
        TbSession *session = id ? g_hash_table_lookup(host->pairing->sessions, id) : NULL;
        bool found = false;
        if (!session || g_strcmp0(session->host, host->host) != 0) {
                tb_party_send(host, json_pack("{s:s, s:s, s:s, s:s?}", "type", "error", "code", "no-session",
                                              "message", "Invalid session or token", "sessionId", id));
                return;
        }
        const char *said = json_string_value(json_object_get(message, "type"));
        if (tb_relay_is_reserved(said) || g_strcmp0(said, "point") == 0) {
                tb_party_error(host, "invalid", "Not a message for hosts");
                return;
        }
        tb_session_touch(session, now_ms);
        json_object_del(message, "to");
        json_object_del(message, "sessionId"); /* `id` is gone with it */
        json_object_set_new(message, "from", json_string(host->id));
        gsize size;
        g_autofree char *text = tb_json_text(message, &size);
        const char *type = json_string_value(json_object_get(message, "type"));
        bool sample = type && (strcmp(type, "sample") == 0 || strcmp(type, "sensor") == 0);
        for (guint i = 0; i < session->observers->len; i++) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (to && strcmp(observer->id, to) != 0)
                        continue;
                found = true;
                if (sample && host->pairing->options.ops->queued(observer->connection) > 64 * 1024) {
                        host->pairing->dropped_samples++;
                        continue;
                }
                host->pairing->relayed_messages++;
                host->pairing->relayed_bytes += size;
                host->pairing->options.ops->text(observer->connection, text, size);
        }
        if (!found && (!type || strcmp(type, "bye") != 0))
                tb_party_send(host,
                              json_pack("{s:s, s:s, s:s, s:s, s:s?}", "type", "error", "code", "no-peer",
                                        "message", "Peer not connected", "sessionId", session->id, "to", to));
}

/* What is refused leaves the list of before, so that sessions on its devices go on. */
static void take_devices(TbParty *host, json_t *devices, gint64 now_ms)
{
        g_autoptr(GError) error = NULL;
        if (!tb_bucket_take(&host->messages, tb_server_limits.device_lists_of_host_per_s,
                            2 * tb_server_limits.device_lists_of_host_per_s, 1, now_ms * 1000, NULL)) {
                tb_party_drop(host, "Too many lists of devices");
                return;
        }
        if (host->messages.tokens > tb_server_limits.device_lists_of_host_per_s)
                host->dropped = 0;
        if (!devices)
                tb_set_error(&error, TB_ERROR_INVALID, "Invalid devices");
        if (!devices || !tb_lists_set(host, devices, &error)) {
                bool large = g_error_matches(error, TB_ERROR, TB_ERROR_TOO_LARGE);
                if (!host->list_refused)
                        tb_log(TB_LOG_WARNING, TB_F("host", host->host), "devices of the host refused: %s",
                               tb_error_detail(error));
                host->list_refused = true;
                tb_party_error(host, large ? "too-large" : "invalid", tb_error_detail(error));
                return;
        }
        host->list_refused = false;
}

void tb_host_text(TbParty *party, json_t *message, gint64 now_ms)
{
        const char *type = json_string_value(json_object_get(message, "type"));
        if (type && strcmp(type, "devices") == 0) {
                take_devices(party, json_object_get(message, "devices"), now_ms);
        } else if (g_strcmp0(type, "phone-session") == 0) {
                tb_host_phone_session(party, message, now_ms);
        } else if (g_strcmp0(type, "phone-session-end") == 0) {
                tb_host_phone_session_end(party, message);
        } else if (g_strcmp0(type, "control") == 0) {
                tb_host_control(party, message, now_ms);
        } else if (g_strcmp0(type, "observers") == 0) {
                tb_host_observers(party, message);
        } else if (json_object_get(message, "sessionId")) {
                to_observers(party, message, now_ms);
        } else {
                tb_party_error(party, "invalid", "Unknown message");
        }
}

TbParty *tb_pairing_host(TbPairing *pairing, const char *name)
{
        return g_hash_table_lookup(pairing->hosts, name);
}

json_t *tb_pairing_host_state(TbPairing *pairing, const char *name)
{
        const TbParty *host = g_hash_table_lookup(pairing->hosts, name);
        if (!host)
                return NULL;
        return json_pack("{s:s, s:b, s:i, s:s*}", "name", host->host, "online", !host->away, "protocol",
                         host->protocol, "version", host->version);
}
