#include "host/netserial/netserial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/netserial/client.h"
#include "lib/limits.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/tally.h"

/* A peer that vanished without a word is noticed after 50 s: it would hold its place for ever. */
#define KEEPALIVE_IDLE_S 20
#define KEEPALIVE_STEP_S 10
#define KEEPALIVE_STEPS 3

struct TbNetSerial {
        TbCore *core;       /* borrowed */
        GPtrArray *ports;   /* owned Port */
        GPtrArray *clients; /* owned TbSerialClient */
        guint events;
        TbPlaces places;
        TbTally *refusals; /* owned */
};

typedef struct Port {
        TbNetSerial *netserial; /* borrowed */
        TbInterface *iface;     /* borrowed; the port goes before it does */
        bool rfc2217;
        TbListener *listener; /* owned */
        GArray *allow;        /* ref; TbNetRange; NULL: whoever reaches it */
        char *user, *banner;  /* owned; NULL: none */
        int idle_s, clients;
} Port;

static void port_free(gpointer data)
{
        Port *port = data;
        tb_listener_free(port->listener);
        g_clear_pointer(&port->allow, g_array_unref);
        g_free(port->user);
        g_free(port->banner);
        g_free(port);
}

static void client_free(gpointer client)
{
        tb_serial_client_free(client);
}

static guint clients_of(const TbNetSerial *n, const TbInterface *iface, bool rfc2217)
{
        guint count = 0;
        for (guint i = 0; i < n->clients->len; i++)
                count += tb_serial_client_interface(n->clients->pdata[i]) == iface &&
                         tb_serial_client_speaks(n->clients->pdata[i]) == rfc2217;
        return count;
}

static void keeps(TbInterface *iface G_GNUC_UNUSED, const TbConsolePort *port, gpointer user)
{
        *(bool *)user |= port->keep;
}

static void on_ended(TbSerialClient *client, gpointer data)
{
        TbNetSerial *n = data;
        TbInterface *iface = tb_serial_client_interface(client);
        bool keep = false, was = tb_serial_client_speaks(client);
        g_ptr_array_remove_fast(n->clients, client);
        if (!was || clients_of(n, iface, true) > 0)
                return;
        tb_device_each_port(tb_interface_device(iface), "rfc2217", keeps, &keep);
        tb_interface_line_return(iface, keep);
}

/* The log counts those who come at any rate. `told`: whoever may connect learns why not. */
static void refuse(Port *port, int fd, const char *peer, const char *why, bool told)
{
        TbNetSerial *n = port->netserial;
        g_autofree char *text = g_strdup_printf("%s\r\n", why);
        g_autofree char *what = g_strdup_printf("%s: %s refused", tb_interface_id(port->iface), peer);
        if (tb_tally_note(n->refusals, what))
                tb_log(TB_LOG_WARNING, TB_F("peer", peer), "%s: refused, %s", tb_interface_id(port->iface),
                       why);
        if (told && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
                tb_log(TB_LOG_DEBUG, TB_F("peer", peer), "it has gone already");
        close(fd);
}

static void say_more(const char *what, guint64 more, double seconds, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *text = tb_tally_text(more, seconds);
        tb_log(TB_LOG_WARNING, TB_F(), "%s: %s", what, text);
}

static void on_connection(int fd, const char *peer, gpointer data)
{
        Port *port = data;
        TbNetSerial *n = port->netserial;
        if (port->allow && !tb_net_ranges_contain(port->allow, peer)) {
                refuse(port, fd, peer, "this address is not in \"allow\"", false);
                return;
        }
        if (port->clients && clients_of(n, port->iface, port->rfc2217) >= (guint)port->clients) {
                refuse(port, fd, peer, "as many are connected to this console as it allows", true);
                return;
        }
        const int on = 1, idle = KEEPALIVE_IDLE_S, pause = KEEPALIVE_STEP_S, steps = KEEPALIVE_STEPS;
        TbSerialClientOptions options = {.core = n->core,
                                         .iface = port->iface,
                                         .fd = fd,
                                         .peer = peer,
                                         .user = port->user,
                                         .banner = port->banner,
                                         .idle_s = port->idle_s,
                                         .rfc2217 = port->rfc2217,
                                         .ended = on_ended,
                                         .data = n};
        g_autoptr(GError) error = NULL;
        TbSerialClient *client = tb_place_take(&n->places, &(TbPlaceBy){.peer = peer}, &options.place, &error)
                                         ? tb_serial_client_new(&options, &error)
                                         : NULL;
        if (!client) {
                tb_place_give(&options.place);
                refuse(port, fd, peer, tb_error_detail(error), true);
                return;
        }
        g_ptr_array_add(n->clients, client);
        setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on,
                   sizeof on); /* an urgent byte (telnet's break) has its place, too */
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &steps, sizeof steps);
        tb_log(TB_LOG_INFO, TB_F("device", tb_device_id(tb_interface_device(port->iface)), "peer", peer),
               "console connected by %s", port->rfc2217 ? "RFC 2217" : "TCP");
}

/* Why a port must stay closed, or NULL. A list of who may connect stands in for the token that it cannot carry. */
static const char *closed_because(const TbHostConfig *config, const TbConsolePort *port)
{
        const char *address = port->address ? port->address : config->address;
        if (config->insecure || port->allow)
                return NULL;
        if (!tb_auth_is_open(config->auth))
                return "tokens are configured, and a raw port cannot carry them: say who may connect "
                       "({listen: \"ADDRESS:PORT\", allow: [RANGE]})";
        if (!tb_address_is_loopback(address))
                return "the address is not loopback: say who may connect ({listen: \"ADDRESS:PORT\", allow: "
                       "[RANGE]})";
        return NULL;
}

