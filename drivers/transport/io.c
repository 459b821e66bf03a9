#include "drivers/transport/io.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"

/* More than any driver waits for at once (a child's three pipes, its pidfd, a socket). */
#define MAX_FDS 32

static int remaining_ms(const TbIo *io, int timeout_ms, gint64 start_us)
{
        gint64 now = g_get_monotonic_time();
        gint64 until = timeout_ms < 0 ? G_MAXINT64 : start_us + (gint64)timeout_ms * 1000;
        until = MIN(until, io->deadline_us);
        if (until == G_MAXINT64)
                return -1;
        if (until <= now)
                return 0;
        return (int)MIN((until - now + 999) / 1000,
                        G_MAXINT); /* rounded up: never spins through the last millisecond */
}

TbWait tb_io_wait(TbIo *io, struct pollfd *fds, guint n, int timeout_ms)
{
        struct pollfd all[MAX_FDS + 2];
        g_assert(n <= MAX_FDS);
        gint64 start = g_get_monotonic_time();
        bool wakeable = io->in_pump && io->wake;
        guint extra = 0;

        if (n > 0)
                memcpy(all, fds, n * sizeof *fds);
        all[n + extra++] = (struct pollfd){.fd = tb_interruptor_fd(io->stop), .events = POLLIN};
        if (wakeable)
                all[n + extra++] = (struct pollfd){.fd = tb_interruptor_fd(io->wake), .events = POLLIN};

        for (;;) {
                int rc = poll(all, n + extra, remaining_ms(io, timeout_ms, start));
                if (rc < 0) {
                        g_assert(errno == EINTR || errno == ENOMEM || errno == EAGAIN);
                        continue;
                }
                if (all[n].revents)
                        return TB_WAIT_STOP;
                bool ready = false;
                for (guint i = 0; i < n; i++) {
                        fds[i].revents = all[i].revents;
                        ready |= all[i].revents != 0;
                }
                /* A command goes before data: a chatty device must not starve it. What is readable now is
                 * still readable afterwards. */
                if (wakeable && all[n + 1].revents)
                        return TB_WAIT_WAKE;
                if (ready)
                        return TB_WAIT_READY;
                if (rc == 0 && remaining_ms(io, timeout_ms, start) == 0)
                        return TB_WAIT_TIMEOUT;
        }
}

bool tb_io_sleep(TbIo *io, int ms, GError **error)
{
        gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
        bool in_pump = io->in_pump;
        io->in_pump =
                false; /* half a sleep is of no use to the caller: only `stop` and the deadline end it */
        TbWait w = tb_io_wait(io, NULL, 0, ms);
        io->in_pump = in_pump;
        if (w == TB_WAIT_TIMEOUT && (io->deadline_us >= end || g_get_monotonic_time() >= end))
                return true;
        return tb_io_fail(w, "waiting for the device", error);
}

bool tb_io_fail(TbWait result, const char *what, GError **error)
{
        switch (result) {
        case TB_WAIT_TIMEOUT:
                tb_set_error(error, TB_ERROR_TIMEOUT, "%s: no answer in time", what);
                return false;
        case TB_WAIT_WAKE:
        case TB_WAIT_STOP: tb_set_error(error, TB_ERROR_INTERRUPTED, "%s: interrupted", what); return false;
        case TB_WAIT_READY: break;
        }
        g_assert_not_reached();
}

void tb_io_init_plain(TbIo *io)
{
        *io = (TbIo){.stop = tb_interruptor_new(), .deadline_us = G_MAXINT64};
}

void tb_io_clear_plain(TbIo *io)
{
        tb_interruptor_free(io->stop);
        io->stop = NULL;
}
