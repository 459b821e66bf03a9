#include "drivers/transport/declared.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/name.h"

static const TbDeclaredField common[] = {
        {.name = "stream", .type = JSON_STRING, .required = true, .min = 1, .max = TB_LIMIT_ID},
        {.name = "quantity", .type = JSON_STRING, .max = TB_LIMIT_QUANTITY},
        {.name = "unit", .type = JSON_STRING, .max = TB_LIMIT_UNIT},
        {.name = "scale", .type = JSON_REAL},
        {.name = "offset", .type = JSON_REAL},
        {.name = NULL},
};

static const TbDeclaredField *find(const TbDeclaredField *fields, const char *name)
{
        for (const TbDeclaredField *f = fields; f && f->name; f++)
                if (strcmp(f->name, name) == 0)
                        return f;
        return NULL;
}

static bool is_type(const TbDeclaredField *f, const json_t *value)
{
        return f->type == JSON_REAL   ? json_is_number(value)
               : f->type == JSON_TRUE ? json_is_boolean(value)
                                      : json_typeof(value) == f->type;
}

static bool is_within(const TbDeclaredField *f, const json_t *value)
{
        double size = json_is_string(value) ? (double)json_string_length(value) : json_number_value(value);
        if (f->choices) {
                const char *text = json_string_value(value);
                return text && g_strv_contains(f->choices, text);
        }
        return (f->min == 0 && f->max == 0) || (size >= f->min && size <= f->max);
}

static const char *type_words(json_type type)
{
        return type == JSON_STRING    ? "a text"
               : type == JSON_INTEGER ? "a whole number"
               : type == JSON_REAL    ? "a number"
               : type == JSON_OBJECT  ? "an object"
                                      : "true or false";
}

static bool refuse(GError **error, gsize i, const char *what)
{
        tb_error_set_field(error, TB_ERROR_INVALID, "streams", "streams[%zu]: %s", i, what);
        return false;
}

static bool check_value(gsize i, const char *key, const json_t *value, const TbDeclaredField *fields,
                        GError **error)
{
        const TbDeclaredField *f = find(common, key) ? find(common, key) : find(fields, key);
        g_autofree char *what = NULL;
        if (!f)
                what = g_strdup_printf("\"%s\" is not known there", key);
        else if (!is_type(f, value))
                what = g_strdup_printf("\"%s\" is %s", key, type_words(f->type));
        else if (!is_within(f, value) && f->choices) {
                g_autofree char *all = g_strjoinv(", ", (char **)f->choices);
                what = g_strdup_printf("\"%s\" is one of %s", key, all);
        } else if (!is_within(f, value))
                what = g_strdup_printf("\"%s\" is from %.0f to %.0f%s", key, f->min, f->max,
                                       f->type == JSON_STRING ? " bytes" : "");
        return !what || refuse(error, i, what);
}

static bool check_required(gsize i, const json_t *entry, const TbDeclaredField *fields, GError **error)
{
        for (const TbDeclaredField *f = fields; f && f->name; f++)
                if (f->required && !json_object_get(entry, f->name)) {
                        g_autofree char *what = g_strdup_printf("\"%s\" is missing", f->name);
                        return refuse(error, i, what);
                }
        return true;
}

bool tb_declared_check(const json_t *list, const TbDeclaredField *fields, GError **error)
{
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        gsize i;
        json_t *entry, *value;
        const char *key;
        json_array_foreach (list, i, entry) {
                if (!json_is_object(entry))
                        return refuse(
                                error, i,
                                "an object like {\"stream\": \"rail.3v3\", \"unit\": \"V\"} is expected");
                json_object_foreach (entry, key, value)
                        if (!check_value(i, key, value, fields, error))
                                return false;
                if (!check_required(i, entry, common, error) || !check_required(i, entry, fields, error))
                        return false;
                const char *name = json_string_value(json_object_get(entry, "stream"));
                g_autofree char *what =
                        !tb_name_valid(TB_NAME_STREAM, name)
                                ? g_strdup_printf("a stream's name has %s", tb_name_rule(TB_NAME_STREAM))
                        : !g_hash_table_add(names, (gpointer)name)
                                ? g_strdup_printf("there is another stream of the name \"%s\"", name)
                                : NULL;
                if (what)
                        return refuse(error, i, what);
        }
        return true;
}

