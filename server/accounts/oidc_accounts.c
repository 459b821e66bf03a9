/* Whose account a person is whom a provider has let come (server/oidc). */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "server/accounts/oidc_private.h"

static const TbUser *of_identity(TbAccounts *store, const char *identity)
{
        g_autoptr(GPtrArray) all = tb_accounts_list_users(store);
        for (guint i = 0; i < all->len; i++) {
                const TbUser *user = g_ptr_array_index(all, i);
                if (g_strcmp0(user->identity, identity) == 0)
                        return user;
        }
        return NULL;
}

/* One who has no password here is what the provider says, each time; one who has keeps what he was given here. */
static bool follow(TbServer *server, const TbUser *user, const TbOidcPerson *person)
{
        if (user->password ||
            (user->role == person->role &&
             g_strv_equal((const char *const *)user->groups, (const char *const *)person->groups)))
                return false;
        g_autofree char *name = g_strdup(user->name);
        TbUser now = *user;
        now.role = person->role;
        now.groups = person->groups;
        tb_accounts_put_user(tb_people_store(server->people), &now);
        tb_log(TB_LOG_INFO, TB_F("user", name), "the provider says that he is %s now",
               tb_role_name(person->role));
        tb_server_narrowed(server, name);
        return true;
}

static const TbUser *make(TbServer *server, const TbOidcPerson *person, GError **error)
{
        TbAccounts *store = tb_people_store(server->people);
        const TbOidcOptions *o = tb_oidc_options(server->oidc);
        if (!tb_server_is_name(person->name)) {
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "%s calls you \"%.64s\" (%s), which is no name of an account here: %s. An "
                             "administrator can name another claim (oidc.name_claim)",
                             o->name, person->name ? person->name : "", o->name_claim,
                             tb_name_rule(TB_NAME_HOST));
                return NULL;
        }
        if (!tb_server_is_free(server, person->name, error)) {
                tb_error_suffix(error,
                                ", which is not known to be the one of %s. If it is yours, sign in with its "
                                "password, and connect it on the page Your account",
                                o->name);
                return NULL;
        }
        TbUser user = {.name = person->name,
                       .role = person->role,
                       .groups = person->groups,
                       .created_ms = tb_clock_ms(),
                       .identity = person->identity};
        tb_accounts_put_user(store, &user);
        tb_people_close(server->people);
        tb_server_narrowed(server, user.name);
        tb_log(TB_LOG_INFO, TB_F("user", user.name), "an account was made of what %s says", o->name);
        return tb_accounts_user(store, user.name);
}

static const TbUser *connect_to(TbServer *server, const char *name, const TbUser *known,
                                const TbOidcPerson *person, GError **error)
{
        TbAccounts *store = tb_people_store(server->people);
        const TbUser *user = tb_accounts_user(store, name);
        if (!user)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the account %s is no more", name);
        else if (known && strcmp(known->name, name) != 0)
                tb_set_error(error, TB_ERROR_BUSY, "this sign-in is connected with the account %s already",
                             known->name);
        else {
                TbUser now = *user;
                now.identity = person->identity;
                tb_accounts_put_user(store, &now);
                return tb_accounts_user(store, name);
        }
        return NULL;
}

const TbUser *tb_server_account_of(TbServer *server, const char *connects, const TbOidcPerson *person,
                                   GError **error)
{
        TbAccounts *store = tb_people_store(server->people);
        const TbUser *known = of_identity(store, person->identity);
        if (connects)
                return connect_to(server, connects, known, person, error);
        if (person->role == TB_ROLE_NONE && !(known && known->password)) {
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "%s says who you are, and in none of the groups that are let in here (oidc.map)",
                             tb_oidc_options(server->oidc)->name);
                return NULL;
        }
        if (!known)
                return make(server, person, error);
        if (follow(server, known, person))
                known = of_identity(store, person->identity);
        return known;
}
