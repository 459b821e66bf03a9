#include "host/rules/chain.h"

#include <string.h>

#include "lib/limits_rules.h"

#define SOON_MS 10000 /* what a command sets off comes within that, or as soon as the other rule may */

typedef struct Chain {    /* of one device */
        GPtrArray *rules; /* owned names: who gave a command there, one by the other; the last one last */
        int links;        /* of the next one that comes by it */
        gint64 at_ms;     /* of the last command */
        gint64 rests_ms;  /* until then; 0: it does not */
} Chain;

struct TbRuleChains {
        GHashTable *devices; /* id -> owned Chain */
};

static void chain_free(gpointer data)
{
        Chain *c = data;
        g_ptr_array_unref(c->rules);
        g_free(c);
}

TbRuleChains *tb_rule_chains_new(void)
{
        TbRuleChains *chains = g_new0(TbRuleChains, 1);
        chains->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, chain_free);
        return chains;
}

void tb_rule_chains_free(TbRuleChains *chains)
{
        if (!chains)
                return;
        g_hash_table_unref(chains->devices);
        g_free(chains);
}

static const char *last_of(const Chain *c)
{
        return c->rules->len ? g_ptr_array_index(c->rules, c->rules->len - 1) : NULL;
}

static char *names_of(const Chain *c, const char *rule)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        for (guint i = 0; i < c->rules->len; i++)
                if (!g_ptr_array_find_with_equal_func(names, c->rules->pdata[i], g_str_equal, NULL))
                        g_ptr_array_add(names, c->rules->pdata[i]);
        if (!g_ptr_array_find_with_equal_func(names, rule, g_str_equal, NULL))
                g_ptr_array_add(names, (gpointer)rule);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(", ", (char **)names->pdata);
}

int tb_rule_chain_link(TbRuleChains *chains, const char *device, const char *rule, gint64 cooldown_ms,
                       gint64 now_ms, char **ret_first)
{
        *ret_first = NULL;
        Chain *c = device ? g_hash_table_lookup(chains->devices, device) : NULL;
        if (!c || now_ms < c->at_ms)
                return 0;
        if (c->rests_ms && now_ms < c->rests_ms)
                return -1;
        c->rests_ms = 0;
        if (now_ms - c->at_ms > cooldown_ms + SOON_MS)
                return 0;
        if (g_strcmp0(last_of(c), rule) == 0) /* by itself: its own per_hour is for that */
                return c->links - 1;
        if (c->links < TB_LIMIT_RULE_CHAIN)
                return c->links;
        c->rests_ms = now_ms + TB_RULE_REST_MS;
        *ret_first = names_of(c, rule);
        return -1;
}

void tb_rule_chain_acts(TbRuleChains *chains, const char *device, const char *rule, int links, gint64 now_ms)
{
        Chain *c = g_hash_table_lookup(chains->devices, device);
        if (!c) {
                c = g_new0(Chain, 1);
                c->rules = g_ptr_array_new_with_free_func(g_free);
                g_hash_table_insert(chains->devices, g_strdup(device), c);
        }
        if (links == 0)
                g_ptr_array_set_size(c->rules, 0);
        if (g_strcmp0(last_of(c), rule) != 0)
                g_ptr_array_add(c->rules, g_strdup(rule));
        c->links = links + 1;
        c->at_ms = now_ms;
}
