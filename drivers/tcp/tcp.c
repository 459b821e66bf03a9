/* A console behind a plain TCP port: terminal servers in raw mode, ser2net, socat, QEMU chardevs. */
#include "drivers/driver.h"
#include "drivers/transport/line.h"

static const TbParam params[] = {TB_LINE_PARAMS, TB_PARAM_END};

static bool tcp_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbLine *t = (TbLine *)self;
        struct pollfd p = {.fd = tb_transport_fd(t->link), .events = POLLIN};
        if (tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY)
                return true;
        char buf[16384];
        gssize n = tb_transport_read_now(t->link, buf, sizeof buf, error);
        if (n > 0)
                self->up->bytes(self, buf, (gsize)n);
        return n >= 0;
}

static bool tcp_write(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        return tb_transport_write(((TbLine *)self)->link, io, data, size, -1, error);
}

static const TbConsoleOps console = {.write = tcp_write};
static const TbLane lanes[] = {
        {.name = "console",
         .size = sizeof(TbLine),
         .open = tb_line_open,
         .close = tb_line_close,
         .pump = tcp_pump,
         .console = &console},
        {.name = NULL},
};

const TbDriver tb_driver_tcp = {
        .name = "tcp",
        .summary = "A console behind a raw TCP port or a UNIX socket.",
        .example = "tcp://terminal-server:4001",
        .params = params,
        .check = tb_line_check,
        .lanes = lanes,
};
