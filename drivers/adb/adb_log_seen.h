#pragma once
/*
 * Where a phone's log goes on after a break: by the lines that were told, not by the phone's clock, which may begin in 2009 again or be
 * set back by hand. First what the phone has kept is looked through for the last of those lines; then all up to that one is left out.
 * Pure; one thread at a time.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_ADB_LOG_SEEN                                                                                      \
        64 /* lines that are remembered: the phone may have thrown some of them away one by one */

typedef struct TbAdbLogSeen {
        guint64 told[TB_ADB_LOG_SEEN]; /* hashes; a ring */
        guint n, next;
        guint found[TB_ADB_LOG_SEEN]; /* how often the kept log has each */
        guint64 last;                 /* the last of them that it has … */
        guint times;                  /* … so often up to there; 0: nothing is left out (any more) */
        guint64 lines, left;          /* of the kept log; of those up to there */
        guint64 after;                /* the line that follows there; 0: none yet */
} TbAdbLogSeen;

void tb_adb_log_told(TbAdbLogSeen *seen, const char *line);
/* Before a replay: forgets the last one's place. */
void tb_adb_log_look(TbAdbLogSeen *seen);
/* A line of what the phone has kept, in its order. */
void tb_adb_log_kept(TbAdbLogSeen *seen, const char *line);
/* A line of the replay. True: it was told before. */
bool tb_adb_log_old(TbAdbLogSeen *seen, const char *line);
