/* The sensors that the host makes itself of a device's picture: this driver names them and says how they look;
 * host/analysis measures, while somebody wants to know. */
#include "drivers/driver.h"
#include "drivers/transport/transport.h"
#include "lib/limits.h"

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        static const char *const sides[][2] = {{"inset_left", "inset_right"}, {"inset_top", "inset_bottom"}};
        if (*uri->host || *uri->path) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "analysis:// has no address: it looks at the screen of the device that it "
                                   "is attached to");
                return false;
        }
        for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
                json_int_t away = json_integer_value(json_object_get(params, sides[i][0])) +
                                  json_integer_value(json_object_get(params, sides[i][1]));
                if (away <= 95)
                        continue;
                tb_error_set_field(error, TB_ERROR_INVALID, sides[i][1],
                                   "%s and %s leave nothing to look at: 95 %% together at most", sides[i][0],
                                   sides[i][1]);
                return false;
        }
        return true;
}

/* There is nothing to wait for: samples come from the host. */
static bool pump(TbInstance *self G_GNUC_UNUSED, TbIo *io, GError **error G_GNUC_UNUSED)
{
        tb_io_wait(io, NULL, 0, -1);
        return true;
}

#define INSET(name_)                                                                                         \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_INT, .min = 0, .max = 95, .fallback = "0", .unit = "%",      \
                .help = "so much of the picture is not looked at from this side (a clock, a banner)"         \
        }

static const TbParam params[] = {
        {.name = "video",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "interface whose picture is looked at; default: the device's first with video"},
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 60000,
         .fallback = "500",
         .unit = "ms",
         .help = "pause between two looks"},
        {.name = "threshold",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 255,
         .fallback = "10",
         .help = "how much lighter or darker, of 255, a point must become to count as changed"},
        INSET("inset_left"),
        INSET("inset_top"),
        INSET("inset_right"),
        INSET("inset_bottom"),
        TB_PARAM_END,
};

static const TbSensorOps sensors = {.interval_ms = 0, .sample = NULL};
static const TbLane lanes[] = {
        {.name = "analysis", .size = sizeof(TbInstance), .pump = pump, .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_analysis = {
        .name = "analysis",
        .summary = "Motion, blackness, standstill and brightness of the device's own screen, as sensors.",
        .example = "analysis://?interval_ms=500",
        .params = params,
        .check = check,
        .lanes = lanes,
};
