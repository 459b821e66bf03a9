/* The devices of a configuration, on trial: what start would refuse, and TCP ports and outlets that two of them want. */
#include <string.h>

#include "host/core/private.h"
#include "lib/config.h"
#include "lib/limits.h"

/* --- TCP ports: each once --- */
typedef struct Ports {
        TbConfigReader *reader;
        GHashTable *taken; /* owned: port -> who has it, owned */
        const char *device;
} Ports;

static void take_port(Ports *ports, const json_t *blamed, const char *path, guint16 port)
{
        const char *other = port ? g_hash_table_lookup(ports->taken, GUINT_TO_POINTER(port)) : NULL;
        if (other)
                tb_config_problem(ports->reader, blamed, NULL, path, "port %u is already that of %s", port,
                                  other);
        else if (port)
                g_hash_table_insert(ports->taken, GUINT_TO_POINTER(port), g_strdup(path));
}

static void take_console_port(TbInterface *console, const TbConsolePort *port, gpointer data)
{
        Ports *ports = data;
        g_autofree char *path =
                g_strdup_printf("devices.%s.%s (%s)", ports->device, port->field, tb_interface_name(console));
        const json_t *spec =
                json_object_get(json_object_get(tb_config_root(ports->reader), "devices"), ports->device);
        take_port(ports, json_object_get(spec, port->field), path, port->port);
}

static void take_device_ports(Ports *ports, const char *id, const json_t *spec, TbDevice *device)
{
        const json_t *vnc = json_object_get(spec, "vnc");
        g_autofree char *path = g_strdup_printf("devices.%s.vnc", id);
        ports->device = id;
        take_port(ports, vnc, path, (guint16)json_integer_value(vnc));
        tb_device_each_port(device, "rfc2217", take_console_port, ports);
        tb_device_each_port(device, "tcp", take_console_port, ports);
}

static int compare_ids(gconstpointer a, gconstpointer b, gpointer data G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

/* Attachments are built once on trial, so that --check says everything that start would. Nothing is opened.
 */
void tb_config_check_devices(TbHostConfig *c, TbConfigReader *r)
{
        TbCore trial = {.config = c,
                        .devices = g_tree_new_full(compare_ids, NULL, NULL, (GDestroyNotify)tb_device_free)};
        const char *id;
        json_t *spec;
        Ports ports = {r, g_hash_table_new_full(NULL, NULL, NULL, g_free), NULL};
        take_port(&ports, NULL, "port", c->port);
        take_port(&ports, NULL, "vnc.port", c->vnc_port);
        take_port(&ports, NULL, "novnc.port", c->novnc_port);
        take_port(&ports, NULL, "compat.pdudaemon", c->pdudaemon_port);
        if (json_object_size(c->devices) > TB_LIMIT_DEVICES)
                tb_config_problem(r, c->devices, NULL, "devices", "a host has at most %d devices",
                                  TB_LIMIT_DEVICES);
        json_object_foreach (c->devices, id, spec) {
                g_autoptr(GError) error = NULL;
                TbDevice *device = tb_device_new(&trial, id, spec, &error);
                if (!device) {
                        const char *field = tb_error_field(error);
                        const json_t *attach = json_object_get(spec, "attach"),
                                     *blamed = field ? json_object_get(spec, field) : NULL;
                        if (!blamed && field)
                                blamed = json_object_get(attach, field);
                        g_autofree char *path =
                                g_strdup_printf("devices.%s%s%s", id, field ? "." : "", field ? field : "");
                        tb_config_problem(r,
                                          blamed   ? blamed
                                          : attach ? attach
                                                   : spec,
                                          NULL, path, "%s", tb_error_detail(error));
                        continue;
                }
                take_device_ports(&ports, id, spec, device);
                if (!tb_device_check_outlets(&trial, device, NULL, &error))
                        tb_config_problem(r, json_object_get(spec, "attach"), NULL, "devices", "%s",
                                          tb_error_detail(error));
                g_tree_insert(trial.devices, device->id, device);
        }
        g_tree_destroy(trial.devices);
        g_hash_table_unref(ports.taken);
}
