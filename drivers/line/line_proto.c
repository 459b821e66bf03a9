#include "drivers/line/line_proto.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "drivers/transport/reading.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"

#define DEPTH 4      /* of objects whose numbers are told by themselves */
#define STEPS 100000 /* of a pattern on a line: some milliseconds */

struct TbLineProto {
        TbLineProtoFormat format;
        const char *time; /* borrowed; NULL: when it comes */
        char separator;
        char **columns; /* owned; NULL: those of the header */
        char **header;  /* owned; NULL: none came */
        TbDeclared *rows;
        guint n;          /* 0: all that is there */
        pcre2_code *code; /* owned */
        pcre2_match_data *match;
        pcre2_match_context *context;
};

/* One line's samples on their way. */
typedef struct Out {
        const TbLineProto *proto;
        TbLineProtoEach each;
        gpointer data;
        gint64 t_ms;
        guint n; /* numbers that were there, declared or not */
} Out;

static const char *const hints[] = {
        [TB_LINE_PROTO_AUTO] = "JSON, CSV, NMEA 0183 or name=value",
        [TB_LINE_PROTO_JSON] = "an object of JSON in each line",
        [TB_LINE_PROTO_CSV] = "CSV with numbers",
        [TB_LINE_PROTO_NMEA] = "NMEA 0183",
        [TB_LINE_PROTO_VALUES] = "name=value unit",
        [TB_LINE_PROTO_REGEX] = "lines that the pattern matches",
};

/* --- telling --- */
static void emit(Out *out, const TbDeclared *row, const char *name, const char *quantity, const char *unit,
                 double value)
{
        TbSample s = {name, quantity, unit, value, out->t_ms};
        if (row) {
                s = (TbSample){row->stream, row->quantity, row->unit, value * row->scale + row->offset,
                               out->t_ms};
                if (unit && !json_object_get(row->more, "unit")) {
                        s.unit = unit;
                        s.quantity = json_object_get(row->more, "quantity") ? row->quantity : quantity;
                }
        }
        s.unit = s.unit ? s.unit : "1";
        s.quantity = s.quantity ? s.quantity : tb_declared_quantity(s.unit);
        if (isfinite(s.value))
                out->each(&s, out->data);
}

/* A number of this name in the line. Texts of the device are its own: what is no name or no UTF-8 is not told. */
static void number(Out *out, const char *name, const char *quantity, const char *unit, double value)
{
        const TbLineProto *p = out->proto;
        if (!isfinite(value))
                return;
        out->n++;
        if (unit && (!*unit || strlen(unit) > TB_LIMIT_UNIT || !g_utf8_validate(unit, -1, NULL)))
                unit = NULL;
        if (quantity && (strlen(quantity) > TB_LIMIT_QUANTITY || !g_utf8_validate(quantity, -1, NULL)))
                quantity = NULL;
        for (guint i = 0; i < p->n; i++)
                if (g_strcmp0(tb_declared_text(&p->rows[i], "at"), name) == 0)
                        emit(out, &p->rows[i], NULL, quantity, unit, value);
        if (p->n == 0 && tb_name_valid(TB_NAME_STREAM, name))
                emit(out, NULL, name, quantity, unit, value);
}

static bool parse_number(const char *text, double *ret)
{
        char *end;
        double v = g_ascii_strtod(text, &end);
        if (end == text)
                return false;
        while (*end == ' ' || *end == '\t')
                end++;
        if (*end || !isfinite(v))
                return false;
        *ret = v;
        return true;
}

static gint64 time_of_text(const char *text)
{
        json_auto_t *value = json_string(text); /* NULL when it is no UTF-8 */
        return tb_declared_time(value);
}

