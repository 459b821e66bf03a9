#include "host/bridge/message.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"

#define PEOPLE_MAX 10000      /* what a server may let into one session */
#define ARRIVED_MOST_MS 60000 /* longer is as good as never */

/* --- fields --- */
static bool get_text(const TbBridgeMessage *m, const char *field, bool required, gsize max, const char **ret,
                     GError **error)
{
        json_t *value = json_object_get(m->json, field);
        *ret = NULL;
        if (!value || json_is_null(value)) {
                if (required)
                        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s is missing", field);
                return !required;
        }
        if (!json_is_string(value)) {
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s must be a string", field);
                return false;
        }
        if (json_string_length(value) > max || (required && json_string_length(value) == 0)) {
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s must have 1 to %zu bytes", field, max);
                return false;
        }
        *ret = json_string_value(value);
        return true;
}

static bool get_name(const TbBridgeMessage *m, const char *field, bool required, const char **ret,
                     GError **error)
{
        return get_text(m, field, required, TB_BRIDGE_NAME, ret, error);
}

static void get_ice_servers(TbBridgeMessage *m)
{
        json_t *servers = json_object_get(m->json, "iceServers");
        m->ice_servers = json_array_size(servers) > 0 ? servers : NULL;
}

/* Observers number their peer connections: one may stand while the next is made. */
static bool get_attempt(TbBridgeMessage *m, GError **error)
{
        json_t *attempt = json_object_get(m->json, "attempt");
        if (!attempt || json_is_null(attempt))
                return true;
        if (json_is_integer(attempt) && json_integer_value(attempt) >= 1 &&
            json_integer_value(attempt) <= G_MAXINT32) {
                m->attempt = (guint)json_integer_value(attempt);
                return true;
        }
        tb_error_set_field(error, TB_ERROR_INVALID, "attempt", "attempt must be a number from 1 to %d",
                           G_MAXINT32);
        return false;
}

/* --- messages --- */
static bool parse_ready(TbBridgeMessage *m, GError **error)
{
        json_t *protocol = json_object_get(m->json, "protocol");
        m->protocol = json_is_integer(protocol) ? (int)CLAMP(json_integer_value(protocol), 1, 1000) : 1;
        m->shares = g_strcmp0(json_string_value(json_object_get(m->json, "pictures")), "shared") == 0;
        m->shares_sound = g_strcmp0(json_string_value(json_object_get(m->json, "sounds")), "shared") == 0;
        m->units = json_is_true(json_object_get(m->json, "encoded"));
        m->sound = json_is_true(json_object_get(m->json, "sound"));
        m->open = g_strcmp0(json_string_value(json_object_get(m->json, "access")), "open") == 0;
        get_ice_servers(m);
        return get_name(m, "host", false, &m->host, error) && get_name(m, "peerId", false, &m->peer, error);
}

static bool parse_ice_servers(TbBridgeMessage *m, GError **error G_GNUC_UNUSED)
{
        get_ice_servers(m);
        return true;
}

static bool parse_challenge(TbBridgeMessage *m, GError **error)
{
        m->names = json_is_true(json_object_get(m->json, "names"));
        return get_name(m, "nonce", true, &m->nonce, error);
}

static bool parse_error(TbBridgeMessage *m, GError **error)
{
        return get_name(m, "sessionId", false, &m->session, error) &&
               get_text(m, "message", true, 4096, &m->text, error) &&
               get_text(m, "code", false, 256, &m->code, error);
}

static bool parse_peer_connected(TbBridgeMessage *m, GError **error)
{
        const char *mode;
        get_ice_servers(m);
        if (!get_name(m, "sessionId", true, &m->session, error) ||
            !get_name(m, "peerId", true, &m->peer, error) ||
            !get_text(m, "device", true, TB_LIMIT_ID, &m->device, error) ||
            !get_text(m, "name", false, TB_LIMIT_LABEL, &m->name, error) ||
            !get_name(m, "mode", true, &mode, error))
                return false;
        m->control = strcmp(mode, "control") == 0;
        if (m->control || strcmp(mode, "view") == 0)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "mode", "mode must be \"view\" or \"control\"");
        return false;
}

/* Of peers: who it is about. In messages of observers the peer is called "from". */
static bool parse_peer(TbBridgeMessage *m, GError **error)
{
        return get_name(m, "sessionId", true, &m->session, error) &&
               get_name(m, "peerId", true, &m->peer, error);
}

