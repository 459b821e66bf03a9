/* What was allowed when it was made, and is not any more. */
#include "server/pairing/pairing_private.h"

void tb_pairing_end_those(TbPairing *pairing,
                          bool (*ends)(const char *maker, const char *host, const char *device, TbMode mode,
                                       gpointer data),
                          gpointer data)
{
        g_autoptr(GPtrArray) those = g_ptr_array_new();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, pairing->sessions);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                TbSession *s = value;
                if (ends(s->share, s->host, s->device, s->mode, data))
                        g_ptr_array_add(those, s);
        }
        for (guint i = 0; i < those->len; i++)
                tb_pairing_end(pairing, g_ptr_array_index(those, i));
}
