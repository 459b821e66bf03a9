#include "drivers/transport/gate.h"

#define LOOK_MS 5 /* between two looks whether it is ours: an answer takes longer */

static struct {
        TbMutex lock;
        GHashTable *taken; /* owned keys; of those who have it */
} gates = {.lock = TB_MUTEX_INIT};

static bool try_take(const char *key)
{
        tb_mutex_lock(&gates.lock);
        if (!gates.taken)
                gates.taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        bool ours = !g_hash_table_contains(gates.taken, key);
        if (ours)
                g_hash_table_add(gates.taken, g_strdup(key));
        tb_mutex_unlock(&gates.lock);
        return ours;
}

bool tb_gate_enter(TbIo *io, const char *key, GError **error)
{
        while (!try_take(key)) {
                TbWait waited = tb_io_wait(io, NULL, 0, LOOK_MS);
                bool late = waited == TB_WAIT_TIMEOUT && g_get_monotonic_time() >= io->deadline_us;
                if (waited != TB_WAIT_TIMEOUT || late) {
                        g_autofree char *what = g_strdup_printf("%s: others ask it", key);
                        return tb_io_fail(waited, what, error);
                }
        }
        return true;
}

void tb_gate_leave(const char *key)
{
        tb_mutex_lock(&gates.lock);
        g_hash_table_remove(gates.taken, key);
        if (g_hash_table_size(gates.taken) == 0) /* nothing is kept for nobody */
                g_clear_pointer(&gates.taken, g_hash_table_unref);
        tb_mutex_unlock(&gates.lock);
}
