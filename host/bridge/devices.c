#include "host/bridge/devices.h"

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

json_t *tb_bridge_devices(TbCore *core)
{
        json_t *list = json_array();
        tb_core_each_device(core, add_device, list);
        return list;
}
