#pragma once
/*
 * Frames of a carried WebSocket (RFC 6455, 5.2) on a host's stream: the host sends as a server (whole messages, without a
 * mask), we as a client. Pure; any thread.
 */
#include <glib.h>

typedef enum TbCarryOpcode {
        TB_CARRY_TEXT = 1,
        TB_CARRY_BINARY = 2,
        TB_CARRY_CLOSE = 8,
        TB_CARRY_PING = 9,
        TB_CARRY_PONG = 10,
} TbCarryOpcode;

typedef struct TbCarryFrame {
        TbCarryOpcode opcode;
        const guint8 *payload; /* within the bytes that were parsed */
        gsize size;            /* at most TB_LIMIT_WS_MESSAGE; of a control frame 125 */
        int code;              /* of a close: 1005 when it says none */
} TbCarryFrame;

/* n bytes of `bytes` are a frame · 0: more is needed · -1: no frame that we take; *ret_why (static) says what is wrong. */
gssize tb_carry_frame_parse(const guint8 *bytes, gsize n, TbCarryFrame *ret_frame, const char **ret_why);
/* Appends one that is masked with zeros: the line is no proxy's, and so the bytes stay what they are. */
void tb_carry_frame_append(GByteArray *out, TbCarryOpcode opcode, const void *payload, gsize size);
