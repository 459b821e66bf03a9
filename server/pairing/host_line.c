/*
 * A host's line, which its observers share. While it is behind, what an observer says waits with that observer, and
 * observers take turns, a message each: who sends as much as its budget allows delays itself, and others by a message.
 */
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

static gsize queued(const TbParty *host)
{
        return host->pairing->options.ops->queued(host->connection);
}

bool tb_host_line_has_room(const TbParty *observer, const TbParty *host, gsize size)
{
        if (queued(host) > tb_server_limits.host_backlog ||
            host->waiting + size > 2 * tb_server_limits.host_backlog)
                return false;
        return observer->waiting == 0 || (observer->waiting + size <= tb_server_limits.observer_burst &&
                                          host->waiting <= tb_server_limits.host_backlog);
}

static bool is_behind(const TbParty *host)
{
        return queued(host) > tb_server_limits.host_ahead;
}

static void hand(TbParty *host, const char *text, gsize size)
{
        host->pairing->relayed_messages++;
        host->pairing->relayed_bytes += size;
        host->pairing->options.ops->text(host->connection, text, size);
}

void tb_host_line_send(TbParty *observer, TbParty *host, const char *text, gsize size)
{
        if (host->turns.length == 0 && !is_behind(host)) {
                hand(host, text, size);
                return;
        }
        g_queue_push_tail(&observer->waits, g_bytes_new(text, size));
        observer->waiting += size;
        host->waiting += size;
        if (observer->line)
                return;
        observer->line = host;
        observer->turn.data = observer;
        g_queue_push_tail_link(&host->turns, &observer->turn);
}

void tb_host_line_drained(TbParty *host)
{
        while (host->turns.length > 0 && !is_behind(host)) {
                TbParty *observer = host->turns.head->data;
                g_autoptr(GBytes) bytes = g_queue_pop_head(&observer->waits);
                gsize size;
                const char *text = g_bytes_get_data(bytes, &size);
                observer->waiting -= size;
                host->waiting -= size;
                g_queue_unlink(&host->turns, &observer->turn);
                if (observer->waits.length > 0)
                        g_queue_push_tail_link(&host->turns, &observer->turn);
                else
                        observer->line = NULL;
                hand(host, text, size);
        }
}

static void forget(TbParty *observer)
{
        if (!observer->line)
                return;
        g_queue_unlink(&observer->line->turns, &observer->turn);
        observer->line->waiting -= observer->waiting;
        observer->line = NULL;
        observer->waiting = 0;
        g_queue_clear_full(&observer->waits, (GDestroyNotify)g_bytes_unref);
}

void tb_host_line_left(TbParty *party)
{
        forget(party);
        while (party->turns.head)
                forget(party->turns.head->data);
}
