/* The serial port: a socket that exists while the machine is on. */
#include <string.h>

#include "drivers/qemu/qemu.h"

bool tb_qemu_console_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        return tb_qemu_link_open(&((TbQemuConsole *)self)->link, self->run_dir, "serial", error);
}

void tb_qemu_console_close(TbInstance *self)
{
        TbQemuConsole *c = (TbQemuConsole *)self;
        tb_transport_close(g_steal_pointer(&c->serial));
        tb_qemu_link_close(&c->link);
}

bool tb_qemu_console_pump(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        TbQemuConsole *c = (TbQemuConsole *)self;
        if (!c->serial) {
                c->serial = tb_qemu_link_connect(&c->link, io);
                if (!c->serial)
                        tb_qemu_link_wait(&c->link, io);
                return true;
        }
        struct pollfd p = {.fd = tb_transport_fd(c->serial), .events = POLLIN};
        if (tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY)
                return true;
        char buf[16384];
        gssize n = tb_transport_read_now(c->serial, buf, sizeof buf, NULL);
        if (n > 0)
                self->up->bytes(self, buf, (gsize)n);
        else if (n < 0) /* powered off, or ended: the next one has its own socket */
                tb_transport_close(g_steal_pointer(&c->serial));
        return true;
}

static bool write_console(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        TbQemuConsole *c = (TbQemuConsole *)self;
        if (c->serial)
                return tb_transport_write(c->serial, io, data, size, -1, error);
        g_autofree char *reason = tb_qemu_off_reason(self);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", reason);
        return false;
}

const TbConsoleOps tb_qemu_console = {.write = write_console};
