/* The room of a session: who is there, what is said, where somebody points; and what one who floods it can do: nothing. */
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/pairing_private.h"
#include "tests/unit/server/pairing_rig.h"

typedef struct Room {
        World w;
        Line *host;
        char *id, *token, *view;
} Room;

static void open_room(Room *r)
{
        setup(&r->w);
        r->host = dial(&r->w);
        tell(&r->w, r->host,
             json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "host", "lab",
                       "devices", "id", "board"));
        const TbSessionAsk ask = {.device = "lab/board",
                                  .mode = TB_MODE_CONTROL,
                                  .observers = 8,
                                  .life_s = TB_LIFE_UNTIL_REVOKED,
                                  .share = "anna",
                                  .wide = "wide"};
        r->id = g_strdup(
                tb_session_id(tb_pairing_create(r->w.pairing, &ask, r->w.now, &r->token, &r->view, NULL)));
}

static void close_room(Room *r, Line **lines, guint n)
{
        for (guint i = 0; i < n; i++)
                hang_up(&r->w, lines[i]);
        hang_up(&r->w, r->host);
        teardown(&r->w);
        g_free(r->id);
        g_free(r->token);
        g_free(r->view);
}

static Line *come(Room *r, const char *name)
{
        Line *line = dial(&r->w);
        tell(&r->w, line,
             json_pack("{s:s, s:s, s:s, s:s, s:s?}", "type", "hello", "role", "desktop", "sessionId", r->id,
                       "token", r->view, "name", name));
        return line;
}

static guint count(const Line *line, const char *type)
{
        guint n = 0;
        for (guint i = 0; i < line->said->len; i++)
                n += g_strcmp0(text_of(g_ptr_array_index(line->said, i), "type"), type) == 0;
        return n;
}

static void later(Room *r, gint64 ms)
{
        r->w.now += ms;
        tb_pairing_tick(r->w.pairing, r->w.now);
}

static void say_in(Room *r, Line *line, const char *text)
{
        tell(&r->w, line, json_pack("{s:s, s:s}", "type", "chat", "text", text));
}

/* All are told, the host too: once for what comes together. A guest's name is a guest's. TB_LIMIT_PERSON: bytes of it. */
static void test_people(void)
{
        Room r;
        open_room(&r);
        g_autofree char *most = g_strnfill(TB_LIMIT_PERSON, 'x'), *more = g_strconcat(most, "y", NULL);
        Line *bert = come(&r, " Bert\u202e\n\x07 <b>"), *anna = dial(&r.w), *long_one = come(&r, more),
             *nobody = come(&r, NULL);
        tb_pairing_known_as(anna->party, "anna");
        tell(&r.w, anna,
             json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "hello", "role", "desktop", "sessionId", r.id,
                       "token", r.token, "name", "root"));
        g_assert_cmpuint(count(bert, "people"), ==, 0);
        g_assert_cmpint(tb_pairing_due(r.w.pairing, r.w.now), <=, r.w.now + 100);
        later(&r, 100);
        g_assert_cmpuint(count(bert, "people"), ==, 1);
        g_assert_cmpuint(count(r.host, "people"), ==, 1);
        g_assert_cmpstr(text_of(newest(r.host, "people"), "sessionId"), ==, r.id);
        json_t *people = json_object_get(newest(bert, "people"), "people");
        g_assert_cmpuint(json_array_size(people), ==, 4);
        g_assert_cmpstr(text_of(json_array_get(people, 0), "name"), ==, "Bert <b>");
        g_assert_true(json_is_true(json_object_get(json_array_get(people, 0), "guest")));
        g_assert_cmpstr(text_of(json_array_get(people, 1), "name"), ==, most);
        g_assert_true(json_is_null(json_object_get(json_array_get(people, 2), "name")));
        g_assert_cmpstr(text_of(json_array_get(people, 3), "name"), ==, "anna");
        g_assert_true(json_is_false(json_object_get(json_array_get(people, 3), "guest")));
        g_assert_cmpstr(text_of(json_array_get(people, 3), "mode"), ==, "control");

        for (guint i = 0; i < 50; i++) { /* told once a second, whatever one says of himself */
                tell(&r.w, bert,
                     json_pack("{s:s, s:s, s:s, s:f, s:i}", "type", "me", "name", "Robert", "path", "turn",
                               "rtt_ms", 23.4, "loss_pct", 400));
                later(&r, 10);
        }
        g_assert_cmpuint(count(anna, "people"), ==, 1);
        later(&r, 1000);
        g_assert_cmpuint(count(anna, "people"), ==, 2);
        json_t *told = json_array_get(json_object_get(newest(anna, "people"), "people"), 0);
        g_assert_cmpstr(text_of(told, "name"), ==, "Robert");
        g_assert_cmpstr(text_of(told, "path"), ==, "turn");
        g_assert_cmpfloat(json_number_value(json_object_get(told, "rtt_ms")), ==, 23);
        g_assert_cmpfloat(json_number_value(json_object_get(told, "loss_pct")), ==, 100);
        hang_up(&r.w, nobody);
        later(&r, 2000);
        g_assert_cmpuint(json_array_size(json_object_get(newest(anna, "people"), "people")), ==, 3);
        g_assert_cmpint(tb_pairing_due(r.w.pairing, r.w.now), ==, G_MAXINT64);
        close_room(&r, (Line *[]){bert, anna, long_one}, 3);
}

