#include "drivers/transport/keysym.h"

#include <stdlib.h>
#include <string.h>

#include <xkbcommon/xkbcommon.h>

/* Sorted by name for bsearch. Left variants where the name does not say the side. */
static const struct Key {
        const char *name;
        guint32 keysym;
} keys[] = {
        {"Again", 0xff66},
        {"AllCandidates", 0xff3d},
        {"Alt", 0xffe9},
        {"AltGraph", 0xfe03},
        {"ArrowDown", 0xff54},
        {"ArrowLeft", 0xff51},
        {"ArrowRight", 0xff53},
        {"ArrowUp", 0xff52},
        {"Attn", 0xfd0e},
        {"AudioVolumeDown", 0x1008ff11},
        {"AudioVolumeMute", 0x1008ff12},
        {"AudioVolumeUp", 0x1008ff13},
        {"Backspace", 0xff08},
        {"BrightnessDown", 0x1008ff03},
        {"BrightnessUp", 0x1008ff02},
        {"BrowserBack", 0x1008ff26},
        {"BrowserFavorites", 0x1008ff30},
        {"BrowserForward", 0x1008ff27},
        {"BrowserHome", 0x1008ff18},
        {"BrowserRefresh", 0x1008ff29},
        {"BrowserSearch", 0x1008ff1b},
        {"BrowserStop", 0x1008ff28},
        {"Cancel", 0xff69},
        {"CapsLock", 0xffe5},
        {"Clear", 0xff0b},
        {"Close", 0x1008ff56},
        {"CodeInput", 0xff37},
        {"Compose", 0xff20},
        {"ContextMenu", 0xff67},
        {"Control", 0xffe3},
        {"Convert", 0xff23},
        {"Copy", 0x1008ff57},
        {"CrSel", 0xfd1c},
        {"Cut", 0x1008ff58},
        {"Delete", 0xffff},
        {"Eisu", 0xff30},
        {"Eject", 0x1008ff2c},
        {"End", 0xff57},
        {"Enter", 0xff0d},
        {"EraseEof", 0xfd06},
        {"Escape", 0xff1b},
        {"ExSel", 0xfd1b},
        {"Execute", 0xff62},
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
        {"GroupNext", 0xfe08},
        {"HangulMode", 0xff31},
        {"HanjaMode", 0xff34},
        {"Hankaku", 0xff29},
        {"Help", 0xff6a},
        {"Hibernate", 0x1008ffa8},
        {"Hiragana", 0xff25},
        {"HiraganaKatakana", 0xff27},
        {"Home", 0xff50},
        {"Hyper", 0xffed},
        {"Insert", 0xff63},
        {"KanaMode", 0xff2d},
        {"KanjiMode", 0xff21},
        {"Katakana", 0xff26},
        {"LaunchApplication1", 0x1008ff33},
        {"LaunchApplication2", 0x1008ff1d},
        {"LaunchMail", 0x1008ff19},
        {"LaunchMediaPlayer", 0x1008ff32},
        {"LogOff", 0x1008ff61},
        {"MailForward", 0x1008ff90},
        {"MailReply", 0x1008ff72},
        {"MailSend", 0x1008ff7b},
        {"MediaFastForward", 0x1008ff97},
        {"MediaPause", 0x1008ff31},
        {"MediaPlayPause", 0x1008ff14},
        {"MediaRecord", 0x1008ff1c},
        {"MediaRewind", 0x1008ff3e},
        {"MediaStop", 0x1008ff15},
        {"MediaTrackNext", 0x1008ff17},
        {"MediaTrackPrevious", 0x1008ff16},
        {"Meta", 0xffeb},
        {"MicrophoneVolumeMute", 0x1008ffb2},
        {"ModeChange", 0xff7e},
        {"New", 0x1008ff68},
        {"NonConvert", 0xff22},
        {"NumLock", 0xff7f},
        {"OS", 0xffeb},
        {"Open", 0x1008ff6b},
        {"PageDown", 0xff56},
        {"PageUp", 0xff55},
        {"Paste", 0x1008ff6d},
        {"Pause", 0xff13},
        {"Power", 0x1008ff2a},
        {"PowerOff", 0x1008ff2a},
        {"PreviousCandidate", 0xff3e},
        {"PrintScreen", 0xff61},
        {"Redo", 0xff66},
        {"Romaji", 0xff24},
        {"Save", 0x1008ff77},
        {"ScrollLock", 0xff14},
        {"Select", 0xff60},
        {"Shift", 0xffe1},
        {"SingleCandidate", 0xff3c},
        {"Sleep", 0x1008ff2f},
        {"SpellCheck", 0x1008ff7c},
        {"Standby", 0x1008ff2f},
        {"Super", 0xffeb},
        {"Tab", 0xff09},
        {"Undo", 0xff65},
        {"WakeUp", 0x1008ff2b},
        {"Zenkaku", 0xff28},
        {"ZenkakuHankaku", 0xff2a},
        {"ZoomIn", 0x1008ff8b},
        {"ZoomOut", 0x1008ff8c},
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
        /* the older number where there is one: EuroSign, Cyrillic_a; programs know it longer */
        return c >= 0x20 && c <= 0x10ffff ? xkb_utf32_to_keysym(c) : 0;
}

