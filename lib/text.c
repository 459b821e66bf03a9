#include "lib/text.h"

json_t *tb_text_json(const void *bytes, gsize size)
{
        g_autofree char *valid = g_utf8_make_valid(size ? bytes : "", (gssize)size);
        return json_string(valid);
}
