/* What a Shelly answers: the first byte says to which question. */
#include <stdint.h>

#include "drivers/shelly/shelly_proto.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2)
                return 0;
        json_auto_t *json = tb_json_parse(data + 1, size - 1, NULL);
        if (!json)
                return 0;
        g_autoptr(GError) error = NULL;
        char id[TB_PLUG_ID] = "";
        const char *why;
        TbPlugState state;
        bool ok = true;
        switch (data[0]) {
        case 'i':
                g_assert_true(tb_shelly_parse_info(json, id, &why) == 0
                                      ? why != NULL
                                      : *id && g_utf8_validate(id, -1, NULL));
                break;
        case 's': ok = tb_shelly_parse_gen1(json, 0, &state, &error); break;
        default: ok = tb_shelly_parse_gen2(json, 0, &state, &error); break;
        }
        g_assert_true(ok ||
                      (error && error->domain == TB_ERROR && g_utf8_validate(error->message, -1, NULL)));
        return 0;
}
