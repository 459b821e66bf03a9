#include "drivers/transport/duplex.h"

#include "lib/error.h"

#define SHARE (16 * 1024) /* bytes of one read: a peer that never stops talking holds up nobody for longer */

static bool hand_up(TbInstance *self, TbTransport *from, GError **error)
{
        char buf[SHARE];
        gssize n = tb_transport_read_now(from, buf, sizeof buf, error);
        if (n > 0)
                self->up->bytes(self, buf, (gsize)n);
        return n >= 0;
}

bool tb_duplex_pump(TbInstance *self, TbIo *io, TbTransport *from, GError **error)
{
        struct pollfd p = {.fd = tb_transport_fd(from), .events = POLLIN};
        return tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY || hand_up(self, from, error);
}

bool tb_duplex_write(TbInstance *self, TbIo *io, TbTransport *from, TbTransport *to, const void *data,
                     gsize size, GError **error)
{
        for (gsize done = 0; done < size;) {
                gssize n = tb_transport_write_now(to, (const char *)data + done, size - done, error);
                if (n < 0)
                        return false;
                done += (gsize)n;
                io->taken = done;
                if (n > 0)
                        continue;
                struct pollfd p[] = {{.fd = tb_transport_fd(from), .events = POLLIN},
                                     {.fd = tb_transport_fd(to), .events = POLLOUT}};
                TbWait w = tb_io_wait(io, p, G_N_ELEMENTS(p), -1);
                if (w == TB_WAIT_TIMEOUT) {
                        tb_set_error(error, TB_ERROR_TIMEOUT,
                                     "%s: took only %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                                     " bytes in time: nobody reads there now",
                                     tb_transport_name(to), done, size);
                        return false;
                }
                if (w != TB_WAIT_READY)
                        return tb_io_fail(w, tb_transport_name(to), error);
                if (p[0].revents && !hand_up(self, from, error))
                        return false;
        }
        return true;
}
