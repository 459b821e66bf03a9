#include "host/netserial/client.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/netserial/client_private.h"
#include "host/netserial/first.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define CHUNK (32 * 1024)
#define OUT_HIGH (64 * 1024)    /* bytes for the socket above which the rest waits in the history */
#define OUT_STOP (2 * OUT_HIGH) /* answers that it does not read: it is not listened to */
#define RETRY_MS 250            /* pause of one for whose write the lane has no place */
#define IN_HIGH (128 * 1024)    /* bytes of the client above which it is not read */

/* --- the end --- */
static gboolean on_end(gpointer data)
{
        TbSerialClient *c = data;
        c->end_idle = 0;
        c->options.ended(c, c->options.data);
        return G_SOURCE_REMOVE;
}

/* The last it hears, as far as its socket takes it. */
static void tell(TbSerialClient *c, const char *reason)
{
        g_autofree char *line = g_strdup_printf("\r\n[%s]\r\n", reason);
        tb_telnet_write(c->out, (const guint8 *)line, strlen(line));
        if (send(c->options.fd, c->out->data, c->out->len, MSG_NOSIGNAL) < 0)
                tb_log(TB_LOG_DEBUG, TB_F("peer", c->peer), "it does not hear why: %s", g_strerror(errno));
        g_byte_array_set_size(c->out, 0);
}

void tb_serial_client_end(TbSerialClient *c, const char *reason)
{
        if (c->ending)
                return;
        c->ending = true;
        g_clear_handle_id(&c->in_watch, g_source_remove);
        g_clear_handle_id(&c->out_watch, g_source_remove);
        g_clear_handle_id(&c->timer, g_source_remove);
        g_clear_handle_id(&c->idle, g_source_remove);
        if (c->options.rfc2217 && !c->last &&
            !c->deaf) /* bare bytes are somebody else's protocol: nothing of ours goes there */
                tell(c, reason);
        tb_log(TB_LOG_INFO, TB_F("device", c->device, "peer", c->peer), "console connection ended: %s",
               reason);
        /* not of idle priority: a loop with something to do all the time would never come to it */
        c->end_idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_end, c, NULL);
}

/* --- console -> client --- */
static gboolean on_writable(int fd, GIOCondition condition, gpointer data);

static void fill(TbSerialClient *c)
{
        if (!c->deaf && c->out->len < OUT_HIGH)
                tb_serial_tell_missed(c);
        while (!c->suspended && !c->last && !c->deaf && c->out->len < OUT_HIGH) {
                guint8 bytes[CHUNK];
                guint64 at = 0;
                gsize n = tb_history_reader_read(c->reader, bytes, sizeof bytes, &at);
                if (n == 0)
                        return;
                /* what the history did not keep any more is left out */
                tb_history_reader_seek(c->reader, (gint64)(at + n));
                if (c->options.rfc2217)
                        tb_telnet_write(c->out, bytes, n);
                else
                        g_byte_array_append(c->out, bytes, (guint)n);
        }
}

/* It is gone, or has closed without waiting for answers: what it has sent before goes to the device all the same. */
static void go_deaf(TbSerialClient *c)
{
        c->deaf = true;
        g_byte_array_set_size(c->out, 0);
        g_clear_handle_id(&c->out_watch, g_source_remove);
}

/* A turn has its budget: a client that reads as fast as we send would have a whole history in one. */
void tb_serial_client_flush(TbSerialClient *c)
{
        for (gsize sent = 0; !c->ending && !c->out_watch;) {
                fill(c);
                if (c->deaf)
                        g_byte_array_set_size(c->out, 0); /* answers that nobody reads */
                if (c->out->len == 0 && c->last)
                        tb_serial_client_end(c, "the other side closed it");
                if (c->out->len == 0)
                        return;
                ssize_t n = send(c->options.fd, c->out->data, c->out->len, MSG_NOSIGNAL);
                if (n > 0) {
                        c->moved_us = g_get_monotonic_time();
                        g_byte_array_remove_range(c->out, 0, (guint)n);
                        sent += (gsize)n;
                }
                if (n > 0 ? sent >= TB_LIMIT_NETSERIAL_TURN : errno == EAGAIN)
                        c->out_watch = g_unix_fd_add(c->options.fd, G_IO_OUT, on_writable, c);
                else if (n < 0 && errno != EINTR)
                        go_deaf(c);
        }
}

