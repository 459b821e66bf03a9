#pragma once
/* Tells of events, once each. What waits is bounded: above TB_LIMIT_NOTIFY_QUEUE the newest is not told of, and the log says so. Main thread. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbNotify TbNotify;

typedef struct TbNotifyOptions {  /* borrowed, they outlive it */
        const char *url, *secret; /* of the webhook; NULL: none */
        guint timeout_s, retries;
        /* What came of a try, as POST /events/{id}/notification-attempts takes it; borrowed. */
        void (*tried)(const char *event_id, const json_t *attempt, gpointer data);
        gpointer data;
} TbNotifyOptions;

TbNotify *tb_notify_new(const TbNotifyOptions *options);
void tb_notify_free(TbNotify *notify);                 /* NULL is fine */
void tb_notify_event(TbNotify *notify, json_t *event); /* as GET /events gives it; a reference is taken */
void tb_notify_metrics(GString *out, gpointer notify);

/* --- webhook.c, pure --- */
json_t *tb_notify_webhook_body(const json_t *event); /* a new reference */
char *tb_notify_webhook_headers(const char *secret, const void *body,
                                gsize size); /* NULL secret: ""; the caller frees */
bool tb_notify_is_retryable(guint status);   /* 0: no answer */
