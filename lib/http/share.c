/*
 * Who gets a place. A server has so many connections; of these one network gets its share, and the last ones are
 * for those who come next. Nobody is locked out by connections that do nothing: where a share or the server is
 * full, the oldest one that has no request under way makes room. Only who has that many requests under way is
 * refused, in words.
 */
#include <string.h>
#include <sys/socket.h>

#include "lib/descriptors.h"
#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/log.h"

struct TbShare {
        char key[TB_NET_KEY];
        guint held;
        GQueue idle; /* TbConn without a request under way, the oldest first; not owned */
};

void tb_share_idle(TbConn *conn)
{
        if (!conn->share || conn->is_idle)
                return;
        conn->is_idle = true;
        g_queue_push_tail_link(&conn->http->idle, &conn->idle_link);
        g_queue_push_tail_link(&conn->share->idle, &conn->share_link);
}

void tb_share_busy(TbConn *conn)
{
        if (!conn->is_idle)
                return;
        conn->is_idle = false;
        g_queue_unlink(&conn->http->idle, &conn->idle_link);
        g_queue_unlink(&conn->share->idle, &conn->share_link);
}

void tb_share_leave(TbConn *conn)
{
        TbShare *share = conn->share;
        if (conn->lingers)
                g_queue_unlink(&conn->http->lingering, &conn->idle_link);
        conn->lingers = false;
        if (!share)
                return;
        tb_share_busy(conn);
        conn->share = NULL;
        conn->http->held--;
        if (--share->held == 0)
                g_hash_table_remove(conn->http->shares, share->key);
}

/* The oldest that does nothing goes: libmicrohttpd closes what it finds shut down. */
static bool make_room(GQueue *idle)
{
        TbConn *oldest = idle->head ? idle->head->data : NULL;
        if (!oldest)
                return false;
        tb_share_leave(oldest);
        if (oldest->request)
                tb_refuse_conn(
                        oldest, 503,
                        "there are many connections, and this request was the oldest that is not complete");
        shutdown(oldest->fd, SHUT_RDWR);
        return true;
}

static const char *why_not(const TbConn *conn)
{
        TbHttp *http = conn->http;
        /* A proxy of ours speaks for many; so does this machine. Even those leave something for the others. */
        guint kept = MAX(http->max_connections / 8, 1),
              most = conn->peer_is_trusted ? http->max_connections - kept : MAX(http->max_connections / 2, 1);
        if (!tb_descriptors_allow(conn->fd))
                return "no open files are left for connections: try again later";
        if (conn->share->held > most && !make_room(&conn->share->idle))
                return "too many requests are under way from this network: try again later";
        if (http->held > http->max_connections && !make_room(&http->idle))
                return "too many connections: try again later";
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
                return;
        }
        tb_share_leave(conn);
        tb_refuse_conn(conn, 503, reason);
        /* closing at once may reset the connection under the answer; but not as many as like to come can wait, nor
         * those that have one of the last descriptors */
        if (http->lingering.length >= TB_LIMIT_HTTP_LINGERING || !tb_descriptors_allow(conn->fd)) {
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
