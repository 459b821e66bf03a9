#pragma once
#include "server/accounts/people_private.h"
#include "server/oidc/oidc.h"

/* The account of that person, which is made where there is none; `connects`: the account that he connects with himself, NULL: he signs in.
 * Borrowed. NULL: TB_ERROR_FORBIDDEN, TB_ERROR_BUSY, TB_ERROR_LIMIT, TB_ERROR_NOT_FOUND, in words for himself. */
const TbUser *tb_server_account_of(TbServer *server, const char *connects, const TbOidcPerson *person,
                                   GError **error);
