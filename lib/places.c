#include "lib/places.h"

#include "lib/error.h"
#include "lib/net.h"
#include "lib/rate.h"

void tb_places_init(TbPlaces *p, const char *what, guint max)
{
        *p = (TbPlaces){.what = what, .max = max};
}

void tb_places_clear(TbPlaces *p)
{
        g_clear_pointer(&p->held, g_hash_table_unref);
        p->all = p->watched = 0;
}

guint tb_places_each(const TbPlaces *p)
{
        return MAX(p->max / 2, 1);
}

guint tb_places_watched(const TbPlaces *p)
{
        return MAX(p->max - p->max / 4, 1);
}

static guint held(const TbPlaces *p, const char *key)
{
        return p->held && key ? GPOINTER_TO_UINT(g_hash_table_lookup(p->held, key)) : 0;
}

static void set_held(TbPlaces *p, const char *key, guint n)
{
        if (!key)
                return;
        if (!p->held)
                p->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (n)
                g_hash_table_replace(p->held, g_strdup(key), GUINT_TO_POINTER(n));
        else
                g_hash_table_remove(p->held, key);
}

char *tb_place_key(const char *user, const char *peer)
{
        char net[TB_NET_KEY];
        if (user && g_str_has_suffix(user, TB_VIA_SERVER)) {
                const char *link = g_strrstr(user, TB_LINK_OF);
                return link ? g_strdup_printf("%.*s" TB_VIA_SERVER, (int)(link - user), user)
                            : g_strdup(user);
        }
        if (user && g_strcmp0(user, "local") != 0)
                return g_strdup(user);
        if (!peer || tb_address_is_loopback(peer))
                return NULL;
        tb_net_share_key(peer, net);
        return g_strdup(net);
}

bool tb_place_yields(const char *user, bool watches)
{
        return watches || (user && g_str_has_suffix(user, TB_VIA_SERVER));
}

bool tb_place_take(TbPlaces *p, const TbPlaceBy *by, TbPlace *ret, GError **error)
{
        *ret = (TbPlace){0};
        if (!p->what)
                return true;
        g_autofree char *key = by ? tb_place_key(by->user, by->peer) : NULL;
        bool watches = by && tb_place_yields(by->user, by->watches);
        guint n = held(p, key);
        if (n >= tb_places_each(p))
                tb_set_error(error, TB_ERROR_LIMIT, "%u %s are %s's already, which is one user's share", n,
                             p->what, key);
        else if (p->all >= p->max)
                tb_set_error(error, TB_ERROR_LIMIT, "there are %u %s already, and no more are served", p->all,
                             p->what);
        else if (watches && p->watched >= tb_places_watched(p))
                tb_set_error(error, TB_ERROR_LIMIT,
                             "there are %u %s already of those who watch or come by a server; the rest is "
                             "kept for who controls here",
                             p->watched, p->what);
        else {
                set_held(p, key, n + 1);
                p->all++;
                p->watched += watches;
                *ret = (TbPlace){p, g_steal_pointer(&key), watches};
                return true;
        }
        return false;
}

void tb_place_give(TbPlace *place)
{
        TbPlaces *p = place->pool;
        if (!p)
                return;
        set_held(p, place->key, held(p, place->key) - 1);
        p->all--;
        p->watched -= place->watches;
        g_free(place->key);
        *place = (TbPlace){0};
}