/* TB_LIMIT_CHAT, TB_LIMIT_CHAT_LINES: what is said is read by all, and the last of it by who comes later. */
static void test_talk(void)
{
        Room r;
        open_room(&r);
        Line *bert = come(&r, "Bert"), *anna = come(&r, "Anna");
        g_autofree char *most = g_strnfill(TB_LIMIT_CHAT, 'x'), *more = g_strconcat(most, "y", NULL);
        for (guint i = 0; i <= TB_LIMIT_CHAT_LINES; i++) {
                say_in(&r, bert, more);
                later(&r, 1000);
        }
        g_assert_cmpuint(count(anna, "talk"), ==, TB_LIMIT_CHAT_LINES + 1);
        json_t *line = json_array_get(json_object_get(newest(anna, "talk"), "lines"), 0);
        g_assert_cmpstr(text_of(line, "text"), ==, most);
        g_assert_cmpstr(text_of(line, "name"), ==, "Bert");
        Line *late = come(&r, NULL);
        json_t *lines = json_object_get(newest(late, "talk"), "lines");
        g_assert_cmpuint(json_array_size(lines), ==, TB_LIMIT_CHAT_LINES);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(lines, 0), "n")), ==, 2);
        say_in(&r, bert, " \u200b\n");
        g_assert_cmpstr(text_of(last(bert), "code"), ==, "invalid");
        tell(&r.w, bert, json_pack("{s:s, s:i}", "type", "chat", "text", 5));
        g_assert_cmpstr(text_of(last(bert), "code"), ==, "invalid");
        g_assert_cmpuint(count(r.host, "chat"), ==, 0);
        close_room(&r, (Line *[]){bert, anna, late}, 3);
}

/* One who floods is told, reaches nobody by it, and is cut when it goes on; others are heard meanwhile. */
static void test_flood(void)
{
        Room r;
        open_room(&r);
        Line *bad = come(&r, "Bad"), *anna = come(&r, "Anna");
        for (guint i = 0; i < 100; i++)
                say_in(&r, bad, "spam");
        g_assert_cmpuint(count(anna, "talk"), <=, 6);
        g_assert_cmpstr(text_of(last(bad), "code"), ==, "rate");
        say_in(&r, anna, "quiet, please");
        g_assert_cmpstr(text_of(json_array_get(json_object_get(newest(anna, "talk"), "lines"), 0), "text"),
                        ==, "quiet, please");
        for (guint i = 0; i < 100; i++)
                tell(&r.w, bad, json_pack("{s:s, s:f, s:f}", "type", "point", "x", 0.5, "y", 1.0));
        g_assert_cmpuint(count(anna, "point"), <=, 11);
        g_assert_cmpuint(count(anna, "point"), >=, 1);
        for (guint i = 0; i < 1000 && !bad->closed; i++) {
                say_in(&r, bad, "spam");
                later(&r, 10);
        }
        g_assert_cmpint(bad->closed, ==, 1008);
        g_assert_cmpint(anna->closed, ==, 0);
        close_room(&r, (Line *[]){bad, anna}, 2);
}

