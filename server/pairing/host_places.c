/*
 * Who finds a place when tb_server_limits.hosts are here already, and how fast hosts may come. Where anybody may be a host, a crowd of
 * one network must not keep the others out: whose key was known before goes before those without one, and among equals the
 * network that has most gives one up, its youngest. Where hosts show tokens all are equal, and who is there stays.
 */
#include <string.h>

#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

typedef enum Rank { WITHOUT_KEY, WITH_KEY, KNOWN_FOR_LONG } Rank;

static const char *net_of(const TbParty *party)
{
        const TbPartyOps *ops = party->pairing->options.ops;
        const char *net = ops->net ? ops->net(party->connection) : NULL;
        return net ? net : "";
}

static Rank rank_of(const TbParty *host, const char *name)
{
        if (!host->key)
                return WITHOUT_KEY;
        return tb_host_key_is_old(host, name) ? KNOWN_FOR_LONG : WITH_KEY;
}

/* This machine speaks for many: each of them is one. */
static guint hosts_of(const TbPairing *pairing, const char *net)
{
        GHashTableIter iter;
        gpointer value;
        guint n = 0;
        if (!*net)
                return 1;
        g_hash_table_iter_init(&iter, pairing->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                n += strcmp(net_of(value), net) == 0;
        return n;
}

/* NULL: nobody. */
static TbParty *who_goes_for(const TbParty *newcomer, Rank rank)
{
        TbPairing *pairing = newcomer->pairing;
        guint own = hosts_of(pairing, net_of(newcomer)), most = 0;
        TbParty *goes = NULL;
        Rank least = KNOWN_FOR_LONG;
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, pairing->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                TbParty *host = value;
                Rank of_host = rank_of(host, host->host);
                guint n = hosts_of(pairing, net_of(host));
                if (of_host > rank || (of_host == rank && n <= own + 1))
                        continue;
                if (goes && (of_host > least || (of_host == least && n < most) ||
                             (of_host == least && n == most && host->since_ms <= goes->since_ms)))
                        continue;
                goes = host;
                least = of_host;
                most = n;
        }
        return goes;
}

bool tb_host_find_place(TbParty *party, const char *name, bool known)
{
        TbPairing *pairing = party->pairing;
        if (g_hash_table_size(pairing->hosts) < tb_server_limits.hosts)
                return true;
        bool anybody = tb_auth_is_open(pairing->options.hosts) &&
                       (!pairing->options.users || tb_auth_is_open(pairing->options.users));
        TbParty *goes = anybody ? who_goes_for(party, known ? rank_of(party, name) : WITHOUT_KEY) : NULL;
        if (!goes)
                return false;
        tb_host_left(goes);
        tb_party_refuse(goes, "too-many-hosts", "Too many hosts: one that is known better takes this place");
        return true;
}

bool tb_host_may_come(TbParty *party, gint64 now_ms)
{
        const char *net = net_of(party);
        return !*net || tb_rates_take(party->pairing->host_joins, net, 1, now_ms * 1000, NULL);
}

bool tb_host_is_said(TbParty *party)
{
        return tb_tally_notef(party->pairing->said, "host %s comes and goes", party->host);
}
