#include "drivers/x11/x11.h"

#include "lib/limits.h"

static const TbParam params[] = {
        {.name = "xauthority",
         .type = TB_PARAM_STRING,
         .max = 4096,
         .help = "file with the display's cookie; default: $XAUTHORITY, ~/.Xauthority"},
        TB_PARAM_END,
};

static bool check(const TbUri *uri, json_t *p G_GNUC_UNUSED, GError **error)
{
        if (uri->port >= 0 && uri->port <= 59535 && !*uri->path) /* a TCP display listens on 6000 + number */
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri", "name the display: x11://:1, or x11://host:0");
        return false;
}

static const TbLane lanes[] = {
        {.name = "screen",
         .size = sizeof(TbX11Screen),
         .retry_ms = TB_LIMIT_DISPLAY_RETRY_MS,
         .open = tb_x11_screen_open,
         .close = tb_x11_screen_close,
         .pump = tb_x11_screen_pump,
         .finalize = tb_x11_screen_finalize,
         .video = &tb_x11_video},
        {.name = "input",
         .size = sizeof(TbX11Input),
         .retry_ms = TB_LIMIT_DISPLAY_RETRY_MS,
         .open = tb_x11_input_open,
         .close = tb_x11_input_close,
         .pump = tb_x11_input_pump,
         .input = &tb_x11_input},
        {.name = NULL},
};

const TbDriver tb_driver_x11 = {
        .name = "x11",
        .summary = "An X11 display: screen, keyboard and pointer.",
        .example = "x11://:1",
        .params = params,
        .check = check,
        .lanes = lanes,
};
