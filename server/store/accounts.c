#include "server/store/accounts.h"

#include <string.h>

#include "server/store/accounts_rows.h"
#include "server/store/changed.h"
#include "server/store/sql.h"

/* One table of all three: a row's id is its kind and its name, "u:anna". */
typedef struct Row {
        TbAccountRows kind;
        union {
                TbUser user;
                TbGroup group;
                TbLogin login;
        };
} Row;

struct TbAccounts {
        GHashTable *rows;    /* id, owned -> owned Row */
        GHashTable *changed; /* set of ids, owned: not written yet */
        GHashTable *tokens;  /* hash (borrowed from the login) -> Row */
        guint n[3];          /* of each kind */
        void (*on_change)(gpointer data);
        gpointer data;
        void (*login_gone)(const char *id, gpointer data); /* NULL: nobody is told */
        gpointer login_data;
};

static const char letters[] = "ugl";

static char *id_of(TbAccountRows kind, const char *name)
{
        return g_strdup_printf("%c:%s", letters[kind], name);
}

static void row_free(gpointer p)
{
        Row *row = p;
        switch (row->kind) {
        case TB_ACCOUNT_USERS:
                g_free(row->user.name);
                g_free(row->user.password);
                g_free(row->user.identity);
                g_strfreev(row->user.groups);
                break;
        case TB_ACCOUNT_GROUPS:
                g_free(row->group.name);
                g_strfreev(row->group.devices);
                break;
        case TB_ACCOUNT_LOGINS:
                g_free(row->login.id);
                g_free(row->login.user);
                g_free(row->login.about);
                g_free(row->login.address);
                break;
        }
        g_free(row);
}

/* Tokens are random: their hash is one. */
static guint hash_of_token(gconstpointer hash)
{
        guint n;
        memcpy(&n, hash, sizeof n);
        return n;
}

static gboolean tokens_equal(gconstpointer a, gconstpointer b)
{
        return tb_secret_equal(a, b, TB_SECRET_HASH);
}

TbAccounts *tb_accounts_new(void (*changed)(gpointer data), gpointer data)
{
        TbAccounts *all = g_new0(TbAccounts, 1);
        all->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, row_free);
        all->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        all->tokens = g_hash_table_new(hash_of_token, tokens_equal);
        all->on_change = changed;
        all->data = data;
        return all;
}

void tb_accounts_free(TbAccounts *all)
{
        if (!all)
                return;
        g_hash_table_unref(all->tokens);
        g_hash_table_unref(all->rows);
        g_hash_table_unref(all->changed);
        g_free(all);
}

/* --- rows --- */
static Row *find(TbAccounts *all, TbAccountRows kind, const char *name)
{
        g_autofree char *id = id_of(kind, name);
        return g_hash_table_lookup(all->rows, id);
}

/* `soon`: whoever waits for it is told when it is written. */
static void mark(TbAccounts *all, char *id_take, bool soon)
{
        g_hash_table_add(all->changed, id_take);
        if (soon)
                all->on_change(all->data);
}

static void keep(TbAccounts *all, Row *row_take, const char *name)
{
        char *id = id_of(row_take->kind, name);
        all->n[row_take->kind] += !g_hash_table_contains(all->rows, id);
        g_hash_table_replace(all->rows, id, row_take);
        if (row_take->kind == TB_ACCOUNT_LOGINS)
                g_hash_table_replace(all->tokens, row_take->login.hash, row_take);
}

static bool forget(TbAccounts *all, TbAccountRows kind, const char *name)
{
        char *id = id_of(kind, name);
        const Row *row = g_hash_table_lookup(all->rows, id);
        if (!row) {
                g_free(id);
                return false;
        }
        if (kind == TB_ACCOUNT_LOGINS)
                g_hash_table_remove(all->tokens, row->login.hash);
        g_autofree char *login = kind == TB_ACCOUNT_LOGINS ? g_strdup(name) : NULL; /* it may be the row's */
        all->n[kind]--;
        g_hash_table_remove(all->rows, id);
        mark(all, id, true);
        if (login && all->login_gone)
                all->login_gone(login, all->login_data);
        return true;
}

void tb_accounts_on_login_gone(TbAccounts *all, void (*gone)(const char *id, gpointer data), gpointer data)
{
        all->login_gone = gone;
        all->login_data = data;
}

static gint64 created(const Row *row)
{
        return row->kind == TB_ACCOUNT_USERS    ? row->user.created_ms
               : row->kind == TB_ACCOUNT_GROUPS ? row->group.created_ms
                                                : row->login.created_ms;
}

static int oldest_first(gconstpointer a, gconstpointer b)
{
        gint64 x = created(*(Row *const *)a), y = created(*(Row *const *)b);
        return x < y ? -1 : x > y;
}

