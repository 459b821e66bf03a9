/* The server's API, as a worker speaks it. */
#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/net.h"
#include "server/worker/worker.h"

#define TIMEOUT_S 45 /* without a byte; claims wait for less */
#define ANSWER_BYTES (1024 * 1024)
#define BLOCK (64 * 1024)

struct TbWorkerApi {
        SoupSession *session;
        char *server, *token, *name; /* owned */
};

TbWorkerApi *tb_worker_api_new(const char *server, const char *token, const char *name, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(server, G_URI_FLAGS_NONE, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "";
        if (!uri || !g_uri_get_host(uri) || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: an address like http://host:5109 is expected",
                             server);
                return NULL;
        }
        TbWorkerApi *api = g_new0(TbWorkerApi, 1);
        /* a server elsewhere may be beyond the system's proxy; a proxy knows nothing of this machine's loopback */
        api->session = soup_session_new_with_options(
                "user-agent", "testbed-worker", "timeout", TIMEOUT_S,
                tb_address_is_loopback(g_uri_get_host(uri)) ? "proxy-resolver" : NULL, NULL, NULL);
        api->server = g_strdup(server);
        while (g_str_has_suffix(api->server, "/"))
                api->server[strlen(api->server) - 1] = '\0';
        api->token = g_strdup(token);
        api->name = g_strdup(name);
        return api;
}

void tb_worker_api_free(TbWorkerApi *api)
{
        if (!api)
                return;
        g_object_unref(api->session);
        g_free(api->server);
        g_free(api->token);
        g_free(api->name);
        g_free(api);
}

static const char *field(const json_t *job, const char *name)
{
        const char *text = json_string_value(json_object_get(job, name));
        if (!text)
                text = json_string_value(json_object_get(json_object_get(job, "payload"), name));
        return text ? text : "";
}

static SoupMessage *message_to(TbWorkerApi *api, const char *method, const char *path, GError **error)
{
        g_autofree char *url = g_strconcat(api->server, path, NULL);
        SoupMessage *message = soup_message_new(method, url);
        if (!message) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is no address", url);
                return NULL;
        }
        g_autofree char *bearer = api->token ? g_strconcat("Bearer ", api->token, NULL) : NULL;
        if (bearer)
                soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization",
                                             bearer);
        return message;
}

/* What an answer that is no success says. */
static void refused(SoupMessage *message, const char *path, GBytes *body, GError **error)
{
        gsize size = 0;
        const char *text = body ? g_bytes_get_data(body, &size) : NULL;
        json_auto_t *problem = size && size < ANSWER_BYTES ? tb_json_parse(text, size, NULL) : NULL;
        const char *detail = json_string_value(json_object_get(problem, "detail"));
        guint status = soup_message_get_status(message);
        tb_set_error(error,
                     status == 404                   ? TB_ERROR_NOT_FOUND
                     : status == 409                 ? TB_ERROR_BUSY
                     : status < 500 && status != 429 ? TB_ERROR_FORBIDDEN
                                                     : TB_ERROR_UNAVAILABLE,
                     "the server answered %s with %u: %s", path, status, detail ? detail : "");
}

/* NULL with the error; *ret_status 2xx otherwise. */
static json_t *post(TbWorkerApi *api, const char *path, const json_t *in, guint *ret_status, GError **error)
{
        gsize size;
        char *text = tb_json_text(in, &size);
        g_autoptr(SoupMessage) message = message_to(api, "POST", path, error);
        if (!message) {
                g_free(text);
                return NULL;
        }
        g_autoptr(GBytes) body = g_bytes_new_take(text, size);
        soup_message_set_request_body_from_bytes(message, "application/json", body);
        g_autoptr(GBytes) answer = soup_session_send_and_read(api->session, message, NULL, error);
        if (!answer)
                return NULL;
        *ret_status = soup_message_get_status(message);
        if (*ret_status < 200 || *ret_status > 299) {
                refused(message, path, answer, error);
                return NULL;
        }
        const char *said = g_bytes_get_data(answer, &size);
        json_t *out = size && size < ANSWER_BYTES ? tb_json_parse(said, size, NULL) : NULL;
        return out ? out : json_object();
}

json_t *tb_worker_claim(TbWorkerApi *api, guint wait_s, GError **error)
{
        json_auto_t *in = json_pack("{s:s, s:i}", "worker", api->name, "wait_s", (int)wait_s);
        guint status = 0;
        json_t *job = post(api, "/jobs/claim", in, &status, error);
        if (job && (status == 204 || !*field(job, "event_id"))) {
                json_decref(job);
                return NULL;
        }
        return job;
}

static json_t *progress(TbWorkerApi *api, const json_t *job, json_t *in_take, guint *ret_status,
                        GError **error)
{
        g_autofree char *id = g_uri_escape_string(field(job, "job_id"), NULL, false),
                        *path = g_strdup_printf("/jobs/%s/progress", id);
        json_auto_t *in = in_take;
        json_object_set_new(in, "lease", json_string(field(job, "lease")));
        return post(api, path, in, ret_status, error);
}

void tb_worker_later(TbWorkerApi *api, const json_t *job, guint seconds)
{
        guint status = 0;
        json_decref(progress(api, job, json_pack("{s:i}", "later_s", (int)seconds), &status, NULL));
}

bool tb_worker_renew(TbWorkerApi *api, const json_t *job, GError **error)
{
        guint status = 0;
        g_autoptr(GError) why = NULL;
        json_t *out = progress(api, job, json_object(), &status, &why);
        bool ok = out != NULL;
        json_decref(out);
        if (!ok && status != 409)
                g_propagate_error(error, g_steal_pointer(&why));
        return ok;
}

bool tb_worker_tell(TbWorkerApi *api, const json_t *job, const char *what, const json_t *body, GError **error)
{
        g_autofree char *id = g_uri_escape_string(field(job, "event_id"), NULL, false),
                        *path = g_strdup_printf("/events/%s/%s", id, what);
        guint status = 0;
        json_t *out = post(api, path, body, &status, error);
        json_decref(out);
        return out != NULL;
}

static bool copy(GInputStream *in, int fd, gint64 most, GError **error)
{
        g_autofree char *block = g_malloc(BLOCK);
        gint64 have = 0;
        gssize n;
        while ((n = g_input_stream_read(in, block, BLOCK, NULL, error)) > 0) {
                have += n;
                if (have > most || write(fd, block, (gsize)n) != n) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clip does not fit here");
                        return false;
                }
        }
        if (n == 0 && have < most)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clip came in part only");
        return n == 0 && have == most;
}

bool tb_worker_fetch(TbWorkerApi *api, const json_t *job, int fd, GError **error)
{
        g_autofree char *id = g_uri_escape_string(field(job, "event_id"), NULL, false),
                        *path = g_strdup_printf("/events/%s/upload", id);
        g_autoptr(SoupMessage) message = message_to(api, "GET", path, error);
        g_autoptr(GInputStream) in = message ? soup_session_send(api->session, message, NULL, error) : NULL;
        if (!in)
                return false;
        if (soup_message_get_status(message) != 200) {
                g_autoptr(GBytes) said = g_input_stream_read_bytes(in, BLOCK, NULL, NULL);
                refused(message, path, said, error);
                return false;
        }
        return copy(in, fd, json_integer_value(json_object_get(job, "clip_size_bytes")), error);
}
