#include "drivers/transport/samples.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/name.h"

void tb_samples_tell(TbInstance *self, const char *stream, const char *quantity, const char *unit,
                     double value)
{
        if (isfinite(value))
                self->up->sample(self, &(TbSample){stream, quantity, unit, value, 0});
}

/* --- texts --- */
typedef struct Out {
        void (*each)(const TbSample *sample, gpointer data);
        gpointer data;
        const char *who;
        guint n;
} Out;

static bool is_short(const char *text)
{
        return strlen(text) <= TB_LIMIT_ID && g_utf8_validate(text, -1, NULL);
}

static bool emit(Out *out, const char *name, const char *quantity, const char *unit, double value,
                 GError **error)
{
        if (!tb_name_valid(TB_NAME_STREAM, name) || !is_short(quantity) || !is_short(unit) ||
            !isfinite(value)) {
                g_autofree char *shown = g_utf8_make_valid(name, (gssize)MIN(strlen(name), 80));
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s printed a bad sample \"%s\": names are %s, values are numbers", out->who,
                             shown, tb_name_rule(TB_NAME_STREAM));
                return false;
        }
        if (out->n++ >= TB_LIMIT_STREAMS) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "%s printed more than %d samples", out->who,
                             TB_LIMIT_STREAMS);
                return false;
        }
        const TbSample sample = {name, quantity, unit, value, 0};
        out->each(&sample, out->data);
        return true;
}

static const char *text_or(json_t *object, const char *key, const char *otherwise)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : otherwise;
}

static bool samples_from_json(json_t *root, Out *out, GError **error)
{
        const char *key;
        json_t *value;
        json_object_foreach (root, key, value) {
                json_t *number = json_is_object(value) ? json_object_get(value, "value") : value;
                double v = json_is_number(number) ? json_number_value(number) : NAN;
                if (!emit(out, key, text_or(value, "quantity", "value"), text_or(value, "unit", "1"), v,
                          error))
                        return false;
        }
        return true;
}

static bool parse_double(const char *text, double *ret)
{
        char *end;
        *ret = g_ascii_strtod(text, &end);
        return end != text && *end == '\0';
}

static bool line_to_sample(char *line, const char *name, Out *out, GError **error)
{
        g_auto(GStrv) raw = g_strsplit_set(line, " \t", -1);
        const char *word[4] = {0};
        guint n = 0;
        for (char **w = raw; *w && n < G_N_ELEMENTS(word); w++)
                if (**w)
                        word[n++] = *w;
        double value = NAN;
        if (n == 1 && parse_double(word[0], &value))
                return emit(out, name, "value", "1", value, error);
        bool good = (n == 2 || n == 3) && parse_double(word[1], &value) && !isnan(value);
        if (!good) /* refused, with the line as the reason */
                return emit(out, line, "value", "1", NAN, error);
        return emit(out, word[0], "value", n == 3 ? word[2] : "1", value, error);
}

bool tb_samples_parse(const char *text, gsize size, const char *who, const char *name,
                      void (*each)(const TbSample *sample, gpointer data), gpointer data, GError **error)
{
        Out out = {each, data, who, 0};
        g_autofree char *copy = g_strndup(text, size);
        g_strstrip(copy);
        if (*copy == '{') {
                json_auto_t *root = json_loads(copy, JSON_REJECT_DUPLICATES, NULL);
                if (root)
                        return samples_from_json(root, &out, error);
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s printed broken JSON: an object {\"name\": number, …} is expected", who);
                return false;
        }
        g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
        for (char **line = lines; *line; line++)
                if (*g_strstrip(*line) && !line_to_sample(*line, name, &out, error))
                        return false;
        if (out.n > 0)
                return true;
        tb_set_error(error, TB_ERROR_DEVICE,
                     "%s printed nothing: expected are a number, lines \"name value unit\", or JSON", who);
        return false;
}

char *tb_samples_part(const char *label)
{
        GString *out = g_string_new(NULL);
        for (; *label && *label != '\n' && out->len < 32; label++) {
                if (g_ascii_isalnum(*label))
                        g_string_append_c(out, g_ascii_tolower(*label));
                else if (out->len > 0 && out->str[out->len - 1] != '-')
                        g_string_append_c(out, '-');
        }
        while (out->len > 0 && out->str[out->len - 1] == '-')
                g_string_truncate(out, out->len - 1);
        if (out->len == 0)
                g_string_append(out, "sensor");
        return g_string_free(out, FALSE);
}
