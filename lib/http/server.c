#include "lib/http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/http/library.h"
#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

static void on_log(void *data, const char *format, va_list args)
{
        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        g_autofree char *text = g_strdup_vprintf(format, args); /* the library's own format, not a peer's */
#pragma GCC diagnostic pop
        G_GNUC_END_IGNORE_DEPRECATIONS
        tb_log(TB_LOG_DEBUG, TB_F("library", "libmicrohttpd"), "%s", g_strchomp(text));
        tb_deaf_look(data);
}

#define PLAIN_SAID_S 3600 /* an address that shows secrets without TLS is told of once in that time */

/* --- connections --- */
static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
        TbHttp *http = cls;
        if (code == MHD_CONNECTION_NOTIFY_CLOSED)
                tb_http_kick(http); /* at its limit the library listens again only when it runs once more */
        if (tb_deaf_is_nobody(http, connection, code))
                return;
        if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
                tb_refuse_silent_close(*context);
                tb_share_leave(*context);
                tb_slow_remove(http, *context);
                tb_http_pair_unref(((TbConn *)*context)->pair);
                g_free(*context);
                *context = NULL;
                return;
        }
        TbConn *conn = g_new0(TbConn, 1);
        conn->magic = tb_conn_magic;
        conn->http = http;
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        if (info)
                tb_address_text(info->client_addr, conn->peer);
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct sockaddr_storage local = {0};
        socklen_t size = sizeof local;
        conn->fd = info ? info->connect_fd : -1;
        conn->tls = http->arrival && !http->arrival->plain;
        conn->pair = http->pair ? tb_http_pair_ref(http->pair) : NULL;
        if (conn->pair)
                g_strlcpy(conn->local, conn->peer, sizeof conn->local);
        else if (http->arrival)
                g_strlcpy(conn->local, http->arrival->local, sizeof conn->local);
        else if (getsockname(conn->fd, (struct sockaddr *)&local, &size) == 0)
                tb_address_text((struct sockaddr *)&local, conn->local);
        conn->peer_is_loopback = tb_address_is_loopback(conn->peer);
        conn->peer_is_trusted = conn->peer_is_loopback || tb_nets_have(http->trusted, conn->peer);
        *context = conn;
        tb_slow_add(http, conn);
        tb_share_enter(conn);
}

static void say_more(const char *kind, guint64 more, double seconds, gpointer data)
{
        g_autofree char *text = tb_tally_text(more, seconds);
        tb_log(TB_LOG_INFO, TB_F(), "%s %s: %s", (const char *)data, kind, text);
}

/* Raw targets reach us still encoded: a path must be split before it is decoded. */
static size_t keep_escapes(void *cls G_GNUC_UNUSED, struct MHD_Connection *connection G_GNUC_UNUSED,
                           char *text)
{
        return strlen(text);
}

/* --- listener --- */
/* `fd` -1: it has none, and who comes is given to it (tls.c). */
static struct MHD_Daemon *start_daemon(TbHttp *http, int fd)
{
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_TURBO |
                         MHD_USE_ERROR_LOG | (fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0);
        struct MHD_OptionItem listener[] = {{fd < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, fd, NULL},
                                            {MHD_OPTION_END, 0, NULL}};
        return MHD_start_daemon(flags, 0, NULL, NULL, tb_dispatch_access, http, MHD_OPTION_EXTERNAL_LOGGER,
                                on_log, http, MHD_OPTION_ARRAY, listener, MHD_OPTION_CONNECTION_LIMIT,
                                http->max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
                                (unsigned)TB_LIMIT_HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                (size_t)TB_HTTP_POOL, MHD_OPTION_STRICT_FOR_CLIENT,
                                0, /* check.c is strict, and says what is wrong */
                                MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
                                tb_dispatch_uri, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
                                MHD_OPTION_NOTIFY_COMPLETED, tb_dispatch_completed, http,
                                MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
}

static void add_metrics(TbHttp *http)
{
        static const double buckets[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                         0.25,   0.5,   1,      2.5,   5,    10,    0};
        if (!http->metrics)
                return;
        http->seconds =
                tb_metrics_get(http->metrics, TB_METRIC_HISTOGRAM, "testbed_http_request_seconds", NULL,
                               "Time from a request's first line to the end of its answer.", buckets);
        for (guint i = 1; i < G_N_ELEMENTS(http->by_status); i++) {
                g_autofree char *labels = g_strdup_printf("status=\"%uxx\"", i);
                http->by_status[i] =
                        tb_metrics_get(http->metrics, TB_METRIC_COUNTER, "testbed_http_requests_total",
                                       labels, "Answered HTTP requests by status.", NULL);
        }
}

/* "https://lab.example/staging/" -> "/staging"; NULL: it has no path */
static char *prefix_of(const char *url)
{
        g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL) : NULL;
        g_autofree char *path = uri ? g_strdup(g_uri_get_path(uri)) : NULL;
        for (gsize n = path ? strlen(path) : 0; n > 0 && path[n - 1] == '/'; n--)
                path[n - 1] = '\0';
        return path && *path == '/' ? g_steal_pointer(&path) : NULL;
}