typedef struct Opening {
        TbNetSerial *netserial;
        bool rfc2217;
} Opening;

static void tell(TbInterface *iface, const TbConsolePort *asked, const char *address, const char *closed)
{
        bool six = strchr(address, ':') != NULL;
        json_t *state = json_object();
        json_object_set_new(state, "listen",
                            json_sprintf("%s%s%s:%u", six ? "[" : "", address, six ? "]" : "", asked->port));
        json_object_set_new(state, "open", json_boolean(!closed));
        if (closed)
                json_object_set_new(state, "why", json_string(closed));
        tb_interface_set_port(iface, asked->field, state);
}

static void open_port(TbInterface *iface, const TbConsolePort *asked, gpointer data)
{
        const Opening *o = data;
        const TbHostConfig *config = tb_core_config(o->netserial->core);
        /* a port with a list of its own is not bound where the pages are unless it says so */
        const char *address = asked->address ? asked->address : asked->allow ? "127.0.0.1" : config->address;
        const char *closed = closed_because(config, asked), *name = o->rfc2217 ? "RFC 2217" : "TCP";
        const char *device = tb_device_id(tb_interface_device(iface));
        g_autoptr(GError) error = NULL;
        Port *port = NULL;
        if (closed) {
                tb_log(TB_LOG_WARNING, TB_F("device", device), "%s on port %u stays closed: %s", name,
                       asked->port, closed);
        } else {
                port = g_new0(Port, 1);
                *port = (Port){o->netserial,
                               iface,
                               o->rfc2217,
                               NULL,
                               asked->allow ? g_array_ref(asked->allow) : NULL,
                               g_strdup(asked->user),
                               g_strdup(asked->banner),
                               asked->idle_s,
                               asked->clients};
                port->listener = tb_listener_new(address, asked->port, on_connection, port, &error);
        }
        tell(iface, asked, address, closed ? closed : error ? error->message : NULL);
        if (!port)
                return;
        if (port->listener) {
                g_ptr_array_add(o->netserial->ports, port);
                return;
        }
        tb_log(TB_LOG_WARNING, TB_F("device", device), "%s on port %u is not available: %s", name,
               asked->port, error->message);
        port_free(port);
}

static void open_device(TbDevice *device, gpointer data)
{
        tb_device_each_port(device, "rfc2217", open_port, &(Opening){data, true});
        tb_device_each_port(device, "tcp", open_port, &(Opening){data, false});
}

static void close_device(TbNetSerial *n, const char *id)
{
        for (guint i = n->clients->len; i-- > 0;)
                if (strcmp(tb_device_id(
                                   tb_interface_device(tb_serial_client_interface(n->clients->pdata[i]))),
                           id) == 0)
                        g_ptr_array_remove_index_fast(n->clients, i);
        for (guint i = n->ports->len; i-- > 0;)
                if (strcmp(tb_device_id(tb_interface_device(((Port *)n->ports->pdata[i])->iface)), id) == 0)
                        g_ptr_array_remove_index_fast(n->ports, i);
}

static void tell_line(TbNetSerial *n, const TbEvent *event,
                      void (*tell_one)(TbSerialClient *client, const json_t *data))
{
        g_autofree char *id = g_strdup_printf("%s/%s", event->device, event->interface);
        for (guint i = 0; i < n->clients->len; i++) {
                TbSerialClient *client = n->clients->pdata[i];
                if (strcmp(tb_interface_id(tb_serial_client_interface(client)), id) == 0)
                        tell_one(client, event->data);
        }
}

static void on_event(const TbEvent *event, gpointer data)
{
        TbNetSerial *n = data;
        if (strcmp(event->type, "device.removed") == 0) {
                close_device(n, event->device);
        } else if (strcmp(event->type, "device.added") == 0) {
                TbDevice *device = tb_core_device(n->core, event->device, NULL);
                if (device)
                        open_device(device, n);
        } else if (strcmp(event->type, "modem") == 0) {
                tell_line(n, event, tb_serial_client_modem);
        } else if (strcmp(event->type, "line") == 0) {
                tell_line(n, event, tb_serial_client_line);
        }
}

TbNetSerial *tb_netserial_new(TbCore *core)
{
        TbNetSerial *n = g_new0(TbNetSerial, 1);
        n->core = core;
        n->ports = g_ptr_array_new_with_free_func(port_free);
        tb_places_init(&n->places, "connections to consoles of this host", TB_LIMIT_NETSERIAL_CLIENTS);
        n->refusals = tb_tally_new(TB_LIMIT_TALLY_SAID, TB_LIMIT_TALLY_S * 1000, say_more, n);
        n->clients = g_ptr_array_new_with_free_func(client_free);
        tb_core_each_device(core, open_device, n);
        n->events = tb_bus_subscribe(tb_core_bus(core), on_event, n);
        return n;
}

void tb_netserial_free(TbNetSerial *n)
{
        if (!n)
                return;
        tb_bus_unsubscribe(tb_core_bus(n->core), n->events);
        g_ptr_array_unref(n->clients);
        g_ptr_array_unref(n->ports);
        tb_places_clear(&n->places);
        tb_tally_free(n->refusals);
        g_free(n);
}
