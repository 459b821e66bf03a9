/* Names and places of Android's keys. KeyboardEvent.code: its key codes are those of a US keyboard, so a place is what is printed
 * on that one. */
#include "drivers/adb/adb_input.h"

#include <string.h>

static const struct {
        const char *key, *code;
} keys[] = {
        {"Enter", "66"},
        {"Backspace", "67"},
        {"Delete", "112"},
        {"Tab", "61"},
        {"Escape", "111"},
        {" ", "62"},
        {"ArrowUp", "19"},
        {"ArrowDown", "20"},
        {"ArrowLeft", "21"},
        {"ArrowRight", "22"},
        {"Home", "122"},
        {"End", "123"},
        {"PageUp", "92"},
        {"PageDown", "93"},
        {"Insert", "124"},
        {"F1", "131"},
        {"F2", "132"},
        {"F3", "133"},
        {"F4", "134"},
        {"F5", "135"},
        {"F6", "136"},
        {"F7", "137"},
        {"F8", "138"},
        {"F9", "139"},
        {"F10", "140"},
        {"F11", "141"},
        {"F12", "142"},
        {"ContextMenu", "82"},
        {"CapsLock", "115"},
        {"NumLock", "143"},
        {"ScrollLock", "116"},
        {"PrintScreen", "120"},
        {"Pause", "121"},
        {"AudioVolumeUp", "24"},
        {"AudioVolumeDown", "25"},
        {"AudioVolumeMute", "164"},
        {"MicrophoneVolumeMute", "91"},
        {"MediaPlayPause", "85"},
        {"MediaStop", "86"},
        {"MediaTrackNext", "87"},
        {"MediaTrackPrevious", "88"},
        {"MediaPlay", "126"},
        {"MediaPause", "127"},
        {"Power", "26"},
        {"WakeUp", "224"},
        {"Standby", "223"},
        {"GoBack", "4"},
        {"BrowserBack", "4"},
        {"GoHome", "3"},
        {"BrowserHome", "3"},
        {"AppSwitch", "187"},
        {"Notification", "83"},
        {"Camera", "27"},
        {"Call", "5"},
        {"EndCall", "6"},
        {"BrowserSearch", "84"},
        {"BrightnessUp", "221"},
        {"BrightnessDown", "220"},
        {"Copy", "278"},
        {"Cut", "277"},
        {"Paste", "279"},
        {"Clear", "28"},
        {"ChannelUp", "166"},
        {"ChannelDown", "167"},
        {"Settings", "176"},
};

const char *tb_adb_keycode(const char *key)
{
        for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
                if (strcmp(keys[i].key, key) == 0)
                        return keys[i].code;
        if (!g_str_has_prefix(key, "KEYCODE_") || strlen(key) > 60 || strlen(key) == strlen("KEYCODE_"))
                return NULL;
        for (const char *c = key; *c != '\0'; c++)
                if (!g_ascii_isupper(*c) && !g_ascii_isdigit(*c) && *c != '_')
                        return NULL;
        return key;
}

const char *tb_adb_key_at(const char *code, char ret_text[2])
{
        static const struct {
                const char *code, *key;
        } places[] = {
                {"Minus", "-"},
                {"Equal", "="},
                {"BracketLeft", "["},
                {"BracketRight", "]"},
                {"Backslash", "\\"},
                {"Semicolon", ";"},
                {"Quote", "'"},
                {"Backquote", "`"},
                {"Comma", ","},
                {"Period", "."},
                {"Slash", "/"},
                {"Space", " "},
                {"ShiftLeft", "Shift"},
                {"ShiftRight", "Shift"},
                {"ControlLeft", "Control"},
                {"ControlRight", "Control"},
                {"AltLeft", "Alt"},
                {"AltRight", "AltGraph"},
                {"MetaLeft", "Meta"},
                {"MetaRight", "Meta"},
                {"NumpadEnter", "Enter"},
        };

        for (guint i = 0; i < G_N_ELEMENTS(places); i++)
                if (strcmp(places[i].code, code) == 0)
                        return places[i].key;
        gsize n = strlen(code);
        if ((g_str_has_prefix(code, "Key") && n == 4) || (g_str_has_prefix(code, "Digit") && n == 6) ||
            (g_str_has_prefix(code, "Numpad") && n == 7)) {
                ret_text[0] = g_ascii_tolower(code[n - 1]);
                ret_text[1] = '\0';
                return ret_text;
        }
        return code; /* "Enter", "ArrowUp": places and keys of one name */
}
