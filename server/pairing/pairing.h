#pragma once
/*
 * Pairing: sessions, the parties in them, and what goes from one to the other. A state machine without
 * sockets and without a clock of its own: the caller brings messages and the time, and gets messages through
 * TbPartyOps. `now_ms` is always tb_clock_mono_ms(): ages and deadlines do not jump; what is shown is turned into wall
 * clock where it is shown. Main thread.
 *
 * A session joins one producer and its observers. In a phone session the producer is a phone and there is one
 * observer, a desktop. In a device session the producer is a host (one connection for all its sessions) and
 * there are several observers; each has a mode by the token it came with. The words on the wire are `phone`
 * for the producer and `desktop` for an observer (CONTRACT.md §4; docs/PROTOCOL.md).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "lib/ice.h"
#include "server/pairing/device_list.h"
#include "server/store/enrolments.h"
#include "server/store/hostkeys.h"

typedef struct TbPairing TbPairing;
typedef struct TbParty TbParty; /* one connection: desktop, phone or host; before its hello nobody */
typedef struct TbSession TbSession;

typedef enum TbPartyRole { TB_PARTY_NONE, TB_PARTY_DESKTOP, TB_PARTY_PHONE, TB_PARTY_HOST } TbPartyRole;
typedef enum TbMode { TB_MODE_VIEW, TB_MODE_CONTROL } TbMode;

/* What the pairing does to a connection. None of these may call back into the pairing. */
typedef struct TbPartyOps {
        bool (*text)(gpointer connection, const char *text, gsize size);
        bool (*binary)(gpointer connection, const void *bytes, gsize size);
        gsize (*queued)(gpointer connection); /* bytes that wait for a slow reader */
        void (*close)(gpointer connection, int code,
                      const char *reason);    /* `tb_pairing_left` follows later */
        void (*entered)(gpointer connection); /* its hello was accepted; nullable */
        bool (*spent)(gpointer connection);   /* too much of its network came to nothing lately; nullable */
        void (*pause)(gpointer connection, bool paused); /* its socket is not read meanwhile */
        const char *(*net)(gpointer connection);         /* whose share it takes; NULL, nullable: nobody's */
        /* tb_pairing_arrived(bytes, …) when all before has arrived; nullable */
        void (*mark)(gpointer connection, gsize bytes);
        void (*probe)(gpointer connection); /* asks for a sign of life, which any client gives; nullable */
        bool (*is_us)(gpointer connection,
                      const char *server);        /* a host has dialled that name; nullable: not known */
        gint64 (*silent_ms)(gpointer connection); /* since the last one; where there is `probe` */
        void (*shorten)(gpointer connection);     /* the kernel is to keep little of what waits; nullable */
} TbPartyOps;

typedef enum TbSessionChange {
        TB_SESSION_CREATED,
        TB_SESSION_CHANGED, /* its terms */
        TB_SESSION_TOUCHED,
        TB_SESSION_ENDED
} TbSessionChange;

typedef enum TbList {
        TB_LIST_HOSTS, /* [{"name":"lab-1","online":true,…,"devices":[{"id":"board",…}]}]; key: its name */
        TB_LIST_DEVICES, /* of all hosts: [{"id":"lab-1/board","host","device","label",…}]; key: the host's name */
        /* [{"sessionId",…,"maker","note","max","people":[{"peerId","mode","since"}]}]; key: its id */
        TB_LIST_SESSIONS,
} TbList;

/* One key of a list has another row. All borrowed. */
typedef struct TbListChange {
        TbList list; /* TB_LIST_HOSTS is of TB_LIST_DEVICES, too */
        const char *key;
        const char *host, *device, *share; /* of a session: of what, and whose; host NULL: a phone's */
        bool presence;                     /* of a host: it came, left, is away or back */
        bool lazy;                         /* only when it was last used: nobody waits for that */
} TbListChange;

/* How long a session lives (TbSessionAsk.life_s): as long as it is used (TB_LIMIT_SESSION_IDLE_S, at most TB_LIMIT_SESSION_MAX_S), until it
 * is taken back, or so many seconds, used or not. */
#define TB_LIFE_USED 0
#define TB_LIFE_UNTIL_REVOKED (-1)

/* Who sees a device by a link. All borrowed. */
typedef struct TbWatched {
        const char *host, *device;
        const char *name;  /* as it says; "": nothing */
        const char *maker; /* of the link */
        bool proven;       /* the name is a user's here */
        bool comes;        /* else: leaves */
        TbMode mode;
        const char *net, *request; /* net NULL: this machine */
} TbWatched;

