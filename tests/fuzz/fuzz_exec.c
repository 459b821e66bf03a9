/* What users' commands print as a power state. */
#include <stdint.h>

#include "drivers/exec/exec_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *copy = g_memdup2(data, size);
        TbPowerState state;
        g_autoptr(GError) error = NULL;
        if (!tb_exec_parse_power(size ? copy : "", size, &state, &error))
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
}
