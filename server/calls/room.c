#include "server/calls/room.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits_calls.h"
#include "server/calls/room_private.h"

/* --- life --- */
static void member_free(gpointer p)
{
        TbCallMember *m = p;
        g_free(m->user);
        g_free(m->name);
        g_free(m);
}

static void room_free(gpointer p)
{
        TbCallRoom *room = p;
        g_ptr_array_unref(room->members);
        json_decref(room->chat);
        json_decref(room->benches);
        g_free(room->call);
        g_free(room);
}

TbCallRooms *tb_call_rooms_new(const TbCallRoomOps *ops)
{
        TbCallRooms *rooms = g_new0(TbCallRooms, 1);
        rooms->ops = *ops;
        rooms->due_ms = G_MAXINT64;
        rooms->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, room_free);
        return rooms;
}

void tb_call_rooms_free(TbCallRooms *rooms)
{
        if (!rooms)
                return;
        g_hash_table_unref(rooms->all);
        g_free(rooms);
}

/* --- who is there --- */
TbCallRoom *tb_call_room_of(const TbCallRooms *rooms, const char *call)
{
        return call ? g_hash_table_lookup(rooms->all, call) : NULL;
}

TbCallMember *tb_call_member_of(const TbCallRoom *room, const char *user)
{
        for (guint i = 0; room && user && i < room->members->len; i++) {
                TbCallMember *m = g_ptr_array_index(room->members, i);
                if (strcmp(m->user, user) == 0)
                        return m;
        }
        return NULL;
}

bool tb_call_room_has(const TbCallRooms *rooms, const char *call)
{
        return tb_call_room_of(rooms, call) != NULL;
}

bool tb_call_room_knows(const TbCallRooms *rooms, const char *call, const char *user)
{
        return tb_call_member_of(tb_call_room_of(rooms, call), user) != NULL;
}

bool tb_call_room_is_in(const TbCallRooms *rooms, const char *call, const char *user, gconstpointer line)
{
        const TbCallMember *m = tb_call_member_of(tb_call_room_of(rooms, call), user);
        return m && m->line == line;
}

guint tb_call_rooms_count(const TbCallRooms *rooms, guint *ret_people)
{
        GHashTableIter iter;
        gpointer room;
        *ret_people = 0;
        g_hash_table_iter_init(&iter, rooms->all);
        while (g_hash_table_iter_next(&iter, NULL, &room))
                *ret_people += ((TbCallRoom *)room)->members->len;
        return g_hash_table_size(rooms->all);
}

/* --- telling --- */
void tb_call_room_tell(const TbCallRooms *rooms, const TbCallRoom *room, const TbCallMember *but,
                       const char *event, const json_t *data)
{
        for (guint i = 0; i < room->members->len; i++) {
                const TbCallMember *m = g_ptr_array_index(room->members, i);
                if (m != but && m->line)
                        rooms->ops.send(m->line, event, data);
        }
}

static json_t *told_of(const TbCallMember *m)
{
        return json_pack("{s:s, s:s, s:b, s:s, s:b, s:b, s:b, s:b, s:b}", "userId", m->user, "name", m->name,
                         "guest", m->guest, "status", m->line ? "connected" : "disconnected", "videoEnabled",
                         m->media[TB_CALL_VIDEO], "audioEnabled", m->media[TB_CALL_AUDIO], "screenSharing",
                         m->media[TB_CALL_SCREEN], "handRaised", m->media[TB_CALL_HAND], "lowBandwidth",
                         m->media[TB_CALL_LOW]);
}

static void tell_all(const TbCallRooms *rooms, const TbCallRoom *room, const TbCallMember *to,
                     json_t *servers)
{
        json_t *people = json_array();
        for (guint i = 0; i < room->members->len; i++)
                json_array_append_new(people, told_of(g_ptr_array_index(room->members, i)));
        json_auto_t *data = json_pack("{s:s, s:s, s:o, s:O, s:O, s:i}", "callId", room->call, "userId",
                                      to->user, "participants", people, "chat", room->chat, "devices",
                                      room->benches, "graceMs", TB_LIMIT_CALL_GRACE_MS);
        if (servers)
                json_object_set(data, "iceServers", servers);
        rooms->ops.send(to->line, "room-participants", data);
}

