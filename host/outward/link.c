#include "host/outward/link.h"

#include <string.h>

#include <libsoup/soup.h>

#include "host/outward/marks.h"
#include "host/outward/own_end.h"
#include "host/outward/socket.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/thread.h"

#define RESTED 16 /* attempts: the pause is the longest */

struct TbBridgeLink {
        char *url;             /* owned: ws(s)://… */
        char *ca;              /* owned: the file of `trusted`; NULL: none */
        char *said;            /* owned: why it cannot be reached, as the log has it; NULL: it could */
        GTlsDatabase *trusted; /* ref; who vouches for the server besides the system's; NULL: nobody */
        char *distrust;        /* owned: why its certificate was not trusted in this attempt; NULL: it was */
        const TbBridgeLinkOps *ops; /* static */
        gpointer data;
        SoupSession *session;            /* ref */
        TbOutSocket *ws;                 /* owned; NULL: not open */
        SoupWebsocketConnection *opener; /* ref: libsoup's, whose stream `ws` speaks on */
        GCancellable *cancel;            /* ref: of an attempt; NULL: none */
        SoupMessage *message;            /* ref: of the last attempt; NULL: none yet */
        guint retry;                     /* source */
        GNetworkMonitor *monitor;        /* ref */
        guint alive;                     /* source */
        guint doomed;   /* source: cuts from the loop, for a sender may not lose itself inside its own send */
        guint attempts; /* since the last time that the server accepted us */
        gint64 heard_us;
        TbMarks marks; /* pings on their way: the pong of one says that everything before it has arrived */
};

guint tb_bridge_retry_ms(guint n, double random)
{
        guint ms = TB_BRIDGE_RETRY_MAX_MS;
        if (n < 6)
                ms = MIN(ms, (guint)TB_BRIDGE_RETRY_MIN_MS << n);
        return (guint)(ms * (0.75 + random / 2));
}

static void attempt(TbBridgeLink *link);

static gboolean on_retry(gpointer data)
{
        TbBridgeLink *link = data;
        link->retry = 0;
        attempt(link);
        return G_SOURCE_REMOVE;
}

static void try_again(TbBridgeLink *link)
{
        guint ms = tb_bridge_retry_ms(link->attempts++, g_random_double());
        if (!link->retry)
                link->retry = g_timeout_add(ms, on_retry, link);
}

/* A cable was plugged in, a Wi-Fi joined: what failed before may work now. What stands may be gone: with another address
 * of ours nothing comes back to us. */
static void on_network(GNetworkMonitor *monitor G_GNUC_UNUSED, gboolean available, gpointer data)
{
        TbBridgeLink *link = data;
        if (!available)
                return;
        if (link->ws && tb_own_end_is_gone(soup_websocket_connection_get_io_stream(link->opener)))
                tb_bridge_link_drop(link, "the address of this machine has changed");
        if (!link->retry)
                return;
        g_source_remove(link->retry);
        link->attempts = 0;
        link->retry = g_timeout_add(TB_BRIDGE_RETRY_MIN_MS, on_retry, link); /* it changes in swarms */
}

/* Forgets the connection; true when there was one. */
static bool forget(TbBridgeLink *link)
{
        if (link->alive)
                g_source_remove(link->alive);
        link->alive = 0;
        if (link->doomed)
                g_source_remove(link->doomed);
        link->doomed = 0;
        tb_marks_clear(&link->marks);
        if (!link->ws)
                return false;
        g_clear_pointer(&link->ws, tb_out_socket_free);
        g_clear_object(&link->opener); /* closes the stream */
        return true;
}

void tb_bridge_link_drop(TbBridgeLink *link, const char *reason)
{
        if (!forget(link))
                return;
        try_again(link);
        link->ops->lost(reason, link->data);
}

static void on_closed(const char *reason, gpointer data)
{
        tb_bridge_link_drop(data, reason);
}

