/* KeyboardEvent.code: places on a keyboard. */
#include <stdlib.h>
#include <string.h>

#include "drivers/transport/keysym.h"

/* Sorted by name for bsearch. Linux's input-event-codes.h. */
static const struct Place {
        const char *code;
        guint8 evdev;
} places[] = {
        {"Again", 129},
        {"AltLeft", 56},
        {"AltRight", 100},
        {"ArrowDown", 108},
        {"ArrowLeft", 105},
        {"ArrowRight", 106},
        {"ArrowUp", 103},
        {"AudioVolumeDown", 114},
        {"AudioVolumeMute", 113},
        {"AudioVolumeUp", 115},
        {"Backquote", 41},
        {"Backslash", 43},
        {"Backspace", 14},
        {"BracketLeft", 26},
        {"BracketRight", 27},
        {"BrowserBack", 158},
        {"BrowserFavorites", 156},
        {"BrowserForward", 159},
        {"BrowserHome", 172},
        {"BrowserRefresh", 173},
        {"BrowserSearch", 217},
        {"BrowserStop", 128},
        {"CapsLock", 58},
        {"Comma", 51},
        {"ContextMenu", 127},
        {"ControlLeft", 29},
        {"ControlRight", 97},
        {"Convert", 92},
        {"Copy", 133},
        {"Cut", 137},
        {"Delete", 111},
        {"Digit0", 11},
        {"Digit1", 2},
        {"Digit2", 3},
        {"Digit3", 4},
        {"Digit4", 5},
        {"Digit5", 6},
        {"Digit6", 7},
        {"Digit7", 8},
        {"Digit8", 9},
        {"Digit9", 10},
        {"Eject", 161},
        {"End", 107},
        {"Enter", 28},
        {"Equal", 13},
        {"Escape", 1},
        {"F1", 59},
        {"F10", 68},
        {"F11", 87},
        {"F12", 88},
        {"F13", 183},
        {"F14", 184},
        {"F15", 185},
        {"F16", 186},
        {"F17", 187},
        {"F18", 188},
        {"F19", 189},
        {"F2", 60},
        {"F20", 190},
        {"F21", 191},
        {"F22", 192},
        {"F23", 193},
        {"F24", 194},
        {"F3", 61},
        {"F4", 62},
        {"F5", 63},
        {"F6", 64},
        {"F7", 65},
        {"F8", 66},
        {"F9", 67},
        {"Find", 136},
        {"Help", 138},
        {"Home", 102},
        {"Insert", 110},
        {"IntlBackslash", 86},
        {"IntlRo", 89},
        {"IntlYen", 124},
        {"KanaMode", 93},
        {"KeyA", 30},
        {"KeyB", 48},
        {"KeyC", 46},
        {"KeyD", 32},
        {"KeyE", 18},
        {"KeyF", 33},
        {"KeyG", 34},
        {"KeyH", 35},
        {"KeyI", 23},
        {"KeyJ", 36},
        {"KeyK", 37},
        {"KeyL", 38},
        {"KeyM", 50},
        {"KeyN", 49},
        {"KeyO", 24},
        {"KeyP", 25},
        {"KeyQ", 16},
        {"KeyR", 19},
        {"KeyS", 31},
        {"KeyT", 20},
        {"KeyU", 22},
        {"KeyV", 47},
        {"KeyW", 17},
        {"KeyX", 45},
        {"KeyY", 21},
        {"KeyZ", 44},
        {"Lang1", 122},
        {"Lang2", 123},
        {"Lang3", 90},
        {"Lang4", 91},
        {"Lang5", 85},
        {"LaunchApp2", 140},
        {"LaunchMail", 155},
        {"MediaPlayPause", 164},
        {"MediaSelect", 226},
        {"MediaStop", 166},
        {"MediaTrackNext", 163},
        {"MediaTrackPrevious", 165},
        {"MetaLeft", 125},
        {"MetaRight", 126},
        {"Minus", 12},
        {"NonConvert", 94},
        {"NumLock", 69},
        {"Numpad0", 82},
        {"Numpad1", 79},
        {"Numpad2", 80},
        {"Numpad3", 81},
        {"Numpad4", 75},
        {"Numpad5", 76},
        {"Numpad6", 77},
        {"Numpad7", 71},
        {"Numpad8", 72},
        {"Numpad9", 73},
        {"NumpadAdd", 78},
        {"NumpadComma", 121},
        {"NumpadDecimal", 83},
        {"NumpadDivide", 98},
        {"NumpadEnter", 96},
        {"NumpadEqual", 117},
        {"NumpadMultiply", 55},
        {"NumpadSubtract", 74},
        {"Open", 134},
        {"PageDown", 109},
        {"PageUp", 104},
        {"Paste", 135},
        {"Pause", 119},
        {"Period", 52},
        {"Power", 116},
        {"PrintScreen", 99},
        {"Quote", 40},
        {"ScrollLock", 70},
        {"Select", 132},
        {"Semicolon", 39},
        {"ShiftLeft", 42},
        {"ShiftRight", 54},
        {"Slash", 53},
        {"Sleep", 142},
        {"Space", 57},
        {"Tab", 15},
        {"Undo", 131},
        {"WakeUp", 143},
};

static int compare(const void *a, const void *b)
{
        return strcmp(a, ((const struct Place *)b)->code);
}

guint tb_keysym_evdev_of_code(const char *code)
{
        const struct Place *found = bsearch(code, places, G_N_ELEMENTS(places), sizeof *places, compare);
        return found ? found->evdev : 0;
}

guint tb_keysym_xt_of_evdev(guint evdev)
{
        static const struct {
                guint8 evdev, xt; /* behind 0xe0 */
        } extended[] = {
                {96, 0x1c},  {97, 0x1d},  {98, 0x35},  {99, 0x37},  {100, 0x38}, {102, 0x47}, {103, 0x48},
                {104, 0x49}, {105, 0x4b}, {106, 0x4d}, {107, 0x4f}, {108, 0x50}, {109, 0x51}, {110, 0x52},
                {111, 0x53}, {113, 0x20}, {114, 0x2e}, {115, 0x30}, {116, 0x5e}, {119, 0x46}, {125, 0x5b},
                {126, 0x5c}, {127, 0x5d}, {128, 0x68}, {140, 0x21}, {142, 0x5f}, {143, 0x63}, {155, 0x6c},
                {156, 0x66}, {158, 0x6a}, {159, 0x69}, {163, 0x19}, {164, 0x22}, {165, 0x10}, {166, 0x24},
                {172, 0x32}, {173, 0x67}, {217, 0x65}, {226, 0x6d},
        };
        static const struct {
                guint8 evdev, xt;
        } single[] = {{89, 0x73},  {92, 0x79},  {93, 0x70},  {94, 0x7b},  {117, 0x59},
                      {121, 0x7e}, {124, 0x7d}, {183, 0x5d}, {184, 0x5e}, {185, 0x5f}};
        if (evdev >= 1 && evdev <= 88 && evdev != 84) /* 84: a key of X alone */
                return evdev == 85 ? 0x76 : evdev;
        for (guint i = 0; i < G_N_ELEMENTS(extended); i++)
                if (extended[i].evdev == evdev)
                        return extended[i].xt | 0x80u;
        for (guint i = 0; i < G_N_ELEMENTS(single); i++)
                if (single[i].evdev == evdev)
                        return single[i].xt;
        return 0;
}
