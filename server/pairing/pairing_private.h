#pragma once
/* What session.c, party.c, relay.c, host_line.c and hosts.c share. */
#include "lib/json_glance.h"
#include "lib/limits.h"
#include "lib/proto/link_sounds.h"
#include "lib/rate.h"
#include "lib/tally.h"
#include "server/pairing/device_list.h"
#include "server/pairing/pairing.h"

typedef struct TbLists TbLists; /* host_places.c */
/* Whether there is a place for one more; one of another network may have lost it. `known`: its key has the name from before. */
bool tb_host_find_place(TbParty *party, const char *name, bool known);
bool tb_host_may_come(TbParty *party, gint64 now_ms); /* its network does not come too often */
bool tb_host_is_said(TbParty *party);                 /* one more line of it goes into the log */

/* lists.c */

struct TbSession {
        TbPairing *pairing; /* borrowed */
        char *id;           /* owned */
        guint8 token[TB_SECRET_HASH], view[TB_SECRET_HASH];
        char *host, *device; /* owned; NULL: a phone session */
        GList of_host;       /* in pairing->of_host; not in any: a phone session */
        TbBucket joins;
        TbMode mode;
        guint max_observers;
        gint64 life_s;                /* TbSessionAsk.life_s */
        char *note;                   /* owned; NULL: none */
        gint64 created_ms, active_ms; /* boot clock; below 0: before the machine started */
        GRefString *share, *wide;     /* whose place it takes */
        GList unsaved;                /* in a queue of persist.c while `unsaved.data` is set */
        bool unsaved_new;             /* in which */
        bool ended;                   /* it is in no list any more */
        guint64 unsaved_seq;          /* number among those that were made; 0: none */
        GList changed;  /* in pairing->rooms while `changed.data` is set: who is in it is to be told */
        gint64 told_ms; /* when it was */
        GQueue talk;    /* owned json_t: the last lines */
        guint64 talk_n; /* that were said */
        TbBucket talk_rate, points; /* of all in it */
        GPtrArray *phones;          /* borrowed TbParty; phone sessions */
        guint max_phones;
        GPtrArray *observers; /* borrowed TbParty */
};

#define TB_PEER_ID 34 /* bytes, with its NUL */

/* Who has a device: the host says it whenever that changes, and tells all of it when it comes. It is only shown. */
typedef struct TbHeld {
        char *holder;          /* owned */
        char peer[TB_PEER_ID]; /* which observer that is; "": none */
} TbHeld;

