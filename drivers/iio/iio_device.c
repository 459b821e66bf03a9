#include "drivers/iio/iio_device.h"

#include <string.h>

#include "drivers/iio/iio_proto.h"
#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"

const TbSysclass tb_iio_devices = {.folder = "/sys/bus/iio/devices",
                                   .prefix = "iio:device",
                                   .name = "name",
                                   .what = "industrial I/O device",
                                   .behind = true};

static int by_name(gconstpointer a, gconstpointer b)
{
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        gsize m = strlen(x), n = strlen(y); /* in_voltage2_raw before in_voltage10_raw */
        return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

/* The channel's own, else what all of its sort share; NAN: none. */
static double about(const char *folder, const TbIioValue *value, const char *what)
{
        const char *const of[] = {value->channel, value->shared, value->sort};
        for (guint i = 0; i < G_N_ELEMENTS(of); i++) {
                g_autofree char *file = g_strdup_printf("in_%s_%s", of[i], what);
                double number = tb_attrs_number(folder, file, NULL);
                if (!isnan(number))
                        return number;
        }
        return NAN;
}

static void add(TbAttrs *attrs, const char *folder, const char *file)
{
        TbIioValue value;
        if (!tb_iio_parse_file(file, &value))
                return;
        g_autofree char *input = g_strdup_printf("in_%s_input", value.channel),
                        *there = g_build_filename(folder, input, NULL),
                        *label_file = g_strdup_printf("in_%s_label", value.channel),
                        *label = tb_sysdev_attr(folder, label_file);
        if (!value.processed && g_file_test(there, G_FILE_TEST_EXISTS))
                return;
        double scale = value.processed ? 1 : about(folder, &value, "scale"),
               offset = value.processed ? 0 : about(folder, &value, "offset");
        bool counts = isnan(scale); /* nobody knows what a step is: the number as it is */
        tb_attrs_add(attrs, &(TbAttrsFile){.file = file,
                                           .quantity = value.quantity,
                                           .label = label && *label ? label : value.label,
                                           .unit = counts ? "1" : value.unit,
                                           .offset = isnan(offset) ? 0 : offset,
                                           .scale = counts ? 1 : scale * value.factor});
}

TbAttrs *tb_iio_values(const char *folder, GError **error)
{
        g_autoptr(GPtrArray) files = tb_sysdev_names(folder, error);
        if (!files)
                return NULL;
        TbAttrs *attrs = tb_attrs_new(folder);
        g_ptr_array_sort(files, by_name);
        for (guint i = 0; i < files->len; i++)
                add(attrs, folder, files->pdata[i]);
        if (tb_attrs_count(attrs) > 0)
                return attrs;
        tb_attrs_free(attrs);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                     "%s measures nothing that is known here: no file in_voltage0_raw, in_temp_input, …",
                     folder);
        return NULL;
}

/* --- discovery --- */
static void offer(TbFinder *finder, const char *folder)
{
        TbAttrs *attrs = tb_iio_values(folder, NULL);
        if (!attrs)
                return;
        guint n = tb_attrs_count(attrs);
        g_autofree char *how = NULL, *uri = tb_sysclass_uri(&tb_iio_devices, "iio", folder, &how),
                        *name = tb_sysclass_name(&tb_iio_devices, folder),
                        *device = tb_sysclass_device(&tb_iio_devices, folder),
                        *label = g_strdup_printf("Industrial I/O device %s", name),
                        *why = g_strdup_printf("the kernel measures %u %s there; found again %s", n,
                                               n == 1 ? "value" : "values", how);
        json_t *properties = json_pack("{s:s, s:i}", "kind", "sensors", "streams", (int)n);
        tb_offers_set(properties, "name", name);
        tb_offers_set(properties, "device", device);
        tb_offers_add(finder->offers, uri, label, why, properties);
        tb_attrs_free(attrs);
}

static bool look(TbFinder *finder, TbIo *io G_GNUC_UNUSED, bool all G_GNUC_UNUSED, GError **error)
{
        g_autoptr(GPtrArray) folders = tb_sysclass_all(&tb_iio_devices, error);
        for (guint i = 0; folders && i < folders->len; i++)
                offer(finder, folders->pdata[i]);
        return folders != NULL;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"iio", NULL}, .look = look};

TB_FINDER_DISCOVERY(tb_iio_discovery, finder_ops);
