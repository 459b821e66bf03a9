#include "lib/param.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/text.h"

const TbParam tb_no_params[] = {TB_PARAM_END};

static const TbParam no_params[] = {TB_PARAM_END};

static const char *type_name(TbParamType type)
{
        switch (type) {
        case TB_PARAM_STRING: return "string";
        case TB_PARAM_INT: return "integer";
        case TB_PARAM_NUMBER: return "number";
        case TB_PARAM_BOOL: return "boolean";
        case TB_PARAM_ENUM: return "enum";
        case TB_PARAM_OBJECT: return "object";
        case TB_PARAM_ARRAY: return "array";
        case TB_PARAM_ANY: return "any";
        case TB_PARAM_SECRET: return "secret";
        }
        return "any";
}

static bool bounded(const TbParam *p)
{
        return p->min != 0 || p->max != 0;
}

static const TbParam *find(const TbParam *params, const char *name)
{
        for (const TbParam *p = params; p->name; p++)
                if (strcmp(p->name, name) == 0)
                        return p;
        return NULL;
}

static char *known_names(const TbParam *params)
{
        g_autoptr(GString) s = g_string_new(NULL);
        for (const TbParam *p = params; p->name; p++)
                g_string_append_printf(s, "%s%s", s->len ? ", " : "", p->name);
        return g_string_free(g_steal_pointer(&s), FALSE);
}

static bool refuse_unknown(const TbParam *params, const char *name, GError **error)
{
        g_autofree char *known = known_names(params);
        g_autofree char *shown = g_utf8_substring(name, 0, MIN(g_utf8_strlen(name, -1), TB_LIMIT_ID));
        if (*known)
                tb_error_set_field(error, TB_ERROR_INVALID, shown, "unknown field \"%s\"; known fields: %s",
                                   shown, known);
        else
                tb_error_set_field(error, TB_ERROR_INVALID, shown,
                                   "unknown field \"%s\"; no fields are allowed here", shown);
        return false;
}

/* --- checks of one value: each says what would have been right and what came --- */
static bool check_string(const TbParam *p, json_t *v, GError **error)
{
        if (!json_is_string(v)) {
                tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be a string", p->name);
                return false;
        }
        double size = (double)json_string_length(v);
        double max = bounded(p) ? p->max : TB_LIMIT_URI;
        if (size < p->min || size > max) {
                tb_error_set_field(error, TB_ERROR_INVALID, p->name,
                                   "%s must be %.0f to %.0f bytes long, it has %.0f", p->name, p->min, max,
                                   size);
                return false;
        }
        return true;
}

static bool check_range(const TbParam *p, double value, GError **error)
{
        if (isfinite(value) && (!bounded(p) || (value >= p->min && value <= p->max)))
                return true;
        if (!bounded(p))
                tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be a finite number", p->name);
        else
                tb_error_set_field(error, TB_ERROR_INVALID, p->name,
                                   "%s must be from %.15g to %.15g%s%s, got %.15g", p->name, p->min, p->max,
                                   p->unit ? " " : "", p->unit ? p->unit : "", value);
        return false;
}

static json_t *check_int(const TbParam *p, json_t *v, GError **error)
{
        json_int_t n;
        if (json_is_integer(v)) {
                n = json_integer_value(v);
        } else if (json_is_real(v) && fabs(json_real_value(v)) < 9e15 &&
                   trunc(json_real_value(v)) == json_real_value(v)) {
                n = (json_int_t)json_real_value(v); /* 1.0 and 1e3 are integers in JSON */
        } else {
                tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be an integer", p->name);
                return NULL;
        }
        if (!check_range(p, (double)n, error))
                return NULL;
        return json_is_integer(v) ? json_incref(v) : json_integer(n);
}

static bool check_enum(const TbParam *p, json_t *v, GError **error)
{
        const char *text = json_string_value(v);
        for (gsize i = 0; text && p->choices[i]; i++)
                if (strcmp(text, p->choices[i]) == 0)
                        return true;
        g_autofree char *list = g_strjoinv(", ", (char **)p->choices);
        tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be one of: %s", p->name, list);
        return false;
}

static bool check_array(const TbParam *p, json_t *v, GError **error)
{
        if (!json_is_array(v)) {
                tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be an array", p->name);
                return false;
        }
        double n = (double)json_array_size(v);
        if (bounded(p) && (n < p->min || n > p->max)) {
                tb_error_set_field(error, TB_ERROR_INVALID, p->name,
                                   "%s must have %.0f to %.0f items, it has %.0f", p->name, p->min, p->max,
                                   n);
                return false;
        }
        return true;
}

