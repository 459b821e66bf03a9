/* WWW-Authenticate of a device. */
#include <stdint.h>
#include <string.h>

#include "drivers/transport/httpauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        TbHttpAuthChallenge c;
        if (!tb_http_auth_parse(text, &c))
                return 0;
        g_autofree char *answer = tb_http_auth_answer(&c, "user", "password", "GET", "/", "0123", 1);
        g_assert_true((answer == NULL) == (c.scheme == TB_HTTP_AUTH_NONE));
        tb_http_auth_clear(&c);
        return 0;
}
