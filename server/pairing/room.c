/* What people write for others to read: names, notes, talk. */
#include "server/pairing/pairing_private.h"

char *tb_room_text(const char *text, gsize max)
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
