/*
 * A client that leaves while we think. libmicrohttpd does not look at a suspended connection; we do, from WATCH_MS on: nearly all
 * answers are there sooner, and the kernel need not be told twice of each. Where it has no room for that, a caller who left is noticed when
 * the answer cannot be written.
 */
#include <sys/epoll.h>

#include "lib/http/private.h"

#define WATCH_MS 25

void tb_request_call_gone(TbRequest *request)
{
        if (request->gone_called)
                return;
        request->gone_called = true;
        void (*gone)(TbRequest *, gpointer) = g_steal_pointer(&request->gone);
        if (gone)
                gone(request, request->gone_data);
}

static void on_hang_up(uint32_t events G_GNUC_UNUSED, gpointer data)
{
        TbRequest *request = tb_request_ref(data);
        tb_request_unwatch(request);
        tb_request_call_gone(request);
        tb_dispatch_wake(request); /* the access handler then closes */
        tb_request_unref(request);
}

static void watch(TbRequest *request)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
                request->watch = tb_poller_add(request->http->poller, info->connect_fd, EPOLLRDHUP,
                                               on_hang_up, request);
}

static gboolean on_soon(gpointer data)
{
        TbHttp *http = data;
        const GList *link;
        while ((link = g_queue_pop_head_link(&http->unwatched))) {
                TbRequest *request = link->data;
                request->watch_link.data = NULL;
                watch(request);
        }
        tb_watch_stop(http);
        return G_SOURCE_REMOVE;
}

void tb_request_watch(TbRequest *request)
{
        if (request->watch || request->watch_link.data || !request->connection)
                return;
        TbHttp *http = request->http;
        request->watch_link.data = request;
        g_queue_push_tail_link(&http->unwatched, &request->watch_link);
        if (http->watch_soon)
                return;
        http->watch_soon = g_timeout_source_new(WATCH_MS);
        g_source_set_callback(http->watch_soon, on_soon, http, NULL);
        g_source_attach(http->watch_soon, g_main_context_get_thread_default());
}

void tb_request_unwatch(TbRequest *request)
{
        if (request->watch_link.data) {
                g_queue_unlink(&request->http->unwatched, &request->watch_link);
                request->watch_link.data = NULL;
        }
        tb_poller_remove(g_steal_pointer(&request->watch));
}

void tb_watch_stop(TbHttp *http)
{
        if (http->watch_soon)
                g_source_destroy(http->watch_soon);
        g_clear_pointer(&http->watch_soon, g_source_unref);
}
