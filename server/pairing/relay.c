#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/proto/link_frame.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

#define PICTURE 0x01
#define PICTURE_AGAIN 0x02
#define UNIT 0x03 /* encoded: flags, width, height, H.264 */
#define UNIT_HEAD 5
#define UNIT_KEY 1       /* of the flags */
#define SOUND 0x04       /* where it begins, a packet of Opus */
#define SOUND_AGAIN 0x05 /* how many packets ago it came up for somebody else */
#define SOUND_HEAD 4
#define SOUND_MOST 1500 /* bytes; a packet of 20 ms has 1275 at the most (RFC 6716) */
/* bytes in a reader's queue above which samples are left out: the next one is newer anyway */
#define SLOW (64 * 1024)
#define CONTROL_MAX (64 * 1024)
#define BUSY_MAX 400 /* messages of an observer that its host could not take: then it is cut */
#define TOOK_MOST_MS 60000
#define OVERSIZED_MAX 8 /* messages in a row that are too large: then the connection is closed */

/* Messages that only the server says, or that are for it alone. */
bool tb_relay_is_reserved(const char *type)
{
        static const char *const reserved[] = {"hello",
                                               "ready",
                                               "peer-connected",
                                               "peer-disconnected",
                                               "session-closed",
                                               "devices",
                                               "challenge",
                                               "proof",
                                               "picture-arrived",
                                               "people",
                                               "talk",
                                               "phone-session",
                                               "phone-session-end",
                                               NULL};
        return type && g_strv_contains(reserved, type);
}

static bool is_sample(const char *type)
{
        return type && (strcmp(type, "sensor") == 0 || strcmp(type, "sample") == 0);
}

static gsize limit_of(const char *type)
{
        static const struct {
                const char *type;
                gsize max;
        } limits[] = {
                {"offer", 2 * TB_LIMIT_SDP},
                {"answer", 2 * TB_LIMIT_SDP}, /* escapes double the line ends */
                {"ice", 4096},
                {"ice-candidate", 4096},
                {"bye", 4096},
                {"chat", 4096},
                {"point", 4096},
                {"me", 4096},
                {"error", 4096},
                {"sensor", 4096},
                {"sample", 4096},
        };
        for (gsize i = 0; type && i < G_N_ELEMENTS(limits); i++)
                if (strcmp(type, limits[i].type) == 0)
                        return limits[i].max;
        return CONTROL_MAX;
}

static bool drops(TbParty *to, const char *type)
{
        TbPairing *pairing = to->pairing;
        bool drop = is_sample(type) && pairing->options.ops->queued(to->connection) > SLOW;
        pairing->dropped_samples += drop;
        return drop;
}

static bool pass(TbParty *to, const char *type, const char *text, gsize size)
{
        TbPairing *pairing = to->pairing;
        if (drops(to, type))
                return true;
        pairing->relayed_messages++;
        pairing->relayed_bytes += size;
        return pairing->options.ops->text(to->connection, text, size);
}

/* All observers share the host's line: each has a budget on it, and when it is full they wait, not the host. Who goes
 * on regardless is cut. */
static bool may_burden_host(TbParty *party, TbParty *host, gsize size, gint64 now_ms)
{
        bool ok = tb_host_line_has_room(party, host, size) &&
                  tb_bucket_take(&party->to_host, tb_server_limits.observer_bytes_per_s,
                                 tb_server_limits.observer_burst, (double)size, now_ms * 1000, NULL);
        if (ok)
                return true;
        if (party->refused_by_host++ % OVERSIZED_MAX == 0)
                tb_party_error(party, "busy", "Too much for the host's line");
        if (party->refused_by_host > BUSY_MAX)
                tb_party_refuse(party, "busy", "Too much for the host's line");
        return false;
}

bool tb_relay_as_it_is(const TbParty *party, const char *text, gsize size, char type[TB_JSON_TYPE])
{
        return (party->role == TB_PARTY_DESKTOP || party->role == TB_PARTY_PHONE) && party->session &&
               !party->session->host && party->session->max_phones == 1 && tb_json_glance(text, size, type) &&
               strcmp(type, "ping") != 0 && strcmp(type, "pong") != 0;
}

