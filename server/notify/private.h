#pragma once
/* The seam of a notifier, and what they share. */
#include "server/notify/notify.h"
#include "server/outward/send.h"

/* A request that is being made: `ask` borrows from `owned`. */
typedef struct TbSaid {
        TbSendAsk ask;
        GPtrArray *owned; /* char * */
        bool wants_clip;  /* ask.file_field is for it */
} TbSaid;

char *tb_said_own(TbSaid *said, char *text_take); /* borrowed from then on */
/* A POST of JSON. `headers`: ended by NULL, borrowed as long as the request is made. */
void tb_said_json(TbSaid *said, const char *url, json_t *body_take);

typedef struct TbNotifier {
        const char *name;
        bool is_for_people;
        bool (*is_set)(const TbNotifyOptions *options);
        bool (*check)(const char *address, GError **error); /* NULL: it has no addresses */
        bool (*may)(const TbNotifyOptions *options, const char *address,
                    GError **error);                 /* NULL: all that it checks */
        bool (*is_gone)(const TbSendAnswer *answer); /* NULL: nobody ever is */
        /* The way of saying it that is tried after `stage` others; false: there is none. */
        bool (*say)(const TbNotifyOptions *options, const TbNotifyPlace *place, const TbNotifyWhat *what,
                    guint stage, TbSaid *ret);
        /* *ret_again, *ret_after_s, *ret_why (owned by the caller) are filled in unless it was told. `ret_other`: another way may be
         * taken instead. NULL: as HTTP says it. */
        bool (*judge)(const TbSendAnswer *answer, bool *ret_again, bool *ret_other, guint *ret_after_s,
                      char **ret_why);
} TbNotifier;

extern const TbNotifier tb_notifier_webhook, tb_notifier_telegram, tb_notifier_ntfy, tb_notifier_email,
        tb_notifier_push;

bool tb_judge_http(const TbSendAnswer *answer, bool *ret_again, bool *ret_other, guint *ret_after_s,
                   char **ret_why);

/* --- words.c, pure; the callers free --- */
char *tb_words_caption(const json_t *event); /* the original's lines */
char *tb_words_title(const TbNotifyWhat *what);
char *tb_words_text(const TbNotifyWhat *what);
char *tb_words_page(const TbNotifyPlace *place,
                    const TbNotifyWhat *what);       /* NULL: it is not known where people read it */
char *tb_words_cut(const char *text, gsize letters); /* with "…" when it was longer */

/* --- webhook.c, pure --- */
json_t *tb_notify_webhook_body(const json_t *event); /* a new reference */
/* --- email.c, pure; the caller frees --- */
char *tb_notify_mail(const char *from, const char *to, const char *subject, const char *text, gint64 now_s,
                     const char *id);