TbDeclared *tb_declared_of(const json_t *list, guint *ret_n)
{
        TbDeclared *rows = g_new0(TbDeclared, json_array_size(list) + 1);
        for (gsize i = 0; i < json_array_size(list); i++) {
                json_t *entry = json_array_get(list, i);
                TbDeclared *row = &rows[i];
                row->more = entry;
                row->stream = json_string_value(json_object_get(entry, "stream"));
                row->unit = tb_declared_text(row, "unit");
                row->unit = row->unit ? row->unit : "1";
                row->quantity = tb_declared_text(row, "quantity");
                row->quantity = row->quantity ? row->quantity : tb_declared_quantity(row->unit);
                row->scale = tb_declared_number(row, "scale", 1);
                row->offset = tb_declared_number(row, "offset", 0);
        }
        *ret_n = (guint)json_array_size(list);
        return rows;
}

const char *tb_declared_text(const TbDeclared *row, const char *key)
{
        return json_string_value(json_object_get(row->more, key));
}

double tb_declared_number(const TbDeclared *row, const char *key, double otherwise)
{
        const json_t *value = json_object_get(row->more, key);
        return value ? json_number_value(value) : otherwise;
}

void tb_declared_tell(TbInstance *self, const TbDeclared *row, double value, gint64 t_ms)
{
        value = value * row->scale + row->offset;
        if (isfinite(value))
                self->up->sample(self, &(TbSample){row->stream, row->quantity, row->unit, value, t_ms});
}

const char *tb_declared_quantity(const char *unit)
{
        static const char *const known[][2] = {
                {"V", "voltage"},
                {"mV", "voltage"},
                {"A", "current"},
                {"mA", "current"},
                {"W", "power"},
                {"mW", "power"},
                {"W.h", "energy"},
                {"J", "energy"},
                {"Cel", "temperature"},
                {"K", "temperature"},
                {"[degF]", "temperature"},
                {"Hz", "frequency"},
                {"Ohm", "resistance"},
                {"F", "capacitance"},
                {"%", "ratio"},
                {"Pa", "pressure"},
                {"hPa", "pressure"},
                {"bar", "pressure"},
                {"deg", "angle"},
                {"rad", "angle"},
                {"m", "length"},
                {"mm", "length"},
                {"m/s", "speed"},
                {"m/s2", "acceleration"},
                {"deg/s", "angular velocity"},
                {"lx", "illuminance"},
                {"s", "time"},
                {"ms", "time"},
                {"By", "data"},
                {"By/s", "data rate"},
                {"T", "magnetic flux density"},
                {"uT", "magnetic flux density"},
                {"[ppm]", "concentration"},
                {"dB", "level"},
                {"r/min", "rotation"},
                {"{pulses}", "count"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_strcmp0(known[i][0], unit) == 0)
                        return known[i][1];
        return "value";
}

/* Seconds of this century have ten digits, milliseconds thirteen, microseconds sixteen. */
static gint64 epoch_ms(double number)
{
        double ms = number < 1e11 ? number * 1000 : number < 1e14 ? number : number / 1000;
        return isfinite(ms) && ms > 0 && ms <= TB_LIMIT_JSON_INT ? (gint64)ms : 0;
}

gint64 tb_declared_time(const json_t *value)
{
        const char *text = json_string_value(value);
        if (json_is_number(value))
                return epoch_ms(json_number_value(value));
        if (!text)
                return 0;
        char *end;
        double number = g_ascii_strtod(text, &end);
        if (end != text && !*end)
                return epoch_ms(number);
        g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
        g_autoptr(GDateTime) at = g_date_time_new_from_iso8601(text, utc);
        gint64 ms = at ? g_date_time_to_unix(at) * 1000 + g_date_time_get_microsecond(at) / 1000 : 0;
        return MAX(ms, 0);
}
