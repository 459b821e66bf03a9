/* JSON of any client: what is accepted is no deeper than the limit, and prints to text that reads back as the
 * same. What a glance takes is taken. */
#include <stdint.h>

#include "lib/json.h"
#include "lib/json_glance.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint depth_of(const json_t *value)
{
        guint deepest = 0, depth;
        const char *key;
        json_t *item;
        size_t i;
        if (!json_is_object(value) && !json_is_array(value))
                return 0;
        json_object_foreach ((json_t *)value, key, item) {
                depth = depth_of(item);
                deepest = MAX(deepest, depth);
        }
        json_array_foreach (value, i, item) {
                depth = depth_of(item);
                deepest = MAX(deepest, depth);
        }
        return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *value = tb_json_parse(data, size, &error);
        g_assert_true((value == NULL) == (error != NULL));
        char type[TB_JSON_TYPE];
        if (tb_json_glance((const char *)data, size, type))
                g_assert_cmpstr(json_string_value(json_object_get(value, "type")), ==, type);
        if (!value) {
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
                return 0;
        }
        g_assert_cmpuint(depth_of(value), <=, TB_LIMIT_JSON_DEPTH);
        gsize n;
        g_autofree char *text = tb_json_text(value, &n);
        json_auto_t *again = tb_json_parse(text, n, &error);
        g_assert_no_error(error);
        g_autofree char *same = tb_json_text(again, NULL);
        g_assert_cmpstr(same, ==, text);
        return 0;
}
