#include "lib/text.h"

#include <string.h>

static gsize boundary(const char *text, gsize size, gsize max)
{
        if (size <= max)
                return size;
        gsize n = max;
        while (n > 0 && max - n < 4 && ((guint8)text[n] & 0xc0) == 0x80)
                n--;
        return n;
}

char *tb_text_cut(const char *text, gsize max)
{
        g_autofree char *valid = g_utf8_make_valid(text, (gssize)boundary(text, strlen(text), max));
        return g_strndup(valid, boundary(valid, strlen(valid), max)); /* a byte that is none became three */
}

json_t *tb_text_json(const void *bytes, gsize size)
{
        g_autofree char *valid = g_utf8_make_valid(size ? bytes : "", (gssize)size);
        return json_string(valid);
}
