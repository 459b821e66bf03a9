/* All that is kept of one person: given out, and taken out (docs/PRIVACY.md). */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "lib/log.h"
#include "lib/name.h"
#include "server/accounts/people_private.h"
#include "server/store/audit_row.h"
#include "server/store/erase.h"
#include "server/store/sql.h"

#define OF_ACCOUNT "account:" /* begins what the events know an account by (server/events/who.c) */

/* --- given out --- */
typedef struct Part {
        const char *name, *sql, *columns[8]; /* ms since the epoch: a column that ends with "At" */
} Part;

static const Part parts[] = {
        {"links", tb_sql_mine_links, {"id", "host", "device", "mode", "createdAt", "note"}},
        {"audit",
         tb_sql_mine_audit,
         {"happenedAt", "user", "action", "object", "outcome", "address", "request"}},
        {"eventLogins", tb_sql_mine_people, {"id", "email", "createdAt"}},
        {"eventDevices", tb_sql_mine_devices, {"id", "label", "createdAt"}},
        {"eventSessions",
         tb_sql_mine_watches,
         {"id", "device", "status", "startedAt", "stoppedAt", "prompt"}},
        {"events", tb_sql_mine_events, {"id", "device", "trigger", "status", "createdAt", "summary", "clip"}},
        {"notifications", tb_sql_mine_told, {"provider", "address", "name", "linkedAt"}},
        {"invitations", tb_sql_mine_invites, {"device", "status", "createdAt", "chat", "username"}},
        {"charges", tb_sql_mine_charges, {"chargedAt", "credits"}},
        {"calls",
         tb_sql_mine_calls,
         {"id", "type", "status", "callee", "caller", "createdAt", "startedAt", "endedAt"}},
        {"recordings",
         tb_sql_mine_recordings,
         {"id", "call", "status", "startedAt", "stoppedAt", "agreed", "method", "answeredAt"}},
};

typedef struct Giving {
        TbServer *server;
        TbRequest *request; /* ref */
        char *name;         /* owned */
        json_t *all;        /* owned */
        guint next;
} Giving;

static void ask_part(Giving *g);

static void giving_free(Giving *g)
{
        tb_request_unref(g->request);
        g_free(g->name);
        json_decref(g->all);
        g_free(g);
}

static json_t *value_of(const TbDbResult *rows, guint row, guint column, const char *name)
{
        const char *text = tb_db_get_text(rows, row, column);
        gint64 number = tb_db_get_int(rows, row, column);
        if (text)
                return json_string(text);
        if (!g_str_has_suffix(name, "At"))
                return json_integer(number);
        g_autofree char *at = tb_clock_rfc3339(number);
        return number ? json_string(at) : json_null();
}

static void on_part(const TbDbResult *rows, const GError *error, gpointer data)
{
        Giving *g = data;
        const Part *part = &parts[g->next];
        if (error) {
                tb_request_reply_error(g->request, error);
                giving_free(g);
                return;
        }
        json_t *list = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                json_t *o = json_object();
                for (guint c = 0; c < G_N_ELEMENTS(part->columns) && part->columns[c]; c++)
                        json_object_set_new(o, part->columns[c], value_of(rows, i, c, part->columns[c]));
                json_array_append_new(list, o);
        }
        json_object_set_new(g->all, part->name, list);
        g->next++;
        ask_part(g);
}

static void ask_part(Giving *g)
{
        g_autoptr(GError) error = NULL;
        if (g->next == G_N_ELEMENTS(parts)) {
                tb_request_add_header(g->request, "Cache-Control", "no-store");
                tb_request_add_header(g->request, "Content-Disposition",
                                      "attachment; filename=\"data.json\"");
                tb_request_reply_json(g->request, 200, json_incref(g->all));
                giving_free(g);
                return;
        }
        g_autofree char *of_account = g_strconcat(OF_ACCOUNT, g->name, NULL);
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, parts[g->next].sql);
        tb_db_text(call, g->name);
        tb_db_text(call, of_account);
        tb_db_int(call, TB_LIMIT_PERSON_ROWS);
        if (tb_audit_ask(g->server->audit, call, on_part, g, &error))
                return;
        tb_request_reply_error(g->request, error);
        giving_free(g);
}

static json_t *account_of(const TbUser *user)
{
        if (!user)
                return json_null();
        g_autofree char *made = tb_clock_rfc3339(user->created_ms);
        return json_pack("{s:s, s:s, s:o, s:s, s:b, s:s?}", "name", user->name, "role",
                         tb_role_name(user->role), "groups", tb_server_json_of(user->groups), "createdAt",
                         made, "hasPassword", user->password != NULL, "identity", user->identity);
}

static void give(TbRequest *request, TbServer *server, const char *name)
{
        Giving *g = g_new0(Giving, 1);
        g->server = server;
        g->request = tb_request_ref(request);
        g->name = g_strdup(name);
        g->all = json_pack("{s:o, s:o}", "account",
                           account_of(tb_accounts_user(tb_people_store(server->people), name)), "signIns",
                           tb_server_logins(server, name, tb_request_caller(request)->login));
        ask_part(g);
}

