/* Who a socket is, and whether he may come into a call: asked of the store, which is the truth. */
#include <string.h>

#include "lib/clock.h"
#include "lib/http/auth.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_calls.h"
#include "lib/text.h"
#include "server/calls/columns.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

static const char *text_of(const json_t *said, const char *field)
{
        return json_string_value(json_object_get(said, field));
}

static void refuse(TbCallLine *line, const char *event, const char *call, TbErrorCode code, const char *text)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, (int)code, text);
        tb_call_line_refuse(line, event, call, error);
}

/* --- who he is --- */
static void turn_away(TbCallLine *line, const char *text)
{
        refuse(line, "authenticate", NULL, TB_ERROR_UNAUTHORIZED, text);
        line->ops->nobody(line->connection);
}

static void welcome(TbCallLine *line, const char *user)
{
        if (!tb_call_line_known_as(line, user)) {
                refuse(line, "authenticate", NULL, TB_ERROR_LIMIT, "Too many pages of this user are open");
                line->ops->close(line->connection, 1008, "too many sockets");
                return;
        }
        json_auto_t *data = json_pack("{s:s, s:b}", "userId", user, "guest", line->guest_call != NULL);
        tb_call_line_send(line, "authenticated", data);
        if (!line->guest_call)
                tb_call_ring_again(line);
}

char *tb_call_guest_hash(const char *token)
{
        guint8 hash[TB_SECRET_HASH];
        GString *out = g_string_new(NULL);
        tb_secret_hash(token, hash);
        for (guint i = 0; i < sizeof hash; i++)
                g_string_append_printf(out, "%02x", hash[i]);
        return g_string_free(out, FALSE);
}

static void on_guest(TbCallWait *wait, const TbDbResult *rows)
{
        TbCallLine *line = wait->line;
        if (!line)
                return;
        if (tb_db_rows(rows) == 0) {
                turn_away(line, "This link is not good any more, or was taken back");
                return;
        }
        line->guest_call = g_strdup(tb_db_get_text(rows, 0, 0));
        line->guest_until_ms = tb_db_get_int(rows, 0, 1);
        g_autofree char *user = g_steal_pointer(&wait->user);
        welcome(line, user);
}

/* By a link's token. Who he is among its guests is a key of his own page's: who comes back with it is the same. */
static void ask_guest(TbCallLine *line, const json_t *said)
{
        const char *call = text_of(said, "callId"), *token = text_of(said, "guest"),
                   *key = text_of(said, "key");
        if (!call || strlen(call) > TB_LIMIT_CALL_ID || strlen(token) > 256 || !key || strlen(key) < 16 ||
            strlen(key) > 128) {
                turn_away(line, "callId, guest and a key of 16 to 128 bytes are needed");
                return;
        }
        g_autofree char *hash = tb_call_guest_hash(token), *both = g_strconcat(token, " ", key, NULL),
                        *own = tb_call_guest_hash(both);
        TbCallWait *wait = tb_call_wait_new(line, "authenticate", call);
        wait->user = g_strdup_printf("guest-%.16s", own);
        TbDbCall *store = tb_db_call_reads();
        tb_db_statement(store, tb_sql_call_guest_find);
        tb_db_text(store, hash);
        tb_db_text(store, call);
        tb_db_int(store, tb_clock_ms());
        tb_call_wait_run(wait, store, on_guest);
}

static bool is_name(const char *text, gsize max)
{
        gsize n = text ? strlen(text) : 0;
        return n > 0 && n <= max && g_utf8_validate(text, (gssize)n, NULL);
}

/* Fit for others to read. A name that is too long, or none, changes nothing. */
static void call_himself(TbCallLine *line, const char *name)
{
        g_autofree char *own =
                is_name(name, TB_LIMIT_CALL_NAME) ? tb_text_line(name, TB_LIMIT_CALL_NAME) : NULL;
        if (!own || !*own)
                return;
        g_free(line->name);
        line->name = g_steal_pointer(&own);
}

