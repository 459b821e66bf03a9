/* What a phone's uiautomator prints, in two pieces. */
#include <stdint.h>

#include "host/api/compat/elements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        TbElements *e = tb_elements_new();
        gsize half = size / 2;
        json_auto_t *list = NULL;
        if (tb_elements_feed(e, (const char *)data, half, &error) &&
            tb_elements_feed(e, (const char *)data + half, size - half, &error))
                list = tb_elements_end(e, &error);
        g_assert_true((list != NULL) == (error == NULL));
        if (list) {
                json_auto_t *found = tb_elements_find(list, "a");
                json_t *first = tb_elements_pick(list, "a", 0);
                g_assert_true((json_array_size(found) > 0) == (first != NULL));
        } else {
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
        }
        tb_elements_free(e);
        return 0;
}
