/* A console behind a plain TCP port: terminal servers in raw mode, ser2net, socat, QEMU chardevs. */
#include "drivers/driver.h"
#include "drivers/transport/duplex.h"
#include "drivers/transport/line.h"

static const TbParam params[] = {TB_LINE_PARAMS, TB_PARAM_END};

static bool tcp_pump(TbInstance *self, TbIo *io, GError **error)
{
        return tb_duplex_pump(self, io, ((TbLine *)self)->link, error);
}

static bool tcp_write(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        TbTransport *link = ((TbLine *)self)->link;
        return tb_duplex_write(self, io, link, link, data, size, error);
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
