#include "drivers/gpio/gpio_proto.h"

#include <string.h>

#include "lib/error.h"
#include "lib/name.h"
#include "lib/text.h"

static bool bad(const char *field, const char *text, const char *why, GError **error)
{
        g_autofree char *shown = tb_text_cut(text, 80);

        tb_error_set_field(error, TB_ERROR_INVALID, field, "\"%s\": %s", shown, why);
        return false;
}

static bool take_option(const char *word, TbGpioSpec *spec, bool *said_value)
{
        static const struct {
                const char *word;
                TbGpioBias bias;
        } biases[] = {{"pull-up", TB_GPIO_PULL_UP},
                      {"pull-down", TB_GPIO_PULL_DOWN},
                      {"no-pull", TB_GPIO_BIAS_NONE}};

        for (guint i = 0; i < G_N_ELEMENTS(biases); i++)
                if (strcmp(word, biases[i].word) == 0) {
                        spec->bias = biases[i].bias;
                        return true;
                }
        if (strcmp(word, "in") == 0 || strcmp(word, "out") == 0)
                spec->output = word[0] == 'o';
        else if (strcmp(word, "active-low") == 0)
                spec->active_low = true;
        else if (strcmp(word, "open-drain") == 0 || strcmp(word, "open-source") == 0)
                spec->drive = word[5] == 'd' ? TB_GPIO_OPEN_DRAIN : TB_GPIO_OPEN_SOURCE;
        else if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0)
                *said_value = true, spec->on = word[1] == 'n';
        else if (strcmp(word, "safe=on") == 0 || strcmp(word, "safe=off") == 0)
                spec->safe = word[6] == 'n';
        else
                return false;
        return true;
}

/* "17:out:safe=off" */
static bool parse_line(const char *field, const char *text, TbGpioSpec *spec, GError **error)
{
        g_auto(GStrv) words = g_strsplit(text, ":", 16);
        bool said_value = false;

        if (!words[0] || !*words[0] || strlen(words[0]) >= TB_GPIO_NAME ||
            !g_utf8_validate(words[0], -1, NULL))
                return bad(field, text,
                           "a line is an offset on its chip (17), or the name that gpioinfo shows", error);
        g_strlcpy(spec->line, words[0], sizeof spec->line);
        for (guint i = 1; words[i]; i++)
                if (!take_option(words[i], spec, &said_value))
                        return bad(field, text,
                                   "known are in, out, active-low, pull-up, pull-down, no-pull, open-drain, "
                                   "open-source, on, off, safe=on, safe=off",
                                   error);
        if (!spec->output && (said_value || spec->safe >= 0 || spec->drive != TB_GPIO_PUSH_PULL))
                return bad(field, text, "on, off, safe and the drive are for lines that are out", error);
        return true;
}

bool tb_gpio_parse_power(const char *text, TbGpioSpec *ret_spec, GError **error)
{
        TbGpioSpec spec = {.name = "power", .output = true, .safe = -1};

        if (!parse_line("power", text, &spec, error))
                return false;
        if (!spec.output)
                return bad("power", text, "power is switched by a line that is out", error);
        *ret_spec = spec;
        return true;
}

GArray *tb_gpio_parse_lines(const char *text, GError **error)
{
        g_autoptr(GArray) specs = g_array_new(FALSE, FALSE, sizeof(TbGpioSpec));
        g_auto(GStrv) parts = g_strsplit(text, ",", TB_LIMIT_GPIO_LINES + 2);

        for (guint i = 0; parts[i]; i++) {
                TbGpioSpec spec = {.safe = -1};
                char *equals = strchr(parts[i], '=');
                if (!equals || equals == parts[i] || (gsize)(equals - parts[i]) >= sizeof spec.name) {
                        bad("lines", parts[i], "NAME=LINE is expected, such as boot=17:out", error);
                        return NULL;
                }
                memcpy(spec.name, parts[i], (gsize)(equals - parts[i]));
                if (!tb_name_valid(TB_NAME_STREAM, spec.name)) {
                        bad("lines", parts[i], "a name has letters, digits, '.', '_' and '-'", error);
                        return NULL;
                }
                if (!parse_line("lines", equals + 1, &spec, error))
                        return NULL;
                for (guint n = 0; n < specs->len; n++) {
                        const TbGpioSpec *other = &g_array_index(specs, TbGpioSpec, n);
                        if (strcmp(other->name, spec.name) != 0 && strcmp(other->line, spec.line) != 0)
                                continue;
                        bad("lines", parts[i], "this name or line is there twice", error);
                        return NULL;
                }
                if (specs->len >= TB_LIMIT_GPIO_LINES) {
                        bad("lines", parts[i],
                            "one attachment has " G_STRINGIFY(TB_LIMIT_GPIO_LINES) " lines at most", error);
                        return NULL;
                }
                g_array_append_val(specs, spec);
        }
        return g_steal_pointer(&specs);
}
