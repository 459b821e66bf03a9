#pragma once
/* What the files of this room share. */
#include "lib/error.h"
#include "lib/http/decline.h"
#include "lib/rate.h"
#include "lib/uuid.h"
#include "server/calls/calls.h"
#include "server/calls/room.h"
#include "server/calls/state.h"
#include "server/store/db.h"

struct TbCalls {
        TbDb *db; /* borrowed */
        TbCallsOptions options;
        TbRates *rates;     /* owned; what somebody changes */
        TbCallRooms *rooms; /* owned */
        GHashTable *lines;  /* user, owned -> GPtrArray of TbCallLine, not owned: his sockets */
        GQueue waiting;     /* what lines have asked of the store, line.c */
        guint64 begun, ended[TB_CALL_STATUSES];
};

/* --- ask.c: a request, and the calls of the store that it takes --- */
typedef struct TbCallAsk TbCallAsk;
typedef void (*TbCallThen)(TbCallAsk *ask, const TbDbResult *rows); /* answers, or asks on */
struct TbCallAsk {
        TbCalls *calls;     /* borrowed */
        TbRequest *request; /* ref */
        char *who;     /* owned; "": everybody's calls: an administrator, or where nobody needs a token */
        char *id;      /* owned; of the call; NULL: none */
        json_t *kept;  /* owned; NULL: none */
        gint64 now_ms; /* wall clock */
        TbCallAct act;
        TbCallStatus next;
        char *actor; /* owned; NULL: not known yet */
        TbCallThen then;
};

/* NULL: refused, and answered. */
TbCallAsk *tb_call_ask_new(TbCalls *calls, TbRequest *request, bool changes);
/* The same for what is read of an interval: startDate and endDate of the query. */
TbCallAsk *tb_call_ask_interval(TbCalls *calls, TbRequest *request, gint64 *ret_from_ms, gint64 *ret_to_ms);
void tb_call_ask_run(TbCallAsk *ask, TbDbCall *call_take,
                     TbCallThen then); /* what fails is answered, and ends the ask */
/* Each answers, and ends the ask. */
void tb_call_ask_json(TbCallAsk *ask, int status, json_t *body_take);
void tb_call_ask_error(TbCallAsk *ask, const GError *error);
void tb_call_ask_refuse(TbCallAsk *ask, TbErrorCode code, const char *text);
/* A call whose first statement ends what is late, and what reads one of them. */
TbDbCall *tb_call_look(const TbCallAsk *ask);
void tb_call_get(const TbCallAsk *ask, TbDbCall *call);
TbDbCall *tb_call_look_at(gint64 now_ms);
void tb_call_get_id(const char *id, TbDbCall *call);
/* The call of ask->id is there, and ask->who may see it; false: answered, and the ask ended. */
bool tb_call_may(TbCallAsk *ask, const TbDbResult *rows);

/* --- rows.c --- */
json_t *tb_call_of_rows(
        const TbDbResult *rows,
        guint *row); /* from *row on, which is moved behind its participants; a new reference */

/* --- acts.c --- */
typedef struct TbCallClosing { /* borrowed; reason, details may be NULL */
        const char *id, *from, *to, *by, *reason, *details;
} TbCallClosing;
void tb_call_close(TbDbCall *call, const TbCallClosing *closing, gint64 now_ms); /* its statements */
void tb_call_answer(TbRequest *request, gpointer calls);
void tb_call_end(TbRequest *request, gpointer calls);
void tb_call_cancel(TbRequest *request, gpointer calls);
void tb_call_missed(TbRequest *request, gpointer calls);
void tb_call_failed(TbRequest *request, gpointer calls);
/* --- quality.c --- */
void tb_call_quality(TbRequest *request, gpointer calls);
void tb_call_stats(TbRequest *request, gpointer calls);
/* The statement of a report; `all`: what is known of the call's quality now, `in`: what was measured now. */
void tb_call_report(TbDbCall *call, const char *id, const json_t *all, const json_t *in, gint64 now_ms);
/* "2026-11-20T20:00:00Z" as ms; `otherwise` where there is none; -1 with TB_ERROR_INVALID. */
gint64 tb_call_time(const json_t *in, const char *field, gint64 otherwise, GError **error);

/* --- guests.c: who is asked into a call besides the two --- */
void tb_call_invite(TbRequest *request, gpointer calls);
void tb_call_guest_link(TbRequest *request, gpointer calls);
void tb_call_guest_revoke(TbRequest *request, gpointer calls);
/* Lower-case hexadecimal SHA-256 of a guest's token; the caller frees. */
char *tb_call_guest_hash(const char *token);

/* --- line.c, enter.c, ring.c: sockets --- */
struct TbCallLine {
        TbCalls *calls;           /* borrowed */
        const TbCallLineOps *ops; /* borrowed */
        gpointer connection;      /* borrowed */
        TbCaller caller;          /* who has opened it; role NONE: nobody */
        char *user, *name;        /* owned; NULL: not known yet */
        char *guest_call;         /* owned; the one call of a guest; NULL: no guest */
        gint64 guest_until_ms;    /* wall clock */
        bool flat;                /* it speaks in {"type":…}, and is answered so */
        TbBucket pace;            /* of messages */
        guint refused;            /* in a row */
        struct TbCallWait *waits; /* what it has asked of the store; borrowed; NULL: nothing */
};

typedef struct TbCallWait TbCallWait;
struct TbCallWait { /* what a line has asked of the store; the line may go meanwhile */
        TbCalls *calls;
        TbCallLine *line;                 /* borrowed; NULL: it has gone, or wants it no more */
        char *call, *user, *name, *event; /* owned */
        bool guest, video, audio, rejoins, answers;
        void (*then)(TbCallWait *wait, const TbDbResult *rows);
        GList link; /* in calls->waiting */
};

void tb_call_lines_init(TbCalls *calls);
void tb_call_lines_clear(TbCalls *calls);
void tb_call_line_send(TbCallLine *line, const char *event, const json_t *data);
/* `event`, `call`: of what was refused; NULL: none. */
void tb_call_line_refuse(TbCallLine *line, const char *event, const char *call, const GError *error);
bool tb_call_line_known_as(TbCallLine *line, const char *user); /* false: too many of his sockets are open */
GPtrArray *tb_call_lines_of(const TbCalls *calls, const char *user); /* borrowed; NULL: none */
void tb_call_arm(TbCalls *calls);

TbCallWait *tb_call_wait_new(TbCallLine *line, const char *event, const char *call);
/* `then` runs and frees nothing; the wait is freed behind it unless it was run again. What fails is told. */
void tb_call_wait_run(TbCallWait *wait, TbDbCall *call_take,
                      void (*then)(TbCallWait *wait, const TbDbResult *rows));
void tb_call_wait_forget(TbCallLine *line); /* what it has asked for is not wanted any more */

void tb_call_authenticate(TbCallLine *line, const json_t *said);
void tb_call_enter(TbCallLine *line, const char *event, const json_t *said);
extern const TbCallRoomOps tb_call_room_ops;

/* The rows are of call-get.sql. */
void tb_call_tell_changed(TbCalls *calls, const TbDbResult *rows, const char *by);
/* Whoever was asked and is not in yet hears it ring; `only` (NULL: all): him alone. */
void tb_call_ring(TbCalls *calls, const TbDbResult *rows, const char *only);
/* What rings for him just now, to a socket of his that has come. */
void tb_call_ring_again(TbCallLine *line);
