#pragma once
/*
 * One open serial line: a UART or USB adapter by libserialport, or a pty (which libserialport does not take:
 * it has no entry in /sys/class/tty). The line is raw, ours alone (flock, TIOCEXCL) and non-blocking: whoever
 * owns it reads and writes its fd and waits by TbIo. Thread: the worker that opened it. Errors: as
 * tb_sysdev_open_failed(); UNSUPPORTED for what this hardware cannot do, with its name.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/driver.h"

typedef struct TbSerialLine TbSerialLine;

/* `path` may be a link. With `low_latency` the driver is asked to pass bytes on at once; not all can, which
 * is no error. */
TbSerialLine *tb_serial_line_open(const char *path, const TbSerialSettings *settings, bool low_latency,
                                  GError **error);
void tb_serial_line_close(TbSerialLine *line); /* accepts NULL */
int tb_serial_line_fd(TbSerialLine *line);     /* borrowed */
bool tb_serial_line_is_pty(TbSerialLine *line);

/* What the line does now, read back from it. */
bool tb_serial_line_get(TbSerialLine *line, TbSerialSettings *ret_settings, GError **error);
/* All or nothing: when a setting does not take, those of before are set again. dtr and rts of -1 stay as they
 * are; so does rts while it belongs to the flow control. */
bool tb_serial_line_set(TbSerialLine *line, const TbSerialSettings *settings, GError **error);
bool tb_serial_line_break(TbSerialLine *line, bool on, GError **error);
/* Bytes that were written and did not leave yet; 0 when the driver does not say. */
guint tb_serial_line_queued(TbSerialLine *line);
/* A number that changes with CTS, DSR, DCD or RI, read without asking the adapter; -1: the driver does not
 * count. */
gint64 tb_serial_line_edges(TbSerialLine *line);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSerialLine, tb_serial_line_close)