static void tell_of_member(const TbCallRooms *rooms, const TbCallRoom *room, const TbCallMember *m,
                           const char *event, const char *field, json_t *value_take)
{
        json_auto_t *data =
                json_pack("{s:s, s:s, s:o}", "callId", room->call, "userId", m->user, field, value_take);
        tb_call_room_tell(rooms, room, m, event, data);
}

/* --- coming --- */
static TbCallRoom *open_room(TbCallRooms *rooms, const char *call, gint64 now_ms)
{
        TbCallRoom *room = tb_call_room_of(rooms, call);
        if (room)
                return room;
        room = g_new0(TbCallRoom, 1);
        room->call = g_strdup(call);
        room->members = g_ptr_array_new_with_free_func(member_free);
        room->chat = json_array();
        room->benches = json_array();
        room->asked_ms = now_ms;
        g_hash_table_insert(rooms->all, room->call, room);
        rooms->due_ms = MIN(rooms->due_ms, now_ms + TB_LIMIT_CALL_STATS_MS);
        return room;
}

static TbCallMember *add_member(TbCallRoom *room, const TbCallEntry *entry)
{
        TbCallMember *m = g_new0(TbCallMember, 1);
        m->user = g_strdup(entry->user);
        m->guest = entry->guest;
        m->media[TB_CALL_VIDEO] = entry->video;
        m->media[TB_CALL_AUDIO] = entry->audio;
        g_ptr_array_add(room->members, m);
        return m;
}

/* From another page of his: the one that he was in by is told that it is out. */
static void move(const TbCallRooms *rooms, const TbCallRoom *room, const TbCallMember *m)
{
        json_auto_t *data = json_pack("{s:s, s:s, s:s}", "callId", room->call, "code", "moved", "message",
                                      "You are in this call from another page now");
        rooms->ops.send(m->line, "error", data);
}

bool tb_call_room_enter(TbCallRooms *rooms, const TbCallEntry *entry, gint64 now_ms, GError **error)
{
        TbCallRoom *room = open_room(rooms, entry->call, now_ms);
        TbCallMember *m = tb_call_member_of(room, entry->user);
        bool was_in = m != NULL;
        if (!m && room->members->len >= TB_LIMIT_CALL_PEOPLE) {
                tb_set_error(error, TB_ERROR_LIMIT, "This call is full: %d are in it", TB_LIMIT_CALL_PEOPLE);
                return false;
        }
        if (!m)
                m = add_member(room, entry);
        g_free(m->name);
        m->name = g_strdup(entry->name && *entry->name ? entry->name : entry->user);
        if (!entry->line) { /* of before a restart */
                m->gone_ms = was_in ? m->gone_ms : now_ms;
                return true;
        }
        if (m->line && m->line != entry->line)
                move(rooms, room, m);
        m->line = entry->line;
        tell_all(rooms, room, m, entry->servers);
        json_auto_t *data = json_pack("{s:s, s:s, s:b, s:o}", "callId", room->call, "userId", m->user,
                                      "reconnected", was_in, "participant", told_of(m));
        tb_call_room_tell(rooms, room, m, "participant-joined", data);
        return true;
}

/* --- going --- */
/* What somebody has brought goes with him. */
static void drop_benches(const TbCallRooms *rooms, const TbCallRoom *room, const char *user)
{
        for (gsize i = json_array_size(room->benches); i-- > 0;) {
                const json_t *bench = json_array_get(room->benches, i);
                if (strcmp(json_string_value(json_object_get(bench, "userId")), user) != 0)
                        continue;
                json_auto_t *data = json_pack("{s:s, s:O}", "callId", room->call, "device",
                                              json_object_get(bench, "device"));
                json_array_remove(room->benches, i);
                tb_call_room_tell(rooms, room, NULL, "device-unshared", data);
        }
}

static void go(TbCallRooms *rooms, TbCallRoom *room, TbCallMember *m, const char *reason)
{
        g_autofree char *user = g_strdup(m->user), *call = g_strdup(room->call);
        tell_of_member(rooms, room, m, "participant-left", "reason", json_string(reason));
        g_ptr_array_remove(room->members, m);
        bool last = room->members->len == 0;
        if (last)
                g_hash_table_remove(rooms->all, call);
        else
                drop_benches(rooms, room, user);
        rooms->ops.left(call, user, last, rooms->ops.data);
}

