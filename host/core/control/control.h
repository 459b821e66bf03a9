#pragma once
/*
 * TbControl: one viewer's conversation with the host, whatever carries it: WebSocket /host/ws, the data
 * channels of a WebRTC peer, or the server's relay. It reads messages (control_msg.h), runs commands by
 * tb_core_command(), acknowledges every one, and pushes what was subscribed to.
 *
 * Topics: "event" (or "events"; the bus), "sensor" (samples), "console" (its bytes, in order and without a
 * gap, from where the subscription began), "log" (lines). Each may be narrowed: "console:board",
 * "sensor:board/vitals". "console" and "log" need a device.
 *
 * Flow: samples and log lines are dropped when the other side cannot take more, events are dropped and then
 * reported as one event "gap", console bytes wait in the history, of which every subscription has its own
 * offset.
 *
 * Thread: main. Ownership: the carrier owns the TbControl and frees it when it ends: reads in progress are
 * cancelled then, switching of power and input go on to their end (half a power cycle would be worse than a
 * whole one).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/core/core.h"

#define TB_CONTROL_IN_FLIGHT 64 /* commands of one viewer that run at once: then 429 */
#define TB_CONTROL_CLIENTS 8    /* names ("client") by which one connection holds keys and buttons */
/* bytes waiting in the carrier above which console bytes wait in the history */
#define TB_CONTROL_QUEUE_HIGH (256 * 1024)
/* bytes of one console message (16 KiB as base64: fits any data channel) */
#define TB_CONTROL_CONSOLE_CHUNK 12288

#define TB_CONTROL_MESSAGE (240 * 1024) /* what the server's relay (256 KiB with its envelope) carries */

typedef struct TbControl TbControl;

typedef struct TbControlOps {
        /* One message, NUL-terminated. False: it cannot be taken now. Must not free the control. */
        bool (*send)(const char *text, gsize size, gpointer data);
        /* Bytes that wait; NULL: unknown, send tells. A carrier that has it calls tb_control_drained() when
         * it ran empty. */
        gsize (*queued)(gpointer data);
        /* Bytes of one message that the carrier takes; 0: TB_CONTROL_MESSAGE. An answer that is larger is
         * replaced by a 413. */
        gsize max;
        /* The topic "picture": the reduced picture of a device over this carrier. NULL: refused. */
        bool (*picture)(const char *device, const char *interface, bool on, gpointer data, GError **error);
        /* The topic "sound": the same of what is heard. */
        bool (*sound)(const char *device, const char *interface, bool on, gpointer data, GError **error);
} TbControlOps;

/* `actor` is copied. `ops` is static. `device`: the only device that this viewer may see and control; NULL:
 * all. */
TbControl *tb_control_new(TbCore *core, const TbActor *actor, const char *device, const TbControlOps *ops,
                          gpointer data);
void tb_control_receive(TbControl *control, const char *text, gsize size);
void tb_control_drained(TbControl *control);
/* What a {"subscribe":[topic]} does; for carriers that are born with a subscription (the data channel
 * "sensor"). `from`: console offset; -1: now. */
bool tb_control_subscribe(TbControl *control, const char *topic, gint64 from, GError **error);
void tb_control_unsubscribe(TbControl *control, const char *topic);
void tb_control_free(TbControl *control); /* accepts NULL */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbControl, tb_control_free)
