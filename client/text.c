#include "client/text.h"

#include <string.h>

#include "lib/error.h"

/* One escape behind its backslash; returns the characters that it has, 0: it is none. */
static int escape_of(const char *at, char *ret)
{
        static const char *const from = "nrte\\", *const to = "\n\r\t\033\\";
        const char *known = *at ? strchr(from, *at) : NULL;
        if (known) {
                *ret = to[known - from];
                return 1;
        }
        if (*at != 'x' || !g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2]))
                return 0;
        int value = g_ascii_xdigit_value(at[1]) * 16 + g_ascii_xdigit_value(at[2]);
        *ret = (char)value;
        return value > 0 && value < 0x80 ? 3 : 0;
}

char *tb_cli_unescape(const char *text, GError **error)
{
        g_autoptr(GString) out = g_string_new(NULL);
        if (!g_utf8_validate(text, -1, NULL)) {
                tb_set_error(error, TB_ERROR_INVALID, "the text is not UTF-8");
                return NULL;
        }
        for (const char *at = text; *at; at++) {
                char c = *at;
                int n = c == '\\' ? escape_of(at + 1, &c) : 0;
                if (*at == '\\' && n == 0) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "\"%.4s\": known are \\n \\r \\t \\e \\\\ and \\x01 to \\x7f", at);
                        return NULL;
                }
                g_string_append_c(out, c);
                at += n;
        }
        return g_string_free(g_steal_pointer(&out), FALSE);
}

char *tb_cli_tail_text(const char *text, gsize max)
{
        gsize size = strlen(text);
        const char *at = size > max ? text + (size - max) : text;
        while ((*at & 0xC0) == 0x80)
                at++;
        return g_strdup(at);
}
