/* Sockets of those who take part in calls: what they say is read here, and what the rooms say goes out. */
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_calls.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

/* --- messages: {"event":"join-call","data":{…}}, or {"type":"join-call",…}, where a `type` of the data is called `kind` --- */
static json_t *flat_of(const char *event, const json_t *data)
{
        json_t *out = json_copy((json_t *)data), *type = json_object_get(data, "type");
        if (type)
                json_object_set(out, "kind", type);
        json_object_set_new(out, "type", json_string(event));
        return out;
}

/* *ret_event is borrowed from the message; what is returned is a new reference, NULL: it is no such message. */
static json_t *data_of(json_t *message, const char **ret_event, bool *ret_flat)
{
        const char *event = json_string_value(json_object_get(message, "event"));
        json_t *data = json_object_get(message, "data"), *kind = json_object_get(message, "kind");
        *ret_flat = !event;
        *ret_event = event ? event : json_string_value(json_object_get(message, "type"));
        if (event)
                return json_is_object(data) ? json_incref(data) : !data ? json_object() : NULL;
        if (!*ret_event)
                return NULL;
        data = json_copy(message);
        json_object_del(data, "kind");
        if (kind)
                json_object_set(data, "type", kind);
        else
                json_object_del(data, "type");
        return data;
}

bool tb_call_line_asks(const char *text, gsize size)
{
        static const char *const first[] = {"authenticate", "join-call", "reconnect-call", "leave-call"};
        const char *event = NULL;
        bool flat = false, asks = false;
        json_auto_t *message = strstr(text, "-call\"") || strstr(text, "\"authenticate\"")
                                       ? tb_json_parse(text, size, NULL)
                                       : NULL;
        json_auto_t *data = json_is_object(message) ? data_of(message, &event, &flat) : NULL;
        for (guint i = 0; data && i < G_N_ELEMENTS(first); i++)
                asks |= strcmp(event, first[i]) == 0;
        return asks;
}

void tb_call_line_send(TbCallLine *line, const char *event, const json_t *data)
{
        json_auto_t *message = line->flat ? flat_of(event, data)
                                          : json_pack("{s:s, s:O}", "event", event, "data", (json_t *)data);
        gsize size = 0;
        g_autofree char *text = tb_json_text(message, &size);
        if (text)
                line->ops->send(line->connection, text, size);
}

void tb_call_line_refuse(TbCallLine *line, const char *event, const char *call, const GError *error)
{
        json_auto_t *data = json_pack("{s:s, s:i, s:s?, s:s?, s:s?}", "message", tb_error_detail(error),
                                      "status", tb_error_status(error), "event", event, "callId", call,
                                      "field", tb_error_field(error));
        tb_call_line_send(line, "error", data);
}

/* --- whose sockets there are --- */
GPtrArray *tb_call_lines_of(const TbCalls *calls, const char *user)
{
        return user ? g_hash_table_lookup(calls->lines, user) : NULL;
}

bool tb_call_line_known_as(TbCallLine *line, const char *user)
{
        GPtrArray *his = tb_call_lines_of(line->calls, user);
        if (his && his->len >= TB_LIMIT_CALL_SOCKETS)
                return false;
        if (!his) {
                his = g_ptr_array_new();
                g_hash_table_insert(line->calls->lines, g_strdup(user), his);
        }
        g_ptr_array_add(his, line);
        line->user = g_strdup(user);
        line->ops->accepted(line->connection);
        return true;
}

static void forget(TbCallLine *line)
{
        GPtrArray *his = tb_call_lines_of(line->calls, line->user);
        if (!his)
                return;
        g_ptr_array_remove(his, line);
        if (his->len == 0)
                g_hash_table_remove(line->calls->lines, line->user);
}

void tb_calls_rights_changed(TbCalls *calls, const char *user)
{
        GHashTableIter iter;
        gpointer his;
        if (!calls)
                return; /* at the start */
        g_hash_table_iter_init(&iter, calls->lines);
        while (g_hash_table_iter_next(&iter, NULL, &his)) {
                for (guint i = 0; i < ((GPtrArray *)his)->len; i++) {
                        TbCallLine *line = g_ptr_array_index((GPtrArray *)his, i);
                        bool other = user && g_strcmp0(line->user, user) != 0 && line->caller.by != TB_BY_JWT;
                        if (!other && !line->guest_call) /* a guest is let in by his link */
                                line->ops->close(line->connection, 1012,
                                                 "your rights may have changed: connect again");
                }
        }
}

