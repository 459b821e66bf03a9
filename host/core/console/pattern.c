#include "host/core/console/pattern.h"

#include <string.h>

#include "host/core/console/pattern_private.h"
#include "lib/error.h"
#include "lib/limits.h"

/* Before everything else, so that nothing stands at the head, where options of the form (*NAME) would be taken. */
#define PREFIX "(?:)"
#define DOLLAR "(?=\\r?$)" /* the end of a line that CR LF ends, too */

/* What is between two texts of the pattern that mean themselves: the end of it, or of the pattern. */
static const char *skip_to(const char *p, const char *end, const char *stop)
{
        gsize n = strlen(stop);
        for (; p < end; p++)
                if ((gsize)(end - p) >= n && memcmp(p, stop, n) == 0)
                        return p + n;
        return end;
}

/* Behind a class, p behind its [. */
static const char *skip_class(const char *p, const char *end)
{
        if (p < end && *p == '^')
                p++;
        if (p < end && *p == ']')
                p++;
        while (p < end && *p != ']') {
                if (*p == '\\')
                        p += 2;
                else if (*p == '[' && p + 1 < end && p[1] == ':')
                        p = MIN(skip_to(p + 2, end, ":]"), end - 1); /* the class itself ends later */
                else
                        p++;
        }
        return MIN(p + 1, end);
}

static bool refuse(GError **error, gsize offset, const char *what)
{
        tb_error_set_field(error, TB_ERROR_INVALID, "pattern", "%s (at offset %zu of the pattern)", what,
                           offset);
        return false;
}

/* The pattern as it is compiled, and what has no meaning in a stream. */
static bool translate(const char *text, gsize size, GString *out, GError **error)
{
        const char *p = text, *end = text + size, *from;
        for (; p < end; g_string_append_len(out, from, p - from)) {
                from = p;
                gsize at = (gsize)(p - text);
                if (*p == '\\' && p + 1 < end) {
                        if (p[1] == 'G')
                                return refuse(error, at,
                                              "\\G has no meaning here: the search goes on in steps");
                        if (p[1] == 'C')
                                return refuse(error, at,
                                              "\\C is not taken: patterns are over bytes, use (?s:.)");
                        p = p[1] == 'Q' ? skip_to(p + 2, end, "\\E") : MIN(p + (p[1] == 'c' ? 3 : 2), end);
                } else if (*p == '[') {
                        p = skip_class(p + 1, end);
                } else if (end - p > 2 && memcmp(p, "(?#", 3) == 0) {
                        p = skip_to(p, end, ")");
                } else if (end - p > 2 && memcmp(p, "(?C", 3) == 0) {
                        return refuse(error, at, "callouts are not taken");
                } else if (end - p > 2 && memcmp(p, "(*", 2) == 0 && !g_ascii_islower(p[2])) {
                        p = skip_to(p, end, ")");
                } else if (*p == '$') {
                        g_string_append(out, DOLLAR);
                        from = ++p;
                } else {
                        p++;
                }
        }
        return true;
}

static pcre2_code *compile(const char *text, gsize size, gsize shift, GError **error)
{
        g_autoptr(GError) failed = NULL;
        int code = 0;
        PCRE2_SIZE offset = 0;
        pcre2_compile_context *context = pcre2_compile_context_create(NULL);
        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        pcre2_set_bsr(context, PCRE2_BSR_ANYCRLF);
        pcre2_set_parens_nest_limit(context, NEST_MAX);
        pcre2_code *re =
                pcre2_compile((PCRE2_SPTR)text, size,
                              PCRE2_MULTILINE | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
                                      PCRE2_NO_DOTSTAR_ANCHOR | PCRE2_USE_OFFSET_LIMIT | PCRE2_AUTO_CALLOUT,
                              &code, &offset, context);
        pcre2_compile_context_free(context);
        if (re)
                return re;
        char why[256] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        tb_error_set_field(error, TB_ERROR_INVALID, "pattern", "%s (at offset %zu of the pattern)", why,
                           offset > shift ? offset - shift : 0);
        return NULL;
}

TbPattern *tb_pattern_new(const char *text, gsize size, GError **error)
{
        g_autoptr(GString) wrapped = g_string_new(PREFIX);
        if (g_str_has_prefix(text, "(*") && size > 2 && !g_ascii_islower(text[2]) && text[2] != ':') {
                /* it would be taken at the head alone, and there it switches modes and limits */
                static const char *const verbs[] = {"(*ACCEPT", "(*FAIL", "(*F)",   "(*MARK", "(*COMMIT",
                                                    "(*PRUNE",  "(*SKIP", "(*THEN", NULL};
                bool known = false;
                for (guint i = 0; verbs[i]; i++)
                        known |= g_str_has_prefix(text, verbs[i]);
                if (!known) {
                        refuse(error, 0,
                               "options of the form (*NAME) are not taken: patterns are over bytes, with "
                               "fixed limits");
                        return NULL;
                }
        }
        if (!translate(text, size, wrapped, error))
                return NULL;
        pcre2_code *plain = compile(text, size, 0, error); /* its errors are those of what the user wrote */
        if (!plain)
                return NULL;
        pcre2_code_free(plain);
        pcre2_code *re = compile(wrapped->str, wrapped->len, strlen(PREFIX), error);
        if (!re)
                return NULL;
        TbPattern *pattern = g_new0(TbPattern, 1);
        pattern->re = re;
        return pattern;
}

void tb_pattern_free(TbPattern *pattern)
{
        if (!pattern)
                return;
        pcre2_code_free(pattern->re);
        g_free(pattern);
}
