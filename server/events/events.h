#pragma once
/*
 * Phones and benches that notice something: their sessions, events, clips, and what workers say of these. The API is that of the
 * original (requirements S1.66 to S1.R18): its clients work unchanged. The store is the truth; nothing of an event is kept here.
 * Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/http.h"
#include "server/blob/blob.h"
#include "server/notify/notify.h"
#include "server/store/db.h"

typedef struct TbEvents TbEvents;

typedef struct TbEventPlan { /* 0: no limit */
        char *name;          /* owned */
        char **users;        /* owned; whose plan it is; empty: everybody's who is in no other */
        guint credits_month; /* 10 s of clips each */
        guint uploads_hour;
        guint clip_s;    /* length of one clip */
        guint keep_days; /* how long events and their clips are kept */
} TbEventPlan;

typedef struct TbEventsOptions { /* of the configuration; it outlives the events */
        bool auth_required;      /* a token, also from this machine; where tokens or accounts are: always */
        bool dev_login;          /* whoever asks gets a token */
        guint token_ttl_s;       /* of such a token */
        guint logins, logins_s;  /* so many logins of one address in so many seconds */
        char *worker_token;      /* owned; of workers; NULL: they show what anybody shows */
        TbBlobOptions blob;      /* where clips lie */
        gint64 clip_bytes;       /* of one clip at most */
        GPtrArray *plans;        /* owned TbEventPlan; NULL: none */
        TbNotifyOptions notify;  /* who is told, and how */
} TbEventsOptions;

void tb_event_plan_free(gpointer plan);
void tb_events_options_clear(TbEventsOptions *options);

/* `page`: where people read events, without a slash at its end; NULL: unknown; borrowed. */
TbEvents *tb_events_new(const TbEventsOptions *options, TbDb *db, TbBlobs *blobs, const char *page);
void tb_events_free(TbEvents *events); /* NULL is fine */
/* Their data is the TbEvents. */
extern const TbRoute tb_event_routes[], tb_event_session_routes[], tb_event_upload_routes[],
        tb_event_worker_routes[], tb_event_recipient_routes[], tb_event_link_routes[],
        tb_event_usage_routes[];
/* Who has logged in here as `user` (not by an account) has not any more. */
void tb_events_forget_logins(TbEvents *events, const char *user);
/* Takes over what the options say of parameters. Before the routes are used. */
void tb_events_limits(const TbEventsOptions *options);

/* One who follows what happens: `send` gets texts, JSON, as {"type":"event.changed","event":{…}} or "event.removed"; false: he is
 * ended by his own. */
typedef struct TbEventFeed TbEventFeed;
/* Whose events he may read, as by GET /events: "" everybody's. The caller frees; NULL with TB_ERROR_UNAUTHORIZED, TB_ERROR_FORBIDDEN. */
char *tb_events_reader(const TbEvents *events, const TbCaller *caller, GError **error);
/* `user`: as tb_events_reader() says. */
TbEventFeed *tb_events_follow(TbEvents *events, const char *user,
                              void (*send)(gpointer follower, const char *text), gpointer follower);
void tb_events_unfollow(TbEvents *events, TbEventFeed *feed);
/* `user` (of an account) is called by `from`: his browsers are told, with the page of that call. */
void tb_events_ring(TbEvents *events, const char *user, const char *from, const char *call);
void tb_events_metrics(GString *out, gpointer events);
