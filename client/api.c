#include "client/api.h"

#include <signal.h>
#include <string.h>

#include "client/out.h"
#include "client/settings.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/net.h"
#include "lib/version.h"

#define ANSWER_S 30 /* that any request may take */
#define TRIES 3
#define CHUNK (64 * 1024)

struct TbCliApi {
        SoupSession *session; /* ref */
};

void tb_cli_device_clear(TbCliDevice *device)
{
        g_free(device->host);
        g_free(device->id);
        g_free(device->interface);
        g_free(device->name);
        *device = (TbCliDevice){0};
}

bool tb_cli_device_parse(const char *text, bool server, TbCliDevice *ret, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(text, "/", 5);
        guint n = g_strv_length(parts), first = server ? 1 : 0;
        bool ok = n >= first + 1 && n <= first + 2;
        for (guint i = 0; ok && i < n; i++)
                ok = server && i == 0 ? g_str_has_suffix(parts[i], "~") || *parts[i]
                                      : tb_name_valid(TB_NAME_ID, parts[i]);
        if (!ok) {
                tb_set_error(error, TB_ERROR_INVALID, "\"%s\" is no name of a device: %s", text,
                             server ? "through a server it is HOST/DEVICE or HOST/DEVICE/INTERFACE"
                                    : "DEVICE or DEVICE/INTERFACE, as testbed ls shows them");
                return false;
        }
        *ret = (TbCliDevice){.host = server ? g_strdup(parts[0]) : NULL,
                             .id = g_strdup(parts[first]),
                             .interface = g_strdup(parts[first + 1]),
                             .name = server ? g_strdup_printf("%s/%s", parts[0], parts[1])
                                            : g_strdup(parts[0])};
        return true;
}

bool tb_cli_connect(TbCli *cli, GError **error)
{
        if (cli->api)
                return true;
        if (!cli->settings && !(cli->settings = tb_cli_settings_load(cli, error)))
                return false;
        const TbCliSettings *s = cli->settings;
        g_autoptr(GError) why = NULL;
        g_autoptr(GTlsDatabase) trusted = s->ca ? g_tls_file_database_new(s->ca, &why) : NULL;
        if (s->ca && !trusted) {
                tb_set_error(error, TB_ERROR_INVALID, "--ca %s: %s", s->ca, why->message);
                return false;
        }
        /* GIO ignores SIGPIPE from its first socket on, and never needs to: who reads us may go, and so may whoever reads a program
         * that we start */
        g_type_class_unref(g_type_class_ref(G_TYPE_SOCKET));
        signal(SIGPIPE, SIG_DFL);
        g_autoptr(GUri) uri = g_uri_parse(s->url, G_URI_FLAGS_NONE, NULL);
        cli->api = g_new0(TbCliApi, 1);
        /* a host elsewhere may be beyond the system's proxy; a proxy knows nothing of this machine's loopback */
        cli->api->session = soup_session_new_with_options(
                "user-agent", "testbed", "timeout", ANSWER_S,
                tb_address_is_loopback(g_uri_get_host(uri)) ? "proxy-resolver" : NULL, NULL, NULL);
        soup_session_remove_feature_by_type(cli->api->session, SOUP_TYPE_AUTH_MANAGER);
        /* a compressed message has no bound that is known before it is unpacked */
        soup_session_remove_feature_by_type(cli->api->session, SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
        if (trusted)
                soup_session_set_tls_database(cli->api->session, trusted);
        return true;
}

SoupSession *tb_cli_session(const TbCli *cli)
{
        return cli->api->session;
}

void tb_cli_api_free(TbCliApi *api)
{
        if (!api)
                return;
        soup_session_abort(api->session);
        g_object_unref(api->session);
        g_free(api);
}

char *tb_cli_url(const TbCli *cli, const TbCliRequest *request)
{
        const TbCliDevice *d = request->device;
        GString *url = g_string_new(cli->settings->url);
        if (d && d->host) {
                g_string_append(url, "/api/hosts/");
                g_string_append_uri_escaped(url, d->host, "~", FALSE);
        }
        if (d)
                g_string_append(url, "/host");
        if (d && d->id)
                g_string_append_printf(url, "/devices/%s", d->id);
        if (d && d->interface)
                g_string_append_printf(url, "/%s", d->interface);
        g_string_append(url, request->path ? request->path : "");
        return g_string_free(url, FALSE);
}

/* --- errors --- */
static TbErrorCode code_of_status(int status)
{
        for (int code = 0; code < TB_ERROR_CODES; code++)
                if (tb_error_status(&(GError){.domain = TB_ERROR, .code = code}) == status)
                        return (TbErrorCode)code;
        return status >= 500 ? TB_ERROR_DEVICE : TB_ERROR_UNPROCESSABLE;
}

static const char *advice(int status)
{
        switch (status) {
        case 401: return " (show a token: TESTBED_TOKEN, --token-file, or ~/.config/testbed/client.yaml)";
        case 423: return " (--wait of testbed lease queues for it)";
        default: return "";
        }
}

void tb_cli_refusal(const TbCliDevice *device, int status, const json_t *body, GError **error)
{
        const char *detail = json_string_value(json_object_get(body, "detail")),
                   *name = device && device->name ? device->name : "";
        if (!detail)
                detail = tb_status_title(status);
        /* most of what hosts say begins with the device */
        gsize known = device && device->id && g_str_has_prefix(detail, device->id) ? strlen(device->id) : 0;
        bool said = known > 0 && !device->host && strchr(" :/", detail[known]);
        /* the server's word for a host that is away, or not back yet after the server's own restart */
        bool away = status == 404 && device && device->host && g_str_has_prefix(detail, "no host \"");
        tb_set_error(error, away ? TB_ERROR_UNAVAILABLE : code_of_status(status), "%s%s%s%s",
                     said ? "" : name, said || !*name ? "" : ": ", detail, advice(status));
}

void tb_cli_transport_error(const TbCli *cli, SoupMessage *message, const GError *why, GError **error)
{
        const char *url = cli->settings->url;
        const char *to =
                message && SOUP_STATUS_IS_REDIRECTION(soup_message_get_status(message))
                        ? soup_message_headers_get_one(soup_message_get_response_headers(message), "Location")
                        : NULL;
        GTlsCertificateFlags bad = message ? soup_message_get_tls_peer_certificate_errors(message) : 0;
        if (to)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "%s sends us on to %s, where our token and lease may be for nobody: if that is "
                             "the host, give its address (--host, --server)",
                             url, to);
        else if (!why)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s does not answer as a testbed host does", url);
        else if (why->domain == G_TLS_ERROR && bad)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: its certificate %s", url,
                             bad & G_TLS_CERTIFICATE_BAD_IDENTITY ? "is for another name"
                             : bad & G_TLS_CERTIFICATE_EXPIRED    ? "has expired"
                             : bad & G_TLS_CERTIFICATE_UNKNOWN_CA
                                     ? "is vouched for by nobody who is known here: give the CA of your lab "
                                       "with --ca FILE"
                                     : "is not to be trusted");
        else if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
                tb_set_error(error, TB_ERROR_TIMEOUT, "%s does not answer", url);
        else
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s (is it the right one? %s)", url,
                             why->message,
                             cli->settings->server ? "--server, TESTBED_SERVER" : "--host, TESTBED_HOST");
}