/* One line of it, without what would break or turn the lines of a page, a log, a terminal. */
static json_t *as_line(const TbParam *p, json_t *v, GError **error)
{
        g_autofree char *line = tb_text_line(json_string_value(v), TB_LIMIT_URI);
        if (strlen(line) >= p->min)
                return json_string(line);
        tb_error_set_field(error, TB_ERROR_INVALID, p->name, "there is nothing in %s that can be read",
                           p->name);
        return NULL;
}

/* The value to keep (a new reference), or NULL. */
static json_t *check(const TbParam *p, json_t *v, GError **error)
{
        bool ok = true;
        switch (p->type) {
        case TB_PARAM_STRING:
        case TB_PARAM_SECRET: ok = check_string(p, v, error); break;
        case TB_PARAM_INT: return check_int(p, v, error);
        case TB_PARAM_NUMBER:
                ok = json_is_number(v);
                if (!ok)
                        tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be a number", p->name);
                ok = ok && check_range(p, json_number_value(v), error);
                break;
        case TB_PARAM_BOOL:
                ok = json_is_boolean(v);
                if (!ok)
                        tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be true or false",
                                           p->name);
                break;
        case TB_PARAM_ENUM: ok = check_enum(p, v, error); break;
        case TB_PARAM_OBJECT:
                ok = json_is_object(v);
                if (!ok)
                        tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s must be an object", p->name);
                break;
        case TB_PARAM_ARRAY: ok = check_array(p, v, error); break;
        case TB_PARAM_ANY: break;
        }
        return !ok ? NULL : p->shown ? as_line(p, v, error) : json_incref(v);
}

static bool add_missing(const TbParam *params, json_t *out, GError **error)
{
        for (const TbParam *p = params; p->name; p++) {
                if (json_object_get(out, p->name))
                        continue;
                if (p->required) {
                        tb_error_set_field(error, TB_ERROR_INVALID, p->name, "%s is missing (%s)", p->name,
                                           p->help ? p->help : type_name(p->type));
                        return false;
                }
                if (!p->fallback)
                        continue;
                json_t *value = json_loads(p->fallback, JSON_DECODE_ANY, NULL);
                g_assert(value); /* tables are ours */
                json_object_set_new(out, p->name, value);
        }
        return true;
}

json_t *tb_params_validate(const TbParam *params, json_t *in, GError **error)
{
        if (!params)
                params = no_params;
        if (in && !json_is_object(in)) {
                tb_set_error(error, TB_ERROR_INVALID, "the body must be a JSON object");
                return NULL;
        }
        json_t *out = json_object();
        const char *name;
        json_t *value;
        json_object_foreach (in, name, value) {
                const TbParam *p = find(params, name);
                json_t *kept = p ? check(p, value, error) : NULL;
                if (!p)
                        refuse_unknown(params, name, error);
                if (!kept) {
                        json_decref(out);
                        return NULL;
                }
                json_object_set_new(out, p->name, kept);
        }
        if (!add_missing(params, out, error)) {
                json_decref(out);
                return NULL;
        }
        return out;
}

void tb_params_keep_known(const TbParam *params, json_t *object)
{
        json_t *value;
        const char *name;
        void *next;
        json_object_foreach_safe (object, next, name, value)
                if (!find(params, name) || json_is_null(value))
                        json_object_del(object, name);
}

/* --- text values --- */
static json_t *number_from_text(const TbParam *p, const char *text)
{
        char *end = NULL;
        if (g_ascii_isspace(*text) || *text == '\0' || *text == '+' || strpbrk(text, "xXnN"))
                return NULL; /* strtod's hexadecimal, nan and inf are not numbers of ours */
        errno = 0;
        if (p->type == TB_PARAM_INT) {
                gint64 n = g_ascii_strtoll(text, &end, 10);
                if (*end == '\0' && errno == 0)
                        return json_integer(n);
        }
        errno = 0;
        double d = g_ascii_strtod(text, &end);
        return *end == '\0' && errno == 0 && isfinite(d) ? json_real(d) : NULL;
}

/* A value of the parameter's type (new), or NULL when the text cannot be one: then the type check words the
 * error. */
