#include "server/store/hostkeys.h"

#include <string.h>

#include "lib/server_limits.h"
#include "server/store/changed.h"
#include "server/store/sql.h"

#define DAY_MS ((gint64)24 * 3600 * 1000)

struct TbHostKeys {
        GHashTable *all;     /* "name\ninstance", owned -> owned TbHostKey */
        GHashTable *changed; /* set of such, owned: not written yet */
};

static void key_free(gpointer p)
{
        TbHostKey *k = p;
        g_free(k->name);
        g_free(k->instance);
        g_free(k->key);
        g_free(k);
}

TbHostKeys *tb_host_keys_new(void)
{
        TbHostKeys *keys = g_new0(TbHostKeys, 1);
        keys->all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, key_free);
        keys->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return keys;
}

void tb_host_keys_free(TbHostKeys *keys)
{
        if (!keys)
                return;
        g_hash_table_unref(keys->all);
        g_hash_table_unref(keys->changed);
        g_free(keys);
}

static char *id_of(const char *name, const char *instance)
{
        return g_strconcat(name, "\n", instance, NULL);
}

const TbHostKey *tb_host_keys_find(TbHostKeys *keys, const char *name, const char *instance)
{
        g_autofree char *id = instance ? id_of(name, instance) : NULL;
        const TbHostKey *found = NULL;
        GHashTableIter iter;
        gpointer value;
        if (id)
                return g_hash_table_lookup(keys->all, id);
        g_hash_table_iter_init(&iter, keys->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbHostKey *k = value;
                if (strcmp(k->name, name) == 0 && (!found || k->last_ms > found->last_ms))
                        found = k;
        }
        return found;
}

static TbHostKey *insert(TbHostKeys *keys, const char *name, const char *instance, const char *key,
                         gint64 first_ms, gint64 last_ms)
{
        TbHostKey *k = g_new0(TbHostKey, 1);
        k->name = g_strdup(name);
        k->instance = g_strdup(instance);
        k->key = g_strdup(key);
        k->first_ms = first_ms;
        k->last_ms = last_ms;
        g_hash_table_insert(keys->all, id_of(name, instance), k);
        return k;
}

static bool is_brief(const TbHostKey *k)
{
        return k->last_ms - k->first_ms < (gint64)tb_server_limits.host_key_brief_s * 1000;
}

/* Who was here for long may come back after weeks; of who looked in once, nobody knows yet that there is a host. */
static bool may_go(const TbHostKey *k, gint64 now_ms)
{
        return !k->present &&
               now_ms - k->last_ms >= (is_brief(k) ? 1 : tb_server_limits.host_key_days) * DAY_MS;
}

/* Of the network with most bindings, when that are more than the newcomer's, the youngest of those that were here briefly: a few
 * networks that fill the table keep nobody else out. NULL: none. */
static const TbHostKey *of_largest(TbHostKeys *keys, guint of_this)
{
        g_autoptr(GHashTable) nets = g_hash_table_new(g_str_hash, g_str_equal);
        const TbHostKey *goes = NULL;
        guint most = of_this + 1;
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, keys->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                TbHostKey *k = value;
                if (*k->net)
                        g_hash_table_insert(
                                nets, k->net,
                                GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(nets, k->net)) + 1));
        }
        g_hash_table_iter_init(&iter, keys->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbHostKey *k = value;
                guint n = GPOINTER_TO_UINT(g_hash_table_lookup(nets, k->net));
                if (k->present || !is_brief(k) || n < most ||
                    (n == most && (!goes || k->first_ms <= goes->first_ms)))
                        continue;
                goes = k;
                most = n;
        }
        return goes;
}

/* A network that has its share makes room among its own. */
static bool make_room(TbHostKeys *keys, const char *net, gint64 now_ms)
{
        const TbHostKey *of_all = NULL, *of_net = NULL;
        guint of_this = 0;
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, keys->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbHostKey *k = value;
                bool own = net && strcmp(k->net, net) == 0, goes = may_go(k, now_ms);
                of_this += own;
                if (goes && (!of_all || k->last_ms < of_all->last_ms))
                        of_all = k;
                if (goes && own && (!of_net || k->last_ms < of_net->last_ms))
                        of_net = k;
        }
        bool has_share = of_this >= tb_server_limits.host_keys_each;
        if (!has_share && g_hash_table_size(keys->all) < tb_server_limits.host_keys)
                return true;
        const TbHostKey *goes = has_share ? of_net : of_all ? of_all : of_largest(keys, of_this);
        return goes && tb_host_keys_forget(keys, goes->name, goes->instance);
}

