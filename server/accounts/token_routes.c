/*
 * What programs sign in with: a signed token (JWT) that holds for minutes, and one that buys the next and is another one after each use.
 * One that comes a second time is in two hands: that sign-in ends, for both of them.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/ice.h"
#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "lib/log.h"
#include "server/accounts/people_private.h"

static bool signs(const TbServer *server, GError **error)
{
        if (server->config->jwt_secret)
                return true;
        tb_set_error(error, TB_ERROR_UNSUPPORTED,
                     "this server signs no tokens: its configuration has no jwt_secret (JWT_SECRET). A token "
                     "that is not "
                     "signed is made on the page, or by POST /api/me/sessions");
        return false;
}

static void reply_pair(TbRequest *request, TbServer *server, const TbLogin *login, const char *refresh)
{
        g_autofree char *access = tb_people_access_token(server->people, login);
        json_t *o = json_pack("{s:s, s:i, s:s, s:s, s:i}", "accessToken", access, "expiresIn",
                              TB_LIMIT_ACCESS_TOKEN_S, "tokenType", "Bearer", "refreshToken", refresh,
                              "refreshExpiresIn", TB_LIMIT_REFRESH_TOKEN_S);
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_server_when_written(request, server, 200, o);
}

void tb_server_give_pair(TbRequest *request, TbServer *server, const char *user)
{
        const char *agent = tb_request_header(request, "User-Agent");
        g_autofree char *valid = g_utf8_make_valid(agent ? agent : "a program", -1), *refresh = NULL,
                        *about =
                                g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), TB_LIMIT_LABEL / 2));
        const TbLogin *login =
                tb_people_sign_in(server->people, user, TB_LOGIN_REFRESH, about, tb_request_peer(request),
                                  TB_LIMIT_REFRESH_TOKEN_S, &refresh);
        tb_log(TB_LOG_INFO, TB_F("user", user, "request", tb_request_id(request)), "a program signed in");
        reply_pair(request, server, login, refresh);
}

static void sign_in(TbRequest *request, gpointer data)
{
        g_autoptr(GError) error = NULL;
        if (signs(data, &error))
                tb_server_login_program(request, data);
        else
                tb_request_reply_error(request, error);
}

static void note_reuse(TbRequest *request, TbServer *server, const char *user)
{
        const TbAuditNote note = {.user = user,
                                  .action = "token.reuse",
                                  .object = user,
                                  .outcome = "401",
                                  .address = tb_request_peer(request),
                                  .request = tb_request_id(request)};
        tb_audit_note(server->audit, &note, 0);
        tb_log(TB_LOG_WARNING,
               TB_F("user", user, "peer", tb_request_peer(request), "request", tb_request_id(request)),
               "a refresh token came that had been used before: two have it, so its sign-in was ended");
}

static void refresh(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *token = json_string_value(json_object_get(tb_request_json(request), "refreshToken"));
        g_autofree char *next = NULL, *thief = NULL;
        g_autoptr(GError) error = NULL;
        const TbLogin *login =
                signs(server, &error)
                        ? tb_people_refresh(server->people, token, tb_request_peer(request), &next, &thief)
                        : NULL;
        if (login) {
                reply_pair(request, server, login, next);
                return;
        }
        if (thief)
                note_reuse(request, server, thief);
        if (!error)
                tb_set_error(&error, TB_ERROR_UNAUTHORIZED,
                             thief ? "this refresh token was used before, so somebody else may have it: that "
                                     "sign-in has "
                                     "ended, sign in again"
                                   : "the refresh token is none, or its sign-in has ended: sign in again");
        tb_request_reply_error(request, error);
}

/* In whose name: coturn logs it, and counts what each relays. */
static void get_turn(TbRequest *request, gpointer data)
{
        const TbServer *server = data;
        const TbIceConfig *ice = &server->config->ice;
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_json(request, 200,
                              json_pack("{s:o, s:i}", "iceServers",
                                        tb_ice_servers(ice, tb_request_user(request), tb_clock_ms()), "ttl",
                                        ice->ttl_s));
}

static const TbParam refresh_params[] = {
        {.name = "refreshToken",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 1,
         .max = 2 * TB_LIMIT_ID,
         .help = "the one that came last; it is good once"},
        TB_PARAM_END,
};

const TbRoute tb_server_token_routes[] = {
        {.method = "POST",
         .path = "/api/token",
         .body = TB_BODY_JSON,
         .json = tb_server_login_params,
         .max_body = 4096,
         .handler = sign_in,
         .tag = "accounts",
         .summary = "A program signs in: `accessToken` (JWT, 15 minutes; as Authorization: Bearer) and "
                    "`refreshToken` (7 "
                    "days from its last use). POST /api/logout with the first ends both",
         .answers = "200 application/json; 401; 403; 429; 501; 503"},
        {.method = "POST",
         .path = "/api/token/refresh",
         .body = TB_BODY_JSON,
         .json = refresh_params,
         .max_body = 4096,
         .handler = refresh,
         .tag = "accounts",
         .summary = "The next pair. A refresh token is good once: one that comes again ends its sign-in",
         .answers = "200 application/json; 401; 501"},
        {.method = "GET",
         .path = "/webrtc/turn-credentials",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = get_turn,
         .tag = "sessions",
         .summary =
                 "STUN and TURN servers as GET /api/ice has them, and for how many seconds they hold (`ttl`)",
         .answers = "200 application/json"},
        {.method = NULL},
};
