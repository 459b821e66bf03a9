#pragma once
/* A simulator of tests/sim/ as a child: a script of node that prints "listening PORT" and, with --control, answers each
 * line on its stdin with one line. Everything asserts. */
#include "drivers/transport/transport.h"

typedef struct Sim {
        TbIo io;
        TbChild *child; /* owned */
        int port;
} Sim;

/* `args`: NULL-terminated, behind --control; may be NULL. */
Sim sim_start(const char *script, const char *const *args);
void sim_stop(Sim *sim);
char *sim_ask(Sim *sim, const char *line); /* the caller frees */
void sim_do(Sim *sim, const char *line);   /* answered with "ok" */
/* A port of this machine that nobody has now, for what must be told its own. `type`: SOCK_STREAM, SOCK_DGRAM. */
int sim_free_port(int type);