/* --- JSON --- */
static void flatten(Out *out, json_t *object, const char *before, int depth)
{
        const char *key;
        json_t *value;
        json_object_foreach (object, key, value) {
                g_autofree char *name = *before ? g_strdup_printf("%s.%s", before, key) : g_strdup(key);
                json_t *inner = json_object_get(value, "value");
                if (json_is_number(value) && (*before || g_strcmp0(key, out->proto->time) != 0))
                        number(out, name, NULL, NULL, json_number_value(value));
                else if (json_is_number(inner))
                        number(out, name, json_string_value(json_object_get(value, "quantity")),
                               json_string_value(json_object_get(value, "unit")), json_number_value(inner));
                else if (json_is_object(value) && depth < DEPTH)
                        flatten(out, value, name, depth + 1);
        }
}

static bool parse_json(Out *out, const char *line, gsize size)
{
        const TbLineProto *p = out->proto;
        json_auto_t *root = tb_json_parse(line, size, NULL);
        if (!json_is_object(root) && !(p->n > 0 && json_is_array(root)))
                return false;
        if (p->time)
                out->t_ms = tb_declared_time(*p->time == '/' ? tb_reading_at(root, p->time, 0)
                                                             : json_object_get(root, p->time));
        if (p->n == 0) {
                flatten(out, root, "", 1);
                return true;
        }
        for (guint i = 0; i < p->n; i++) {
                const char *at = tb_declared_text(&p->rows[i], "at");
                const json_t *value =
                        *at == '/' || !*at ? tb_reading_at(root, at, 0) : json_object_get(root, at);
                double v = NAN;
                if (json_is_number(value))
                        v = json_number_value(value);
                else if (json_is_boolean(value))
                        v = json_is_true(value);
                else if (json_is_string(value) && !parse_number(json_string_value(value), &v))
                        v = NAN;
                if (isfinite(v))
                        emit(out, &p->rows[i], NULL, NULL, NULL, v);
        }
        return true; /* a device says other things, too */
}

/* --- CSV --- */
/* Cuts `line` in place. */
static guint cut_fields(char *line, char separator, char **fields, guint most)
{
        guint n = 0;
        for (char *at = line; at && n < most; n++) {
                while (*at == ' ')
                        at++;
                fields[n] = at;
                if (*at == '"') {
                        char *to = fields[n] = ++at;
                        while (*at && !(at[0] == '"' && at[1] != '"')) {
                                at += at[0] == '"';
                                *to++ = *at++;
                        }
                        char *next = *at ? strchr(at + 1, separator) : NULL;
                        *to = '\0';
                        at = next;
                } else {
                        at = strchr(at, separator);
                }
                if (at)
                        *at++ = '\0';
                g_strchomp(fields[n]);
        }
        return n;
}

static const char *column(const TbLineProto *p, guint i, char *buffer, gsize size)
{
        char **names = p->columns ? p->columns : p->header;
        if (names && i < g_strv_length(names))
                return names[i];
        g_snprintf(buffer, size, "c%u", i + 1);
        return buffer;
}

static bool parse_csv(TbLineProto *p, Out *out, const char *line)
{
        g_autofree char *copy = g_strdup(line);
        char *field[TB_LIMIT_STREAMS + 1], name[16];
        guint n = cut_fields(copy, p->separator, field, TB_LIMIT_STREAMS), numbers = 0, names = 0;
        double value;
        for (guint i = 0; i < n; i++) {
                numbers += parse_number(field[i], &value);
                names += tb_name_valid(TB_NAME_STREAM, field[i]);
        }
        if (numbers == 0 && names == n && n > 1) { /* what the columns are called */
                field[n] = NULL;
                g_strfreev(p->header);
                p->header = g_strdupv(field);
                return true;
        }
        for (guint i = 0; p->time && i < n; i++)
                if (strcmp(column(p, i, name, sizeof name), p->time) == 0)
                        out->t_ms = time_of_text(field[i]);
        for (guint i = 0; i < n; i++) {
                const char *of = column(p, i, name, sizeof name);
                if (g_strcmp0(of, p->time) != 0 && parse_number(field[i], &value))
                        number(out, of, NULL, NULL, value);
        }
        return numbers > 0;
}

