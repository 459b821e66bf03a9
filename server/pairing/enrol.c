/* Hosts that come by a token which an admin made for them (server/store/enrolments.h). */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "server/pairing/pairing_private.h"
#include "server/store/hostkeys.h"

static const TbEnrolment *enrolment_of(const TbPairing *pairing, const char *token)
{
        TbEnrolments *all = pairing->options.enrolments;
        return all && token ? tb_enrolments_find(all, token) : NULL;
}

/* A server without tokens lets everybody be a host; whose enrolment was revoked comes back there neither. */
static bool was_enrolled(const TbPairing *pairing, const char *token)
{
        const TbPairingOptions *o = &pairing->options;
        return token && o->enrolments && g_str_has_prefix(token, TB_ENROLMENT_PREFIX) &&
               tb_auth_is_open(o->hosts) && (!o->users || tb_auth_is_open(o->users));
}

bool tb_host_is_admitted(const TbParty *party, const char *name, const char *token, const char *key,
                         GError **error)
{
        const TbPairing *pairing = party->pairing;
        const TbEnrolment *enrolment = enrolment_of(pairing, token);
        if (enrolment)
                return tb_enrolment_admits(enrolment, name, key, tb_clock_ms(), error);
        if (!was_enrolled(pairing, token) && tb_pairing_may_be_host(pairing, name, token))
                return true;
        tb_set_error(
                error, TB_ERROR_UNAUTHORIZED,
                token && g_str_has_prefix(token, TB_ENROLMENT_PREFIX)
                        ? "This token was revoked, or is another server's: add the host on the server's page"
                        : "Invalid host or token"); /* a token is good for its own name only */
        return false;
}

/* An admin's new token for the name of a host that lost its key (a new disk, a new machine): it is that host from here on. One that is
 * connected keeps its name. */
void tb_host_replace(TbParty *party, const char *name, const char *token, const char *key)
{
        TbPairing *pairing = party->pairing;
        const TbEnrolment *enrolment = enrolment_of(pairing, token);
        const TbHostKey *owner =
                pairing->options.host_keys ? tb_host_keys_find(pairing->options.host_keys, name, NULL) : NULL;
        if (!enrolment || enrolment->key || g_strcmp0(enrolment->name, name) != 0 || !owner ||
            strcmp(owner->key, key) == 0 || tb_pairing_host(pairing, name))
                return;
        tb_log(TB_LOG_WARNING, TB_F("host", name, "enrolment", enrolment->id, "request", party->request_id),
               "this host comes with another key, by a token that was made for it: the key of before is "
               "forgotten");
        tb_pairing_forget_host(pairing, name);
}

void tb_host_enrol(TbParty *party, const char *token, const char *key, const char *host)
{
        const TbEnrolment *enrolment = enrolment_of(party->pairing, token);
        if (!enrolment)
                return;
        if (!enrolment->key)
                tb_log(TB_LOG_INFO,
                       TB_F("host", host, "enrolment", enrolment->id, "request", party->request_id),
                       "the token of the enrolment is this host's from here on");
        party->enrolment = g_strdup(enrolment->id);
        tb_enrolments_bind(party->pairing->options.enrolments, enrolment->id, key, host, tb_clock_ms());
}

bool tb_pairing_revoke(TbPairing *pairing, const char *enrolment)
{
        GHashTableIter iter;
        gpointer value;
        if (!tb_enrolments_remove(pairing->options.enrolments, enrolment))
                return false;
        g_hash_table_iter_init(&iter, pairing->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                TbParty *host = value;
                if (g_strcmp0(host->enrolment, enrolment) == 0)
                        tb_party_refuse(host, "unauthorized", "The token was revoked");
        }
        return true;
}

bool tb_pairing_enrolled(const TbPairing *pairing, const char *enrolment)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, pairing->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbParty *host = value;
                if (!host->away && !host->refused && g_strcmp0(host->enrolment, enrolment) == 0)
                        return true;
        }
        return false;
}
