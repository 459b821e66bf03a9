#include "drivers/scpi/scpi_proto.h"

#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"

bool tb_scpi_message_check(const char *message, const char *field, GError **error)
{
        const char *bad = NULL;
        for (const char *c = message; *c && !bad; c++)
                bad = *c < 0x20 || *c > 0x7e ? c : NULL;
        if (!bad && strlen(message) <= TB_LIMIT_SCPI_MESSAGE && message[strspn(message, " ")])
                return true;
        if (bad)
                tb_error_set_field(
                        error, TB_ERROR_INVALID, field,
                        "one line of ASCII is one message; several commands go into it with \";\"");
        else
                tb_error_set_field(error, TB_ERROR_INVALID, field, "a message has 1 to %d characters",
                                   TB_LIMIT_SCPI_MESSAGE);
        return false;
}

/* Outside of strings. */
static bool has(const char *message, char wanted)
{
        char quote = '\0';
        for (const char *c = message; *c; c++) {
                if (quote)
                        quote = *c == quote ? '\0' : quote;
                else if (*c == '"' || *c == '\'')
                        quote = *c;
                else if (*c == wanted)
                        return true;
        }
        return false;
}

bool tb_scpi_is_query(const char *message)
{
        return has(message, '?');
}

bool tb_scpi_is_compound(const char *message)
{
        return has(message, ';');
}

/* --- responses --- */
/* <#><digits><length><bytes>. n: all of it; 0: need more; -1: violation. */
static gssize block(const guint8 *data, gsize size, const char **why)
{
        gsize digits = size > 1 ? (gsize)(data[1] - '0') : 0, length = 0;
        if (size < 2)
                return 0;
        if (digits == 0) {
                *why = "it sends a block of unknown length, which a socket cannot tell the end of: choose "
                       "another "
                       "format at the instrument";
                return -1;
        }
        for (gsize i = 0; i < digits; i++) {
                if (size < 3 + i)
                        return 0;
                if (!g_ascii_isdigit(data[2 + i])) {
                        *why = "a block's length is no number";
                        return -1;
                }
                length = length * 10 + (gsize)(data[2 + i] - '0');
        }
        if (2 + digits + length >= TB_LIMIT_SCPI_REPLY) { /* with its newline */
                *why = "it answers with more than 1 MiB: ask for less at once";
                return -1;
        }
        return size < 2 + digits + length ? 0 : (gssize)(2 + digits + length);
}

/* An element with what ends it: ",", ";" or the newline. n consumed, 0: need more, -1: violation. */
static gssize element(const guint8 *data, gsize size, const char **why)
{
        gsize i = 0;
        while (i < size && data[i] == ' ')
                i++;
        if (i + 1 < size && data[i] == '#' && g_ascii_isdigit(data[i + 1])) {
                gssize n = block(data + i, size - i, why);
                if (n <= 0)
                        return n;
                i += (gsize)n;
        }
        for (bool quoted = false; i < size; i++) { /* a doubled quote closes and opens */
                if (data[i] == '"')
                        quoted = !quoted;
                if (data[i] == '\n' || (!quoted && (data[i] == ',' || data[i] == ';')))
                        return (gssize)i + 1;
        }
        return 0;
}

gssize tb_scpi_response(const guint8 *data, gsize size, const char **why)
{
        for (gsize at = 0; at < size;) {
                gssize n = element(data + at, size - at, why);
                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                at += (gsize)n;
                if (data[at - 1] == '\n')
                        return (gssize)at;
        }
        if (size <= TB_LIMIT_SCPI_REPLY)
                return 0;
        *why = "it answers with more than 1 MiB: ask for less at once";
        return -1;
}

static bool is_text(const guint8 *data, gsize size)
{
        return !memchr(data, '\0', size) && g_utf8_validate((const char *)data, (gssize)size, NULL);
}

char *tb_scpi_text(const guint8 *data, gsize size)
{
        const char *why = NULL;
        const guint8 *what = data;
        gsize n = size;
        if (size > 2 && data[0] == '#' && g_ascii_isdigit(data[1]) &&
            block(data, size, &why) == (gssize)size) { /* it, and nothing else */
                what = data + 2 + (data[1] - '0');
                n = (gsize)(data + size - what);
        }
        if (is_text(what, n))
                return g_strndup((const char *)what, n);
        g_autofree char *coded = g_base64_encode(what, n);
        return g_strconcat("data:application/octet-stream;base64,", coded, NULL);
}

/* --- what responses say --- */
static bool number(const char *text, gsize size, double *ret)
{
        g_autofree char *copy = g_strndup(text, size);
        char *s = g_strstrip(copy);
        int base = g_ascii_strncasecmp(s, "#H", 2) == 0   ? 16
                   : g_ascii_strncasecmp(s, "#Q", 2) == 0 ? 8
                   : g_ascii_strncasecmp(s, "#B", 2) == 0 ? 2
                                                          : 0;
        char *stop = s;
        if (base) {
                *ret = (double)g_ascii_strtoull(s + 2, &stop, (guint)base);
                return stop != s + 2 && !*stop && g_ascii_isxdigit(s[2]);
        }
        if (g_ascii_strcasecmp(s, "ON") == 0 || g_ascii_strcasecmp(s, "OFF") == 0) {
                *ret = g_ascii_strcasecmp(s, "ON") == 0;
                return true;
        }
        if (!g_ascii_isdigit(s[strspn(s, "+-.")])) /* "inf", "nan" and "0x" are not SCPI's */
                return false;
        *ret = g_ascii_strtod(s, &stop);
        for (; *stop; stop++)
                if (g_ascii_iscntrl(*stop) || g_ascii_isdigit(*stop))
                        return false;
        return isfinite(*ret) && fabs(*ret) < 9.9e37;
}

bool tb_scpi_parse_number(const char *response, guint index, double *ret)
{
        g_autofree char *closed = g_strconcat(response, "\n", NULL);
        const guint8 *at = (const guint8 *)closed;
        gsize left = strlen(closed);
        const char *why = NULL;
        for (guint i = 0; left > 0; i++) {
                gssize n = element(at, left, &why);
                double value = 0;
                if (n <= 0)
                        return false;
                if (i == index) {
                        if (!number((const char *)at, (gsize)n - 1, &value))
                                return false;
                        *ret = value;
                        return true;
                }
                at += n;
                left -= (gsize)n;
        }
        return false;
}

bool tb_scpi_parse_error(const char *response, int *ret_code, char **ret_words)
{
        char *end = NULL;
        gint64 code = g_ascii_strtoll(response, &end, 10);
        if (end == response || *end != ',' || code < G_MININT16 || code > G_MAXINT16)
                return false;
        g_autofree char *words = g_strdup(end + 1);
        g_strstrip(words);
        gsize n = strlen(words);
        if (n < 2 || words[0] != '"' || words[n - 1] != '"')
                return false;
        *ret_code = (int)code;
        *ret_words = g_strndup(words + 1, n - 2);
        return true;
}

int tb_scpi_parse_switch(const char *response)
{
        double value = 0;
        return !tb_scpi_parse_number(response, 0, &value) ? -1 : value == 1 ? 1 : value == 0 ? 0 : -1;
}

char *tb_scpi_parse_identity(const char *response)
{
        g_auto(GStrv) parts = g_strsplit(response, ",", 4);
        if (g_strv_length(parts) < 3)
                return NULL;
        for (guint i = 0; i < 3; i++)
                g_strstrip(parts[i]);
        return g_strdup_printf("%.64s, %.64s, %.64s", parts[0], parts[1], parts[2]);
}
