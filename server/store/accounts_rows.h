#pragma once
/* How accounts stand in the store: one statement for each row. Any thread: what is written is the caller's. */
#include "server/store/accounts.h"

#define TB_LOGIN_KINDS 4
extern const char *const tb_login_kinds[TB_LOGIN_KINDS]; /* by TbLoginKind */

void tb_accounts_write_group(const TbGroup *group, TbDbCall *call);
void tb_accounts_write_login(const TbLogin *login, TbDbCall *call);