static GPtrArray *list(TbAccounts *all, TbAccountRows kind, const char *user)
{
        GPtrArray *out = g_ptr_array_new();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, all->rows);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const Row *row = value;
                if (row->kind == kind && (!user || strcmp(row->login.user, user) == 0))
                        g_ptr_array_add(out, value);
        }
        g_ptr_array_sort(out, oldest_first);
        for (guint i = 0; i < out->len; i++) {
                Row *row = g_ptr_array_index(out, i);
                g_ptr_array_index(out, i) = &row->user; /* where each of the union begins */
        }
        return out;
}

guint tb_accounts_users(const TbAccounts *all)
{
        return all->n[TB_ACCOUNT_USERS];
}

guint tb_accounts_groups(const TbAccounts *all)
{
        return all->n[TB_ACCOUNT_GROUPS];
}

const TbUser *tb_accounts_user(TbAccounts *all, const char *name)
{
        const Row *row = find(all, TB_ACCOUNT_USERS, name);
        return row ? &row->user : NULL;
}

const TbGroup *tb_accounts_group(TbAccounts *all, const char *name)
{
        const Row *row = find(all, TB_ACCOUNT_GROUPS, name);
        return row ? &row->group : NULL;
}

const TbLogin *tb_accounts_login(TbAccounts *all, const char *id)
{
        const Row *row = find(all, TB_ACCOUNT_LOGINS, id);
        return row ? &row->login : NULL;
}

const TbLogin *tb_accounts_find(TbAccounts *all, const char *token)
{
        guint8 hash[TB_SECRET_HASH];
        tb_secret_hash(token, hash);
        const Row *row = g_hash_table_lookup(all->tokens, hash);
        return row ? &row->login : NULL;
}

static Row *row_of_user(const TbUser *user)
{
        Row *row = g_new0(Row, 1);
        row->kind = TB_ACCOUNT_USERS;
        row->user = *user;
        row->user.name = g_strdup(user->name);
        row->user.password = g_strdup(user->password);
        row->user.identity = g_strdup(user->identity);
        row->user.groups = user->groups ? g_strdupv(user->groups) : g_new0(char *, 1);
        return row;
}

void tb_accounts_put_user(TbAccounts *all, const TbUser *user)
{
        Row *row = row_of_user(user);
        keep(all, row, row->user.name);
        mark(all, id_of(TB_ACCOUNT_USERS, row->user.name), true);
}

static Row *row_of_group(const TbGroup *group)
{
        Row *row = g_new0(Row, 1);
        row->kind = TB_ACCOUNT_GROUPS;
        row->group = *group;
        row->group.name = g_strdup(group->name);
        row->group.devices = g_strdupv(group->devices);
        return row;
}

void tb_accounts_put_group(TbAccounts *all, const TbGroup *group)
{
        Row *row = row_of_group(group);
        keep(all, row, row->group.name);
        mark(all, id_of(TB_ACCOUNT_GROUPS, row->group.name), true);
}

static Row *row_of_login(const TbLogin *login)
{
        Row *row = g_new0(Row, 1);
        row->kind = TB_ACCOUNT_LOGINS;
        row->login = *login;
        row->login.id = g_strdup(login->id);
        row->login.user = g_strdup(login->user);
        row->login.about = g_strdup(login->about);
        row->login.address = g_strdup(login->address);
        return row;
}

const TbLogin *tb_accounts_add_login(TbAccounts *all, const TbLogin *login)
{
        Row *row = row_of_login(login);
        keep(all, row, row->login.id);
        mark(all, id_of(TB_ACCOUNT_LOGINS, row->login.id), true);
        return &row->login;
}

void tb_accounts_login_seen(TbAccounts *all, const char *id, const char *address, gint64 now_ms)
{
        Row *row = find(all, TB_ACCOUNT_LOGINS, id);
        if (!row)
                return;
        row->login.last_ms = now_ms;
        if (strcmp(row->login.address, address) != 0) {
                g_free(row->login.address);
                row->login.address = g_strdup(address);
        }
        mark(all, id_of(TB_ACCOUNT_LOGINS, id), false);
}

void tb_accounts_renew_login(TbAccounts *all, const char *id, const guint8 hash[TB_SECRET_HASH],
                             const char *address, gint64 now_ms, gint64 expires_ms)
{
        Row *row = find(all, TB_ACCOUNT_LOGINS, id);
        if (!row)
                return;
        g_hash_table_remove(all->tokens, row->login.hash);
        memcpy(row->login.hash, hash, TB_SECRET_HASH);
        g_hash_table_replace(all->tokens, row->login.hash, row);
        row->login.expires_ms = expires_ms;
        tb_accounts_login_seen(all, id, address, now_ms);
}

bool tb_accounts_remove_user(TbAccounts *all, const char *name)
{
        g_autoptr(GPtrArray) logins = list(all, TB_ACCOUNT_LOGINS, name);
        for (guint i = 0; i < logins->len; i++)
                forget(all, TB_ACCOUNT_LOGINS, ((TbLogin *)g_ptr_array_index(logins, i))->id);
        return forget(all, TB_ACCOUNT_USERS, name);
}

bool tb_accounts_remove_group(TbAccounts *all, const char *name)
{
        return forget(all, TB_ACCOUNT_GROUPS, name);
}

