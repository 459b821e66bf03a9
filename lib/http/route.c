#include "lib/http/route.h"

#include <string.h>

#include "lib/error.h"

#define QUERY_FIELDS 64

bool tb_path_split(const char *path, TbPath *ret_path)
{
        if (*path != '/')
                return false;
        ret_path->n = 0;
        ret_path->tail = false;
        for (const char *p = path + 1;;) {
                gsize size = strcspn(p, "/");
                if (ret_path->n == TB_PATH_SEGMENTS) {
                        ret_path->tail = true;
                        return true;
                }
                ret_path->segments[ret_path->n++] = (TbSegment){p, size, false};
                if (p[size] == '\0')
                        return true;
                p += size + 1;
        }
}

bool tb_path_compile(const char *pattern, TbPath *ret_path)
{
        guint args = 0;
        if (!tb_path_split(pattern, ret_path) || ret_path->tail)
                return false;
        for (guint i = 0; i < ret_path->n; i++) {
                TbSegment *s = &ret_path->segments[i];
                if (s->size < 3 || s->text[0] != '{' || s->text[s->size - 1] != '}')
                        continue;
                s->is_param = true;
                s->text++;
                s->size -= 2;
                if (s->size > 3 && memcmp(s->text + s->size - 3, "...", 3) == 0) {
                        s->size -= 3;
                        ret_path->tail = true;
                        if (i + 1 != ret_path->n)
                                return false;
                }
                if (++args > TB_PATH_ARGS)
                        return false;
        }
        return true;
}

bool tb_path_match(const TbPath *pattern, const TbPath *path)
{
        if (pattern->tail ? path->n < pattern->n : path->tail || path->n != pattern->n)
                return false;
        for (guint i = 0; i < pattern->n; i++) {
                const TbSegment *want = &pattern->segments[i], *have = &path->segments[i];
                if (want->is_param) {
                        bool takes_rest = pattern->tail && i + 1 == pattern->n;
                        if (have->size == 0 && !takes_rest)
                                return false;
                } else if (want->size != have->size || memcmp(want->text, have->text, want->size) != 0) {
                        return false;
                }
        }
        return true;
}

const char *tb_path_arg(const TbPath *pattern, const TbPath *path, const char *name, gsize *ret_size)
{
        gsize length = strlen(name);
        for (guint i = 0; i < pattern->n; i++) {
                const TbSegment *s = &pattern->segments[i];
                if (!s->is_param || s->size != length || memcmp(s->text, name, length) != 0)
                        continue;
                bool rest = pattern->tail && i + 1 == pattern->n;
                *ret_size = rest ? strlen(path->segments[i].text) : path->segments[i].size;
                return path->segments[i].text;
        }
        return NULL;
}

char *tb_percent_decode(const char *text, gsize size, bool plus)
{
        g_autofree char *out = g_malloc(size + 1);
        gsize n = 0;
        for (gsize i = 0; i < size; i++) {
                guchar c = (guchar)text[i];
                if (c == '%') {
                        if (size - i < 3 || !g_ascii_isxdigit(text[i + 1]) || !g_ascii_isxdigit(text[i + 2]))
                                return NULL;
                        c = (guchar)(g_ascii_xdigit_value(text[i + 1]) * 16 +
                                     g_ascii_xdigit_value(text[i + 2]));
                        i += 2;
                } else if (c == '+' && plus) {
                        c = ' ';
                }
                if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
                        return NULL;
                out[n++] = (char)c;
        }
        out[n] = '\0';
        return g_utf8_validate(out, (gssize)n, NULL) ? g_steal_pointer(&out) : NULL;
}

static bool query_field(json_t *out, const char *text, gsize size, GError **error)
{
        gsize name_size = MIN(strcspn(text, "="), size), value_at = MIN(name_size + 1, size);
        g_autofree char *name = tb_percent_decode(text, name_size, true);
        g_autofree char *value = tb_percent_decode(text + value_at, size - value_at, true);
        if (!name || !value) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "the query has a broken percent escape, a control character, or is not UTF-8");
                return false;
        }
        if (size == 0 || strcmp(name, "access_token") == 0)
                return true;
        if (json_object_get(out, name)) {
                tb_error_set_field(error, TB_ERROR_INVALID, name, "%s is given twice in the query", name);
                return false;
        }
        if (json_object_size(out) >= QUERY_FIELDS) {
                tb_set_error(error, TB_ERROR_INVALID, "the query has more than %d fields", QUERY_FIELDS);
                return false;
        }
        json_object_set_new(out, name, json_string(value));
        return true;
}

json_t *tb_query_parse(const char *query, GError **error)
{
        json_t *out = json_object();
        for (const char *p = query; p && *p;) {
                gsize size = strcspn(p, "&");
                if (!query_field(out, p, size, error)) {
                        json_decref(out);
                        return NULL;
                }
                p += size + (p[size] == '&');
        }
        return out;
}

char *tb_query_value(const char *query, const char *name)
{
        gsize length = strlen(name);
        for (const char *p = query; p && *p;) {
                gsize size = strcspn(p, "&");
                if (size > length && p[length] == '=' && memcmp(p, name, length) == 0)
                        return tb_percent_decode(p + length + 1, size - length - 1, true);
                p += size + (p[size] == '&');
        }
        return NULL;
}
