#pragma once
/*
 * What a daemon says to the service manager that started it, and what that keeps for it (sd_notify(3),
 * sd_listen_fds(3)): datagrams to the socket that NOTIFY_SOCKET names. Where there is none, nothing is said and nothing is
 * kept.
 *
 * A line that nobody has open forgets what came in and drops DTR, which resets many a board. So a driver that
 * has opened one lets the manager hold it, too; what arrives while the daemon is started anew waits in the
 * kernel. The manager (FileDescriptorStoreMax=) gives up a line that hangs up, and all of them when the service
 * is stopped for good.
 */
#include <glib.h>
#include <stdbool.h>

/* Main thread, before any other thread: takes what the manager has handed over, and hides all of it from child
 * processes. */
void tb_service_init(void);
/* Main thread, on the main loop: "we serve". From then on the manager's watchdog, if there is one, is told that the loop runs. */
void tb_service_ready(void);
/* Main thread: "we end". What is held from now on stays held. */
void tb_service_stopping(void);

/* Any thread. A copy of `fd` is held under `name` (ASCII without a colon) over a restart. False: by nobody. */
bool tb_service_hold(const char *name, int fd);
/* Any thread. Nobody holds it any more; after tb_service_stopping() nothing happens. */
void tb_service_release(const char *name);
/* Any thread. What was held of `name` when this process started, once; the manager holds it on. The caller
 * closes. -1: nothing. What nobody asked for within TB_LIMIT_HELD_S of being ready is released. */
int tb_service_take(const char *name);
