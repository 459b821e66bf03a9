#include "tests/sim/android/keys.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        int code;
        const char *name;    /* with KEYCODE_ */
        char plain, shifted; /* what it types */
} keys[] = {
        {3, "KEYCODE_HOME", 0, 0},
        {4, "KEYCODE_BACK", 0, 0},
        {5, "KEYCODE_CALL", 0, 0},
        {6, "KEYCODE_ENDCALL", 0, 0},
        {7, "KEYCODE_0", '0', ')'},
        {8, "KEYCODE_1", '1', '!'},
        {9, "KEYCODE_2", '2', '@'},
        {10, "KEYCODE_3", '3', '#'},
        {11, "KEYCODE_4", '4', '$'},
        {12, "KEYCODE_5", '5', '%'},
        {13, "KEYCODE_6", '6', '^'},
        {14, "KEYCODE_7", '7', '&'},
        {15, "KEYCODE_8", '8', '*'},
        {16, "KEYCODE_9", '9', '('},
        {17, "KEYCODE_STAR", '*', '*'},
        {18, "KEYCODE_POUND", '#', '#'},
        {19, "KEYCODE_DPAD_UP", 0, 0},
        {20, "KEYCODE_DPAD_DOWN", 0, 0},
        {21, "KEYCODE_DPAD_LEFT", 0, 0},
        {22, "KEYCODE_DPAD_RIGHT", 0, 0},
        {23, "KEYCODE_DPAD_CENTER", 0, 0},
        {24, "KEYCODE_VOLUME_UP", 0, 0},
        {25, "KEYCODE_VOLUME_DOWN", 0, 0},
        {26, "KEYCODE_POWER", 0, 0},
        {27, "KEYCODE_CAMERA", 0, 0},
        {29, "KEYCODE_A", 'a', 'A'},
        {30, "KEYCODE_B", 'b', 'B'},
        {31, "KEYCODE_C", 'c', 'C'},
        {32, "KEYCODE_D", 'd', 'D'},
        {33, "KEYCODE_E", 'e', 'E'},
        {34, "KEYCODE_F", 'f', 'F'},
        {35, "KEYCODE_G", 'g', 'G'},
        {36, "KEYCODE_H", 'h', 'H'},
        {37, "KEYCODE_I", 'i', 'I'},
        {38, "KEYCODE_J", 'j', 'J'},
        {39, "KEYCODE_K", 'k', 'K'},
        {40, "KEYCODE_L", 'l', 'L'},
        {41, "KEYCODE_M", 'm', 'M'},
        {42, "KEYCODE_N", 'n', 'N'},
        {43, "KEYCODE_O", 'o', 'O'},
        {44, "KEYCODE_P", 'p', 'P'},
        {45, "KEYCODE_Q", 'q', 'Q'},
        {46, "KEYCODE_R", 'r', 'R'},
        {47, "KEYCODE_S", 's', 'S'},
        {48, "KEYCODE_T", 't', 'T'},
        {49, "KEYCODE_U", 'u', 'U'},
        {50, "KEYCODE_V", 'v', 'V'},
        {51, "KEYCODE_W", 'w', 'W'},
        {52, "KEYCODE_X", 'x', 'X'},
        {53, "KEYCODE_Y", 'y', 'Y'},
        {54, "KEYCODE_Z", 'z', 'Z'},
        {55, "KEYCODE_COMMA", ',', '<'},
        {56, "KEYCODE_PERIOD", '.', '>'},
        {57, "KEYCODE_ALT_LEFT", 0, 0},
        {58, "KEYCODE_ALT_RIGHT", 0, 0},
        {59, "KEYCODE_SHIFT_LEFT", 0, 0},
        {60, "KEYCODE_SHIFT_RIGHT", 0, 0},
        {61, "KEYCODE_TAB", 0, 0},
        {62, "KEYCODE_SPACE", ' ', ' '},
        {64, "KEYCODE_EXPLORER", 0, 0},
        {66, "KEYCODE_ENTER", 0, 0},
        {67, "KEYCODE_DEL", 0, 0},
        {68, "KEYCODE_GRAVE", '`', '~'},
        {69, "KEYCODE_MINUS", '-', '_'},
        {70, "KEYCODE_EQUALS", '=', '+'},
        {71, "KEYCODE_LEFT_BRACKET", '[', '{'},
        {72, "KEYCODE_RIGHT_BRACKET", ']', '}'},
        {73, "KEYCODE_BACKSLASH", '\\', '|'},
        {74, "KEYCODE_SEMICOLON", ';', ':'},
        {75, "KEYCODE_APOSTROPHE", '\'', '"'},
        {76, "KEYCODE_SLASH", '/', '?'},
        {77, "KEYCODE_AT", '@', '@'},
        {81, "KEYCODE_PLUS", '+', '+'},
        {82, "KEYCODE_MENU", 0, 0},
        {83, "KEYCODE_NOTIFICATION", 0, 0},
        {84, "KEYCODE_SEARCH", 0, 0},
        {85, "KEYCODE_MEDIA_PLAY_PAUSE", 0, 0},
        {86, "KEYCODE_MEDIA_STOP", 0, 0},
        {87, "KEYCODE_MEDIA_NEXT", 0, 0},
        {88, "KEYCODE_MEDIA_PREVIOUS", 0, 0},
        {91, "KEYCODE_MUTE", 0, 0},
        {92, "KEYCODE_PAGE_UP", 0, 0},
        {93, "KEYCODE_PAGE_DOWN", 0, 0},
        {111, "KEYCODE_ESCAPE", 0, 0},
        {112, "KEYCODE_FORWARD_DEL", 0, 0},
        {113, "KEYCODE_CTRL_LEFT", 0, 0},
        {114, "KEYCODE_CTRL_RIGHT", 0, 0},
        {115, "KEYCODE_CAPS_LOCK", 0, 0},
        {116, "KEYCODE_SCROLL_LOCK", 0, 0},
        {117, "KEYCODE_META_LEFT", 0, 0},
        {118, "KEYCODE_META_RIGHT", 0, 0},
        {120, "KEYCODE_SYSRQ", 0, 0},
        {121, "KEYCODE_BREAK", 0, 0},
        {122, "KEYCODE_MOVE_HOME", 0, 0},
        {123, "KEYCODE_MOVE_END", 0, 0},
        {124, "KEYCODE_INSERT", 0, 0},
        {126, "KEYCODE_MEDIA_PLAY", 0, 0},
        {127, "KEYCODE_MEDIA_PAUSE", 0, 0},
        {131, "KEYCODE_F1", 0, 0},
        {132, "KEYCODE_F2", 0, 0},
        {133, "KEYCODE_F3", 0, 0},
        {134, "KEYCODE_F4", 0, 0},
        {135, "KEYCODE_F5", 0, 0},
        {136, "KEYCODE_F6", 0, 0},
        {137, "KEYCODE_F7", 0, 0},
        {138, "KEYCODE_F8", 0, 0},
        {139, "KEYCODE_F9", 0, 0},
        {140, "KEYCODE_F10", 0, 0},
        {141, "KEYCODE_F11", 0, 0},
        {142, "KEYCODE_F12", 0, 0},
        {143, "KEYCODE_NUM_LOCK", 0, 0},
        {160, "KEYCODE_NUMPAD_ENTER", 0, 0},
        {164, "KEYCODE_VOLUME_MUTE", 0, 0},
        {166, "KEYCODE_CHANNEL_UP", 0, 0},
        {167, "KEYCODE_CHANNEL_DOWN", 0, 0},
        {176, "KEYCODE_SETTINGS", 0, 0},
        {187, "KEYCODE_APP_SWITCH", 0, 0},
        {220, "KEYCODE_BRIGHTNESS_DOWN", 0, 0},
        {221, "KEYCODE_BRIGHTNESS_UP", 0, 0},
        {223, "KEYCODE_SLEEP", 0, 0},
        {224, "KEYCODE_WAKEUP", 0, 0},
};

int sim_key_from_name(const char *name)
{
        char *end;
        long code = strtol(name, &end, 10);

        if (end != name && *end == '\0')
                return sim_key_name((int)code) ? (int)code : -1;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (strcasecmp(keys[i].name, name) == 0 ||
                    strcasecmp(keys[i].name + strlen("KEYCODE_"), name) == 0)
                        return keys[i].code;
        return -1;
}

const char *sim_key_name(int code)
{
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (keys[i].code == code)
                        return keys[i].name;
        return NULL;
}

char sim_key_char(int code, bool shift)
{
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (keys[i].code == code)
                        return shift ? keys[i].shifted : keys[i].plain;
        return 0;
}
