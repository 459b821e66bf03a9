/* What is a caller's own: who he is here (GET /api/me), and the sessions that he made: their list, their terms, their end. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/server_limits.h"
#include "server/accounts/people_private.h"

static void get_me(TbRequest *request, gpointer data)
{
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_json(request, 200, tb_server_about_caller(data, tb_request_caller(request)));
}

/* By his token; where nobody has one, who is on this machine is an admin. */
static bool is_maker(TbRequest *request, const TbServer *server, TbSession *session)
{
        TbRole role = tb_request_role(request);
        bool named = !tb_auth_is_open(server->config->auth) && role >= TB_ROLE_VIEWER;
        return role >= TB_ROLE_ADMIN || (named && tb_session_is_of(session, tb_request_user(request)));
}

static bool opens_all(TbRequest *request, TbSession *session)
{
        const char *token = tb_server_session_token(request);
        return token && tb_session_opens_all(session, token);
}

/* The session of the path, if the caller has made it, is an admin, or (`by_token`) shows what opens all of it: a link for watching ends
 * nothing. NULL: he was told why not. */
static TbSession *find_own(TbRequest *request, TbServer *server, bool by_token)
{
        g_autoptr(GError) error = NULL;
        TbSession *session =
                tb_pairing_find(server->pairing, tb_request_arg(request, "id"), tb_clock_mono_ms());
        if (!session)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no such session, or it has ended");
        else if (!is_maker(request, server, session) && !(by_token && opens_all(request, session)))
                tb_set_error(
                        &error,
                        tb_request_role(request) > TB_ROLE_NONE ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                        by_token ? "a session is ended by who made it, by an admin, or with its own token: "
                                   "?token=…"
                                 : "the terms of a session are changed by who made it, or by an admin");
        if (!error)
                return session;
        tb_request_reply_error(request, error);
        return NULL;
}

static void on_ended(bool written G_GNUC_UNUSED, gpointer data)
{
        tb_request_reply_empty(data, 204);
        tb_request_unref(data);
}

static void end_session(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        TbSession *session = find_own(request, server, true);
        if (!session)
                return;
        tb_log(TB_LOG_INFO, TB_F("session", tb_session_id(session), "request", tb_request_id(request)),
               "session ended by %s", tb_request_user(request));
        tb_pairing_end(server->pairing, session);
        tb_persist_when_written(server->persist, on_ended, tb_request_ref(request));
}

/* --- the list --- */
static void list_sessions(TbRequest *request, gpointer data)
{
        tb_server_reply_list(request, data, TB_VIEW_SESSIONS, tb_request_query_string(request, "device"));
}

/* --- terms --- */
bool tb_server_life(TbRequest *request, const json_t *in, gint64 *ret_life_s, GError **error)
{
        const json_t *ttl = json_object_get(in, "ttl_s");
        *ret_life_s = TB_LIFE_USED;
        if (!ttl)
                return true;
        if (tb_request_role(request) < TB_ROLE_VIEWER) {
                tb_error_set_field(error, TB_ERROR_FORBIDDEN, "ttl_s",
                                   "how long a session lives is for who has a token to say");
                return false;
        }
        if (json_is_null(ttl) || (json_is_integer(ttl) && json_integer_value(ttl) == 0)) {
                *ret_life_s = TB_LIFE_UNTIL_REVOKED;
                return true;
        }
        if (!json_is_integer(ttl) || json_integer_value(ttl) < 1 ||
            json_integer_value(ttl) > (json_int_t)tb_server_limits.session_ttl_s) {
                tb_error_set_field(error, TB_ERROR_INVALID, "ttl_s",
                                   "ttl_s must be 1 to %u seconds, or 0 or null: until it is taken back",
                                   tb_server_limits.session_ttl_s);
                return false;
        }
        *ret_life_s = json_integer_value(ttl);
        return true;
}

