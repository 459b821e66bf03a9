/* Reports of a relay board, and what it calls itself. */
#include <stdint.h>
#include <string.h>

#include "drivers/usbrelay/usbrelay_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *product = g_strndup((const char *)data, size);
        TbUsbrelayState state;
        if (tb_usbrelay_parse(data, size, &state))
                g_assert_true(strlen(state.number) == TB_USBRELAY_NUMBER &&
                              g_utf8_validate(state.number, -1, NULL));
        g_assert_cmpuint(tb_usbrelay_count(product), <=, TB_USBRELAY_MOST);
        return 0;
}
