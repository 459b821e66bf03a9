/* Encoded pictures that go through the server: as they are, and what an observer's line has no room for is left out up to a keyframe. */
#include "lib/limits.h"
#include "lib/proto/link_sounds.h"
#include "lib/thread.h"
#include "tests/unit/server/pairing_rig.h"

typedef struct Room {
        World w;
        Line *host, *fast, *slow;
        char *id;
} Room;

static const char *id_of(const Line *line)
{
        return json_string_value(json_object_get(newest(line, "ready"), "peerId"));
}

static void open_room(Room *r)
{
        g_autofree char *token = NULL, *view = NULL;
        setup(&r->w);
        r->host = dial(&r->w);
        tell(&r->w, r->host,
             json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "host", "lab",
                       "devices", "id", "board"));
        g_assert_true(json_is_true(json_object_get(newest(r->host, "ready"), "encoded")));
        TbSession *session = tb_pairing_create(r->w.pairing,
                                               &(TbSessionAsk){.device = "lab/board",
                                                               .mode = TB_MODE_VIEW,
                                                               .observers = 4,
                                                               .share = "net",
                                                               .wide = "wide"},
                                               r->w.now, &token, &view, NULL);
        r->id = g_strdup(tb_session_id(session));
        r->fast = join(&r->w, "desktop", r->id, token);
        r->slow = join(&r->w, "desktop", r->id, token);
}

static void close_room(Room *r)
{
        hang_up(&r->w, r->fast);
        hang_up(&r->w, r->slow);
        hang_up(&r->w, r->host);
        g_free(r->id);
        teardown(&r->w);
}

/* 0x03, or (`n` 0) 0x02: the last one again. */
static void send_unit(Room *r, const Line *to, bool key, guint8 n)
{
        const char *peer = id_of(to);
        guint8 sizes[] = {n ? 3 : 2, (guint8)strlen(peer), (guint8)strlen(r->id)};
        const guint8 unit[] = {key, 5, 0, 2, 0xd0, n};
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_byte_array_append(out, sizes, 2);
        g_byte_array_append(out, (const guint8 *)peer, sizes[1]);
        g_byte_array_append(out, sizes + 2, 1);
        g_byte_array_append(out, (const guint8 *)r->id, sizes[2]);
        if (n)
                g_byte_array_append(out, unit, sizeof unit);
        tb_pairing_binary(r->host->party, out->data, out->len, r->w.now);
}

static void test_passed_on(void)
{
        Room r;
        open_room(&r);
        send_unit(&r, r.fast, true, 1);
        tb_pairing_drained(
                r.host->party); /* the last one stays that, whatever the host's own line does meanwhile */
        g_assert_cmpuint(r.host->pictures, ==, 0);
        send_unit(&r, r.slow, false, 0);
        g_assert_cmpuint(r.fast->pictures, ==, 1);
        g_assert_cmpuint(r.slow->pictures, ==, 1);
        g_assert_cmpint(r.slow->last_picture, ==, 1);
        send_unit(&r, r.fast, false, 2);
        g_assert_cmpint(r.fast->last_picture, ==, 2);
        const guint8 empty[] = {3, 1, 'p', 1, 's', 0, 0, 1, 0, 1}; /* a head and nothing behind it */
        tb_pairing_binary(r.host->party, empty, sizeof empty, r.w.now);
        g_assert_cmpstr(json_string_value(json_object_get(newest(r.host, "error"), "message")), ==,
                        "Invalid picture");
        close_room(&r);
}

static void test_left_out(void)
{
        Room r;
        open_room(&r);
        send_unit(&r, r.slow, true, 1);
        guint said_before = r.host->said->len;
        r.slow->queued = TB_LIMIT_RELAY_UNITS; /* just full: it still takes one */
        send_unit(&r, r.slow, false, 2);
        g_assert_cmpint(r.slow->last_picture, ==, 2);
        g_assert_cmpuint(r.host->said->len, ==, said_before);
        r.slow->queued++;
        send_unit(&r, r.slow, false, 3);
        const json_t *said = newest(r.host, "picture-arrived");
        g_assert_true(json_is_true(json_object_get(said, "lost")));
        g_assert_cmpstr(json_string_value(json_object_get(said, "peerId")), ==, id_of(r.slow));
        r.slow->queued = 0;
        send_unit(&r, r.slow, false, 4); /* of what was left out */
        g_assert_cmpint(r.slow->last_picture, ==, 2);
        send_unit(&r, r.slow, true, 5);
        send_unit(&r, r.slow, false, 6);
        g_assert_cmpint(r.slow->last_picture, ==, 6);
        close_room(&r);
}

