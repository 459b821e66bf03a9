#include <glib.h>
#include <stdint.h>

#include "host/vnc/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: which options. Nobody gets in without the answer to the challenge when there is a password. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        const TbVncHelloOptions options = {.password = data[0] & 1 ? "secret" : NULL,
                                           .view_password = data[0] & 2 ? "look" : NULL,
                                           .open_role = TB_ROLE_OPERATOR,
                                           .refuse = data[0] & 4 ? "full" : NULL};
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autoptr(TbVncHello) hello = tb_vnc_hello_new(&options, out);
        data++;
        size--;
        for (;;) {
                gsize want = tb_vnc_hello_want(hello);
                g_autoptr(GError) error = NULL;
                gssize n = tb_vnc_hello_feed(hello, data, size, out, &error);
                g_assert((n < 0) == (error != NULL));
                if (n <= 0)
                        break;
                g_assert_cmpuint((gsize)n, ==, want);
                data += n;
                size -= (size_t)n;
        }
        g_assert_cmpuint(out->len, <, 256);
        if (tb_vnc_hello_step(hello) == TB_VNC_HELLO_DONE)
                g_assert(!options.password && !options.view_password && !options.refuse);
        return 0;
}
