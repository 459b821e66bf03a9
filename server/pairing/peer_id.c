/*
 * Names of the parties. One who comes back says by which he went (`peerId` of hello), and goes by it again, also after a restart of the
 * server, so that whoever has a connection with him need not begin anew. Nothing is kept for that: the name bears a mark made
 * with what only the session's own token opens, of what its bearer may be. So nobody can make one up, take one of another session, or be
 * more by it than his token lets him.
 */
#include <string.h>

#include "server/pairing/pairing_private.h"

#define HALF 16 /* hex digits: of chance, and of the mark */

static void put_mark(const TbSession *session, TbPartyRole role, TbMode mode, const char *chance,
                     char mark[HALF + 1])
{
        g_autofree char *text = g_strdup_printf("%s %d %d %.*s", session->id, (int)role,
                                                role == TB_PARTY_DESKTOP ? (int)mode : 0, HALF, chance);
        g_autofree char *hmac =
                g_compute_hmac_for_string(G_CHECKSUM_SHA256, session->token, sizeof session->token, text, -1);
        g_strlcpy(mark, hmac, HALF + 1);
}

static bool is_marked(const TbSession *session, TbPartyRole role, TbMode mode, const char *id)
{
        char mark[HALF + 1];
        if (strlen(id) != 1 + 2 * HALF || *id != 'p')
                return false;
        put_mark(session, role, mode, id + 1, mark);
        return tb_secret_equal(mark, id + 1 + HALF, HALF);
}

bool tb_party_id_controls(const TbSession *session, const char *id)
{
        return is_marked(session, TB_PARTY_DESKTOP, TB_MODE_CONTROL, id);
}

static TbParty *named(const TbSession *session, const char *id)
{
        for (guint i = 0; i < session->observers->len; i++) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (strcmp(observer->id, id) == 0)
                        return observer;
        }
        return tb_session_phone(session, id);
}

TbParty *tb_party_same(const TbParty *newcomer, const TbSession *session, TbPartyRole role,
                       const char *claimed)
{
        return claimed && is_marked(session, role, newcomer->mode, claimed) ? named(session, claimed) : NULL;
}

void tb_party_name(TbParty *party, const TbSession *session, TbPartyRole role, const char *claimed)
{
        if (claimed && is_marked(session, role, party->mode, claimed) && !named(session, claimed)) {
                g_strlcpy(party->id, claimed, sizeof party->id);
                return;
        }
        g_autofree char *token = tb_random_token(16);
        g_autofree char *chance = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
        char mark[HALF + 1];
        put_mark(session, role, party->mode, chance, mark);
        g_snprintf(party->id, sizeof party->id, "p%.*s%s", HALF, chance, mark);
}

void tb_host_name_party(TbParty *host)
{
        g_autofree char *text = g_strdup_printf("%s %s", host->host, host->key ? host->key : "");
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
        g_snprintf(host->id, sizeof host->id, "h%.*s", 2 * HALF, sum);
}
