#pragma once
/*
 * KeyboardEvent.key -> X keysym, and KeyboardEvent.code -> the key at that place, for everything that speaks RFB or X11.
 * Pure. Source of the values: X11's keysymdef.h and XF86keysym.h; the names: W3C UI Events "Named key attribute values"
 * and "Code values".
 */
#include <glib.h>
#include <stdbool.h>

/* 0: not a key name, not X's name of a keysym and not one character. */
guint32 tb_keysym_of_key(const char *key);
guint32 tb_keysym_of_char(gunichar c);
/* Does a US keyboard need Shift for this character? */
bool tb_keysym_needs_shift(guint32 keysym);

/* For what knows no keys by X's names: the nearest name of KeyboardEvent.key ("Shift_R": "Shift", "KP_5": "5"), `key` itself
 * where there is none. Static, borrowed from `key`, or in `ret_text`. */
const char *tb_keysym_plain_key(const char *key, char ret_text[8]);
/* It types one; Enter and the keypad's are none. */
bool tb_keysym_is_character(guint32 keysym);

guint32 tb_keysym_lower(guint32 keysym);
guint32 tb_keysym_upper(guint32 keysym);
gunichar tb_keysym_to_char(guint32 keysym); /* the keypad's, too; 0: none */

/* Linux's number of the key at this place ("KeyQ" 16, "ArrowUp" 103), 8 less than X's keycode; 0: unknown. */
guint tb_keysym_evdev_of_code(const char *code);
/* The same as RFB's extended key event says it: an XT scancode, those behind 0xe0 with the high bit set; 0: it has none. */
guint tb_keysym_xt_of_evdev(guint evdev);

#define TB_KEYSYM_SHIFT 0xffe1