/* "https://name:port" of a URL, as browsers say it in Origin. NULL: there is none. */
static char *origin_of(const char *url)
{
        g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
        const char *scheme = uri ? g_uri_get_scheme(uri) : NULL, *host = uri ? g_uri_get_host(uri) : NULL;
        if (!host || !*host)
                return NULL;
        int port = g_uri_get_port(uri), usual = strcmp(scheme, "https") == 0 ? 443 : 80;
        const char *open = strchr(host, ':') ? "[" : "", *close = *open ? "]" : "";
        return port > 0 && port != usual ? g_strdup_printf("%s://%s%s%s:%d", scheme, open, host, close, port)
                                         : g_strdup_printf("%s://%s%s%s", scheme, open, host, close);
}

/* What it is called, what may be called so, and whom it asks. */
static void take_names(TbHttp *http, const TbHttpOptions *options)
{
        http->identify = options->identify;
        http->identify_data = options->identify_data;
        http->holds = options->holds;
        http->answered = options->answered;
        http->answered_data = options->answered_data;
        http->server_header = g_strdup_printf("%s/%s", options->name ? options->name : "testbed",
                                              options->version ? options->version : "0");
        http->prefix = prefix_of(options->url);
        http->address = g_ascii_strdown(options->address, -1);
        http->machine = g_strdup(g_get_host_name());
        http->hosts = g_strdupv((char **)options->hosts);
        http->origins = g_strdupv((char **)options->origins);
}

/* Where it listens: a socket of its own, or the one that it was given. */
static int listen_as(const TbHttpOptions *options, char ret_bound[TB_ADDRESS_TEXT], guint16 *ret_port,
                     GError **error)
{
        if (!options->listener)
                return tb_listen(options->address, options->port, ret_bound, ret_port, error);
        struct sockaddr_storage bound = {0};
        socklen_t size = sizeof bound;
        int fd = fcntl(*options->listener, F_DUPFD_CLOEXEC, 3);
        if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot listen: %s", g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        tb_address_text((struct sockaddr *)&bound, ret_bound);
        *ret_port = tb_socket_port(fd);
        return fd;
}