bool tb_call_room_leave(TbCallRooms *rooms, const char *call, const char *user, const char *reason)
{
        TbCallRoom *room = tb_call_room_of(rooms, call);
        TbCallMember *m = tb_call_member_of(room, user);
        if (m)
                go(rooms, room, m, reason);
        return m != NULL;
}

void tb_call_room_gone(TbCallRooms *rooms, gconstpointer line, gint64 now_ms)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, rooms->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbCallRoom *room = value;
                for (guint i = 0; i < room->members->len; i++) {
                        TbCallMember *m = g_ptr_array_index(room->members, i);
                        if (m->line != line)
                                continue;
                        m->line = NULL;
                        m->gone_ms = now_ms;
                        rooms->due_ms = MIN(rooms->due_ms, now_ms + TB_LIMIT_CALL_GRACE_MS);
                        tell_of_member(rooms, room, m, "participant-disconnected", "graceMs",
                                       json_integer(TB_LIMIT_CALL_GRACE_MS));
                        rooms->ops.vanished(room->call, m->user, rooms->ops.data);
                }
        }
}

void tb_call_room_end(TbCallRooms *rooms, const char *call)
{
        g_hash_table_remove(rooms->all, call);
}

void tb_call_room_end_guests(TbCallRooms *rooms, const char *call)
{
        TbCallRoom *room;
        for (guint i = 0; (room = tb_call_room_of(rooms, call)) && i < room->members->len;) {
                TbCallMember *m = g_ptr_array_index(room->members, i);
                if (!m->guest) {
                        i++;
                        continue;
                }
                json_auto_t *data = json_pack("{s:s, s:s, s:s}", "callId", call, "code", "revoked", "message",
                                              "This link was taken back");
                if (m->line)
                        rooms->ops.send(m->line, "error", data);
                go(rooms, room, m, "the link was taken back");
        }
}

/* --- time --- */
static gint64 tick_room(TbCallRooms *rooms, TbCallRoom *room, gint64 now_ms, TbCallMember **ret_late)
{
        gint64 next_ms = room->asked_ms + TB_LIMIT_CALL_STATS_MS;
        if (next_ms <= now_ms) {
                json_auto_t *data = json_pack("{s:s}", "callId", room->call);
                tb_call_room_tell(rooms, room, NULL, "request-quality-stats", data);
                room->asked_ms = now_ms;
                next_ms = now_ms + TB_LIMIT_CALL_STATS_MS;
        }
        *ret_late = NULL;
        for (guint i = 0; i < room->members->len && !*ret_late; i++) {
                TbCallMember *m = g_ptr_array_index(room->members, i);
                if (m->line)
                        continue;
                if (m->gone_ms + TB_LIMIT_CALL_GRACE_MS <= now_ms)
                        *ret_late = m;
                next_ms = MIN(next_ms, m->gone_ms + TB_LIMIT_CALL_GRACE_MS);
        }
        return next_ms;
}

gint64 tb_call_rooms_due(const TbCallRooms *rooms)
{
        return rooms->due_ms;
}

gint64 tb_call_rooms_tick(TbCallRooms *rooms, gint64 now_ms)
{
        gint64 next_ms = G_MAXINT64;
        if (now_ms < rooms->due_ms)
                return rooms->due_ms;
        g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        gpointer key;
        g_hash_table_iter_init(&iter, rooms->all); /* rooms end meanwhile */
        while (g_hash_table_iter_next(&iter, &key, NULL))
                g_ptr_array_add(calls, g_strdup(key));
        for (guint i = 0; i < calls->len; i++) {
                TbCallRoom *room;
                TbCallMember *late = NULL;
                while ((room = tb_call_room_of(rooms, g_ptr_array_index(calls, i)))) {
                        gint64 due_ms = tick_room(rooms, room, now_ms, &late);
                        if (!late) {
                                next_ms = MIN(next_ms, due_ms);
                                break;
                        }
                        go(rooms, room, late, "the connection was lost");
                }
        }
        rooms->due_ms = next_ms;
        return next_ms;
}
