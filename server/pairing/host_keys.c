/*
 * Which name a host has here. The first host with a key that comes by a name has it from then on; another one is told
 * apart as name~2, name~3. The bindings are the store's (server/store/hostkeys.h) and outlive restarts.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/proto/link_key.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"
#include "server/store/hostkeys.h"

char *tb_host_name_for(TbParty *party, const char *name, const char *key, bool *ret_known)
{
        const TbPairingOptions *options = &party->pairing->options;
        TbHostKeys *keys = options->host_keys;
        const char *net = options->ops->net ? options->ops->net(party->connection) : NULL;
        g_autofree char *instance = key ? tb_link_key_id(key) : NULL;
        for (guint n = 1; n <= TB_LIMIT_HOST_INSTANCES; n++) {
                g_autofree char *full = n == 1 ? g_strdup(name) : g_strdup_printf("%s~%u", name, n);
                const TbHostKey *owner = keys ? tb_host_keys_find(keys, full, NULL) : NULL;
                if (owner && (!key || strcmp(owner->key, key) != 0))
                        continue; /* it is somebody else's */
                if (owner && ret_known)
                        *ret_known = true;
                if (keys && key && !tb_host_keys_put(keys, full, instance, key, net, tb_clock_ms()))
                        return NULL;
                return n == 1 || key ? g_steal_pointer(&full) : NULL;
        }
        return NULL;
}

bool tb_host_key_is_old(const TbParty *host, const char *name)
{
        TbHostKeys *keys = host->pairing->options.host_keys;
        g_autofree char *instance = keys && host->key ? tb_link_key_id(host->key) : NULL;
        const TbHostKey *k = instance ? tb_host_keys_find(keys, name, instance) : NULL;
        return k &&
               tb_clock_ms() - k->first_ms >= tb_server_limits.host_key_brief_s * G_GINT64_CONSTANT(1000);
}

void tb_host_key_present(TbParty *party, bool present, gint64 now_ms)
{
        TbHostKeys *keys = party->pairing->options.host_keys;
        if (party->enrolment)
                tb_enrolments_seen(party->pairing->options.enrolments, party->enrolment, tb_clock_ms());
        if (!keys || !party->key)
                return;
        g_autofree char *instance = tb_link_key_id(party->key);
        tb_host_keys_present(keys, party->host, instance, present, tb_clock_ms());
        party->noted_ms = now_ms;
}

bool tb_pairing_forget_host(TbPairing *pairing, const char *name)
{
        TbHostKeys *keys = pairing->options.host_keys;
        const TbHostKey *owner = keys ? tb_host_keys_find(keys, name, NULL) : NULL;
        g_autofree char *instance = owner ? g_strdup(owner->instance) : NULL;
        bool known = instance && tb_host_keys_forget(keys, name, instance);
        return tb_lists_forget(pairing->lists, name) || known;
}

/* A server that a host trusts could pass its proof on to us, and be that host here: so a proof names whom it is for. Older hosts name
 * nobody; of a key that has done so once, that is somebody who stands between. */
bool tb_host_proof_is_for_us(const TbParty *party, const char *key, const char *server, GError **error)
{
        const TbPairingOptions *o = &party->pairing->options;
        if (server && o->ops->is_us && !o->ops->is_us(party->connection, server)) {
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "This host dials the server %.200s, and this one goes by another name: give the "
                             "host this "
                             "server's address (SERVER_URL), or this server that name (names:)",
                             server);
                return false;
        }
        if (server || !o->host_keys || !tb_host_keys_key_names_server(o->host_keys, key))
                return true;
        tb_set_error(
                error, TB_ERROR_UNAUTHORIZED,
                "The proof of this host's key names no server, and its proofs of before did: it is an older "
                "testbed-host now, or somebody stands between. Update it, or have an admin forget the host");
        return false;
}

void tb_host_named_us(const TbParty *party, const char *name)
{
        TbHostKeys *keys = party->pairing->options.host_keys;
        g_autofree char *instance = tb_link_key_id(party->key);
        if (keys)
                tb_host_keys_names_server(keys, name, instance);
}
