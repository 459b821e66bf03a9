/* The serial port: a socket that exists while the machine is on. */
#include "drivers/qemu/qemu.h"
#include "drivers/transport/duplex.h"

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
        if (!tb_duplex_pump(self, io, c->serial,
                            NULL)) /* powered off, or ended: the next one has its own socket */
                tb_transport_close(g_steal_pointer(&c->serial));
        return true;
}

static bool write_console(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        TbQemuConsole *c = (TbQemuConsole *)self;
        if (c->serial)
                return tb_duplex_write(self, io, c->serial, c->serial, data, size, error);
        g_autofree char *reason = tb_qemu_off_reason(self);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", reason);
        return false;
}

const TbConsoleOps tb_qemu_console = {.write = write_console};
