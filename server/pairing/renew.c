/*
 * TURN credentials end; connections do not. Half-way to their end each party is given new ones, which is in time for the
 * next peer connection and for one that stands. All live equally long, so the queue is in the order in which they are
 * due. A server without TURN has nothing to renew, nor one
 * whose TURN server has one user.
 */
#include "lib/clock.h"
#include "server/pairing/pairing_private.h"

static gint64 renew_ms(const TbPairing *pairing)
{
        return MAX(pairing->options.ice->ttl_s * 1000ll / 2, 1000);
}

void tb_renew_begin(TbParty *party, gint64 now_ms)
{
        TbPairing *pairing = party->pairing;
        const TbIceConfig *ice = pairing->options.ice;
        if (!ice->secret || !tb_ice_has_turn(ice))
                return;
        party->renew_ms = now_ms + renew_ms(pairing);
        party->renew.data = party;
        g_queue_push_tail_link(&pairing->renewals, &party->renew);
}

void tb_renew_left(TbParty *party)
{
        if (party->renew.data)
                g_queue_unlink(&party->pairing->renewals, &party->renew);
        party->renew.data = NULL;
}

static void renew(TbParty *party)
{
        const char *whom = party->role == TB_PARTY_HOST ? party->host : party->id;
        tb_party_send(party, json_pack("{s:s, s:o}", "type", "ice-servers", "iceServers",
                                       tb_ice_servers(party->pairing->options.ice, whom, tb_clock_ms())));
}

gint64 tb_renew_tick(TbPairing *pairing, gint64 now_ms)
{
        TbParty *party;
        while ((party = g_queue_peek_head(&pairing->renewals))) {
                if (party->renew_ms > now_ms)
                        return party->renew_ms;
                g_queue_unlink(&pairing->renewals, &party->renew);
                if (party->refused) {
                        party->renew.data = NULL;
                        continue;
                }
                renew(party);
                party->renew_ms = now_ms + renew_ms(pairing);
                g_queue_push_tail_link(&pairing->renewals, &party->renew);
        }
        return G_MAXINT64;
}