static void on_message(bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        TbBridgeLink *link = data;
        link->heard_us = g_get_monotonic_time();
        if (binary) {
                link->ops->binary(bytes, size, link->data);
        } else {
                g_autofree char *text = g_strndup((const char *)bytes, size);
                link->ops->text(text, size, link->data);
        }
}

static void on_turned(gpointer data)
{
        TbBridgeLink *link = data;
        if (link->ops->turned)
                link->ops->turned(link->data);
}

static const TbOutSocketOps socket_ops = {.message = on_message, .turned = on_turned, .closed = on_closed};

static void mark(TbBridgeLink *link)
{
        char text[64];
        gint64 t = tb_marks_add(&link->marks, g_get_monotonic_time());
        int size = g_snprintf(text, sizeof text, "{\"type\":\"ping\",\"t\":%" G_GINT64_FORMAT "}", t);
        tb_out_socket_send(link->ws, false, text, (gsize)size);
}

/* The server is asked; one that does not answer is gone (a cut cable sends no end). A short cut is left to
 * TCP, which repeats what got lost. */
static gboolean on_alive(gpointer data)
{
        TbBridgeLink *link = data;
        if (g_get_monotonic_time() - link->heard_us > TB_BRIDGE_SILENCE_S * G_USEC_PER_SEC) {
                link->alive = 0;
                tb_bridge_link_drop(link, "the server does not answer");
                return G_SOURCE_REMOVE;
        }
        mark(link);
        return G_SOURCE_CONTINUE;
}

void tb_bridge_link_pong(TbBridgeLink *link, gint64 t)
{
        tb_marks_pong(&link->marks, t, g_get_monotonic_time());
        link->ops->arrived(link->data);
}

/* libsoup has opened it, and would wake the loop several times for each message, and read on as long as there is something: its object
 * stays as the owner of the stream, and reads no more. */
static TbOutSocket *taken_over(TbBridgeLink *link, SoupWebsocketConnection *opener)
{
        bool stopped = g_source_remove_by_user_data(opener);
        g_assert(stopped);
        return tb_out_socket_new(soup_websocket_connection_get_io_stream(opener), 2 * TB_LIMIT_WS_MESSAGE,
                                 &socket_ops, link);
}