/* Who has the device, as its host says; TB_LIMIT_HOLDER: bytes of that. What it says of others' devices, and what it said before it left, counts for nothing. */
static void test_control(void)
{
        Room r;
        open_room(&r);
        Line *bert = come(&r, "Bert"), *anna = dial(&r.w);
        tell(&r.w, anna,
             json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", "desktop", "sessionId", r.id, "token",
                       r.token));
        g_autofree char *peer = g_strdup(text_of(g_ptr_array_index(anna->said, 0), "peerId")),
                        *most = g_strnfill(TB_LIMIT_HOLDER, 'x'), *more = g_strconcat(most, "y", NULL);
        later(&r, 1000);
        tell(&r.w, r.host,
             json_pack("{s:s, s:s, s:s, s:s}", "type", "control", "device", "board", "holder", more, "peerId",
                       peer));
        tell(&r.w, r.host, json_pack("{s:s, s:s, s:s}", "type", "control", "device", "other", "holder", "x"));
        later(&r, 1000);
        json_t *told = newest(bert, "people"), *people = json_object_get(told, "people");
        g_assert_cmpstr(text_of(told, "holder"), ==, most);
        g_assert_null(json_object_get(json_array_get(people, 0), "controls"));
        g_assert_true(json_is_true(json_object_get(json_array_get(people, 1), "controls")));
        json_auto_t *list = tb_pairing_sessions(r.w.pairing, &(TbSight){NULL}, r.w.now);
        g_assert_cmpstr(text_of(json_array_get(list, 0), "holder"), ==, most);
        tell(&r.w, r.host, json_pack("{s:s, s:s, s:n}", "type", "control", "device", "board", "holder"));
        later(&r, 1000);
        g_assert_true(json_is_null(json_object_get(newest(bert, "people"), "holder")));

        /* the host asks whom it may have still: a link that is for watching now, and one that is gone */
        tb_pairing_change(r.w.pairing, tb_pairing_find(r.w.pairing, r.id, r.w.now),
                          &(TbSessionTerms){.has_mode = true}, r.w.now, NULL);
        g_assert_true(json_is_true(json_object_get(newest(r.host, "peer-disconnected"), "cut")));
        g_autofree char *watcher = g_strdup(text_of(g_ptr_array_index(bert->said, 0), "peerId"));
        guint before = r.host->said->len;
        tell(&r.w, r.host,
             json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}, {}, n]}", "type", "observers",
                       "observers", "sessionId", r.id, "peerId", peer, "sessionId", r.id, "peerId", watcher,
                       "sessionId", "gone", "peerId", "p1"));
        g_assert_cmpuint(r.host->said->len, ==, before + 2);
        g_assert_cmpstr(text_of(newest(r.host, "peer-disconnected"), "peerId"), ==, peer);
        g_assert_cmpstr(text_of(newest(r.host, "session-closed"), "sessionId"), ==, "gone");
        close_room(&r, (Line *[]){bert, anna}, 2);
}

static Line *come_as(Room *r, const char *peer)
{
        Line *line = dial(&r->w);
        tell(&r->w, line,
             json_pack("{s:s, s:s, s:s, s:s, s:s?}", "type", "hello", "role", "desktop", "sessionId", r->id,
                       "token", r->token, "peerId", peer));
        return line;
}

