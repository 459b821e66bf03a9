/*
 * TCP ports that a device asks for its consoles:
 *
 *      "rfc2217": 4001                                                     its first console, on loopback
 *      "rfc2217": {"listen": "10.1.0.5:4001", "allow": ["10.1.0.0/16"]}    the same, bound and allowed on its own
 *      "rfc2217": {"listen": 4001, "user": "ci", "banner": "rack 2", "idle_s": 600, "clients": 2, "settings": "client"}
 *      "rfc2217": {"console2": 4002, "console3": {"listen": …}}            by the consoles' names
 */
#include <string.h>
#include <unistd.h>

#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/net.h"

static void port_clear(TbConsolePort *port)
{
        g_clear_pointer(&port->address, g_free);
        g_clear_pointer(&port->allow, g_array_unref);
        g_clear_pointer(&port->user, g_free);
        g_clear_pointer(&port->banner, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbConsolePort, port_clear)

static bool bad(const char *field, GError **error)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field,
                           "must be a TCP port (1 to 65535), {listen: \"ADDRESS:PORT\", allow: [RANGE]} (and "
                           "user, banner, "
                           "idle_s, clients, settings), or an object {console: one of these}");
        return false;
}

static const TbParam manners[] = {
        {.name = "listen", .type = TB_PARAM_ANY, .help = "ADDRESS:PORT or PORT"},
        {.name = "allow", .type = TB_PARAM_ANY, .help = "ranges of addresses that may connect"},
        {.name = "user", .type = TB_PARAM_STRING, .min = 1, .max = 128, .help = "who connects here"},
        {.name = "banner", .type = TB_PARAM_STRING, .max = TB_LIMIT_BANNER, .help = "said first"},
        {.name = "idle_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_NETSERIAL_IDLE_S,
         .fallback = "0",
         .unit = "s",
         .help = "0: a connection on which nothing passes stays"},
        {.name = "clients",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_NETSERIAL_CLIENTS,
         .fallback = "0",
         .help = "at once; 0: what the host allows"},
        {.name = "settings",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("configured", "client"),
         .fallback = "\"configured\"",
         .help = "of the line when the last client has left: as before, or as the client set it"},
        TB_PARAM_END,
};

static bool parse_manners(const json_t *value, TbConsolePort *port, GError **error)
{
        json_auto_t *given = tb_params_validate(manners, (json_t *)value, error);
        if (!given)
                return false;
        port->user = g_strdup(json_string_value(json_object_get(given, "user")));
        port->banner = g_strdup(json_string_value(json_object_get(given, "banner")));
        port->idle_s = (int)json_integer_value(json_object_get(given, "idle_s"));
        port->clients = (int)json_integer_value(json_object_get(given, "clients"));
        port->keep = g_str_equal(json_string_value(json_object_get(given, "settings")), "client");
        return true;
}

/* `value`: a number, or {listen, allow?, …}. */
static bool parse_port(const char *field, const json_t *value, TbConsolePort *ret, GError **error)
{
        const json_t *listen = json_is_object(value) ? json_object_get(value, "listen") : value,
                     *allow = json_object_get(value, "allow");
        json_int_t number = json_integer_value(listen);
        g_autoptr(GError) why = NULL;
        g_auto(TbConsolePort) port = {.field = field};
        if (json_is_object(value) && !json_object_get(value, "listen"))
                return bad(field, error);
        if (json_is_object(value) && !parse_manners(value, &port, &why))
                goto blame;
        if (json_is_integer(listen) && number >= 1 && number <= G_MAXUINT16)
                port.port = (guint16)number;
        else if (!json_is_object(value) || !json_is_string(listen))
                return bad(field, error);
        else if (!tb_net_endpoint_parse(json_string_value(listen), &port.address, &port.port, &why))
                goto blame;
        if (allow && !tb_net_ranges_parse(allow, &port.allow, &why)) {
                tb_error_prefix(&why, "allow: ");
                goto blame;
        }
        if (port.address && !tb_address_is_loopback(port.address) && !port.allow) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, field,
                        "%s reaches beyond this machine and a raw port asks for no token: say who may "
                        "connect, as in allow: [\"10.1.0.0/16\"]",
                        port.address);
                return false;
        }
        *ret = port;
        port = (TbConsolePort){0};
        return true;
blame:
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s", why->message);
        return false;
}

