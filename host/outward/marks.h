#pragma once
/*
 * What is under way on a connection that tells nothing of its queue: marks (pings) go between the bytes, and the pong of one says that
 * all before it has arrived, and how long that took. Pure: no clock; microseconds of any one clock.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_MARKS_EVERY (32 * 1024) /* bytes between two marks */
#define TB_MARKS_LATE_US 200000    /* beyond the way itself, above which the line has more than it carries */

typedef struct TbMarks {
        guint64 sent, arrived, marked; /* bytes of this connection */
        GQueue marks;                  /* owned, oldest first */
        gint64 next_t;
        gint64 trip_us; /* there and back with hardly anything on the line: the quickest mark lately; 0: none has come back */
} TbMarks;

void tb_marks_init(TbMarks *marks);
void tb_marks_clear(TbMarks *marks); /* that connection is no more; numbers go on */
/* So many bytes are sent. True: a mark is due behind them. */
bool tb_marks_sent(TbMarks *marks, gsize bytes);
gint64 tb_marks_add(TbMarks *marks, gint64 now_us); /* the number to be sent */
void tb_marks_pong(TbMarks *marks, gint64 t, gint64 now_us);
/* All before that mark has arrived (also when its connection is no more). */
bool tb_marks_arrived(const TbMarks *marks, gint64 t);
/* What was sent takes so long that more would only wait. */
bool tb_marks_are_late(const TbMarks *marks, gint64 now_us);
