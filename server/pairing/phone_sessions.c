/*
 * Sessions that a host asks for on its own line, for the phones of its bench: it is their desktop, by a socket of its own. They last until the host
 * ends them, or somebody takes them back; a host that asks for one of the same phone again has lost the one of before, which ends.
 */
#include <string.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

#define BASE 1024 /* bytes of an address */

/* No user's name and no network's has such a form. */
static char *share_of(const TbParty *host)
{
        return g_strdup_printf("host:%s", host->host);
}

static char *note_of(const char *name)
{
        return g_strdup_printf("phone %s of a bench", name);
}

static void end_former(TbPairing *pairing, const char *share, const char *note)
{
        GHashTableIter iter;
        gpointer value;
        TbSession *former = NULL;
        g_hash_table_iter_init(&iter, pairing->sessions);
        while (!former && g_hash_table_iter_next(&iter, NULL, &value)) {
                TbSession *session = value;
                if (!session->host && tb_session_is_of(session, share) && g_strcmp0(session->note, note) == 0)
                        former = session;
        }
        if (former)
                tb_pairing_end(pairing, former);
}

static void answer(TbParty *host, const char *name, json_t *links, const char *trouble)
{
        json_t *o = links ? links : json_object();
        json_object_set_new(o, "type", json_string("phone-session"));
        json_object_set_new(o, "name", json_string(name));
        if (trouble)
                json_object_set_new(o, "error", json_string(trouble));
        tb_party_send(host, o);
}

void tb_host_phone_session(TbParty *host, json_t *message, gint64 now_ms)
{
        TbPairing *pairing = host->pairing;
        const char *name = json_string_value(json_object_get(message, "name")),
                   *base = json_string_value(json_object_get(message, "base"));
        if (!tb_name_valid(TB_NAME_ID, name) || !pairing->options.phone_links ||
            (base && strlen(base) > BASE)) {
                tb_party_error(host, "invalid", "Invalid name");
                return;
        }
        if (!tb_bucket_take(&host->phones, 1, 2 * TB_LIMIT_PHONES, 1, now_ms * 1000, NULL)) {
                answer(host, name, NULL, "this host asks for codes too often: in a moment again");
                return;
        }
        g_autofree char *share = share_of(host), *note = note_of(name), *token = NULL, *view = NULL;
        g_autoptr(GError) error = NULL;
        const TbSessionAsk ask = {.life_s = TB_LIFE_UNTIL_REVOKED,
                                  .note = note,
                                  .share = share,
                                  .wide = share,
                                  .trusted = true};
        end_former(pairing, share, note);
        TbSession *session = tb_pairing_create(pairing, &ask, now_ms, &token, &view, &error);
        if (!session) {
                answer(host, name, NULL, tb_error_detail(error));
                return;
        }
        json_t *links = pairing->options.phone_links(base, session->id, token, pairing->options.data);
        json_object_set_new(links, "sessionId", json_string(session->id));
        json_object_set_new(links, "token", json_string(token));
        answer(host, name, links, NULL);
        if (tb_host_is_said(host))
                tb_log(TB_LOG_INFO, TB_F("host", host->host, "session", session->id),
                       "a session for the host's phone %s", name);
}

void tb_host_phone_session_end(TbParty *host, json_t *message)
{
        const char *id = json_string_value(json_object_get(message, "session"));
        TbSession *session = id ? g_hash_table_lookup(host->pairing->sessions, id) : NULL;
        g_autofree char *share = share_of(host);
        if (session && !session->host && tb_session_is_of(session, share))
                tb_pairing_end(host->pairing, session);
}
