#include "drivers/transport/offers.h"

struct TbOffers {
        TbDiscovery *discovery; /* borrowed */
        GHashTable *told,
                *now; /* owned: URI -> all that was told, as one text; `now` only between begin and end */
};

static GHashTable *table(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

TbOffers *tb_offers_new(TbDiscovery *discovery)
{
        TbOffers *offers = g_new0(TbOffers, 1);

        offers->discovery = discovery;
        offers->told = table();
        return offers;
}

void tb_offers_free(TbOffers *offers)
{
        if (!offers)
                return;
        g_hash_table_unref(offers->told);
        g_clear_pointer(&offers->now, g_hash_table_unref);
        g_free(offers);
}

void tb_offers_begin(TbOffers *offers)
{
        g_assert(!offers->now);
        offers->now = table();
}

void tb_offers_add(TbOffers *offers, const char *uri, const char *label, const char *why,
                   json_t *properties_take)
{
        g_autofree char *properties =
                json_dumps(properties_take, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
        char *all = g_strdup_printf("%s\n%s\n%s", label, why, properties);

        g_hash_table_insert(offers->now, g_strdup(uri), all);
        if (g_strcmp0(g_hash_table_lookup(offers->told, uri), all) == 0)
                json_decref(properties_take);
        else
                offers->discovery->found(offers->discovery, uri, label, why, properties_take);
}

void tb_offers_end(TbOffers *offers)
{
        GHashTableIter iter;
        gpointer uri;

        g_hash_table_iter_init(&iter, offers->told);
        while (g_hash_table_iter_next(&iter, &uri, NULL)) {
                if (!g_hash_table_contains(offers->now, uri))
                        offers->discovery->lost(offers->discovery, uri);
        }
        g_hash_table_unref(offers->told);
        offers->told = g_steal_pointer(&offers->now);
}
