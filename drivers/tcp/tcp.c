/* A console behind a plain TCP port: terminal servers in raw mode, ser2net, socat, QEMU chardevs. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/transport/transport.h"

typedef struct Tcp {
        TbInstance base;
        TbTransport *link; /* owned */
} Tcp;

static const TbParam params[] = {
        {.name = "connect_ms",
         .type = TB_PARAM_INT,
         .min = 100,
         .max = 30000,
         .fallback = "5000",
         .unit = "ms",
         .help = "how long to wait for the other side"},
        TB_PARAM_END,
};

static bool check(const TbUri *uri, json_t *p G_GNUC_UNUSED, GError **error)
{
        if ((*uri->host && uri->port > 0 && !*uri->path) || (!*uri->host && uri->port < 0 && *uri->path))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "name host and port: tcp://terminal-server:4001 (or tcp:///path/of/a/socket)");
        return false;
}

static bool tcp_open(TbInstance *self, TbIo *io, GError **error)
{
        const TbUri *uri = self->uri;
        int ms = (int)json_integer_value(json_object_get(self->params, "connect_ms"));
        Tcp *t = (Tcp *)self;
        t->link = *uri->host ? tb_tcp_connect(io, uri->host, (guint16)uri->port, ms, error)
                             : tb_unix_connect(io, uri->path, ms, error);
        return t->link != NULL;
}

static void tcp_close(TbInstance *self)
{
        tb_transport_close(g_steal_pointer(&((Tcp *)self)->link));
}

static bool tcp_pump(TbInstance *self, TbIo *io, GError **error)
{
        Tcp *t = (Tcp *)self;
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
        return tb_transport_write(((Tcp *)self)->link, io, data, size, -1, error);
}

static const TbConsoleOps console = {.write = tcp_write};
static const TbLane lanes[] = {
        {.name = "console",
         .size = sizeof(Tcp),
         .open = tcp_open,
         .close = tcp_close,
         .pump = tcp_pump,
         .console = &console},
        {.name = NULL},
};

const TbDriver tb_driver_tcp = {
        .name = "tcp",
        .summary = "A console behind a raw TCP port or a UNIX socket.",
        .example = "tcp://terminal-server:4001",
        .params = params,
        .check = check,
        .lanes = lanes,
};