void tb_relay_text(TbParty *party, const char *type, const char *text, gsize size, json_t *message,
                   gint64 now_ms)
{
        TbSession *session = party->session;
        if (!session)
                return;
        tb_session_touch(session, now_ms);
        if (tb_relay_is_reserved(type)) {
                tb_party_error(party, "invalid", "Not a message for clients");
                return;
        }
        if (size > limit_of(type)) {
                if (party->oversized++ < OVERSIZED_MAX)
                        tb_party_error(party, "too-large", "Message too large");
                else
                        tb_party_refuse(party, "too-large", "Message too large");
                return;
        }
        party->oversized = 0;
        if (tb_room_says(party, type, message, now_ms))
                return;
        if (!session->host && session->max_phones > 1) {
                TbParty *reader = tb_phones_reader(party, message);
                gsize told = 0;
                g_autofree char *text_of_it = reader ? tb_json_text(message, &told) : NULL;
                if (text_of_it)
                        pass(reader, type, text_of_it, told);
                return;
        }
        TbParty *to = party->role == TB_PARTY_PHONE
                              ? (session->observers->len ? g_ptr_array_index(session->observers, 0) : NULL)
                              : tb_session_producer(session);
        if (!to) {
                tb_party_error(party, "no-peer", "Peer not connected");
                return;
        }
        if (!session->host) { /* two parties: byte for byte */
                pass(to, type, text, size);
                return;
        }
        if (!may_burden_host(party, to, size, now_ms))
                return;
        if (drops(to, type))
                return;
        json_object_del(message, "to");
        json_object_set_new(message, "sessionId", json_string(session->id));
        json_object_set_new(message, "from", json_string(party->id));
        gsize length;
        g_autofree char *wrapped = tb_json_text(message, &length);
        tb_host_line_send(party, to, wrapped, length);
}

/* --- pictures: per observer the newest one wins --- */
static bool mark(TbParty *observer, gsize bytes)
{
        const TbPartyOps *ops = observer->pairing->options.ops;
        if (!ops->mark || !observer->session || !observer->session->host)
                return false;
        ops->mark(observer->connection, bytes);
        return true;
}

/* Between a mark before it, on a line with nothing on it, and one behind it is what the picture took. */
static void send_picture(TbParty *observer, GBytes *picture)
{
        TbPairing *pairing = observer->pairing;
        gsize size;
        const void *bytes = g_bytes_get_data(picture, &size);
        if (pairing->options.ops->shorten && !observer->is_short)
                pairing->options.ops->shorten(observer->connection);
        observer->is_short = true;
        if (observer->marks == 0)
                mark(observer, 0);
        pairing->relayed_messages++;
        pairing->relayed_bytes += size;
        pairing->options.ops->binary(observer->connection, bytes, size);
        observer->marks += mark(observer, size - 1);
}

void tb_relay_picture(TbParty *observer, GBytes *picture)
{
        TbPairing *pairing = observer->pairing;
        if (pairing->options.ops->queued(observer->connection) > 0) {
                if (observer->picture) {
                        pairing->dropped_pictures++;
                        g_bytes_unref(observer->picture);
                }
                observer->picture = g_bytes_ref(picture);
                return;
        }
        send_picture(observer, picture);
}

/* --- encoded pictures: what is left out ends with a keyframe --- */
static void leave_out(TbParty *observer)
{
        TbParty *host = tb_session_producer(observer->session);
        observer->needs_key = true;
        observer->pairing->dropped_pictures++;
        if (host)
                tb_party_send(host, json_pack("{s:s, s:s, s:s, s:b}", "type", "picture-arrived", "sessionId",
                                              observer->session->id, "peerId", observer->id, "lost", 1));
}

static void relay_unit(TbParty *observer, GBytes *unit)
{
        const guint8 *bytes = g_bytes_get_data(unit, NULL);
        bool full = observer->pairing->options.ops->queued(observer->connection) > TB_LIMIT_RELAY_UNITS;
        if (full || (observer->needs_key && !(bytes[1] & UNIT_KEY))) {
                leave_out(observer);
                return;
        }
        observer->needs_key = false;
        send_picture(observer, unit);
}

/* How long a line takes with nothing on it: the quickest mark, forgotten slowly, for lines change. */
static void note_trip(TbParty *observer, guint32 took_ms)
{
        if (!observer->has_trip || took_ms < observer->trip_ms)
                observer->trip_ms = took_ms;
        else
                observer->trip_ms += (took_ms - observer->trip_ms + 1) / 2;
        observer->has_trip = true;
}

/* Its host makes the next one as large as the line bears: only here is known when one has arrived. */
void tb_relay_arrived(TbParty *observer, gsize bytes, guint32 took_ms)
{
        took_ms = MIN(took_ms, TOOK_MOST_MS);
        if (bytes == 0)
                note_trip(observer, took_ms);
        if (bytes == 0 || observer->marks == 0)
                return; /* nobody has asked */
        observer->marks--;
        TbParty *host = observer->session ? tb_session_producer(observer->session) : NULL;
        if (!host)
                return;
        guint32 trip_ms = observer->has_trip ? MIN(observer->trip_ms, took_ms) : 0;
        tb_party_send(host,
                      json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "type", "picture-arrived", "sessionId",
                                observer->session->id, "peerId", observer->id, "bytes", (json_int_t)bytes,
                                "took_ms", (json_int_t)(took_ms - trip_ms), "trip_ms", (json_int_t)trip_ms));
}

