#pragma once
/*
 * KeyboardEvent.key -> X keysym, for everything that speaks RFB or X11. Pure. Source of the values: X11's
 * keysymdef.h; the names: W3C UI Events "Named key attribute values".
 */
#include <glib.h>
#include <stdbool.h>

/* 0: not a key name and not one character. */
guint32 tb_keysym_of_key(const char *key);
guint32 tb_keysym_of_char(gunichar c);
/* Does a US keyboard need Shift for this character? */
bool tb_keysym_needs_shift(guint32 keysym);

#define TB_KEYSYM_SHIFT 0xffe1