void tb_call_authenticate(TbCallLine *line, const json_t *said)
{
        const TbCallsOptions *options = &line->calls->options;
        const char *token = text_of(said, "token"), *name = text_of(said, "name"),
                   *own = text_of(said, "userId");
        if (line->user || line->waits) {
                refuse(line, "authenticate", NULL, TB_ERROR_BUSY, "It is known who you are");
                return;
        }
        call_himself(line, name);
        if (text_of(said, "guest")) {
                ask_guest(line, said);
                return;
        }
        if (token) {
                TbCaller caller = {0};
                token += g_str_has_prefix(token, "Bearer ") ? strlen("Bearer ") : 0;
                tb_caller_clear(&line->caller);
                line->caller = (TbCaller){0};
                if (options->identify && options->identify(token, &caller, options->data))
                        line->caller = caller;
                else
                        tb_caller_clear(&caller);
        }
        if (line->caller.role == TB_ROLE_NONE) {
                turn_away(line, token ? "Invalid or expired token" : "Authentication required");
        } else if (line->caller.by == TB_BY_OPEN && is_name(own, TB_LIMIT_CALL_ID)) {
                welcome(line, own); /* nobody shows who he is here */
        } else {
                g_autofree char *user = g_strdup(line->caller.user);
                welcome(line, user);
        }
}

/* --- into a call --- */
static const char *name_of(const TbCallLine *line)
{
        return line->name ? line->name : line->guest_call ? "a guest" : line->user;
}

static bool may(const TbCallWait *wait, const TbDbResult *rows, GError **error)
{
        TbCallStatus status = TB_CALL_ENDED;
        bool takes_part = wait->guest;
        if (tb_db_rows(rows) == 0) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "Call not found");
                return false;
        }
        for (guint i = 0; i < tb_db_rows(rows); i++)
                takes_part |= g_strcmp0(tb_db_get_text(rows, i, TB_CALL_COL_P_USER), wait->user) == 0;
        tb_call_status_parse(tb_db_get_text(rows, 0, TB_CALL_COL_STATUS), &status);
        if (!takes_part)
                tb_set_error(error, TB_ERROR_FORBIDDEN, "User is not a participant in this call");
        else if (status != TB_CALL_SCHEDULED && status != TB_CALL_RINGING && status != TB_CALL_IN_PROGRESS)
                tb_set_error(error, TB_ERROR_GONE, "Call is already ended");
        return takes_part && !*error;
}

/* After a restart nobody is in the room: who was in the call may come back, for a while. */
static void keep_places(const TbCallWait *wait, const TbDbResult *rows, gint64 now_ms)
{
        if (tb_call_room_has(wait->calls->rooms, wait->call))
                return;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *user = tb_db_get_text(rows, i, TB_CALL_COL_P_USER),
                           *status = tb_db_get_text(rows, i, TB_CALL_COL_P_STATUS);
                const TbCallEntry entry = {.call = wait->call,
                                           .user = user,
                                           .guest = g_str_has_prefix(user, "guest-"),
                                           .video = tb_db_get_int(rows, i, TB_CALL_COL_P_VIDEO),
                                           .audio = tb_db_get_int(rows, i, TB_CALL_COL_P_AUDIO)};
                bool was_in = strcmp(status, "connected") == 0 || strcmp(status, "disconnected") == 0;
                if (was_in && strcmp(user, wait->user) != 0)
                        tb_call_room_enter(wait->calls->rooms, &entry, now_ms, NULL);
        }
}

static void part(const char *call, const char *user, const char *status, gint64 left_ms, TbDbCall *store)
{
        tb_db_statement(store, tb_sql_call_part);
        tb_db_text(store, call);
        tb_db_text(store, user);
        tb_db_text(store, status);
        tb_db_int(store, left_ms);
}

/* The store has him as one who is in, and he is not: he would keep a place, and the call from its end. */
static void not_in(const TbCallWait *wait)
{
        if (tb_call_room_knows(wait->calls->rooms, wait->call, wait->user))
                return; /* by another page */
        TbDbCall *store = tb_db_call_new();
        part(wait->call, wait->user, "left", tb_clock_ms(), store);
        tb_db_submit_take(wait->calls->db, store, NULL, NULL, NULL);
}

