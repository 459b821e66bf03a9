#include "drivers/hwmon/hwmon_chip.h"

#include <string.h>

#include "drivers/hwmon/hwmon_proto.h"
#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"

const TbSysclass tb_hwmon_chips = {
        .folder = "/sys/class/hwmon", .prefix = "hwmon", .name = "name", .what = "sensor chip"};
const TbSysclass tb_hwmon_zones = {
        .folder = "/sys/class/thermal", .prefix = "thermal_zone", .name = "type", .what = "thermal zone"};

static int by_name(gconstpointer a, gconstpointer b)
{
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        gsize m = strlen(x), n = strlen(y); /* temp2_input before temp10_input */
        return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

static void add(TbAttrs *attrs, const char *folder, const char *file)
{
        TbHwmonValue value;
        if (!tb_hwmon_parse_file(file, &value))
                return;
        g_autofree char *input = g_strdup_printf("%s%u_input", value.word, value.index),
                        *there = g_build_filename(folder, input, NULL),
                        *label_file = g_strdup_printf("%s%u_label", value.word, value.index),
                        *label = tb_sysdev_attr(folder, label_file),
                        *fault = g_strdup_printf("%s%u_fault", value.word, value.index),
                        *number = g_strdup_printf("%u", value.index);
        if (value.average && g_file_test(there, G_FILE_TEST_EXISTS))
                return;
        tb_attrs_add(attrs, &(TbAttrsFile){.file = file,
                                           .fault = fault,
                                           .quantity = value.quantity,
                                           .label = label && *label ? label : number,
                                           .unit = value.unit,
                                           .scale = value.scale});
}

TbAttrs *tb_hwmon_values(const char *folder, GError **error)
{
        g_autoptr(GPtrArray) files = tb_sysdev_names(folder, error);
        if (!files)
                return NULL;
        TbAttrs *attrs = tb_attrs_new(folder);
        g_ptr_array_sort(files, by_name);
        for (guint i = 0; i < files->len; i++)
                add(attrs, folder, files->pdata[i]);
        g_autofree char *zone = tb_sysdev_attr(folder, "type"),
                        *temp = g_build_filename(folder, "temp", NULL);
        if (zone && g_file_test(temp, G_FILE_TEST_EXISTS))
                tb_attrs_add(attrs, &(TbAttrsFile){.file = "temp",
                                                   .quantity = "temperature",
                                                   .label = zone,
                                                   .unit = "Cel",
                                                   .scale = 1e-3});
        if (tb_attrs_count(attrs) > 0)
                return attrs;
        tb_attrs_free(attrs);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s measures nothing: no file temp1_input, in0_input, …",
                     folder);
        return NULL;
}

/* --- discovery --- */
static void offer(TbFinder *finder, const TbSysclass *sort, const char *scheme, const char *folder)
{
        TbAttrs *attrs = tb_hwmon_values(folder, NULL);
        if (!attrs)
                return;
        guint n = tb_attrs_count(attrs);
        g_autofree char *how = NULL, *uri = tb_sysclass_uri(sort, scheme, folder, &how),
                        *name = tb_sysclass_name(sort, folder), *device = tb_sysclass_device(sort, folder),
                        *label = g_strdup_printf("%s %s", sort->what, name),
                        *why = g_strdup_printf("the kernel measures %u %s there; found again %s", n,
                                               n == 1 ? "value" : "values", how);
        json_t *properties = json_pack("{s:s, s:i}", "kind", "sensors", "streams", (int)n);
        *label = g_ascii_toupper(*label);
        tb_offers_set(properties, "name", name);
        tb_offers_set(properties, "device", device);
        tb_offers_add(finder->offers, uri, label, why, properties);
        tb_attrs_free(attrs);
}

/* The kernel shows most zones as chips, too: those are offered once. */
static bool is_chip_too(const char *zone)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(zone, NULL);
        for (guint i = 0; names && i < names->len; i++)
                if (g_str_has_prefix(names->pdata[i], "hwmon"))
                        return true;
        return false;
}

static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        g_autoptr(GPtrArray) chips = tb_sysclass_all(&tb_hwmon_chips, error),
                             zones = chips ? tb_sysclass_all(&tb_hwmon_zones, error) : NULL;
        (void)io, (void)all;
        if (!chips || !zones)
                return false;
        for (guint i = 0; i < chips->len; i++)
                offer(finder, &tb_hwmon_chips, "hwmon", chips->pdata[i]);
        for (guint i = 0; i < zones->len; i++)
                if (!is_chip_too(zones->pdata[i]))
                        offer(finder, &tb_hwmon_zones, "thermal", zones->pdata[i]);
        return true;
}

static const TbFinderOps finder_ops = {.source = TB_HOTPLUG_SETTLED,
                                       .subsystems = (const char *const[]){"hwmon", "thermal", NULL},
                                       .look = look};

TB_FINDER_DISCOVERY(tb_hwmon_discovery, finder_ops);
