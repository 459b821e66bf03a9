#pragma once
/*
 * Input events to Android's `input` command lines, and exact quoting for the phone's shell. Pure, any thread.
 *
 * `input` cannot hold an ordinary key: a DOWN presses it at once, its UP does nothing (so a browser's
 * auto-repeat works). Modifiers are held here and turn into `input keycombination` (Android 13). Right button
 * = Back, middle = Home, as in scrcpy. Sources: AOSP InputShellCommand.java (help text, sendText),
 * android.view.KeyEvent, UI Events KeyboardEvent key values.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/driver.h"

/* One word of the phone's shell that yields exactly `text` (any bytes but NUL). The caller frees. */
char *tb_adb_quote(const char *text);
/* The words of argv, quoted, with spaces between. */
char *tb_adb_quote_argv(const char *const *argv);

typedef struct TbAdbInput { /* what is held down; zeroed = nothing */
        int width, height;  /* of the screen, for scrolling; 0: unknown */
        guint modifiers;
        int buttons;
        double down_x, down_y, x, y;
        gint64 down_ms;
        bool no_motion; /* this Android's `input` has no motionevent: a press is told when it is over */
} TbAdbInput;

/* Appends command lines (owned strings) for the events, in order, and which event (guint) each begins with; *ret_done: how many
 * events. now_ms: any clock. False: the next one cannot be made (INVALID or UNSUPPORTED, with the field to blame); those
 * before it are there. */
bool tb_adb_input_commands(TbAdbInput *state, const TbInput *events, guint n, gint64 now_ms,
                           GPtrArray *ret_commands, GArray *ret_starts, guint *ret_done, GError **error);

/* KeyboardEvent.code -> the key that a US keyboard has there ("KeyQ": "q"), as KeyboardEvent.key; `code` itself where both have
 * one name. Static, borrowed from `code`, or in `ret_text`. */
const char *tb_adb_key_at(const char *code, char ret_text[2]);

/* "Enter", "ArrowUp", "KEYCODE_CAMERA" -> Android's code or name; NULL: no such key. Static, or (for
 * KEYCODE_…) borrowed from `key`. */
const char *tb_adb_keycode(const char *key);
