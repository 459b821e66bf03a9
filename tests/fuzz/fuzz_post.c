/* What answers a POST: any bytes are a head or none. */
#include <stdint.h>

#include "server/notify/post.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        guint status = 0, after = 0;
        if (tb_post_head_parse((const char *)data, size, &status, &after))
                g_assert_true(status >= 100 && status <= 999 && after <= 86400);
        else
                g_assert_true(status == 0 && after == 0);
        return 0;
}
