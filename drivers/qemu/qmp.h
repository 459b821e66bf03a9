#pragma once
/* A QMP session on a UNIX socket: commands answered in order, events in between. Thread: the worker. */
#include "drivers/qemu/qmp_proto.h"
#include "drivers/transport/transport.h"

typedef struct TbQemuQmp TbQemuQmp;

/* Connects and negotiates. `event` is called from within tb_qemu_qmp_run() and tb_qemu_qmp_pump(). */
TbQemuQmp *tb_qemu_qmp_open(TbIo *io, const char *path,
                            void (*event)(gpointer data, const char *name, json_t *value), gpointer data,
                            GError **error);
void tb_qemu_qmp_close(TbQemuQmp *qmp); /* accepts NULL */
int tb_qemu_qmp_fd(TbQemuQmp *qmp);
/* Runs a command. *ret_value (may be NULL) is owned by the caller. GONE: QEMU hung up. UNPROCESSABLE: QEMU
 * refused. */
bool tb_qemu_qmp_run(TbQemuQmp *qmp, TbIo *io, const char *name, json_t *arguments, json_t **ret_value,
                     GError **error);
/* Reads what is there. */
bool tb_qemu_qmp_pump(TbQemuQmp *qmp, GError **error);
