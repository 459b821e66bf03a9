#pragma once
/*
 * A history from inside: history.c is the ring and its readers, history_folder.c what stands in its folder,
 * history_disk.c the thread that writes there, history_lines.c the lines. `lock` guards all that changes; files are touched without it: what is
 * being written by the writer alone, what is read by a path that may be gone.
 */
#include "host/core/console/history.h"
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

struct TbHistory {
        TbRefCount ref; /* falls under the registry's lock alone */
        char *dir;
        guint64 limit;
        TbMutex lock;
        TbCond settled; /* the writer put something on the disk, or failed */
        /* the rest: protected by lock */
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
        /* the writer's alone, after open */
        int log_fd, idx_fd; /* of the last segment; -1: no disk now */
};

/* The lock is held, for both. */
void tb_history_copy_ring(const TbHistory *history, guint64 offset, void *buf, gsize size);
/* The segment that holds `offset`, or the next one after it; NULL when only the ring has it. */
const TbSegment *tb_history_segment_at(const TbHistory *history, guint64 offset);

/* history_folder.c */
char *tb_history_segment_path(const TbHistory *history, guint64 first,
                              const char *ending); /* the caller frees */
/* Takes the segments that stand in the folder; `end` is behind the last one. What is no segment though it is called like one
 * (a place that no console reaches, no file, one inside another) is kept aside under its date. Before anybody else knows
 * the history. */
void tb_history_scan(TbHistory *history);

/* history_disk.c */
void tb_history_disk_open(TbHistory *history);  /* scans the folder; before anybody else knows the history */
void tb_history_disk_close(TbHistory *history); /* the last reference is gone */
/* There is something to write. The lock is not held. */
void tb_history_disk_wake(TbHistory *history);
