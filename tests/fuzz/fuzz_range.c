/* Ranges of clips: what is given lies within it. */
#include <stdint.h>

#include "lib/http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *header = g_strndup((const char *)data, size);
        static const gint64 sizes[] = {0, 1, 10, G_MAXINT64};
        for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
                gint64 from = -1, n = -1;
                if (tb_range_parse(header, sizes[i], &from, &n) == TB_RANGE_PART)
                        g_assert_true(from >= 0 && n > 0 && from < sizes[i] && n <= sizes[i] - from);
                else
                        g_assert_true(from == -1 && n == -1);
        }
        return 0;
}
