/*
 * Clients that leave while their request is with a handler: libmicrohttpd does not look at a suspended connection, we do. Most are answered
 * before anybody could leave, and to begin and to end that for each of them would be two calls of the kernel: it begins once a
 * request has waited for a moment.
 */
#include <sys/epoll.h>

#include "lib/http/private.h"

#define MOMENT_US (20 * 1000)

static void on_hang_up(uint32_t events G_GNUC_UNUSED, gpointer data)
{
        TbRequest *request = tb_request_ref(data);
        tb_request_unwatch(request);
        tb_request_call_gone(request);
        tb_dispatch_wake(request); /* the access handler then closes */
        tb_request_unref(request);
}

/* Where the kernel has no room for that, a caller who left is noticed when the answer cannot be written. */
static void begin(TbRequest *request)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
                request->watch = tb_poller_add(request->http->poller, info->connect_fd, EPOLLRDHUP,
                                               on_hang_up, request);
}

typedef struct WatchSource {
        GSource source;
        TbHttp *http; /* borrowed */
} WatchSource;

static gboolean dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((WatchSource *)source)->http;
        gint64 due_us = MAX(g_get_monotonic_time(), g_source_get_ready_time(source));
        TbRequest *request;
        while ((request = g_queue_peek_head(&http->unwatched)) && request->watch_us <= due_us) {
                g_queue_unlink(&http->unwatched, &request->watch_link);
                request->watch_us = 0;
                begin(request);
        }
        g_source_set_ready_time(source, request ? request->watch_us : -1);
        return G_SOURCE_CONTINUE;
}

void tb_request_watch(TbRequest *request)
{
        TbHttp *http = request->http;
        if (request->watch || request->watch_us || !request->connection)
                return;
        request->watch_us = g_get_monotonic_time() + MOMENT_US;
        request->watch_link.data = request;
        g_queue_push_tail_link(&http->unwatched, &request->watch_link);
        if (g_source_get_ready_time(http->watcher) < 0) /* each change of it wakes the loop up */
                g_source_set_ready_time(http->watcher, request->watch_us);
}

void tb_request_unwatch(TbRequest *request)
{
        if (request->watch_us)
                g_queue_unlink(&request->http->unwatched, &request->watch_link);
        request->watch_us = 0;
        tb_poller_remove(g_steal_pointer(&request->watch));
}

void tb_watch_start(TbHttp *http)
{
        static GSourceFuncs funcs = {.dispatch = dispatch};
        http->watcher = g_source_new(&funcs, sizeof(WatchSource));
        ((WatchSource *)http->watcher)->http = http;
        g_source_set_name(http->watcher, "tb_http_watch");
        g_source_attach(http->watcher, g_main_context_get_thread_default());
}

void tb_watch_stop(TbHttp *http)
{
        g_assert(http->unwatched.length == 0);
        g_source_destroy(http->watcher);
        g_source_unref(http->watcher);
}
