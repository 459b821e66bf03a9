#include "drivers/hwmon/hwmon_proto.h"

#include <string.h>

#define INDEX_MAX 999

bool tb_hwmon_parse_file(const char *name, TbHwmonValue *ret)
{
        static const TbHwmonValue known[] = {
                {.word = "temp", .quantity = "temperature", .unit = "Cel", .scale = 1e-3},
                {.word = "in", .quantity = "voltage", .unit = "V", .scale = 1e-3},
                {.word = "curr", .quantity = "current", .unit = "A", .scale = 1e-3},
                {.word = "power", .quantity = "power", .unit = "W", .scale = 1e-6},
                {.word = "energy", .quantity = "energy", .unit = "J", .scale = 1e-6},
                {.word = "fan", .quantity = "rotation", .unit = "r/min", .scale = 1},
                {.word = "humidity", .quantity = "humidity", .unit = "%", .scale = 1e-3},
                {.word = "freq", .quantity = "frequency", .unit = "Hz", .scale = 1},
        };
        for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
                if (!g_str_has_prefix(name, known[i].word))
                        continue;
                const char *digits = name + strlen(known[i].word), *rest = digits;
                guint index = 0;
                while (g_ascii_isdigit(*rest) && index <= INDEX_MAX)
                        index = index * 10 + (guint)(*rest++ - '0');
                bool average = strcmp(rest, "_average") == 0;
                if (rest == digits || index > INDEX_MAX || (!average && strcmp(rest, "_input") != 0))
                        continue;
                *ret = known[i];
                ret->index = index;
                ret->average = average;
                return true;
        }
        return false;
}
