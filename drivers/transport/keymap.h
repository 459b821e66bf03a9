#pragma once
/*
 * A keyboard layout, read with libxkbcommon: which key, with which modifiers, types which keysym. Keycodes are X's (Linux's
 * number and 8), modifiers are core's eight bits (Shift 1, Lock 2, Control 4, Mod1 8 … Mod5 128). Thread: the worker.
 */
#include <glib.h>
#include <stdbool.h>

struct xkb_keymap;
struct xkb_state;

enum {
        TB_KEYMAP_SHIFT = 1,
        TB_KEYMAP_LOCK = 2,
        TB_KEYMAP_CONTROL = 4,
        TB_KEYMAP_ALT = 8,
        TB_KEYMAP_META = 64,
        /* what makes a command of a character */
        TB_KEYMAP_SHORTCUT = TB_KEYMAP_CONTROL | TB_KEYMAP_ALT | TB_KEYMAP_META,
};

typedef struct TbKeymap {
        struct xkb_keymap *map;         /* owned; NULL: not loaded */
        struct xkb_state *trial;        /* owned: what a key would type */
        int min, max;                   /* keycodes */
        guint8 bits[256];               /* the modifiers that each key is */
        guint8 shift_code, level3_code; /* 0: the layout has none */
        guint8 level3, num;             /* the bits of AltGr and NumLock */
        const guint32 *skip; /* of 256; keys that are not 0 here are not looked at; NULL: none. Borrowed */
} TbKeymap;

void tb_keymap_take(TbKeymap *keymap, struct xkb_keymap *map_take); /* in place of the one before */
/* "de", "us(dvorak)", "gb": a layout of xkeyboard-config. False: there is none of that name, or no xkeyboard-config. */
bool tb_keymap_load(TbKeymap *keymap, const char *layout);
void tb_keymap_clear(TbKeymap *keymap);
/* The key that bears it without any modifier; 0: none. */
guint8 tb_keymap_plain(TbKeymap *keymap, guint group, guint32 keysym);
/* The key that types it with *ret_mods, which differ from `mods` as little as can be (`locks`: CapsLock and NumLock may
 * differ as well); 0: the layout lacks it. */
guint8 tb_keymap_find(TbKeymap *keymap, guint group, guint32 keysym, guint mods, bool locks, guint *ret_mods);
guint32 tb_keymap_keysym(const TbKeymap *keymap, guint8 code); /* without a modifier; 0: none, or no keymap */
/* What a character is typed by that has no key: a dead key, then another one ("é": dead_acute, e; "^": dead_circumflex,
 * space). False: not so either. */
bool tb_keymap_compose(gunichar c, guint32 *ret_dead, guint32 *ret_base);
/* "é (U+00E9)", "F35": for the error of one that cannot be typed. The caller frees. */
char *tb_keymap_name(guint32 keysym);
