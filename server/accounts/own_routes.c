/* What is a caller's own: who he is here (GET /api/me), and the end of a session that he made (DELETE /api/session/{id}). */
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "server/server_private.h"

static void get_me(TbRequest *request, gpointer data)
{
        const TbServer *server = data;
        bool named = !tb_auth_is_open(server->config->auth);
        tb_request_reply_json(request, 200,
                              json_pack("{s:s, s:s, s:b}", "user", tb_request_user(request), "role",
                                        tb_role_name(tb_request_role(request)), "named", named));
}

/* Who made it (by his token), an admin, and whoever shows what opens all of it. A link for watching ends nothing. */
static bool may_end(TbRequest *request, const TbServer *server, TbSession *session)
{
        TbRole role = tb_request_role(request);
        bool named = !tb_auth_is_open(server->config->auth) && role >= TB_ROLE_VIEWER;
        if (role >= TB_ROLE_ADMIN || (named && tb_session_is_of(session, tb_request_user(request))))
                return true;
        const char *token = tb_request_query_string(request, "token");
        return token && tb_session_opens_all(session, token);
}

static void on_written(bool written G_GNUC_UNUSED, gpointer data)
{
        tb_request_reply_empty(data, 204);
        tb_request_unref(data);
}

static void end_session(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GError) error = NULL;
        TbSession *session =
                tb_pairing_find(server->pairing, tb_request_arg(request, "id"), tb_clock_mono_ms());
        if (!session)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no such session, or it has ended");
        else if (!may_end(request, server, session))
                tb_set_error(
                        &error,
                        tb_request_role(request) > TB_ROLE_NONE ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                        "a session is ended by who made it, by an admin, or with its own token: ?token=…");
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_log(TB_LOG_INFO, TB_F("session", tb_session_id(session), "request", tb_request_id(request)),
               "session ended by %s", tb_request_user(request));
        tb_pairing_end(server->pairing, session);
        tb_persist_when_written(server->persist, on_written, tb_request_ref(request));
}

const TbRoute tb_server_own_routes[] = {
        {.method = "GET",
         .path = "/api/me",
         .role = TB_ROLE_VIEWER,
         .handler = get_me,
         .tag = "system",
         .summary = "Who the caller is here: user, role, and whether that is by a token (named)",
         .answers = "200 application/json"},
        {.method = "DELETE",
         .path = "/api/session/{id}",
         .handler = end_session,
         .tag = "sessions",
         .summary = "End a session: its links open nothing any more; ?token= of the session, who made it, or "
                    "an admin",
         .answers = "204; 401; 403; 404"},
        {.method = NULL},
};