static gboolean on_writable(int fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        TbSerialClient *c = data;
        c->out_watch = 0;
        tb_serial_client_step(c);
        return G_SOURCE_REMOVE;
}

static void on_grew(TbInterface *iface G_GNUC_UNUSED, gpointer data)
{
        tb_serial_client_flush(data);
}

static void on_fetched(gpointer data)
{
        tb_serial_client_flush(data);
}

/* --- commands --- */
void tb_serial_client_run(TbSerialClient *c, const char *op, json_t *params, GBytes *bytes,
                          TbCommandDone done)
{
        g_autofree char *verb = g_strconcat(tb_interface_name(c->options.iface), ".", op, NULL);
        TbActor actor = {c->user, TB_ROLE_OPERATOR, c->lease, c->options.rfc2217 ? "rfc2217" : "tcp", NULL};
        TbPayload payload = {.bytes = bytes, .size = bytes ? (gint64)g_bytes_get_size(bytes) : 0};
        c->command = tb_core_command(c->options.core, &actor, c->device, verb, params,
                                     bytes ? &payload : NULL, done, c);
}

bool tb_serial_client_not_allowed(const GError *error)
{
        return g_error_matches(error, TB_ERROR, TB_ERROR_LOCKED) ||
               g_error_matches(error, TB_ERROR, TB_ERROR_FORBIDDEN) ||
               g_error_matches(error, TB_ERROR, TB_ERROR_NOT_FOUND);
}

static gboolean on_retry(gpointer data)
{
        TbSerialClient *c = data;
        c->retry = 0;
        tb_serial_client_step(c);
        return G_SOURCE_REMOVE;
}

/* Of a line that is held: its client is gone, or has closed and left what he sent to us for long enough. */
static bool waits_no_more(const TbSerialClient *c)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof info;
        bool tcp = getsockopt(c->options.fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
        bool closed = c->deaf || c->eof || (tcp && info.tcpi_state == TCP_CLOSE_WAIT);
        return (tcp && info.tcpi_state == TCP_CLOSE) ||
               (closed && c->held >= TB_LIMIT_WRITE_KEPT_MS / TB_LIMIT_WRITE_STALL_MS);
}

/* A line that is slow, or held by its target's flow control, holds its client as a wire would; only one that is gone loses bytes. */
static void on_written(json_t *result, const GError *error, gpointer data)
{
        TbSerialClient *c = data;
        gsize size = g_bytes_get_size(c->writing), taken;
        c->command = NULL;
        bool on = tb_console_goes_on(result, error, size, &taken);
        bool held = error && g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT);
        c->held = held && taken == 0 ? c->held + 1 : 0;
        bool unknown = held && (!on || waits_no_more(c));
        if (unknown || (error && tb_serial_client_not_allowed(
                                         error))) { /* it has no other way to know that nothing arrives */
                tb_serial_client_end(c, error->message);
                return;
        }
        GBytes *rest = on && taken < size ? g_bytes_new_from_bytes(c->writing, taken, size - taken) : NULL;
        g_bytes_unref(c->writing);
        c->writing = rest;
        if (!on && error) { /* switched off, unplugged: as a wire, what was sent is lost */
                g_byte_array_set_size(c->pending, 0);
                tb_log(TB_LOG_DEBUG, TB_F("device", c->device, "peer", c->peer), "not written: %s",
                       error->message);
        }
        if (on && g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT) && !c->retry)
                c->retry = g_timeout_add(RETRY_MS, on_retry, c);
        tb_serial_client_step(c);
}

