#pragma once
/*
 * Tells somebody of an event, or of several at once, by one of the notifiers. Each try is asked for: what waits, whom it is for and what
 * came of it is the caller's (server/events, in the store). Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/pipe.h"

typedef struct TbNotify TbNotify;

typedef struct TbNotifyOptions {            /* of the configuration; it outlives them */
        char *webhook_url, *webhook_secret; /* owned; NULL: none */
        char *telegram_token;               /* owned; of the bot; NULL: there is none */
        char *telegram_url;                 /* owned; of the Bot API, without a slash at its end */
        char *telegram_onboarding;          /* owned; where people meet the bot; NULL */
        char *telegram_secret;              /* owned; of what Telegram sends us; NULL: none */
        bool telegram_video;                /* clips, else words alone */
        char *ntfy_url, *ntfy_token;        /* owned; NULL: none */
        char *smtp_url, *smtp_from;         /* owned; NULL: no mail */
        char *smtp_user, *smtp_password;    /* owned; NULL: none */
        bool smtp_plain;                    /* without TLS */
        char *push_key, *push_subject;      /* owned; of browser push (VAPID); NULL: none */
        char *push_services;                /* owned; origins beside those of browsers' makers; NULL */
        guint timeout_s;                    /* of one try */
        guint retries;                      /* after the first */
        guint pause_s;                      /* before the second; then twice as long each time */
        guint link_ttl_s, invite_ttl_s;     /* of link tokens, of invites */
} TbNotifyOptions;

void tb_notify_options_clear(TbNotifyOptions *options);

/* What notifiers need of others. */
typedef struct TbNotifyPlace {
        const char *page; /* borrowed; where people read events, without a slash at its end; NULL: unknown */
        /* Begins to write the event's clip into `to`; false: there is none. */
        bool (*clip)(const json_t *event, TbPipe *to, gpointer data);
        gpointer data;
} TbNotifyPlace;

TbNotify *tb_notify_new(const TbNotifyOptions *options, const TbNotifyPlace *place);
void tb_notify_free(
        TbNotify *notify); /* nobody is told what came of tries that are under way; NULL is fine */
void tb_notify_metrics(GString *out, gpointer notify);

/* --- notifiers: "webhook", "telegram", "ntfy", "email", "push" --- */
guint tb_notify_count(void);
const char *tb_notify_name(guint i);
/* It is one, and the configuration has what it needs. */
bool tb_notify_has(const TbNotify *notify, const char *provider);
/* Several events may be told of at once, and none at night: it is for people. */
bool tb_notify_is_for_people(const char *provider);
/* Whether somebody may be reached so by it. TB_ERROR_INVALID in words. */
bool tb_notify_check_address(const char *provider, const char *address, GError **error);
/* The same, and whether this server sends there. */
bool tb_notify_may_reach(const TbNotify *notify, const char *provider, const char *address, GError **error);
/* What browsers have to know of the server to be told by push; NULL: it has none. The caller frees. */
char *tb_notify_push_key(const TbNotify *notify);

typedef struct TbNotifyWhat {
        const char *provider, *address; /* NULL address: the configuration's */
        const char *device;             /* as people call it; NULL: none */
        const json_t *events;           /* array; one, or several to be told of at once; none: a test */
} TbNotifyWhat;

typedef struct TbNotifyOutcome { /* borrowed */
        bool ok, again;          /* again: it makes sense to try once more */
        guint after_s;           /* what was asked for; 0: nothing */
        const char *why;         /* NULL: it was told */
        bool gone;               /* nobody is there any more, and will not be again */
} TbNotifyOutcome;

typedef void (*TbNotifyDone)(const TbNotifyOutcome *outcome, gpointer data);
/* `done` runs once, later. False, and it does not: TB_ERROR_LIMIT (TB_LIMIT_NOTIFY_UNDER_WAY are), TB_ERROR_UNAVAILABLE (no thread, the
 * notifier is not configured any more). `what` is borrowed for the call. */
bool tb_notify_try(TbNotify *notify, const TbNotifyWhat *what, TbNotifyDone done, gpointer data,
                   GError **error);

/* --- the Telegram bot --- */
/* `status` 0: no answer. `result` NULL: it was refused, `why` says how. Both borrowed. */
typedef void (*TbTelegramDone)(guint status, const json_t *result, const char *why, gpointer data);
bool tb_telegram_call(TbNotify *notify, const char *method, json_t *body_take, TbTelegramDone done,
                      gpointer data, GError **error);

typedef struct TbTelegramStart {
        char *chat, *username, *token; /* owned; username NULL: none; token "": none was given */
} TbTelegramStart;
/* Whether an update is somebody's "/start"; its number either way (-1: none). Pure. The caller clears. */
bool tb_telegram_start(const json_t *update, gint64 *ret_number, TbTelegramStart *ret);
void tb_telegram_start_clear(TbTelegramStart *start);
/* Where people meet the bot with this token; the caller frees. Pure. */
char *tb_telegram_link(const char *onboarding, const char *token);
