/*
 * adb - an Android phone through the adb server: shell, files, apps, logs, video, input, sensors. See
 * README.md.
 */
#include "drivers/adb/adb_lanes.h"

#include "lib/limits.h"

bool tb_adb_lane_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbLane *lane = (TbAdbLane *)self;

        return tb_adb_target_init(&lane->target, self, error) && tb_adb_prepare(io, &lane->target, error);
}

void tb_adb_lane_finalize(TbInstance *self)
{
        tb_adb_target_clear(&((TbAdbLane *)self)->target);
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        g_autofree char *host = NULL;
        guint16 port;

        if (*uri->host == '\0') {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "uri",
                        "name a phone by its serial number: adb://0A1B2C3D, or adb://10.0.0.7:5555");
                return false;
        }
        for (const char *c = uri->host; *c != '\0'; c++)
                if (!g_ascii_isalnum(*c) && strchr("._-", *c) == NULL) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "uri", "\"%s\" is not a serial number",
                                           uri->host);
                        return false;
                }
        return tb_adb_parse_server(json_string_value(json_object_get(params, "server")), &host, &port, error);
}

enum { LANE_OPS, LANE_INPUT, LANE_SCREEN, LANE_LOG, LANE_TERMINAL };

static guint lanes_of(const TbUri *uri G_GNUC_UNUSED, json_t *params)
{
        guint all = 1U << LANE_OPS | 1U << LANE_INPUT | 1U << LANE_SCREEN | 1U << LANE_LOG;

        return json_is_true(json_object_get(params, "terminal")) ? all | 1U << LANE_TERMINAL : all;
}

static const TbParam params[] = {
        {.name = "server",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 255,
         .help = "host:port of the adb server; default: $ADB_HOST, then 127.0.0.1:5037"},
        {.name = "fps",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 60,
         .fallback = "20",
         .unit = "1/s",
         .help = "most pictures of the screen per second"},
        {.name = "log_replay",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 10000,
         .fallback = "200",
         .help = "log lines from before the attachment"},
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 3600000,
         .fallback = "10000",
         .unit = "ms",
         .help = "time between two looks at battery and temperatures"},
        {.name = "terminal",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "a shell of the phone in a terminal, as a console: for everybody who may type into "
                 "consoles"},
        TB_PARAM_END,
};

static const TbLane lanes[] = {
        [LANE_OPS] =
                {
                        .name = "ops",
                        .size = sizeof(TbAdbLane),
                        .parallel = 8,
                        .open = tb_adb_lane_open,
                        .finalize = tb_adb_lane_finalize,
                        .shell = &tb_adb_shell_ops,
                        .files = &tb_adb_files_ops,
                        .apps = &tb_adb_apps_ops,
                        .sensors = &tb_adb_sensor_ops,
                },
        [LANE_INPUT] =
                {
                        .name = "input",
                        .size = sizeof(TbAdbInputLane),
                        .open = tb_adb_input_open,
                        .close = tb_adb_input_close,
                        .pump = tb_adb_input_pump,
                        .finalize = tb_adb_lane_finalize,
                        .input = &tb_adb_input_ops,
                },
        [LANE_SCREEN] =
                {
                        .name = "screen",
                        .size = sizeof(TbAdbScreenLane),
                        .open = tb_adb_screen_open,
                        .close = tb_adb_screen_close,
                        .pump = tb_adb_screen_pump,
                        .finalize = tb_adb_screen_finalize,
                        .video = &tb_adb_video_ops,
                },
        [LANE_LOG] =
                {
                        .name = "log",
                        .size = sizeof(TbAdbLogLane),
                        .open = tb_adb_logs_open,
                        .close = tb_adb_logs_close,
                        .pump = tb_adb_logs_pump,
                        .finalize = tb_adb_lane_finalize,
                        .logs = &tb_adb_logs_ops,
                },
        [LANE_TERMINAL] =
                {
                        .name = "terminal",
                        .size = sizeof(TbAdbConsoleLane),
                        .open = tb_adb_console_open,
                        .close = tb_adb_console_close,
                        .pump = tb_adb_console_pump,
                        .finalize = tb_adb_lane_finalize,
                        .console = &tb_adb_console_ops,
                },
        {.name = NULL},
};

const TbDriver tb_driver_adb = {
        .name = "adb",
        .summary = "An Android phone or box through the adb server: screen, input, shell, files, apps, log, "
                   "battery and temperatures.",
        .example = "adb://0A1B2C3D",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
        .discovery = &tb_adb_discovery_ops,
};