typedef struct Changed {
        TbRequest *request; /* ref */
        json_t *answer;     /* owned */
} Changed;

static void on_changed(bool written G_GNUC_UNUSED, gpointer data)
{
        Changed *changed = data;
        tb_request_reply_json(changed->request, 200, changed->answer);
        tb_request_unref(changed->request);
        g_free(changed);
}

/* What the caller may at the session's device; of a phone's, at all. */
static TbRole role_in(TbRequest *request, const TbSession *session)
{
        const char *host, *device, *maker;
        return tb_session_names(session, &host, &device, &maker)
                       ? tb_caller_role(tb_request_caller(request), host, device)
                       : tb_request_role(request);
}

static void change_session(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        TbSession *session = find_own(request, server, false);
        if (!session)
                return;
        json_t *in = tb_request_json(request);
        const char *mode = json_string_value(json_object_get(in, "mode"));
        TbSessionTerms terms = {
                .has_life = json_object_get(in, "ttl_s") != NULL,
                .has_mode = mode != NULL,
                .mode = mode && strcmp(mode, "control") == 0 ? TB_MODE_CONTROL : TB_MODE_VIEW,
                .observers = (guint)json_integer_value(json_object_get(in, "observers")),
                .note = json_string_value(json_object_get(in, "note")),
        };
        g_autoptr(GError) error = NULL;
        if (terms.has_mode && terms.mode == TB_MODE_CONTROL && role_in(request, session) < TB_ROLE_OPERATOR)
                tb_set_error(&error, TB_ERROR_FORBIDDEN,
                             "a control session of a device needs the role operator");
        else if (tb_server_life(request, in, &terms.life_s, &error))
                tb_pairing_change(server->pairing, session, &terms, tb_clock_mono_ms(), &error);
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        Changed *changed = g_new0(Changed, 1);
        changed->request = tb_request_ref(request);
        changed->answer = tb_session_status(session);
        tb_persist_when_written(server->persist, on_changed, changed);
}

static const TbParam list_params[] = {
        {.name = "device",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 2 * TB_LIMIT_ID + 1,
         .help = "of these devices alone: \"lab-1/board\", \"lab-*\""},
        TB_PARAM_END,
};

static TbParam change_params[] = {
        {.name = "mode",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("view", "control"),
         .help = "\"view\": from now on the link is for watching alone, and who controls by it is cut"},
        {.name = "observers",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_OBSERVERS,
         .help = "how many may watch at once from now on"},
        TB_SERVER_TERMS,
        TB_PARAM_END,
};

void tb_server_terms_limits(void)
{
        for (TbParam *p = change_params; p->name; p++)
                if (strcmp(p->name, "observers") == 0)
                        p->max = tb_server_limits.observers;
}

const TbRoute tb_server_own_routes[] = {
        {.method = "GET",
         .path = "/api/me",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = get_me,
         .tag = "system",
         .summary = "Who the caller is here: user, role, by what, and whether he sees everything",
         .answers = "200 application/json"},
        {.method = "GET",
         .path = "/api/session",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .query = list_params,
         .handler = list_sessions,
         .tag = "sessions",
         .summary = "Sessions that the caller made (an admin: all), the newest first, with who is in them; "
                    "If-None-Match",
         .answers = "200 application/json; 304"},
        {.method = "PATCH",
         .path = "/api/session/{id}",
         .body = TB_BODY_JSON,
         .json = change_params,
         .handler = change_session,
         .tag = "sessions",
         .summary = "Other terms for a session: how long, how many, for watching only; by its maker, or an "
                    "admin",
         .answers = "200 application/json Status; 401; 403; 404; 409"},
        {.method = "DELETE",
         .path = "/api/session/{id}",
         .handler = end_session,
         .tag = "sessions",
         .summary = "End a session: its links open nothing any more; ?token= of the session, who made it, or "
                    "an admin",
         .answers = "204; 401; 403; 404"},
        {.method = NULL},
};