TbHttp *tb_http_new(const TbHttpOptions *options, GError **error)
{
        TbHttp *http = g_new0(TbHttp, 1);
        guint places = tb_descriptors_for_connections() / (options->tls ? TB_TLS_DESCRIPTORS : 1);
        http->max_connections =
                MIN(options->max_connections ? options->max_connections : TB_LIMIT_HTTP_CONNECTIONS, places);
        http->poller = options->poller;
        http->auth = tb_auth_ref(options->auth);
        http->metrics = options->metrics;
        http->routes = g_ptr_array_new_with_free_func(g_free);
        http->statics = g_ptr_array_new_with_free_func(tb_static_free);
        http->boot = tb_random_token(6);
        take_names(http, options);
        tb_watch_start(http);
        tb_http_turns_start(http);
        tb_ws_turns_start(http);
        tb_http_run_start(http);
        tb_places_init(&http->streams, options->max_streams ? "streams and sockets" : NULL,
                       MIN(options->max_streams, places / 2));
        tb_share_start(http);
        http->refusals = tb_tally_new(TB_LIMIT_HTTP_REFUSALS_SAID, TB_LIMIT_TALLY_S * 1000, say_more,
                                      (gpointer) "answered");
        http->plain = tb_tally_new(1, PLAIN_SAID_S * 1000, say_more, (gpointer) "secrets without TLS from");
        http->trusted = options->trusted;
        http->without_tokens = options->without_tokens;
        http->needs_tls = options->needs_tls;
        http->rate = options->requests_per_s;
        http->rates = options->requests_per_s
                              ? tb_rates_new(options->requests_per_s, 2.0 * options->requests_per_s)
                              : NULL;
        http->guard = (TbGuard){.address = http->address,
                                .machine = http->machine,
                                .own = http->own_origin = origin_of(options->url),
                                .hosts = (const char *const *)http->hosts,
                                .origins = (const char *const *)http->origins};
        char bound[TB_ADDRESS_TEXT];
        int fd = listen_as(options, bound, &http->port, error);
        if (fd < 0) {
                tb_http_free(http);
                return NULL;
        }
        http->guard.loopback = tb_address_is_loopback(bound);
        signal(SIGPIPE, SIG_IGN); /* a peer that is gone is told by the write's error */
        g_autofree char *problem = tb_library_problem();
        if (problem)
                tb_log(TB_LOG_WARNING, TB_F(), "%s", problem);
        http->listen_fd = options->tls ? -1 : fd;
        http->nobody_fd = -1;
        http->daemon = start_daemon(http, http->listen_fd);
        if (!http->daemon) {
                tb_set_error(error, TB_ERROR_INTERNAL, "libmicrohttpd did not start");
                close(fd);
                tb_http_free(http);
                return NULL;
        }
        if (!tb_http_run_wait(http)) {
                tb_set_error(error, TB_ERROR_INTERNAL, "cannot wait for connections: epoll: %s",
                             g_strerror(errno));
                if (options->tls)
                        close(fd);
                tb_http_free(http);
                return NULL;
        }
        add_metrics(http);
        /* the sockets that it carries are WebSockets, too, which are none of the library's connections any more */
        if (options->tls && !tb_tls_begin(http, fd, options->tls, 2 * places, error)) {
                close(fd);
                tb_http_free(http);
                return NULL;
        }
        return http;
}

guint16 tb_http_port(TbHttp *http)
{
        return http->port;
}

void tb_http_add_routes(TbHttp *http, const TbRoute *routes, gpointer data)
{
        for (; routes->method; routes++) {
                TbHttpRoute *entry = g_new0(TbHttpRoute, 1);
                entry->route = routes;
                entry->data = data;
                entry->is_plain = tb_ask_route_is_plain(routes);
                g_assert(tb_path_compile(routes->path, &entry->path)); /* tables are ours */
                g_ptr_array_add(http->routes, entry);
        }
}

/* --- stop --- */
static void finish_stop(TbHttp *http)
{
        if (!http->stopped)
                return;
        void (*stopped)(gpointer) = g_steal_pointer(&http->stopped);
        g_source_destroy(http->grace);
        g_clear_pointer(&http->grace, g_source_unref);
        stopped(http->stopped_data);
}

void tb_http_check_stopped(TbHttp *http)
{
        if (http->stopped && http->requests.length == 0 && http->sockets.length == 0 &&
            http->dead.length == 0 && http->grace)
                g_source_set_ready_time(http->grace, 0); /* from the loop: we may be deep inside a callback */
}

static gboolean on_grace(gpointer data)
{
        TbHttp *http = data;
        /* What those who still wait are waiting for is taken down next: they let go of it now, not in
         * tb_http_free(). */
        for (GList *l = http->requests.head; l; l = l->next)
                tb_request_call_gone(l->data);
        finish_stop(http);
        return G_SOURCE_REMOVE;
}

