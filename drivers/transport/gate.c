#include "drivers/transport/gate.h"

#define IN_A_ROW 8 /* of what somebody asked for, then one look: what is watched stays watched */

typedef struct Waiter {
        TbInterruptor *turn; /* owned */
        gint64 patience_us;
        bool let_in;
        GError *lost; /* owned: instead */
} Waiter;

/* There is one while somebody is in. */
typedef struct Gate {
        GQueue asked, looks; /* of borrowed Waiter, which stand on their threads' stacks */
        guint in_a_row;
        gint64 since_us; /* who is in came in */
} Gate;

static struct {
        TbMutex lock;
        GHashTable *by_key; /* owned keys and gates; NULL: none */
} gates = {.lock = TB_MUTEX_INIT};

static Gate *gate_of(const char *key) /* locked */
{
        return gates.by_key ? g_hash_table_lookup(gates.by_key, key) : NULL;
}

/* NULL: it was free, and is ours now. Else who waits there, `waiter` last among those of his sort. */
static GQueue *queue_or_take(const char *key, bool look, Waiter *waiter) /* locked */
{
        Gate *gate = gate_of(key);

        if (gate) {
                GQueue *queue = look ? &gate->looks : &gate->asked;
                g_queue_push_tail(queue, waiter);
                return queue;
        }
        if (!gates.by_key)
                gates.by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        gate = g_new0(Gate, 1);
        gate->since_us = g_get_monotonic_time();
        g_hash_table_insert(gates.by_key, g_strdup(key), gate);
        return NULL;
}

bool tb_gate_enter(TbIo *io, const char *key, bool look, GError **error)
{
        return tb_gate_enter_or_lose(io, key, look, G_MAXINT, error);
}

bool tb_gate_enter_or_lose(TbIo *io, const char *key, bool look, int patience_ms, GError **error)
{
        Waiter waiter = {.turn = tb_interruptor_try_new(error), .patience_us = (gint64)patience_ms * 1000};

        if (!waiter.turn)
                return false;
        tb_mutex_lock(&gates.lock);
        GQueue *queue = queue_or_take(key, look, &waiter);
        tb_mutex_unlock(&gates.lock);
        TbWait waited = TB_WAIT_READY;
        if (queue) {
                struct pollfd turn = {.fd = tb_interruptor_fd(waiter.turn), .events = POLLIN};
                waited = tb_io_wait(io, &turn, 1, -1);
                tb_mutex_lock(&gates.lock);
                if (waiter.let_in)
                        waited = TB_WAIT_READY; /* at the last moment, too: whoever asks now will notice */
                else if (!waiter.lost)
                        g_queue_remove(queue, &waiter);
                tb_mutex_unlock(&gates.lock);
        }
        tb_interruptor_free(waiter.turn);
        if (waiter.lost) {
                g_propagate_error(error, waiter.lost);
                return false;
        }
        if (waited == TB_WAIT_READY)
                return true;
        g_autofree char *what = g_strdup_printf("%s: its other outlets are asked first", key);
        return tb_io_fail(waited, what, error);
}

static Waiter *next_of(Gate *gate) /* locked */
{
        bool look = g_queue_is_empty(&gate->asked) ||
                    (gate->in_a_row >= IN_A_ROW && !g_queue_is_empty(&gate->looks));

        gate->in_a_row = look ? 0 : gate->in_a_row + 1;
        return g_queue_pop_head(look ? &gate->looks : &gate->asked);
}

static void lose_patience(GQueue *queue, gint64 waited_us, const GError *why) /* locked */
{
        for (GList *link = queue->head, *next; link; link = next) {
                Waiter *waiter = link->data;
                next = link->next;
                if (waiter->patience_us > waited_us)
                        continue;
                waiter->lost = g_error_copy(why);
                g_queue_delete_link(queue, link);
                tb_interruptor_raise(waiter->turn);
        }
}

void tb_gate_lost(const char *key, const GError *why)
{
        tb_mutex_lock(&gates.lock);
        Gate *gate = gate_of(key);
        gint64 waited_us = g_get_monotonic_time() - gate->since_us;
        lose_patience(&gate->asked, waited_us, why);
        lose_patience(&gate->looks, waited_us, why);
        tb_mutex_unlock(&gates.lock);
        tb_gate_leave(key);
}

void tb_gate_leave(const char *key)
{
        tb_mutex_lock(&gates.lock);
        Waiter *next = next_of(gate_of(key));
        if (next) {
                gate_of(key)->since_us = g_get_monotonic_time();
                next->let_in = true;
                tb_interruptor_raise(next->turn);
        } else {
                g_hash_table_remove(gates.by_key, key);
                if (g_hash_table_size(gates.by_key) == 0) /* nothing is kept for nobody */
                        g_clear_pointer(&gates.by_key, g_hash_table_unref);
        }
        tb_mutex_unlock(&gates.lock);
}

guint tb_gate_waiting(const char *key)
{
        tb_mutex_lock(&gates.lock);
        Gate *gate = gate_of(key);
        guint n = gate ? gate->asked.length + gate->looks.length : 0;
        tb_mutex_unlock(&gates.lock);
        return n;
}
