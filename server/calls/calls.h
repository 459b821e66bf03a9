#pragma once
/*
 * Calls between two people: REST of the original (requirements S3.R1 to S3.R6), whose clients work unchanged. The store is the truth; of a
 * call nothing is kept here but who is in it by a socket. Main thread.
 */
#include <glib.h>

#include "lib/http/http.h"
#include "server/store/db.h"

typedef struct TbCalls TbCalls;

typedef struct TbCallsOptions {
        TbDb *db; /* borrowed; outlives the calls */
        /* What ICE goes by for `user`; the caller owns it. NULL is none. */
        json_t *(*ice)(const char *user, gpointer data);
        /* Who that token is; false: nobody. The caller clears what was found. */
        bool (*identify)(const char *token, TbCaller *ret, gpointer data);
        /* Somebody is called: he is told where no page of his is open, too. */
        void (*ring)(const char *user, const char *from, const char *call, gpointer data);
        /* Somebody has come into a call; it is over. */
        void (*entered)(const char *call, const char *user, gpointer data);
        void (*over)(const char *call, gpointer data);
        void (*arm)(gint64 at_ms, gpointer data); /* tb_calls_tick() is due then: boot clock */
        /* How clients reach us, without a slash at its end; borrowed. */
        const char *(*base)(TbRequest *request, gpointer data);
        gpointer data;
} TbCallsOptions; /* any function may be NULL */

TbCalls *tb_calls_new(const TbCallsOptions *options);          /* copied */
void tb_calls_free(TbCalls *calls);                            /* NULL is fine; before: its lines */
extern const TbRoute tb_call_routes[], tb_call_guest_routes[]; /* their data is the TbCalls */
void tb_calls_metrics(GString *out, gpointer calls);
gint64 tb_calls_tick(TbCalls *calls, gint64 now_ms); /* when it is due again; G_MAXINT64: never */

/* --- signaling: a socket of somebody who takes part in calls (docs/CALLS.md) --- */
typedef struct TbCallLine TbCallLine;
typedef struct TbCallLineOps {
        void (*send)(gpointer connection, const char *text, gsize size);
        void (*close)(gpointer connection, int code,
                      const char *reason);     /* tb_call_line_free() follows, later */
        void (*accepted)(gpointer connection); /* who it is is known */
        void (*nobody)(gpointer connection);   /* … and will not be: a guess */
} TbCallLineOps;

/* Whether a first message is of somebody who takes part in calls. */
bool tb_call_line_asks(const char *text, gsize size);
/* `caller` (NULL: nobody) is copied. */
TbCallLine *tb_call_line_new(TbCalls *calls, const TbCallLineOps *ops, gpointer connection,
                             const TbCaller *caller);
void tb_call_line_text(TbCallLine *line, const char *text, gsize size, gint64 now_ms); /* NULL: binary */
void tb_call_line_free(TbCallLine *line, gint64 now_ms);                               /* NULL is fine */
/* To every open page of `user`, by what those who take part hear by. */
void tb_calls_tell(const TbCalls *calls, const char *user, const char *event, const json_t *data);
/* What `user` (NULL: anybody) may is another: his sockets come again. */
void tb_calls_rights_changed(TbCalls *calls, const char *user);
