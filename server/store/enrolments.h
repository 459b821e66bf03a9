#pragma once
/*
 * Tokens that admins made for hosts elsewhere. Each is shown once and kept as SHA-256. Until its time is over it waits for
 * somebody to use it; it then is the token of that one host's key until it is revoked. There are TB_LIMIT_ENROLMENTS of
 * them: a newcomer takes the place of the oldest one that nobody used in time. The table is in memory and written behind
 * (server/pairing/persist.c). Times are wall-clock ms. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "server/store/db.h"

#define TB_ENROLMENT_PREFIX "enrol-" /* of each token: one that is not known any more is told from others */

typedef struct TbEnrolment {
        char *id;   /* owned */
        char *name; /* owned; the one name that it is good for; NULL: any */
        guint8 token[TB_SECRET_HASH];
        char *key;  /* owned; whose it is: the public key as the host sends it; NULL: nobody has used it */
        char *host; /* owned; by which name that host came last; NULL with `key` */
        gint64 created_ms, expires_ms;
        gint64 first_ms, last_ms; /* of that host; 0 without one */
} TbEnrolment;

typedef struct TbEnrolments TbEnrolments;

/* `changed` runs when there is something to be written at once. */
TbEnrolments *tb_enrolments_new(void (*changed)(gpointer data), gpointer data);
void tb_enrolments_free(TbEnrolments *enrolments);
/* Borrowed until it is removed, as all that is given here. `name` NULL: any. *ret_token is the caller's, and kept nowhere.
 * NULL: TB_ERROR_LIMIT. */
const TbEnrolment *tb_enrolments_add(TbEnrolments *enrolments, const char *name, gint64 ttl_ms, gint64 now_ms,
                                     char **ret_token, GError **error);
/* In a time that says nothing of the tokens. NULL: it is none of these. */
const TbEnrolment *tb_enrolments_find(TbEnrolments *enrolments, const char *token);
/* Whether the host of this name with this key (NULL: it has none) may come by it. TB_ERROR_UNAUTHORIZED in words for it. */
bool tb_enrolment_admits(const TbEnrolment *enrolment, const char *name, const char *key, gint64 now_ms,
                         GError **error);
bool tb_enrolment_expired(const TbEnrolment *enrolment, gint64 now_ms); /* and nobody has used it */
/* The host has proven the key and came as `host`: the token is its own from here on. */
void tb_enrolments_bind(TbEnrolments *enrolments, const char *id, const char *key, const char *host,
                        gint64 now_ms);
void tb_enrolments_seen(TbEnrolments *enrolments, const char *id, gint64 now_ms); /* unknown: nothing */
bool tb_enrolments_remove(TbEnrolments *enrolments, const char *id);              /* false: there was none */
GPtrArray *tb_enrolments_list(
        TbEnrolments *enrolments); /* borrowed TbEnrolment, the newest first; the caller unrefs */

/* --- the store's side --- */
void tb_enrolments_load(TbEnrolments *enrolments,
                        const TbDbResult *rows); /* of tb_sql_enrolment_list; what is newer here stays */
/* Puts all changes into the call and gives what to hand to tb_enrolments_again() when it failed (owned); NULL: nothing has
 * changed. */
GPtrArray *tb_enrolments_write(TbEnrolments *enrolments, TbDbCall *call);
void tb_enrolments_again(TbEnrolments *enrolments, GPtrArray *written);
void tb_enrolments_all_again(TbEnrolments *enrolments); /* the file was begun anew */
