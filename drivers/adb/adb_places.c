/* KeyboardEvent.code: Android's key codes are those of a US keyboard, so a place is what is printed on that one. */
#include "drivers/adb/adb_input.h"

#include <string.h>

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
