/* What programs and devices print as samples. */
#include <stdint.h>

#include "drivers/transport/samples.h"
#include "lib/name.h"

static void check(const TbSample *sample, gpointer data)
{
        (void)data;
        g_assert_true(isfinite(sample->value) && tb_name_valid(TB_NAME_STREAM, sample->stream));
        g_assert_true(g_utf8_validate(sample->quantity, -1, NULL) && g_utf8_validate(sample->unit, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *copy = g_memdup2(data, size);
        g_autoptr(GError) error = NULL;
        if (!tb_samples_parse(size ? copy : "", size, "it", "value", check, NULL, &error))
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
}