guint32 tb_keysym_of_key(const char *key)
{
        if (!*key || !g_utf8_validate(key, -1, NULL))
                return 0;
        if (!*g_utf8_next_char(key))
                return tb_keysym_of_char(g_utf8_get_char(key));
        const struct Key *found = bsearch(key, keys, G_N_ELEMENTS(keys), sizeof *keys, compare);
        /* "KP_5", "Shift_R", "dead_acute": what browsers' names do not tell apart has X's */
        return found ? found->keysym : xkb_keysym_from_name(key, XKB_KEYSYM_NO_FLAGS);
}

/* The right one is the left one's, the keypad's is the other one's. */
static guint32 twin_of(guint32 keysym)
{
        static const struct {
                guint32 keysym, twin;
        } twins[] = {
                {0xffe2, 0xffe1}, {0xffe4, 0xffe3}, {0xffea, 0xffe9}, {0xffec, 0xffeb}, {0xffe7, 0xffeb},
                {0xffe8, 0xffeb}, {0xff7e, 0xfe03}, {0xfe20, 0xff09}, {0xff89, 0xff09}, {0xff8d, 0xff0d},
                {0xff95, 0xff50}, {0xff96, 0xff51}, {0xff97, 0xff52}, {0xff98, 0xff53}, {0xff99, 0xff54},
                {0xff9a, 0xff55}, {0xff9b, 0xff56}, {0xff9c, 0xff57}, {0xff9d, 0xff0b}, {0xff9e, 0xff63},
                {0xff9f, 0xffff}, {0xff91, 0xffbe}, {0xff92, 0xffbf}, {0xff93, 0xffc0}, {0xff94, 0xffc1},
        };
        for (guint i = 0; i < G_N_ELEMENTS(twins); i++)
                if (twins[i].keysym == keysym)
                        return twins[i].twin;
        return keysym;
}

const char *tb_keysym_plain_key(const char *key, char ret_text[8])
{
        if (!*key || !*g_utf8_next_char(key) || bsearch(key, keys, G_N_ELEMENTS(keys), sizeof *keys, compare))
                return key;
        guint32 keysym = twin_of(xkb_keysym_from_name(key, XKB_KEYSYM_NO_FLAGS));
        for (guint i = 0; keysym && i < G_N_ELEMENTS(keys); i++)
                if (keys[i].keysym == keysym)
                        return keys[i].name;
        int size = xkb_keysym_to_utf8(keysym, ret_text, 8);
        return size > 1 && !g_ascii_iscntrl(ret_text[0]) ? ret_text : key;
}

bool tb_keysym_is_character(guint32 keysym)
{
        char text[8];
        int size = xkb_keysym_to_utf8(keysym, text, sizeof text);
        /* the keypad's keys are places, and say a character only with NumLock */
        return size > 1 && !g_ascii_iscntrl(text[0]) && (keysym < 0xff00 || keysym > 0xffff);
}

bool tb_keysym_needs_shift(guint32 keysym)
{
        return (keysym >= 'A' && keysym <= 'Z') ||
               (keysym > ' ' && keysym < 0x7f && strchr("~!@#$%^&*()_+{}|:\"<>?", (int)keysym));
}

guint32 tb_keysym_lower(guint32 keysym)
{
        return xkb_keysym_to_lower(keysym);
}

guint32 tb_keysym_upper(guint32 keysym)
{
        return xkb_keysym_to_upper(keysym);
}

gunichar tb_keysym_to_char(guint32 keysym)
{
        gunichar c = xkb_keysym_to_utf32(keysym);
        return c >= 0x20 && c != 0x7f ? c : 0;
}