/* --- what is asked of the store --- */
static void wait_free(TbCallWait *wait)
{
        if (wait->line && wait->line->waits == wait)
                wait->line->waits = NULL;
        g_queue_unlink(&wait->calls->waiting, &wait->link);
        g_free(wait->call);
        g_free(wait->user);
        g_free(wait->name);
        g_free(wait->event);
        g_free(wait);
}

TbCallWait *tb_call_wait_new(TbCallLine *line, const char *event, const char *call)
{
        TbCallWait *wait = g_new0(TbCallWait, 1);
        wait->calls = line->calls;
        wait->line = line;
        wait->event = g_strdup(event);
        wait->call = g_strdup(call);
        wait->user = g_strdup(line->user);
        wait->guest = line->guest_call != NULL;
        wait->link.data = wait;
        line->waits = wait;
        g_queue_push_tail_link(&line->calls->waiting, &wait->link);
        return wait;
}

void tb_call_wait_forget(TbCallLine *line)
{
        if (line->waits)
                line->waits->line = NULL;
        line->waits = NULL;
}

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbCallWait *wait = data;
        void (*then)(TbCallWait * wait, const TbDbResult *rows) = g_steal_pointer(&wait->then);
        if (rows)
                then(wait, rows);
        else if (wait->line)
                tb_call_line_refuse(wait->line, wait->event, wait->call, error);
        if (!wait->then)
                wait_free(wait);
}

void tb_call_wait_run(TbCallWait *wait, TbDbCall *call_take,
                      void (*then)(TbCallWait *wait, const TbDbResult *rows))
{
        g_autoptr(GError) error = NULL;
        wait->then = then;
        if (!tb_db_submit_take(wait->calls->db, call_take, on_rows, wait, &error))
                on_rows(NULL, error, wait);
}

/* --- what they say --- */
static bool within_pace(TbCallLine *line, gint64 now_ms)
{
        if (tb_bucket_take(&line->pace, TB_LIMIT_CALL_MESSAGES_PER_S, TB_LIMIT_CALL_MESSAGES_BURST, 1,
                           now_ms * 1000, NULL)) {
                line->refused = 0;
                return true;
        }
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_LIMIT, "more than %d messages a second: this one is dropped",
                            TB_LIMIT_CALL_MESSAGES_PER_S);
        if (line->refused++ == 0)
                tb_call_line_refuse(line, NULL, NULL, error);
        else if (line->refused > TB_LIMIT_CALL_REFUSED)
                line->ops->close(line->connection, 1008, "too many messages");
        return false;
}

static void report(const TbCallLine *line, const char *call, const json_t *said)
{
        static const char *const known[] = {"bandwidth", "latency", "packetLoss", "jitter",
                                            "videoResolution"};
        if (!tb_rates_take(line->calls->rates, line->user, 1, g_get_monotonic_time(), NULL))
                return; /* as by REST: so many are kept */
        json_auto_t *all = json_object();
        for (guint i = 0; i < G_N_ELEMENTS(known); i++)
                if (json_object_get(said, known[i]))
                        json_object_set(all, known[i], json_object_get(said, known[i]));
        if (json_is_true(json_object_get(said, "fellbackToAudio")))
                json_object_set_new(all, "connectionType", json_string("p2p"));
        TbDbCall *store = tb_db_call_new();
        tb_call_report(store, call, all, said, tb_clock_ms());
        tb_db_submit_take(line->calls->db, store, NULL, NULL, NULL); /* the next one tells it again */
}

static void leave(TbCallLine *line, const char *call, const json_t *said)
{
        const char *reason = json_string_value(json_object_get(said, "reason"));
        if (line->waits && g_strcmp0(line->waits->call, call) == 0)
                tb_call_wait_forget(line);
        if (tb_call_room_is_in(line->calls->rooms, call, line->user, line))
                tb_call_room_leave(line->calls->rooms, call, line->user,
                                   reason && strlen(reason) <= TB_LIMIT_CALL_TEXT ? reason : "left");
        json_auto_t *data = json_pack("{s:s}", "callId", call);
        tb_call_line_send(line, "left-call", data);
}

