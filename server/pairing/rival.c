/*
 * Who comes while his place, or the name by which he went, is taken: a phone whose network changed meets its own dead socket there,
 * which nobody ends for minutes, and a page that is loaded again one that is just about to end. With another name he would have lost what
 * he controls. A tab that was made as a copy of another has its name, too: that one answers, and the copy gets a new one. So who is there is asked for a sign of life; when none comes in tb_server_limits.rival_ms the newcomer has the place, and
 * until then he waits.
 */
#include "lib/log.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

/* Of several the one who is silent longest. */
static TbParty *holder_of(TbSession *session, TbPartyRole role)
{
        const TbPartyOps *ops = session->pairing->options.ops;
        const GPtrArray *all = role == TB_PARTY_PHONE ? session->phones : session->observers;
        TbParty *holder = NULL;
        for (guint i = 0; i < all->len; i++) {
                TbParty *party = g_ptr_array_index(all, i);
                if (!holder || ops->silent_ms(party->connection) > ops->silent_ms(holder->connection))
                        holder = party;
        }
        return holder;
}

bool tb_rival_waits(TbParty *party, TbSession *session, TbPartyRole role, TbParty *holder, json_t *hello,
                    gint64 now_ms)
{
        const TbPartyOps *ops = session->pairing->options.ops;
        if (ops->probe && !holder)
                holder = holder_of(session, role);
        if (!ops->probe || !holder)
                return false;
        party->holder = holder;
        party->wish = json_incref(hello);
        party->probed_ms = now_ms;
        ops->probe(holder->connection);
        return true;
}

static json_t *take_wish(TbParty *party)
{
        party->holder = NULL;
        return g_steal_pointer(&party->wish);
}

static void settle(TbParty *party, gint64 now_ms)
{
        TbParty *holder = party->holder;
        const TbPartyOps *ops = party->pairing->options.ops;
        bool alive = holder && ops->silent_ms(holder->connection) < now_ms - party->probed_ms;
        if (holder && !alive && now_ms - party->probed_ms < tb_server_limits.rival_ms)
                return;
        json_auto_t *wish = take_wish(party);
        if (alive) {
                tb_party_hello(party, wish, false, now_ms);
                return;
        }
        if (holder && holder->session) {
                tb_log(TB_LOG_INFO, TB_F("request", holder->request_id, "by", party->request_id),
                       "a %s does not answer, and another one has its place",
                       tb_party_role_name(holder->role));
                tb_party_leave_session(holder);
                tb_party_refuse(holder, "replaced", "You did not answer, and somebody else has your place");
        }
        tb_party_hello(party, wish, true, now_ms);
}

gint64 tb_rivals_tick(TbPairing *pairing, gint64 now_ms)
{
        gint64 next = G_MAXINT64;
        for (GList *l = pairing->waiting.head; l;) {
                TbParty *party = l->data;
                l = l->next; /* it may find its place, and leave the queue */
                if (party->wish && !party->refused)
                        settle(party, now_ms);
                if (party->wish)
                        next = now_ms + TB_PAIRING_LOOK_MS;
        }
        return next;
}

void tb_rival_left(TbParty *party)
{
        g_clear_pointer(&party->wish, json_decref);
        for (GList *l = party->pairing->waiting.head; l; l = l->next)
                if (((TbParty *)l->data)->holder == party)
                        ((TbParty *)l->data)->holder = NULL; /* the next tick lets him in */
}
