#include "drivers/transport/keysym.h"

#include <stdlib.h>
#include <string.h>

/* Sorted by name for bsearch. Left variants where the name does not say the side. */
static const struct Key {
        const char *name;
        guint32 keysym;
} keys[] = {
        {"Again", 0xff66},
        {"Alt", 0xffe9},
        {"AltGraph", 0xfe03},
        {"ArrowDown", 0xff54},
        {"ArrowLeft", 0xff51},
        {"ArrowRight", 0xff53},
        {"ArrowUp", 0xff52},
        {"AudioVolumeDown", 0x1008ff11},
        {"AudioVolumeMute", 0x1008ff12},
        {"AudioVolumeUp", 0x1008ff13},
        {"Backspace", 0xff08},
        {"Cancel", 0xff69},
        {"CapsLock", 0xffe5},
        {"Clear", 0xff0b},
        {"ContextMenu", 0xff67},
        {"Control", 0xffe3},
        {"Delete", 0xffff},
        {"End", 0xff57},
        {"Enter", 0xff0d},
        {"Escape", 0xff1b},
        {"F1", 0xffbe},
        {"F10", 0xffc7},
        {"F11", 0xffc8},
        {"F12", 0xffc9},
        {"F13", 0xffca},
        {"F14", 0xffcb},
        {"F15", 0xffcc},
        {"F16", 0xffcd},
        {"F17", 0xffce},
        {"F18", 0xffcf},
        {"F19", 0xffd0},
        {"F2", 0xffbf},
        {"F20", 0xffd1},
        {"F21", 0xffd2},
        {"F22", 0xffd3},
        {"F23", 0xffd4},
        {"F24", 0xffd5},
        {"F3", 0xffc0},
        {"F4", 0xffc1},
        {"F5", 0xffc2},
        {"F6", 0xffc3},
        {"F7", 0xffc4},
        {"F8", 0xffc5},
        {"F9", 0xffc6},
        {"Find", 0xff68},
        {"Help", 0xff6a},
        {"Home", 0xff50},
        {"Hyper", 0xffed},
        {"Insert", 0xff63},
        {"Meta", 0xffeb},
        {"NumLock", 0xff7f},
        {"OS", 0xffeb},
        {"PageDown", 0xff56},
        {"PageUp", 0xff55},
        {"Pause", 0xff13},
        {"PrintScreen", 0xff61},
        {"Redo", 0xff66},
        {"ScrollLock", 0xff14},
        {"Select", 0xff60},
        {"Shift", 0xffe1},
        {"Super", 0xffeb},
        {"Tab", 0xff09},
        {"Undo", 0xff65},
};

static int compare(const void *a, const void *b)
{
        return strcmp(a, ((const struct Key *)b)->name);
}

guint32 tb_keysym_of_char(gunichar c)
{
        switch (c) {
        case '\n':
        case '\r': return 0xff0d;
        case '\t': return 0xff09;
        case '\b': return 0xff08;
        case 0x1b: return 0xff1b;
        case 0x7f: return 0xffff;
        default: break;
        }
        if ((c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xff))
                return c;
        return c >= 0x100 && c <= 0x10ffff ? 0x01000000 | c : 0;
}

guint32 tb_keysym_of_key(const char *key)
{
        if (!*key || !g_utf8_validate(key, -1, NULL))
                return 0;
        if (!*g_utf8_next_char(key))
                return tb_keysym_of_char(g_utf8_get_char(key));
        const struct Key *found = bsearch(key, keys, G_N_ELEMENTS(keys), sizeof *keys, compare);
        return found ? found->keysym : 0;
}

bool tb_keysym_needs_shift(guint32 keysym)
{
        return (keysym >= 'A' && keysym <= 'Z') ||
               (keysym > ' ' && keysym < 0x7f && strchr("~!@#$%^&*()_+{}|:\"<>?", (int)keysym));
}
