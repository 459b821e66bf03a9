#pragma once
/*
 * QMP, the machine protocol of QEMU: JSON objects, one a line. Pure. Source: QEMU's docs/interop/qmp-spec.txt
 * (greeting, capabilities negotiation, "return" / "error" with the id of the command, asynchronous "event").
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum TbQemuQmpKind {
        TB_QEMU_QMP_GREETING,
        TB_QEMU_QMP_RETURN,
        TB_QEMU_QMP_ERROR,
        TB_QEMU_QMP_EVENT
} TbQemuQmpKind;

typedef struct TbQemuQmpMessage {
        TbQemuQmpKind kind;
        json_t *root;     /* owned */
        gint64 id;        /* RETURN, ERROR; -1: none */
        json_t *value;    /* borrowed from root: RETURN's value, EVENT's "data" (may be NULL) */
        const char *text; /* borrowed from root: EVENT's name, ERROR's "desc" */
} TbQemuQmpMessage;

/* Bytes consumed (the message is filled and owned by the caller), 0: need more, -1: not QMP, or a line over
 * TB_LIMIT_LINE. */
gssize tb_qemu_qmp_parse(const char *data, gsize size, TbQemuQmpMessage *ret);
void tb_qemu_qmp_message_clear(TbQemuQmpMessage *message);
/* One line with its end; the caller frees. `arguments` may be NULL; borrowed. */
char *tb_qemu_qmp_command(gint64 id, const char *name, json_t *arguments);
/* "query-chardev": is somebody connected to the socket chardev `label`? */
bool tb_qemu_qmp_chardev_connected(json_t *value, const char *label);
