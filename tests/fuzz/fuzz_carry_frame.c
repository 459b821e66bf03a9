/* Frames of a carried WebSocket, as a host may send them: what is taken lies within what came, and whole. */
#include <stdint.h>

#include "lib/limits.h"
#include "server/pairing/carry_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree guint8 *copy = g_memdup2(data, size);
        const char *why = NULL;
        TbCarryFrame f;
        gssize n = 0;
        for (gsize at = 0; (n = tb_carry_frame_parse(copy + at, size - at, &f, &why)) > 0; at += (gsize)n) {
                g_assert_cmpuint(f.size, <=, TB_LIMIT_WS_MESSAGE);
                g_assert_true(f.payload >= copy + at && f.payload + f.size == copy + at + n);
        }
        g_assert_true(n == 0 || why);
        return 0;
}
