/*
 * WebSockets take turns. One socket's turn ends soon (tb_ws_read()), but hundreds of them, each with a message that
 * costs milliseconds, would come one after the other in one round of the loop. So all together have a budget of time in a
 * round; when it is spent, or others wait already, a socket waits in the queue of who holds it, and the queues take turns:
 * a crowd of one user's sockets is his own to wait for, and requests, devices and timers have theirs between.
 */
#include "lib/http/ws_private.h"
#include "lib/limits.h"

struct TbWsHolder {
        char *key;      /* owned; tb_place_key(), or the socket's own id for one who speaks for many */
        GQueue waiting; /* TbWs, the first to be read first; not owned */
        GList link;     /* in http->ws_waiting */
};

typedef struct TurnSource {
        GSource source;
        TbHttp *http; /* borrowed */
} TurnSource;

void tb_ws_turn_leave(TbWs *ws)
{
        TbHttp *http = ws->http;
        TbWsHolder *holder = g_steal_pointer(&ws->holder);
        if (!holder)
                return;
        g_queue_unlink(&holder->waiting, &ws->turn_link);
        if (holder->waiting.length > 0)
                return;
        g_queue_unlink(&http->ws_waiting, &holder->link);
        g_hash_table_remove(http->ws_holders, holder->key);
}

static void holder_free(gpointer p)
{
        TbWsHolder *holder = p;
        g_free(holder->key);
        g_free(holder);
}

/* --- what was said in a turn --- */
bool tb_ws_gather(TbWs *ws)
{
        TbHttp *http = ws->http;
        if (ws->dirty_link.data)
                return true;
        if (!http->ws_gathers && !tb_poller_is_calling(http->poller))
                return false;
        ws->dirty_link.data = ws;
        g_queue_push_tail_link(&http->ws_dirty, &ws->dirty_link);
        return true;
}

void tb_ws_scatter(TbWs *ws)
{
        if (!ws->dirty_link.data)
                return;
        ws->dirty_link.data = NULL;
        g_queue_unlink(&ws->http->ws_dirty, &ws->dirty_link);
}

/* Who is told that his queue is empty may say more: that is for the next round. */
static void flush(gpointer data)
{
        TbHttp *http = data;
        for (guint n = http->ws_dirty.length; n > 0 && http->ws_dirty.head; n--) {
                TbWs *ws = http->ws_dirty.head->data;
                tb_ws_scatter(ws);
                tb_ws_flush(ws);
        }
        if (http->ws_dirty.head)
                g_source_set_ready_time(http->ws_flush, 0);
}

static gboolean flush_rest(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((TurnSource *)source)->http;
        g_source_set_ready_time(source, -1);
        http->ws_gathers = true; /* as above, outside the poller's rounds */
        flush(http);
        http->ws_gathers = false;
        return G_SOURCE_CONTINUE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((TurnSource *)source)->http;
        gint64 until_us = g_get_monotonic_time() + TB_LIMIT_TURN_US;
        g_source_set_ready_time(source, -1);
        http->ws_gathers = true;
        do {
                TbWsHolder *holder = g_queue_peek_head(&http->ws_waiting);
                if (!holder)
                        break;
                g_queue_unlink(&http->ws_waiting, &holder->link);
                g_queue_push_tail_link(&http->ws_waiting, &holder->link);
                TbWs *ws = g_queue_peek_head(&holder->waiting);
                tb_ws_turn_leave(ws);
                tb_ws_turn(ws);
        } while (g_get_monotonic_time() < until_us);
        http->ws_gathers = false;
        flush(http);
        if (http->ws_waiting.length > 0)
                g_source_set_ready_time(source, 0);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs turn_funcs = {.dispatch = dispatch}, flush_funcs = {.dispatch = flush_rest};

static GSource *make_source(TbHttp *http, GSourceFuncs *funcs, const char *name)
{
        GSource *source = g_source_new(funcs, sizeof(TurnSource));
        ((TurnSource *)source)->http = http;
        g_source_set_name(source, name);
        g_source_attach(source, g_main_context_get_thread_default());
        return source;
}

void tb_ws_turns_start(TbHttp *http)
{
        http->ws_holders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, holder_free);
        http->ws_turns = make_source(http, &turn_funcs, "tb_ws_turns");
        http->ws_flush = make_source(http, &flush_funcs, "tb_ws_flush");
        http->ws_spare = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
        tb_poller_hook(http->poller, flush, http);
}

void tb_ws_turns_stop(TbHttp *http)
{
        if (!http->ws_turns)
                return;
        g_assert(http->ws_waiting.length == 0 && http->ws_dirty.length == 0);
        tb_poller_unhook(http->poller, http);
        g_source_destroy(http->ws_flush);
        g_clear_pointer(&http->ws_flush, g_source_unref);
        g_clear_pointer(&http->ws_spare, g_ptr_array_unref);
        g_clear_pointer(&http->ws_bytes, g_free);
        g_source_destroy(http->ws_turns);
        g_clear_pointer(&http->ws_turns, g_source_unref);
        g_clear_pointer(&http->ws_holders, g_hash_table_unref);
}

bool tb_ws_turn_take(TbWs *ws)
{
        TbHttp *http = ws->http;
        guint64 round = tb_poller_round(http->poller);
        gint64 now_us = g_get_monotonic_time();
        if (http->ws_round != round) {
                http->ws_round = round;
                http->ws_until_us = now_us + TB_LIMIT_TURN_US;
        }
        if (http->ws_waiting.length == 0 && now_us < http->ws_until_us)
                return true;
        const char *key = ws->unread.key ? ws->unread.key : ws->id;
        TbWsHolder *holder = g_hash_table_lookup(http->ws_holders, key);
        if (!holder) {
                holder = g_new0(TbWsHolder, 1);
                holder->key = g_strdup(key);
                holder->link.data = holder;
                g_hash_table_insert(http->ws_holders, holder->key, holder);
                g_queue_push_tail_link(&http->ws_waiting, &holder->link);
        }
        ws->holder = holder;
        ws->turn_link.data = ws;
        g_queue_push_tail_link(&holder->waiting, &ws->turn_link);
        g_source_set_ready_time(http->ws_turns, 0);
        return false;
}
