#pragma once
/*
 * What a stranger can make us say is said at our rate, not at theirs: of each kind the first few are said, the
 * rest of the time window is counted, and told in one at its end ("and 4,120 more in 10 s"). One for each place
 * that writes (log, audit, event history). Memory is bounded: kinds beyond `TB_LIMIT_TALLY_KEYS` share one
 * count. An idle tally has no timer. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbTally TbTally;
/* Tells what was not said: `more` of kind `key` in `seconds`. Never with 0. */
typedef void (*TbTallySay)(const char *key, guint64 more, double seconds, gpointer data);

/* `most`: how many of one kind are said in a window of `window_ms`. `data` is borrowed. */
TbTally *tb_tally_new(guint most, guint window_ms, TbTallySay say, gpointer data);
/* One for the log: TB_LIMIT_TALLY_SAID of a kind in TB_LIMIT_TALLY_S, then a line "<key>: and 4,120 more in 10 s". */
TbTally *tb_tally_new_log(void);
/* Tells what is left, then frees. Accepts NULL. */
void tb_tally_free(TbTally *tally);
/* One of kind `key` (say, "401 192.0.2.7") happened. True: say it; false: it is counted. */
bool tb_tally_note(TbTally *tally, const char *key);
bool tb_tally_notef(TbTally *tally, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Ends all windows now: what was counted is told. */
void tb_tally_flush(TbTally *tally);
/* "and 4,120 more in 10 s"; the caller frees. Pure. */
char *tb_tally_text(guint64 more, double seconds);
