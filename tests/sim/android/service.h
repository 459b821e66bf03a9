#pragma once
/*
 * service.h - what an OPEN may ask for (adbd's services), each served by a child process on a socket pair
 *
 * shell: / shell,v2,...: / exec: run /system/bin/sh; sync: moves files. Everything else is answered or
 * refused here. No threads: a child process per service, as isolated from the main loop as adbd's are from
 * its own.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "tests/sim/android/phone.h"

typedef struct {
        int fd;    /* our end of the pair, non-blocking; the caller closes it */
        pid_t pid; /* process group of the child, 0 when none was needed */
} SimService;

/* False: refused, answer with CLSE. */
bool sim_service_open(SimPhone *phone, const char *name, SimService *ret);
void sim_service_hangup(SimService *service); /* close, and SIGHUP to what still runs */

/* In the child; these do not return. */
void sim_shell_run(int fd, const char *command, bool packets, bool pty, const char *term) G_GNUC_NORETURN;
void sim_sync_run(int fd, const char *root) G_GNUC_NORETURN;
