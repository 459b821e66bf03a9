#include "server/store/enrolments.h"

#include <string.h>

#include "lib/error.h"
#include "lib/server_limits.h"
#include "server/store/changed.h"
#include "server/store/sql.h"

#define ID_BYTES 9
#define TOKEN_BYTES 32

struct TbEnrolments {
        GHashTable *all;     /* id (borrowed from the enrolment) -> owned TbEnrolment */
        GHashTable *changed; /* set of ids, owned: not written yet */
        void (*on_change)(gpointer data);
        gpointer data;
};

static void enrolment_free(gpointer p)
{
        TbEnrolment *e = p;
        g_free(e->id);
        g_free(e->name);
        g_free(e->key);
        g_free(e->host);
        g_free(e);
}

TbEnrolments *tb_enrolments_new(void (*changed)(gpointer data), gpointer data)
{
        TbEnrolments *all = g_new0(TbEnrolments, 1);
        all->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, enrolment_free);
        all->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        all->on_change = changed;
        all->data = data;
        return all;
}

void tb_enrolments_free(TbEnrolments *all)
{
        if (!all)
                return;
        g_hash_table_unref(all->all);
        g_hash_table_unref(all->changed);
        g_free(all);
}

static void mark(TbEnrolments *all, const char *id, bool at_once)
{
        g_hash_table_add(all->changed, g_strdup(id));
        if (at_once)
                all->on_change(all->data);
}

bool tb_enrolment_expired(const TbEnrolment *e, gint64 now_ms)
{
        return !e->key && now_ms >= e->expires_ms;
}

/* False: all that are there may still be of use. */
static bool make_room(TbEnrolments *all, gint64 now_ms)
{
        const TbEnrolment *goes = NULL;
        GHashTableIter iter;
        gpointer value;
        if (g_hash_table_size(all->all) < tb_server_limits.enrolments)
                return true;
        g_hash_table_iter_init(&iter, all->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbEnrolment *e = value;
                if (tb_enrolment_expired(e, now_ms) && (!goes || e->expires_ms < goes->expires_ms))
                        goes = e;
        }
        return goes && tb_enrolments_remove(all, goes->id);
}

const TbEnrolment *tb_enrolments_add(TbEnrolments *all, const char *name, gint64 ttl_ms, gint64 now_ms,
                                     char **ret_token, GError **error)
{
        if (!make_room(all, now_ms)) {
                tb_set_error(
                        error, TB_ERROR_LIMIT,
                        "%u hosts are enrolled or about to be, more are not kept: revoke one that is not "
                        "needed any more",
                        tb_server_limits.enrolments);
                return NULL;
        }
        g_autofree char *random = tb_random_token(TOKEN_BYTES);
        TbEnrolment *e = g_new0(TbEnrolment, 1);
        *ret_token = g_strconcat(TB_ENROLMENT_PREFIX, random, NULL);
        e->id = tb_random_token(ID_BYTES);
        e->name = g_strdup(name);
        tb_secret_hash(*ret_token, e->token);
        e->created_ms = now_ms;
        e->expires_ms = now_ms + ttl_ms;
        g_hash_table_insert(all->all, e->id, e);
        mark(all, e->id, true);
        return e;
}

const TbEnrolment *tb_enrolments_find(TbEnrolments *all, const char *token)
{
        const TbEnrolment *found = NULL;
        guint8 hash[TB_SECRET_HASH];
        GHashTableIter iter;
        gpointer value;
        tb_secret_hash(token, hash);
        g_hash_table_iter_init(&iter, all->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) /* all of them, always: the time tells nothing */
                if (tb_secret_equal(((TbEnrolment *)value)->token, hash, sizeof hash))
                        found = value;
        return found;
}

bool tb_enrolment_admits(const TbEnrolment *e, const char *name, const char *key, gint64 now_ms,
                         GError **error)
{
        if (!key)
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "This token is for a host with a key: update testbed-host");
        else if (e->key && strcmp(e->key, key) != 0)
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "Another host has used this token: add this one on the server's page, too");
        else if (tb_enrolment_expired(e, now_ms))
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "The time of this token is over: add the host on the server's page again");
        else if (e->name && strcmp(e->name, name) != 0)
                tb_set_error(
                        error, TB_ERROR_UNAUTHORIZED,
                        "This token is for the host \"%s\" alone: take this name (HOST_NAME, or name: in "
                        "host.yaml)",
                        e->name);
        else
                return true;
        return false;
}

