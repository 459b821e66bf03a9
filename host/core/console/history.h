#pragma once
/*
 * TbHistory: what a console said, for ever or until TB_LIMIT_HISTORY: bytes addressed by their offset since
 * the first one, a time for every line, kept on disk across restarts and re-plugging. The newest
 * TB_HISTORY_RING bytes are also in memory, so live readers never touch the disk and go on when the disk is
 * full.
 *
 * Main appends and is never made to wait: one thread of this module writes all histories, out of their rings.
 * What is not on the disk yet is bounded by who appends: above TB_LIMIT_HISTORY_BEHIND he holds his source back
 * until `changed` (tb_history_behind()). A disk that fails holds nobody back: the newest bytes wait in the ring
 * for its return. Who reads has a TbHistoryReader (history_reader.h). Functions: main thread, unless they say "any thread".
 *
 * On disk: <dir>/<first offset, 20 digits>.log = raw bytes; .idx beside it = records {u64 offset, i64 ms}
 * (native order), one per line start.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_HISTORY_RING (1024 * 1024)

typedef struct TbHistory TbHistory; /* counted: who reads on another thread holds it */

/* `limit`: bytes on disk, indexes and all (0: TB_LIMIT_HISTORY). The folder is opened by the thread that writes: until
 * tb_history_is_open(), of which `changed` tells, what is appended waits, start and end count from 0, and a reader has nothing.
 * Goes on without a disk when `dir` cannot be used: tb_history_error() tells. A folder has one history: one that is still being
 * written after its close goes on. */
TbHistory *tb_history_open(const char *dir, guint64 limit);
/* Waits for nothing: what the disk has not taken is written by the thread. */
void tb_history_close(TbHistory *history);
bool tb_history_is_open(TbHistory *history); /* any thread */
/* True: `opened(data)` comes once it is open, in the order in which they asked, unless it is forgotten before. False: it is open. */
bool tb_history_when_open(TbHistory *history, void (*opened)(gpointer data), gpointer data);
void tb_history_forget(TbHistory *history, gpointer data);
TbHistory *tb_history_ref(TbHistory *history); /* any thread */
void tb_history_unref(TbHistory *history);     /* any thread */
/* `changed` (main): it is open, the disk failed or came back, or it has caught up after it was behind. None after close. */
void tb_history_on_change(TbHistory *history, void (*changed)(gpointer user), gpointer user);
void tb_history_append(TbHistory *history, const void *data, gsize size);
/* It is not open yet, or more than TB_LIMIT_HISTORY_BEHIND bytes wait for a disk that works: `changed` comes when it is half of
 * that. */
bool tb_history_behind(TbHistory *history);
/* Waits until it is open and all is on the disk, or the disk has failed; false: not within `ms`. For the end and tests. */
bool tb_history_flush(TbHistory *history, int ms);
guint64 tb_history_start(TbHistory *history); /* lowest offset that can be read; any thread */
guint64 tb_history_end(TbHistory *history);   /* offset of the next byte; any thread */
/* Why the disk part stopped, or NULL: a copy. It is tried again every few seconds. */
char *tb_history_error(TbHistory *history);
/* Ends the threads that write and read; one that a disk keeps is left behind. After the last close. */
void tb_histories_stop(void);
/* In words, when the disk has not answered for TB_LIMIT_DISK_LATE_MS; the caller frees. NULL: well. */
char *tb_histories_problem(void);
