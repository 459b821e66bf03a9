#include "server/store/accounts_rows.h"

#include "server/store/sql.h"

const char *const tb_login_kinds[TB_LOGIN_KINDS] = {"page", "token", "browser", "refresh"};

void tb_accounts_write_user(const TbUser *user, TbDbCall *call)
{
        g_autofree char *groups = g_strjoinv(" ", user->groups);
        tb_db_statement(call, tb_sql_user_put);
        tb_db_text(call, user->name);
        tb_db_text(call, tb_role_name(user->role));
        tb_db_text(call, groups);
        tb_db_text(call, user->password);
        tb_db_int(call, user->created_ms);
        tb_db_int(call, user->password_ms);
        tb_db_text(call, user->identity);
}

void tb_accounts_write_group(const TbGroup *group, TbDbCall *call)
{
        g_autofree char *devices = g_strjoinv(" ", group->devices);
        tb_db_statement(call, tb_sql_group_put);
        tb_db_text(call, group->name);
        tb_db_text(call, tb_role_name(group->role));
        tb_db_text(call, devices);
        tb_db_int(call, group->created_ms);
}

void tb_accounts_write_login(const TbLogin *login, TbDbCall *call)
{
        tb_db_statement(call, tb_sql_login_put);
        tb_db_text(call, login->id);
        tb_db_bytes(call, login->hash, sizeof login->hash);
        tb_db_text(call, login->user);
        tb_db_text(call, tb_login_kinds[login->kind]);
        tb_db_text(call, login->about);
        tb_db_text(call, login->address);
        tb_db_int(call, login->created_ms);
        tb_db_int(call, login->expires_ms);
        tb_db_int(call, login->last_ms);
}
