/* Invites: who has a code may have himself told of a device's events, once. GET, POST, DELETE /notifications/invites, POST …/accept. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

/* In the order of ev-invite-list.sql. */
enum { DEVICE_ID, INVITE, STATUS, CREATED, EXPIRES, ACCEPTED, REVOKED, CHAT, USERNAME };

#define CODE_BYTES 24

static json_t *invite_of_row(const TbDbResult *rows, guint i, const char *code)
{
        return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s?, s:s?, s:s?}", "invite_id",
                         tb_db_get_text(rows, i, INVITE), "device_id", tb_db_get_text(rows, i, DEVICE_ID),
                         "status", tb_db_get_text(rows, i, STATUS), "created_at",
                         tb_event_time(tb_db_get_int(rows, i, CREATED)), "expires_at",
                         tb_event_time(tb_db_get_int(rows, i, EXPIRES)), "accepted_at",
                         tb_event_time(tb_db_get_int(rows, i, ACCEPTED)), "revoked_at",
                         tb_event_time(tb_db_get_int(rows, i, REVOKED)), "recipient_chat_id",
                         tb_db_get_text(rows, i, CHAT), "recipient_telegram_username",
                         tb_db_get_text(rows, i, USERNAME), "invite_code", code);
}

static int row_of(const TbDbResult *rows, const char *invite)
{
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (g_strcmp0(tb_db_get_text(rows, i, INVITE), invite) == 0)
                        return (int)i;
        return -1;
}

static void add_list(TbAsk *ask, TbDbCall *call, const char *device)
{
        tb_db_statement(call, tb_sql_ev_invite_old);
        tb_db_text(call, device);
        tb_db_int(call, tb_clock_ms());
        tb_db_statement(call, tb_sql_ev_invite_list);
        tb_db_text(call, device);
        tb_db_text(call, ask->user);
}

static void on_list(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
                return;
        }
        json_t *list = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_text(rows, i, INVITE))
                        json_array_append_new(list, invite_of_row(rows, i, NULL));
        tb_ask_json(
                ask, 200,
                json_pack("{s:s, s:o}", "device_id", tb_db_get_text(rows, 0, DEVICE_ID), "invites", list));
}

void tb_event_invites(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, NULL);
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_new();
        add_list(ask, call, json_string_value(json_object_get(tb_request_query(request), "device_id")));
        tb_ask_run(ask, call, on_list);
}

/* --- POST --- */
static void on_made(TbAsk *ask, const TbDbResult *rows)
{
        int row = row_of(rows, ask->id);
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
        else if (row < 0) {
                g_autoptr(GError) error = g_error_new(
                        TB_ERROR, TB_ERROR_LIMIT,
                        "%d invites are open: take one back, or wait until they are accepted or too old",
                        TB_LIMIT_INVITES);
                tb_ask_error(ask, error);
        } else
                tb_ask_json(ask, 200,
                            invite_of_row(rows, (guint)row,
                                          json_string_value(json_object_get(ask->kept, "code"))));
}

void tb_event_invite(TbRequest *request, gpointer data)
{
        const char *device = json_string_value(json_object_get(tb_request_json(request), "device_id"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        g_autofree char *code = tb_random_token(CODE_BYTES), *hash = tb_event_token_hash(code);
        gint64 now_ms = tb_clock_ms();
        ask->id = tb_uuid();
        ask->kept = json_pack("{s:s}", "code", code);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_invite_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, device);
        tb_db_text(call, ask->user);
        tb_db_text(call, hash);
        tb_db_int(call, now_ms);
        tb_db_int(call, now_ms + ask->events->options->notify.invite_ttl_s * G_GINT64_CONSTANT(1000));
        tb_db_int(call, TB_LIMIT_INVITES);
        add_list(ask, call, device);
        tb_ask_run(ask, call, on_made);
}

/* --- DELETE --- */
static void on_revoked(TbAsk *ask, const TbDbResult *rows)
{
        int row = row_of(rows, ask->id);
        if (row < 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND,
                              tb_db_rows(rows) ? "notification invite not found" : "device not found");
        else
                tb_ask_json(ask, 200, invite_of_row(rows, (guint)row, NULL));
}

void tb_event_invite_revoke(TbRequest *request, gpointer data)
{
        const json_t *query = tb_request_query(request);
        const char *device = json_string_value(json_object_get(query, "device_id"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE,
                                json_string_value(json_object_get(query, "invite_id")));
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_new();
        for (guint i = 0; i < 2; i++) {
                tb_db_statement(call, i ? tb_sql_ev_invite_unsubscribe : tb_sql_ev_invite_revoke);
                tb_db_text(call, ask->id);
                tb_db_text(call, device);
                tb_db_text(call, ask->user);
                if (i == 0)
                        tb_db_int(call, tb_clock_ms());
        }
        add_list(ask, call, device);
        tb_ask_run(ask, call, on_revoked);
}

/* --- accept --- */
static void on_code(TbAsk *ask, const TbDbResult *rows)
{
        const char *status = tb_db_rows(rows) ? tb_db_get_text(rows, 0, 2) : NULL;
        if (!status)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "notification invite not found");
        else if (strcmp(status, "pending") != 0)
                tb_ask_refuse(ask, TB_ERROR_BUSY, "this invite was used, or taken back: ask for another one");
        else if (tb_db_get_int(rows, 0, 3) <= tb_clock_ms())
                tb_ask_refuse(ask, TB_ERROR_BUSY, "this invite is too old: ask for another one");
        else {
                g_autofree char *invite = g_strdup(tb_db_get_text(rows, 0, 0)),
                                *device = g_strdup(tb_db_get_text(rows, 0, 1));
                tb_event_link_begin(ask, device, invite);
        }
}

void tb_event_invite_accept(TbRequest *request, gpointer data)
{
        const char *code = json_string_value(json_object_get(tb_request_json(request), "invite_code"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        g_autofree char *hash = tb_event_token_hash(code);
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_invite_find);
        tb_db_text(call, hash);
        tb_ask_run(ask, call, on_code);
}
