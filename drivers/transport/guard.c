#include "drivers/transport/guard.h"

#include <poll.h>
#include <sys/socket.h>

#include "lib/thread.h"

/* A call that ends by itself within this time after `stop` does not cost the session. */
#define GRACE_MS 60

struct TbGuard {
        TbThread *thread;
        TbInterruptor *changed; /* raised when `busy` or `quit` changed */
        int stop_fd, sock;      /* borrowed */
        gint busy, quit, fired; /* atomic */
};

static void guard_run(gpointer data)
{
        TbGuard *g = data;
        for (;;) {
                tb_interruptor_lower(g->changed);
                if (g_atomic_int_get(&g->quit))
                        return;
                struct pollfd p[2] = {{.fd = tb_interruptor_fd(g->changed), .events = POLLIN},
                                      {.fd = g->stop_fd, .events = POLLIN}};
                bool busy = g_atomic_int_get(&g->busy);
                poll(p, busy ? 2 : 1, -1);
                if (!busy || !p[1].revents || p[0].revents)
                        continue;
                poll(p, 1, GRACE_MS);
                if (p[0].revents)
                        continue;
                g_atomic_int_set(&g->fired, 1);
                shutdown(g->sock, SHUT_RDWR);
                poll(p, 1, -1); /* until the call has failed */
        }
}

TbGuard *tb_guard_new(int stop_fd, int sock, GError **error)
{
        TbGuard *g = g_new0(TbGuard, 1);
        g->changed = tb_interruptor_try_new(error);
        g->stop_fd = stop_fd;
        g->sock = sock;
        g->thread = g->changed ? tb_thread_try_start("guard", guard_run, g, error) : NULL;
        if (g->thread)
                return g;
        tb_interruptor_free(g->changed);
        g_free(g);
        return NULL;
}

void tb_guard_busy(TbGuard *g, bool busy)
{
        g_atomic_int_set(&g->busy, busy);
        tb_interruptor_raise(g->changed);
}

bool tb_guard_fired(TbGuard *g)
{
        return g_atomic_int_get(&g->fired);
}

void tb_guard_free(TbGuard *g)
{
        if (!g)
                return;
        g_atomic_int_set(&g->quit, 1);
        tb_interruptor_raise(g->changed);
        tb_thread_join(g->thread);
        tb_interruptor_free(g->changed);
        g_free(g);
}