static void on_entered(TbCallWait *wait, const TbDbResult *rows)
{
        TbCalls *calls = wait->calls;
        TbCallLine *line = wait->line;
        g_autoptr(GError) error = NULL;
        bool ok = may(wait, rows, &error);
        gint64 now_ms = tb_clock_mono_ms();
        if (!line) { /* he has gone meanwhile */
                not_in(wait);
                return;
        }
        const bool first = !tb_call_room_has(calls->rooms, wait->call);
        if (ok) {
                json_auto_t *servers =
                        calls->options.ice ? calls->options.ice(wait->user, calls->options.data) : NULL;
                const TbCallEntry entry = {.call = wait->call,
                                           .user = wait->user,
                                           .name = name_of(line),
                                           .guest = wait->guest,
                                           .video = wait->video,
                                           .audio = wait->audio,
                                           .line = line,
                                           .servers = servers};
                keep_places(wait, rows, now_ms);
                ok = tb_call_room_enter(calls->rooms, &entry, now_ms, &error);
        }
        if (!ok) {
                not_in(wait);
                tb_call_line_refuse(line, wait->event, wait->call, error);
                return;
        }
        tb_call_arm(calls);
        if (calls->options.entered)
                calls->options.entered(wait->call, wait->user, calls->options.data);
        if (wait->answers) {
                calls->ended[TB_CALL_IN_PROGRESS]++;
                tb_call_tell_changed(calls, rows, wait->user);
        } else if (first && g_strcmp0(tb_db_get_text(rows, 0, TB_CALL_COL_STATUS), "scheduled") == 0) {
                tb_call_ring(calls, rows, NULL); /* its time has come: somebody is there */
        }
}

static void on_read(TbCallWait *wait, const TbDbResult *rows)
{
        TbCallStatus status = TB_CALL_ENDED, next;
        g_autoptr(GError) error = NULL;
        if (!wait->line)
                return;
        if (!may(wait, rows, &error)) {
                tb_call_line_refuse(wait->line, wait->event, wait->call, error);
                return;
        }
        tb_call_status_parse(tb_db_get_text(rows, 0, TB_CALL_COL_STATUS), &status);
        /* whoever comes to who began it answers by that, a guest, too */
        wait->answers = !wait->rejoins &&
                        g_strcmp0(tb_db_get_text(rows, 0, TB_CALL_COL_BY), wait->user) != 0 &&
                        tb_call_next(status, TB_CALL_ANSWER, &next, NULL);
        gint64 now_ms = tb_clock_ms();
        TbDbCall *store = tb_db_call_new();
        if (wait->guest) {
                tb_db_statement(store, tb_sql_call_person);
                tb_db_text(store, wait->call);
                tb_db_text(store, wait->user);
                tb_db_int(store, now_ms);
                tb_db_int(store, TB_LIMIT_CALL_PARTICIPANTS);
        }
        if (wait->answers) {
                tb_db_statement(store, tb_sql_call_answer);
                tb_db_text(store, wait->call);
                tb_db_int(store, now_ms);
        }
        tb_db_statement(store, tb_sql_call_enter);
        tb_db_text(store, wait->call);
        tb_db_text(store, wait->user);
        tb_db_int(store, now_ms);
        tb_db_int(store, wait->video);
        tb_db_int(store, wait->audio);
        tb_call_get_id(wait->call, store);
        tb_call_wait_run(wait, store, on_entered);
}