/* Why there is no WebSocket, with what to look at; the caller frees it. */
static char *why_refused(const TbBridgeLink *link, const GError *error)
{
        guint status = soup_message_get_status(link->message);
        if (link->distrust)
                return g_strdup(link->distrust);
        if (status != SOUP_STATUS_NONE && status != SOUP_STATUS_SWITCHING_PROTOCOLS)
                return g_strdup_printf(
                        "what is there answered %u %s: is it testbed-server, and has server.url its scheme "
                        "(https:// where it speaks TLS) and its path?",
                        status, soup_message_get_reason_phrase(link->message));
        if (error->domain == G_TLS_ERROR)
                return g_strdup_printf(
                        "%s: does it speak TLS (1.2 or newer) there? If not, server.url begins with http://",
                        error->message);
        return g_strdup(error->message);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
        g_autoptr(GError) error = NULL;
        SoupWebsocketConnection *ws =
                soup_session_websocket_connect_finish(SOUP_SESSION(source), result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* the link is gone */
        TbBridgeLink *link = data;
        g_clear_object(&link->cancel);
        if (!ws) {
                g_autofree char *why = why_refused(link, error);
                tb_log(g_strcmp0(why, link->said) != 0 ? TB_LOG_WARNING : TB_LOG_DEBUG,
                       TB_F("url", link->url), "the server cannot be reached: %s", why);
                g_free(link->said);
                link->said = g_steal_pointer(&why);
                try_again(link);
                return;
        }
        g_clear_pointer(&link->said, g_free);
        link->opener = ws;
        tb_own_end_keep_short(soup_websocket_connection_get_io_stream(ws));
        link->ws = taken_over(link, ws);
        link->heard_us = g_get_monotonic_time();
        link->alive = g_timeout_add_seconds(TB_BRIDGE_ASK_S, on_alive, link);
        link->ops->opened(link->data);
}

static const char *why_not(GTlsCertificateFlags errors)
{
        return errors & G_TLS_CERTIFICATE_EXPIRED ? "its certificate has expired: it needs a new one"
               : errors & G_TLS_CERTIFICATE_NOT_ACTIVATED
                       ? "its certificate is not valid yet: is the clock of this machine right?"
               : errors & G_TLS_CERTIFICATE_BAD_IDENTITY
                       ? "its certificate is for another name than the one in server.url"
               : errors & G_TLS_CERTIFICATE_UNKNOWN_CA
                       ? "nobody whom this host trusts has signed its certificate: put the certificate of "
                         "who "
                         "did into a file, and name that in server: {ca: FILE}, or SERVER_CA"
                       : "its certificate is not good";
}

/* The system does not trust it. */
static gboolean on_certificate(SoupMessage *message, GTlsCertificate *certificate,
                               GTlsCertificateFlags errors, gpointer data)
{
        TbBridgeLink *link = data;
        GUri *uri = soup_message_get_uri(message);
        g_autoptr(GSocketConnectable) name = g_network_address_new(g_uri_get_host(uri), 443);
        if (link->trusted)
                errors = g_tls_database_verify_chain(link->trusted, certificate,
                                                     G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, name, NULL,
                                                     G_TLS_DATABASE_VERIFY_NONE, NULL, NULL);
        g_free(link->distrust);
        link->distrust = errors ? g_strdup(why_not(errors)) : NULL;
        return errors == 0;
}

static void forget_message(TbBridgeLink *link)
{
        if (link->message)
                g_signal_handlers_disconnect_by_data(link->message, link);
        g_clear_object(&link->message);
        g_clear_pointer(&link->distrust, g_free);
}

/* The file may have been renewed: each attempt takes what is in it now. One that is broken changes nothing. */
static void trust_again(TbBridgeLink *link)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GTlsDatabase) now = link->ca ? g_tls_file_database_new(link->ca, &error) : NULL;
        if (now)
                g_set_object(&link->trusted, now);
        else if (link->ca)
                tb_log(TB_LOG_DEBUG, TB_F("file", link->ca), "server.ca stays as it was: %s", error->message);
}

static void attempt(TbBridgeLink *link)
{
        forget_message(link);
        trust_again(link);
        link->message = soup_message_new(SOUP_METHOD_GET, link->url);
        g_signal_connect(link->message, "accept-certificate", G_CALLBACK(on_certificate), link);
        link->cancel = g_cancellable_new();
        soup_session_websocket_connect_async(link->session, link->message, NULL, NULL, G_PRIORITY_DEFAULT,
                                             link->cancel, on_connected, link);
}

/* http://host/prefix/ -> ws://host/prefix/ws */
static char *socket_url(const char *url, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "";
        bool plain = strcmp(scheme, "http") == 0 || strcmp(scheme, "ws") == 0,
             tls = strcmp(scheme, "https") == 0 || strcmp(scheme, "wss") == 0;
        if ((!plain && !tls) || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || g_uri_get_userinfo(uri)) {
                tb_set_error(
                        error, TB_ERROR_INVALID,
                        "SERVER_URL must be an http:// or https:// URL with a host and without a password");
                return NULL;
        }
        g_autofree char *path = g_strdup(g_uri_get_path(uri));
        while (g_str_has_suffix(path, "/"))
                path[strlen(path) - 1] = '\0';
        g_autofree char *full = g_strdup_printf("%s/ws", path);
        return g_uri_join(G_URI_FLAGS_NONE, tls ? "wss" : "ws", NULL, g_uri_get_host(uri),
                          g_uri_get_port(uri), full, NULL, NULL);
}

static bool leads_here(const char *url)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        return uri && tb_address_is_loopback(g_uri_get_host(uri));
}

