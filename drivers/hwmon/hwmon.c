/* Sensor chips that the kernel drives (hwmon) and thermal zones: temperatures, voltages, currents, power, fans. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/hwmon/hwmon_chip.h"

static const TbParam params[] = {TB_SYSCLASS_PARAMS, TB_ATTRS_PARAM, TB_PARAM_END};

static bool open_sensors(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        const TbSysclass *sort =
                strcmp(self->uri->scheme, "thermal") == 0 ? &tb_hwmon_zones : &tb_hwmon_chips;
        g_autofree char *folder = tb_sysclass_find(sort, self->uri, self->params, error);
        return tb_attrs_opened(self, folder ? tb_hwmon_values(folder, error) : NULL);
}

static const TbLane lanes[] = TB_ATTRS_LANES(open_sensors);

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
