/* What users' commands print. */
#include <stdint.h>
#include <string.h>

#include "drivers/exec/exec_proto.h"

static void check(const TbSample *sample, gpointer data)
{
        (void)data;
        g_assert_true(isfinite(sample->value) && *sample->stream);
        g_assert_true(g_utf8_validate(sample->stream, -1, NULL) && g_utf8_validate(sample->unit, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *copy = g_memdup2(data, size);
        TbPowerState state;
        g_autoptr(GError) a = NULL, b = NULL;
        if (!exec_parse_power(size ? copy : "", size, &state, &a))
                g_assert_true(g_utf8_validate(a->message, -1, NULL));
        if (!exec_parse_samples(size ? copy : "", size, "value", check, NULL, &b))
                g_assert_true(g_utf8_validate(b->message, -1, NULL));
        return 0;
}