static TbParty *observer_of(TbParty *host, const char *session_id, gsize session_size, const char *peer,
                            gsize peer_size)
{
        g_autofree char *id = g_strndup(session_id, session_size);
        TbSession *session = g_hash_table_lookup(host->pairing->sessions, id);
        if (!session || g_strcmp0(session->host, host->host) != 0)
                return NULL;
        for (guint i = 0; i < session->observers->len; i++) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (strlen(observer->id) == peer_size && memcmp(observer->id, peer, peer_size) == 0)
                        return observer;
        }
        return NULL;
}

/* Goes ahead of a picture that waits, and is left out last: it is little. What comes late is of no use. */
static void relay_sound(TbParty *observer, GBytes *sound)
{
        TbPairing *pairing = observer->pairing;
        gsize size;
        const void *bytes = g_bytes_get_data(sound, &size);
        if (pairing->options.ops->queued(observer->connection) > TB_LIMIT_RELAY_SOUND) {
                pairing->dropped_samples++;
                return;
        }
        pairing->relayed_messages++;
        pairing->relayed_bytes += size;
        pairing->options.ops->binary(observer->connection, bytes, size);
}

/* As an observer gets it: a packet that comes now, or one that has come up for somebody else. NULL: neither. */
static GBytes *sound_of(TbParty *host, guint8 kind, const guint8 *bytes, gsize size)
{
        if (kind == SOUND_AGAIN)
                return size == 1 && *bytes < TB_LINK_SOUNDS
                               ? host->sounds[(host->next_sound + TB_LINK_SOUNDS - 1 - *bytes) %
                                              TB_LINK_SOUNDS]
                               : NULL;
        if (size <= SOUND_HEAD || size > SOUND_HEAD + SOUND_MOST)
                return NULL;
        guint8 *copy = g_malloc(size + 1);
        GBytes **place = &host->sounds[host->next_sound];
        copy[0] = SOUND;
        memcpy(copy + 1, bytes, size);
        g_clear_pointer(place, g_bytes_unref);
        host->next_sound = (host->next_sound + 1) % TB_LINK_SOUNDS;
        return *place = g_bytes_new_take(copy, size + 1);
}

/* 0x01, n, n bytes of peer id, m, m bytes of session id, JPEG; 0x03: the same of an encoded one; 0x02: the same without either, of the
 * last one; 0x04: sound; 0x05: sound that is there */
static void host_picture(TbParty *host, const guint8 *bytes, gsize size)
{
        gsize n = size > 1 ? bytes[1] : 0;
        gsize m = size > 2 + n ? bytes[2 + n] : 0;
        gsize at = 3 + n + m;
        bool again = size == at && bytes[0] == PICTURE_AGAIN && host->uploaded;
        bool is_new = (bytes[0] == PICTURE && size > at) || (bytes[0] == UNIT && size > at + UNIT_HEAD);
        GBytes *sound = (bytes[0] == SOUND || bytes[0] == SOUND_AGAIN) && n > 0 && m > 0 && size > at
                                ? sound_of(host, bytes[0], bytes + at, size - at)
                                : NULL;
        if ((!again && !is_new && !sound) || n == 0 || m == 0) {
                tb_party_error(host, "invalid", "Invalid picture");
                return;
        }
        TbParty *observer = observer_of(host, (const char *)bytes + 3 + n, m, (const char *)bytes + 2, n);
        if (sound) {
                if (observer)
                        relay_sound(observer, sound);
                return;
        }
        if (!again) { /* kept, also when nobody wants it any more: others may be named for it */
                guint8 *copy = g_malloc(size - at + 1);
                copy[0] = bytes[0];
                memcpy(copy + 1, bytes + at, size - at);
                g_clear_pointer(&host->uploaded, g_bytes_unref);
                host->uploaded = g_bytes_new_take(copy, size - at + 1);
        }
        bool encoded = ((const guint8 *)g_bytes_get_data(host->uploaded, NULL))[0] == UNIT;
        if (observer && encoded)
                relay_unit(observer, host->uploaded);
        else if (observer) /* else it has left in the meantime */
                tb_relay_picture(observer, host->uploaded);
}

void tb_relay_binary(TbParty *party, const guint8 *bytes, gsize size)
{
        TbPairingOptions *options = &party->pairing->options;
        if (party->role == TB_PARTY_HOST) {
                if (tb_link_frame_begins(bytes, size) && options->carried)
                        options->carried(party, bytes, size, options->data);
                else
                        host_picture(party, bytes, size);
                return;
        }
        TbSession *session = party->session;
        if (!session)
                return;
        if (size < 2 || bytes[0] != PICTURE || session->host) {
                tb_party_error(party, "invalid", "Invalid picture");
                return;
        }
        TbParty *to = party->role == TB_PARTY_PHONE
                              ? (session->observers->len ? g_ptr_array_index(session->observers, 0) : NULL)
                              : tb_session_phone(session, NULL);
        if (!to) {
                tb_party_error(party, "no-peer", "Peer not connected");
                return;
        }
        g_autoptr(GBytes) picture = g_bytes_new(bytes, size);
        tb_relay_picture(to, picture);
}