void tb_call_enter(TbCallLine *line, const char *event, const json_t *said)
{
        const char *call = text_of(said, "callId"), *name = text_of(said, "name");
        const json_t *video = json_object_get(said, "videoEnabled"),
                     *audio = json_object_get(said, "audioEnabled");
        if (line->waits) {
                refuse(line, event, call, TB_ERROR_BUSY, "You are coming in already: wait for the answer");
                return;
        }
        if (line->guest_call &&
            (strcmp(line->guest_call, call) != 0 || line->guest_until_ms <= tb_clock_ms())) {
                refuse(line, event, call, TB_ERROR_FORBIDDEN,
                       strcmp(line->guest_call, call) != 0 ? "This link is of another call"
                                                           : "This link is not good any more");
                return;
        }
        call_himself(line, name);
        TbCallWait *wait = tb_call_wait_new(line, event, call);
        wait->video = !json_is_false(video);
        wait->audio = !json_is_false(audio);
        wait->rejoins = strcmp(event, "reconnect-call") == 0;
        TbDbCall *store = tb_call_look_at(tb_clock_ms());
        tb_call_get_id(call, store);
        tb_call_wait_run(wait, store, on_read);
}

/* --- out of it --- */
typedef struct Closing {
        TbCalls *calls; /* borrowed */
        char *call, *user;
        TbCallStatus next;
} Closing;

static void closing_free(Closing *c)
{
        g_free(c->call);
        g_free(c->user);
        g_free(c);
}

static void on_closed(const TbDbResult *rows, const GError *error G_GNUC_UNUSED, gpointer data)
{
        Closing *c = data;
        TbCallStatus status = TB_CALL_RINGING;
        if (rows && tb_db_rows(rows) > 0)
                tb_call_status_parse(tb_db_get_text(rows, 0, TB_CALL_COL_STATUS), &status);
        if (status == c->next) {
                c->calls->ended[status]++;
                tb_call_tell_changed(c->calls, rows, c->user);
        }
        closing_free(c);
}

/* Nobody is in it any more. One that is scheduled waits for its time; who answers by REST alone ends it so, too. */
static void on_empty(const TbDbResult *rows, const GError *error G_GNUC_UNUSED, gpointer data)
{
        Closing *c = data;
        TbCallStatus status = TB_CALL_ENDED;
        bool over = rows && tb_db_rows(rows) > 0 && !tb_call_room_has(c->calls->rooms, c->call);
        for (guint i = 0; over && i < tb_db_rows(rows); i++)
                over = strcmp(tb_db_get_text(rows, i, TB_CALL_COL_P_STATUS), "connected") != 0;
        if (over)
                tb_call_status_parse(tb_db_get_text(rows, 0, TB_CALL_COL_STATUS), &status);
        bool rings = status == TB_CALL_RINGING;
        if (!over || (!rings && status != TB_CALL_IN_PROGRESS) ||
            !tb_call_next(status, rings ? TB_CALL_MISS : TB_CALL_END, &c->next, NULL)) {
                closing_free(c);
                return;
        }
        TbDbCall *store = tb_db_call_new();
        const TbCallClosing closing = {c->call,
                                       tb_call_status_name(status),
                                       tb_call_status_name(c->next),
                                       c->user,
                                       rings ? "Given up before it was answered" : "Everybody has left",
                                       NULL};
        tb_call_close(store, &closing, tb_clock_ms());
        tb_call_get_id(c->call, store);
        if (!tb_db_submit_take(c->calls->db, store, on_closed, c, NULL))
                closing_free(c); /* it ends when it is late */
}

static void on_left(const char *call, const char *user, bool last, gpointer data)
{
        TbCalls *calls = data;
        TbDbCall *store = tb_db_call_new();
        part(call, user, "left", tb_clock_ms(), store);
        Closing *c = NULL;
        if (last) {
                c = g_new0(Closing, 1);
                c->calls = calls;
                c->call = g_strdup(call);
                c->user = g_strdup(user);
                tb_call_get_id(call, store);
        }
        if (!tb_db_submit_take(calls->db, store, c ? on_empty : NULL, c, NULL) && c)
                closing_free(c);
}

static void on_vanished(const char *call, const char *user, gpointer data)
{
        TbDbCall *store = tb_db_call_new();
        part(call, user, "disconnected", 0, store);
        tb_db_submit_take(((TbCalls *)data)->db, store, NULL, NULL, NULL);
}

static void to_line(gpointer line, const char *event, const json_t *data)
{
        tb_call_line_send(line, event, data);
}

const TbCallRoomOps tb_call_room_ops = {.send = to_line, .left = on_left, .vanished = on_vanished};
