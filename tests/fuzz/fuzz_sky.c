/* Places in the sky as somebody writes them. */
#include <stdint.h>

#include "lib/error.h"
#include "lib/sky.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
        bool ra = data[0] & 1;
        double value = 0, again = 0;
        g_autoptr(GError) error = NULL;
        if (!tb_sky_parse(text, ra, &value, &error)) {
                g_assert_nonnull(error);
                return 0;
        }
        g_assert_true(ra ? value >= 0 && value < 24 : value >= -90 && value <= 90);
        g_autofree char *shown = tb_sky_format(value, ra); /* what we write, we read */
        g_assert_true(tb_sky_parse(shown, ra, &again, NULL));
        return 0;
}