void tb_http_stop(TbHttp *http, guint grace_ms, void (*done)(gpointer), gpointer data)
{
        tb_assert_main();
        g_assert(!http->stopping);
        http->stopping = true;
        http->stopped = done;
        http->stopped_data = data;
        if (http->front)
                tb_tls_front_quiesce(http->front);
        int fd = MHD_quiesce_daemon(http->daemon);
        if (fd >= 0)
                close(fd);
        http->grace = g_timeout_source_new(grace_ms);
        g_source_set_callback(http->grace, on_grace, http, NULL);
        g_source_attach(http->grace, g_main_context_get_thread_default());
        tb_ws_stop_all(http);
        for (GList *l = http->pushes.head; l;) {
                TbPush *push = l->data;
                l = l->next;
                tb_push_close(push);
        }
        tb_http_kick(http);
        tb_http_check_stopped(http);
}

void tb_http_end_user(TbHttp *http, const char *user, const char *why)
{
        tb_assert_main();
        tb_ws_end_user(http, user, why);
        for (GList *l = http->pushes.head; l;) {
                TbPush *push = l->data;
                l = l->next;
                if (tb_push_is_of(push, user))
                        tb_push_close(push);
        }
}

void tb_http_end_login(TbHttp *http, const char *login)
{
        tb_assert_main();
        tb_ws_end_login(http, login);
        for (GList *l = http->pushes.head; l;) {
                TbPush *push = l->data;
                l = l->next;
                const TbCaller *caller = tb_push_caller(push);
                if (caller && g_strcmp0(caller->login, login) == 0)
                        tb_push_close(push);
        }
}

void tb_http_end_signed(TbHttp *http)
{
        tb_assert_main();
        tb_ws_end_signed(http);
        for (GList *l = http->pushes.head; l;) {
                TbPush *push = l->data;
                l = l->next;
                const TbCaller *caller = tb_push_caller(push);
                if (caller && tb_caller_is_signed_member(caller))
                        tb_push_close(push);
        }
}

void tb_http_free(TbHttp *http)
{
        if (!http)
                return;
        if (http->daemon) {
                http->stopping = true;
                tb_ws_drop_all(http);
                for (GList *l = http->requests.head; l;
                     l = l->next) { /* libmicrohttpd must not stop with suspended connections */
                        TbRequest *request = l->data;
                        tb_request_call_gone(request);
                        tb_dispatch_wake(request);
                }
                tb_http_run(http);
                tb_poller_remove(http->entry);
                MHD_stop_daemon(http->daemon);
                tb_ws_drop_all(http);
                tb_tls_front_free(http->front);
        }
        tb_http_run_stop(http);
        tb_deaf_stop(http);
        tb_expire_stop(http);
        g_assert(http->requests.length == 0 && http->pushes.length == 0 && http->sockets.length == 0 &&
                 http->dead.length == 0);
        if (http->grace) {
                g_source_destroy(http->grace);
                g_source_unref(http->grace);
        }
        g_bytes_unref(http->openapi);
        g_ptr_array_unref(http->routes);
        g_ptr_array_unref(http->statics);
        g_clear_pointer(&http->pages, g_hash_table_unref);
        tb_share_stop(http);
        tb_unread_book_clear(&http->unread);
        tb_watch_stop(http);
        tb_http_turns_stop(http);
        tb_ws_turns_stop(http);
        tb_tally_free(http->refusals);
        tb_tally_free(http->plain);
        tb_places_clear(&http->streams);
        tb_rates_free(http->rates);
        tb_auth_unref(http->auth);
        g_strfreev(http->hosts);
        g_free(http->own_origin);
        g_strfreev(http->origins);
        g_free(http->prefix);
        g_free(http->address);
        g_free(http->machine);
        g_free(http->server_header);
        g_free(http->boot);
        g_free(http);
}
