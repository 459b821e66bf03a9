#include "drivers/transport/offers.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/text.h"

struct TbOffers {
        TbDiscovery *discovery; /* borrowed */
        GHashTable *told;       /* owned: URI -> all that was told, as one text */
        GHashTable *now;        /* owned: the same of this look; NULL: none is under way */
        guint news;             /* told since begin */
        bool keep;
        const char *left_out; /* static; NULL: nothing */
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
        g_clear_pointer(&offers->now, g_hash_table_unref);
        tb_offers_begin(offers);
        tb_offers_end(offers);
        g_hash_table_unref(offers->told);
        g_free(offers);
}

void tb_offers_begin(TbOffers *offers)
{
        g_assert(!offers->now);
        offers->now = table();
        offers->news = 0;
        offers->keep = false;
        offers->left_out = NULL;
}

static const char *refusal(const TbOffers *offers, const char *uri)
{
        if (strlen(uri) > TB_LIMIT_FOUND_URI)
                return "a device whose name is longer than " G_STRINGIFY(
                        TB_LIMIT_FOUND_URI) " bytes is left out";
        if (!g_utf8_validate(uri, -1, NULL))
                return "a device whose name is no UTF-8 is left out";
        for (const char *c = uri; *c; c++)
                if (g_ascii_iscntrl(*c))
                        return "a device with control characters in its name is left out";
        if (g_hash_table_contains(offers->now, uri))
                return "several devices have one name: all but the first are left out";
        if (g_hash_table_size(offers->now) >= TB_LIMIT_FOUND)
                return "more than " G_STRINGIFY(TB_LIMIT_FOUND) " devices are there: the others are left out";
        return NULL;
}

bool tb_offers_add(TbOffers *offers, const char *uri, const char *label, const char *why,
                   json_t *properties_take)
{
        const char *refused = refusal(offers, uri);
        if (refused) {
                offers->left_out = refused;
                json_decref(properties_take);
                return false;
        }
        g_autofree char *shown = tb_text_cut(label, TB_LIMIT_LABEL);
        g_autofree char *reason = tb_text_cut(why, TB_LIMIT_FOUND_TEXT);
        json_t *properties = tb_offers_fit(properties_take ? properties_take : json_object());
        char *text = json_dumps(properties, JSON_SORT_KEYS | JSON_COMPACT); /* lint: json - sorted */
        char *all = g_strdup_printf("%s\n%s\n%s", shown, reason, text);

        free(text);
        bool same = g_strcmp0(g_hash_table_lookup(offers->told, uri), all) == 0;
        g_hash_table_insert(offers->now, g_strdup(uri), all);
        if (same) {
                json_decref(properties);
                return true;
        }
        offers->news++;
        offers->discovery->found(offers->discovery, uri, shown, reason, properties);
        return true;
}

void tb_offers_keep(TbOffers *offers)
{
        offers->keep = true;
}

guint tb_offers_end(TbOffers *offers)
{
        GHashTableIter iter;
        gpointer uri;

        if (offers->keep) {
                tb_offers_abort(offers);
                return offers->news;
        }
        g_hash_table_iter_init(&iter, offers->told);
        while (g_hash_table_iter_next(&iter, &uri, NULL)) {
                if (g_hash_table_contains(offers->now, uri))
                        continue;
                offers->news++;
                offers->discovery->lost(offers->discovery, uri);
        }
        g_hash_table_unref(offers->told);
        offers->told = g_steal_pointer(&offers->now);
        return offers->news;
}

void tb_offers_abort(TbOffers *offers)
{
        GHashTableIter iter;
        gpointer uri, all;

        g_hash_table_iter_init(&iter, offers->now);
        while (g_hash_table_iter_next(&iter, &uri, &all)) /* what was told is to be lost one day */
                g_hash_table_insert(offers->told, g_strdup(uri), g_strdup(all));
        g_clear_pointer(&offers->now, g_hash_table_unref);
}

const char *tb_offers_left_out(const TbOffers *offers)
{
        return offers->left_out;
}

/* --- texts --- */
void tb_offers_set(json_t *object, const char *key, const char *text)
{
        if (!text || !*text)
                return;
        g_autofree char *fit = tb_text_cut(text, TB_LIMIT_FOUND_TEXT);
        json_object_set_new(object, key, json_string(fit));
}

json_t *tb_offers_fit(json_t *value_take)
{
        const char *key;
        json_t *item;
        void *next;
        gsize i;

        if (json_is_string(value_take) && json_string_length(value_take) > TB_LIMIT_FOUND_TEXT) {
                g_autofree char *fit = tb_text_cut(json_string_value(value_take), TB_LIMIT_FOUND_TEXT);
                json_decref(value_take);
                return json_string(fit);
        }
        json_array_foreach (value_take, i, item)
                json_array_set_new(value_take, i, tb_offers_fit(json_incref(item)));
        json_object_foreach_safe (value_take, next, key, item)
                json_object_set_new(value_take, key, tb_offers_fit(json_incref(item)));
        return value_take;
}
