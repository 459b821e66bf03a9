#pragma once
/* A QMP session on a UNIX socket: commands answered in order, events in between. Thread: the worker. */
#include "drivers/qemu/qmp_proto.h"
#include "drivers/transport/transport.h"

typedef struct Qmp Qmp;

/* Connects and negotiates. `event` is called from within qmp_run() and qmp_pump(). */
Qmp *qmp_open(TbIo *io, const char *path, void (*event)(gpointer data, const char *name, json_t *value),
              gpointer data, GError **error);
void qmp_close(Qmp *qmp); /* accepts NULL */
int qmp_fd(Qmp *qmp);
/* Runs a command. *ret_value (may be NULL) is owned by the caller. GONE: QEMU hung up. UNPROCESSABLE: QEMU
 * refused. */
bool qmp_run(Qmp *qmp, TbIo *io, const char *name, json_t *arguments, json_t **ret_value, GError **error);
/* Reads what is there. */
bool qmp_pump(Qmp *qmp, GError **error);
