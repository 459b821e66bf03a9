#include "drivers/iio/iio_proto.h"

#include <string.h>

typedef struct Sort {
        const char *word, *quantity, *unit;
        double factor;
} Sort;

static const Sort sorts[] = {
        {"accel", "acceleration", "m/s2", 1},
        {"altvoltage", "voltage", "V", 1e-3},
        {"angl", "angle", "deg", 180 / G_PI},
        {"anglvel", "angular velocity", "deg/s", 180 / G_PI},
        {"capacitance", "capacitance", "F", 1e-9},
        {"concentration", "concentration", "%", 1},
        {"count", "count", "1", 1},
        {"current", "current", "A", 1e-3},
        {"distance", "length", "m", 1},
        {"electricalconductivity", "conductivity", "S/m", 1},
        {"energy", "energy", "J", 1},
        {"gravity", "acceleration", "m/s2", 1},
        {"humidityrelative", "humidity", "%", 1e-3},
        {"illuminance", "illuminance", "lx", 1},
        {"incli", "inclination", "deg", 1},
        {"intensity", "intensity", "1", 1},
        {"magn", "magnetic flux density", "uT", 100},
        {"ph", "acidity", "[pH]", 1},
        {"phase", "phase", "deg", 180 / G_PI},
        {"positionrelative", "position", "%", 1e-3},
        {"power", "power", "W", 1e-3},
        {"pressure", "pressure", "hPa", 10},
        {"proximity", "proximity", "1", 1},
        {"resistance", "resistance", "Ohm", 1},
        {"steps", "count", "1", 1},
        {"temp", "temperature", "Cel", 1e-3},
        {"uvindex", "UV index", "1", 1},
        {"velocity", "speed", "m/s", 1},
        {"voltage", "voltage", "V", 1e-3},
};

static const Sort *sort_of(const char *word)
{
        for (guint i = 0; i < G_N_ELEMENTS(sorts); i++)
                if (strcmp(sorts[i].word, word) == 0)
                        return &sorts[i];
        return NULL;
}

/* Cuts `end` off; false when it does not end so. */
static bool cut(char *text, const char *end)
{
        if (!g_str_has_suffix(text, end))
                return false;
        text[strlen(text) - strlen(end)] = '\0';
        return true;
}

/* Other measures of the same thing: the mean of a while, the highest so far. */
static bool is_other(const char *channel)
{
        return g_str_has_suffix(channel, "_mean") || g_str_has_suffix(channel, "_peak") ||
               g_str_has_suffix(channel, "_trough");
}

/* "voltage0-voltage1" -> "0-1", "accel_x" -> "x", "temp0_ambient" -> "0-ambient" */
static void label_of(const char *channel, const char *word, char *ret)
{
        char *to = ret;
        while (*channel) {
                if (g_str_has_prefix(channel, word))
                        channel += strlen(word);
                else if (*channel != '_' || to != ret)
                        *to++ = *channel == '_' ? '-' : *channel, channel++;
                else
                        channel++;
        }
        *to = '\0';
        if (to == ret)
                g_strlcpy(ret, "1", TB_IIO_CHANNEL);
}

bool tb_iio_parse_file(const char *name, TbIioValue *ret)
{
        TbIioValue value = {0};
        char *to = value.shared;
        if (!g_str_has_prefix(name, "in_") || strlen(name) >= TB_IIO_CHANNEL)
                return false;
        g_strlcpy(value.channel, name + strlen("in_"), sizeof value.channel);
        value.processed = cut(value.channel, "_input");
        if ((!value.processed && !cut(value.channel, "_raw")) || is_other(value.channel))
                return false;
        gsize letters = strspn(value.channel, "abcdefghijklmnopqrstuvwxyz");
        g_strlcpy(value.sort, value.channel, MIN(letters + 1, sizeof value.sort));
        const Sort *sort = sort_of(value.sort);
        if (!sort)
                return false;
        for (const char *c = value.channel; *c; c++)
                if (!g_ascii_isdigit(*c))
                        *to++ = *c;
        label_of(value.channel, value.sort, value.label);
        value.quantity = sort->quantity;
        value.unit = sort->unit;
        value.factor = sort->factor;
        *ret = value;
        return true;
}
