/* What the device answers: one line. */
#include <stdint.h>

#include "drivers/_template/line/template_proto.h"
#include "lib/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *line = g_strndup((const char *)data, size);
        TbTemplateState state;
        g_autoptr(GError) error = NULL;
        if (!tb_template_parse(line, &state, &error))
                g_assert_true(error && error->domain == TB_ERROR &&
                              g_utf8_validate(error->message, -1, NULL));
        return 0;
}
