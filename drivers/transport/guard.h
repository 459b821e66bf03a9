#pragma once
/*
 * Libraries that read whole messages from their socket cannot be interrupted (libvncclient, xcb). The guard
 * is a thread that watches the io's `stop` while such a call runs and shuts the socket down when it is
 * raised, so that the call fails at once. It touches nothing but the socket.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbGuard TbGuard;

/* Both borrowed. NULL with TB_ERROR_UNAVAILABLE when no thread or descriptor can be had. */
TbGuard *tb_guard_new(int stop_fd, int sock, GError **error);
void tb_guard_busy(TbGuard *guard, bool busy);
bool tb_guard_fired(TbGuard *guard);
void tb_guard_free(TbGuard *guard); /* accepts NULL */
