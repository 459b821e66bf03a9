#include "server/worker/vision.h"

#include <libsoup/soup.h>
#include <string.h>

#include "lib/config.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/net.h"

#define ANSWER_BYTES (1 << 20)
#define RENEW_S (TB_LIMIT_JOB_LEASE_S / 4)
#define TIMEOUT_S 60
#define TIMEOUT_MOST_S 600

/* One question under way. */
typedef struct Turn {
        GMainLoop *loop;
        GCancellable *stop;
        bool (*renew)(gpointer data);
        gpointer data;
        guint timeout_s;
        GBytes *answer; /* owned */
        GError *error;  /* owned */
} Turn;

bool tb_vision_of_environment(const char *prefix, TbVision *ret, GError **error)
{
        g_autofree char *url = g_strconcat(prefix, "_URL", NULL),
                        *model = g_strconcat(prefix, "_MODEL", NULL),
                        *key = g_strconcat(prefix, "_API_KEY", NULL);
        const char *seconds = tb_config_env("VISION_TIMEOUT_S"), *retries = tb_config_env("VISION_RETRIES");
        *ret = (TbVision){
                .url = tb_config_env(url), .model = tb_config_env(model), .key = tb_config_env(key)};
        if (!ret->url)
                return false;
        gint64 s = seconds ? g_ascii_strtoll(seconds, NULL, 10) : TIMEOUT_S;
        ret->timeout_s = (guint)CLAMP(s, 1, TIMEOUT_MOST_S);
        ret->retries = retries ? (guint)CLAMP(g_ascii_strtoll(retries, NULL, 10), 0, 10) : 1;
        g_autoptr(GUri) uri = g_uri_parse(ret->url, G_URI_FLAGS_NONE, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL;
        if (!host || !*host || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: an address like http://host:8000/v1 is expected",
                             url);
                return false;
        }
        if (!ret->model) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: the model is not named", model);
                return false;
        }
        return true;
}

/* --- one request --- */
static void on_answer(GObject *session, GAsyncResult *result, gpointer data)
{
        Turn *t = data;
        g_autoptr(GError) error = NULL;
        t->answer = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &error);
        if (!t->answer && !t->error)
                t->error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE, "the model cannot be reached: %s",
                                       error->message);
        g_main_loop_quit(t->loop);
}

static gboolean on_timeout(gpointer data)
{
        Turn *t = data;
        if (!t->error)
                t->error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE, "the model did not answer in %u s",
                                       t->timeout_s);
        g_cancellable_cancel(t->stop);
        return G_SOURCE_CONTINUE;
}

static gboolean on_renew(gpointer data)
{
        Turn *t = data;
        if (!t->renew(t->data)) {
                if (!t->error)
                        t->error = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED,
                                                       "the job is not ours any more");
                g_cancellable_cancel(t->stop);
        }
        return G_SOURCE_CONTINUE;
}

static void send_and_wait(Turn *t, SoupSession *session, SoupMessage *message)
{
        guint timer = g_timeout_add_seconds(t->timeout_s, on_timeout, t),
              each = g_timeout_add_seconds(RENEW_S, on_renew, t);
        t->loop = g_main_loop_new(NULL, FALSE);
        t->stop = g_cancellable_new();
        soup_session_send_and_read_async(session, message, G_PRIORITY_DEFAULT, t->stop, on_answer, t);
        g_main_loop_run(t->loop);
        g_source_remove(timer);
        g_source_remove(each);
        g_main_loop_unref(t->loop);
        g_object_unref(t->stop);
}

/* What came back; *ret_status 0: nothing did. */
static json_t *ask(const TbVision *v, SoupSession *session, json_t *body_take, Turn *t, guint *ret_status,
                   GError **error)
{
        gsize size;
        char *text = tb_json_text(body_take, &size);
        g_autofree char *base = g_strdup(v->url),
                        *bearer = v->key ? g_strconcat("Bearer ", v->key, NULL) : NULL;
        json_decref(body_take);
        while (g_str_has_suffix(base, "/"))
                base[strlen(base) - 1] = '\0';
        g_autofree char *url = g_strconcat(base, "/chat/completions", NULL);
        g_autoptr(SoupMessage) message = soup_message_new("POST", url);
        g_autoptr(GBytes) bytes = g_bytes_new_take(text, size);
        *ret_status = 0;
        soup_message_set_request_body_from_bytes(message, "application/json", bytes);
        soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
        if (bearer)
                soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization",
                                             bearer);
        send_and_wait(t, session, message);
        g_autoptr(GBytes) answer = g_steal_pointer(&t->answer);
        if (t->error) {
                g_propagate_error(error, g_steal_pointer(&t->error));
                return NULL;
        }
        const char *said = g_bytes_get_data(answer, &size);
        *ret_status = soup_message_get_status(message);
        if (*ret_status != 200) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the model's server answered %u", *ret_status);
                return NULL;
        }
        json_t *out = size && size <= ANSWER_BYTES ? tb_json_parse(said, size, NULL) : NULL;
        if (!out)
                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the model's answer is no JSON, or too long");
        return out;
}

json_t *tb_vision_look(const TbVision *v, const char *prompt, const GPtrArray *pictures,
                       bool (*renew)(gpointer data), gpointer data, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(v->url, G_URI_FLAGS_NONE, NULL);
        g_autoptr(SoupSession) session = soup_session_new_with_options(
                "user-agent", "testbed-worker",
                tb_address_is_loopback(g_uri_get_host(uri)) ? "proxy-resolver" : NULL, NULL, NULL);
        bool strict = true;
        for (guint i = 0;; i++) {
                Turn t = {.renew = renew, .data = data, .timeout_s = v->timeout_s};
                g_autoptr(GError) why = NULL;
                guint status;
                json_auto_t *answer = ask(v, session, tb_vision_request(v->model, prompt, pictures, strict),
                                          &t, &status, &why);
                json_t *out = answer ? tb_vision_verdict(answer, &why) : NULL;
                if (out) {
                        json_object_set_new(out, "inference_provider", json_string(g_uri_get_host(uri)));
                        json_object_set_new(out, "inference_model", json_string(v->model));
                        return out;
                }
                if (strict && (status == 400 || status == 422)) { /* it may not know of schemas */
                        strict = false;
                        i--;
                        continue;
                }
                bool again = status == 0 || status == 200 || status == 429 || status >= 500;
                if (i >= v->retries || !again || g_error_matches(why, TB_ERROR, TB_ERROR_INTERRUPTED)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return NULL;
                }
        }
}
