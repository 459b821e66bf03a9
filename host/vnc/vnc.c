#include "host/vnc/vnc.h"

#include <errno.h>
#include <string.h>

#include "host/vnc/door.h"
#include "host/vnc/seat.h"
#include "host/vnc/ws.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/thread.h"

struct TbVnc {
        TbCore *core;               /* borrowed */
        const TbHostConfig *config; /* borrowed */
        TbVncDoor *door;            /* owned */
        TbVncSeats *seats;          /* owned */
        GPtrArray *ports;           /* owned Port */
        TbHttp *http;               /* owned; NULL: 6080 is not open */
        guint events;               /* subscription */
};

typedef struct Port {
        TbVnc *vnc;           /* borrowed */
        char *device;         /* owned; NULL: the default device */
        TbListener *listener; /* owned */
} Port;

static void port_free(gpointer data)
{
        Port *port = data;
        tb_listener_free(port->listener);
        g_free(port->device);
        g_free(port);
}

static bool has_password(const TbHostConfig *config)
{
        return config->vnc_password || config->vnc_view_password;
}

/* --- which device --- */
static void first_with_video(TbDevice *device, gpointer data)
{
        TbInterface **found = data;
        if (!*found)
                *found = tb_device_interface_of(device, TB_KIND_VIDEO);
}

static TbInterface *video_of(TbVnc *vnc, const char *id, GError **error)
{
        TbInterface *iface = NULL;
        if (!id)
                id = vnc->config->vnc_device;
        if (id) {
                TbDevice *device = tb_core_device(vnc->core, id, error);
                if (!device)
                        return NULL;
                iface = tb_device_interface_of(device, TB_KIND_VIDEO);
        } else {
                tb_core_each_device(vnc->core, first_with_video, &iface);
        }
        if (!iface)
                tb_set_error(error, TB_ERROR_NOT_FOUND,
                             id ? "device \"%s\" has no video" : "no device has video%.0s", id ? id : "");
        return iface;
}

/* --- doors --- */
static bool on_enter(const TbVncGuest *guest, gpointer data)
{
        TbVnc *vnc = data;
        return tb_vnc_seats_take(vnc->seats, guest);
}

static const TbVncDoorOps door_ops = {.enter = on_enter};

/* Refusals are told in the greeting, so that viewers can show them. */
static void knock(TbVnc *vnc, int fd, const char *peer, TbInterface *iface, const GError *why_not,
                  TbVncHelloOptions *options, const TbVncTicket *ticket)
{
        g_autoptr(GError) full = NULL;
        if (why_not)
                options->refuse = why_not->message;
        else if (tb_vnc_seats_problem(vnc->seats))
                options->refuse = tb_vnc_seats_problem(vnc->seats);
        else if (!tb_vnc_seats_room(vnc->seats, ticket->user, peer, &full))
                options->refuse = full->message;
        TbVncTicket *own = iface ? tb_vnc_ticket_new(iface, ticket->user, ticket->lease) : NULL;
        tb_vnc_door_knock(vnc->door, fd, peer, options, own, own ? (GDestroyNotify)tb_vnc_ticket_free : NULL);
}

static void on_connection(int fd, const char *peer, gpointer data)
{
        Port *port = data;
        TbVnc *vnc = port->vnc;
        g_autoptr(GError) error = NULL;
        TbInterface *iface = video_of(vnc, port->device, &error);
        g_autofree char *user = g_strdup_printf("vnc:%s", peer);
        TbVncHelloOptions options = {.password = vnc->config->vnc_password,
                                     .view_password = vnc->config->vnc_view_password,
                                     .open_role = TB_ROLE_OPERATOR};
        knock(vnc, fd, peer, iface, error, &options, &(TbVncTicket){.user = user});
}

static void upgrade(TbVnc *vnc, TbRequest *request, TbInterface *iface, bool by_password)
{
        int fd = tb_vnc_ws_accept(request);
        if (fd < 0)
                return;
        TbVncHelloOptions options = {.open_role = tb_request_role(request)};
        g_autofree char *stranger = NULL; /* named as on the raw ports: a password is no user's */
        if (by_password && *tb_request_user(request) == '\0')
                stranger = g_strdup_printf("vnc:%s", tb_request_peer(request));
        if (by_password) {
                options.password = vnc->config->vnc_password;
                options.view_password = vnc->config->vnc_view_password;
        }
        TbVncTicket ticket = {.user = stranger ? stranger : (char *)(gpointer)tb_request_user(request),
                              .lease = (char *)(gpointer)tb_request_query_string(request, "lease")};
        knock(vnc, fd, tb_request_peer(request), iface, NULL, &options, &ticket);
}

void tb_vnc_upgrade(TbRequest *request, TbInterface *iface, gpointer data)
{
        tb_assert_main();
        upgrade(data, request, iface, false);
}

