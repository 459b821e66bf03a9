#pragma once
/*
 * What comes to the host as the desktop of a phone's pairing: the server's own messages, and the phone's, by the server or by a data
 * channel. A phone is whoever has the code: its messages are hostile input. Names, texts and numbers are bounded here, and of an
 * event only what is known is taken, so that a phone says nothing of anything but itself. Pure.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_SAID_ID 128   /* bytes of a peer id */
#define TB_SAID_VALUES 9 /* of one message */

typedef enum TbSaidType {
        TB_SAID_OTHER, /* nothing for us */
        /* of the server */
        TB_SAID_READY,
        TB_SAID_ERROR,
        TB_SAID_CAME, /* the phone */
        TB_SAID_LEFT,
        TB_SAID_PING,
        TB_SAID_PONG,
        /* of the phone, by the server */
        TB_SAID_ANSWER,
        TB_SAID_ICE,
        TB_SAID_BYE,
        /* of the phone, either way */
        TB_SAID_VALUES_OF, /* sensor, sample */
        TB_SAID_EVENT,     /* for the bus */
        TB_SAID_SWITCH,    /* one of its switches: event phone.switch */
        TB_SAID_ALIVE,     /* an answer to a question of ours */
} TbSaidType;

typedef struct TbSaidValue { /* stream and the rest: static, or borrowed from the message */
        const char *stream, *quantity, *unit;
        double value;
} TbSaidValue;

typedef struct TbSaid { /* what is borrowed is the message's */
        TbSaidType type;
        json_t *json;            /* owned */
        const char *peer;        /* READY: ours; CAME, LEFT: the phone's; nullable */
        const char *phone;       /* READY: the phone's peer id; NULL: it is not there */
        json_t *ice_servers;     /* READY; nullable */
        const char *code, *text; /* ERROR; BYE: text, nullable */
        const char *sdp;         /* ANSWER */
        const char *candidate;   /* ICE; "": the end of them */
        gint64 t;                /* PING, PONG; -1: none */
        gint64 seq;              /* VALUES_OF; EVENT, SWITCH: n; 0: none */
        const char *series;      /* VALUES_OF: whose seq it is */
        guint n_values;
        TbSaidValue values[TB_SAID_VALUES];
        const char *event; /* EVENT: type for the bus; SWITCH: "camera", …; static */
        const char *state; /* SWITCH: "on" "off" "refused" "missing"; static */
        json_t *data;      /* owned; EVENT: made anew of what is known */
} TbSaid;

/* False: TB_ERROR_INVALID, in words; `ret_said` is cleared. `by_server`: it came by the server's socket, not by a channel. */
bool tb_said_parse(const char *text, gsize size, bool by_server, TbSaid *ret_said, GError **error);
void tb_said_clear(TbSaid *said);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbSaid, tb_said_clear)