static bool is_one(const json_t *ports)
{
        return !json_is_object(ports) || json_object_get(ports, "listen");
}

static bool check_one(TbDevice *device, const char *field, const char *name, const json_t *value,
                      GError **error)
{
        TbInterface *iface =
                name ? tb_device_find(device, name) : tb_device_interface_of(device, TB_KIND_CONSOLE);
        g_auto(TbConsolePort) port = {0};
        if (!iface || iface->kind != TB_KIND_CONSOLE) {
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s has no console%s%s", device->id,
                                   name ? " " : "", name ? name : "");
                return false;
        }
        return parse_port(field, value, &port, error);
}

bool tb_device_check_ports(TbDevice *device, const char *field, GError **error)
{
        json_t *ports = json_object_get(device->spec, field), *port;
        const char *name;
        if (!ports)
                return true;
        if (is_one(ports))
                return check_one(device, field, NULL, ports, error);
        json_object_foreach (ports, name, port)
                if (!check_one(device, field, name, port, error))
                        return false;
        return true;
}

static void call_one(TbInterface *iface, const char *field, const json_t *value,
                     void (*call)(TbInterface *, const TbConsolePort *, gpointer), gpointer user)
{
        g_auto(TbConsolePort) port = {0};
        if (iface && parse_port(field, value, &port, NULL))
                call(iface, &port, user);
}

void tb_device_each_port(TbDevice *device, const char *field,
                         void (*call)(TbInterface *console, const TbConsolePort *port, gpointer user),
                         gpointer user)
{
        json_t *ports = json_object_get(device->spec, field), *port;
        const char *name;
        if (!ports)
                return;
        if (is_one(ports)) {
                call_one(tb_device_interface_of(device, TB_KIND_CONSOLE), field, ports, call, user);
                return;
        }
        json_object_foreach (ports, name, port)
                call_one(tb_device_find(device, name), field, port, call, user);
}

guint16 tb_device_vnc_port(const TbDevice *device)
{
        json_int_t number = json_integer_value(json_object_get(device->spec, "vnc"));
        return number > 0 && number <= G_MAXUINT16 ? (guint16)number : 0;
}

void tb_interface_set_port(TbInterface *console, const char *field, json_t *state_take)
{
        if (!console->ports)
                console->ports = json_object();
        json_object_set_new(console->ports, field, state_take);
}

/* --- can they be had? Asked before a device is changed, so that nothing live changes for a port that another has. --- */
typedef struct Bind {
        TbDevice *old; /* borrowed; NULL: none */
        const char *field;
        guint16 port;
        GError **error;
        bool has, ok;
} Bind;

static void is_it(TbInterface *console G_GNUC_UNUSED, const TbConsolePort *port, gpointer data)
{
        Bind *b = data;
        b->has |= port->port == b->port;
}

static void try_bind(Bind *b, const char *address, guint16 number)
{
        g_autoptr(GError) why = NULL;
        b->port = number;
        b->has = b->old && json_integer_value(json_object_get(b->old->spec, "vnc")) == number;
        if (b->old) {
                tb_device_each_port(b->old, "rfc2217", is_it, b);
                tb_device_each_port(b->old, "tcp", is_it, b);
        }
        if (!b->ok || b->has) /* it is open for the device that goes */
                return;
        int fd = tb_listen(address, number, NULL, NULL, &why);
        if (fd >= 0) {
                close(fd);
                return;
        }
        b->ok = false;
        tb_error_set_field(b->error, TB_ERROR_BUSY, b->field, "%s", tb_error_detail(why));
}

static void try_console(TbInterface *console G_GNUC_UNUSED, const TbConsolePort *port, gpointer data)
{
        try_bind(data, port->address ? port->address : "127.0.0.1", port->port);
}

bool tb_device_check_bind(TbDevice *fresh, TbDevice *old, GError **error)
{
        static const char *const fields[] = {"rfc2217", "tcp"};
        Bind b = {old, NULL, 0, error, false, true};
        json_t *vnc = json_object_get(fresh->spec, "vnc");
        for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
                b.field = fields[i];
                tb_device_each_port(fresh, fields[i], try_console, &b);
        }
        b.field = "vnc";
        if (json_is_integer(vnc))
                try_bind(&b, fresh->core->config->address, (guint16)json_integer_value(vnc));
        return b.ok;
}