void tb_enrolments_bind(TbEnrolments *all, const char *id, const char *key, const char *host, gint64 now_ms)
{
        TbEnrolment *e = g_hash_table_lookup(all->all, id);
        bool news = e && (!e->key || strcmp(e->host, host) != 0);
        if (!e)
                return;
        if (!e->key) {
                e->key = g_strdup(key);
                e->first_ms = now_ms;
        }
        g_free(e->host);
        e->host = g_strdup(host);
        e->last_ms = now_ms;
        mark(all, id, news);
}

void tb_enrolments_seen(TbEnrolments *all, const char *id, gint64 now_ms)
{
        TbEnrolment *e = g_hash_table_lookup(all->all, id);
        if (!e)
                return;
        e->last_ms = now_ms;
        mark(all, id, false);
}

bool tb_enrolments_remove(TbEnrolments *all, const char *id)
{
        g_autofree char *gone = g_strdup(id); /* it may be the enrolment's own */
        if (!g_hash_table_remove(all->all, gone))
                return false;
        mark(all, gone, true);
        return true;
}

static int newest_first(gconstpointer a, gconstpointer b)
{
        const TbEnrolment *x = *(TbEnrolment *const *)a, *y = *(TbEnrolment *const *)b;
        return x->created_ms != y->created_ms ? (x->created_ms < y->created_ms ? 1 : -1)
                                              : strcmp(x->id, y->id);
}

GPtrArray *tb_enrolments_list(TbEnrolments *all)
{
        GPtrArray *list = g_ptr_array_new();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, all->all);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                g_ptr_array_add(list, value);
        g_ptr_array_sort(list, newest_first);
        return list;
}

/* --- the store's side --- */
void tb_enrolments_load(TbEnrolments *all, const TbDbResult *rows)
{
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *id = tb_db_get_text(rows, i, 0);
                gsize size;
                const void *token = tb_db_get_bytes(rows, i, 1, &size);
                bool bound = tb_db_get_text(rows, i, 3) && tb_db_get_text(rows, i, 4);
                if (!id || size != TB_SECRET_HASH ||
                    g_hash_table_size(all->all) >= tb_server_limits.enrolments ||
                    g_hash_table_contains(all->all, id) || g_hash_table_contains(all->changed, id))
                        continue;
                TbEnrolment *e = g_new0(TbEnrolment, 1);
                e->id = g_strdup(id);
                memcpy(e->token, token, size);
                e->name = g_strdup(tb_db_get_text(rows, i, 2));
                e->host = bound ? g_strdup(tb_db_get_text(rows, i, 3)) : NULL;
                e->key = bound ? g_strdup(tb_db_get_text(rows, i, 4)) : NULL;
                e->created_ms = tb_db_get_int(rows, i, 5);
                e->expires_ms = tb_db_get_int(rows, i, 6);
                e->first_ms = tb_db_get_int(rows, i, 7);
                e->last_ms = tb_db_get_int(rows, i, 8);
                g_hash_table_insert(all->all, e->id, e);
        }
}

static void write_one(gconstpointer row, const char *id, TbDbCall *call)
{
        const TbEnrolment *e = row;
        tb_db_statement(call, e ? tb_sql_enrolment_put : tb_sql_enrolment_end);
        tb_db_text(call, id);
        if (!e)
                return;
        tb_db_bytes(call, e->token, sizeof e->token);
        tb_db_text(call, e->name);
        tb_db_text(call, e->host);
        tb_db_text(call, e->key);
        tb_db_int(call, e->created_ms);
        tb_db_int(call, e->expires_ms);
        tb_db_int(call, e->first_ms);
        tb_db_int(call, e->last_ms);
}

GPtrArray *tb_enrolments_write(TbEnrolments *all, TbDbCall *call)
{
        return tb_changed_write(all->changed, all->all, G_MAXUINT, write_one, call);
}

void tb_enrolments_again(TbEnrolments *all, GPtrArray *written)
{
        tb_changed_again(all->changed, written);
}

void tb_enrolments_all_again(TbEnrolments *all)
{
        tb_changed_all(all->changed, all->all);
}
