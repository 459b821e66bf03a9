#include "host/bridge/devices.h"

#include "lib/limits.h"
#include "lib/log.h"

static void add_interface(TbInterface *iface, gpointer list)
{
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", tb_interface_name(iface), "kind",
                                              tb_kind_name(tb_interface_kind(iface)), "state",
                                              tb_state_name(tb_interface_state(iface, NULL))));
}

static void add_device(TbDevice *device, gpointer list)
{
        json_t *interfaces = json_array(), *full = tb_device_json(device);
        tb_device_each_interface(device, add_interface, interfaces);
        const char *label = tb_device_label(device);
        json_t *entry = json_pack("{s:s, s:s, s:o}", "id", tb_device_id(device), "label",
                                  label ? label : tb_device_id(device), "interfaces", interfaces);
        json_t *state = json_object_get(full, "state");
        if (state)
                json_object_set(entry, "state", state);
        json_array_append_new(list, entry);
        json_decref(full);
}

bool tb_bridge_devices_fit(json_t *list)
{
        if (json_dumpb(list, NULL, 0, JSON_COMPACT) <= TB_LIMIT_DEVICE_LIST)
                return true;
        gsize i;
        json_t *entry;
        json_array_foreach (list, i, entry)
                json_object_del(entry, "interfaces");
        return false;
}

json_t *tb_bridge_devices(TbCore *core, bool *is_short)
{
        json_t *list = json_array();
        tb_core_each_device(core, add_device, list);
        bool fits = tb_bridge_devices_fit(list);
        if (!fits && !*is_short)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "the server takes %d bytes of devices and this host has more: its lists show them "
                       "without interfaces",
                       TB_LIMIT_DEVICE_LIST);
        *is_short = !fits;
        return list;
}

json_t *tb_bridge_devices_message(TbCore *core, bool *is_short)
{
        return json_pack("{s:s, s:o}", "type", "devices", "devices", tb_bridge_devices(core, is_short));
}
