#pragma once
/*
 * One request to a server elsewhere, by HTTP(S) or SMTP(S): straight to it (no proxy, no redirect), with a deadline, in a thread of its
 * own (libcurl). Main thread; nothing waits.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/pipe.h"

typedef struct TbSend TbSend;

typedef struct TbSendField {
        const char *name, *value; /* of a form; the name NULL ends them */
} TbSendField;

/* All of it is copied, or a reference is taken. */
typedef struct TbSendAsk {
        const char *url;            /* http://, https://, smtp:// or smtps:// */
        const char *const *headers; /* "Name: value"; ended by NULL; NULL: none */
        const char *ca; /* PEM file with who signs its certificate; NULL: whom the system trusts */
        const char
                *body; /* POST; NULL: a form, and where that has no fields, GET. Of a mail: its whole text */
        gsize size;    /* of the body, bytes */
        /* multipart/form-data */
        const TbSendField *fields;
        const char *file_field, *file_name, *file_type; /* file_field NULL: none */
        TbPipe *file;     /* its bytes; failed when they are not wanted any more */
        gint64 file_size; /* exactly */
        /* a mail */
        const char *from, *to;       /* addresses alone; `to` NULL: it is none */
        const char *user, *password; /* NULL: none */
        bool plain;                  /* smtp:// without STARTTLS, which is wanted otherwise */
        guint timeout_s;
} TbSendAsk;

typedef struct TbSendAnswer { /* borrowed, all of it */
        guint status;         /* 200 …; of a mail: 250 …; 0: there was no answer */
        guint retry_after_s;  /* what it asks for; 0: nothing */
        const char *text;     /* its body, up to TB_LIMIT_NOTIFY_ANSWER bytes; ends with NUL */
        gsize size;
        const char *why;      /* there was no answer, or it was cut: why; NULL */
        bool is_file_missing; /* the pipe has failed: nobody got all of it */
} TbSendAnswer;

typedef void (*TbSendDone)(const TbSendAnswer *answer, gpointer data);

void tb_send_init(void); /* once, before the first: main */
/* `done` runs once, later, unless it is canceled before. NULL with TB_ERROR_UNAVAILABLE: no thread can be had. */
TbSend *tb_send(const TbSendAsk *ask, TbSendDone done, gpointer data, GError **error);
void tb_send_cancel(TbSend *send); /* NULL is fine */