static bool parse_arrived(TbBridgeMessage *m, GError **error)
{
        json_t *bytes = json_object_get(m->json, "bytes");
        json_t *took = json_object_get(m->json, "took_ms"), *trip = json_object_get(m->json, "trip_ms");
        m->t = json_is_integer(bytes) ? json_integer_value(bytes) : -1;
        bool told = json_is_integer(took) && json_is_integer(trip);
        m->lost = json_is_true(json_object_get(m->json, "lost"));
        m->took_ms = told ? CLAMP(json_integer_value(took), 0, ARRIVED_MOST_MS) : -1;
        m->trip_ms = told ? CLAMP(json_integer_value(trip), 0, ARRIVED_MOST_MS) : -1;
        return parse_peer(m, error);
}

static bool parse_gone(TbBridgeMessage *m, GError **error)
{
        m->cut = json_is_true(json_object_get(m->json, "cut"));
        return parse_peer(m, error);
}

static bool parse_session(TbBridgeMessage *m, GError **error)
{
        m->cut = true;
        return get_name(m, "sessionId", true, &m->session, error);
}

static bool parse_people(TbBridgeMessage *m, GError **error)
{
        m->people = json_object_get(m->json, "people");
        if (json_is_array(m->people) && json_array_size(m->people) <= PEOPLE_MAX)
                return get_name(m, "sessionId", true, &m->session, error);
        tb_error_set_field(error, TB_ERROR_INVALID, "people", "people must be an array of at most %d",
                           PEOPLE_MAX);
        return false;
}

static bool from_observer(TbBridgeMessage *m, GError **error)
{
        return get_name(m, "sessionId", true, &m->session, error) &&
               get_name(m, "from", true, &m->peer, error);
}

static bool parse_offer(TbBridgeMessage *m, GError **error)
{
        return from_observer(m, error) && get_attempt(m, error) &&
               get_name(m, "sound", false, &m->which, error) &&
               get_text(m, "sdp", true, TB_LIMIT_SDP, &m->sdp, error);
}

/* {"candidate","sdpMid","sdpMLineIndex"}, or "ice-candidate" with the same in "data". An empty or missing
 * candidate ends the list. */
static bool parse_ice(TbBridgeMessage *m, GError **error)
{
        json_t *data = json_object_get(m->json, "data");
        json_t *from = json_is_object(data) ? data : m->json;
        json_t *candidate = json_object_get(from, "candidate"),
               *index = json_object_get(from, "sdpMLineIndex");
        if (!from_observer(m, error) || !get_attempt(m, error))
                return false;
        if (candidate && !json_is_null(candidate) &&
            (!json_is_string(candidate) || json_string_length(candidate) > TB_LIMIT_URI)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "candidate",
                                   "candidate must be a string of at most %d bytes", TB_LIMIT_URI);
                return false;
        }
        if (index && !json_is_null(index) &&
            (!json_is_integer(index) || json_integer_value(index) < 0 || json_integer_value(index) > 255)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "sdpMLineIndex",
                                   "sdpMLineIndex must be a number from 0 to 255");
                return false;
        }
        m->candidate = json_is_string(candidate) ? json_string_value(candidate) : "";
        m->mline_index = (guint)json_integer_value(index);
        return true;
}

static bool parse_bye(TbBridgeMessage *m, GError **error)
{
        return from_observer(m, error) && get_attempt(m, error) &&
               get_text(m, "reason", false, 4096, &m->text, error);
}

/* Only our own routes: whoever holds the server must not reach other ports or other paths of this machine's
 * loopback by it. */
static bool own_route(const char *path)
{
        if (!g_str_has_prefix(path, "/host/"))
                return false;
        for (const char *p = path; *p; p++)
                if ((guint8)*p <= 0x20 || (guint8)*p >= 0x7f || *p == '\\' || *p == '#')
                        return false;
        g_autofree char *only = g_strndup(path, strcspn(path, "?"));
        g_autofree char *decoded = g_uri_unescape_string(only, NULL);
        return decoded && !strstr(decoded, "/../") && !g_str_has_suffix(decoded, "/..");
}

/* "websocket": what the client offers as subprotocols, a header's text, which may be empty. */
static bool get_websocket(TbBridgeMessage *m, GError **error)
{
        if (!get_text(m, "websocket", false, TB_LIMIT_URI, &m->protocols, error))
                return false;
        m->websocket = m->protocols != NULL;
        for (const char *p = m->protocols; p && *p; p++)
                if ((guint8)*p < 0x20 || (guint8)*p >= 0x7f) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "websocket",
                                           "websocket must be a list of subprotocols");
                        return false;
                }
        if (m->protocols && !*m->protocols)
                m->protocols = NULL;
        if (!m->websocket || strcmp(m->method, "GET") == 0)
                return true;
        tb_error_set_field(error, TB_ERROR_METHOD, "method", "a WebSocket is asked for by GET");
        return false;
}

