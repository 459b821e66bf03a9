#include "drivers/adb/adb_dump.h"

#include <math.h>
#include <string.h>

#include "lib/limits.h"

#define PACKAGE_MAX 255

/* The number behind "<key>:" at the start of a line (blanks before it do not count). */
static bool find_number(const char *text, const char *key, double *ret)
{
        gsize size = strlen(key);

        for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
                line += strspn(line, "\n\r \t");
                if (strncmp(line, key, size) != 0 || line[size] != ':')
                        continue;
                char *end;
                double value = g_ascii_strtod(line + size + 1, &end);
                if (end != line + size + 1 && isfinite(value)) {
                        *ret = value;
                        return true;
                }
        }
        return false;
}

static bool find_true(const char *text, const char *key, bool *found)
{
        g_autofree char *yes = g_strdup_printf("%s: true", key), *no = g_strdup_printf("%s: false", key);

        if (strstr(text, yes) != NULL)
                return *found = true;
        if (strstr(text, no) != NULL)
                *found = true;
        return false;
}

/* sysfs has microampere. "current now" of some vendors' dumpsys is in mA on some and in microampere on
 * others: nothing charges with less than 1 mA or more than 30 A. */
static double amps_of(const char *text, const char *current_now)
{
        double value;
        char *end;

        value = g_ascii_strtod(current_now, &end);
        if (end != current_now && isfinite(value))
                return value / 1e6;
        if (!find_number(text, "current now", &value))
                return NAN;
        return fabs(value) > 30000 ? value / 1e6 : value / 1e3;
}

bool tb_adb_parse_battery(const char *text, const char *current_now, TbAdbBattery *ret)
{
        TbAdbBattery b = {NAN, NAN, NAN, NAN, -1};
        double value, scale = 100;
        bool said = false, on;

        if (find_number(text, "level", &value)) {
                find_number(text, "scale", &scale);
                b.level_pct = scale > 0 ? value * 100 / scale : NAN;
        }
        if (find_number(text, "temperature", &value))
                b.celsius = value / 10;
        if (find_number(text, "voltage", &value) && value > 0)
                b.volts = value > 100 ? value / 1000 : value; /* a few phones print volts */
        b.amps = amps_of(text, current_now);
        on = find_true(text, "AC powered", &said);
        on |= find_true(text, "USB powered", &said);
        on |= find_true(text, "Wireless powered", &said);
        if (said)
                b.plugged = on;
        if (isnan(b.level_pct) && isnan(b.celsius) && isnan(b.volts))
                return false;
        *ret = b;
        return true;
}

void tb_adb_temperature_free(TbAdbTemperature *temperature)
{
        if (temperature == NULL)
                return;
        g_free(temperature->name);
        g_free(temperature);
}

/* A stream name: "CPU0 (big)" -> "cpu0-big" */
static char *stream_name(const char *name, gsize size)
{
        GString *out = g_string_new(NULL);

        for (gsize i = 0; i < size && out->len < 40; i++) {
                char c = g_ascii_tolower(name[i]);

                if (g_ascii_isalnum(c) || c == '_' || c == '.')
                        g_string_append_c(out, c);
                else if (out->len > 0 && out->str[out->len - 1] != '-')
                        g_string_append_c(out, '-');
        }
        while (out->len > 0 && out->str[out->len - 1] == '-')
                g_string_truncate(out, out->len - 1);
        return g_string_free(out, FALSE);
}

static void add_temperature(GPtrArray *list, const char *name, gsize size, double celsius)
{
        g_autofree char *stream = stream_name(name, size);

        if (*stream == '\0' || !isfinite(celsius) || celsius < -100 || celsius > 1000 ||
            list->len >= TB_LIMIT_STREAMS / 2)
                return;
        for (guint i = 0; i < list->len; i++)
                if (strcmp(((TbAdbTemperature *)g_ptr_array_index(list, i))->name, stream) == 0)
                        return;
        TbAdbTemperature *t = g_new0(TbAdbTemperature, 1);
        t->name = g_steal_pointer(&stream);
        t->celsius = celsius;
        g_ptr_array_add(list, t);
}

