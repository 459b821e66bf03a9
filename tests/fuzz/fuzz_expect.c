/*
 * What a pattern finds is a function of the bytes: the input is a pattern, a 0, and what is printed; it is searched at
 * once, byte by byte, and in pieces that the input chooses, in turns of no time. All must find the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/console/pattern.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NULL: a limit ended it, which more bytes at once may do and fewer not */
static char *find(const TbPattern *p, const uint8_t *data, gsize size, gsize piece, gint64 until_us)
{
        TbScan *s = tb_scan_new(p);
        char *out = NULL;
        for (gsize fed = 0;;) {
                g_autoptr(GError) error = NULL;
                TbScanState state = tb_scan_step(s, fed == size, until_us, &error);
                if (state == TB_SCAN_FAILED)
                        break;
                if (state == TB_SCAN_FOUND) {
                        guint64 end = 0;
                        json_auto_t *match = tb_scan_match(s, true, &end);
                        json_object_set_new(match, "end", json_integer((json_int_t)end));
                        out = json_dumps(match, JSON_COMPACT | JSON_SORT_KEYS);
                        break;
                }
                if (state == TB_SCAN_AGAIN)
                        continue;
                if (fed == size) {
                        out = strdup("none");
                        break;
                }
                gsize n = piece ? piece : 1 + (gsize)(data[fed] & 7);
                n = MIN(n, size - fed);
                tb_scan_feed(s, data + fed, n);
                fed += n;
        }
        tb_scan_free(s);
        return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *zero = memchr(data, 0, size);
        if (!zero || zero == data || zero - data > TB_LIMIT_EXPECT_PATTERN || size > 4096)
                return 0;
        TbPattern *p = tb_pattern_new((const char *)data, (gsize)(zero - data), NULL);
        if (!p)
                return 0;
        const uint8_t *text = zero + 1;
        gsize n = size - (gsize)(text - data);
        char *found[4] = {find(p, text, n, n + 1, G_MAXINT64), find(p, text, n, 1, G_MAXINT64),
                          find(p, text, n, 0, 0), find(p, text, n, 3, 0)};
        for (int i = 1; i < 4; i++)
                if (found[0] && found[i] && strcmp(found[0], found[i]) != 0)
                        abort();
        for (int i = 0; i < 4; i++)
                free(found[i]);
        tb_pattern_free(p);
        return 0;
}
