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
 * for its return. Functions: main thread, unless they say "any thread".
 *
 * On disk: <dir>/<first offset, 20 digits>.log = raw bytes; .idx beside it = records {u64 offset, i64 ms}
 * (native order), one per line start.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_HISTORY_RING (1024 * 1024)

typedef struct TbHistory TbHistory; /* counted: who reads on another thread holds it */

/* `limit`: bytes on disk, indexes and all (0: TB_LIMIT_HISTORY). Goes on without a disk when `dir` cannot be used:
 * tb_history_error() tells. A folder has one history: one that is still being written after its close goes on. */
TbHistory *tb_history_open(const char *dir, guint64 limit);
/* Waits a moment for the disk; what a disk that stands still has not taken by then is written when it goes on. */
void tb_history_close(TbHistory *history);
TbHistory *tb_history_ref(TbHistory *history); /* any thread */
void tb_history_unref(TbHistory *history);     /* any thread */
/* `changed` (main): the disk failed or came back, or it has caught up after it was behind. None after close. */
void tb_history_on_change(TbHistory *history, void (*changed)(gpointer user), gpointer user);
void tb_history_append(TbHistory *history, const void *data, gsize size);
/* More than TB_LIMIT_HISTORY_BEHIND bytes wait for a disk that works: `changed` comes when it is half of that. */
bool tb_history_behind(TbHistory *history);
/* Waits until all is on the disk or the disk has failed; false: not within `ms`. */
bool tb_history_flush(TbHistory *history, int ms);
guint64 tb_history_start(TbHistory *history); /* lowest offset that can be read; any thread */
guint64 tb_history_end(TbHistory *history);   /* offset of the next byte; any thread */
/* Bytes from `offset` (moved up to start when it is older): at most `size`; 0 at the end. *ret_offset: where
 * they really begin. Any thread. */
gsize tb_history_read(TbHistory *history, guint64 offset, void *buf, gsize size, guint64 *ret_offset);
/*
 * Lines that begin at or after `from`, at most `limit`, and about TB_LIMIT_LOG_BYTES of them: array of
 * {"offset","t","text"} (invalid UTF-8 replaced). A line of more than TB_LIMIT_LINE bytes comes in pieces of that
 * size, each with its own offset. *ret_next: where to go on. Any thread.
 */
json_t *tb_history_lines(TbHistory *history, guint64 from, guint limit, guint64 *ret_next);
/* Why the disk part stopped, or NULL: a copy. It is tried again every few seconds. */
char *tb_history_error(TbHistory *history);
/* Ends the thread that writes; one that a disk keeps is left behind. After the last close. */
void tb_histories_stop(void);
