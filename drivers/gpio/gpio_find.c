#include "drivers/gpio/gpio_find.h"

#include <errno.h>
#include <gpiod.h>
#include <string.h>

#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"
#include "lib/error.h"

#define BUS "/sys/bus/gpio/devices"

/* The first line that nobody holds, as an example to begin with; -1: none. */
static int first_free(struct gpiod_chip *chip, guint *ret_free)
{
        int first = -1;

        *ret_free = 0;
        for (unsigned i = 0; i < gpiod_chip_num_lines(chip); i++) {
                struct gpiod_line *line = gpiod_chip_get_line(chip, i);
                if (!line || gpiod_line_is_used(line))
                        continue;
                ++*ret_free;
                if (first < 0)
                        first = (int)i;
        }
        return first;
}

static bool offer(TbFinder *finder, const char *name, GError **error)
{
        struct gpiod_chip *chip = gpiod_chip_open_by_name(name);
        guint free_lines;

        if (!chip && (errno == EMFILE || errno == ENFILE)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot look at %s: %s", name, g_strerror(errno));
                return false;
        }
        if (!chip) { /* no permission: it is there all the same */
                g_autofree char *uri = g_strdup_printf("gpio://%s?lines=line0=0:in", name);
                g_autofree char *label = g_strdup_printf("GPIO chip %s", name);
                tb_offers_add(finder->offers, uri, label,
                              "the kernel has this GPIO chip; it cannot be looked into (Testbed's udev rules "
                              "give permission)",
                              json_pack("{s:s}", "kind", "gpio"));
                return true;
        }
        g_autofree char *chip_label = g_utf8_make_valid(gpiod_chip_label(chip), -1);
        unsigned count = gpiod_chip_num_lines(chip);
        int first = first_free(chip, &free_lines);
        if (first >= 0) {
                g_autofree char *uri = g_strdup_printf("gpio://%s?lines=line%d=%d:in", name, first, first);
                g_autofree char *label = g_strdup_printf("GPIO chip %s (%s)", chip_label, name);
                g_autofree char *why = g_strdup_printf(
                        "the kernel has a GPIO chip of %u lines, %u of them free; name those that "
                        "are connected (gpioinfo %s shows them)",
                        count, free_lines, name);
                tb_offers_add(finder->offers, uri, label, why,
                              json_pack("{s:s, s:i}", "kind", "gpio", "lines", (int)count));
        }
        gpiod_chip_close(chip);
        return true;
}

static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(BUS, error);

        (void)io, (void)all;
        for (guint i = 0; names && i < names->len; i++)
                if (g_str_has_prefix(names->pdata[i], "gpiochip") && !offer(finder, names->pdata[i], error))
                        return false;
        return names != NULL;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"gpio", NULL}, .look = look};

TB_FINDER_DISCOVERY(tb_gpio_discovery, finder_ops);
