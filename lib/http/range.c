#include "lib/http/range.h"

#include <string.h>

/* Digits alone; more than fit are G_MAXINT64. False: there is none. */
static bool number(const char **at, gint64 *ret)
{
        const char *p = *at;
        gint64 n = 0;
        for (; g_ascii_isdigit(*p); p++)
                n = n > (G_MAXINT64 - 9) / 10 ? G_MAXINT64 : n * 10 + (*p - '0');
        if (p == *at)
                return false;
        *at = p;
        *ret = n;
        return true;
}

TbRange tb_range_parse(const char *header, gint64 size, gint64 *ret_from, gint64 *ret_n)
{
        gint64 first = 0, last = G_MAXINT64;
        if (!header || g_ascii_strncasecmp(header, "bytes=", 6) != 0)
                return TB_RANGE_ALL;
        const char *at = header + 6;
        bool has_first = number(&at, &first);
        if (*at++ != '-')
                return TB_RANGE_ALL;
        bool has_last = number(&at, &last);
        if (*at || (!has_first && !has_last) || (has_first && last < first))
                return TB_RANGE_ALL;
        if (!has_first) { /* the last so many */
                first = MAX(size - last, 0);
                if (last == 0)
                        first = size;
                last = G_MAXINT64;
        }
        if (first >= size)
                return TB_RANGE_NONE;
        *ret_from = first;
        *ret_n = MIN(last, size - 1) - first + 1;
        return TB_RANGE_PART;
}
