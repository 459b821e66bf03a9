#pragma once
/* What phone.c (the pairing), phone_line.c (the connection) and phone_words.c (how it is, in words) share. */
#include "host/media/peer.h"
#include "host/outward/link.h"
#include "host/phone/call.h"
#include "host/phone/intake.h"
#include "host/phone/phone.h"
#include "lib/phone_line.h"

typedef struct TbPhoneConnection TbPhoneConnection;

typedef enum TbPhoneSwitch { TB_PHONE_OFF, TB_PHONE_ON, TB_PHONE_REFUSED, TB_PHONE_MISSING } TbPhoneSwitch;

struct TbPhone {
        TbCore *core;          /* borrowed */
        TbMedia *media;        /* borrowed */
        char *name, *device;   /* owned */
        const TbPhoneOps *ops; /* static */
        gpointer data;
        json_t *kept;       /* owned: {"sessionId","token","peerId","phoneUrl",…}; NULL: no session */
        char *trouble;      /* owned: why there is no session; NULL: not known */
        TbPhoneCall *call;  /* owned */
        TbPhoneLine *line;  /* owned */
        TbBridgeLink *link; /* owned; NULL: no session */
        TbPhoneConnection *connection; /* borrowed: it ends with its peer; NULL: none */
        char **ice_servers;            /* owned; NULL: the host's own */
        TbIntake intake;
        GHashTable *switches; /* source, static -> TbPhoneSwitch */
        guint timer;
};

/* --- phone_line.c --- */
bool tb_phone_connect(TbPhone *phone);
void tb_phone_want(TbPhone *phone);
void tb_phone_disconnect(TbPhone *phone, const char *why);
void tb_phone_accept(TbPhone *phone, const char *sdp);
void tb_phone_add_candidate(TbPhone *phone, const char *candidate);
void tb_phone_say_channel(TbPhone *phone,
                          json_t *message_take); /* by the channel `control`, if there is one */
/* Readings and events, by either way. */
void tb_phone_take(TbPhone *phone, const TbSaid *said);
void tb_phone_new_page(TbPhone *phone); /* its numbers begin anew */
/* Who looks at its pictures is told why there is none. */
void tb_phone_show_camera(TbPhone *phone);
bool tb_phone_may_say(TbPhone *phone); /* within its rate */

/* --- phone.c --- */
void tb_phone_tick(TbPhone *phone);                       /* what is due, and the timer of the next */
void tb_phone_send(TbPhone *phone, json_t *message_take); /* by the server */
json_t *tb_phone_about_bench(const TbPhone *phone);       /* who sees it, for its page */

/* --- phone_words.c --- */
char *tb_phone_words(const TbPhone *phone);            /* the caller frees */
const char *tb_phone_switch_name(TbPhoneSwitch state); /* static */
