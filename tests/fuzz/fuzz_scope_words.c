/* What pages of ALP Experimental send: a command's payload, a candidate. */
#include <stdint.h>
#include <string.h>

#include "host/api/compat/scope_words.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_auto_t *message = tb_json_parse(data, size, NULL);
        const char *op = NULL;
        g_autoptr(GError) error = NULL, other = NULL;
        json_auto_t *params = tb_scope_command(json_string_value(json_object_get(message, "action")),
                                               json_object_get(message, "parameters"), &op, &error);
        g_assert_true((params != NULL) == (error == NULL));
        g_assert_true(!params || json_is_object(params));
        g_autofree char *fragment = tb_scope_fragment(message, &other);
        g_assert_true((fragment != NULL) == (other == NULL));
        json_auto_t *status = tb_scope_status(message, false, 0);
        g_assert_nonnull(status);
        return 0;
}
