#pragma once
/*
 * The messages between a host and the pairing server (README.md here), from the host's side: read and
 * written, nothing else. Pure; any thread. Unknown types and fields are ignored, so that the server can grow
 * first.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"

#define TB_BRIDGE_NAME 128 /* bytes of a session id, a peer id, a user */

typedef enum TbBridgeType {
        TB_BRIDGE_OTHER, /* not for us, or from a newer server: ignored */
        TB_BRIDGE_READY,
        TB_BRIDGE_CHALLENGE,
        TB_BRIDGE_ERROR,
        TB_BRIDGE_PEER_CONNECTED,
        TB_BRIDGE_PEER_DISCONNECTED,
        TB_BRIDGE_SESSION_CLOSED,
        TB_BRIDGE_PEOPLE,
        TB_BRIDGE_PICTURE_ARRIVED,
        TB_BRIDGE_ICE_SERVERS,
        TB_BRIDGE_OFFER,
        TB_BRIDGE_ICE,
        TB_BRIDGE_BYE,
        TB_BRIDGE_CONTROL,       /* a control message that came by the relay: `json` without the envelope */
        TB_BRIDGE_PHONE_SESSION, /* the answer to our own question: `json` */
        TB_BRIDGE_PING,
        TB_BRIDGE_PONG,
} TbBridgeType;

typedef struct TbBridgeMessage {
        TbBridgeType type;
        json_t *json; /* owned; the strings below are borrowed from it; NULL: not set */
        const char *session, *peer;
        /* peer-connected */
        const char *device, *name;
        bool control; /* mode "control" */
        /* peer-disconnected, session-closed */
        bool cut; /* it may not be here any more: what it has ends at once */
        /* people */
        json_t *people; /* borrowed array of objects */
        /* offer, ice */
        const char *sdp, *candidate;
        const char *which; /* offer: of which of the device's microphones; NULL: the first */
        guint mline_index;
        guint attempt; /* offer, ice, bye: of which of the observer's peer connections; 0: it says nothing of that */
        /* error, bye */
        const char *code, *text;
        /* ready, peer-connected, ice-servers */
        json_t *ice_servers; /* borrowed, not empty; nullable */
        /* ready */
        int protocol;      /* 1: an older server */
        bool open;         /* it asks nobody for a token */
        bool shares;       /* it knows of pictures that are for others, too */
        bool shares_sound; /* and of packets of sound */
        bool units;        /* it knows of encoded ones */
        bool sound;        /* it knows of sound */
        const char *host;  /* the name that this host has there; nullable */
        const char *nonce; /* challenge */
        bool names;        /* challenge: it wants the proof to name it */
        /* a carried request */
        const char *method, *path, *user;
        json_t *headers;        /* borrowed object of texts, only those that our routes read; nullable */
        const char *request_id; /* its own of the headers, also when the request is refused; nullable */
        TbRole role;            /* as the server says: core reduces it */
        gint64 length;          /* of its body; -1: not known */
        bool websocket;         /* it asks for one */
        const char *protocols;  /* … and offers these subprotocols; nullable */
        /* ping, pong; of picture-arrived its bytes; -1: none */
        gint64 t;
        /* picture-arrived: what it took on the observer's line beyond the way there and back, and that; -1: an older server */
        gint64 took_ms, trip_ms;
        bool lost; /* picture-arrived: it has not, the server has left it out */
} TbBridgeMessage;

/* TB_ERROR_INVALID that blames the field. tb_bridge_message_clear() in both cases. */
bool tb_bridge_parse(const char *text, gsize size, TbBridgeMessage *ret_message, GError **error);
/* The head of a stream that the server opens; errors and clearing as above. */
bool tb_bridge_parse_request(const guint8 *text, gsize size, TbBridgeMessage *ret_message, GError **error);
void tb_bridge_message_clear(TbBridgeMessage *message);

/* Adds the envelope {"sessionId","to"} to `message` and prints it; the caller frees. */
char *tb_bridge_wrap(json_t *message, const char *session, const char *peer, gsize *ret_size);
/* 0x01, n, peer, m, session, JPEG. */
GBytes *tb_bridge_picture(const char *session, const char *peer, GBytes *jpeg);
/* 0x03, n, peer, m, session, flags (bit 0: keyframe), width and height of the screen (big-endian, 16 bits), H.264. */
GBytes *tb_bridge_unit(const char *session, const char *peer, GBytes *unit, bool keyframe, int width,
                       int height);
/* 0x04, n, peer, m, session, where it begins (32 bits, big-endian; samples of 48 kHz), one packet of Opus. */
GBytes *tb_bridge_sound(const char *session, const char *peer, const guint8 *packet, gsize size, guint32 at);
/* 0x05, n, peer, m, session, `back`: of the last packets that one, 0 the newest, is for this observer, too. */
GBytes *tb_bridge_sound_again(const char *session, const char *peer, guint8 back);
/* 0x02 and the same without a JPEG: the last one is for this observer, too. */
GBytes *tb_bridge_picture_again(const char *session, const char *peer);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbBridgeMessage, tb_bridge_message_clear)
