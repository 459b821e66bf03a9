#include "drivers/prometheus/prometheus_proto.h"

#include <string.h>

#include "lib/limits.h"

#define LABELS 64

static bool is_name(char c, bool first)
{
        return g_ascii_isalpha(c) || c == '_' || c == ':' || (!first && g_ascii_isdigit(c));
}

static char *skip_blanks(char *at)
{
        return at + strspn(at, " \t");
}

/* A name, cut by the caller; where it ends. NULL: none is there. */
static char *name_at(char *at)
{
        if (!is_name(*at, true))
                return NULL;
        while (is_name(*at, false))
                at++;
        return at;
}

/* A text in quotes behind `at`, unescaped in place; where it goes on. */
static char *text_at(char *at, char **ret)
{
        char *to = *ret = at;
        for (; *at && *at != '"'; at++) {
                if (*at == '\\' && at[1])
                        at++;
                else {
                        *to++ = *at;
                        continue;
                }
                *to++ = *at == 'n' ? '\n' : *at;
        }
        if (*at != '"')
                return NULL;
        *to = '\0';
        return at + 1;
}

static char *labels_at(char *at, char **names, char **values, guint *n)
{
        for (at = skip_blanks(at); *at != '}'; at = skip_blanks(at)) {
                char *end = name_at(at), *is = end ? skip_blanks(end) : NULL;
                if (!is || *is != '=' || *n == LABELS)
                        return NULL;
                is = skip_blanks(is + 1);
                if (*is != '"')
                        return NULL;
                names[*n] = at;
                *end = '\0';
                at = text_at(is + 1, &values[(*n)++]);
                if (!at)
                        return NULL;
                at = skip_blanks(at);
                if (*at == ',')
                        at++;
                else if (*at != '}')
                        return NULL;
        }
        return at + 1;
}

static double number_at(char **at)
{
        char *end;
        if (g_str_has_prefix(*at, "+Inf") || g_str_has_prefix(*at, "-Inf") || g_str_has_prefix(*at, "NaN")) {
                *at += strcspn(*at, " \t");
                return INFINITY;
        }
        double value = g_ascii_strtod(*at, &end);
        bool good = end != *at && strchr(" \t", *end);
        *at = end;
        return good ? value : NAN;
}

/* One line: a series, or nothing of interest. */
static bool line(char *at, void (*each)(const TbPrometheusSeries *, gpointer), gpointer data)
{
        char *names[LABELS], *values[LABELS];
        TbPrometheusSeries s = {.names = names, .values = values};
        at = skip_blanks(at);
        if (!*at || *at == '#')
                return true;
        char *end = name_at(at);
        if (!end)
                return false;
        s.metric = at;
        at = skip_blanks(end);
        if (*at == '{') {
                at = labels_at(at + 1, names, values, &s.n);
                if (!at)
                        return false;
        } else if (at == end) {
                return false;
        }
        *end = '\0'; /* it is behind it by now */
        at = skip_blanks(at);
        s.value = number_at(&at);
        if (isnan(s.value))
                return false;
        at = skip_blanks(at);
        if (*at && *at != '#') {
                double t = g_ascii_strtod(at, &end);
                if (end == at)
                        return false;
                s.t_ms = t > 0 && t <= TB_LIMIT_JSON_INT ? (gint64)t : 0;
        }
        if (isfinite(s.value))
                each(&s, data);
        return true;
}

bool tb_prometheus_parse(char *text, void (*each)(const TbPrometheusSeries *series, gpointer data),
                         gpointer data)
{
        for (char *at = text; at;) {
                char *next = strchr(at, '\n');
                if (next)
                        *next++ = '\0';
                gsize n = strlen(at);
                if (n > 0 && at[n - 1] == '\r')
                        at[n - 1] = '\0';
                if (!line(at, each, data))
                        return false;
                at = next;
        }
        return true;
}

bool tb_prometheus_check(const json_t *streams, GError **error)
{
        static const TbDeclaredField fields[] = {
                {.name = "metric", .type = JSON_STRING, .required = true, .min = 1, .max = 256},
                {.name = "labels", .type = JSON_OBJECT},
                {.name = "rate", .type = JSON_TRUE},
                {.name = NULL},
        };
        gsize i;
        json_t *entry, *value;
        const char *key;
        if (!tb_declared_check(streams, fields, error))
                return false;
        json_array_foreach (streams, i, entry)
                json_object_foreach (json_object_get(entry, "labels"), key, value)
                        if (!json_is_string(value)) {
                                tb_error_set_field(
                                        error, TB_ERROR_INVALID, "streams",
                                        "streams[%zu]: a label's value is a text: {\"mode\": \"user\"}", i);
                                return false;
                        }
        return true;
}

bool tb_prometheus_matches(const TbDeclared *row, const TbPrometheusSeries *s)
{
        const char *key;
        json_t *value;
        if (strcmp(tb_declared_text(row, "metric"), s->metric) != 0)
                return false;
        json_object_foreach (json_object_get(row->more, "labels"), key, value) {
                guint i = 0;
                while (i < s->n && strcmp(s->names[i], key) != 0)
                        i++;
                if (i == s->n || strcmp(s->values[i], json_string_value(value)) != 0)
                        return false;
        }
        return true;
}
