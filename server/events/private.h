#pragma once
/* What the files of this room share. */
#include "lib/error.h"
#include "lib/http/decline.h"
#include "lib/places.h"
#include "lib/rate.h"
#include "lib/uuid.h"
#include "server/events/events.h"
#include "server/events/state.h"
#include "server/notify/notify.h"

struct TbEvents {
        const TbEventsOptions *options; /* borrowed */
        TbDb *db;                       /* borrowed */
        TbBlobs *blobs;                 /* borrowed */
        TbNotify *notify;               /* owned */
        bool loaded;                    /* sign-ins and the last number are known */
        gint64 last_seq;                /* the largest number that an event has */
        GHashTable *logins;             /* SHA-256 as GBytes -> owned Login (who.c) */
        TbRates *rates;                 /* owned; of dev logins */
        TbPlaces places;                /* of clips under way */
        GQueue feeds;                   /* owned TbEventFeed */
        GQueue waiters;                 /* TbAsk: workers that wait for a job, the longest first; owned */
        GSource *tick;                  /* ref; NULL: there is nothing to look after */
        /* of tellings.c */
        GQueue tellings;             /* Telling, begun or about to be; owned */
        GHashTable *paces;           /* endpoint and device -> owned Pace */
        GSource *telling_timer;      /* ref; NULL: nothing waits for its time */
        bool is_telling, tell_again; /* the store is being asked; and is to be asked once more */
        /* of keep.c */
        GSource *keep_timer; /* ref; NULL: it is not begun */
        char *swept;         /* owned; the last clip of the turn before; NULL: from the first one on */
        gint64 born_ms;      /* when the store was made; 0: not known */
        bool sweeping;       /* no other one begins */
        guint sweep_left, sweep_gone; /* clips of this turn that are being removed, and that were */
        guint64 expired, orphans, over_plan, credits;
        /* of bot.c */
        gint64 bot_offset; /* the first update that was not seen yet; 0: any */
        bool is_bot_asked; /* for updates */
        GQueue bot_asks;   /* owned TbAsk that wait for the answer */
        guint64 events, jobs, done, failed, dead;
};

/* Begins whose rows they are of who is known to the server; no login here may say so. */
#define TB_EVENT_OF_ACCOUNT "account:"

/* Of every route here: clients of another product, from pages elsewhere; who may do what the handler asks (tb_ask_new()). */
#define TB_EVENT_FLAGS (TB_ROUTE_FOREIGN | TB_ROUTE_GRANTED | TB_ROUTE_NEIGHBOURS)

/* --- who.c --- */
typedef enum TbEventNeed {
        TB_NEED_READ,
        TB_NEED_WRITE,
        TB_NEED_CLIP,   /* to read, or a worker */
        TB_NEED_WORKER, /* a worker, where it has a token of its own */
} TbEventNeed;

/* Whose rows he may touch: "" everybody's. The caller frees; NULL with the error. */
char *tb_event_who(TbEvents *events, TbRequest *request, TbEventNeed need, GError **error);
void tb_event_logins_load(TbEvents *events, const TbDbResult *rows);
void tb_event_dev_login(TbRequest *request, gpointer events);

/* --- ask.c: a request, and the calls of the store that it takes --- */
typedef struct TbAsk TbAsk;
typedef void (*TbAskThen)(TbAsk *ask, const TbDbResult *rows); /* answers, or asks on */
struct TbAsk {
        TbEvents *events;   /* borrowed */
        TbRequest *request; /* ref; NULL: nobody waits for an answer */
        char *user;         /* owned; whose rows */
        char *id;           /* owned; the event or the session; NULL: none */
        json_t *kept;       /* owned; NULL: none */
        guint tries;
        TbAskThen then;
        void (*then_bot)(TbAsk *ask); /* when the bot's messages are known */
        /* of uploads and of workers that wait */
        TbPlace place;
        TbPipe *pipe;    /* ref; NULL: none */
        gint64 until_ms; /* boot clock */
        GList link;      /* in events->waiters */
};

/* NULL: refused, and answered. `id`: of the path, or NULL. */
TbAsk *tb_ask_new(TbEvents *events, TbRequest *request, TbEventNeed need, const char *id);
void tb_ask_free(TbAsk *ask);
/* Runs the call, then `then`; what fails is answered and ends the ask. */
void tb_ask_run(TbAsk *ask, TbDbCall *call_take, TbAskThen then);
/* Each answers, and ends the ask. */
void tb_ask_json(TbAsk *ask, int status, json_t *body_take);
void tb_ask_refuse(TbAsk *ask, TbErrorCode code, const char *text);
void tb_ask_error(TbAsk *ask, const GError *error);
/* The event of ask->id as far as its user may see it. */
void tb_ask_event(TbAsk *ask, TbDbCall *call);
/* Refuses a request in the same words as the original. */

