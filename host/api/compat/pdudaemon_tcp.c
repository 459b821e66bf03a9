/*
 * pdudaemon's TCP listener (pduclient, LAVA's device dictionaries): one request a connection, "ack" when it is done, "nack: why" else.
 * It can carry no token: open to this machine where there are none, and to the addresses of `compat.allow`. A page of a browser that
 * connects says "POST / HTTP/1.1": no device is called so, and what follows its first line is not read.
 */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/api/compat/pdudaemon_ask.h"
#include "host/api/compat/private.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/places.h"
#include "lib/tally.h"

#define MORE_MS 100 /* a request without a line end is one packet, or what comes until then */

struct TbPduPort {
        TbApi *api;           /* borrowed */
        TbListener *listener; /* owned; NULL: it could not be opened */
        GPtrArray *clients;   /* owned Client */
        TbPlaces places;
        TbTally *refusals; /* owned */
};

typedef struct Client {
        TbPduPort *port;
        char *user; /* owned: "pdudaemon:192.0.2.7" */
        TbPlace place;
        int fd;
        guint watch, timer;
        char text[TB_LIMIT_PDU_REQUEST];
        gsize have;
        TbPduAsk ask;
        TbCommand *command;
} Client;

static void client_free(gpointer data)
{
        Client *c = data;
        g_clear_handle_id(&c->watch, g_source_remove);
        g_clear_handle_id(&c->timer, g_source_remove);
        if (c->command)
                tb_command_cancel(c->command);
        tb_place_give(&c->place);
        close(c->fd);
        g_free(c->user);
        g_free(c);
}

static void answer(Client *c, const GError *error)
{
        g_autofree char *text = error ? g_strdup_printf("nack: %s\n", tb_error_detail(error)) : NULL;
        const char *said = text ? text : "ack\n";
        if (error && tb_tally_note(c->port->refusals, c->user))
                tb_log(TB_LOG_WARNING, TB_F("user", c->user), "pdudaemon: %s", tb_error_detail(error));
        char rest[4096]; /* what is left unread would reset the connection, and the answer with it */
        (void)recv(c->fd, rest, sizeof rest, MSG_DONTWAIT);
        if (send(c->fd, said, strlen(said), MSG_NOSIGNAL) <
            0) /* a few bytes: its socket has room, or it is gone */
                tb_log(TB_LOG_DEBUG, TB_F("user", c->user), "it does not hear the answer: %s",
                       g_strerror(errno));
        g_ptr_array_remove_fast(c->port->clients, c);
}

static void on_done(json_t *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        Client *c = data;
        c->command = NULL;
        answer(c, error);
}

static void run(Client *c)
{
        TbApi *api = c->port->api;
        g_autoptr(GError) error = NULL;
        json_auto_t *params = NULL;
        const char *op = tb_pdu_ask_verb(c->ask.command, c->ask.delay_s, &params, &error);
        TbInterface *iface = op ? tb_compat_outlet(api, c->ask.hostname, c->ask.port, &error) : NULL;
        if (!iface) {
                answer(c, error);
                return;
        }
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(iface), op);
        TbActor actor = {.user = c->user, .role = TB_ROLE_OPERATOR, .via = "pdudaemon"};
        c->command = tb_core_command(api->core, &actor, tb_device_id(tb_interface_device(iface)), verb,
                                     params, NULL, on_done, c);
}

static gboolean on_delayed(gpointer data)
{
        Client *c = data;
        c->timer = 0;
        run(c);
        return G_SOURCE_REMOVE;
}

/* The whole request is there. */
static void take(Client *c)
{
        g_autoptr(GError) error = NULL;
        g_clear_handle_id(&c->watch, g_source_remove);
        g_clear_handle_id(&c->timer, g_source_remove);
        if (!tb_pdu_ask_parse(c->text, c->have, &c->ask, &error))
                answer(c, error);
        else if (c->ask.delay_s > 0 && strcmp(c->ask.command, "reboot") != 0)
                c->timer = g_timeout_add_seconds((guint)c->ask.delay_s, on_delayed, c);
        else
                run(c);
}

static gboolean on_quiet(gpointer data)
{
        Client *c = data;
        c->timer = 0;
        take(c);
        return G_SOURCE_REMOVE;
}

static gboolean on_readable(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        Client *c = data;
        ssize_t n = recv(fd, c->text + c->have, sizeof c->text - c->have, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n <= 0 && c->have == 0) { /* it has said nothing */
                c->watch = 0;
                g_ptr_array_remove_fast(c->port->clients, c);
                return G_SOURCE_REMOVE;
        }
        c->have += n > 0 ? (gsize)n : 0;
        if (n > 0 && c->have < sizeof c->text && !memchr(c->text, '\n', c->have)) {
                g_clear_handle_id(&c->timer, g_source_remove);
                c->timer = g_timeout_add(MORE_MS, on_quiet, c);
                return G_SOURCE_CONTINUE;
        }
        c->watch = 0; /* this source ends by what is returned */
        take(c);
        return G_SOURCE_REMOVE;
}

static gboolean on_silent(gpointer data)
{
        Client *c = data;
        c->timer = 0;
        g_ptr_array_remove_fast(c->port->clients, c);
        return G_SOURCE_REMOVE;
}

static bool may_switch(TbPduPort *port, const char *peer, GError **error)
{
        const TbHostConfig *config = tb_core_config(port->api->core);
        if (tb_nets_have(config->compat, peer) ||
            (tb_auth_is_open(config->auth) && tb_address_is_loopback(peer)))
                return true;
        tb_set_error(error, TB_ERROR_FORBIDDEN,
                     "%s may not switch without a token: set \"compat: {allow: […]}\" in the configuration",
                     peer);
        return false;
}

static void on_connection(int fd, const char *peer, gpointer data)
{
        TbPduPort *port = data;
        g_autoptr(GError) error = NULL;
        Client *c = g_new0(Client, 1);
        c->port = port;
        c->fd = fd;
        c->user = g_strdup_printf("pdudaemon:%s", peer);
        g_ptr_array_add(port->clients, c);
        if (!may_switch(port, peer, &error) ||
            !tb_place_take(&port->places, &(TbPlaceBy){.peer = peer}, &c->place, &error)) {
                answer(c, error);
                return;
        }
        c->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, c);
        c->timer = g_timeout_add(TB_LIMIT_PDU_SILENT_MS, on_silent, c);
}

TbPduPort *tb_compat_listen(TbApi *api)
{
        const TbHostConfig *config = tb_core_config(api->core);
        g_autoptr(GError) error = NULL;
        if (!config->pdudaemon_port)
                return NULL;
        TbPduPort *port = g_new0(TbPduPort, 1);
        port->api = api;
        port->clients = g_ptr_array_new_with_free_func(client_free);
        port->refusals = tb_tally_new_log();
        tb_places_init(&port->places, "connections of pdudaemon's clients", TB_LIMIT_PDU_CLIENTS);
        port->listener =
                tb_listener_new(config->pdudaemon_address ? config->pdudaemon_address : config->address,
                                config->pdudaemon_port, on_connection, port, &error);
        if (!port->listener)
                tb_log(TB_LOG_WARNING, TB_F(), "pdudaemon's port %u is not available: %s",
                       config->pdudaemon_port, error->message);
        return port;
}

void tb_compat_unlisten(TbPduPort *port)
{
        if (!port)
                return;
        tb_listener_free(port->listener);
        g_ptr_array_unref(port->clients);
        tb_places_clear(&port->places);
        tb_tally_free(port->refusals);
        g_free(port);
}