typedef struct TbPairingOptions {
        const TbPartyOps *ops;  /* static */
        const TbIceConfig *ice; /* borrowed */
        TbAuth *hosts;          /* borrowed: who may be a host; open: who has an admin token of `users` */
        TbAuth *users;          /* borrowed: tokens of users; open (or NULL): everybody may be a host */
        /* HTTP that is carried through a host's socket: frames of lib/proto/link_frame.h. */
        void (*carried)(TbParty *host, const guint8 *bytes, gsize size, gpointer data);
        void (*host_drained)(TbParty *host, gpointer data);
        void (*host_left)(TbParty *host, gpointer data);
        /* What is to be written down; nullable. It calls nothing of the pairing. After ENDED the session is gone. */
        void (*session_changed)(TbSession *session, TbSessionChange change, gpointer data);
        /* What lists say of it is another; nullable. It calls nothing of the pairing. */
        void (*list_changed)(const TbListChange *change, gpointer data);
        /* phoneUrl and what belongs to it, for who is reached by `base` (nullable) where the configuration does not say; new reference */
        json_t *(*phone_links)(const char *base, const char *session, const char *token, gpointer data);
        /* Somebody came to a device's session, or left it; nullable. It calls nothing of the pairing. */
        void (*watched)(const TbWatched *who, gpointer data);
        TbHostKeys *host_keys;    /* borrowed; NULL: names are not bound to keys */
        TbEnrolments *enrolments; /* borrowed; further tokens by which hosts come; NULL: none */
        guint sessions_per_share; /* live ones of one user or network; 0: no limit of its own */
        gpointer data;
} TbPairingOptions;

TbPairing *tb_pairing_new(const TbPairingOptions *options);
void tb_pairing_free(TbPairing *pairing); /* every party must have left */

/* --- connections --- */
TbParty *tb_pairing_join(TbPairing *pairing, gpointer connection, const char *request_id, gint64 now_ms);
void tb_pairing_text(TbParty *party, const char *text, gsize size, gint64 now_ms); /* NUL-terminated */
void tb_pairing_binary(TbParty *party, const guint8 *bytes, gsize size, gint64 now_ms);
void tb_pairing_give_way(TbParty *party); /* before its hello: others of its network wait too */
void tb_pairing_drained(TbParty *party);  /* its queue ran empty */
/* What was sent before a mark, so long after it was marked; its word. */
void tb_pairing_arrived(TbParty *party, gsize bytes, guint32 took_ms);
void tb_pairing_left(TbParty *party, gint64 now_ms); /* frees it */
#define TB_PAIRING_LOOK_MS 50 /* how soon after a hello that may wait for a place tb_pairing_tick() is due */
/* When tb_pairing_tick() is due because of what was just said or done; G_MAXINT64: not for that. */
gint64 tb_pairing_due(const TbPairing *pairing, gint64 now_ms);
/* Before its hello: it has shown the token of this user. Others see him by that name. */
void tb_pairing_known_as(TbParty *party, const char *user);
/* Hello timeouts, expired sessions. Gives the time of the next call that matters. */
gint64 tb_pairing_tick(TbPairing *pairing, gint64 now_ms);

/* --- sessions --- */
/* Whose place a session takes. Nobody can take all places: a share (a user where there are tokens, else a network) has
 * sessions_per_share of them, and when TB_LIMIT_SESSIONS are taken, TB_LIMIT_SESSIONS_RESERVE more are kept for who is
 * trusted, and for networks that have next to none. */
typedef struct TbSessionAsk {
        const char *device; /* NULL (phone session) or "host/device" */
        TbMode mode;
        guint observers;
        guint phones;      /* of a phone session, at once; 0: 1 */
        gint64 life_s;     /* s, TB_LIFE_UNTIL_REVOKED or TB_LIFE_USED */
        const char *note;  /* what the link is for; nullable */
        const char *share; /* "alice" or the key of tb_net_share_key() */
        const char *wide;  /* of tb_net_wide_key() */
        bool trusted;      /* came with a token of an operator */
} TbSessionAsk;

/* ret_token: the session's token; ret_view: the one for watching only, NULL for phone sessions. Errors:
 * TB_ERROR_NOT_FOUND (no such host or device), TB_ERROR_LIMIT (the share is used up), TB_ERROR_UNAVAILABLE (too many
 * sessions). */
