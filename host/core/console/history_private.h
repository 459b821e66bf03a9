#pragma once
/*
 * A history from inside: history.c is the ring, history_folder.c what stands in its folder, history_disk.c what is
 * done there, history_writer.c the thread that does it, history_reader.c who reads and the thread that reads the disk for them,
 * history_lines.c the lines. `lock` guards all that changes; files are touched without it: what is being written by the writer alone, what is
 * read by a path that may be gone.
 */
#include "host/core/console/history.h"
#include "host/core/console/history_reader.h"
#include "lib/refcount.h"
#include "lib/thread.h"

/* One record of the .idx file: where a line begins and when its first byte came. */
typedef struct TbLineStart {
        guint64 offset;
        gint64 t_ms;
} TbLineStart;

typedef struct TbSegment {
        guint64 first; /* offset of its first byte */
        guint64 size;  /* of the .log */
        guint64 index; /* bytes of the .idx beside it */
} TbSegment;

typedef struct TbHistoryWaiter {
        void (*opened)(gpointer data);
        gpointer data;
} TbHistoryWaiter;

struct TbHistory {
        TbRefCount ref; /* falls under the registry's lock alone */
        char *dir;
        guint64 limit;
        TbMutex lock;
        TbCond settled;  /* the writer put something on the disk, or failed */
        GArray *waiters; /* of TbHistoryWaiter, who are called when it is open; main */
        /* the rest: protected by lock */
        bool open;    /* the folder was looked at: before that, offsets count from 0 and are told to nobody */
        guint64 base; /* offset of the first byte of this run; with open */
        guint64 total;      /* bytes on disk: of all segments and their indexes */
        GArray *segments;   /* of TbSegment, oldest first; the last one is being written */
        guint64 disk_end;   /* what is before it is on the disk, or lost to it */
        char *error;        /* why there is no disk */
        gint64 retry_us;    /* when to try the disk again */
        guint64 end;        /* offset of the next byte */
        guint8 *ring;       /* the last TB_HISTORY_RING bytes, at offset % TB_HISTORY_RING */
        guint64 ring_start; /* lowest offset in the ring */
        GArray *recent;     /* of TbLineStart: lines whose start is in the ring */
        bool at_line_start;
        bool behind;                    /* told so: `changed` is owed */
        bool queued;                    /* the writer has it, and holds a reference */
        bool telling;                   /* a post is under way */
        void (*changed)(gpointer user); /* main */
        gpointer user;
        /* the writer's alone */
        int log_fd, idx_fd; /* of the last segment; -1: no disk now */
};

/* The lock is held, for both. */
void tb_history_copy_ring(const TbHistory *history, guint64 offset, void *buf, gsize size);
/* The segment that holds `offset`, or the next one after it; NULL when only the ring has it. */
const TbSegment *tb_history_segment_at(const TbHistory *history, guint64 offset);

/* --- reading --- */
/* As tb_history_read(), out of memory alone. False: it is on the disk. Any thread. */
bool tb_history_peek(TbHistory *history, guint64 offset, void *buf, gsize size, gsize *ret_n,
                     guint64 *ret_offset);
/*
 * Bytes from `offset` (moved up to start when it is older): at most `size`; 0 at the end. *ret_offset: where they really begin.
 * Waits for the disk: any thread but main, whose way is a TbHistoryReader.
 */
gsize tb_history_read(TbHistory *history, guint64 offset, void *buf, gsize size, guint64 *ret_offset);
/*
 * Lines from `from` on, the rest of the one in which that lies first, at most `limit`, and about TB_LIMIT_LOG_BYTES of them: array
 * of {"offset","t","text"} (invalid UTF-8 replaced), and "more": true where the line goes on behind it: it comes in pieces of
 * TB_LIMIT_LINE bytes, each with its own offset, and the last line of all may not have ended yet. *ret_next: where to go on: who
 * does misses nothing. `whole`: of the line in which `from` lies only the pieces that begin behind it. Waits for the disk, as
 * tb_history_read().
 */
json_t *tb_history_lines(TbHistory *history, guint64 from, guint limit, bool whole, guint64 *ret_next);
/* The same out of memory alone. NULL: it is on the disk. Any thread. */
json_t *tb_history_peek_lines(TbHistory *history, guint64 from, guint limit, bool whole, guint64 *ret_next);
/* Where the lines begin that are wished for. Waits for the disk. */
guint64 tb_history_find(TbHistory *history, const TbHistoryWish *wish);
/* The same out of memory alone. False: it is on the disk. Any thread. */
bool tb_history_peek_find(TbHistory *history, const TbHistoryWish *wish, guint64 *ret);
/* history_reader.c: ends the thread that reads; one that a disk keeps is left behind. Main. */
void tb_history_reads_stop(void);
gint64 tb_history_reads_busy_us(void); /* since when it is at one look (monotonic); 0: idle. Main. */

/* history_folder.c */
char *tb_history_segment_path(const TbHistory *history, guint64 first,
                              const char *ending); /* the caller frees */
/* Opens a segment's file, where `flags` are open()'s. Nothing but a plain file, and it never waits for another one at a pipe:
 * -1 with errno. Any thread but main. */
int tb_history_segment_open(const TbHistory *history, guint64 first, const char *ending, int flags);
/* The segments that stand in the folder, oldest first (GArray of TbSegment; the caller frees). What is no segment though it is
 * called like one (a place that no console reaches, no file, one inside another) is kept aside under its date. The writer's. */
GArray *tb_history_scan(const TbHistory *history);

/* history_disk.c: the writer's */
#define TB_HISTORY_RETRY_US (5 * G_USEC_PER_SEC)
#define TB_HISTORY_PIECE (64 * 1024) /* bytes written, or read, in one turn */
#define TB_HISTORY_PIECE_LINES 8192

typedef struct TbPiece {
        guint64 from;
        gsize size;
        guint n_lines;
        bool hole; /* bytes before it left the ring unwritten */
        guint8 bytes[TB_HISTORY_PIECE];
        TbLineStart lines[TB_HISTORY_PIECE_LINES];
} TbPiece;

void tb_history_disk_open(TbHistory *history);
bool tb_history_piece_take(TbHistory *history,
                           TbPiece *ret); /* lock held; false: nothing is to be written now */
void tb_history_piece_write(TbHistory *history, const TbPiece *piece);
void tb_history_disk_release(TbHistory *history); /* closes its files; writing begins a new segment */
void tb_history_disk_close(TbHistory *history);   /* nobody knows the history any more */

/* history_writer.c */
/* There is something to write, or a folder to open. The lock is not held. Main. */
void tb_history_disk_wake(TbHistory *history);
/* The last reference has gone: the writer has one now, and closes it, if nobody opens it before. False: there is no writer. The
 * registry's lock is held. */
bool tb_history_disk_take(TbHistory *history);
void tb_history_unref_by_writer(TbHistory *history);