static void write_pending(TbSerialClient *c)
{
        if (!c->writing) {
                guint n = MIN(c->pending->len, CHUNK);
                c->writing = g_bytes_new(c->pending->data, n);
                g_byte_array_remove_range(c->pending, 0, n);
        }
        tb_serial_client_run(c, "write", NULL, c->writing, on_written);
}

/* --- client -> console --- */
/* Data until the next request. */
static void look(TbSerialClient *c)
{
        gsize used = c->in->len;
        if (!c->options.rfc2217) {
                g_byte_array_append(c->pending, c->in->data, c->in->len);
        } else if (tb_telnet_read(&c->telnet, c->in->data, c->in->len, &used, c->pending, c->out)) {
                c->request =
                        c->telnet.brk || (c->telnet.sub[0] == TB_TELNET_COM_PORT && c->telnet.sub_size >= 2);
        }
        g_byte_array_remove_range(c->in, 0, (guint)used);
}

static gboolean on_readable(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        TbSerialClient *c = data;
        guint8 bytes[CHUNK];
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n < 0)
                go_deaf(c);
        c->eof = n <= 0;
        c->moved_us = g_get_monotonic_time();
        g_byte_array_append(c->in, bytes, (guint)MAX(n, 0));
        guint watch = c->in_watch;
        tb_serial_client_step(c);
        return c->in_watch == watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean on_timer(gpointer data)
{
        TbSerialClient *c = data;
        c->timer = 0;
        c->admitted = true; /* nobody's browser writes a request so slowly */
        if (c->last)
                tb_serial_client_end(c, "the other side closed it, and does not read what is left");
        tb_serial_client_step(c);
        return G_SOURCE_REMOVE;
}

/* Whether what came may go to the console. A request of a web page ends the connection before a byte does. */
static bool admit(TbSerialClient *c)
{
        if (c->admitted || c->in->len == 0)
                return c->admitted;
        TbFirst first = tb_first_look(c->in->data, c->in->len);
        if (first == TB_FIRST_FOREIGN) {
                tb_serial_client_end(c, "it speaks HTTP or TLS, and this is the raw port of a console");
                return false;
        }
        c->admitted = first == TB_FIRST_OWN || c->eof;
        int ms = first == TB_FIRST_LONG ? TB_FIRST_LINE_MS : TB_FIRST_KEY_MS;
        g_clear_handle_id(&c->timer, g_source_remove);
        if (!c->admitted)
                c->timer = g_timeout_add((guint)ms, on_timer, c);
        return c->admitted;
}

/* For an answer to what comes next. */
static bool has_room(TbSerialClient *c)
{
        if (c->out->len >= OUT_STOP)
                tb_serial_client_flush(c);
        return c->out->len < OUT_STOP;
}

/* Goes on where it can: one command at a time keeps the order of data and settings. */
void tb_serial_client_step(TbSerialClient *c)
{
        while (!c->ending && !c->command && !c->retry) {
                if (c->options.rfc2217 && !c->known && c->telnet.them[TB_TELNET_COM_PORT])
                        tb_serial_get_settings(c);
                else if (c->writing || c->pending->len > 0)
                        write_pending(c);
                else if (c->request)
                        tb_serial_request(c);
                else if (c->in->len == 0 || !admit(c) || !has_room(c))
                        break; /* on_readable() or on_writable() comes back here */
                else
                        look(c);
        }
        if (!c->ending && !c->last && c->eof && !c->command && !c->retry && c->in->len == 0) {
                c->last = true;
                c->timer = g_timeout_add(TB_LIMIT_NETSERIAL_LAST_MS, on_timer, c);
        }
        tb_serial_client_flush(c);
        bool read = !c->ending && !c->eof && c->in->len + c->pending->len < IN_HIGH && c->out->len < OUT_STOP;
        if (!read)
                g_clear_handle_id(&c->in_watch, g_source_remove);
        else if (!c->in_watch)
                c->in_watch = g_unix_fd_add(c->options.fd, G_IO_IN, on_readable, c);
}

/* --- life --- */
bool tb_serial_client_speaks(const TbSerialClient *c)
{
        return c->options.rfc2217;
}