/* --- name=value unit --- */
static bool is_name_char(char c)
{
        return g_ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
}

/* A unit behind a number: what stands there up to the next space, comma or semicolon, unless it is the next one's name. */
static const char *unit_at(const char **at, char *buffer, gsize size)
{
        const char *from = *at + strspn(*at, " \t"), *end = from + strcspn(from, " \t,;|=:");
        if (end == from || (gsize)(end - from) >= size || *end == '=' || *end == ':')
                return NULL;
        memcpy(buffer, from, (gsize)(end - from));
        buffer[end - from] = '\0';
        *at = end;
        return strcmp(buffer, "C") == 0 || strcmp(buffer, "°C") == 0 ? "Cel"
               : strcmp(buffer, "°") == 0                            ? "deg"
                                                                     : buffer;
}

static void parse_values(Out *out, const char *line)
{
        for (const char *at = line; *at;) {
                if (!is_name_char(*at)) {
                        at++;
                        continue;
                }
                const char *from = at;
                while (is_name_char(*at))
                        at++;
                g_autofree char *name = g_strndup(from, (gsize)(at - from));
                const char *is = at + strspn(at, " \t");
                if (*is != '=' && *is != ':')
                        continue;
                is += 1 + strspn(is + 1, " \t");
                char *end, unit[TB_LIMIT_UNIT + 1];
                double value = g_ascii_strtod(is, &end);
                if (end == is) {
                        at = is;
                        continue;
                }
                at = end;
                const char *of = unit_at(&at, unit, sizeof unit);
                number(out, name, NULL, of, value);
        }
}

/* --- a pattern --- */
static char *group(const TbLineProto *p, const char *name)
{
        PCRE2_UCHAR8 *text = NULL;
        PCRE2_SIZE n = 0;
        if (pcre2_substring_get_byname(p->match, (PCRE2_SPTR8)name, &text, &n) != 0)
                return NULL;
        char *copy = g_strndup((const char *)text, n);
        pcre2_substring_free(text);
        return copy;
}

static bool parse_pattern(Out *out, const char *line, gsize size)
{
        const TbLineProto *p = out->proto;
        if (pcre2_match(p->code, (PCRE2_SPTR8)line, size, 0, 0, p->match, p->context) <= 0)
                return false;
        guint32 count = 0, entry = 0;
        PCRE2_SPTR8 table = NULL;
        pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
        pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
        pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, (void *)&table);
        g_autofree char *when = p->time ? group(p, p->time) : NULL, *name = group(p, "name"),
                        *unit = group(p, "unit");
        out->t_ms = when ? time_of_text(when) : 0;
        for (guint32 i = 0; i < count; i++) {
                const char *of = (const char *)table + (gsize)i * entry + 2;
                g_autofree char *text =
                        name && (strcmp(of, "name") == 0 || strcmp(of, "unit") == 0) ? NULL : group(p, of);
                double value;
                if (text && g_strcmp0(of, p->time) != 0 && parse_number(text, &value))
                        number(out, strcmp(of, "value") == 0 && name ? name : of, NULL,
                               strcmp(of, "value") == 0 ? unit : NULL, value);
        }
        return true;
}

/* --- a line --- */
typedef struct Nmea {
        Out *out;
} Nmea;

static void nmea_each(const TbSample *sample, gpointer data)
{
        number(((Nmea *)data)->out, sample->stream, sample->quantity, sample->unit, sample->value);
}

static TbLineProtoFormat guess(const char *line)
{
        return *line == '{'                   ? TB_LINE_PROTO_JSON
               : *line == '$' || *line == '!' ? TB_LINE_PROTO_NMEA
               : strpbrk(line, "=:") != NULL  ? TB_LINE_PROTO_VALUES
                                              : TB_LINE_PROTO_CSV;
}

