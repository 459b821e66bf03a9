#include "lib/places.h"

#include "lib/error.h"

void tb_places_init(TbPlaces *p, const TbPlacesLimits *limits)
{
        *p = (TbPlaces){.limits = limits};
}

void tb_places_clear(TbPlaces *p)
{
        g_clear_pointer(&p->held, g_hash_table_unref);
        p->all = p->watched = 0;
}

guint tb_places_of(const TbPlaces *p, const char *key)
{
        return p->held ? GPOINTER_TO_UINT(g_hash_table_lookup(p->held, key)) : 0;
}

bool tb_places_take(TbPlaces *p, const char *key, bool watches, GError **error)
{
        const TbPlacesLimits *limits = p->limits;
        guint of_key = tb_places_of(p, key);
        if (of_key >= limits->each)
                tb_set_error(error, TB_ERROR_LIMIT, "%u %s are %s's already, which is one user's share",
                             of_key, limits->what, key);
        else if (p->all >= limits->all)
                tb_set_error(error, TB_ERROR_LIMIT, "all %u %s are taken, %u of them by %s", p->all,
                             limits->what, of_key, key);
        else if (watches && p->watched >= limits->watched)
                tb_set_error(error, TB_ERROR_LIMIT,
                             "%u %s are taken by those who watch; the rest is kept for who controls",
                             p->watched, limits->what);
        else {
                if (!p->held)
                        p->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
                g_hash_table_replace(p->held, g_strdup(key), GUINT_TO_POINTER(of_key + 1));
                p->all++;
                p->watched += watches;
                return true;
        }
        return false;
}

void tb_places_give(TbPlaces *p, const char *key, bool watches)
{
        guint of_key = tb_places_of(p, key);
        g_assert(of_key > 0);
        if (of_key == 1)
                g_hash_table_remove(p->held, key);
        else
                g_hash_table_replace(p->held, g_strdup(key), GUINT_TO_POINTER(of_key - 1));
        p->all--;
        p->watched -= watches;
}
