#pragma once
/*
 * TbWire: WebSocket frames (RFC 6455, 5) as a client has them: what comes is never masked, what goes always is. A message that comes
 * in one frame is told where it lies. Pure; any thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbWireKind {
        TB_WIRE_PART, /* of a message that goes on: nothing to do */
        TB_WIRE_TEXT = 1,
        TB_WIRE_BINARY = 2,
        TB_WIRE_CLOSE = 8,
        TB_WIRE_PING = 9,
        TB_WIRE_PONG = 10,
} TbWireKind;

typedef struct TbWire {
        gsize max;           /* bytes of a message */
        TbWireKind kind;     /* of the message under way; TB_WIRE_PART: none is */
        GByteArray *message; /* owned; its parts so far; NULL: none is under way */
        guint8 spare
                [256]; /* random bytes: a mask that can be guessed lets others choose what is on the line */
        gsize spare_left;
} TbWire;

typedef struct TbWireFrame {
        TbWireKind kind;
        const guint8 *
                bytes; /* in what was given, or of the wire until its next frame; text is UTF-8, without a NUL behind it */
        gsize size;
        int code; /* TB_WIRE_CLOSE: 1005 when there is none. What was refused: the code to close with */
} TbWireFrame;

#define TB_WIRE_HEAD 14 /* bytes of the longest head, mask and all */

void tb_wire_init(TbWire *wire, gsize max_message);
void tb_wire_clear(TbWire *wire);
/* The first frame of `bytes`: its bytes; 0: more is needed; -1: the rules are broken, or it is larger than it may be (`code`). */
gssize tb_wire_take(TbWire *wire, const guint8 *bytes, gsize n, TbWireFrame *out);
/* A whole frame, behind what is in `out`. */
void tb_wire_put(TbWire *wire, GByteArray *out, TbWireKind kind, const void *bytes, gsize size);
