#pragma once
/*
 * The system calls that testbed-media never makes once it is loaded, and that an intruder would: they fail with
 * EPERM. A list of what is refused and not of what is allowed: GStreamer and its libraries are others' code.
 */
#include <stdbool.h>

/* For every thread. False: not on this machine. After no_new_privs. */
bool tb_seccomp_apply(void);
