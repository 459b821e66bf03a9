#include "lib/csv.h"

#include <string.h>

void tb_csv_text(GString *out, const char *text)
{
        g_string_append_c(out, '"');
        if (*text && strchr("=+-@\t\r", *text))
                g_string_append_c(out, '\'');
        for (; *text; text++) {
                if (*text == '"')
                        g_string_append_c(out, '"');
                g_string_append_c(out, *text);
        }
        g_string_append_c(out, '"');
}
