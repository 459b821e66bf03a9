#include <glib.h>
#include <stdint.h>

#include "host/vnc/aside.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a viewer says beside picture and keys: how long it is, is bounded, whatever its head says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        while (size > 0) {
                gsize head = tb_vnc_aside_head(data[0]);
                if (head == 0 || head > size)
                        break;
                gint64 more = tb_vnc_aside_more(data);
                g_assert_cmpint(more, >=, -1);
                g_assert_cmpint(more, <=, TB_LIMIT_VNC_MESSAGE);
                if (more < 0 || (gsize)more > size - head)
                        break;
                data += head + (gsize)more;
                size -= head + (gsize)more;
        }
        return 0;
}
