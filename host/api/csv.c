#include "host/api/csv.h"

#include <glib.h>
#include <stdbool.h>

#include "lib/csv.h"

static void put_number(GString *out, const json_t *number)
{
        char text[G_ASCII_DTOSTR_BUF_SIZE];
        if (json_is_integer(number))
                g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        else
                g_string_append(out, g_ascii_dtostr(text, sizeof text, json_real_value(number)));
}

static void put_rows(GString *out, const char *name, const json_t *stream, const char *const *columns)
{
        const char *unit = json_string_value(json_object_get(stream, "unit"));
        for (gsize i = 0; i < json_array_size(json_object_get(stream, "t")); i++) {
                tb_csv_text(out, name);
                for (guint c = 0; columns[c]; c++) {
                        g_string_append_c(out, ',');
                        put_number(out, json_array_get(json_object_get(stream, columns[c]), i));
                }
                g_string_append_c(out, ',');
                tb_csv_text(out, unit ? unit : "");
                g_string_append(out, "\r\n");
        }
}

char *tb_csv_of_history(const json_t *history)
{
        static const char *const samples[] = {"t", "value", NULL}, *const steps[] = {"t",   "min", "mean",
                                                                                     "max", "n",   NULL};
        const char *name;
        json_t *stream, *all = (json_t *)history;
        bool stepped = json_object_get(json_object_iter_value(json_object_iter(all)), "mean") != NULL;
        const char *const *columns = stepped ? steps : samples;
        g_autofree char *heads = g_strjoinv(",", (char **)columns);
        GString *out = g_string_new(NULL);
        g_string_append_printf(out, "stream,%s,unit\r\n", heads);
        json_object_foreach (all, name, stream)
                put_rows(out, name, stream, columns);
        return g_string_free(out, FALSE);
}
