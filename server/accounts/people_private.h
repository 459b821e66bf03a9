#pragma once
/* What the routes of accounts share. */
#include "server/server_private.h"

/* Answers when what has changed is written (or that makes no sense to wait for). `answer` NULL: no body. */
void tb_server_when_written(TbRequest *request, TbServer *server, int status, json_t *answer_take);
json_t *tb_server_about_caller(TbServer *server, const TbCaller *caller); /* as GET /api/me says it */
/* The caller's account; NULL: he has none, and was told so. */
const TbUser *tb_server_own_account(TbRequest *request, TbServer *server);
json_t *tb_server_logins(TbServer *server, const char *user, const char *own);
void tb_server_end_login(TbRequest *request, TbServer *server, const char *user, const char *id);
void tb_server_make_token(TbRequest *request, TbServer *server, const char *user);

extern const TbParam tb_server_token_params[], tb_server_login_params[];
/* POST /api/token: who his password shows gets what a program keeps. */
void tb_server_login_program(TbRequest *request, gpointer server);
void tb_server_give_pair(TbRequest *request, TbServer *server, const char *user);

/* Whether an account of that name can be made: TB_ERROR_BUSY, TB_ERROR_LIMIT. */
bool tb_server_is_free(TbServer *server, const char *name, GError **error);
/* The browser that has asked is signed in: its cookies go with the answer. The sign-in's id; the caller frees. */
char *tb_server_sign_in_browser(TbRequest *request, TbServer *server, const char *user);
char *tb_server_cookie_path(TbRequest *request, TbServer *server); /* with its slashes; the caller frees */

void tb_server_refuse(TbRequest *request, GError **error); /* answers, and clears it */
/* A list of texts, each of which `good` takes; NULL with the error. The caller frees. */
char **tb_server_texts_of(const json_t *list, const char *field, bool (*good)(const char *text),
                          const char *rule, GError **error);
bool tb_server_is_name(const char *text); /* of a user, of a group */
json_t *tb_server_json_of(char **texts);

#define TB_ACCOUNT_ROUTE(method_, path_, handler_, summary_, answers_, ...)                                  \
        {                                                                                                    \
                .method = method_, .path = path_, .role = TB_ROLE_ADMIN, .max_body = 16 * 1024,              \
                .handler = handler_, .tag = "accounts", .summary = summary_, .answers = answers_,            \
                __VA_ARGS__                                                                                  \
        }
#define TB_ACCOUNT_BODY(params_) .body = TB_BODY_JSON, .json = params_
