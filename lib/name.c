#include "lib/name.h"

#include <string.h>

#include "lib/limits.h"

static const struct {
        const char *first, *rest; /* g_ascii_isalnum() has no lower-case sibling: sets of characters */
        bool upper;               /* upper case too */
        const char *words;
} rules[] = {
        [TB_NAME_ID] = {"", "._-", false,
                        "1 to 64 lower case letters, digits, '.', '_', '-', a letter or digit first"},
        [TB_NAME_HOST] = {"", "._-", true, "1 to 64 letters, digits, '.', '_', '-', a letter or digit first"},
        [TB_NAME_STREAM] = {"._-", "._-", true, "1 to 64 letters, digits, '.', '_', '-'"},
        [TB_NAME_TYPE] = {"", "_-", false,
                          "1 to 64 bytes: words of lower case letters, digits, '_', '-', "
                          "a letter first, with dots between"},
};
G_STATIC_ASSERT(TB_LIMIT_ID == 64); /* the words above */

static bool fits(const char *more, bool upper, char c)
{
        return g_ascii_islower(c) || g_ascii_isdigit(c) || (upper && g_ascii_isupper(c)) ||
               (c != '\0' && strchr(more, c));
}

/* Words with a dot between: none is empty, each begins with a letter. */
static bool is_type(const char *text, gsize size)
{
        for (gsize i = 0; i < size; i++) {
                bool first = i == 0 || text[i - 1] == '.';
                if (first ? !g_ascii_islower(text[i]) : text[i] != '.' && !fits("_-", false, text[i]))
                        return false;
        }
        return text[size - 1] != '.';
}

bool tb_name_valid_n(TbNameRule rule, const char *text, gsize size)
{
        if (!text || size == 0 || size > TB_LIMIT_ID)
                return false;
        if (rule == TB_NAME_TYPE)
                return is_type(text, size);
        for (gsize i = 0; i < size; i++)
                if (!fits(i == 0 ? rules[rule].first : rules[rule].rest, rules[rule].upper, text[i]))
                        return false;
        return true;
}

bool tb_name_valid(TbNameRule rule, const char *text)
{
        return text && tb_name_valid_n(rule, text, strlen(text));
}

const char *tb_name_rule(TbNameRule rule)
{
        return rules[rule].words;
}
