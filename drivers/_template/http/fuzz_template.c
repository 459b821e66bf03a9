/* What the device answers. */
#include <stdint.h>

#include "drivers/_template/http/template_proto.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_auto_t *json = tb_json_parse(data, size, NULL);
        TbPlugState state;
        g_autoptr(GError) error = NULL;
        if (json && !tb_template_parse(json, 0, &state, &error))
                g_assert_true(error && error->domain == TB_ERROR &&
                              g_utf8_validate(error->message, -1, NULL));
        return 0;
}