struct TbParty {
        TbPairing *pairing;  /* borrowed */
        gpointer connection; /* borrowed */
        GList link;          /* in pairing->waiting until the hello */
        char id[TB_PEER_ID]; /* once it has a role */
        char request_id[65];
        TbPartyRole role;
        TbMode mode;
        bool cut;              /* of an observer that leaves: it may not be here any more */
        bool refused;          /* an error was sent and the connection is being closed */
        TbSession *session;    /* borrowed; NULL: none */
        char *host;            /* owned; name of a host */
        char *version;         /* owned; of a host; may be NULL */
        char *claimed;         /* owned; the name in a host's hello, for the log; NULL: no host */
        int protocol;          /* of a host: TB_LINK_PROTOCOL, or what an older one speaks */
        TbDeviceList *devices; /* owned; of a host */
        GHashTable *held;      /* owned; of a host: device -> TbHeld, as it says; NULL: none */
        bool list_refused;     /* its last list of devices was, and is written about */
        char *key;             /* owned; of a host: its public key, proven; NULL: none */
        json_t *hello;         /* owned; of a host that is yet to prove its key; NULL: none */
        char *nonce;           /* owned; that it is to sign */
        char *enrolment;       /* owned; of a host: whose token it came by; NULL: none */
        gint64 asked_ms;       /* of a host: when the ping left that nothing came after; 0: none */
        bool pongs, away;      /* of a host: it has answered a ping once; it does not any more */
        TbParty *
                holder; /* borrowed; whose place it wants, and who was asked for a sign of life; NULL: none */
        json_t *wish;   /* owned; its hello meanwhile; NULL: it does not wait */
        gint64 probed_ms; /* when */
        gint64 since_ms;
        char *name;              /* owned; of an observer: what others call it; NULL: it has not said */
        bool proven;             /* by a token: it is the name of a user here */
        const char *path;        /* static; how its picture comes, by its own word; NULL: not said */
        double rtt_ms, loss_pct; /* the same; -1: not said */
        TbBucket talk, points, tells;
        guint spam;      /* lines over its rate since it was calm */
        gint64 noted_ms; /* of a host with a key: when its binding was last said to be in use */
        TbBucket messages, bytes, to_host, phones;
        guint refused_by_host; /* messages over the budget towards the host */
        guint oversized;       /* messages in a row that were too large */
        guint dropped;         /* messages over the rate since it was calm */
        TbParty *line;         /* borrowed; of an observer: the host in whose turns it is; NULL: none */
        GList turn;            /* in line->turns */
        GQueue waits;          /* owned GBytes; of an observer: what waits for its host's line */
        GQueue turns;          /* of a host: TbParty with something that waits, the next first; not owned */
        gsize waiting;         /* bytes that wait, of an observer; of a host: of all of them */
        guint marks;           /* pictures under way to it, of whose arrival its host is told */
        bool needs_key;        /* an encoded picture was left out: so are those up to the next keyframe */
        bool is_short;         /* the kernel keeps little of what is sent to it */
        bool has_trip;         /* a mark alone on its line has come back … */
        guint32 trip_ms;       /* … and took so long there and back; the quickest lately */
        GList renew;           /* in pairing->renewals while `renew.data` is set */
        gint64 renew_ms;       /* when it is to have new TURN credentials */
        GBytes *picture;       /* owned; the newest one that waits for the reader; NULL: none */
        GBytes *sounds
                [TB_LINK_SOUNDS]; /* owned; of a host: the last packets of sound, of which it may say the same; NULL: none yet */
        guint next_sound; /* in `sounds`: the place of the next one */
        GBytes *uploaded; /* owned; of a host: the last one that it sent, of which it may say that it is for others, too; NULL: none */
};

struct TbPairing {
        TbPairingOptions options;
        GHashTable *sessions;       /* id (borrowed from the session) -> owned TbSession */
        GHashTable *hosts;          /* name (borrowed from the party) -> TbParty */
        GHashTable *of_host;        /* name, owned -> owned GQueue of its sessions */
        TbRates *host_joins;        /* owned; of a network */
        TbTally *said;              /* owned; lines of hosts that come and go */
        TbLists *lists;             /* owned; what everybody may ask, and hosts that are away */
        GHashTable *shares, *wides; /* ref string -> sessions of it */
        GQueue waiting;             /* TbParty before its hello, oldest first */
        GQueue renewals;            /* TbParty with TURN credentials, those that end first in front */
        guint parties[4];           /* by role */
        GQueue rooms;               /* TbSession by its `changed` */
        gint64 cleaned_ms;
        gint64 ends_ms; /* the first end of a session that was given a time; G_MAXINT64: none */
        guint64 relayed_messages, relayed_bytes, dropped_pictures, dropped_samples;
        guint64 created, expired, refused;
};

/* party.c */
bool tb_party_send(TbParty *party, json_t *message_take);
void tb_party_error(TbParty *party, const char *code, const char *message);
void tb_party_refuse(TbParty *party, const char *code, const char *message); /* error + close */
/* A message over its rate: it is told of the first one that is dropped, and cut when it goes on. */
void tb_party_drop(TbParty *party, const char *message);
void tb_party_refuse_hello(TbParty *party, const char *code, const char *message); /* counted */
/* Who showed no token that is right. One from a network that comes to nothing all the time learns that alone. */
void tb_party_refuse_stranger(TbParty *party, const char *code, const char *message);
const char *tb_party_role_name(TbPartyRole role);

void tb_party_leave_session(TbParty *party);
/* `waits`: for a place that somebody has who may not be there any more. */
void tb_party_hello(TbParty *party, json_t *message, bool waits, gint64 now_ms);

