/* TCP ports that a device asks for its consoles: "rfc2217": 4001 (its first console), or {"console2": 4002}. */
#include <string.h>

#include "host/core/private.h"

static bool check_one(TbDevice *device, const char *field, const char *name, const json_t *port,
                      GError **error)
{
        TbInterface *iface =
                name ? tb_device_find(device, name) : tb_device_interface_of(device, TB_KIND_CONSOLE);
        json_int_t number = json_integer_value(port);
        if (!iface || iface->kind != TB_KIND_CONSOLE) {
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s has no console%s%s", device->id,
                                   name ? " " : "", name ? name : "");
                return false;
        }
        if (!json_is_integer(port) || number < 1 || number > G_MAXUINT16) {
                tb_error_set_field(error, TB_ERROR_INVALID, field,
                                   "must be a TCP port (1 to 65535), or an object {console: port}");
                return false;
        }
        return true;
}

bool tb_device_check_ports(TbDevice *device, const char *field, GError **error)
{
        json_t *ports = json_object_get(device->spec, field), *port;
        const char *name;
        if (!ports)
                return true;
        if (!json_is_object(ports))
                return check_one(device, field, NULL, ports, error);
        json_object_foreach (ports, name, port)
                if (!check_one(device, field, name, port, error))
                        return false;
        return true;
}

void tb_device_each_port(TbDevice *device, const char *field,
                         void (*call)(TbInterface *console, guint16 port, gpointer user), gpointer user)
{
        json_t *ports = json_object_get(device->spec, field), *port;
        const char *name;
        if (json_is_integer(ports))
                call(tb_device_interface_of(device, TB_KIND_CONSOLE), (guint16)json_integer_value(ports),
                     user);
        json_object_foreach (ports, name, port)
                call(tb_device_find(device, name), (guint16)json_integer_value(port), user);
}
