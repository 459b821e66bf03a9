/*
 * adb - an Android phone through the adb server: shell, files, apps, logs, video, input, sensors. See
 * README.md.
 */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_serial.h"
#include "drivers/transport/usbrule.h"
#include "lib/limits.h"

/* An address may have another phone than before: that one is not driven in place of ours. */
static bool is_the_same(TbAdbLane *lane, TbIo *io, GError **error)
{
        g_autofree char *said = lane->target.network
                                        ? tb_adb_ask(io, &lane->target, "getprop ro.serialno", NULL, error)
                                        : g_strdup("");
        if (said == NULL)
                return false;
        g_autofree char *now = g_utf8_make_valid(g_strstrip(said), -1);
        if (*now == '\0' || g_strcmp0(now, lane->identity) == 0)
                return true;
        if (lane->identity == NULL) {
                lane->identity = g_steal_pointer(&now);
                return true;
        }
        tb_set_error(error, TB_ERROR_DEVICE,
                     "another phone answers at %s (%s, it was %s): nothing is done with it; if that is "
                     "meant, attach it "
                     "again",
                     lane->target.serial, now, lane->identity);
        return false;
}

bool tb_adb_lane_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbLane *lane = (TbAdbLane *)self;

        return tb_adb_target_init(&lane->target, self, error) && tb_adb_prepare(io, &lane->target, error) &&
               is_the_same(lane, io, error);
}

void tb_adb_lane_finalize(TbInstance *self)
{
        tb_adb_target_clear(&((TbAdbLane *)self)->target);
        g_clear_pointer(&((TbAdbLane *)self)->identity, g_free);
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        g_autofree char *host = NULL;
        guint16 port;

        if (!tb_adb_check_serial(uri, params, error))
                return false;
        const char *display = json_string_value(json_object_get(params, "display"));
        if (display != NULL && strspn(display, "0123456789") != strlen(display)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "display",
                                   "\"%s\" is not the number of a display", display);
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
        TB_USBRULE_PARAM,
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
        {.name = "display",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 20,
         .help = "which of several displays: its number in \"dumpsys SurfaceFlinger --display-id\"; default: "
                 "the "
                 "phone's first"},
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
        {.name = "grant",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "an app that is installed is given the permissions that it asks for"},
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
                        .open = tb_adb_ops_open,
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
