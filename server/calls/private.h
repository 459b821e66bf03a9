#pragma once
/* What the files of this room share. */
#include "lib/error.h"
#include "lib/http/decline.h"
#include "lib/rate.h"
#include "lib/uuid.h"
#include "server/calls/calls.h"
#include "server/calls/state.h"
#include "server/store/db.h"

struct TbCalls {
        TbDb *db;       /* borrowed */
        TbRates *rates; /* owned; what somebody changes */
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
/* The call of ask->id is there, and ask->who may see it; false: answered, and the ask ended. */
bool tb_call_may(TbCallAsk *ask, const TbDbResult *rows);

/* --- rows.c --- */
json_t *tb_call_of_rows(
        const TbDbResult *rows,
        guint *row); /* from *row on, which is moved behind its participants; a new reference */

/* --- acts.c --- */
void tb_call_answer(TbRequest *request, gpointer calls);
void tb_call_end(TbRequest *request, gpointer calls);
void tb_call_cancel(TbRequest *request, gpointer calls);
void tb_call_missed(TbRequest *request, gpointer calls);
void tb_call_failed(TbRequest *request, gpointer calls);
/* --- quality.c --- */
void tb_call_quality(TbRequest *request, gpointer calls);
void tb_call_stats(TbRequest *request, gpointer calls);
/* "2026-11-20T20:00:00Z" as ms; `otherwise` where there is none; -1 with TB_ERROR_INVALID. */
gint64 tb_call_time(const json_t *in, const char *field, gint64 otherwise, GError **error);
