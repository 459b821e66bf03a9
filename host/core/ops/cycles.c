/* Cycles that are under way, across an end of the host that was none of its own (kill, power cut): cycles.json, {"device/interface": {by, since_ms}}.
 * A host that comes back says which outlets such a cycle may have left off. It does not switch them: it cannot know what happened
 * to the board meanwhile, nor who may. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/log.h"

static bool is_cycle(const TbVerb *verb)
{
        return verb->kind == TB_KIND_POWER && strcmp(verb->op, "cycle") == 0;
}

json_t *tb_cycles_json(TbCore *core)
{
        json_t *all = json_object();
        GHashTableIter iter;
        gpointer key;
        g_hash_table_iter_init(&iter, core->at_work);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
                const TbCommand *c = key;
                if (is_cycle(c->verb) && c->iface)
                        json_object_set_new(
                                all, c->iface->id,
                                json_pack("{s:s, s:I}", "by", c->actor.user, "since_ms",
                                          (json_int_t)(tb_clock_ms() -
                                                       (g_get_monotonic_time() - c->begin_us) / 1000)));
        }
        return all;
}

void tb_cycles_save(TbCore *core, const TbVerb *verb)
{
        if (is_cycle(verb))
                tb_saver_now(core->save_cycles);
}

static void tell(TbCore *core, const char *id, const json_t *o)
{
        g_auto(GStrv) parts = g_strsplit(id, "/", 2);
        TbDevice *device = parts[0] ? g_tree_lookup(core->devices, parts[0]) : NULL;
        TbInterface *iface = device && parts[1] ? tb_device_find(device, parts[1]) : NULL;
        const char *by = json_string_value(json_object_get(o, "by"));
        if (!iface || iface->kind != TB_KIND_POWER)
                return; /* it is here no more */
        g_autoptr(GDateTime) since =
                g_date_time_new_from_unix_utc(json_integer_value(json_object_get(o, "since_ms")) / 1000);
        g_autofree char *at = since ? g_date_time_format_iso8601(since) : NULL;
        g_autofree char *text = g_strdup_printf("power.cycle by %s, begun at %s, was cut off when this host "
                                                "ended; it may have been left off: "
                                                "switch it on, or cycle it again",
                                                by ? by : "somebody", at ? at : "some time");
        tb_interface_left_power(iface, text);
}

void tb_cycles_load(TbCore *core)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *all = tb_state_load(core->state, "cycles.json", JSON_OBJECT, &error);
        const char *id;
        json_t *o;
        if (error)
                tb_log(TB_LOG_ERROR, TB_F(), "%s; which outlets a cycle left off is not known",
                       error->message);
        json_object_foreach (all, id, o)
                tell(core, id, o);
        if (json_object_size(all) > 0)
                tb_saver_now(core->save_cycles); /* told once */
}
