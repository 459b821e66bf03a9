#pragma once
/*
 * Frames of the link between a host and the pairing server (docs/PROTOCOL.md, "Streams"): what both daemons read
 * and write. Pure; any thread.
 *
 *   type 1 byte | flags 1 byte | size 2 bytes | stream 4 bytes | payload        numbers are big-endian
 *
 * One binary message of the WebSocket holds whole frames, one or several. A picture (0x01) is no frame: the first
 * byte tells them apart.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_LINK_PROTOCOL 2 /* of hello and ready; 1 had JSON with base64 and no credit */
#define TB_LINK_FRAME_HEADER 8
#define TB_LINK_STREAM_MAX G_MAXINT32
#define TB_LINK_DATA_COST                                                                                    \
        32 /* credit that a DATA frame costs beyond its bytes: many small ones are not free */

typedef enum TbLinkFrameType {
        TB_LINK_HEAD = 0x10,   /* JSON: opens a stream (server), or begins its answer (host) */
        TB_LINK_DATA = 0x11,   /* bytes of a body; costs credit */
        TB_LINK_CREDIT = 0x12, /* 4 bytes: so many more may be sent on this stream */
        TB_LINK_RESET = 0x13,  /* UTF-8 text: the stream ends here, both ways, and why */
} TbLinkFrameType;

#define TB_LINK_END 0x01 /* flag of HEAD and DATA: nothing more comes from this side */

typedef struct TbLinkFrame {
        TbLinkFrameType type;
        bool end;
        guint32 stream;
        const guint8 *payload; /* borrowed from the bytes that were parsed; DATA of no bytes: its size is 0 */
        gsize size;
        guint32 credit; /* CREDIT: 1…TB_LINK_STREAM_MAX */
} TbLinkFrame;

/* Bytes consumed; 0: more are needed; -1: a violation, with TB_ERROR_INVALID. */
gssize tb_link_frame_parse(const guint8 *bytes, gsize size, TbLinkFrame *ret_frame, GError **error);
/* Whether the first byte of a binary message begins a frame. */
bool tb_link_frame_begins(const guint8 *bytes, gsize size);
/* The frame's header. `size`: of the payload, within the type's limit. */
void tb_link_frame_header(guint8 out[TB_LINK_FRAME_HEADER], TbLinkFrameType type, bool end, guint32 stream,
                          gsize size);
