#pragma once
/*
 * confine.h - the file system of the simulated phone: /system/bin with its tools, /data and /sdcard in the
 * state folder, nothing of the host's but /usr (read-only), so that a shell on the phone cannot touch the
 * host
 *
 * Done with user, mount and pid namespaces. Where the kernel forbids them the phone still runs, unconfined:
 * its sync paths are mapped below the state folder, its shell starts there, and a warning says so.
 */
#include <stdbool.h>

/* Enter new namespaces and fork: returns in the child only; the parent waits, passes SIGTERM and SIGINT on,
 * and exits with the child's status. True: in namespaces. False: the kernel forbids it (nothing was forked).
 */
bool sim_confine_enter(void);

/* Build the phone's tree. confined = sim_confine_enter() said so: afterwards "/" is the phone's. Sets PATH,
 * SHELL, HOME and so on for the children. Returns the prefix of every path of the phone ("" or the state
 * folder), owned. */
char *sim_confine_build(const char *state, bool confined);
