#pragma once
/*
 * Which characters were made by a modifier, and which are shortcuts: the rule of browsers' getModifierState(), for every
 * door. Windows says AltGr as Control and Alt, a Mac makes characters with Option (Alt): there the character is what was
 * meant, and Control or Alt only served to make it. Pure; any thread.
 */
#include <glib.h>
#include <stdbool.h>

enum {
        TB_MADE_SHIFT = 1,
        TB_MADE_CONTROL = 2,
        TB_MADE_ALT = 4, /* Option of a Mac */
        TB_MADE_META = 8,
        TB_MADE_ALTGR = 16,
};

/* The modifier that a key is (names as in TbInput); 0: none. */
guint tb_made_modifier(const char *text, const char *code);
/* Of a key of one character, with these modifiers held by who pressed it: Control, Alt and Meta have no part in it.
 * False for keys that are no character. */
bool tb_made_exact(guint modifiers, const char *text);
/* A line end is one \n, however its system writes it. NULL: it is so already; the caller frees. */
char *tb_made_line_ends(const char *text);
