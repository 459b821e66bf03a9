#include "host/netserial/first.h"

#include <stdbool.h>
#include <string.h>

static TbFirst look_tls(const guint8 *bytes, gsize size)
{
        /* type 22, version 3.0 to 3.4, length, and message type 1 (ClientHello) */
        bool hello = bytes[0] == 0x16 && (size < 2 || bytes[1] == 3) && (size < 3 || bytes[2] <= 4) &&
                     (size < 6 || bytes[5] == 1);
        return !hello ? TB_FIRST_OWN : size < 6 ? TB_FIRST_SHORT : TB_FIRST_FOREIGN;
}

/* What follows the method and its space: a target without spaces, a space, "HTTP/". */
static TbFirst look_target(const char *text, gsize size)
{
        static const char version[] = " HTTP/";
        gsize n = 0;
        while (n < size && (guchar)text[n] > ' ')
                n++;
        if (n > TB_FIRST_TARGET)
                return TB_FIRST_FOREIGN;
        if (size > 0 && n == 0)
                return TB_FIRST_OWN;
        gsize rest = MIN(size - n, strlen(version));
        if (memcmp(text + n, version, rest) != 0)
                return TB_FIRST_OWN;
        return rest == strlen(version) ? TB_FIRST_FOREIGN : TB_FIRST_LONG;
}

TbFirst tb_first_look(const guint8 *bytes, gsize size)
{
        /* all that a page can make a browser send without being asked first, and what a proxy or a tool would */
        static const char *const methods[] = {"GET ",     "POST ",  "HEAD ",   "OPTIONS ",
                                              "PUT ",     "PATCH ", "DELETE ", "TRACE ",
                                              "CONNECT ", "PRI ",   "QUERY ",  "PROPFIND "};
        const char *text = (const char *)bytes;
        if (size == 0)
                return TB_FIRST_SHORT;
        if (bytes[0] == 0x16)
                return look_tls(bytes, size);
        for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
                gsize length = strlen(methods[i]), common = MIN(length, size);
                if (memcmp(text, methods[i], common) != 0)
                        continue;
                return common < length ? TB_FIRST_SHORT : look_target(text + length, size - length);
        }
        return TB_FIRST_OWN;
}
