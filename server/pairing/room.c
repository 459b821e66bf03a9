/*
 * The room of a device's session: who is in it, what they say, where they point. All of it goes through here, so that one who floods
 * costs the others nothing: each has a rate, all of a session together have one, and who is there is told at most once a second.
 * Nothing of it is written down: talk lives as long as the session is in memory.
 */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/text.h"
#include "server/pairing/pairing_private.h"

#define PEOPLE_MS 1000   /* least time between two tellings of who is there */
#define SOON_MS 50       /* what comes together is told together */
#define SLOW (64 * 1024) /* bytes that wait for a reader: he misses where somebody pointed */
#define TALK_PER_S 1.0
#define TALK_BURST 5.0
#define ROOM_PER_S 5.0 /* of all in a session */
#define ROOM_BURST 20.0
#define SPAM_MAX 100 /* lines over the rate: then the connection is closed */
#define POINTS_PER_S 10.0
#define ROOM_POINTS_PER_S 30.0
#define TELLS_PER_S 1.0 /* what one says of himself */
#define TELLS_BURST 5.0

/* --- who one is --- */
void tb_pairing_known_as(TbParty *party, const char *user)
{
        g_free(party->name);
        party->name = tb_text_line(user, TB_LIMIT_PERSON);
        party->proven = true;
}

void tb_room_name(TbParty *party, const json_t *message)
{
        const char *said = json_string_value(json_object_get(message, "name"));
        if (!said || party->proven)
                return;
        g_free(party->name);
        party->name = tb_text_line(said, TB_LIMIT_PERSON);
}

static void put_who(json_t *o, const TbParty *party)
{
        bool named = party->name && *party->name;
        json_object_set_new(o, "name", named ? json_string(party->name) : json_null());
        json_object_set_new(o, "guest", json_boolean(!party->proven));
}

json_t *tb_person_json(const TbParty *observer)
{
        g_autofree char *since = tb_clock_rfc3339(tb_clock_wall_of(observer->since_ms));
        json_t *o = json_pack("{s:s, s:s, s:s}", "peerId", observer->id, "mode",
                              observer->mode == TB_MODE_CONTROL ? "control" : "view", "since", since);
        put_who(o, observer);
        if (observer->path)
                json_object_set_new(o, "path", json_string(observer->path));
        if (observer->rtt_ms >= 0)
                json_object_set_new(o, "rtt_ms", json_real(observer->rtt_ms));
        if (observer->loss_pct >= 0)
                json_object_set_new(o, "loss_pct", json_real(observer->loss_pct));
        const TbHeld *held = observer->session ? tb_held_of(observer->session) : NULL;
        if (held && strcmp(held->peer, observer->id) == 0)
                json_object_set_new(o, "controls", json_true());
        return o;
}

/* --- to all --- */
static void to_all(TbSession *session, json_t *message_take, bool fleeting)
{
        const TbPartyOps *ops = session->pairing->options.ops;
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        json_decref(message_take);
        for (guint i = 0; i < session->observers->len; i++) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (!fleeting || ops->queued(observer->connection) <= SLOW)
                        ops->text(observer->connection, text, size);
        }
}

static json_t *people_json(TbSession *session)
{
        json_t *people = json_array();
        for (guint i = 0; i < session->observers->len; i++)
                json_array_append_new(people, tb_person_json(g_ptr_array_index(session->observers, i)));
        const TbHeld *held = tb_held_of(session);
        return json_pack("{s:s, s:o, s:s?}", "type", "people", "people", people, "holder",
                         held ? held->holder : NULL);
}

static void tell_people(TbSession *session, gint64 now_ms)
{
        TbParty *host = tb_session_producer(session);
        session->told_ms = now_ms;
        to_all(session, people_json(session), false);
        if (!host)
                return;
        json_t *message = people_json(session);
        json_object_set_new(message, "sessionId", json_string(session->id));
        tb_party_send(host, message);
}

void tb_room_changed(TbSession *session)
{
        TbPairing *pairing = session->pairing;
        tb_session_said(session, true);
        if (!session->host || session->changed.data)
                return;
        session->changed.data = session;
        g_queue_push_tail_link(&pairing->rooms, &session->changed);
}

void tb_room_end(TbSession *session)
{
        if (session->changed.data)
                g_queue_unlink(&session->pairing->rooms, &session->changed);
        session->changed.data = NULL;
}

gint64 tb_pairing_due(const TbPairing *pairing, gint64 now_ms)
{
        const TbSession *first = g_queue_peek_head((GQueue *)&pairing->rooms);
        return first ? MAX(now_ms + SOON_MS, first->told_ms + PEOPLE_MS) : G_MAXINT64;
}