/* peer_id.c */
/* By which it goes in the session: by `claimed` (nullable), if that was its own; else by a new one. Its mode is set. */
void tb_party_name(TbParty *party, const TbSession *session, TbPartyRole role, const char *claimed);
/* Who goes by `claimed` (nullable) now, if that may be the newcomer's own; NULL: nobody. */
TbParty *tb_party_same(const TbParty *newcomer, const TbSession *session, TbPartyRole role,
                       const char *claimed);
/* Whether `id` is of an observer of this session that came to control. */
bool tb_party_id_controls(const TbSession *session, const char *id);
void tb_host_name_party(TbParty *host); /* always the same of this name and key */

/* rival.c */
/* The place is taken: true when its holder was asked whether he is there, and the newcomer waits. `holder` NULL: whoever of that role is
 * silent longest. */
bool tb_rival_waits(TbParty *party, TbSession *session, TbPartyRole role, TbParty *holder, json_t *hello,
                    gint64 now_ms);
gint64 tb_rivals_tick(TbPairing *pairing, gint64 now_ms); /* the time of the next call that matters */
void tb_rival_left(TbParty *party);

/* phones.c: who sends in a session without a host */
TbParty *tb_session_phone(const TbSession *session,
                          const char *id); /* NULL: it is not there; id NULL: the only one */
/* Of a session with several phones: a message with `to`, to one of them; of a phone, to the desktop with its `from`. NULL: nobody is
 * there, which was answered. `message` is changed. */
TbParty *tb_phones_reader(TbParty *party, json_t *message);

/* relay.c */
/* Whether it goes to the other party byte for byte, so that nobody needs it as a tree; sets its type. */
bool tb_relay_as_it_is(const TbParty *party, const char *text, gsize size, char type[TB_JSON_TYPE]);
/* `message`: the text as a tree, which is changed; NULL of what goes as it is. */
void tb_relay_text(TbParty *party, const char *type, const char *text, gsize size, json_t *message,
                   gint64 now_ms);
bool tb_relay_is_reserved(const char *type); /* only the server says it; `type` nullable */
void tb_relay_binary(TbParty *party, const guint8 *bytes, gsize size);
void tb_relay_picture(TbParty *observer, GBytes *picture);
void tb_relay_arrived(TbParty *observer, gsize bytes,
                      guint32 took_ms); /* a picture; 0: nothing but the mark */

/* renew.c */
void tb_renew_begin(TbParty *party, gint64 now_ms); /* it was given TURN credentials, if there are any */
void tb_renew_left(TbParty *party);
gint64 tb_renew_tick(TbPairing *pairing, gint64 now_ms); /* when it has to be called again */

/* host_line.c */
/* False: so much waits for the host, of this observer or in all, that it is refused. */
bool tb_host_line_has_room(const TbParty *observer, const TbParty *host, gsize size);
void tb_host_line_send(TbParty *observer, TbParty *host, const char *text, gsize size); /* in its turn */
void tb_host_line_drained(TbParty *host);
void tb_host_line_left(TbParty *party); /* an observer or a host: what waits for its turn is forgotten */

/* hosts.c */
void tb_host_hello(TbParty *party, json_t *hello, gint64 now_ms);
void tb_host_proof(TbParty *party, json_t *message, gint64 now_ms);
void tb_host_text(TbParty *party, json_t *message, gint64 now_ms);
void tb_host_left(TbParty *party);
void tb_host_heard(TbParty *party, bool pong);           /* something came from it */
gint64 tb_hosts_tick(TbPairing *pairing, gint64 now_ms); /* when it is to be called again */
void tb_host_announce(TbParty *host, TbParty *observer, bool present);
void tb_host_session_closed(TbPairing *pairing, TbSession *session);

