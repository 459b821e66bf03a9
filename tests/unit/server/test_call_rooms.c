/* Who is in a call, by what happens and by the time that goes by; and what everybody is told of it. */
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits_calls.h"
#include "server/calls/room.h"

typedef struct World {
        TbCallRooms *rooms;
        GString *left; /* "anna bert! ": '!': the last one */
        gint64 now;
} World;

typedef struct Line {
        GPtrArray *said; /* "event {…}" */
} Line;

static void on_send(gpointer line, const char *event, const json_t *data)
{
        g_autofree char *text = tb_json_text(data, NULL);
        g_assert_nonnull(text);
        g_ptr_array_add(((Line *)line)->said, g_strdup_printf("%s %s", event, text));
}

static void on_left(const char *call, const char *user, bool last, gpointer data)
{
        g_assert_cmpstr(call, ==, "c1");
        g_string_append_printf(((World *)data)->left, "%s%s ", user, last ? "!" : "");
}

static void on_vanished(const char *call G_GNUC_UNUSED, const char *user, gpointer data)
{
        g_string_append_printf(((World *)data)->left, "(%s) ", user);
}

static void setup(World *w)
{
        const TbCallRoomOps ops = {on_send, on_left, on_vanished, w};
        w->rooms = tb_call_rooms_new(&ops);
        w->left = g_string_new(NULL);
        w->now = 1000;
}

static void teardown(World *w)
{
        tb_call_rooms_free(w->rooms);
        g_string_free(w->left, TRUE);
}

static Line *line_new(void)
{
        Line *line = g_new0(Line, 1);
        line->said = g_ptr_array_new_with_free_func(g_free);
        return line;
}

static void line_free(Line *line)
{
        g_ptr_array_unref(line->said);
        g_free(line);
}

static guint heard(const Line *line, const char *begins)
{
        guint n = 0;
        for (guint i = 0; i < line->said->len; i++)
                n += g_str_has_prefix(g_ptr_array_index(line->said, i), begins);
        return n;
}

static bool enter(World *w, const char *user, Line *line)
{
        const TbCallEntry entry = {.call = "c1", .user = user, .video = true, .audio = true, .line = line};
        return tb_call_room_enter(w->rooms, &entry, w->now, NULL);
}

static int said(World *w, const char *user, const char *event, json_t *data_take)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *data = data_take;
        return tb_call_room_said(w->rooms, "c1", user, event, data, &error) ? 0 : tb_error_status(error);
}

/* CALL_GRACE_MS: who has vanished keeps his place to the millisecond, and has left after it; who comes back in time has not. */
static void places(void)
{
        World w;
        setup(&w);
        Line *anna = line_new(), *bert = line_new(), *again = line_new();
        g_assert_true(enter(&w, "anna", anna) && enter(&w, "bert", bert));
        g_assert_cmpuint(heard(anna, "participant-joined "), ==, 1);
        tb_call_room_gone(w.rooms, bert, w.now);
        g_assert_cmpuint(heard(anna, "participant-disconnected "), ==, 1);
        g_assert_cmpint(
                said(&w, "anna", "signal", json_pack("{s:s, s:s}", "type", "offer", "targetUserId", "bert")),
                ==, 410);
        tb_call_rooms_tick(w.rooms, w.now + TB_LIMIT_CALL_GRACE_MS - 1);
        g_assert_cmpstr(w.left->str, ==, "(bert) ");
        g_assert_true(enter(&w, "bert", again));
        tb_call_rooms_tick(w.rooms, w.now + 10 * TB_LIMIT_CALL_GRACE_MS);
        g_assert_cmpstr(w.left->str, ==, "(bert) ");
        g_assert_cmpuint(
                heard(anna, "participant-joined {\"callId\":\"c1\",\"userId\":\"bert\",\"reconnected\":true"),
                ==, 1);
        /* a socket of before is none of his any more */
        tb_call_room_gone(w.rooms, bert, w.now);
        g_assert_true(tb_call_room_is_in(w.rooms, "c1", "bert", again));
        tb_call_room_gone(w.rooms, again, w.now);
        tb_call_room_gone(w.rooms, anna, w.now + 5);
        g_assert_cmpint(tb_call_rooms_due(w.rooms), <=, w.now + TB_LIMIT_CALL_GRACE_MS);
        tb_call_rooms_tick(w.rooms, w.now + TB_LIMIT_CALL_GRACE_MS);
        g_assert_cmpstr(w.left->str, ==, "(bert) (bert) (anna) bert ");
        tb_call_rooms_tick(w.rooms, w.now + TB_LIMIT_CALL_GRACE_MS + 5);
        g_assert_cmpstr(w.left->str, ==, "(bert) (bert) (anna) bert anna! ");
        g_assert_false(tb_call_room_has(w.rooms, "c1"));
        g_assert_cmpint(tb_call_rooms_tick(w.rooms, w.now * 2), ==, G_MAXINT64);
        line_free(anna);
        line_free(bert);
        line_free(again);
        teardown(&w);
}

