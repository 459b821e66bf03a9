/* Devices that were made by REST, in <state>/devices.json: the same form as the config's `devices`. */
#include <string.h>

#include "host/core/private.h"
#include "lib/log.h"

#define FILE_NAME "devices.json"

static void carry_over(TbCore *core, const char *id, json_t *spec, const char *why)
{
        tb_log(TB_LOG_ERROR, TB_F("device", id), "not attached: %s; it is kept in " FILE_NAME, why);
        json_object_set(core->unknown_devices, id, spec);
}

void tb_store_load(TbCore *core)
{
        g_autoptr(GError) unread = NULL;
        json_auto_t *all = tb_state_load(core->state, FILE_NAME, JSON_OBJECT, &unread);
        const char *id;
        json_t *spec;
        if (unread) {
                tb_log(TB_LOG_ERROR, TB_F(), "%s; devices made by REST are not attached", unread->message);
                core->state_problem = g_strdup(unread->message);
        }
        json_object_foreach (all, id, spec) {
                g_autoptr(GError) error = NULL;
                if (g_tree_lookup(core->devices, id)) {
                        carry_over(core, id, spec, "the configuration names it too");
                        continue;
                }
                TbDevice *device = tb_device_new(core, id, spec, &error);
                if (!device) {
                        carry_over(core, id, spec, tb_error_detail(error));
                        continue;
                }
                device->stored = true;
                g_tree_insert(core->devices, device->id, device);
        }
        tb_core_changed(core);
}

json_t *tb_store_json(TbCore *core)
{
        json_t *all = json_copy(core->unknown_devices);
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                const TbDevice *device = g_tree_node_value(n);
                if (device->stored)
                        json_object_set(all, device->id, device->spec);
        }
        return all;
}

bool tb_store_change(TbCore *core, const char *id, json_t *spec, GError **error)
{
        json_auto_t *all = tb_store_json(core);
        if (spec)
                json_object_set(all, id, spec);
        else
                json_object_del(all, id);
        core->store_waits = false;
        if (tb_saver_holds(core->save_devices, all))
                return true;
        core->store_waits = true;
        if (!tb_saver_busy(core->save_devices))
                tb_saver_stage(core->save_devices, all);
        tb_set_error(error, TB_ERROR_BUSY, "%s is being stored", id);
        return false;
}

bool tb_store_waits(const TbCore *core)
{
        return core->store_waits;
}
