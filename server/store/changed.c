#include "server/store/changed.h"

GPtrArray *tb_changed_write(GHashTable *changed, GHashTable *rows, guint max, TbChangedWrite write,
                            TbDbCall *call)
{
        if (g_hash_table_size(changed) == 0)
                return NULL;
        GPtrArray *written = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        gpointer id;
        g_hash_table_iter_init(&iter, changed);
        while (written->len < max && g_hash_table_iter_next(&iter, &id, NULL)) {
                write(g_hash_table_lookup(rows, id), id, call);
                g_hash_table_iter_steal(&iter);
                g_ptr_array_add(written, id);
        }
        return written;
}

void tb_changed_again(GHashTable *changed, const GPtrArray *written)
{
        for (guint i = 0; i < written->len; i++)
                g_hash_table_add(changed, g_strdup(g_ptr_array_index(written, i)));
}

void tb_changed_all(GHashTable *changed, GHashTable *rows)
{
        GHashTableIter iter;
        gpointer id;
        g_hash_table_iter_init(&iter, rows);
        while (g_hash_table_iter_next(&iter, &id, NULL))
                g_hash_table_add(changed, g_strdup(id));
}
