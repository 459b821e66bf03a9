/*
 * adb_console.c - a shell of the phone in a terminal of its own (adb's shell protocol with a pty), as a console; it is as large as
 * whoever uses it says. Only where the attachment asks for it ("terminal"): it is a shell for everybody who may type into consoles.
 */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_proto.h"

#define SHARE (16 * 1024) /* bytes of one read */
#define PACKET 4096 /* bytes of one packet: what has begun of it is finished, whatever happens to the rest */

bool tb_adb_console_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbConsoleLane *lane = (TbAdbConsoleLane *)self;

        if (!tb_adb_lane_open(self, io, error))
                return false;
        if ((lane->lane.target.features & TB_ADB_SHELL_V2) == 0) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "%s has no shell protocol v2, which a terminal needs", lane->lane.target.serial);
                return false;
        }
        lane->in = g_byte_array_new();
        lane->out = g_byte_array_new();
        lane->link = tb_adb_service(io, &lane->lane.target, "shell,v2,TERM=xterm-256color,pty:", error);
        if (lane->link == NULL)
                return false;
        if (lane->columns == 0) {
                lane->columns = 80;
                lane->rows = 24;
        }
        return tb_adb_console_ops.resize(self, io, lane->columns, lane->rows, error);
}

void tb_adb_console_close(TbInstance *self)
{
        TbAdbConsoleLane *lane = (TbAdbConsoleLane *)self;

        g_clear_pointer(&lane->link, tb_transport_close);
        g_clear_pointer(&lane->in, g_byte_array_unref);
        g_clear_pointer(&lane->out, g_byte_array_unref);
}

/* False: the shell has ended, or the link has. */
static bool take(TbAdbConsoleLane *lane, GError **error)
{
        TbInstance *self = &lane->lane.instance;
        TbAdbShellPacket packet;
        guint8 chunk[SHARE];
        gsize at = 0;
        gssize n = tb_transport_read_now(lane->link, chunk, sizeof(chunk), error);

        if (n < 0)
                return false;
        g_byte_array_append(lane->in, chunk, (guint)n);
        while ((n = tb_adb_parse_shell(lane->in->data + at, lane->in->len - at, &packet)) > 0) {
                if (packet.id == TB_ADB_SHELL_STDOUT || packet.id == TB_ADB_SHELL_STDERR)
                        self->up->bytes(self, packet.data, packet.size);
                else if (packet.id == TB_ADB_SHELL_EXIT)
                        n = -1;
                if (n < 0)
                        break;
                at += (gsize)n;
        }
        if (n < 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s: the shell has ended; another one is started",
                             lane->lane.target.serial);
                return false;
        }
        g_byte_array_remove_range(lane->in, 0, (guint)at);
        return true;
}

/* Waits until something passes, either way. TIMEOUT and STOP are the caller's. */
static bool step(TbAdbConsoleLane *lane, TbIo *io, TbWait *ret_wait, GError **error)
{
        struct pollfd fd = {.fd = tb_transport_fd(lane->link), .events = POLLIN};
        gssize n;

        if (lane->out->len > 0)
                fd.events |= POLLOUT;
        *ret_wait = tb_io_wait(io, &fd, 1, -1);
        if (*ret_wait != TB_WAIT_READY)
                return true;
        if ((fd.revents & POLLOUT) != 0) {
                n = tb_transport_write_now(lane->link, lane->out->data, lane->out->len, error);
                if (n < 0)
                        return false;
                g_byte_array_remove_range(lane->out, 0, (guint)n);
        }
        return (fd.revents & (POLLIN | POLLHUP | POLLERR)) == 0 || take(lane, error);
}

bool tb_adb_console_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbWait wait;

        return step((TbAdbConsoleLane *)self, io, &wait, error);
}

/* All that waits, while what comes is handed up: a terminal echoes. */
static bool flush(TbAdbConsoleLane *lane, TbIo *io, gsize done, gsize size, GError **error)
{
        TbWait wait;

        while (lane->out->len > 0) {
                if (!step(lane, io, &wait, error))
                        return false;
                if (wait == TB_WAIT_TIMEOUT) {
                        tb_set_error(error, TB_ERROR_TIMEOUT,
                                     "%s: took only %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                                     " bytes in time: nobody reads there now",
                                     lane->lane.target.serial, done, size);
                        return false;
                }
                if (wait != TB_WAIT_READY)
                        return tb_io_fail(wait, lane->lane.target.serial, error);
        }
        return true;
}

static bool console_write(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        TbAdbConsoleLane *lane = (TbAdbConsoleLane *)self;

        for (gsize done = 0; done < size; done += MIN(size - done, PACKET)) {
                if (!flush(lane, io, done, size, error))
                        return false;
                tb_adb_append_shell(lane->out, TB_ADB_SHELL_STDIN, (const guint8 *)data + done,
                                    (guint32)MIN(size - done, PACKET));
                io->taken =
                        done + MIN(size - done, PACKET); /* what of a packet waits goes out with the next */
        }
        return flush(lane, io, size - MIN(size, PACKET), size, error);
}

static bool console_resize(TbInstance *self, TbIo *io, int columns, int rows, GError **error)
{
        TbAdbConsoleLane *lane = (TbAdbConsoleLane *)self;
        g_autofree char *text = g_strdup_printf("%dx%d,0x0", rows, columns);

        lane->columns = columns;
        lane->rows = rows;
        tb_adb_append_shell(lane->out, TB_ADB_SHELL_WINDOW, text, (guint32)strlen(text) + 1);
        return flush(lane, io, 0, 0, error);
}

const TbConsoleOps tb_adb_console_ops = {.write = console_write, .resize = console_resize};