TbSession *tb_pairing_create(TbPairing *pairing, const TbSessionAsk *ask, gint64 now_ms, char **ret_token,
                             char **ret_view, GError **error);
TbSession *tb_pairing_find(TbPairing *pairing, const char *id, gint64 now_ms); /* NULL: unknown or expired */
const char *tb_session_id(TbSession *session);
bool tb_session_is_device(TbSession *session);
void tb_session_put_phones(const TbSession *session, json_t *to); /* "phones", where there may be several */
TbMode tb_session_mode(const TbSession *session);                 /* the most that its links allow */
/* Whether the token opens the session; *ret_mode (nullable) is what it allows. */
bool tb_session_check(TbSession *session, const char *token, TbMode *ret_mode);
bool tb_session_opens_all(TbSession *session,
                          const char *token); /* its own token, and not one for watching */
json_t *tb_session_status(TbSession *session);
/* Other terms of a session that is there. A control link that is only to watch by from now on: whoever controls by it is cut at
 * once, and may come back to watch. One that was made for watching never lets anybody control (TB_ERROR_CONFLICT). */
typedef struct TbSessionTerms {
        bool has_life, has_mode;
        gint64 life_s;
        TbMode mode;
        guint observers;  /* 0: as they are; who is there stays */
        const char *note; /* NULL: as it is; "": none */
} TbSessionTerms;
bool tb_pairing_change(TbPairing *pairing, TbSession *session, const TbSessionTerms *terms, gint64 now_ms,
                       GError **error);
/* Of a device's session: "lab-1", "board", who made it; borrowed. False: a phone session. */
bool tb_session_names(const TbSession *session, const char **ret_host, const char **ret_device,
                      const char **ret_maker);
bool tb_session_is_of(const TbSession *session, const char *share); /* made by this TbSessionAsk.share */
/* Ends those sessions of which `ends` says so; host and device NULL: of a phone. */
void tb_pairing_end_those(TbPairing *pairing,
                          bool (*ends)(const char *maker, const char *host, const char *device, TbMode mode,
                                       gpointer data),
                          gpointer data);
void tb_pairing_end(TbPairing *pairing,
                    TbSession *session); /* who is in it is told, its links open nothing any more */
gint64 tb_session_expires_ms(const TbSession *session); /* on the clock of `now_ms`; G_MAXINT64: never */

/* --- hosts --- */
/* Its JSON text, one for all who ask; a new reference. Made anew after a change, a large one
 * (TB_LIMIT_DEVICE_LISTS_PER_S) up to some seconds later. Of who sees some hosts and devices alone (`sight`, NULL: all), his own. */
GBytes *tb_pairing_list(TbPairing *pairing, TbList which, const TbSight *sight, gint64 now_ms);
/* What stands in it of one key, with a comma behind it, appended; false: nothing, for who sees that. */
bool tb_pairing_row(TbPairing *pairing, TbList which, const char *key, const TbSight *sight, gint64 now_ms,
                    GString *out);
/* TB_LIST_SESSIONS as a tree, the newest first, at most TB_LIMIT_SESSIONS_SHOWN; the caller owns the reference. */
json_t *tb_pairing_sessions(TbPairing *pairing, const TbSight *sight, gint64 now_ms);
/* {"name","online","protocol","version"?} of one that is connected, or NULL; the caller owns the reference. */
json_t *tb_pairing_host_state(TbPairing *pairing, const char *name);
TbParty *tb_pairing_host(TbPairing *pairing, const char *name); /* NULL: not connected */
/* Whether who shows this token (NULL: none) may speak for the host of this name. */
bool tb_pairing_may_be_host(const TbPairing *pairing, const char *name, const char *token);
/* The name is free for another key from here on. False: it was not known. A connected host stays as it is. */
bool tb_pairing_forget_host(TbPairing *pairing, const char *name);
/* Its token was taken back: the host that came by this name, and those told apart from it (name~2, …), are sent away. */
void tb_pairing_end_host(TbPairing *pairing, const char *name);
/* Takes back a token of `enrolments`: who came by it is sent away. False: there was none. */
bool tb_pairing_revoke(TbPairing *pairing, const char *enrolment);
/* A host that came by it is connected and answers. */
bool tb_pairing_enrolled(const TbPairing *pairing, const char *enrolment);
gpointer tb_party_connection(TbParty *party);
bool tb_party_has_role(const TbParty *party); /* false: no hello of it was accepted */

/* Lines of /metrics. */
void tb_pairing_metrics(GString *out, gpointer pairing);
