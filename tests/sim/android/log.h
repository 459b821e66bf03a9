#pragma once
/*
 * log.h - the ring of log lines behind the simulated `logcat`, its formats and its followers
 *
 * Main loop only. Formats follow what `logcat -v` prints on Android 13.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct SimLog SimLog;

typedef struct {
        gint64 time_us; /* wall clock, since the epoch */
        guint64 seq;
        int pid;
        char prio;  /* V D I W E F */
        char *tag;  /* owned */
        char *text; /* owned, one line */
} SimLogEntry;

/* What one logcat wants to see and how; parsed from its arguments by sim_log_parse(). */
typedef struct SimLogView SimLogView;

SimLog *sim_log_new(void);
void sim_log_free(SimLog *log);
void sim_log_clear(SimLog *log);
void sim_log_add(SimLog *log, char prio, const char *tag, const char *format, ...) G_GNUC_PRINTF(4, 5);
guint sim_log_size(const SimLog *log);

/* Parse logcat's arguments (argv[1..argc)). NULL with a message in err when they are wrong. */
SimLogView *sim_log_parse(int argc, char **argv, GString *err);
void sim_log_view_free(SimLogView *view);
bool sim_log_view_is_clear(const SimLogView *view); /* -c */
bool sim_log_view_is_dump(const SimLogView *view);  /* -d, -t, -g */

/* Append to out what the view shows of the ring from now on; true when the view follows for ever. */
void sim_log_dump(SimLog *log, SimLogView *view, GString *out);

/* Call fn(text, data) for every line that is added and that the view shows; 0 is never an id. */
guint sim_log_follow(SimLog *log, SimLogView *view, void (*fn)(const char *text, void *data), void *data);
void sim_log_unfollow(SimLog *log, guint id);
