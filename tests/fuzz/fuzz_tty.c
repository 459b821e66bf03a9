/* An attach URI that names a serial line: whatever it says, it is a line that can be named, or a precise refusal.
 */
#include <stdint.h>

#include "drivers/transport/sysdev.h"
#include "drivers/transport/tty_settings.h"

static const TbParam params_of_line[] = {TB_TTY_PARAMS("115200"), TB_PARAM_END};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(TbUri) uri = tb_uri_parse(text, NULL);
        json_t *params = uri ? tb_params_validate_text(params_of_line, uri->query, NULL) : NULL;
        g_autoptr(GError) error = NULL;
        TbSerialSettings settings;
        TbTtyTarget target;

        if (!params)
                return 0;
        tb_tty_settings_of(params, &settings);
        g_assert_true(tb_tty_settings_check(&settings, NULL)); /* the table refuses what no line can do */
        if (tb_tty_target_parse(uri, params, &target, &error)) {
                g_assert_true((target.path != NULL) != (target.port != NULL));
                if (target.port)
                        g_assert_true(tb_sysdev_is_usb_port(target.port));
        } else {
                g_assert_nonnull(tb_error_field(error));
        }
        g_autofree char *shown = tb_tty_settings_text(&settings);
        json_decref(params);
        return 0;
}
