#pragma once
/*
 * A program that runs with all that it starts, and ends with all of it. Between `testbed` and the program stands a process of its own,
 * the keeper: what the program leaves behind becomes its child (PR_SET_CHILD_SUBREAPER), so that it knows all of them by descent, also
 * those in groups and sessions of their own. The program stays in our process group: Ctrl-C, Ctrl-Z and the terminal are its as if it
 * had been started by the shell.
 *
 * Told to end (SIGTERM to the keeper, or `testbed` itself is gone, also by SIGKILL), all of them get SIGTERM, and SIGKILL ten seconds
 * later; the keeper ends when nobody of them is left. When the program ends by itself, what it left in the background goes on.
 */
#include <glib.h>

/* Starts it. The keeper's pid: its exit code is the program's, or 128 and the signal that ended it. 0: `error` says why, and
 * *ret_code the code that shells have for it (127: there is none, 126: it cannot be run). */
GPid tb_cli_keeper_start(char **argv, char **env, int *ret_code, GError **error);