TbInterface *tb_serial_client_interface(const TbSerialClient *c)
{
        return c->options.iface;
}

/* Words of ours among the console's. */
static void say(TbSerialClient *c, const char *text)
{
        g_autofree char *line = g_strdup_printf("%s\r\n", text);
        tb_telnet_write(c->out, (const guint8 *)line, strlen(line));
}

static void watch_idle(TbSerialClient *c);

static gboolean on_idle(gpointer data)
{
        TbSerialClient *c = data;
        c->idle = 0;
        if (g_get_monotonic_time() - c->moved_us >= c->options.idle_s * G_TIME_SPAN_SECOND)
                tb_serial_client_end(c, "nothing passed for as long as this port allows (idle_s)");
        else
                watch_idle(c);
        return G_SOURCE_REMOVE;
}

static void watch_idle(TbSerialClient *c)
{
        gint64 left_us = c->moved_us + c->options.idle_s * G_TIME_SPAN_SECOND - g_get_monotonic_time();
        c->idle = g_timeout_add((guint)(MAX(left_us, 0) / 1000 + 1), on_idle, c);
}

void tb_serial_client_known(TbSerialClient *c)
{
        tb_core_absent(c->present);
        c->present = tb_core_present(
                tb_interface_device(c->options.iface),
                &(TbPresence){.user = c->user, .peer = c->peer, .role = TB_ROLE_OPERATOR, .by = "port"});
}

TbSerialClient *tb_serial_client_new(const TbSerialClientOptions *options, GError **error)
{
        TbSerialClient *c = g_new0(TbSerialClient, 1);
        const TbPlaceBy by = {.peer = options->peer};
        c->watch = tb_interface_watch(options->iface, &by, on_grew, c, error);
        if (!c->watch) {
                g_free(c);
                return NULL;
        }
        c->options = *options;
        c->options.peer = c->peer = g_strdup(options->peer);
        c->user = options->user
                          ? g_strdup(options->user)
                          : g_strdup_printf("%s:%s", options->rfc2217 ? "rfc2217" : "tcp", options->peer);
        c->device = g_strdup(tb_device_id(tb_interface_device(options->iface)));
        c->out = g_byte_array_new();
        c->in = g_byte_array_new();
        c->pending = g_byte_array_new();
        c->modem_mask = 0xff;
        c->reader =
                tb_history_reader_new(tb_interface_history(options->iface), TB_HISTORY_NOW, on_fetched, c);

        tb_comport_init(&c->port);
        if (options->rfc2217)
                tb_telnet_init(&c->telnet, c->out);
        if (options->banner)
                say(c, options->banner);
        c->options.banner = c->options.user = NULL; /* they were the caller's */
        tb_serial_client_known(c);
        c->moved_us = g_get_monotonic_time();
        if (options->idle_s > 0)
                watch_idle(c);
        tb_serial_client_step(c);
        return c;
}

void tb_serial_client_free(TbSerialClient *c)
{
        if (c->command)
                tb_command_cancel(c->command);
        g_clear_handle_id(&c->in_watch, g_source_remove);
        g_clear_handle_id(&c->out_watch, g_source_remove);
        g_clear_handle_id(&c->end_idle, g_source_remove);
        g_clear_handle_id(&c->timer, g_source_remove);
        g_clear_handle_id(&c->retry, g_source_remove);
        g_clear_handle_id(&c->idle, g_source_remove);
        g_clear_pointer(&c->writing, g_bytes_unref);
        tb_core_absent(c->present);
        tb_interface_unwatch(c->options.iface, c->watch);
        tb_history_reader_free(c->reader);
        tb_place_give(&c->options.place);
        close(c->options.fd);
        json_decref(c->modem_missed);
        g_byte_array_unref(c->out);
        g_byte_array_unref(c->in);
        g_byte_array_unref(c->pending);
        g_free(c->peer);
        g_free(c->user);
        g_free(c->lease);
        g_free(c->device);
        g_free(c);
}
