#pragma once
/*
 * control.h - the socket by which tests make trouble: one command per line, one line of answer
 *
 * STATE/control, a Unix socket of the host's file system. Commands and answers: README.md. Main loop only.
 */
#include <glib.h>

#include "tests/sim/android/phone.h"
#include "tests/sim/android/transport.h"

typedef struct SimControl SimControl;

/* Takes listen_fd. */
SimControl *sim_control_new(SimPhone *phone, SimTransport *transport, GMainLoop *loop, int listen_fd);
void sim_control_free(SimControl *control);

int sim_control_listen(const char *state); /* fd, -1 with errno */
int sim_control_send(const char *state,
                     const char *line); /* `--control`: prints the answer, returns the exit code */
