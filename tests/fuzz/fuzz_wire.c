/* WebSocket frames of the server, into the host's end of the link, in pieces of the first byte's size: nothing beyond the limit is kept,
 * and what is told is the same however it came. */
#include <stdint.h>

#include "host/outward/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 200

/* What was told, as one number; the code at the end. */
static guint32 take(const uint8_t *data, size_t size, size_t piece)
{
        TbWire wire;
        guint32 sum = 0;
        tb_wire_init(&wire, MOST);
        for (size_t at = 0, have = MIN(piece, size);;) {
                TbWireFrame f = {0};
                gssize n = tb_wire_take(&wire, data + at, have, &f);
                g_assert_true(n <= (gssize)have && f.size <= MOST);
                g_assert_true(!wire.message || wire.message->len <= MOST);
                if (n < 0) {
                        sum = sum * 31 + (guint32)f.code;
                        break;
                }
                sum = n > 0 ? sum * 31 + f.kind : sum;
                for (size_t i = 0; n > 0 && i < f.size; i++)
                        sum = sum * 31 + f.bytes[i];
                at += (size_t)n;
                have -= (size_t)n;
                if (n == 0 && at + have == size)
                        break;
                if (n == 0)
                        have = MIN(have + piece, size - at);
        }
        tb_wire_clear(&wire);
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        g_assert_cmpuint(take(data + 1, size - 1, size), ==, take(data + 1, size - 1, 1u + data[0]));
        return 0;
}