/* --- 6080 --- */
static void get_websockify(TbRequest *request, gpointer data)
{
        TbVnc *vnc = data;
        g_autoptr(GError) error = NULL;
        TbInterface *iface = video_of(vnc, tb_request_query_string(request, "device"), &error);
        bool known = tb_request_role(request) >= TB_ROLE_VIEWER;
        if (iface ||
            !known) /* who has shown nothing is asked first: he is not told which devices there are */
                upgrade(vnc, request, iface, has_password(vnc->config));
        else
                tb_request_reply_error(request, error);
}

static void add_device_name(TbDevice *device, gpointer data)
{
        if (tb_device_interface_of(device, TB_KIND_VIDEO))
                json_array_append_new(data, json_pack("{s:s, s:s, s:o}", "id", tb_device_id(device), "label",
                                                      tb_device_label(device), "lease",
                                                      tb_device_lease_json(device)));
}

/* What the page asks first: whether it has to ask who is there, and for what. */
static void get_me(TbRequest *request, gpointer data)
{
        const TbVnc *vnc = data;
        TbRole role = tb_request_role(request);
        tb_request_reply_json(request, 200,
                              json_pack("{s:s, s:s, s:b, s:b}", "user", tb_request_user(request), "role",
                                        tb_role_name(role), "named", !tb_auth_is_open(vnc->config->auth),
                                        "password", has_password(vnc->config)));
}

static void get_screens(TbRequest *request, gpointer data)
{
        TbVnc *vnc = data;
        json_t *list = json_array();
        tb_core_each_device(vnc->core, add_device_name, list);
        tb_request_reply_json(request, 200, list);
}

/* The page under the names that noVNC's own pages have: what people bookmarked goes on. */
static void get_page(TbRequest *request, gpointer data)
{
        const char *web = ((TbVnc *)data)->config->web_dir;
        g_autofree char *path = g_build_filename(web ? web : "web", "novnc", "index.html", NULL);
        tb_request_reply_file(request, path);
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/vnc.html", .flags = TB_ROUTE_HIDDEN, .handler = get_page},
        {.method = "GET", .path = "/vnc_lite.html", .flags = TB_ROUTE_HIDDEN, .handler = get_page},
        {.method = "GET",
         .path = "/me.json",
         .handler = get_me,
         .tag = "vnc",
         .summary = "Who the caller is here, and whether a VNC password opens screens",
         .answers = "200 application/json"},
        {.method = "GET",
         .path = "/screens.json",
         .role = TB_ROLE_VIEWER,
         .handler = get_screens,
         .tag = "vnc",
         .summary = "Devices with video",
         .answers = "200 application/json"},
        {.method = NULL},
};

#define WEBSOCKIFY(who)                                                                                      \
        {                                                                                                    \
                .method = "GET", .path = "/websockify", .role = (who), .flags = TB_ROUTE_WEBSOCKET,          \
                .handler = get_websockify, .tag = "vnc", .summary = "RFB over WebSocket",                    \
                .answers = "101; 404"                                                                        \
        }

static const TbRoute by_token[] = {WEBSOCKIFY(TB_ROLE_VIEWER), {.method = NULL}};
/* RFB asks for the password; it opens a screen, and nothing that says which devices there are */
static const TbRoute by_password[] = {WEBSOCKIFY(TB_ROLE_NONE), {.method = NULL}};

static void open_novnc(TbVnc *vnc, const TbVncOptions *options)
{
        const TbHostConfig *config = vnc->config;
        if (!config->novnc_port)
                return;
        g_autoptr(GError) error = NULL;
        g_autoptr(GUri) own = config->url ? g_uri_parse(config->url, G_URI_FLAGS_NONE, NULL) : NULL;
        const char *const hosts[] = {own ? g_uri_get_host(own) : NULL, NULL};
        const TbHttpOptions http = {
                .address = config->address,
                .hosts = hosts,
                .port = config->novnc_port,
                .name = "testbed-novnc",
                .version = options->version,
                .auth = config->auth,
                .poller = options->poller,
                .trusted = config->trusted,
                .needs_tls = config->needs_tls,
                .tls = config->tls,
                .without_tokens = config->insecure || has_password(config) ? TB_ANYONE : TB_THIS_MACHINE,
                .max_connections = 4 * TB_LIMIT_VNC_CLIENTS,
                .max_streams = 2 * TB_LIMIT_VNC_CLIENTS};
        vnc->http = tb_http_new(&http, &error);
        const char *web = config->web_dir ? config->web_dir : "web";
        g_autofree char *pages = g_build_filename(web, "novnc", NULL);
        g_autofree char *app = g_build_filename(web, "app", NULL); /* what the pages share */
        g_autofree char *core = g_build_filename(web, "core", NULL);
        g_autofree char *css = g_build_filename(web, "css", NULL);
        g_autofree char *rfb = g_build_filename(web, "node_modules", "@novnc", "novnc", NULL);
        if (vnc->http) {
                tb_http_add_routes(vnc->http, routes, vnc);
                tb_http_add_routes(vnc->http, has_password(config) ? by_password : by_token, vnc);
                if (!tb_http_add_static(vnc->http, "/novnc/", rfb, NULL, &error) ||
                    !tb_http_add_static(vnc->http, "/app/", app, NULL, &error) ||
                    !tb_http_add_static(vnc->http, "/core/", core, NULL, &error) ||
                    !tb_http_add_static(vnc->http, "/css/", css, NULL, &error) ||
                    !tb_http_add_static(vnc->http, "/", pages, NULL, &error))
                        g_clear_pointer(&vnc->http, tb_http_free);
        }
        if (!vnc->http)
                tb_log(TB_LOG_WARNING, TB_F(), "noVNC on port %u is not available: %s", config->novnc_port,
                       error->message);
}