static void give_own(TbRequest *request, gpointer data)
{
        if (tb_server_own_account(request, data))
                give(request, data, tb_request_user(request));
}

static void give_his(TbRequest *request, gpointer data)
{
        give(request, data, tb_request_arg(request, "name"));
}

/* --- taken out --- */
typedef struct Erasing {
        TbServer *server;
        TbRequest *request; /* ref */
        TbErasure *what;    /* owned */
} Erasing;

static void erasing_free(Erasing *e)
{
        tb_request_unref(e->request);
        tb_erasure_free(e->what);
        g_free(e);
}

static void on_settled(const TbDbResult *rows G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer data)
{
        Erasing *e = data;
        tb_request_reply_json(e->request, 200,
                              json_pack("{s:s, s:i}", "pseudonym", e->what->pseudonym, "auditEntries",
                                        (int)e->what->entries));
        erasing_free(e);
}

static void on_erased(const TbDbResult *rows, const GError *error, gpointer data)
{
        Erasing *e = data;
        if (error) {
                tb_request_reply_error(e->request, error);
                erasing_free(e);
                return;
        }
        for (guint i = 0; i < tb_db_rows(rows); i++)
                tb_server_forget_clip(e->server, tb_db_get_text(rows, i, 0));
        tb_server_forget_event_logins(e->server, e->what->name);
        tb_log(TB_LOG_INFO,
               TB_F("user", e->what->by, "pseudonym", e->what->pseudonym, "request",
                    tb_request_id(e->request)),
               "all that was kept of somebody was erased");
        /* of PostgreSQL there is nothing to settle: docs/PRIVACY.md */
        if (e->server->config->database ||
            !tb_audit_ask(e->server->audit, tb_erase_settle(), on_settled, e, NULL))
                on_settled(NULL, NULL, e);
}

static void on_account_gone(bool written G_GNUC_UNUSED, gpointer data)
{
        Erasing *e = data;
        g_autoptr(GError) error = NULL;
        e->what->id = tb_clock_us();
        e->what->at_ms = tb_clock_ms();
        if (tb_audit_ask(e->server->audit, tb_erase_call(e->what), on_erased, e, &error))
                return;
        tb_request_reply_error(e->request, error);
        erasing_free(e);
}

static bool may_erase(TbRequest *request, TbServer *server, const char *name, GError **error)
{
        if (strcmp(tb_request_user(request), name) == 0)
                tb_set_error(error, TB_ERROR_BUSY,
                             "nobody erases himself: the entry that says so would bear his name. Another "
                             "administrator does "
                             "that");
        else if (!tb_people_has_admin_without(server->people, name, TB_ROLE_NONE))
                tb_set_error(error, TB_ERROR_BUSY,
                             "nobody would be left who may do this: make another administrator first");
        else if (tb_people_is_taken(server->people, name) || strchr(name, '/'))
                tb_set_error(error, TB_ERROR_BUSY,
                             "\"%s\" is the name of a token of the configuration, which is nobody's data: "
                             "take it out there",
                             name);
        return !*error;
}

static void erase(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *name = tb_request_arg(request, "name");
        g_autoptr(GError) error = NULL;
        if (!may_erase(request, server, name, &error)) {
                tb_server_refuse(request, &error);
                return;
        }
        g_autofree char *random = tb_random_token(9);
        Erasing *e = g_new0(Erasing, 1);
        e->server = server;
        e->request = tb_request_ref(request);
        e->what = g_new0(TbErasure, 1);
        e->what->name = g_strdup(name);
        e->what->user_id = g_strconcat(OF_ACCOUNT, name, NULL);
        e->what->pseudonym = g_strconcat(TB_AUDIT_ERASED, random, NULL);
        e->what->by = g_strdup(tb_request_user(request));
        e->what->address = g_strdup(tb_request_peer(request));
        e->what->request = g_strdup(tb_request_id(request));
        if (tb_accounts_remove_user(tb_people_store(server->people), name))
                tb_server_narrowed(server, name);
        tb_persist_when_written(server->persist, on_account_gone, e);
}

const TbRoute tb_server_privacy_routes[] = {
        {.method = "GET",
         .path = "/api/me/data",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = give_own,
         .tag = "accounts",
         .summary = "All that is kept of oneself, as a file; of each kind the newest 1000",
         .answers = "200 application/json; 404; 503"},
        TB_ACCOUNT_ROUTE("GET", "/api/users/{name}/data", give_his,
                         "All that is kept of somebody, also without an account, as a file; of each kind the "
                         "newest 1000",
                         "200 application/json; 503"),
        TB_ACCOUNT_ROUTE("DELETE", "/api/users/{name}/data", erase,
                         "Erase somebody: his account, links, events and clips go, in the audit log "
                         "`pseudonym` stands for him",
                         "200 application/json; 409; 503"),
        {.method = NULL},
};