/* Those that our routes read, once each, as texts that can be a header's; the others are taken out. */
static void keep_headers(TbBridgeMessage *m, json_t *headers)
{
        static const char *const kept[] = {
                "accept",        "content-type", "x-lease",      "last-event-id",      "range",
                "if-none-match", "if-match",     "x-request-id", "x-forwarded-prefix", "x-by-link"};
        const char *name;
        json_t *value;
        void *next;
        guint seen = 0;
        json_object_foreach_safe (headers, next, name, value) {
                const char *text = json_string_value(value);
                guint i = 0;
                while (i < G_N_ELEMENTS(kept) && g_ascii_strcasecmp(name, kept[i]) != 0)
                        i++;
                bool keep = text && i < G_N_ELEMENTS(kept) && !(seen & 1u << i) &&
                            strlen(text) <= TB_LIMIT_URI && !strpbrk(text, "\r\n");
                if (keep)
                        seen |= 1u << i;
                else
                        json_object_del(headers, name);
                if (keep && strcmp(kept[i], "x-request-id") == 0)
                        m->request_id = text;
        }
}

/* The head of a carried request: {"method","path","headers","role","user","length","websocket"}. */
bool tb_bridge_parse_request(const guint8 *text, gsize size, TbBridgeMessage *ret_message, GError **error)
{
        static const char *const methods[] = {"GET", "HEAD",  "OPTIONS", "POST",
                                              "PUT", "PATCH", "DELETE",  NULL};
        TbBridgeMessage *m = ret_message;
        const char *role;
        *m = (TbBridgeMessage){.t = -1, .length = -1};
        m->json = tb_json_parse(text, size, error);
        if (!m->json)
                return false;
        json_t *headers = json_object_get(m->json, "headers"), *length = json_object_get(m->json, "length");
        if (json_is_object(headers)) /* before anything is refused: a refusal bears the request's id */
                keep_headers(m, headers);
        if (!get_name(m, "method", true, &m->method, error) ||
            !get_text(m, "path", true, TB_LIMIT_URI, &m->path, error) ||
            !get_name(m, "user", false, &m->user, error) || !get_name(m, "role", false, &role, error))
                return false;
        if (!g_strv_contains(methods, m->method)) {
                tb_error_set_field(error, TB_ERROR_METHOD, "method", "method %s is not carried", m->method);
                return false;
        }
        if (!own_route(m->path)) {
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "path", "only routes below /host/ are carried");
                return false;
        }
        if (headers && !json_is_object(headers)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "headers", "headers must be an object");
                return false;
        }
        if (length && (!json_is_integer(length) || json_integer_value(length) < 0)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "length", "length must be a number of 0 or more");
                return false;
        }
        if (!get_websocket(m, error))
                return false;
        m->headers = headers;
        m->length = length ? json_integer_value(length) : -1;
        m->role = TB_ROLE_VIEWER; /* nothing said: the least */
        if (role && (!tb_role_parse(role, &m->role) || m->role == TB_ROLE_NONE)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "role", "role must be viewer, operator or admin");
                return false;
        }
        return true;
}

static bool parse_time(TbBridgeMessage *m, GError **error)
{
        (void)error;
        json_t *t = json_object_get(m->json, "t");
        m->t = json_is_integer(t) ? json_integer_value(t) : -1;
        return true;
}

/* The server's own word alone: what an observer says bears "from". */
static bool parse_phone_session(TbBridgeMessage *m, GError **error)
{
        if (json_object_get(m->json, "from"))
                m->type = TB_BRIDGE_OTHER;
        return get_text(m, "name", true, TB_LIMIT_ID, &m->name, error);
}

static const struct {
        const char *name;
        TbBridgeType type;
        bool (*parse)(TbBridgeMessage *m, GError **error);
} types[] = {
        {"ready", TB_BRIDGE_READY, parse_ready},
        {"ice-servers", TB_BRIDGE_ICE_SERVERS, parse_ice_servers},
        {"challenge", TB_BRIDGE_CHALLENGE, parse_challenge},
        {"error", TB_BRIDGE_ERROR, parse_error},
        {"peer-connected", TB_BRIDGE_PEER_CONNECTED, parse_peer_connected},
        {"peer-disconnected", TB_BRIDGE_PEER_DISCONNECTED, parse_gone},
        {"session-closed", TB_BRIDGE_SESSION_CLOSED, parse_session},
        {"people", TB_BRIDGE_PEOPLE, parse_people},
        {"picture-arrived", TB_BRIDGE_PICTURE_ARRIVED, parse_arrived},
        {"offer", TB_BRIDGE_OFFER, parse_offer},
        {"ice", TB_BRIDGE_ICE, parse_ice},
        {"ice-candidate", TB_BRIDGE_ICE, parse_ice},
        {"bye", TB_BRIDGE_BYE, parse_bye},
        {"phone-session", TB_BRIDGE_PHONE_SESSION, parse_phone_session},
        {"ping", TB_BRIDGE_PING, parse_time},
        {"pong", TB_BRIDGE_PONG, parse_time},
};

