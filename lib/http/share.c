/*
 * Who gets a place. A server has so many connections; one network gets half of them, this machine and the proxies
 * that are trusted all of them: they speak for many. Nobody is locked out by connections that do nothing: where the
 * places run out, or a network's share, the oldest one that has no request under way makes room; but of this
 * machine's and of proxies only those that never had one, because keep-alive connections are what they live by. Who
 * has as many requests under way as its share has places is refused, in words. When every place is in use the next
 * wait in the kernel.
 */
#include <string.h>
#include <sys/socket.h>

#include "lib/descriptors.h"
#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/log.h"

#define GRACE_US (500 * 1000)

struct TbShare {
        char key[TB_NET_KEY];
        guint held;
        GQueue idle; /* TbConn without a request under way, the oldest first; not owned */
};

void tb_share_idle(TbConn *conn)
{
        if (!conn->share || conn->is_idle || (conn->peer_is_trusted && conn->was_asked))
                return;
        conn->is_idle = true;
        g_queue_push_tail_link(&conn->http->idle, &conn->idle_link);
        g_queue_push_tail_link(&conn->share->idle, &conn->share_link);
}

static void leave_idle(TbConn *conn)
{
        if (!conn->is_idle)
                return;
        conn->is_idle = false;
        g_queue_unlink(&conn->http->idle, &conn->idle_link);
        g_queue_unlink(&conn->share->idle, &conn->share_link);
}

void tb_share_busy(TbConn *conn)
{
        conn->was_asked = true;
        leave_idle(conn);
}

void tb_share_leave(TbConn *conn)
{
        TbShare *share = conn->share;
        if (conn->lingers)
                g_queue_unlink(&conn->http->lingering, &conn->idle_link);
        conn->lingers = false;
        if (!share)
                return;
        leave_idle(conn);
        conn->share = NULL;
        conn->http->held--;
        if (--share->held == 0)
                g_hash_table_remove(conn->http->shares, share->key);
}

/* The oldest that does nothing goes, if it came before `before_us`: libmicrohttpd closes what it finds shut down. */
static bool make_room(GQueue *idle, gint64 before_us)
{
        TbConn *oldest = idle->head ? idle->head->data : NULL;
        if (!oldest || oldest->since_us >= before_us)
                return false;
        tb_share_leave(oldest);
        if (oldest->request)
                tb_refuse_conn(
                        oldest, 503,
                        "there are many connections, and this request was the oldest that is not complete");
        shutdown(oldest->fd, SHUT_RDWR);
        return true;
}

static bool is_nearly_full(const TbHttp *http)
{
        return http->held + http->lingering.length + http->max_connections / 16 > http->max_connections;
}

/* Who has just come gets a moment to say something. */
static gboolean on_nearly_full(gpointer data)
{
        TbHttp *http = data;
        while (is_nearly_full(http) && make_room(&http->idle, g_get_monotonic_time() - GRACE_US))
                ;
        if (is_nearly_full(http) && http->idle.length > 0)
                return G_SOURCE_CONTINUE;
        g_clear_pointer(&http->room, g_source_unref);
        return G_SOURCE_REMOVE;
}

static void keep_room(TbHttp *http)
{
        if (!is_nearly_full(http) || http->room)
                return;
        http->room = g_timeout_source_new(GRACE_US / 2000);
        g_source_set_callback(http->room, on_nearly_full, http, NULL);
        g_source_attach(http->room, g_main_context_get_thread_default());
}

void tb_share_stop(TbHttp *http)
{
        if (http->room)
                g_source_destroy(http->room);
        g_clear_pointer(&http->room, g_source_unref);
}

static const char *why_not(const TbConn *conn)
{
        TbHttp *http = conn->http;
        if (!tb_descriptors_allow(conn->fd))
                return "no open files are left for connections: try again later";
        if (!conn->peer_is_trusted && conn->share->held > MAX(http->max_connections / 2, 1) &&
            !make_room(&conn->share->idle, G_MAXINT64))
                return "too many requests are under way from this network: try again later";
        return NULL;
}

void tb_share_enter(TbConn *conn)
{
        TbHttp *http = conn->http;
        char key[TB_NET_KEY];
        tb_net_share_key(conn->peer, key);
        conn->share = g_hash_table_lookup(http->shares, key);
        if (!conn->share) {
                conn->share = g_new0(TbShare, 1);
                g_strlcpy(conn->share->key, key, sizeof conn->share->key);
                g_hash_table_insert(http->shares, conn->share->key, conn->share);
        }
        conn->share->held++;
        http->held++;
        conn->idle_link.data = conn->share_link.data = conn;
        const char *reason = why_not(conn);
        if (!reason) {
                tb_share_idle(conn);
                keep_room(http);
                return;
        }
        tb_share_leave(conn);
        tb_refuse_conn(conn, 503, reason);
        /* closing at once may reset the connection under the answer; but not as many as like to come can wait, nor
         * those that have one of the last descriptors */
        if (http->lingering.length >= MIN(TB_LIMIT_HTTP_LINGERING, http->max_connections / 16) ||
            !tb_descriptors_allow(conn->fd)) {
                shutdown(conn->fd, SHUT_RDWR);
                return;
        }
        conn->lingers = true;
        g_queue_push_tail_link(&http->lingering, &conn->idle_link);
}

void tb_share_end_lingering(TbHttp *http, gint64 before_us)
{
        for (GList *l = http->lingering.head; l && ((TbConn *)l->data)->since_us < before_us; l = l->next)
                shutdown(((TbConn *)l->data)->fd, SHUT_RDWR);
}
