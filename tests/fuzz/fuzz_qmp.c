/* QMP lines: every byte is consumed once, and parsing in pieces never needs more than the line. */
#include <stdint.h>
#include <string.h>

#include "drivers/qemu/qmp_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *copy = g_memdup2(data, size);
        for (gsize used = 0; used < size;) {
                TbQemuQmpMessage m;
                gssize n = tb_qemu_qmp_parse(copy + used, size - used, &m);
                if (n <= 0)
                        break;
                g_assert_cmpint(copy[used + (gsize)n - 1], ==, '\n');
                if (m.kind == TB_QEMU_QMP_RETURN)
                        tb_qemu_qmp_chardev_connected(m.value, "console");
                tb_qemu_qmp_message_clear(&m);
                used += (gsize)n;
        }
        return 0;
}
