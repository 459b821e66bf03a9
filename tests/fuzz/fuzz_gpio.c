/* Lines of a GPIO chip as an attach URI names them: the first byte says which of the two parsers. */
#include <stdint.h>
#include <string.h>

#include "drivers/gpio/gpio_proto.h"
#include "lib/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
        g_autoptr(GError) error = NULL;
        TbGpioSpec spec;
        if (data[0] == 'p') {
                bool ok = tb_gpio_parse_power(text, &spec, &error);
                g_assert_true(ok == (error == NULL));
        } else {
                g_autoptr(GArray) specs = tb_gpio_parse_lines(text, &error);
                g_assert_true((specs != NULL) == (error == NULL));
                g_assert_true(!specs || specs->len <= TB_LIMIT_GPIO_LINES);
        }
        g_assert_true(!error || g_utf8_validate(error->message, -1, NULL));
        return 0;
}
