#include "drivers/pulse/pulse_find.h"

#include <string.h>

#include "drivers/pulse/pulse_link.h"
#include "drivers/transport/finder.h"

static void offer(const TbPulseSource *source, gpointer data)
{
        TbFinder *finder = data;
        g_autofree char *escaped = g_uri_escape_string(source->name, ":@+", FALSE);
        g_autofree char *uri = g_strconcat("pulse:///", escaped, NULL);
        g_autofree char *why = source->monitor_of
                                       ? g_strdup_printf("what is played on the sink %s", source->monitor_of)
                                       : g_strdup("the sound server lists it as a source");
        json_t *properties = json_pack("{s:s}", "kind", "audio");
        tb_offers_set(properties, "source", source->name);
        tb_offers_set(properties, "monitor_of", source->monitor_of);
        tb_offers_add(finder->offers, uri, source->label, why, properties);
}

/* No server: then it has no sources, which is nothing to complain of. */
static bool look(TbFinder *finder, TbIo *io, bool all G_GNUC_UNUSED, GError **error)
{
        g_autoptr(GError) none = NULL;
        TbPulse *pulse = tb_pulse_open(io, NULL, "pulse://", &none);
        if (!pulse && g_error_matches(none, TB_ERROR, TB_ERROR_INTERRUPTED)) {
                g_propagate_error(error, g_steal_pointer(&none));
                return false;
        }
        bool ok = !pulse || tb_pulse_each_source(pulse, io, offer, finder, error);
        tb_pulse_close(pulse);
        return ok;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"sound", NULL}, .look = look};

TB_FINDER_DISCOVERY(tb_pulse_discovery, finder_ops);
