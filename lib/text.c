#include "lib/text.h"

#include <string.h>

static gsize boundary(const char *text, gsize size, gsize max)
{
        if (size <= max)
                return size;
        gsize n = max;
        while (n > 0 && max - n < 4 && ((guint8)text[n] & 0xc0) == 0x80)
                n--;
        return n;
}

char *tb_text_cut(const char *text, gsize max)
{
        g_autofree char *valid = g_utf8_make_valid(text, (gssize)boundary(text, strlen(text), max));
        return g_strndup(valid, boundary(valid, strlen(valid), max)); /* a byte that is none became three */
}

json_t *tb_text_json(const void *bytes, gsize size)
{
        g_autofree char *valid = g_utf8_make_valid(size ? bytes : "", (gssize)size);
        return json_string(valid);
}

bool tb_text_is_shown(gunichar c)
{
        return c >= 0x20 && (c < 0x7f || c > 0x9f) && c != 0x2028 && c != 0x2029 &&
               !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff;
}

char *tb_text_shown(char *text)
{
        char *valid = g_utf8_make_valid(text, -1), *to = valid;
        g_free(text);
        for (const char *p = valid, *next; *p; p = next) {
                gunichar c = g_utf8_get_char(p);
                next = g_utf8_next_char(p);
                if (!tb_text_is_shown(c) && c != '\n' && c != '\t')
                        continue;
                memmove(to, p, (gsize)(next - p));
                to += next - p;
        }
        *to = '\0';
        return valid;
}

char *tb_text_line(const char *text, gsize max)
{
        GString *out = g_string_new(NULL);
        for (const char *p = text; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);
                char bytes[6];
                if (g_unichar_isspace(c))
                        c = ' ';
                else if (!g_unichar_isprint(c)) /* controls, and what turns the direction of writing */
                        continue;
                if (c == ' ' && (out->len == 0 || out->str[out->len - 1] == ' '))
                        continue;
                int size = g_unichar_to_utf8(c, bytes);
                if (out->len + (gsize)size > max)
                        break;
                g_string_append_len(out, bytes, size);
        }
        while (out->len > 0 && out->str[out->len - 1] == ' ')
                g_string_truncate(out, out->len - 1);
        return g_string_free(out, FALSE);
}