GPtrArray *tb_adb_parse_thermal(const char *text)
{
        GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)tb_adb_temperature_free);
        const char *hal = strstr(text, "Current temperatures from HAL:");
        const char *at = hal != NULL ? hal : text;

        while ((at = strstr(at, "Temperature{mValue=")) != NULL) {
                char *end;
                double celsius = g_ascii_strtod(at + strlen("Temperature{mValue="), &end);
                const char *line_end = end + strcspn(end, "\r\n}");
                const char *name = g_strstr_len(end, line_end - end, "mName=");

                if (name != NULL) {
                        name += strlen("mName=");
                        add_temperature(list, name, strcspn(name, ",}\r\n"), celsius);
                }
                at = line_end;
        }
        return list;
}

bool tb_adb_package_valid(const char *package)
{
        bool start = true;

        if (*package == '\0' || strlen(package) > PACKAGE_MAX)
                return false;
        for (const char *c = package; *c != '\0'; c++) {
                if (start ? !g_ascii_isalpha(*c) : !g_ascii_isalnum(*c) && *c != '_' && *c != '.')
                        return false;
                start = *c == '.';
        }
        return !start;
}

bool tb_adb_parse_package(const char *line, char **ret_package, char **ret_path)
{
        const char *name, *equals;

        if (!g_str_has_prefix(line, "package:"))
                return false;
        line += strlen("package:");
        equals = strrchr(line, '='); /* the path itself may hold "==" */
        name = equals != NULL ? equals + 1 : line;
        if (!tb_adb_package_valid(name))
                return false;
        *ret_path = equals != NULL ? g_strndup(line, (gsize)(equals - line)) : NULL;
        *ret_package = g_strdup(name);
        return true;
}

bool tb_adb_parse_log(const char *line, gint64 *ret_t_ms, const char **ret_rest)
{
        gint64 seconds = 0, ms = 0;
        const char *c = line + strspn(line, " ");
        int digits = 0;

        for (; g_ascii_isdigit(*c) && digits < 12; c++, digits++)
                seconds = seconds * 10 + (*c - '0');
        if (digits < 9 || digits > 11 || *c++ != '.')
                return false;
        for (digits = 0; g_ascii_isdigit(*c); c++, digits++)
                if (digits < 3)
                        ms = ms * 10 + (*c - '0');
        if (digits < 3 || *c != ' ')
                return false;
        *ret_t_ms = seconds * 1000 + ms;
        *ret_rest = c + 1;
        return true;
}

bool tb_adb_parse_size(const char *text, int *ret_width, int *ret_height)
{
        const char *line = strstr(text, "Override size:");
        guint64 width, height;

        if (line == NULL)
                line = strstr(text, "Physical size:");
        if (line == NULL)
                return false;
        line = strchr(line, ':') + 1;
        g_autofree char *size = g_strndup(line, strcspn(line, "\r\n"));
        g_auto(GStrv) sides = g_strsplit(g_strstrip(size), "x", 3);
        if (g_strv_length(sides) != 2 ||
            !g_ascii_string_to_unsigned(sides[0], 10, 1, TB_LIMIT_VIDEO_SIDE, &width, NULL) ||
            !g_ascii_string_to_unsigned(sides[1], 10, 1, TB_LIMIT_VIDEO_SIDE, &height, NULL))
                return false;
        *ret_width = (int)width;
        *ret_height = (int)height;
        return true;
}

char *tb_adb_failure(const char *text)
{
        const char *at = strstr(text, "Failure");
        gsize size;

        if (at == NULL)
                at = strstr(text, "Error");
        if (at == NULL)
                at = strstr(text, "Exception");
        if (at == NULL)
                return NULL;
        size = strcspn(at, "\r\n");
        if (g_str_has_prefix(at, "Failure [")) {
                at += strlen("Failure [");
                size = strcspn(at, "\r\n");
                if (size > 0 && at[size - 1] == ']')
                        size--;
        }
        return g_strndup(at, MIN(size, 400));
}
