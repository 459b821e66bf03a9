/*
 * Who has a device, as its host says: shown to those in its sessions. The host alone decides it; so nothing is kept here beyond the
 * host's connection, and it tells all of it when it comes. And whom a host has still that may not be there any more: links that were
 * taken back while it was away.
 */
#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/text.h"
#include "server/pairing/pairing_private.h"

#define HELD_PER_S 50.0
#define HELD_BURST 2000.0 /* all devices of a host, when it comes */

static void held_free(gpointer p)
{
        TbHeld *held = p;
        g_free(held->holder);
        g_free(held);
}

const TbHeld *tb_held_of(const TbSession *session)
{
        const TbParty *host =
                session->host ? g_hash_table_lookup(session->pairing->hosts, session->host) : NULL;
        return host && host->held ? g_hash_table_lookup(host->held, session->device) : NULL;
}

void tb_host_control(TbParty *host, const json_t *message, gint64 now_ms)
{
        const char *device = json_string_value(json_object_get(message, "device")),
                   *holder = json_string_value(json_object_get(message, "holder")),
                   *peer = json_string_value(json_object_get(message, "peerId"));
        if (!device || !tb_device_list_has(host->devices, device) ||
            !tb_bucket_take(&host->tells, HELD_PER_S, HELD_BURST, 1, now_ms * 1000, NULL))
                return; /* it is only shown */
        if (!host->held)
                host->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, held_free);
        if (holder) {
                TbHeld *held = g_new0(TbHeld, 1);
                held->holder = tb_text_line(holder, TB_LIMIT_HOLDER);
                g_strlcpy(held->peer, peer ? peer : "", sizeof held->peer);
                g_hash_table_replace(host->held, g_strdup(device), held);
        } else {
                g_hash_table_remove(host->held, device);
        }
        const GQueue *sessions = g_hash_table_lookup(host->pairing->of_host, host->host);
        for (GList *l = sessions ? sessions->head : NULL; l; l = l->next)
                if (strcmp(((TbSession *)l->data)->device, device) == 0)
                        tb_room_changed(l->data);
}

void tb_host_observers(TbParty *host, const json_t *message)
{
        const json_t *all = json_object_get(message, "observers");
        for (gsize i = 0; i < MIN(json_array_size(all), TB_LIMIT_HOST_OBSERVERS); i++) {
                const json_t *o = json_array_get(all, i);
                const char *id = json_string_value(json_object_get(o, "sessionId")),
                           *peer = json_string_value(json_object_get(o, "peerId"));
                const TbSession *session = id ? g_hash_table_lookup(host->pairing->sessions, id) : NULL;
                if (!id || !peer)
                        continue;
                if (!session || g_strcmp0(session->host, host->host) != 0)
                        tb_party_send(host,
                                      json_pack("{s:s, s:s}", "type", "session-closed", "sessionId", id));
                else if (session->mode == TB_MODE_VIEW && tb_party_id_controls(session, peer))
                        tb_party_send(host, json_pack("{s:s, s:s, s:s, s:b}", "type", "peer-disconnected",
                                                      "sessionId", id, "peerId", peer, "cut", 1));
        }
}