/* Relayed control messages have no type of the server's ({"id","verb"}, {"subscribe"}) or one of the
 * streams'. */
static bool is_control(json_t *json, const char *type)
{
        if (!type)
                return json_object_get(json, "verb") || json_object_get(json, "subscribe") ||
                       json_object_get(json, "unsubscribe");
        return strcmp(type, "sensor") == 0 || strcmp(type, "sample") == 0;
}

bool tb_bridge_parse(const char *text, gsize size, TbBridgeMessage *ret_message, GError **error)
{
        TbBridgeMessage *m = ret_message;
        *m = (TbBridgeMessage){.t = -1, .length = -1};
        m->json = tb_json_parse(text, size, error);
        if (!m->json)
                return false;
        json_t *type_json = json_object_get(m->json, "type");
        if (!json_is_object(m->json) || (type_json && !json_is_string(type_json))) {
                tb_error_set_field(error, TB_ERROR_INVALID, "type", "a message is an object with a type");
                return false;
        }
        const char *type = json_string_value(type_json);
        for (gsize i = 0; type && i < G_N_ELEMENTS(types); i++) {
                if (strcmp(types[i].name, type) != 0)
                        continue;
                m->type = types[i].type;
                return types[i].parse(m, error);
        }
        if (is_control(m->json, type)) {
                m->type = TB_BRIDGE_CONTROL;
                return from_observer(m, error);
        }
        return true;
}

void tb_bridge_message_clear(TbBridgeMessage *message)
{
        json_decref(message->json);
        *message = (TbBridgeMessage){0};
}

/* --- what we send --- */
char *tb_bridge_wrap(json_t *message, const char *session, const char *peer, gsize *ret_size)
{
        json_object_set_new(message, "sessionId", json_string(session));
        json_object_set_new(message, "to", json_string(peer));
        return tb_json_text(message, ret_size);
}

static GByteArray *envelope(guint8 kind, const char *session, const char *peer, gsize more)
{
        GByteArray *out = g_byte_array_sized_new((guint)(more + 3 + 2 * TB_BRIDGE_NAME));
        guint8 n = (guint8)strlen(peer), m = (guint8)strlen(session);
        g_byte_array_append(out, (const guint8[]){kind, n}, 2);
        g_byte_array_append(out, (const guint8 *)peer, n);
        g_byte_array_append(out, &m, 1);
        g_byte_array_append(out, (const guint8 *)session, m);
        return out;
}

GBytes *tb_bridge_picture(const char *session, const char *peer, GBytes *jpeg)
{
        gsize size;
        const guint8 *bytes = g_bytes_get_data(jpeg, &size);
        GByteArray *out = envelope(1, session, peer, size);
        g_byte_array_append(out, bytes, (guint)size);
        return g_byte_array_free_to_bytes(out);
}

GBytes *tb_bridge_unit(const char *session, const char *peer, GBytes *unit, bool keyframe, int width,
                       int height)
{
        gsize size;
        const guint8 *bytes = g_bytes_get_data(unit, &size);
        GByteArray *out = envelope(3, session, peer, size + 5);
        g_byte_array_append(out,
                            (const guint8[]){keyframe, (guint8)(width >> 8), (guint8)width,
                                             (guint8)(height >> 8), (guint8)height},
                            5);
        g_byte_array_append(out, bytes, (guint)size);
        return g_byte_array_free_to_bytes(out);
}

GBytes *tb_bridge_sound(const char *session, const char *peer, const guint8 *packet, gsize size, guint32 at)
{
        guint32 place = GUINT32_TO_BE(at);
        GByteArray *out = envelope(4, session, peer, size + sizeof place);
        g_byte_array_append(out, (const guint8 *)&place, sizeof place);
        g_byte_array_append(out, packet, (guint)size);
        return g_byte_array_free_to_bytes(out);
}

GBytes *tb_bridge_sound_again(const char *session, const char *peer, guint8 back)
{
        GByteArray *out = envelope(5, session, peer, sizeof back);
        g_byte_array_append(out, &back, sizeof back);
        return g_byte_array_free_to_bytes(out);
}

GBytes *tb_bridge_picture_again(const char *session, const char *peer)
{
        return g_byte_array_free_to_bytes(envelope(2, session, peer, 0));
}
