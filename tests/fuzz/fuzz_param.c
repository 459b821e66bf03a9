#include "lib/param.h"

#include <stdint.h>

#include "lib/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const TbParam params[] = {
        {.name = "a", .type = TB_PARAM_INT, .min = -5, .max = 4000000, .fallback = "115200"},
        {.name = "b", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("none", "even"), .fallback = "\"none\""},
        {.name = "c", .type = TB_PARAM_NUMBER},
        {.name = "d", .type = TB_PARAM_STRING, .min = 1, .max = 4},
        {.name = "e", .type = TB_PARAM_BOOL},
        {.name = "f", .type = TB_PARAM_ARRAY, .min = 1, .max = 2},
        {.name = "g", .type = TB_PARAM_OBJECT},
        {.name = "h", .type = TB_PARAM_ANY},
        TB_PARAM_END,
};

/* What was accepted must be accepted again, and unchanged: validation is idempotent. */
static void check(json_t *(*validate)(const TbParam *, json_t *, GError **), json_t *in)
{
        g_autoptr(GError) error = NULL;
        json_t *out = validate(params, in, &error);
        g_assert((out == NULL) == (error != NULL));
        if (!out) {
                g_assert(g_utf8_validate(error->message, -1, NULL));
                return;
        }
        json_t *again = tb_params_validate(params, out, &error);
        g_assert(again && json_equal(out, again));
        json_decref(again);
        json_decref(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *in = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
        if (!in)
                return 0;
        check(tb_params_validate, in);
        if (json_is_object(in))
                check(tb_params_validate_text, in);
        json_decref(in);
        return 0;
}