bool tb_host_keys_put(TbHostKeys *keys, const char *name, const char *instance, const char *key,
                      const char *net, gint64 now_ms)
{
        const TbHostKey *old = tb_host_keys_find(keys, name, instance);
        if (!old && !make_room(keys, net, now_ms))
                return false;
        bool present = old && old->present, names_server = old && old->names_server;
        TbHostKey *k = insert(keys, name, instance, key, old ? old->first_ms : now_ms, now_ms);
        k->present = present;
        k->names_server = names_server;
        g_strlcpy(k->net, net ? net : "", sizeof k->net);
        g_hash_table_add(keys->changed, id_of(name, instance));
        return true;
}

void tb_host_keys_present(TbHostKeys *keys, const char *name, const char *instance, bool present,
                          gint64 now_ms)
{
        char *id = id_of(name, instance);
        TbHostKey *k = g_hash_table_lookup(keys->all, id);
        if (!k) {
                g_free(id);
                return;
        }
        k->present = present;
        k->last_ms = now_ms;
        g_hash_table_add(keys->changed, id);
}

void tb_host_keys_names_server(TbHostKeys *keys, const char *name, const char *instance)
{
        char *id = id_of(name, instance);
        TbHostKey *k = g_hash_table_lookup(keys->all, id);
        if (k && !k->names_server) {
                k->names_server = true;
                g_hash_table_add(keys->changed, id);
        } else {
                g_free(id);
        }
}

bool tb_host_keys_key_names_server(TbHostKeys *keys, const char *key)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, keys->all);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbHostKey *k = value;
                if (k->names_server && strcmp(k->key, key) == 0)
                        return true;
        }
        return false;
}

bool tb_host_keys_forget(TbHostKeys *keys, const char *name, const char *instance)
{
        char *id = id_of(name, instance);
        bool was = g_hash_table_remove(keys->all, id);
        if (was)
                g_hash_table_add(keys->changed, id);
        else
                g_free(id);
        return was;
}

guint tb_host_keys_size(TbHostKeys *keys)
{
        return g_hash_table_size(keys->all);
}

/* --- the store's side --- */
void tb_host_keys_load(TbHostKeys *keys, const TbDbResult *rows)
{
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *name = tb_db_get_text(rows, i, 0), *instance = tb_db_get_text(rows, i, 1);
                g_autofree char *id = id_of(name, instance);
                if (g_hash_table_size(keys->all) < tb_server_limits.host_keys &&
                    !g_hash_table_contains(keys->all, id) && !g_hash_table_contains(keys->changed, id))
                        insert(keys, name, instance, tb_db_get_text(rows, i, 2), tb_db_get_int(rows, i, 3),
                               tb_db_get_int(rows, i, 4))
                                ->names_server = tb_db_get_int(rows, i, 5) != 0;
        }
}

static void write_one(gconstpointer row, const char *id, TbDbCall *call)
{
        const TbHostKey *k = row;
        const char *split = strchr(id, '\n');
        g_autofree char *name = g_strndup(id, (gsize)(split - id));
        tb_db_statement(call, k ? tb_sql_host_put : tb_sql_host_forget);
        tb_db_text(call, name);
        tb_db_text(call, split + 1);
        if (!k)
                return;
        tb_db_text(call, k->key);
        tb_db_int(call, k->first_ms);
        tb_db_int(call, k->last_ms);
        if (!k->names_server)
                return;
        tb_db_statement(call, tb_sql_host_names_server);
        tb_db_text(call, name);
        tb_db_text(call, split + 1);
}

GPtrArray *tb_host_keys_write(TbHostKeys *keys, TbDbCall *call, guint max)
{
        return tb_changed_write(keys->changed, keys->all, max, write_one, call);
}

void tb_host_keys_again(TbHostKeys *keys, GPtrArray *written)
{
        tb_changed_again(keys->changed, written);
}

void tb_host_keys_all_again(TbHostKeys *keys)
{
        tb_changed_all(keys->changed, keys->all);
}
