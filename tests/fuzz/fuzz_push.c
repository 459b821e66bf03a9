/* What a browser's page says its subscription is, and where its push service would be. */
#include <stdint.h>
#include <string.h>

#include "server/notify/push_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size), *origin = tb_push_origin(text);
        guint8 key[TB_PUSH_PRIVATE];
        TbPushTo to;
        gsize n = 0;
        if (tb_push_to_parse(text, &to, NULL)) {
                g_autofree guint8 *sealed = tb_push_seal(&to, NULL, NULL, "x", 1, &n);
                g_assert_true(sealed && n == 104);
        } else
                g_assert_null(to.endpoint);
        if (origin)
                g_assert_true(g_str_has_prefix(origin, "http"));
        if (tb_push_is_service(text, NULL))
                g_assert_true(origin && g_str_has_prefix(origin, "https://"));
        tb_push_private_parse(text, key);
        tb_push_to_clear(&to);
        return 0;
}