static void send_sound(Room *r, const Line *to, gsize bytes, guint8 n)
{
        const char *peer = id_of(to);
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autofree char *head =
                g_strdup_printf("\x04%c%s%c%s", (int)strlen(peer), peer, (int)strlen(r->id), r->id);
        g_autofree guint8 *packet = g_malloc0(4 + bytes);
        packet[3 + bytes] = n;
        g_byte_array_append(out, (const guint8 *)head, (guint)strlen(head));
        g_byte_array_append(out, packet, (guint)(4 + bytes));
        tb_pairing_binary(r->host->party, out->data, out->len, r->w.now);
}

/* Sound is for one observer, goes on where pictures are left out already, and is lost without a word. */
static void test_sound(void)
{
        Room r;
        open_room(&r);
        g_assert_true(json_is_true(json_object_get(newest(r.host, "ready"), "sound")));
        send_unit(&r, r.fast, true, 1);
        send_sound(&r, r.slow, 160, 2);
        g_assert_cmpint(r.slow->last_picture, ==, 2);
        g_assert_cmpuint(r.fast->pictures, ==, 1);
        send_unit(&r, r.slow, false, 0); /* "the last one" is the last picture */
        g_assert_cmpint(r.slow->last_picture, ==, 1);
        guint said = r.host->said->len;
        r.slow->queued = TB_LIMIT_RELAY_SOUND;
        send_sound(&r, r.slow, 160, 3);
        g_assert_cmpint(r.slow->last_picture, ==, 3);
        r.slow->queued++;
        send_sound(&r, r.slow, 160, 4);
        g_assert_cmpint(r.slow->last_picture, ==, 3);
        r.slow->queued = 0;
        g_assert_cmpuint(r.host->said->len, ==, said);
        send_sound(&r, r.slow, 0, 5); /* no packet */
        send_sound(&r, r.slow, 2000, 6);
        g_assert_cmpint(r.slow->last_picture, ==, 3);
        g_assert_cmpstr(json_string_value(json_object_get(newest(r.host, "error"), "message")), ==,
                        "Invalid picture");
        close_room(&r);
}

static void send_again(Room *r, const Line *to, int back)
{
        const char *peer = id_of(to);
        g_autofree char *head =
                g_strdup_printf("\x05%c%s%c%s", (int)strlen(peer), peer, (int)strlen(r->id), r->id);
        gsize n = strlen(head);
        g_autofree guint8 *out = g_malloc(n + 1);
        memcpy(out, head, n);
        out[n] = (guint8)back;
        tb_pairing_binary(r->host->party, out, back < 0 ? n : n + 1, r->w.now);
}

/* A packet goes up once; who else is to have it is named, also for one of some packets ago. */
static void test_sound_again(void)
{
        Room r;
        open_room(&r);
        g_assert_cmpstr(json_string_value(json_object_get(newest(r.host, "ready"), "sounds")), ==, "shared");
        send_again(&r, r.fast, 0); /* nothing has come up */
        g_assert_nonnull(newest(r.host, "error"));
        for (guint8 i = 1; i <= TB_LINK_SOUNDS + 1; i++)
                send_sound(&r, r.slow, 160, i);
        send_again(&r, r.fast, 0);
        g_assert_cmpint(r.fast->last_picture, ==, TB_LINK_SOUNDS + 1);
        send_again(&r, r.fast, TB_LINK_SOUNDS - 1);
        g_assert_cmpint(r.fast->last_picture, ==, 2);
        guint said = r.host->said->len, heard = r.fast->pictures;
        send_again(&r, r.fast, TB_LINK_SOUNDS);
        send_again(&r, r.fast, 255);
        send_again(&r, r.fast, -1); /* which? */
        g_assert_cmpuint(r.host->said->len, ==, said + 3);
        g_assert_cmpuint(r.fast->pictures, ==, heard);
        close_room(&r);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/relay-units/passed-on", test_passed_on);
        g_test_add_func("/relay-units/left-out", test_left_out);
        g_test_add_func("/relay-units/sound", test_sound);
        g_test_add_func("/relay-units/sound-again", test_sound_again);
        return g_test_run();
}
