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
#include "server/store/db.h"

typedef struct TbEvents TbEvents;

typedef struct TbEventsOptions { /* of the configuration; it outlives the events */
        bool auth_required;      /* a token, also from this machine; where tokens or accounts are: always */
        bool dev_login;          /* whoever asks gets a token */
        guint token_ttl_s;       /* of such a token */
        guint logins, logins_s;  /* so many logins of one address in so many seconds */
        char *worker_token;      /* owned; of workers; NULL: they show what anybody shows */
        char *clips;             /* owned; their folder */
        gint64 clip_bytes;       /* of one clip at most */
        guint64 quota_bytes;     /* of all clips; 0: no limit */
        char *webhook_url, *webhook_secret; /* owned; who is told of what should be told; NULL: nobody */
        guint notify_timeout_s;             /* of one try */
        guint notify_retries;               /* after the first */
} TbEventsOptions;

void tb_events_options_clear(TbEventsOptions *options);

/* `told`: an event is done and should be told of, once; `event`: as GET /events gives it, borrowed. */
TbEvents *tb_events_new(const TbEventsOptions *options, TbDb *db, TbBlobs *blobs,
                        void (*told)(json_t *event, gpointer data), gpointer data);
void tb_events_free(TbEvents *events); /* NULL is fine */
/* Their data is the TbEvents. */
extern const TbRoute tb_event_routes[], tb_event_session_routes[], tb_event_upload_routes[],
        tb_event_worker_routes[];
/* Takes over what the options say of parameters. Before the routes are used. */
void tb_events_limits(const TbEventsOptions *options);

/* One who follows what happens: `send` gets texts, JSON, as {"type":"event.changed","event":{…}} or "event.removed"; false: he is
 * ended by his own. */
typedef struct TbEventFeed TbEventFeed;
/* Who asks, as for GET /events; NULL: refused, and answered. */
TbEventFeed *tb_events_follow(TbEvents *events, const char *user,
                              void (*send)(gpointer follower, const char *text), gpointer follower);
void tb_events_unfollow(TbEvents *events, TbEventFeed *feed);
/* What came of telling somebody, as POST /events/{id}/notification-attempts takes it; borrowed. */
void tb_events_note_attempt(TbEvents *events, const char *event_id, const json_t *attempt);
void tb_events_metrics(GString *out, gpointer events);
