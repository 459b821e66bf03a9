#include "drivers/exec/exec_proto.h"

#include <string.h>

#include "lib/limits.h"

static TbPowerObserved word_to_state(const char *word, bool *known)
{
        static const struct {
                const char *word;
                TbPowerObserved state;
        } words[] = {{"on", TB_POWER_ON},          {"1", TB_POWER_ON},  {"true", TB_POWER_ON},
                     {"off", TB_POWER_OFF},        {"0", TB_POWER_OFF}, {"false", TB_POWER_OFF},
                     {"unknown", TB_POWER_UNKNOWN}};
        for (guint i = 0; i < G_N_ELEMENTS(words); i++)
                if (g_ascii_strcasecmp(word, words[i].word) == 0) {
                        *known = true;
                        return words[i].state;
                }
        *known = false;
        return TB_POWER_UNKNOWN;
}

static double number_of(json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);
        return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool power_from_json(json_t *root, TbPowerState *ret)
{
        json_t *state = json_object_get(root, "observed");
        if (!state)
                state = json_object_get(root, "state");
        bool known = true;
        if (json_is_boolean(state))
                ret->observed = json_is_true(state) ? TB_POWER_ON : TB_POWER_OFF;
        else
                ret->observed = word_to_state(json_is_string(state) ? json_string_value(state) : "", &known);
        ret->watts = number_of(root, "watts");
        ret->volts = number_of(root, "volts");
        ret->amps = number_of(root, "amps");
        ret->energy_wh = number_of(root, "energy_wh");
        return known;
}

bool exec_parse_power(const char *text, gsize size, TbPowerState *ret, GError **error)
{
        TbPowerState state = {TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        g_autofree char *copy = g_strndup(text, size);
        g_strstrip(copy);
        bool known;
        if (*copy == '{') {
                json_auto_t *root = json_loads(copy, JSON_REJECT_DUPLICATES, NULL);
                known = root && power_from_json(root, &state);
        } else {
                state.observed = word_to_state(copy, &known);
        }
        if (!known) {
                g_autofree char *shown = g_utf8_make_valid(copy, (gssize)MIN(strlen(copy), 80));
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the command printed \"%s\": print on, off, unknown, or "
                             "{\"state\":\"on\",\"watts\":3.2}",
                             shown);
                return false;
        }
        *ret = state;
        return true;
}

/* --- samples --- */
typedef struct Out {
        void (*each)(const TbSample *sample, gpointer data);
        gpointer data;
        guint n;
} Out;

static bool is_stream(const char *name)
{
        gsize n = strlen(name);
        return n > 0 && n <= TB_LIMIT_ID && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static bool is_short(const char *text)
{
        return strlen(text) <= TB_LIMIT_ID && g_utf8_validate(text, -1, NULL);
}

static bool emit(Out *out, const char *name, const char *quantity, const char *unit, double value,
                 GError **error)
{
        if (!is_stream(name) || !is_short(quantity) || !is_short(unit) || !isfinite(value)) {
                g_autofree char *shown = g_utf8_make_valid(name, (gssize)MIN(strlen(name), 80));
                tb_set_error(
                        error, TB_ERROR_DEVICE,
                        "the command printed a bad sample \"%s\": names are [a-z0-9._-], values are numbers",
                        shown);
                return false;
        }
        if (out->n++ >= TB_LIMIT_STREAMS) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "the command printed more than %d samples",
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

bool exec_parse_samples(const char *text, gsize size, const char *name,
                        void (*each)(const TbSample *sample, gpointer data), gpointer data, GError **error)
{
        Out out = {each, data, 0};
        g_autofree char *copy = g_strndup(text, size);
        g_strstrip(copy);
        if (*copy == '{') {
                json_auto_t *root = json_loads(copy, JSON_REJECT_DUPLICATES, NULL);
                if (root)
                        return samples_from_json(root, &out, error);
                tb_set_error(error, TB_ERROR_DEVICE, "the command printed broken JSON");
                return false;
        }
        g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
        for (char **line = lines; *line; line++)
                if (*g_strstrip(*line) && !line_to_sample(*line, name, &out, error))
                        return false;
        if (out.n > 0)
                return true;
        tb_set_error(error, TB_ERROR_DEVICE,
                     "the command printed nothing: print a number, lines \"name value unit\", or JSON");
        return false;
}
