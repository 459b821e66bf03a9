/*
 * libmicrohttpd inside the loop: it runs when its descriptor says so, when one of its time-outs is due, and when it was kicked, for
 * without a thread of its own it sees what has changed by us only then. Whoever kicks it from within the poller's round is served at the
 * end of that round; GLib's loop is not woken up for it, which would be four calls of the kernel for each answer.
 */
#include <microhttpd.h>
#include <sys/epoll.h>

#include "lib/http/private.h"

#define RUNS                                                                                                 \
        3 /* at the end of a round: it sends an answer, sees that it is sent, and waits for the next request */

/* It is to run again: at the end of the poller's round, which calls us then, else by the loop. */
static void run_again(TbHttp *http)
{
        if (!tb_poller_is_calling(http->poller) || http->ends_round)
                g_source_set_ready_time(http->timer, 0);
}

/* Each change of the time wakes the loop up once more, and with every request the library's timeouts move on: a timer that comes too
 * early stays, and is set anew when it has come. */
static void arm_timer(TbHttp *http)
{
        MHD_UNSIGNED_LONG_LONG ms;
        gint64 now_us = g_get_monotonic_time(), armed_us = g_source_get_ready_time(http->timer), due_us = -1;
        if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
                due_us = now_us + (gint64)MIN(ms, 3600 * 1000) * 1000;
        http->kicked |= due_us == now_us;
        if (http->kicked)
                run_again(http);
        else if (armed_us <= now_us || (due_us >= 0 && due_us < armed_us))
                g_source_set_ready_time(http->timer, due_us);
}

void tb_http_run(TbHttp *http)
{
        if (http->running) /* an answer given inside a handler: the outer call goes on with it */
                return;
        http->running = true;
        http->kicked = false;
        tb_http_turns_begin(http);
        MHD_run(http->daemon);
        http->running = false;
        arm_timer(http);
}

void tb_http_kick(TbHttp *http)
{
        http->kicked = true; /* without a thread of its own libmicrohttpd learns of a resumed connection when
                                it runs, and only then */
        if (!http->running)
                run_again(http);
}

static void on_round(gpointer data)
{
        TbHttp *http = data;
        for (guint n = 0; n < RUNS && http->kicked; n++) {
                http->ends_round = n + 1 == RUNS;
                tb_http_run(http);
        }
        http->ends_round = false;
}

static void on_epoll(uint32_t events G_GNUC_UNUSED, gpointer data)
{
        tb_http_run(data);
}

typedef struct HttpSource {
        GSource source;
        TbHttp *http; /* borrowed */
} HttpSource;

static gboolean timer_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                               gpointer data G_GNUC_UNUSED)
{
        g_source_set_ready_time(source, -1);
        tb_http_run(((HttpSource *)source)->http);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = {.dispatch = timer_dispatch};

void tb_http_run_start(TbHttp *http)
{
        http->timer = g_source_new(&timer_funcs, sizeof(HttpSource));
        ((HttpSource *)http->timer)->http = http;
        g_source_set_name(http->timer, "tb_http");
        g_source_attach(http->timer, g_main_context_get_thread_default());
        tb_poller_hook_first(http->poller, on_round, http);
}

bool tb_http_run_wait(TbHttp *http)
{
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        http->entry = tb_poller_add(http->poller, info->epoll_fd, EPOLLIN, on_epoll, http);
        return http->entry != NULL;
}

void tb_http_run_stop(TbHttp *http)
{
        g_source_destroy(http->timer);
        g_source_unref(http->timer);
}