bool tb_accounts_remove_login(TbAccounts *all, const char *id)
{
        return forget(all, TB_ACCOUNT_LOGINS, id);
}

GPtrArray *tb_accounts_list_users(TbAccounts *all)
{
        return list(all, TB_ACCOUNT_USERS, NULL);
}

GPtrArray *tb_accounts_list_groups(TbAccounts *all)
{
        return list(all, TB_ACCOUNT_GROUPS, NULL);
}

GPtrArray *tb_accounts_list_logins(TbAccounts *all, const char *user)
{
        return list(all, TB_ACCOUNT_LOGINS, user);
}

/* --- the store's side --- */
char **tb_accounts_words(const char *text)
{
        return *text ? g_strsplit(text, " ", -1) : g_new0(char *, 1);
}

static Row *read_user(const TbDbResult *rows, guint i, const char *name)
{
        TbUser user = {.name = (char *)name,
                       .password = (char *)tb_db_get_text(rows, i, 3),
                       .identity = (char *)tb_db_get_text(rows, i, 6)};
        g_auto(GStrv) groups = tb_accounts_words(tb_db_get_text(rows, i, 2));
        if (!tb_role_parse(tb_db_get_text(rows, i, 1), &user.role))
                return NULL;
        user.groups = groups;
        user.created_ms = tb_db_get_int(rows, i, 4);
        user.password_ms = tb_db_get_int(rows, i, 5);
        return row_of_user(&user);
}

static Row *read_group(const TbDbResult *rows, guint i, const char *name)
{
        TbGroup group = {.name = (char *)name};
        g_auto(GStrv) devices = tb_accounts_words(tb_db_get_text(rows, i, 2));
        if (!tb_role_parse(tb_db_get_text(rows, i, 1), &group.role))
                return NULL;
        group.devices = devices;
        group.created_ms = tb_db_get_int(rows, i, 3);
        return row_of_group(&group);
}

static bool take_kind(const char *text, TbLoginKind *ret)
{
        for (guint i = 0; i < TB_LOGIN_KINDS; i++) {
                if (g_strcmp0(text, tb_login_kinds[i]) != 0)
                        continue;
                *ret = (TbLoginKind)i;
                return true;
        }
        return false;
}

static Row *read_login(const TbDbResult *rows, guint i, const char *id)
{
        gsize size;
        const void *hash = tb_db_get_bytes(rows, i, 1, &size);
        TbLogin login = {.id = (char *)id,
                         .user = (char *)tb_db_get_text(rows, i, 2),
                         .about = (char *)tb_db_get_text(rows, i, 4),
                         .address = (char *)tb_db_get_text(rows, i, 5),
                         .created_ms = tb_db_get_int(rows, i, 6),
                         .expires_ms = tb_db_get_int(rows, i, 7),
                         .last_ms = tb_db_get_int(rows, i, 8)};
        if (size != sizeof login.hash || !login.user || !take_kind(tb_db_get_text(rows, i, 3), &login.kind))
                return NULL;
        memcpy(login.hash, hash, size);
        return row_of_login(&login);
}

/* What is in memory is right, but for a password that a command has set meanwhile. */
static bool is_news(TbAccounts *all, const char *id, const Row *row)
{
        const Row *old = g_hash_table_lookup(all->rows, id);
        return !old || (row->kind == TB_ACCOUNT_USERS && row->user.password_ms > old->user.password_ms);
}

void tb_accounts_load(TbAccounts *all, TbAccountRows which, const TbDbResult *rows)
{
        static Row *(*const reads[])(const TbDbResult *, guint, const char *) = {read_user, read_group,
                                                                                 read_login};
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *name = tb_db_get_text(rows, i, 0);
                g_autofree char *id = name ? id_of(which, name) : NULL;
                Row *row =
                        id && !g_hash_table_contains(all->changed, id) ? reads[which](rows, i, name) : NULL;
                if (row && is_news(all, id, row))
                        keep(all, row, name);
                else if (row)
                        row_free(row);
        }
}

static void write_one(gconstpointer of, const char *id, TbDbCall *call)
{
        const Row *row = of;
        if (!row) {
                tb_db_statement(call, *id == 'u'   ? tb_sql_user_end
                                      : *id == 'g' ? tb_sql_group_end
                                                   : tb_sql_login_end);
                tb_db_text(call, id + 2);
        } else if (row->kind == TB_ACCOUNT_USERS) {
                tb_accounts_write_user(&row->user, call);
        } else if (row->kind == TB_ACCOUNT_GROUPS) {
                tb_accounts_write_group(&row->group, call);
        } else {
                tb_accounts_write_login(&row->login, call);
        }
}

GPtrArray *tb_accounts_write(TbAccounts *all, TbDbCall *call, guint max)
{
        return tb_changed_write(all->changed, all->rows, max, write_one, call);
}

void tb_accounts_again(TbAccounts *all, GPtrArray *written)
{
        tb_changed_again(all->changed, written);
}

void tb_accounts_all_again(TbAccounts *all)
{
        tb_changed_all(all->changed, all->rows);
}
