/* People in a call who say anything: lines "<who> <event> <json>" with who = a, b (in the call), c (not), g (a guest); "<who>-" vanishes,
 * "<who>+" comes in, "<who>." leaves, "~" a second goes by. */
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "lib/limits_calls.h"
#include "server/calls/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint outgoing;

static void on_send(gpointer line, const char *event, const json_t *data)
{
        g_autofree char *text = tb_json_text(data, NULL);
        g_assert(line && event && json_is_object(data) && text);
        outgoing++;
}

static void on_left(const char *call, const char *user, bool last, gpointer rooms)
{
        g_assert(user && *user && tb_call_room_has(*(TbCallRooms **)rooms, call) == !last);
}

static void on_vanished(const char *call, const char *user, gpointer data G_GNUC_UNUSED)
{
        g_assert(call && user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char who[] = "abcg";
        TbCallRooms *rooms = NULL;
        const TbCallRoomOps ops = {on_send, on_left, on_vanished, &rooms};
        gint64 now = 1000000;
        rooms = tb_call_rooms_new(&ops);
        g_autofree char *text = g_strndup((const char *)data, size);
        g_auto(GStrv) said = g_strsplit(text, "\n", 128);
        for (char **line = said; *line; line++) {
                const char *at = **line ? strchr(who, **line) : NULL;
                now += **line == '~' ? 1000 : 1;
                tb_call_rooms_tick(rooms, now);
                if (!at)
                        continue;
                const char user[] = {**line, 0};
                gpointer own = (gpointer)at;
                const TbCallEntry entry = {
                        .call = "c", .user = user, .name = *line + 1, .guest = *user == 'g', .line = own};
                if ((*line)[1] == '-')
                        tb_call_room_gone(rooms, own, now);
                else if ((*line)[1] == '+')
                        tb_call_room_enter(rooms, &entry, now, NULL);
                else if ((*line)[1] == '.')
                        tb_call_room_leave(rooms, "c", user, "left");
                else if ((*line)[1] == ' ') {
                        g_auto(GStrv) parts = g_strsplit(*line + 2, " ", 2);
                        json_t *message =
                                parts[0] && parts[1] ? tb_json_parse(parts[1], strlen(parts[1]), NULL) : NULL;
                        g_autoptr(GError) error = NULL;
                        if (json_is_object(message))
                                g_assert(tb_call_room_said(rooms, "c", user, parts[0], message, &error) ==
                                         !error);
                        json_decref(message);
                }
        }
        tb_call_room_end_guests(rooms, "c");
        tb_call_rooms_tick(rooms, now + TB_LIMIT_CALL_GRACE_MS);
        tb_call_rooms_free(rooms);
        return 0;
}