/* phone_sessions.c: what a host asks for its phones */
void tb_host_phone_session(TbParty *host, json_t *message, gint64 now_ms);
void tb_host_phone_session_end(TbParty *host, json_t *message);
/* held.c */
void tb_host_control(TbParty *host, const json_t *message, gint64 now_ms); /* who has a device */
const TbHeld *tb_held_of(const TbSession *session); /* NULL: nobody, or it is not known */
/* Whom a host has still: it is told of those who may not be there any more. */
void tb_host_observers(TbParty *host, const json_t *message);

/* enrol.c */
/* Whether who shows this token (nullable) may be the host of this name with this key (nullable). TB_ERROR_UNAUTHORIZED in
 * words for it. */
bool tb_host_is_admitted(const TbParty *party, const char *name, const char *token, const char *key,
                         GError **error);
/* The key is proven, and `host` its name here: a token of an enrolment is this key's from here on. */
void tb_host_enrol(TbParty *party, const char *token, const char *key, const char *host);
/* The key is proven: a token that was made for this name, and that nobody has used, takes it from a key that is away. */
void tb_host_replace(TbParty *party, const char *name, const char *token, const char *key);

/* lists.c */
TbLists *tb_lists_new(TbPairing *pairing);
void tb_lists_free(TbLists *lists);
/* This host came, left, is away or back: the texts are to be made anew. */
void tb_lists_changed(TbLists *lists, const char *host);
/* Takes the place of the host's devices; false: they stay. TB_ERROR_INVALID, TB_ERROR_TOO_LARGE. */
bool tb_lists_set(TbParty *host, json_t *devices, GError **error);
void tb_lists_left(TbParty *host);                      /* its devices are taken over */
bool tb_lists_forget(TbLists *lists, const char *name); /* of those away; false: none is of this name */
void tb_lists_metrics(const TbLists *lists, GString *out);

/* host_keys.c */
/* The name that a host with this key (NULL: none) has here; NULL: none is free for it. The caller frees. */
/* ret_known (nullable): set when the key had it before. */
char *tb_host_name_for(TbParty *party, const char *name, const char *key, bool *ret_known);
/* It has a key, and came with it first TB_LIMIT_HOST_KEY_BRIEF_S ago or before. */
/* Whether a proof of this key that names `server` (NULL: none) is meant for us. TB_ERROR_UNAUTHORIZED in words. */
bool tb_host_proof_is_for_us(const TbParty *party, const char *key, const char *server, GError **error);
void tb_host_named_us(const TbParty *party, const char *name); /* it has proven its key so */
bool tb_host_key_is_old(const TbParty *host, const char *name);
/* Its name is in use: what is connected is pushed out by nobody. Said at its coming, each hour, and at its leaving. */
void tb_host_key_present(TbParty *party, bool present, gint64 now_ms);

/* session.c */
/* One that was written down; false (and freed): it is there already, or there is no room. */
bool tb_session_restore_take(TbPairing *pairing, TbSession *session);
void tb_session_free(TbSession *session);
void tb_session_touch(TbSession *session, gint64 now_ms);
void tb_session_expire(TbPairing *pairing, gint64 now_ms);
void tb_session_tell(TbSession *session, TbSessionChange change); /* whoever writes it down */
void tb_session_said(TbSession *session,
                     bool soon); /* what stands of it in lists is another; not soon: its use alone */

/* terms.c */
bool tb_session_row(TbPairing *pairing, const char *id, const TbSight *sight, gint64 now_ms, GString *out);
TbParty *tb_session_producer(TbSession *session);
bool tb_session_present(TbSession *session); /* the producer is there, and not away */

/* room.c */
json_t *tb_person_json(const TbParty *observer);          /* who is in a session, as others see him */
void tb_room_name(TbParty *party, const json_t *message); /* by its `name`, if it may choose one */
void tb_room_enter(TbParty *party);                       /* reads what was said before */
void tb_room_changed(TbSession *session);                 /* who is in it: all are told soon */
void tb_room_end(TbSession *session);                     /* before it is freed */
gint64 tb_rooms_tick(TbPairing *pairing, gint64 now_ms);
/* False: it is no message for the room. */
bool tb_room_says(TbParty *party, const char *type, const json_t *message, gint64 now_ms);