static void in_room(TbCallLine *line, const char *event, const char *call, const json_t *said)
{
        g_autoptr(GError) error = NULL;
        TbCallRooms *rooms = line->calls->rooms;
        if (tb_call_room_has(rooms, call) && !tb_call_room_is_in(rooms, call, line->user, line))
                tb_set_error(&error, TB_ERROR_FORBIDDEN, "You are not in this call: join-call first");
        else if (tb_call_room_said(rooms, call, line->user, event, said, &error) &&
                 strcmp(event, "connection-quality") == 0)
                report(line, call, said);
        if (error)
                tb_call_line_refuse(line, event, call, error);
}

static void said(TbCallLine *line, const char *event, const json_t *data)
{
        const char *call = json_string_value(json_object_get(data, "callId"));
        g_autoptr(GError) error = NULL;
        if (strcmp(event, "ping") == 0) {
                tb_call_line_send(line, "pong", data);
        } else if (strcmp(event, "authenticate") == 0) {
                tb_call_authenticate(line, data);
        } else if (!line->user) {
                tb_set_error(&error, TB_ERROR_UNAUTHORIZED, "Authentication required");
                tb_call_line_refuse(line, event, call, error);
                line->ops->nobody(line->connection);
        } else if (!call || !*call || strlen(call) > TB_LIMIT_CALL_ID) {
                tb_error_set_field(&error, TB_ERROR_INVALID, "callId", "callId is needed");
                tb_call_line_refuse(line, event, NULL, error);
        } else if (strcmp(event, "join-call") == 0 || strcmp(event, "reconnect-call") == 0) {
                tb_call_enter(line, event, data);
        } else if (strcmp(event, "leave-call") == 0) {
                leave(line, call, data);
        } else {
                in_room(line, event, call, data);
        }
}

void tb_call_line_text(TbCallLine *line, const char *text, gsize size, gint64 now_ms)
{
        const char *event = NULL;
        bool flat = false;
        if (!within_pace(line, now_ms))
                return;
        json_auto_t *message = text ? tb_json_parse(text, size, NULL) : NULL;
        json_auto_t *data = json_is_object(message) ? data_of(message, &event, &flat) : NULL;
        if (data) {
                line->flat = flat;
                /* who has opened it may have shown who he is by that */
                if (!line->user && strcmp(event, "authenticate") != 0 && line->caller.role > TB_ROLE_NONE)
                        tb_call_authenticate(line, NULL);
                said(line, event, data);
        } else {
                g_autoptr(GError) error = g_error_new_literal(
                        TB_ERROR, TB_ERROR_INVALID,
                        "messages of calls are {\"event\":\"join-call\",\"data\":{\"callId\":…}}");
                tb_call_line_refuse(line, NULL, NULL, error);
        }
        tb_call_arm(line->calls);
}

/* --- life --- */
TbCallLine *tb_call_line_new(TbCalls *calls, const TbCallLineOps *ops, gpointer connection,
                             const TbCaller *caller)
{
        TbCallLine *line = g_new0(TbCallLine, 1);
        line->calls = calls;
        line->ops = ops;
        line->connection = connection;
        if (caller)
                tb_caller_copy(&line->caller, caller);
        return line;
}

void tb_call_line_free(TbCallLine *line, gint64 now_ms)
{
        if (!line)
                return;
        TbCalls *calls = line->calls;
        forget(line);
        for (GList *l = calls->waiting.head; l; l = l->next)
                if (((TbCallWait *)l->data)->line == line)
                        ((TbCallWait *)l->data)->line = NULL;
        tb_call_room_gone(calls->rooms, line, now_ms);
        tb_caller_clear(&line->caller);
        g_free(line->user);
        g_free(line->name);
        g_free(line->guest_call);
        g_free(line);
        tb_call_arm(calls);
}

gint64 tb_calls_tick(TbCalls *calls, gint64 now_ms)
{
        return tb_call_rooms_tick(calls->rooms, now_ms);
}

void tb_call_arm(TbCalls *calls)
{
        if (calls->options.arm)
                calls->options.arm(tb_call_rooms_due(calls->rooms), calls->options.data);
}

static void his_free(gpointer his)
{
        g_ptr_array_unref(his);
}

void tb_call_lines_init(TbCalls *calls)
{
        TbCallRoomOps ops = tb_call_room_ops;
        ops.data = calls;
        calls->rooms = tb_call_rooms_new(&ops);
        calls->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, his_free);
}

void tb_call_lines_clear(TbCalls *calls)
{
        while (calls->waiting.head)
                wait_free(calls->waiting.head->data);
        tb_call_rooms_free(calls->rooms);
        g_hash_table_unref(calls->lines);
}
