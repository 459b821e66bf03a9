#pragma once
/*
 * A tty that stays up while the daemon is started anew: the service manager has it open meanwhile (lib/service.h), so that the
 * kernel keeps what comes in, and DTR does not drop. A line's name there is its path, links resolved. Any thread.
 */
#include <stdbool.h>

/* Before the line is opened: the process before this one may have had it for itself (TIOCEXCL), and did not live to say
 * that it has it no more. */
void tb_hold_take_over(const char *path);
/* While this process has it open, and before it has it for itself. False: nobody holds it. */
bool tb_hold_line(const char *path);
/* It is given up: detached, unplugged. While the daemon stops (tb_service_stopping()) nothing happens. */
void tb_hold_release(const char *path);
