#pragma once
/*
 * TbHistory: what a console said, for ever or until TB_LIMIT_HISTORY: bytes addressed by their offset since
 * the first one, a time for every line, kept on disk across restarts and re-plugging. The newest
 * TB_HISTORY_RING bytes are also in memory, so live readers never touch the disk and go on when the disk is
 * full. Main thread only.
 *
 * On disk: <dir>/<first offset, 20 digits>.log = raw bytes; .idx beside it = records {u64 offset, i64 ms}
 * (native order), one per line start.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_HISTORY_RING (1024 * 1024)

typedef struct TbHistory TbHistory;

/* `limit`: bytes on disk, indexes and all (0: TB_LIMIT_HISTORY). Goes on without a disk when `dir` cannot be used:
 * tb_history_error() tells. */
TbHistory *tb_history_open(const char *dir, guint64 limit);
void tb_history_close(TbHistory *history);
void tb_history_append(TbHistory *history, const void *data, gsize size);
guint64 tb_history_start(TbHistory *history); /* lowest offset that can be read */
guint64 tb_history_end(TbHistory *history);   /* offset of the next byte */
/* Bytes from `offset` (moved up to start when it is older): at most `size`; 0 at the end. *ret_offset: where
 * they really begin. */
gsize tb_history_read(TbHistory *history, guint64 offset, void *buf, gsize size, guint64 *ret_offset);
/* Lines that begin at or after `from`, at most `limit`: array of {"offset","t","text"} (invalid UTF-8
 * replaced). *ret_next: where to go on. */
json_t *tb_history_lines(TbHistory *history, guint64 from, guint limit, guint64 *ret_next);
/* Why the disk part stopped (borrowed), or NULL. It is tried again every few seconds. */
const char *tb_history_error(TbHistory *history);
/* `changed` runs after every append and when the disk state changes. One watcher: the interface. */