bool tb_line_proto_parse(TbLineProto *p, const char *line, gsize size, TbLineProtoEach each, gpointer data,
                         const char **ret_why)
{
        Out out = {p, each, data, 0, 0};
        g_autofree char *text = g_strndup(line, size); /* up to a NUL: it is garbage then */
        *ret_why = hints[p->format];
        if (strlen(text) < size)
                return false;
        g_strstrip(text);
        if (!*text || (*text == '#' && p->format != TB_LINE_PROTO_REGEX))
                return true;
        switch (p->format == TB_LINE_PROTO_AUTO ? guess(text) : p->format) {
        case TB_LINE_PROTO_JSON: return parse_json(&out, text, strlen(text));
        case TB_LINE_PROTO_NMEA:
                return tb_line_proto_nmea(text, strlen(text), nmea_each, &(Nmea){&out}, ret_why);
        case TB_LINE_PROTO_VALUES: parse_values(&out, text); return out.n > 0;
        case TB_LINE_PROTO_REGEX: return parse_pattern(&out, text, strlen(text));
        case TB_LINE_PROTO_AUTO:
        case TB_LINE_PROTO_CSV: break;
        }
        return parse_csv(p, &out, text);
}

/* --- parameters --- */
static bool compile(TbLineProto *p, const char *pattern, GError **error)
{
        int code = 0;
        PCRE2_SIZE at = 0;
        guint32 names = 0;
        p->code = pcre2_compile((PCRE2_SPTR8)(pattern ? pattern : ""), PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
        if (!p->code) {
                PCRE2_UCHAR8 why[120] = "";
                pcre2_get_error_message(code, why, sizeof why);
                tb_error_set_field(error, TB_ERROR_INVALID, "pattern", "the pattern is none: %s at %zu",
                                   (const char *)why, at);
                return false;
        }
        pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &names);
        if (names == 0) {
                tb_error_set_field(error, TB_ERROR_INVALID, "pattern",
                                   "a pattern names what is to be told: T=(?<temperature>[-0-9.]+)");
                return false;
        }
        p->match = pcre2_match_data_create_from_pattern(p->code, NULL);
        p->context = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(p->context, STEPS);
        pcre2_set_depth_limit(p->context, 1000);
        return true;
}

static const char *text_of(const json_t *params, const char *key)
{
        return json_string_value(json_object_get(params, key));
}

TbLineProto *tb_line_proto_new(json_t *params, GError **error)
{
        static const TbDeclaredField fields[] = {
                {.name = "at", .type = JSON_STRING, .required = true, .min = 1, .max = 256}, {.name = NULL}};
        static const char *const formats[] = {"auto", "json", "csv", "nmea", "values", "regex", NULL};
        const char *format = text_of(params, "format"), *columns = text_of(params, "columns"),
                   *separator = text_of(params, "separator"), *pattern = text_of(params, "pattern");
        TbLineProto *p = g_new0(TbLineProto, 1);
        for (guint i = 0; formats[i]; i++)
                if (g_strcmp0(format, formats[i]) == 0)
                        p->format = (TbLineProtoFormat)i;
        p->separator = separator && strcmp(separator, "tab") != 0 ? separator[0] : separator ? '\t' : ',';
        p->time = text_of(params, "time");
        p->columns = columns ? g_strsplit(columns, ",", TB_LIMIT_STREAMS) : NULL;
        p->rows = tb_declared_of(json_object_get(params, "streams"), &p->n);
        bool ok = tb_declared_check(json_object_get(params, "streams"), fields, error);
        if (ok && (p->format == TB_LINE_PROTO_REGEX) != (pattern != NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "pattern",
                                   "format \"regex\" and a pattern belong together");
                ok = false;
        }
        if (!ok || (pattern && !compile(p, pattern, error)))
                g_clear_pointer(&p, tb_line_proto_free);
        return p;
}

void tb_line_proto_free(TbLineProto *p)
{
        if (!p)
                return;
        g_strfreev(p->columns);
        g_strfreev(p->header);
        g_free(p->rows);
        pcre2_match_context_free(p->context);
        pcre2_match_data_free(p->match);
        pcre2_code_free(p->code);
        g_free(p);
}
