#include "host/core/input/made.h"

#include <string.h>

static const struct {
        const char *name;
        guint modifier;
} names[] = {
        {"Shift", TB_MADE_SHIFT},
        {"ShiftLeft", TB_MADE_SHIFT},
        {"ShiftRight", TB_MADE_SHIFT},
        {"Shift_L", TB_MADE_SHIFT},
        {"Shift_R", TB_MADE_SHIFT},
        {"Control", TB_MADE_CONTROL},
        {"ControlLeft", TB_MADE_CONTROL},
        {"ControlRight", TB_MADE_CONTROL},
        {"Control_L", TB_MADE_CONTROL},
        {"Control_R", TB_MADE_CONTROL},
        {"Alt", TB_MADE_ALT},
        {"AltLeft", TB_MADE_ALT},
        {"AltRight", TB_MADE_ALT},
        {"Alt_L", TB_MADE_ALT},
        {"Alt_R", TB_MADE_ALT},
        {"Meta_L", TB_MADE_ALT},
        {"Meta_R", TB_MADE_ALT},
        {"Meta", TB_MADE_META},
        {"MetaLeft", TB_MADE_META},
        {"MetaRight", TB_MADE_META},
        {"OS", TB_MADE_META},
        {"Super", TB_MADE_META},
        {"Super_L", TB_MADE_META},
        {"Super_R", TB_MADE_META},
        {"Hyper", TB_MADE_META},
        {"AltGraph", TB_MADE_ALTGR},
        {"Mode_switch", TB_MADE_ALTGR},
        {"ISO_Level3_Shift", TB_MADE_ALTGR},
};

static guint modifier_of(const char *name)
{
        for (guint i = 0; name && i < G_N_ELEMENTS(names); i++)
                if (strcmp(names[i].name, name) == 0)
                        return names[i].modifier;
        return 0;
}

guint tb_made_modifier(const char *text, const char *code)
{
        guint modifier = modifier_of(text);
        return modifier ? modifier : modifier_of(code);
}

/* On the keyboard that most shortcuts are thought for. */
static bool needs_shift(gunichar c)
{
        return c < 0x7f && strchr("~!@#$%^&*()_+{}|:\"<>?", (int)c) != NULL;
}

static bool with_control_and_alt(gunichar c)
{
        return c > 0x7e || (!g_ascii_isalnum((char)c) && !strchr(" -=,./;'+*`", (int)c));
}

/* A Shift that does not fit: the character was made in another way than by the keyboard of the shortcut. */
static bool with_alt(gunichar c, bool shift)
{
        return c > 0x7e || (g_ascii_ispunct((char)c) && needs_shift(c) != shift);
}

bool tb_made_exact(guint modifiers, const char *text)
{
        if (!text || !*text || *g_utf8_next_char(text))
                return false;
        gunichar c = g_utf8_get_char(text);
        if (modifiers & TB_MADE_META)
                return false;
        if (modifiers & TB_MADE_ALTGR)
                return true;
        if ((modifiers & (TB_MADE_CONTROL | TB_MADE_ALT)) == (TB_MADE_CONTROL | TB_MADE_ALT))
                return with_control_and_alt(c);
        if (modifiers & TB_MADE_ALT)
                return with_alt(c, modifiers & TB_MADE_SHIFT);
        return !(modifiers & TB_MADE_CONTROL);
}

char *tb_made_line_ends(const char *text)
{
        if (!strchr(text, '\r'))
                return NULL;
        GString *plain = g_string_new(text);
        g_string_replace(plain, "\r\n", "\n", 0);
        g_string_replace(plain, "\r", "\n", 0);
        return g_string_free(plain, FALSE);
}
