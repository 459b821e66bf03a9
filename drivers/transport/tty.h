#pragma once
/*
 * One open serial line: a UART or USB adapter by libserialport, or a pty (which libserialport does not take:
 * it has no entry in /sys/class/tty). The line is raw, ours alone (flock, TIOCEXCL) and non-blocking: whoever
 * owns it reads and writes its fd and waits by TbIo. Thread: the worker that opened it. Errors: as
 * tb_sysdev_open_failed(); UNSUPPORTED for what this hardware cannot do, with its name.
 *
 * A device that answers over a line, whatever the line is, has line.h.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/driver.h"
#include "drivers/transport/tty_settings.h"

#define TB_TTY_CLASS "/sys/class/tty"

typedef struct TbTty TbTty;

/* The device file of `target` at this moment; GONE when nothing is plugged there. The caller frees. */
char *tb_tty_find(const TbTtyTarget *target, GError **error);

/* `path` may be a link. With `low_latency` the driver is asked to pass bytes on at once; not all can, which
 * is no error. */
TbTty *tb_tty_open(const char *path, const TbSerialSettings *settings, bool low_latency, GError **error);
/* The line that an attachment names by its URI, as its parameters (TB_TTY_PARAMS) say; or with the settings
 * that it had before. NULL: those of the parameters. */
TbTty *tb_tty_open_attached(const TbInstance *self, const TbSerialSettings *settings, GError **error);
void tb_tty_close(TbTty *tty); /* accepts NULL */
int tb_tty_fd(TbTty *tty);     /* borrowed */
bool tb_tty_is_pty(TbTty *tty);

/* What the line does now, read back from it. */
bool tb_tty_get(TbTty *tty, TbSerialSettings *ret_settings, GError **error);
/* All or nothing: when a setting does not take, those of before are set again. dtr and rts of -1 stay as they
 * are; so does rts while it belongs to the flow control. */
bool tb_tty_set(TbTty *tty, const TbSerialSettings *settings, GError **error);
bool tb_tty_break(TbTty *tty, bool on, GError **error);
/* Bytes that were written and did not leave yet; 0 when the driver does not say. */
guint tb_tty_queued(TbTty *tty);
/* A number that changes with CTS, DSR, DCD or RI, read without asking the adapter; -1: the driver does not
 * count. */
gint64 tb_tty_edges(TbTty *tty);
/* What the receiver found wrong since the line was made, and breaks; false: the driver does not count. */
typedef struct TbTtyErrors {
        int overrun, parity, framing, breaks;
} TbTtyErrors;
bool tb_tty_errors(TbTty *tty, TbTtyErrors *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbTty, tb_tty_close)
