#include "lib/proto/turns.h"

#include "lib/limits.h"
#include "lib/thread.h"

struct TbTurns {
        const TbTurnsOps *ops; /* static */
        gpointer data;
        GQueue waiting; /* owned GBytes, oldest first */
        gsize at;       /* bytes of the oldest that are done */
        guint next;     /* source: the next turn; 0: nothing waits */
};

/* A turn's worth of frames. Bytes that were taken; -1: one was refused. */
static gssize take(TbTurns *turns, const guint8 *bytes, gsize size, GError **error)
{
        gint64 until_us = g_get_monotonic_time() + TB_LIMIT_LINK_TURN_US;
        gsize done = 0;
        for (guint frames = 0; done < size && frames < TB_LIMIT_LINK_TURN_FRAMES; frames++) {
                gssize n = turns->ops->frame(bytes + done, size - done, turns->data, error);
                if (n < 0)
                        return -1;
                done += (gsize)n;
                if (g_get_monotonic_time() >= until_us)
                        break;
        }
        if (turns->ops->rest)
                turns->ops->rest(turns->data);
        return (gssize)done;
}

void tb_turns_forget(TbTurns *turns)
{
        g_clear_handle_id(&turns->next, g_source_remove);
        g_queue_clear_full(&turns->waiting, (GDestroyNotify)g_bytes_unref);
        turns->at = 0;
}

static gboolean on_turn(gpointer data)
{
        TbTurns *turns = data;
        g_autoptr(GError) error = NULL;
        gsize size;
        const guint8 *bytes = g_bytes_get_data(g_queue_peek_head(&turns->waiting), &size);
        gssize done = take(turns, bytes + turns->at, size - turns->at, &error);
        turns->at += (gsize)MAX(done, 0);
        if (turns->at == size) {
                g_bytes_unref(g_queue_pop_head(&turns->waiting));
                turns->at = 0;
        }
        if (done >= 0 && turns->waiting.head)
                return G_SOURCE_CONTINUE;
        tb_turns_forget(turns);
        turns->ops->hold(false, turns->data);
        if (done < 0)
                turns->ops->broken(error, turns->data);
        return G_SOURCE_REMOVE;
}

bool tb_turns_add(TbTurns *turns, const guint8 *bytes, gsize size, GError **error)
{
        tb_assert_main();
        gssize done = turns->next ? 0 : take(turns, bytes, size, error);
        if (done < 0)
                return false;
        if ((gsize)done == size)
                return true;
        g_queue_push_tail(&turns->waiting, g_bytes_new(bytes + done, size - (gsize)done));
        if (!turns->next) {
                turns->next = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, turns, NULL);
                turns->ops->hold(true, turns->data);
        }
        return true;
}

TbTurns *tb_turns_new(const TbTurnsOps *ops, gpointer data)
{
        TbTurns *turns = g_new0(TbTurns, 1);
        turns->ops = ops;
        turns->data = data;
        return turns;
}

void tb_turns_free(TbTurns *turns)
{
        if (!turns)
                return;
        tb_turns_forget(turns);
        g_free(turns);
}
