#pragma once
/*
 * What waits for a lane, bounded, with a share for each user: nobody fills it for others, and viewers leave room for
 * who controls. Changes go before reads; within each, first come, first served. The lane's own calls (user NULL) are
 * few and always fit; an emergency has room of its own.
 */
#include "host/core/lanes/worker.h"

typedef struct TbCallQueue TbCallQueue;

/* `most`: so many calls of one user run at once, the others of theirs wait: in a lane of several threads nobody has them all. 0: no
 * such bound. */
TbCallQueue *tb_call_queue_new(guint most);
void tb_call_queue_free(TbCallQueue *queue); /* empty by then */
/* Any thread. False with TB_ERROR_LIMIT, and who fills it; or with TB_ERROR_UNAVAILABLE: it was closed. */
bool tb_call_queue_push(TbCallQueue *queue, TbCall *call, GError **error);
/* NULL on timeout, or when closed and empty; until_us as tb_queue_take()'s. Any thread. */
TbCall *tb_call_queue_take(TbCallQueue *queue, gint64 until_us);
/* What was taken runs until this. Any thread. */
void tb_call_queue_done(TbCallQueue *queue, const TbCall *call);
bool tb_call_queue_remove(TbCallQueue *queue,
                          TbCall *call); /* false: it does not wait (any more). Any thread */
guint tb_call_queue_length(TbCallQueue *queue);
void tb_call_queue_close(TbCallQueue *queue); /* wakes every taker */