/* --- rows.c --- */
json_t *tb_event_of_row(const TbDbResult *rows, guint row); /* a new reference */
const char *tb_event_stored_etag(const TbDbResult *rows, guint row);
json_t *tb_event_session_of_row(const TbDbResult *rows, guint row);
json_t *tb_event_attempt_of_row(const TbDbResult *rows, guint row);
json_t *tb_event_time(gint64 ms); /* null for 0 */
/* "sessions/S/events/E.webm"; the caller frees */
char *tb_event_blob_name(const char *session, const char *event, const char *mime);
/* What LIKE finds a text by, in lower case: "%text%"; "" for NULL or "". The caller frees. */
char *tb_event_like(const char *text);
bool tb_event_has_text(const json_t *object, const char *field, const char *text);

/* --- finalize.c --- */
void tb_event_finalize(TbRequest *request, gpointer events);

/* --- uploads.c, clip.c --- */
#define TB_EVENT_BODY (256 * 1024) /* bytes under way between a client and the disk */
/* One of the clips under way; false: refused, answered, and the ask ended. */
bool tb_event_take_place(TbAsk *ask);
void tb_event_clip(TbRequest *request, gpointer events);
/* It lies where this server has its clips now, and not where it had them before its configuration was changed. */
bool tb_event_clip_is_here(const TbEvents *events, const json_t *event);

/* --- feed.c --- */
/* Tells who follows, and wakes those who tell when it is done only now. */
void tb_event_changed(TbEvents *events, json_t *event, bool is_done);
void tb_event_say(TbEvents *events, const char *user, json_t *message_take);
void tb_event_stream(TbRequest *request, gpointer events);

/* --- attempts.c --- */
void tb_event_note_attempt(TbDbCall *call, const char *event_id, const json_t *attempt);
void tb_event_get_attempts(TbRequest *request, gpointer events);
void tb_event_post_attempt(TbRequest *request, gpointer events);

/* --- jobs.c --- */
void tb_event_job_add(TbDbCall *call, const char *event_id);
void tb_event_jobs_ready(TbEvents *events); /* there may be one for who waits */
void tb_event_jobs_watch(TbEvents *events); /* some are out */
/* Its job ends with it: statements of the call that says so. */
void tb_event_job_end(TbDbCall *call, const char *event_id);
void tb_event_claim(TbRequest *request, gpointer events);
void tb_event_progress(TbRequest *request, gpointer events);

/* --- verdict.c: summary and failure --- */
void tb_event_summarize(TbRequest *request, gpointer events);
void tb_event_fail(TbRequest *request, gpointer events);
/* A job that nobody finished. */
void tb_event_give_up(TbEvents *events, const char *event_id, const char *reason);

/* --- usage.c --- */
/* A statement that charges for the event which the call adds with this `seq`, where its plan has as much: else it is not added. */
void tb_usage_charge(TbAsk *ask, TbDbCall *call, gint64 seq, guint credits);
bool tb_usage_check_length(TbAsk *ask, double seconds); /* false: refused, and the ask ended */
void tb_usage_refuse(TbAsk *ask);                       /* it was not added */

/* --- keep.c --- */
void tb_event_keep_start(TbEvents *events);
void tb_event_keep_stop(TbEvents *events);

/* --- tellings.c --- */
/* Statements of the call that makes an event done. */
void tb_telling_add(const TbEvents *events, TbDbCall *call, const char *event_id);
void tb_tellings_wake(TbEvents *events); /* there may be somebody to be told */
void tb_tellings_start(TbEvents *events);
void tb_tellings_init(TbEvents *events);
void tb_tellings_clear(TbEvents *events);

/* --- bot.c: what people say to the Telegram bot --- */
/* SHA-256 as the store has tokens; the caller frees. */
char *tb_event_token_hash(const char *token);
/* Asks for what was said meanwhile; then `then` runs, whatever came of it. */
void tb_event_bot_sync(TbAsk *ask, void (*then)(TbAsk *ask));
void tb_event_bot_webhook(TbRequest *request, gpointer events);

/* --- recipients.c, invites.c, links.c --- */
/* Its device's name, a row for each recipient; none: there is no such device of his. */
/* Nobody is told by it any more. */
void tb_event_recipient_gone(TbDbCall *call, const char *endpoint_id);
void tb_event_recipients(TbAsk *ask, TbDbCall *call, const char *device_id);
void tb_event_invites(TbRequest *request, gpointer events);
void tb_event_invite(TbRequest *request, gpointer events);
void tb_event_invite_revoke(TbRequest *request, gpointer events);
void tb_event_invite_accept(TbRequest *request, gpointer events);
/* A token that links a chat to a device; answers. `invite`: "" for the owner's own. */
void tb_event_link_begin(TbAsk *ask, const char *device_id, const char *invite);
