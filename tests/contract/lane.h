#pragma once
/*
 * Runs one lane of a driver as core would, outside of the daemon, and records what it tells. For tests
 * against real counterparts. Every function is called by the test's thread; the lane runs on its own. A wait
 * that is not fulfilled in time ends the test with what was seen.
 */
#include "drivers/driver.h"

typedef struct LaneSeen {
        bool open;
        guint opened;    /* times */
        char *lost;      /* why it is not open */
        GString *bytes;  /* console */
        GString *lines;  /* logs, each with \n */
        GString *events; /* "type {json}\n" */
        guint frames;
        TbFrame *frame;  /* the last one */
        guint n_damage;  /* rectangles of all frames */
        char *no_signal; /* the last reason; NULL after a frame */
        guint sounds;
        TbSound *sound; /* the last block */
        guint64 sound_frames;
        gint64 sound_gap_us; /* the largest between the end of a block and the begin of the next one, either way */
        char *no_sound;      /* the last reason; NULL after a block */
        char *fault;
        char *clipboard; /* the last one; NULL: none */
        json_t *facts;   /* the last ones; NULL: none */
        guint powers;
        TbPowerState power;
        GHashTable *samples; /* stream -> double* */
} LaneSeen;

typedef struct Lane Lane;
typedef bool (*LaneCall)(TbInstance *self, TbIo *io, gpointer data, GError **error);
typedef bool (*LaneDone)(const LaneSeen *seen, gpointer data);

/* `params`: typed, taken; NULL: those of the URI's query. `lane_name` NULL: the first lane. */
Lane *lane_start(const char *uri, json_t *params, const char *lane_name, const char *run_dir);
/* Asserts that it ended within `limit_ms`. */
void lane_stop(Lane *lane, int limit_ms);
bool lane_call(Lane *lane, LaneCall call, gconstpointer data, int timeout_ms, GError **error);
void lane_wait(Lane *lane, const char *what, LaneDone done, gconstpointer data, int timeout_ms);
void lane_video(Lane *lane, int max_fps); /* 0: stop */
void lane_audio(Lane *lane, bool on);
/* What to wait for, for lane_wait(). */
typedef struct LaneColour {
        int x, y;
        guint32 rgb; /* 0xRRGGBB */
} LaneColour;
bool lane_has_colour(const LaneSeen *seen, gpointer colour); /* LaneColour */
bool lane_has_size(const LaneSeen *seen, gpointer rect);     /* TbRect */
bool lane_is_lost(const LaneSeen *seen, gpointer text);      /* and the reason has this in it */
/* A look at what was seen, under the lock. */
void lane_look(Lane *lane, void (*look)(const LaneSeen *seen, gpointer data), gconstpointer data);
void lane_forget(Lane *lane); /* bytes, lines, events, frame, counts */
TbInstance *lane_instance(Lane *lane);

/* First of all in main(): all low descriptors are taken, as on a host with many devices; what a library that waits by select() needs was
 * kept before, as the daemon does. */
void lane_crowd(void);

/* Calls that most tests make; they assert success. */
void lane_open_wait(Lane *lane, int timeout_ms);
void lane_power(Lane *lane, bool on);
/* What core asks for at each interval; asserts nothing. */
bool lane_sample(Lane *lane, int timeout_ms, GError **error);
TbPowerObserved lane_observed(Lane *lane);
void lane_write(Lane *lane, const char *text);
void lane_wait_text(Lane *lane, const char *text, int timeout_ms);
/* A console whose peer sends back what it gets: `size` bytes in one write, which is more than any buffer on the way takes; and
 * all of them come back, in order. */
void lane_echo(Lane *lane, gsize size);
void lane_wait_frames(Lane *lane, guint n, int timeout_ms);
void lane_wait_sounds(Lane *lane, guint n, int timeout_ms);
void lane_wait_dark(Lane *lane, const char *reason, int timeout_ms);
void lane_input(Lane *lane, const TbInput *events, guint n);
guint32 lane_pixel(Lane *lane, int x, int y); /* 0xRRGGBB of the last frame */
