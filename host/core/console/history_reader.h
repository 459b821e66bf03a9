#pragma once
/*
 * TbHistoryReader: one who reads a history at his own pace. What is in memory he has at once. What is on the disk alone comes
 * by a thread that reads for all of them, a piece each in turn: a disk that stands still keeps that thread and the readers that
 * want it, and neither main nor those who need no disk. A reader has one read under way at most, so what waits is bounded by
 * who may have readers. While the history is being opened they wait, too: nobody knows yet where it begins and ends.
 * Main thread; "the owner's": whoever has the reader now (a job between its turns' start and end), while no read is under way.
 */
#include "host/core/console/history.h"

typedef struct TbHistoryReader TbHistoryReader;

/* Lines by number or by time: one of them. */
typedef struct TbHistoryWish {
        guint tail;      /* the last so many; 0: not said */
        gint64 since_ms; /* that began at this time (wall clock) or later; 0: not said */
} TbHistoryWish;

#define TB_HISTORY_NOW G_MAXINT64 /* behind what has come so far */

/* `from`: an offset; negative: so many bytes before the end; TB_HISTORY_NOW. One behind the end of a history that was not open
 * yet is taken for its end. `ready`: what the reader waited for is here, it goes on; never from within one of these calls.
 * Holds the history. */
TbHistoryReader *tb_history_reader_new(TbHistory *history, gint64 from, void (*ready)(gpointer user),
                                       gpointer user);
void tb_history_reader_free(TbHistoryReader *reader); /* also while a read is under way; NULL is allowed */
/* Where it goes on: `from` of a reader that takes its place. */
gint64 tb_history_reader_place(const TbHistoryReader *reader);
void tb_history_reader_seek(TbHistoryReader *reader, gint64 from);
/* Before the first look at lines: of the line in which its place lies none comes. */
void tb_history_reader_whole_lines(TbHistoryReader *reader);
/* Before the first look at lines: it goes to the first of those that are wished for. */
void tb_history_reader_wish(TbHistoryReader *reader, const TbHistoryWish *wish);
bool tb_history_reader_waits(const TbHistoryReader *reader); /* `ready` is owed */
/* At most `size` bytes of what comes at its place, which seek() moves. 0: at the end, or it waits. *ret_offset: where they
 * begin, which is behind its place when older ones are not kept any more. */
gsize tb_history_reader_read(TbHistoryReader *reader, void *buf, gsize size, guint64 *ret_offset);
/* Lines from its place on, at most `limit` and about TB_LIMIT_LOG_BYTES of them: array of {"offset","t","text"} (invalid UTF-8
 * replaced), as tb_history_lines() says (history_private.h). *ret_next: where to seek() to. NULL: it waits. */
json_t *tb_history_reader_lines(TbHistoryReader *reader, guint limit, guint64 *ret_next);

/* The same for a job, in two steps. The owner's: what is here; false, NULL: it is to be fetched. */
bool tb_history_reader_peek(TbHistoryReader *reader, void *buf, gsize size, gsize *ret_n,
                            guint64 *ret_offset);
json_t *tb_history_reader_peek_lines(TbHistoryReader *reader, guint limit, guint64 *ret_next);
/* Main: gets what the last peek lacked, then `ready`. */
void tb_history_reader_fetch(TbHistoryReader *reader);
