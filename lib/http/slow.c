/*
 * Two kinds of client that libmicrohttpd does not see off by itself, looked for every few seconds.
 *
 * Who drips: it ends a connection on which nothing comes (TB_LIMIT_HTTP_IDLE_S), and every byte begins that time
 * again. A few thousand connections with a byte a minute each would hold every place there is. So a head, and a
 * body that is collected in memory, must be in within TB_LIMIT_HTTP_REQUEST_S. Streamed bodies go to a device
 * that may be slow: they are free.
 *
 * Who left: 0.9.75 takes a read that fills less than its buffer for the last one (recv_param_adapter() in its
 * connection.c), and with edge-triggered epoll an end that came together with those bytes is never told again.
 * An upload that broke off would hold the device's worker for a minute.
 */
#include <sys/socket.h>

#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/log.h"

#define SWEEP_S 2

static bool is_read_in(const TbRequest *request)
{
        return request->phase == TB_PHASE_NEW || request->phase == TB_PHASE_BODY;
}

static bool is_stream(const TbRequest *request)
{
        return request->match && request->match->route->body == TB_BODY_STREAM;
}

/* libmicrohttpd closes what it finds shut down. */
static void end(const TbConn *conn)
{
        shutdown(conn->fd, SHUT_RDWR);
}

static void end_late_requests(TbHttp *http, gint64 now_us)
{
        for (GList *l = http->requests.head; l; l = l->next) {
                TbRequest *request = l->data;
                if (now_us - request->start_us < TB_LIMIT_HTTP_REQUEST_S * G_USEC_PER_SEC)
                        return; /* those behind it began later */
                if (!is_read_in(request) || is_stream(request) || !request->conn || request->conn->refused)
                        continue;
                tb_refuse_late(request);
                end(request->conn);
        }
}

/* The line of a request that did not become one: we hear of a request when its line is complete. */
static void end_late_lines(TbHttp *http, gint64 now_us)
{
        for (GList *l = http->conns.head; l; l = l->next) {
                const TbConn *conn = l->data;
                if (conn->request)
                        continue;
                if (now_us - conn->since_us < (TB_LIMIT_HTTP_IDLE_S + 2 * SWEEP_S) * G_USEC_PER_SEC)
                        return; /* those behind it are younger */
                tb_log(TB_LOG_INFO, TB_F("peer", conn->peer), "closed: no complete request line in %d s",
                       TB_LIMIT_HTTP_IDLE_S);
                end(conn);
        }
}

/* The library has taken all that came, waits for more, and the end is what there is. */
static bool has_left(const TbConn *conn)
{
        char byte;
        if (conn->request && (!is_read_in(conn->request) || conn->request->suspended))
                return false;
        return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void end_leavers(TbHttp *http)
{
        if (http->kicked) /* it is to go on with bytes that it has already */
                return;
        for (GList *l = http->conns.head; l; l = l->next)
                if (has_left(l->data))
                        end(l->data);
}

static gboolean sweep(gpointer data)
{
        TbHttp *http = data;
        gint64 now_us = g_get_monotonic_time();
        end_late_requests(http, now_us);
        end_late_lines(http, now_us);
        tb_share_end_lingering(http, now_us - SWEEP_S * G_USEC_PER_SEC);
        end_leavers(http);
        return G_SOURCE_CONTINUE;
}

void tb_slow_add(TbHttp *http, TbConn *conn)
{
        conn->since_us = g_get_monotonic_time();
        conn->link.data = conn;
        g_queue_push_tail_link(&http->conns, &conn->link);
        if (http->slow)
                return;
        http->slow = g_timeout_source_new_seconds(SWEEP_S);
        g_source_set_callback(http->slow, sweep, http, NULL);
        g_source_attach(http->slow, g_main_context_get_thread_default());
}

void tb_slow_idle(TbHttp *http, TbConn *conn)
{
        conn->request = NULL;
        tb_share_idle(conn);
        conn->since_us = g_get_monotonic_time();
        g_queue_unlink(&http->conns, &conn->link);
        g_queue_push_tail_link(&http->conns, &conn->link);
}

void tb_slow_remove(TbHttp *http, TbConn *conn)
{
        g_queue_unlink(&http->conns, &conn->link);
        if (http->conns.length > 0 || !http->slow)
                return;
        g_source_destroy(http->slow); /* an idle daemon does not wake for nobody */
        g_clear_pointer(&http->slow, g_source_unref);
}
