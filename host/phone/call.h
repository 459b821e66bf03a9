#pragma once
/*
 * The host's side of a phone's pairing as a state machine: it is the desktop of a session of the server, calls the phone when it
 * is there, and calls again when the connection ended. Time and what happened come in, what is to be done goes out by the ops.
 * Media go on while the server is away: whether the phone is there is then the connection's word. Pure; one thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/phone/said.h"

#define TB_CALL_AGAIN_MIN_MS 1000 /* after a call that came to nothing; doubles */
#define TB_CALL_AGAIN_MAX_MS 30000
#define TB_CALL_ALIVE_MS                                                                                     \
        1500 /* that a phone may take for an answer by its channel, before it is taken for a new page */
#define TB_CALL_ASK_MS 10000 /* between two questions for a session */

typedef struct TbPhoneCall TbPhoneCall;

/* None may call this header. */
typedef struct TbPhoneCallOps {
        void (*ask)(gpointer data); /* the server for a session; tb_phone_call_session() follows, or not */
        void (*join)(bool open, gpointer data); /* opens the socket of the session, or closes it */
        void (*hello)(gpointer data);           /* says who we are on it */
        void (*pong)(gint64 t, gpointer data);
        void (*settled)(gpointer data);                  /* the server has taken us */
        bool (*call)(gpointer data);                     /* makes a connection that offers; false: not now */
        void (*hang_up)(const char *why, gpointer data); /* ends it, without tb_phone_call_closed() */
        void (*accept)(const char *sdp, gpointer data);
        void (*candidate)(const char *candidate, gpointer data);
        void (*probe)(gpointer data);   /* asks for a sign of life by the channel */
        void (*forget)(gpointer data);  /* the session is over: it is not to be used again */
        void (*changed)(gpointer data); /* tb_phone_call_state() */
} TbPhoneCallOps;

typedef enum TbPhoneState {
        TB_PHONE_ASKING,    /* for a session: the server does not answer yet */
        TB_PHONE_JOINING,   /* the server, for the first time */
        TB_PHONE_AWAY,      /* the server is */
        TB_PHONE_WAITING,   /* the phone is not there */
        TB_PHONE_CALLING,   /* it is, and a connection is being made: readings come by the server meanwhile */
        TB_PHONE_CONNECTED, /* directly, or by TURN */
} TbPhoneState;
const char *tb_phone_state_name(TbPhoneState state); /* static */

/* `ops` is static. `session`: one is known from before; `came`: in which the phone has been. */
TbPhoneCall *tb_phone_call_new(const TbPhoneCallOps *ops, gpointer data, bool session, bool came,
                               gint64 now_ms);
void tb_phone_call_free(TbPhoneCall *call); /* calls nothing; accepts NULL */
TbPhoneState tb_phone_call_state(const TbPhoneCall *call);
bool tb_phone_call_there(const TbPhoneCall *call); /* the phone can be heard, by either way */
bool tb_phone_call_came(
        const TbPhoneCall *call); /* it was there once since the session was made, or before */
gint64 tb_phone_call_since_ms(const TbPhoneCall *call); /* when that changed last */

/* --- what happened --- */
void tb_phone_call_session(TbPhoneCall *call, gint64 now_ms); /* the server has made one */
void tb_phone_call_server(TbPhoneCall *call,
                          gint64 now_ms); /* the host's own line to the server stands: ask now */
void tb_phone_call_opened(TbPhoneCall *call);
/* `final`: the server closed it, for a reason that it had told (ERROR). */
void tb_phone_call_lost(TbPhoneCall *call, bool final, gint64 now_ms);
void tb_phone_call_said(TbPhoneCall *call, const TbSaid *said, gint64 now_ms);
void tb_phone_call_connected(TbPhoneCall *call, gint64 now_ms);
void tb_phone_call_heard(TbPhoneCall *call, gint64 now_ms); /* something by a channel */
void tb_phone_call_closed(TbPhoneCall *call, gint64 now_ms);
/* Does what is due. When it is to be called again, at the latest. */
gint64 tb_phone_call_tick(TbPhoneCall *call, gint64 now_ms);
