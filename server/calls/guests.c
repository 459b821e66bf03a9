/* Who is asked into a call besides the two: POST /webrtc/calls/{id}/invite, and POST, DELETE /webrtc/calls/{id}/guests. */
#include <string.h>

#include "lib/clock.h"
#include "lib/http/auth.h"
#include "lib/json.h"
#include "lib/limits_calls.h"
#include "server/calls/columns.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

/* It goes on, and who asks may ask others in; false: answered. */
static bool goes_on(TbCallAsk *ask, const TbDbResult *rows)
{
        TbCallStatus status = TB_CALL_ENDED;
        if (!tb_call_may(ask, rows))
                return false;
        tb_call_status_parse(tb_db_get_text(rows, 0, TB_CALL_COL_STATUS), &status);
        if (status == TB_CALL_SCHEDULED || status == TB_CALL_RINGING || status == TB_CALL_IN_PROGRESS)
                return true;
        tb_call_ask_refuse(ask, TB_ERROR_INVALID, "Call is already ended");
        return false;
}

static void read_call(TbRequest *request, gpointer data, TbCallThen then)
{
        TbCallAsk *ask = tb_call_ask_new(data, request, true);
        if (!ask)
                return;
        TbDbCall *call = tb_call_look(ask);
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, then);
}

/* --- a further user --- */
static const char *invited_of(const TbCallAsk *ask)
{
        return json_string_value(json_object_get(tb_request_json(ask->request), "userId"));
}

static void on_invited(TbCallAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        const char *status = NULL;
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (g_strcmp0(tb_db_get_text(rows, i, TB_CALL_COL_P_USER), invited_of(ask)) == 0)
                        status = tb_db_get_text(rows, i, TB_CALL_COL_P_STATUS);
        if (!status) {
                tb_call_ask_refuse(ask, TB_ERROR_LIMIT, "So many were asked into this call already");
                return;
        }
        tb_call_ring(ask->calls, rows, invited_of(ask));
        tb_call_ask_json(ask, 200, tb_call_of_rows(rows, &row));
}

static void on_call_to_invite(TbCallAsk *ask, const TbDbResult *rows)
{
        if (!goes_on(ask, rows))
                return;
        if (g_str_has_prefix(invited_of(ask), "guest-")) {
                tb_call_ask_refuse(ask, TB_ERROR_INVALID, "Guests come by a link");
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_call_person);
        tb_db_text(call, ask->id);
        tb_db_text(call, invited_of(ask));
        tb_db_int(call, ask->now_ms);
        tb_db_int(call, TB_LIMIT_CALL_PARTICIPANTS);
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, on_invited);
}

void tb_call_invite(TbRequest *request, gpointer data)
{
        read_call(request, data, on_call_to_invite);
}

/* --- a link for who has no account --- */
static void on_link(TbCallAsk *ask, const TbDbResult *rows)
{
        const TbCallsOptions *options = &ask->calls->options;
        const char *token = json_string_value(json_object_get(ask->kept, "token"));
        if (tb_db_rows(rows) == 0) {
                tb_call_ask_refuse(ask, TB_ERROR_LIMIT,
                                   "So many links of this call are out already: take them back first");
                return;
        }
        const char *base = options->base ? options->base(ask->request, options->data) : "";
        g_autofree char *id = g_uri_escape_string(ask->id, NULL, false),
                        *url = g_strdup_printf("%s/call?id=%s#guest=%s", base, id, token);
        json_object_set_new(ask->kept, "guestUrl", json_string(url));
        tb_call_ask_json(ask, 201, json_incref(ask->kept));
}

static void on_call_to_link(TbCallAsk *ask, const TbDbResult *rows)
{
        const json_t *in = tb_request_json(ask->request);
        if (!goes_on(ask, rows))
                return;
        gint64 until_ms = ask->now_ms + json_integer_value(json_object_get(in, "ttl_s")) * 1000;
        g_autofree char *token = tb_random_token(24), *hash = tb_call_guest_hash(token),
                        *expires = tb_clock_rfc3339(until_ms);
        ask->kept = json_pack("{s:s, s:s, s:s}", "callId", ask->id, "token", token, "expiresAt", expires);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_call_guest_old);
        tb_db_int(call, ask->now_ms);
        tb_db_int(call, ask->now_ms);
        tb_db_statement(call, tb_sql_call_guest_add);
        tb_db_text(call, hash);
        tb_db_text(call, ask->id);
        tb_db_text(call, *ask->who ? ask->who : tb_request_user(ask->request));
        tb_db_int(call, ask->now_ms);
        tb_db_int(call, until_ms);
        tb_db_int(call, TB_LIMIT_CALL_GUEST_LINKS);
        tb_db_statement(call, tb_sql_call_guest_find);
        tb_db_text(call, hash);
        tb_db_text(call, ask->id);
        tb_db_int(call, ask->now_ms);
        tb_call_ask_run(ask, call, on_link);
}

void tb_call_guest_link(TbRequest *request, gpointer data)
{
        read_call(request, data, on_call_to_link);
}

/* --- taken back --- */
static void on_revoked(TbCallAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        tb_call_room_end_guests(ask->calls->rooms, ask->id);
        tb_call_ask_json(ask, 204, NULL);
}

static void on_call_to_revoke(TbCallAsk *ask, const TbDbResult *rows)
{
        if (!tb_call_may(ask, rows))
                return;
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_call_guest_revoke);
        tb_db_text(call, ask->id);
        tb_call_ask_run(ask, call, on_revoked);
}

void tb_call_guest_revoke(TbRequest *request, gpointer data)
{
        read_call(request, data, on_call_to_revoke);
}

/* --- the table --- */
static const TbParam invite_params[] = {
        {.name = "userId",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_CALL_ID,
         .help = "who is asked in: it rings for him"},
        TB_PARAM_END,
};
static const TbParam link_params[] = {
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 60,
         .max = TB_LIMIT_CALL_GUEST_S,
         .unit = "s",
         .fallback = "3600",
         .help = "how long somebody can come in by it"},
        TB_PARAM_END,
};

#define ROUTE(method_, path_, handler_, summary_, answers_)                                                  \
        .method = method_, .path = "/webrtc/calls/{id}/" path_, .role = TB_ROLE_VIEWER,                      \
        .flags = TB_ROUTE_FOREIGN | TB_ROUTE_GRANTED, .handler = handler_, .tag = "calls",                   \
        .summary = summary_, .answers = answers_

const TbRoute tb_call_guest_routes[] = {
        {ROUTE("POST", "invite", tb_call_invite, "Ask a further user into it",
               "200 application/json; 400; 403; 404; 429"),
         .body = TB_BODY_JSON, .json = invite_params, .max_body = 4096},
        {ROUTE("POST", "guests", tb_call_guest_link, "A link by which somebody without an account takes part",
               "201 application/json; 400; 403; 404; 429"),
         .body = TB_BODY_JSON, .json = link_params, .max_body = 4096},
        {ROUTE("DELETE", "guests", tb_call_guest_revoke, "Take the links back: who is in by them is out",
               "204; 403; 404"),
         .body = TB_BODY_NONE},
        {.method = NULL},
};
