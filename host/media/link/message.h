#pragma once
/*
 * The messages between testbed-host and its child testbed-media (the table stands in host/media/README.md).
 * Pure. A frame: length of what follows the head (u32), type (u32), id (u32), then the fields in the order of
 * the structs below; little-endian; texts and bytes with their length (u32) and a NUL behind them. One function
 * per message both reads and writes it, so that the two cannot drift.
 *
 * The host takes what comes as hostile: a type that this side may not send, a number out of its range, a text
 * with a NUL in it or one that is no UTF-8, a field too many or too few are TB_ERROR_INVALID, and end the child.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/limits.h"

#define TB_LINK_HEAD 12
#define TB_LINK_RUNGS 3          /* TB_RUNGS, TB_ADAPT_RUNGS */
#define TB_LINK_REASON 512       /* bytes of a reason or error text */
#define TB_LINK_LABEL 256        /* bytes of a label */
#define TB_LINK_SOUND_BYTES 4096 /* of a packet of sound; Opus' own limit for one is below */
#define TB_LINK_CHANNEL 64       /* bytes of a data channel's name */
#define TB_LINK_CANDIDATE 1024
#define TB_LINK_CREDENTIALS 520 /* bytes of ICE's, as RFC 8839 §5.4 bounds them */
#define TB_LINK_SERVER 1024     /* bytes of one ICE server's URI */
#define TB_LINK_SERVERS 16
#define TB_LINK_ANSWER (2 * TB_LIMIT_SDP)

typedef enum TbLinkType {
        /* host -> media; `id`: peer, or source where the struct is of a source */
        TB_LINK_SETUP = 1,
        TB_LINK_PEER,
        TB_LINK_CLOSE,
        TB_LINK_REMOTE,  /* text: a candidate of the viewer */
        TB_LINK_SEND,    /* chunk */
        TB_LINK_REFRESH, /* the viewer shows nothing: a keyframe soon */
        TB_LINK_SOURCE,
        TB_LINK_FEED,
        TB_LINK_UNIT,
        TB_LINK_PING,    /* id: a number */
        TB_LINK_RESTART, /* text: "ufrag pwd" of the viewer's new ICE; its candidates follow */
        TB_LINK_SOUND,   /* id: of a source of sound, whose numbers are others than the pictures' */
        TB_LINK_CALL,    /* peer, without source and offer: a phone; ANSWER_SDP is our offer to it */
        TB_LINK_ACCEPT,  /* text: the phone's answer */
        TB_LINK_WANT,    /* number: of TbLinkWant, what of the phone is wanted */
        /* media -> host */
        TB_LINK_READY = 32,
        TB_LINK_ANSWER_SDP,  /* text */
        TB_LINK_ANSWER_NONE, /* text: why */
        TB_LINK_LOCAL,       /* text: a candidate of ours */
        TB_LINK_STATE,       /* number */
        TB_LINK_OPEN,        /* chunk without bytes; `flag`: open */
        TB_LINK_MESSAGE,     /* chunk; `flag`: text */
        TB_LINK_CLOSED,      /* text: why */
        TB_LINK_STATS,
        TB_LINK_RESTARTED,   /* text: SDP fragment of our new ICE; "": it cannot be restarted */
        TB_LINK_SUBSCRIBE,   /* number: rung of the source */
        TB_LINK_UNSUBSCRIBE, /* number: rung */
        TB_LINK_KEYFRAME,    /* number: rung */
        TB_LINK_RATE,        /* feed: what is wished */
        TB_LINK_PONG,        /* id: of the ping */
} TbLinkType;

typedef enum TbLinkWant {
        TB_LINK_WANT_PICTURES = 1,
        TB_LINK_WANT_SOUND = 2,
        TB_LINK_WANT_ALL = 3
} TbLinkWant;

/* Borrowed from the bytes that were parsed; a NUL stands behind `length` bytes. */
typedef struct TbLinkBytes {
        const char *data;
        gsize length;
} TbLinkBytes;

