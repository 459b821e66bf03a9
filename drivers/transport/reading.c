#include "drivers/transport/reading.h"

#include <string.h>

/* One part of a pointer: "~1" is "/", "~0" is "~". */
static char *part_of(const char *from, gsize size)
{
        GString *out = g_string_sized_new(size);
        for (gsize i = 0; i < size; i++) {
                bool escape = from[i] == '~' && i + 1 < size;
                g_string_append_c(out, escape ? (from[i + 1] == '1' ? '/' : '~') : from[i]);
                i += escape;
        }
        return g_string_free(out, FALSE);
}

const json_t *tb_reading_at(const json_t *root, const char *pointer, int index)
{
        const json_t *at = root;
        while (at && *pointer == '/') {
                gsize size = strcspn(++pointer, "/");
                g_autofree char *part = part_of(pointer, size);
                guint64 n = (guint64)index;
                bool star = strcmp(part, "*") == 0;
                if (json_is_array(at))
                        at = star || g_ascii_string_to_unsigned(part, 10, 0, G_MAXINT32, &n, NULL)
                                     ? json_array_get(at, (gsize)n)
                                     : NULL;
                else if (star) {
                        g_autofree char *key = g_strdup_printf("%d", index);
                        at = json_object_get(at, key);
                } else
                        at = json_object_get(at, part);
                pointer += size;
        }
        return at;
}

double tb_reading_text(const char *text)
{
        const char *start = text + strcspn(text, "0123456789");
        if (!*start)
                return NAN;
        while (start > text && strchr("-.", start[-1]))
                start--;
        double value = g_ascii_strtod(start, NULL);
        return isfinite(value) ? value : NAN;
}

double tb_reading_json(const TbReading *row, const json_t *root, int index)
{
        const json_t *value = tb_reading_at(root, row->pointer, index);
        double number = NAN;
        if (json_is_number(value)) {
                number = json_number_value(value);
        } else if (json_is_string(value)) {
                char *end;
                const char *text = json_string_value(value);
                number = g_ascii_strtod(text, &end);
                if (end == text || *end)
                        number = NAN;
        }
        number *= row->scale != 0 ? row->scale : 1;
        return isfinite(number) ? number : NAN;
}

bool tb_reading_switch(const json_t *value, bool *ret_on)
{
        static const char *const words[] = {"off", "false", "0", "on", "true", "1"};
        const char *text = json_string_value(value);
        if (json_is_boolean(value)) {
                *ret_on = json_is_true(value);
                return true;
        }
        if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= 1) {
                *ret_on = json_integer_value(value) == 1;
                return true;
        }
        for (guint i = 0; text && i < G_N_ELEMENTS(words); i++)
                if (g_ascii_strcasecmp(text, words[i]) == 0) {
                        *ret_on = i >= 3;
                        return true;
                }
        return false;
}

char *tb_reading_word(const json_t *value)
{
        if (json_is_string(value))
                return g_strdup(json_string_value(value));
        if (json_is_boolean(value))
                return g_strdup(json_is_true(value) ? "true" : "false");
        if (json_is_integer(value))
                return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return json_is_real(value) ? g_strdup_printf("%g", json_real_value(value)) : NULL;
}