static json_t *from_text(const TbParam *p, const char *text)
{
        switch (p->type) {
        case TB_PARAM_INT:
        case TB_PARAM_NUMBER: return number_from_text(p, text);
        case TB_PARAM_BOOL:
                if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
                        return json_true();
                return strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ? json_false() : NULL;
        case TB_PARAM_OBJECT:
        case TB_PARAM_ARRAY:
        case TB_PARAM_ANY: return json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        case TB_PARAM_STRING:
        case TB_PARAM_SECRET:
        case TB_PARAM_ENUM: return NULL;
        }
        return NULL;
}

json_t *tb_params_validate_text(const TbParam *params, json_t *in, GError **error)
{
        if (!params)
                params = no_params;
        json_t *typed = json_object();
        const char *name;
        json_t *value;
        json_object_foreach (in, name, value) {
                const TbParam *p = find(params, name);
                json_t *converted =
                        p && json_is_string(value) ? from_text(p, json_string_value(value)) : NULL;
                json_object_set_new(typed, name, converted ? converted : json_incref(value));
        }
        json_t *out = tb_params_validate(params, typed, error);
        json_decref(typed);
        return out;
}

/* --- descriptions --- */
static json_t *choices_array(const TbParam *p)
{
        json_t *list = json_array();
        for (gsize i = 0; p->choices && p->choices[i]; i++)
                json_array_append_new(list, json_string(p->choices[i]));
        return list;
}

static void put_default(json_t *o, const TbParam *p)
{
        if (p->fallback)
                json_object_set_new(o, "default", json_loads(p->fallback, JSON_DECODE_ANY, NULL));
}

static void put_bounds(json_t *o, const TbParam *p, const char *min, const char *max)
{
        if (!bounded(p))
                return;
        bool whole = p->type != TB_PARAM_NUMBER || (trunc(p->min) == p->min && trunc(p->max) == p->max);
        json_object_set_new(o, min, whole ? json_integer((json_int_t)p->min) : json_real(p->min));
        json_object_set_new(o, max, whole ? json_integer((json_int_t)p->max) : json_real(p->max));
}

static json_t *schema_of(const TbParam *p)
{
        json_t *o = json_object();
        switch (p->type) {
        case TB_PARAM_SECRET:
                json_object_set_new(o, "writeOnly", json_true());
                json_object_set_new(o, "format", json_string("password"));
                G_GNUC_FALLTHROUGH;
        case TB_PARAM_STRING:
                json_object_set_new(o, "type", json_string("string"));
                put_bounds(o, p, "minLength", "maxLength");
                break;
        case TB_PARAM_ENUM:
                json_object_set_new(o, "type", json_string("string"));
                json_object_set_new(o, "enum", choices_array(p));
                break;
        case TB_PARAM_INT:
        case TB_PARAM_NUMBER:
                json_object_set_new(o, "type", json_string(type_name(p->type)));
                put_bounds(o, p, "minimum", "maximum");
                break;
        case TB_PARAM_ARRAY:
                json_object_set_new(o, "type", json_string("array"));
                put_bounds(o, p, "minItems", "maxItems");
                break;
        case TB_PARAM_BOOL:
        case TB_PARAM_OBJECT: json_object_set_new(o, "type", json_string(type_name(p->type))); break;
        case TB_PARAM_ANY: break;
        }
        put_default(o, p);
        if (p->help)
                json_object_set_new(o, "description", json_string(p->help));
        if (p->unit)
                json_object_set_new(o, "x-unit", json_string(p->unit));
        return o;
}

json_t *tb_params_schema(const TbParam *params)
{
        json_t *properties = json_object(), *required = json_array();
        for (const TbParam *p = params ? params : no_params; p->name; p++) {
                json_object_set_new(properties, p->name, schema_of(p));
                if (p->required)
                        json_array_append_new(required, json_string(p->name));
        }
        json_t *o = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                              "additionalProperties", 0);
        if (json_array_size(required) > 0)
                json_object_set(o, "required", required);
        json_decref(required);
        return o;
}

json_t *tb_params_describe(const TbParam *params)
{
        json_t *list = json_array();
        for (const TbParam *p = params ? params : no_params; p->name; p++) {
                json_t *o = json_pack("{s:s, s:s, s:b}", "name", p->name, "type", type_name(p->type),
                                      "required", p->required);
                put_default(o, p);
                put_bounds(o, p, "min", "max");
                if (p->choices)
                        json_object_set_new(o, "choices", choices_array(p));
                if (p->unit)
                        json_object_set_new(o, "unit", json_string(p->unit));
                if (p->help)
                        json_object_set_new(o, "help", json_string(p->help));
                json_array_append_new(list, o);
        }
        return list;
}