/* --- raw ports --- */
/* Why raw ports must stay closed, or NULL. RFB has no tokens. */
static const char *closed_because(const TbHostConfig *config)
{
        if (has_password(config) || config->insecure)
                return NULL;
        if (!tb_auth_is_open(config->auth))
                return "tokens are configured, and RFB cannot carry them: set vnc.password";
        if (!tb_address_is_loopback(config->address))
                return "the address is not loopback and no VNC password is set: set vnc.password, or start "
                       "with --insecure";
        return NULL;
}

static void open_port(TbVnc *vnc, const char *device, guint16 number)
{
        g_autoptr(GError) error = NULL;
        Port *port = g_new0(Port, 1);
        port->vnc = vnc;
        port->device = g_strdup(device);
        port->listener = tb_listener_new(vnc->config->address, number, on_connection, port, &error);
        if (port->listener) {
                g_ptr_array_add(vnc->ports, port);
                return;
        }
        tb_log(TB_LOG_WARNING, TB_F("device", device), "VNC on port %u is not available: %s", number,
               error->message);
        port_free(port);
}

static void open_device(TbDevice *device, gpointer data)
{
        TbVnc *vnc = data;
        guint16 number = tb_device_vnc_port(device);
        if (number && !closed_because(vnc->config))
                open_port(vnc, tb_device_id(device), number);
}

static void open_ports(TbVnc *vnc)
{
        const char *closed = closed_because(vnc->config);
        if (closed)
                tb_log(TB_LOG_WARNING, TB_F(), "VNC ports stay closed: %s", closed);
        else if (vnc->config->vnc_port)
                open_port(vnc, NULL, vnc->config->vnc_port);
        tb_core_each_device(vnc->core, open_device, vnc);
}

static void on_event(const TbEvent *event, gpointer data)
{
        TbVnc *vnc = data;
        if (strcmp(event->type, "device.removed") == 0) {
                for (guint i = vnc->ports->len; i-- > 0;)
                        if (g_strcmp0(((Port *)vnc->ports->pdata[i])->device, event->device) == 0)
                                g_ptr_array_remove_index(vnc->ports, i);
        } else if (strcmp(event->type, "device.added") == 0) {
                TbDevice *device = tb_core_device(vnc->core, event->device, NULL);
                if (device)
                        open_device(device, vnc);
        }
}

/* --- life --- */
TbVnc *tb_vnc_new(const TbVncOptions *options, GError **error)
{
        tb_assert_main();
        TbVnc *vnc = g_new0(TbVnc, 1);
        vnc->core = options->core;
        vnc->config = tb_core_config(options->core);
        vnc->ports = g_ptr_array_new_with_free_func(port_free);
        vnc->seats = tb_vnc_seats_new(options->core, options->media, error);
        if (!vnc->seats) {
                tb_vnc_free(vnc);
                return NULL;
        }
        vnc->door = tb_vnc_door_new(&door_ops, vnc);
        open_ports(vnc);
        vnc->events = tb_bus_subscribe(tb_core_bus(vnc->core), on_event, vnc);
        open_novnc(vnc, options);
        return vnc;
}

void tb_vnc_end_user(TbVnc *vnc, const char *user)
{
        if (vnc->http)
                tb_http_end_user(vnc->http, user, TB_HTTP_TOKEN_LESS);
}

void tb_vnc_free(TbVnc *vnc)
{
        if (!vnc)
                return;
        tb_assert_main();
        tb_bus_unsubscribe(tb_core_bus(vnc->core), vnc->events);
        g_ptr_array_free(vnc->ports, TRUE);
        tb_vnc_door_free(vnc->door);
        tb_vnc_seats_free(vnc->seats);
        tb_http_free(vnc->http);
        g_free(vnc);
}

json_t *tb_vnc_services(TbVnc *vnc)
{
        const TbHostConfig *config = tb_core_config(vnc->core);
        bool works = !tb_vnc_seats_problem(vnc->seats);
        /* Ports that the configuration keeps closed are off; those that could not be opened are missed. */
        bool wanted = config->vnc_port && !closed_because(config);
        return json_pack("{s:s, s:s}", "vnc",
                         works && vnc->ports->len ? "running"
                         : wanted                 ? "stopped"
                                                  : "off",
                         "novnc",
                         works && vnc->http   ? "running"
                         : config->novnc_port ? "stopped"
                                              : "off");
}