typedef struct TbLinkSetup {
        guint64 epoch_us;           /* tb_media_epoch() */
        guint32 max_fps, max_kbps;  /* of a stream */
        guint32 min_port, max_port; /* of ICE; 0: any */
        guint32 log_level;          /* TbLogLevel */
        guint32 log_json;           /* 0, 1 */
} TbLinkSetup;

typedef struct TbLinkPeer {
        guint32 source; /* of pictures; 0: none */
        guint32 sound;  /* 0: none */
        gint32 answer_wait_ms;
        guint32 answer_at_relay; /* 0, 1 */
        guint32 max_kbps;        /* 0: no limit of its own */
        TbLinkBytes label, device, offer;
        guint32 n_servers;
        TbLinkBytes servers[TB_LINK_SERVERS];
} TbLinkPeer;

typedef struct TbLinkChunk {
        guint32 flag; /* 0, 1 */
        TbLinkBytes channel, bytes;
} TbLinkChunk;

typedef struct TbLinkSource {
        guint32 codec;         /* TbCodec */
        guint32 width, height; /* of its pictures; 0: none yet */
        guint32 origin;        /* the phone whose pictures they are, encoded by itself; 0: none */
} TbLinkSource;

typedef struct TbLinkFeed {
        guint32 rung, kbps, fps;
} TbLinkFeed;

typedef struct TbLinkUnit {
        guint32 rung, keyframe;
        guint64 pts_ns; /* since the epoch */
        TbLinkBytes data;
} TbLinkUnit;

typedef struct TbLinkSound {
        guint64 pts_ns;   /* since the epoch */
        TbLinkBytes data; /* one packet of Opus */
} TbLinkSound;

typedef struct TbLinkReady {
        guint32 got;      /* of TbLinkGot */
        guint32 landlock; /* version of its interface; 0: the kernel has none */
} TbLinkReady;

/* What keeps the child from everything but its sockets. */
typedef enum TbLinkGot {
        TB_LINK_GOT_NO_NEW_PRIVS = 1 << 0,
        TB_LINK_GOT_UNDUMPABLE = 1 << 1,
        TB_LINK_GOT_LANDLOCK = 1 << 2,
        TB_LINK_GOT_SECCOMP = 1 << 3,
        TB_LINK_GOT_USER = 1 << 4, /* a user of no rights, or it never had any */
        TB_LINK_GOT_ALL = (1 << 5) - 1,
} TbLinkGot;

typedef struct TbLinkStats {
        double sent_kbps, recv_kbps, loss_percent, rtt_ms, queue_ms; /* finite */
        guint32 estimate_kbps, target_kbps, target_fps, rung, pli;
        guint64 frames, keyframes, bytes, dropped, sound_packets, sound_bytes;
} TbLinkStats;

typedef struct TbLinkMessage {
        TbLinkType type;
        guint32 id;
        union {
                TbLinkBytes text;
                guint32 number;
                TbLinkSetup setup;
                TbLinkPeer peer;
                TbLinkChunk chunk;
                TbLinkSource source;
                TbLinkFeed feed;
                TbLinkUnit unit;
                TbLinkSound sound;
                TbLinkReady ready;
                TbLinkStats stats;
        };
} TbLinkMessage;

typedef enum TbLinkSide { TB_LINK_HOST, TB_LINK_MEDIA } TbLinkSide;

/* `from`: who sent the bytes. n: bytes of a whole message, which is in ret_message; 0: more are needed; -1:
 * TB_ERROR_INVALID, and nothing after it can be understood. */
gssize tb_link_parse(TbLinkSide from, const guint8 *bytes, gsize length, TbLinkMessage *ret_message,
                     GError **error);
/* The caller owns it. NULL: TB_ERROR_TOO_LARGE or TB_ERROR_INVALID, a field is out of its range. The `data` of a unit is not in
 * it, nor the NUL behind: they are sent after it. */
GByteArray *tb_link_write(const TbLinkMessage *message, GError **error);

TbLinkBytes tb_link_text(const char *text); /* borrows; NULL: "" */
/* A text of anybody as one that fits: valid UTF-8 of at most `max` bytes. The caller owns it. */
char *tb_link_clip(const char *text, gsize max);