gint64 tb_rooms_tick(TbPairing *pairing, gint64 now_ms)
{
        gint64 next = G_MAXINT64;
        for (GList *l = pairing->rooms.head; l;) {
                TbSession *session = l->data;
                l = l->next;
                if (now_ms - session->told_ms < PEOPLE_MS) {
                        next = MIN(next, session->told_ms + PEOPLE_MS);
                        continue;
                }
                tb_room_end(session);
                tell_people(session, now_ms);
        }
        return next;
}

/* --- what one says --- */
static void me(TbParty *party, const json_t *message)
{
        static const char *const paths[] = {"direct", "nat", "turn", "relay", NULL};
        const char *path = json_string_value(json_object_get(message, "path"));
        const json_t *rtt = json_object_get(message, "rtt_ms"), *loss = json_object_get(message, "loss_pct");
        tb_room_name(party, message);
        for (guint i = 0; path && paths[i]; i++)
                if (strcmp(path, paths[i]) == 0)
                        party->path = paths[i];
        if (json_is_number(rtt))
                party->rtt_ms = CLAMP(round(json_number_value(rtt)), 0, 60000);
        if (json_is_number(loss))
                party->loss_pct = CLAMP(round(json_number_value(loss)), 0, 100);
        tb_room_changed(party->session);
}

static void chat(TbParty *party, const json_t *message)
{
        TbSession *session = party->session;
        const char *said = json_string_value(json_object_get(message, "text"));
        g_autofree char *text = said ? tb_text_line(said, TB_LIMIT_CHAT) : NULL;
        if (!text || !*text) {
                tb_party_error(party, "invalid", "There is nothing in it that can be read");
                return;
        }
        json_t *line = json_pack("{s:I, s:I, s:s, s:s}", "n", (json_int_t)++session->talk_n, "t",
                                 (json_int_t)tb_clock_ms(), "from", party->id, "text", text);
        put_who(line, party);
        g_queue_push_tail(&session->talk, line);
        if (session->talk.length > TB_LIMIT_CHAT_LINES)
                json_decref(g_queue_pop_head(&session->talk));
        to_all(session, json_pack("{s:s, s:[O]}", "type", "talk", "lines", line), false);
}

static void point(TbParty *party, const json_t *message)
{
        const json_t *x = json_object_get(message, "x"), *y = json_object_get(message, "y");
        double at_x = json_number_value(x), at_y = json_number_value(y);
        if (!json_is_number(x) || !json_is_number(y) || at_x < 0 || at_x > 1 || at_y < 0 || at_y > 1) {
                tb_party_error(party, "invalid",
                               "x and y go from 0 to 1, from the upper left of the picture");
                return;
        }
        json_t *o =
                json_pack("{s:s, s:s, s:f, s:f}", "type", "point", "from", party->id, "x", at_x, "y", at_y);
        put_who(o, party);
        to_all(party->session, o, true);
}

void tb_room_enter(TbParty *party)
{
        json_t *lines = json_array();
        for (GList *l = party->session->talk.head; l; l = l->next)
                json_array_append(lines, l->data);
        if (json_array_size(lines) > 0)
                tb_party_send(party, json_pack("{s:s, s:O}", "type", "talk", "lines", lines));
        json_decref(lines);
        tb_room_changed(party->session);
}

static bool take(TbBucket *bucket, double rate, double burst, gint64 now_ms)
{
        return tb_bucket_take(bucket, rate, burst, 1, now_ms * 1000, NULL);
}

static bool may_talk(TbParty *party, gint64 now_ms)
{
        static const char text[] = "Too much is written here: wait a moment";
        if (take(&party->talk, TALK_PER_S, TALK_BURST, now_ms) &&
            take(&party->session->talk_rate, ROOM_PER_S, ROOM_BURST, now_ms)) {
                if (party->talk.tokens > TALK_BURST - 2)
                        party->spam = 0; /* it has calmed down, not just found a gap */
                return true;
        }
        if (++party->spam > SPAM_MAX)
                tb_party_refuse(party, "rate", text);
        else
                tb_party_error(party, "rate", text); /* each: its writer waits for an answer */
        return false;
}

bool tb_room_says(TbParty *party, const char *type, const json_t *message, gint64 now_ms)
{
        TbSession *session = party->session;
        if (!type || !session->host || party->role != TB_PARTY_DESKTOP)
                return false;
        if (strcmp(type, "chat") == 0) {
                if (may_talk(party, now_ms))
                        chat(party, message);
        } else if (strcmp(type, "point") == 0) {
                /* the next one says where he points now */
                if (take(&party->points, POINTS_PER_S, POINTS_PER_S, now_ms) &&
                    take(&session->points, ROOM_POINTS_PER_S, ROOM_POINTS_PER_S, now_ms))
                        point(party, message);
        } else if (strcmp(type, "me") == 0) {
                if (take(&party->tells, TELLS_PER_S, TELLS_BURST, now_ms))
                        me(party, message);
        } else {
                return false;
        }
        return true;
}
