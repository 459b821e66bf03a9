#pragma once
/*
 * keys.h - Android's key names and codes (android.view.KeyEvent), as far as the simulated phone knows them
 */
#include <stdbool.h>

/* "66", "ENTER" or "KEYCODE_ENTER" -> 66; -1 when there is no such key. */
int sim_key_from_name(const char *name);

/* 66 -> "KEYCODE_ENTER"; NULL when unknown. */
const char *sim_key_name(int code);

/* The character that a key types, 0 for none. */
char sim_key_char(int code, bool shift);
