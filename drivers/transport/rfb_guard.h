#pragma once
/*
 * libvncclient reads whole messages and cannot be interrupted. The guard is a thread that watches the io's `stop` while such a call runs and shuts the
 * socket down when it is raised, so that the call fails at once. It touches nothing but the socket.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbRfbGuard TbRfbGuard;

TbRfbGuard *tb_rfb_guard_new(int stop_fd, int sock); /* both borrowed */
void tb_rfb_guard_busy(TbRfbGuard *guard, bool busy);
bool tb_rfb_guard_fired(TbRfbGuard *guard);
void tb_rfb_guard_free(TbRfbGuard *guard); /* accepts NULL */