/* --- one exchange --- */
static void on_wrote(SoupMessage *message G_GNUC_UNUSED, guint size, gpointer data)
{
        const TbCliRequest *r = data;
        r->sent(size, r->data);
}

SoupMessage *tb_cli_message(const TbCli *cli, const TbCliRequest *r, GError **error)
{
        g_autofree char *url = tb_cli_url(cli, r);
        g_autoptr(SoupMessage) m = soup_message_new(r->method, url);
        if (!m) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is no address", url);
                return NULL;
        }
        /* what is shown to this host is for no other one: a redirect is said, not followed */
        soup_message_add_flags(m, SOUP_MESSAGE_NO_REDIRECT);
        SoupMessageHeaders *h = soup_message_get_request_headers(m);
        if (cli->settings->token) {
                g_autofree char *bearer = g_strdup_printf("Bearer %s", cli->settings->token);
                soup_message_headers_replace(h, "Authorization", bearer);
        }
        if (cli->settings->lease)
                soup_message_headers_replace(h, "X-Lease", cli->settings->lease);
        if (r->accept)
                soup_message_headers_replace(h, "Accept", r->accept);
        if (r->last_event_id)
                soup_message_headers_replace(h, "Last-Event-ID", r->last_event_id);
        if (r->range)
                soup_message_headers_replace(h, "Range", r->range);
        if (r->body) {
                gsize size = 0;
                g_autofree char *text = tb_json_text(r->body, &size);
                if (!text) {
                        tb_set_error(error, TB_ERROR_INVALID, "what is to be sent is not all UTF-8");
                        return NULL;
                }
                g_autoptr(GBytes) bytes = g_bytes_new(text, size);
                soup_message_set_request_body_from_bytes(m, "application/json", bytes);
        } else if (r->upload) { /* a refusal comes before gigabytes have gone */
                soup_message_set_request_body(m, r->upload_type ?: "application/octet-stream", r->upload,
                                              r->upload_size);
                soup_message_headers_set_expectations(h, SOUP_EXPECTATION_CONTINUE);
                if (r->sent)
                        g_signal_connect(m, "wrote-body-data", G_CALLBACK(on_wrote), (gpointer)r);
        }
        return g_steal_pointer(&m);
}

static gboolean on_pause(gpointer data)
{
        g_main_loop_quit(data);
        return G_SOURCE_REMOVE;
}

void tb_cli_pause_ms(guint ms)
{
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_timeout_add(ms, on_pause, loop);
        g_main_loop_run(loop);
}