static const char *peer_of(Line *line)
{
        return text_of(g_ptr_array_index(line->said, 0), "peerId");
}

/* Who comes back while his old line is there still has his name, and so what he controls; a tab that is a copy of another gets its own. */
static void test_same(void)
{
        Room r;
        open_room(&r);
        Line *first = come_as(&r, NULL), *other = come_as(&r, NULL);
        g_autofree char *peer = g_strdup(peer_of(first));
        first->silent_ms = 10000; /* its network is gone */
        Line *back = come_as(&r, peer);
        g_assert_cmpuint(first->probed, ==, 1);
        g_assert_cmpuint(other->probed, ==, 0);
        later(&r, TB_LIMIT_RIVAL_MS - 1);
        g_assert_cmpuint(back->said->len, ==, 0);
        later(&r, 1);
        g_assert_cmpstr(peer_of(back), ==, peer);
        g_assert_cmpstr(text_of(newest(first, "error"), "code"), ==, "replaced");
        g_assert_cmpstr(text_of(newest(r.host, "peer-connected"), "peerId"), ==, peer);
        g_assert_cmpint(other->closed, ==, 0);
        /* a copy: the tab itself answers, and stays who it is */
        Line *copy = come_as(&r, peer);
        later(&r, 20);
        g_assert_cmpstr(text_of(g_ptr_array_index(copy->said, 0), "type"), ==, "ready");
        g_assert_cmpstr(peer_of(copy), !=, peer);
        g_assert_cmpint(back->closed, ==, 0);
        /* loaded again: the new page came before the old one had gone */
        back->silent_ms = 10000;
        Line *again = come_as(&r, peer);
        g_assert_cmpuint(again->said->len, ==, 0);
        hang_up(&r.w, back);
        later(&r, 20);
        g_assert_cmpstr(peer_of(again), ==, peer);
        close_room(&r, (Line *[]){first, other, copy, again}, 4);
}

/* A marker is on the picture; a reader who is behind misses it; a host speaks for nobody in the room. */
static void test_point(void)
{
        Room r;
        open_room(&r);
        Line *bert = come(&r, "Bert"), *slow = come(&r, NULL);
        slow->queued = 1024 * 1024;
        tell(&r.w, bert,
             json_pack("{s:s, s:f, s:i, s:s}", "type", "point", "x", 0.25, "y", 1, "name", "Anna"));
        g_assert_cmpuint(count(slow, "point"), ==, 0);
        g_assert_cmpstr(text_of(newest(bert, "point"), "name"), ==, "Bert");
        g_assert_cmpfloat(json_number_value(json_object_get(newest(bert, "point"), "x")), ==, 0.25);
        static const double off[][2] = {{-0.01, 0}, {0, 1.01}};
        for (guint i = 0; i < G_N_ELEMENTS(off); i++) {
                tell(&r.w, bert,
                     json_pack("{s:s, s:f, s:f}", "type", "point", "x", off[i][0], "y", off[i][1]));
                g_assert_cmpstr(text_of(last(bert), "code"), ==, "invalid");
        }
        static const char *const types[] = {"talk", "people", "point", "peer-connected"};
        guint before = bert->said->len;
        for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
                tell(&r.w, r.host, json_pack("{s:s, s:s}", "type", types[i], "sessionId", r.id));
                g_assert_cmpstr(text_of(last(r.host), "code"), ==, "invalid");
        }
        g_assert_cmpuint(bert->said->len, ==, before);
        tell(&r.w, bert, json_pack("{s:s, s:[]}", "type", "talk", "lines"));
        g_assert_cmpstr(text_of(last(bert), "code"), ==, "invalid");
        close_room(&r, (Line *[]){bert, slow}, 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/room/people", test_people);
        g_test_add_func("/room/talk", test_talk);
        g_test_add_func("/room/flood", test_flood);
        g_test_add_func("/room/point", test_point);
        g_test_add_func("/room/control", test_control);
        g_test_add_func("/room/same", test_same);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
