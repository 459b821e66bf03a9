#pragma once
/*
 * QMP, the machine protocol of QEMU: JSON objects, one a line. Pure. Source: QEMU's docs/interop/qmp-spec.txt
 * (greeting, capabilities negotiation, "return" / "error" with the id of the command, asynchronous "event").
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum QmpKind { QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT } QmpKind;

typedef struct QmpMessage {
        QmpKind kind;
        json_t *root;     /* owned */
        gint64 id;        /* RETURN, ERROR; -1: none */
        json_t *value;    /* borrowed from root: RETURN's value, EVENT's "data" (may be NULL) */
        const char *text; /* borrowed from root: EVENT's name, ERROR's "desc" */
} QmpMessage;

/* Bytes consumed (the message is filled and owned by the caller), 0: need more, -1: not QMP, or a line over
 * TB_LIMIT_LINE. */
gssize qmp_parse(const char *data, gsize size, QmpMessage *ret);
void qmp_message_clear(QmpMessage *message);
/* One line with its end; the caller frees. `arguments` may be NULL; borrowed. */
char *qmp_command(gint64 id, const char *name, json_t *arguments);
/* "query-chardev": is somebody connected to the socket chardev `label`? */
bool qmp_chardev_connected(json_t *value, const char *label);
