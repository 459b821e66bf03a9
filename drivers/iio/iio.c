/* Industrial I/O devices of the kernel: converters, accelerometers, gyroscopes, light, pressure. */
#include "drivers/driver.h"
#include "drivers/iio/iio_device.h"

static const TbParam params[] = {TB_SYSCLASS_PARAMS, TB_ATTRS_PARAM, TB_PARAM_END};

static bool open_sensors(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        g_autofree char *folder = tb_sysclass_find(&tb_iio_devices, self->uri, self->params, error);
        return tb_attrs_opened(self, folder ? tb_iio_values(folder, error) : NULL);
}

static const TbLane lanes[] = TB_ATTRS_LANES(open_sensors);

const TbDriver tb_driver_iio = {
        .name = "iio",
        .summary = "Industrial I/O devices of this machine: converters, accelerometers, gyroscopes, light, "
                   "pressure, as sensors.",
        .example = "iio://ad7291",
        .params = params,
        .check = tb_sysclass_check,
        .lanes = lanes,
        .discovery = &tb_iio_discovery,
};