TbBridgeLink *tb_bridge_link_new(const char *url, const char *ca, const TbBridgeLinkOps *ops, gpointer data,
                                 GError **error)
{
        tb_assert_main();
        g_autoptr(GTlsDatabase) trusted = ca ? g_tls_file_database_new(ca, error) : NULL;
        if (ca && !trusted) {
                tb_error_prefix(error, "server.ca %s: ", ca);
                return NULL;
        }
        char *socket = socket_url(url, error);
        if (!socket)
                return NULL;
        TbBridgeLink *link = g_new0(TbBridgeLink, 1);
        link->url = socket;
        link->ops = ops;
        link->data = data;
        /* a server elsewhere may be beyond the system's proxy; a proxy knows nothing of this machine's loopback */
        link->session =
                soup_session_new_with_options("user-agent", "testbed-host", "timeout", 15,
                                              leads_here(socket) ? "proxy-resolver" : NULL, NULL, NULL);
        /* a compressed message has no bound that is known before it is unpacked */
        soup_session_remove_feature_by_type(link->session, SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
        link->trusted = g_steal_pointer(&trusted);
        link->ca = g_strdup(ca);
        tb_marks_init(&link->marks);
        link->monitor = g_object_ref(g_network_monitor_get_default());
        g_signal_connect(link->monitor, "network-changed", G_CALLBACK(on_network), link);
        link->retry = g_timeout_add(0, on_retry, link);
        return link;
}

void tb_bridge_link_free(TbBridgeLink *link)
{
        if (!link)
                return;
        forget(link);
        g_signal_handlers_disconnect_by_data(link->monitor, link);
        g_object_unref(link->monitor);
        if (link->retry)
                g_source_remove(link->retry);
        if (link->cancel)
                g_cancellable_cancel(link->cancel);
        g_clear_object(&link->cancel);
        soup_session_abort(link->session);
        g_object_unref(link->session);
        forget_message(link);
        g_clear_object(&link->trusted);
        g_free(link->ca);
        g_free(link->said);
        g_free(link->url);
        g_free(link);
}

void tb_bridge_link_settled(TbBridgeLink *link)
{
        link->attempts = 0;
}

void tb_bridge_link_rest(TbBridgeLink *link)
{
        link->attempts = RESTED;
}

static gboolean on_doomed(gpointer data)
{
        TbBridgeLink *link = data;
        link->doomed = 0;
        tb_bridge_link_drop(link, "the server takes nothing any more");
        return G_SOURCE_REMOVE;
}

bool tb_bridge_link_send(TbBridgeLink *link, bool binary, const void *bytes, gsize size)
{
        if (!link || !link->ws)
                return false;
        if (!bytes && !binary)
                return true; /* what could not be written as JSON (lib/json.h) is no message */
        if (tb_bridge_link_under_way(link) + size > TB_LIMIT_WS_QUEUE) {
                if (!link->doomed)
                        link->doomed = g_idle_add(on_doomed, link);
                return false;
        }
        tb_out_socket_send(link->ws, binary, bytes, size);
        if (tb_marks_sent(&link->marks, size))
                mark(link);
        return true;
}

void tb_bridge_link_hold(TbBridgeLink *link, bool held)
{
        if (link && link->ws)
                tb_out_socket_hold(link->ws, held);
}

gsize tb_bridge_link_under_way(const TbBridgeLink *link)
{
        return link->marks.sent - link->marks.arrived;
}

gint64 tb_bridge_link_mark(TbBridgeLink *link)
{
        if (link->ws)
                mark(link);
        return link->marks.next_t;
}

bool tb_bridge_link_arrived(const TbBridgeLink *link, gint64 wanted)
{
        return tb_marks_arrived(&link->marks, wanted);
}

bool tb_bridge_link_is_late(const TbBridgeLink *link)
{
        return tb_marks_are_late(&link->marks, g_get_monotonic_time());
}

gint64 tb_bridge_link_trip_us(const TbBridgeLink *link)
{
        return link->marks.trip_us;
}
