/*
 * Who gets a place. A server has so many connections; one network gets half of them, this machine and the proxies
 * that are trusted all of them: they speak for many. Nobody is locked out by connections that do nothing: where the
 * places run out, or a network's share, the oldest one that has no request under way makes room; but of this
 * machine's and of proxies only those that never had one, because keep-alive connections are what they live by. Who
 * has as many requests under way as its share has places is refused, in words. When every place is in use the next
 * wait in the kernel.
 * Descriptors are the process's: where few are left, on whatever port (lib/descriptors.h), the network that has most
 * connections without a request, on all servers, gives back its oldest, a proxy or this machine too.
 */
#include <string.h>
#include <sys/socket.h>

#include "lib/descriptors.h"
#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/log.h"

#define GRACE_US (500 * 1000)
#define AT_ONCE 64 /* descriptors that are given back before it is looked again */

struct TbShare {
        char key[TB_NET_KEY];
        guint held;
        GQueue idle; /* TbConn without a request under way, the oldest first; not owned */
        GQueue kept; /* the same of those that make room for descriptors alone */
};

static GQueue servers = G_QUEUE_INIT; /* TbHttp; not owned */
static bool are_few;                  /* descriptors, and on_nearly_full() of some server waits for more */

void tb_share_idle(TbConn *conn)
{
        if (!conn->share || conn->is_idle || conn->is_kept)
                return;
        if (conn->peer_is_trusted && conn->was_asked) {
                conn->is_kept = true;
                g_queue_push_tail_link(&conn->share->kept, &conn->share_link);
                return;
        }
        conn->is_idle = true;
        g_queue_push_tail_link(&conn->http->idle, &conn->idle_link);
        g_queue_push_tail_link(&conn->share->idle, &conn->share_link);
}

static void leave_idle(TbConn *conn)
{
        if (conn->is_kept)
                g_queue_unlink(&conn->share->kept, &conn->share_link);
        if (conn->is_idle) {
                g_queue_unlink(&conn->http->idle, &conn->idle_link);
                g_queue_unlink(&conn->share->idle, &conn->share_link);
        }
        conn->is_idle = conn->is_kept = false;
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

static TbConn *oldest_of(const GQueue *idle)
{
        return idle->head ? idle->head->data : NULL;
}

/* It goes, if it came before `before_us`: libmicrohttpd closes what it finds shut down. */
static bool see_off(TbConn *oldest, gint64 before_us)
{
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

static bool make_room(const GQueue *idle, gint64 before_us)
{
        return see_off(oldest_of(idle), before_us);
}

/* Of two connections that do nothing the one to go: that of who has more of them, else the older one. */
static TbConn *first_to_go(TbConn *a, TbConn *b)
{
        if (!a || !b)
                return a ? a : b;
        guint of_a = a->share->idle.length + a->share->kept.length,
              of_b = b->share->idle.length + b->share->kept.length;
        return of_a != of_b ? (of_a > of_b ? a : b) : a->since_us <= b->since_us ? a : b;
}

/* A descriptor comes back, soon: one of whatever server of this process. */
static bool give_descriptor(gint64 before_us)
{
        TbConn *first = NULL;
        for (GList *l = servers.head; l; l = l->next) {
                GHashTableIter iter;
                gpointer value;
                g_hash_table_iter_init(&iter, ((TbHttp *)l->data)->shares);
                while (g_hash_table_iter_next(&iter, NULL, &value)) {
                        TbShare *share = value;
                        TbConn *oldest = oldest_of(&share->idle);
                        first = first_to_go(first, oldest ? oldest : oldest_of(&share->kept));
                }
        }
        return see_off(first, before_us);
}

static bool is_nearly_full(const TbHttp *http)
{
        return http->held + http->lingering.length + http->max_connections / 16 > http->max_connections;
}

/* Who has just come gets a moment to say something. */
static gboolean on_nearly_full(gpointer data)
{
        TbHttp *http = data;
        gint64 before_us = g_get_monotonic_time() - GRACE_US;
        while (is_nearly_full(http) && make_room(&http->idle, before_us))
                ;
        are_few = tb_descriptors_next_are_few();
        for (guint i = 0; are_few && i < AT_ONCE && give_descriptor(before_us); i++)
                ; /* whether that was enough shows when they are closed */
        if (are_few || (is_nearly_full(http) && http->idle.length > 0))
                return G_SOURCE_CONTINUE;
        g_clear_pointer(&http->room, g_source_unref);
        return G_SOURCE_REMOVE;
}

static void keep_room(TbHttp *http)
{
        if ((!is_nearly_full(http) && !are_few) || http->room)
                return;
        http->room = g_timeout_source_new(GRACE_US / 2000);
        g_source_set_callback(http->room, on_nearly_full, http, NULL);
        g_source_attach(http->room, g_main_context_get_thread_default());
}

/* Who comes while few are left costs somebody else one: else every second one of them would get what was given. */
static void on_few(void)
{
        static gint64 said_us;
        gint64 now_us = g_get_monotonic_time();
        are_few = true;
        bool given = give_descriptor(now_us);
        if (said_us == 0 || now_us - said_us >= TB_LIMIT_TALLY_S * G_USEC_PER_SEC) {
                said_us = now_us;
                tb_log(TB_LOG_WARNING, TB_F(), "few open files are left: %s",
                       given ? "connections without a request are closed, the oldest first"
                             : "no connection is without a request, so none can be closed");
        }
        if (servers.head)
                keep_room(servers.head->data);
}

void tb_share_start(TbHttp *http)
{
        http->shares = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        g_queue_push_tail(&servers, http);
        tb_descriptors_set_giver(on_few);
}

void tb_share_stop(TbHttp *http)
{
        g_queue_remove(&servers, http);
        if (http->room)
                g_source_destroy(http->room);
        g_clear_pointer(&http->room, g_source_unref);
        g_assert(g_hash_table_size(http->shares) == 0);
        g_hash_table_unref(http->shares);
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
        if (are_few || tb_descriptors_are_few(conn->fd))
                tb_descriptors_ask();
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