/* CALL_PEOPLE: six are in, a seventh is refused until one has left; who was in before a restart has his place among them. */
static void full(void)
{
        World w;
        setup(&w);
        Line *line = line_new();
        for (guint i = 0; i < TB_LIMIT_CALL_PEOPLE; i++) {
                g_autofree char *user = g_strdup_printf("u%u", i);
                g_assert_true(enter(&w, user, i ? line : NULL));
        }
        g_assert_false(enter(&w, "late", line));
        g_assert_true(enter(&w, "u0", line));
        g_assert_true(tb_call_room_leave(w.rooms, "c1", "u3", "left"));
        g_assert_false(tb_call_room_leave(w.rooms, "c1", "u3", "left"));
        g_assert_true(enter(&w, "late", line));
        tb_call_room_end(w.rooms, "c1");
        g_assert_cmpstr(w.left->str, ==, "u3 ");
        g_assert_cmpint(said(&w, "u1", "chat", json_pack("{s:s}", "text", "x")), ==, 403);
        line_free(line);
        teardown(&w);
}

/* CALL_STATS_MS: everybody is asked then. CALL_WARN_LATENCY_MS, CALL_WARN_LOSS: beyond them all are warned. */
static void quality(void)
{
        World w;
        setup(&w);
        Line *anna = line_new();
        enter(&w, "anna", anna);
        tb_call_rooms_tick(w.rooms, w.now + TB_LIMIT_CALL_STATS_MS - 1);
        g_assert_cmpuint(heard(anna, "request-quality-stats "), ==, 0);
        tb_call_rooms_tick(w.rooms, w.now + TB_LIMIT_CALL_STATS_MS);
        g_assert_cmpuint(heard(anna, "request-quality-stats "), ==, 1);
        json_t *good = json_pack("{s:i, s:i}", "latency", TB_LIMIT_CALL_WARN_LATENCY_MS, "packetLoss",
                                 TB_LIMIT_CALL_WARN_LOSS),
               *bad = json_pack("{s:i, s:i}", "latency", TB_LIMIT_CALL_WARN_LATENCY_MS + 1, "packetLoss",
                                TB_LIMIT_CALL_WARN_LOSS + 1);
        g_assert_cmpint(said(&w, "anna", "connection-quality", good), ==, 0);
        g_assert_cmpuint(heard(anna, "quality-warning "), ==, 0);
        g_assert_cmpint(said(&w, "anna", "connection-quality", bad), ==, 0);
        g_assert_cmpuint(heard(anna, "quality-warning "), ==, 2);
        g_assert_cmpint(said(&w, "anna", "connection-quality", json_pack("{s:s}", "jitter", "much")), ==,
                        400);
        line_free(anna);
        teardown(&w);
}

/* CALL_CHAT, CALL_CHAT_LINES, CALL_BENCHES: at the limit, and one beyond it; who comes later reads what is kept. */
static void words(void)
{
        World w;
        setup(&w);
        Line *anna = line_new(), *bert = line_new();
        enter(&w, "anna", anna);
        g_autofree char *most = g_strnfill(TB_LIMIT_CALL_CHAT, 'x'), *more = g_strconcat(most, "y", NULL);
        g_assert_cmpint(said(&w, "anna", "chat", json_pack("{s:s}", "text", more)), ==, 400);
        for (guint i = 0; i < TB_LIMIT_CALL_CHAT_LINES + 5; i++)
                g_assert_cmpint(said(&w, "anna", "chat", json_pack("{s:s}", "text", i ? "again" : most)), ==,
                                0);
        for (guint i = 0; i < TB_LIMIT_CALL_BENCHES + 1; i++) {
                g_autofree char *device = g_strdup_printf("lab/%u", i);
                g_assert_cmpint(
                        said(&w, "anna", "share-device",
                             json_pack("{s:s, s:s, s:s}", "device", device, "sessionId", "s", "token", "t")),
                        ==, i < TB_LIMIT_CALL_BENCHES ? 0 : 429);
        }
        enter(&w, "bert", bert);
        json_auto_t *told = json_loads(strchr(g_ptr_array_index(bert->said, 0), ' '), 0, NULL);
        const json_t *chat = json_object_get(told, "chat");
        g_assert_cmpuint(json_array_size(chat), ==, TB_LIMIT_CALL_CHAT_LINES);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(chat, 0), "n")), ==, 6);
        g_assert_cmpuint(json_array_size(json_object_get(told, "devices")), ==, TB_LIMIT_CALL_BENCHES);
        /* control is asked for of who has brought it, and given by him alone */
        g_assert_cmpint(said(&w, "bert", "request-control", json_pack("{s:s}", "device", "lab/0")), ==, 0);
        g_assert_cmpuint(heard(anna, "request-control "), ==, 1);
        g_assert_cmpint(said(&w, "anna", "request-control", json_pack("{s:s}", "device", "lab/0")), ==, 404);
        g_assert_cmpint(said(&w, "bert", "answer-control",
                             json_pack("{s:s, s:s}", "device", "lab/0", "targetUserId", "anna")),
                        ==, 404);
        g_assert_cmpint(said(&w, "bert", "unshare-device", json_pack("{s:s}", "device", "lab/0")), ==, 404);
        g_assert_cmpint(said(&w, "bert", "share-device",
                             json_pack("{s:s, s:s, s:s}", "device", "lab/0", "sessionId", "s", "token", "t")),
                        ==, 409);
        /* what somebody has brought goes with him */
        tb_call_room_leave(w.rooms, "c1", "anna", "left");
        g_assert_cmpuint(heard(bert, "device-unshared "), ==, TB_LIMIT_CALL_BENCHES);
        line_free(anna);
        line_free(bert);
        teardown(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/call-rooms/places", places);
        g_test_add_func("/call-rooms/full", full);
        g_test_add_func("/call-rooms/quality", quality);
        g_test_add_func("/call-rooms/words", words);
        return g_test_run();
}
