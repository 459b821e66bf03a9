/*
 * Several phones in one session, where its maker allowed it: each has a peer id, by which the desktop's messages find it (`to`) and its
 * own are told apart (`from`). They do not hear of each other.
 */
#include <string.h>

#include "server/pairing/pairing_private.h"

TbParty *tb_session_phone(const TbSession *session, const char *id)
{
        if (!id)
                return session->phones->len == 1 ? g_ptr_array_index(session->phones, 0) : NULL;
        for (guint i = 0; i < session->phones->len; i++) {
                TbParty *phone = g_ptr_array_index(session->phones, i);
                if (strcmp(phone->id, id) == 0)
                        return phone;
        }
        return NULL;
}

TbParty *tb_phones_reader(TbParty *party, json_t *message)
{
        const TbSession *session = party->session;
        TbParty *to = NULL;
        if (party->role == TB_PARTY_PHONE) {
                to = session->observers->len ? g_ptr_array_index(session->observers, 0) : NULL;
                json_object_set_new(message, "from", json_string(party->id));
        } else {
                to = tb_session_phone(session, json_string_value(json_object_get(message, "to")));
        }
        json_object_del(message, "to");
        if (!to)
                tb_party_error(party, "no-peer", "Peer not connected");
        return to;
}
