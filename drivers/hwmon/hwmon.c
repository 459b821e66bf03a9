/* Sensor chips that the kernel drives (hwmon) and thermal zones: temperatures, voltages, currents, power, fans. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/hwmon/hwmon_chip.h"
#include "lib/limits.h"

typedef struct Hwmon {
        TbInstance base;
        TbAttrs *attrs; /* owned; NULL: closed */
        bool gone;      /* the last look found no folder */
} Hwmon;

static const TbParam params[] = {
        TB_SYSCLASS_PARAMS,
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 3600000,
         .fallback = "2000",
         .unit = "ms",
         .help = "pause between two looks"},
        TB_PARAM_END,
};

static bool hwmon_open(TbInstance *self, TbIo *io, GError **error)
{
        Hwmon *h = (Hwmon *)self;
        const TbSysclass *sort =
                strcmp(self->uri->scheme, "thermal") == 0 ? &tb_hwmon_zones : &tb_hwmon_chips;
        g_autofree char *folder = tb_sysclass_find(sort, self->uri, self->params, error);
        (void)io;
        h->gone = false;
        h->attrs = folder ? tb_hwmon_values(folder, error) : NULL;
        return h->attrs != NULL;
}

static void hwmon_close(TbInstance *self)
{
        g_clear_pointer(&((Hwmon *)self)->attrs, tb_attrs_free);
}

static bool hwmon_sample(TbInstance *self, TbIo *io, GError **error)
{
        Hwmon *h = (Hwmon *)self;
        GError *why = NULL;
        if (tb_attrs_tell(h->attrs, self, io, &why))
                return true;
        h->gone = g_error_matches(why, TB_ERROR, TB_ERROR_GONE);
        g_propagate_error(error, why);
        return false;
}

/* Each sample ends it, so that what it found missing is looked for anew. */
static bool hwmon_pump(TbInstance *self, TbIo *io, GError **error)
{
        if (((Hwmon *)self)->gone) {
                tb_set_error(error, TB_ERROR_GONE,
                             "%s: the sensors are gone: unplugged, or their driver was unloaded",
                             self->uri->shown);
                return false;
        }
        (void)tb_io_wait(io, NULL, 0, -1);
        return true;
}

static const TbSensorOps sensors = {.interval_ms = 2000, .sample = hwmon_sample};
static const TbLane lanes[] = {
        {.name = "sensors",
         .size = sizeof(Hwmon),
         .open = hwmon_open,
         .close = hwmon_close,
         .pump = hwmon_pump,
         .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_hwmon = {
        .name = "hwmon",
        .summary = "Sensor chips that the kernel drives, and thermal zones: temperature, voltage, current, "
                   "power, fans, humidity.",
        .example = "hwmon://coretemp",
        .schemes = (const char *const[]){"thermal", NULL},
        .params = params,
        .check = tb_sysclass_check,
        .lanes = lanes,
        .discovery = &tb_hwmon_discovery,
};