/* The same request once more is no other request when it only reads; nobody there is no lost connection. */
static bool again(const TbCliRequest *r, const GError *why)
{
        return strcmp(r->method, "GET") == 0 && why->domain == G_IO_ERROR &&
               (why->code == G_IO_ERROR_CONNECTION_CLOSED || why->code == G_IO_ERROR_BROKEN_PIPE ||
                why->code == G_IO_ERROR_PARTIAL_INPUT);
}

/* What came is a refusal: its text. */
static json_t *read_problem(GInputStream *in)
{
        guint8 bytes[TB_LIMIT_HTTP_BODY / 16];
        gsize n = 0;
        if (!in || !g_input_stream_read_all(in, bytes, sizeof bytes, &n, NULL, NULL))
                return NULL;
        json_t *body = tb_json_parse(bytes, n, NULL);
        return body;
}

/* A host has nothing at a server's addresses, and the other way round. */
static bool is_other_kind(const TbCli *cli, const json_t *problem)
{
        const char *detail = json_string_value(json_object_get(problem, "detail"));
        return detail && g_str_has_prefix(detail, cli->settings->server ? "there is nothing at /api/"
                                                                        : "there is nothing at /host/");
}

static GInputStream *exchange(TbCli *cli, const TbCliRequest *r, SoupMessage **ret_message,
                              json_t **ret_problem, GError **error)
{
        for (int tries = 1;; tries++) {
                g_autoptr(SoupMessage) m = tb_cli_message(cli, r, error);
                if (!m)
                        return NULL;
                g_autoptr(GError) why = NULL;
                soup_session_set_timeout(cli->api->session, r->wait_s < 0 ? 0 : ANSWER_S + (guint)r->wait_s);
                g_autoptr(GInputStream) in = soup_session_send(cli->api->session, m, NULL, &why);
                int status = (int)soup_message_get_status(m);
                if (in && status >= 200 && status < 300) {
                        if (ret_message)
                                *ret_message = g_steal_pointer(&m);
                        return g_steal_pointer(&in);
                }
                if (!in && again(r, why) && tries < TRIES) {
                        tb_cli_pause_ms(100u << tries);
                        continue;
                }
                if (!in || status < 400) {
                        tb_cli_transport_error(cli, m, why, error);
                        return NULL;
                }
                json_auto_t *problem = read_problem(in);
                if (status == 404 && is_other_kind(cli, problem))
                        tb_set_error(error, TB_ERROR_NOT_FOUND, "%s is a testbed %s: name it with %s",
                                     cli->settings->url, cli->settings->server ? "host" : "server",
                                     cli->settings->server ? "--host" : "--server");
                else
                        tb_cli_refusal(r->device, status, problem, error);
                if (ret_problem)
                        *ret_problem = json_incref(problem);
                return NULL;
        }
}

GInputStream *tb_cli_open(TbCli *cli, const TbCliRequest *r, SoupMessage **ret_message, GError **error)
{
        return exchange(cli, r, ret_message, NULL, error);
}

bool tb_cli_read_all(GInputStream *in, GByteArray *all, GError **error)
{
        g_autofree guint8 *chunk = g_malloc(CHUNK);
        g_autoptr(GError) why = NULL;
        gssize n;
        while ((n = g_input_stream_read(in, chunk, CHUNK, NULL, &why)) > 0) {
                g_byte_array_append(all, chunk, (guint)n);
                if (all->len > TB_LIMIT_CLI_ANSWER) {
                        tb_set_error(error, TB_ERROR_TOO_LARGE,
                                     "the answer is longer than %d bytes: ask for less", TB_LIMIT_CLI_ANSWER);
                        return false;
                }
        }
        if (n < 0)
                tb_set_error(error, TB_ERROR_DEVICE, "the answer broke off: %s", why->message);
        return n == 0;
}

json_t *tb_cli_ask(TbCli *cli, const TbCliRequest *r, json_t **ret_problem, GError **error)
{
        g_autoptr(GInputStream) in = exchange(cli, r, NULL, ret_problem, error);
        if (!in)
                return NULL;
        g_autoptr(GByteArray) all = g_byte_array_new();
        if (!tb_cli_read_all(in, all, error)) {
                tb_error_prefix(error, "%s: ", cli->settings->url);
                return NULL;
        }
        if (all->len == 0)
                return json_null();
        json_t *answer = tb_json_parse_kept(all->data, all->len, error);
        if (!answer)
                tb_error_prefix(error,
                                "%s: the answer is not the JSON of a testbed host: ", cli->settings->url);
        return answer;
}

bool tb_cli_copy(GInputStream *in, int fd, void (*got)(gsize, gpointer), gpointer data, GError **error)
{
        g_autofree guint8 *chunk = g_malloc(CHUNK);
        g_autoptr(GError) why = NULL;
        gssize n;
        while ((n = g_input_stream_read(in, chunk, CHUNK, NULL, &why)) > 0) {
                if (!tb_cli_write(fd, chunk, (gsize)n, error))
                        return false;
                if (got)
                        got((gsize)n, data);
        }
        if (n < 0)
                tb_set_error(error, TB_ERROR_DEVICE, "it broke off: %s", why->message);
        return n == 0;
}
