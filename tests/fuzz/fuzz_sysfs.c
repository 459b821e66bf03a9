/* Names of files below /sys: which sensor each of them is. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "drivers/hwmon/hwmon_proto.h"
#include "drivers/iio/iio_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *name = g_strndup((const char *)data, size);
        TbHwmonValue value;
        if (tb_hwmon_parse_file(name, &value))
                g_assert_true(value.scale > 0 && value.index < 1000 && g_str_has_prefix(name, value.word));
        TbIioValue channel;
        if (tb_iio_parse_file(name, &channel))
                g_assert_true(channel.factor > 0 && *channel.channel && *channel.label &&
                              g_str_has_prefix(channel.channel, channel.sort));
        return 0;
}
