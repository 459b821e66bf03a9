#include "drivers/transport/http_device.h"

#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/text.h"

#define PAUSE_MS 250   /* before the second attempt, twice as long before each further one */
#define BUSY_MOST 5    /* attempts with a device that says that it is busy, where a deadline bounds them */
#define PAUSE_MOST_S 5 /* of what a device wishes by Retry-After */
#define MODEL 40       /* characters of a model's name */
#define WORDS 160      /* bytes of a device's own words in a text */

bool tb_http_device_check(const TbUri *uri, json_t *params G_GNUC_UNUSED, GError **error)
{
        if (*uri->host && (!*uri->path || strcmp(uri->path, "/") == 0) && uri->port != 0)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "name the device's address and nothing behind it: %s://10.0.0.7", uri->scheme);
        return false;
}

static bool has_row(const TbParam *table, const char *name)
{
        for (; table && table->name; table++)
                if (strcmp(table->name, name) == 0)
                        return true;
        return false;
}

void tb_http_device_init(TbHttpDevice *d, const TbInstance *self, const char *what, const char *user,
                         int port)
{
        const TbUri *uri = self->uri;
        bool six = strchr(uri->host, ':') != NULL;
        const char *given = json_string_value(json_object_get(self->params, "user"));
        const char *password = json_string_value(json_object_get(self->params, "password")),
                   *token = json_string_value(json_object_get(self->params, "token"));

        tb_http_device_clear(d);
        d->kind = what;
        d->what = g_strdup(what);
        d->where = uri->port > 0 ? g_strdup_printf("%s%s%s:%d", six ? "[" : "", uri->host, six ? "]" : "",
                                                   uri->port)
                                 : g_strdup(uri->host);
        d->user = given ? given : uri->user ? uri->user : user;
        d->password = password ? password : uri->password;
        d->bearer = token ? g_strdup_printf("Bearer %s", token) : NULL;
        const char *tls = json_string_value(json_object_get(self->params, "tls"));
        bool secure = tls ? strcmp(tls, "off") != 0 : strcmp(uri->scheme, "https") == 0;
        d->unverified = tls && strcmp(tls, "unverified") == 0;
        d->origin = g_strdup_printf("http%s://%s%s%s:%d", secure ? "s" : "", six ? "[" : "", uri->host,
                                    six ? "]" : "",
                                    uri->port > 0 ? uri->port
                                    : port        ? port
                                    : secure      ? 443
                                                  : 80);
        d->by_token = has_row(self->driver->params, "token");
        d->timeout_ms = (int)json_integer_value(json_object_get(self->params, "timeout_ms"));
}

void tb_http_device_clear(TbHttpDevice *d)
{
        tb_http_auth_forget(&d->auth);
        g_free(d->bearer);
        g_free(d->origin);
        g_free(d->where);
        g_free(d->what);
        *d = (TbHttpDevice){0};
}

void tb_http_device_name(TbHttpDevice *d, const json_t *model)
{
        const char *text = json_string_value(model);
        if (!text || !*text)
                return;
        g_autofree char *cut = g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), MODEL));
        g_free(d->what);
        d->what = g_strdup_printf("%s %s", d->kind, cut);
}

/* --- one exchange --- */
static bool is_busy(const TbHttpAnswer *answer)
{
        return answer->status == 429 || answer->status == 503;
}

static int pause_of(const TbHttpAnswer *answer, int attempt)
{
        const char *wish = answer->headers ? g_hash_table_lookup(answer->headers, "retry-after") : NULL;
        guint64 s = 0;
        return wish && g_ascii_string_to_unsigned(wish, 10, 0, G_MAXINT32, &s, NULL) && s > 0
                       ? (int)MIN(s, PAUSE_MOST_S) * 1000
                       : PAUSE_MS << attempt;
}

/* Time for a pause and an answer is left: a second attempt that cannot end well only costs the first's words. */
static bool time_left(const TbIo *io, int pause_ms)
{
        return io->deadline_us == G_MAXINT64 ||
               io->deadline_us - g_get_monotonic_time() > (gint64)(pause_ms + PAUSE_MS) * 1000;
}

/* A poll looks again by itself, later; what somebody asked for is worth some patience. */
static bool again(const TbIo *io, bool busy, int attempt, int pause_ms)
{
        int most = busy && io->deadline_us != G_MAXINT64 ? BUSY_MOST : 2;
        return attempt + 1 < most && time_left(io, pause_ms);
}

static bool lost(const GError *error)
{
        return g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT) ||
               g_error_matches(error, TB_ERROR, TB_ERROR_GONE);
}

bool tb_http_device_again(TbIo *io, const GError *why, int attempt)
{
        int pause = PAUSE_MS << attempt;
        return lost(why) && again(io, false, attempt, pause) && tb_io_sleep(io, pause, NULL);
}

bool tb_http_device_call(TbHttpDevice *d, TbIo *io, const char *method, const char *target,
                         const char *content_type, const char *body, TbHttpAnswer *ret, GError **error)
{
        return tb_http_device_send(d, io, method, target, content_type, body, body ? strlen(body) : 0, ret,
                                   error);
}

bool tb_http_device_send(TbHttpDevice *d, TbIo *io, const char *method, const char *target,
                         const char *content_type, const void *body, gsize size, TbHttpAnswer *ret,
                         GError **error)
{
        g_autofree char *url = g_strconcat(d->origin, target, NULL);
        g_autofree char *who = g_strdup_printf("the %s at %s", d->what, d->where);
        const char *const headers[] = {d->bearer ? "Authorization" : NULL, d->bearer, NULL};
        const TbHttpCall call = {.method = method,
                                 .url = url,
                                 .content_type = content_type,
                                 .body = body,
                                 .body_size = size,
                                 .user = d->user,
                                 .password = d->password,
                                 .auth = &d->auth,
                                 .who = who,
                                 .timeout_ms = d->timeout_ms,
                                 .headers = d->bearer ? headers : d->headers,
                                 .unverified = d->unverified,
                                 .limit = TB_LIMIT_DEVICE_ANSWER};
        for (int attempt = 0;; attempt++) {
                g_autoptr(GError) why = NULL;
                TbHttpAnswer answer = {0};
                bool ok = tb_http_call(io, &call, &answer, &why);
                int pause = pause_of(&answer, attempt);
                if ((ok ? is_busy(&answer) : lost(why)) && again(io, ok, attempt, pause)) {
                        tb_http_answer_clear(&answer);
                        if (!tb_io_sleep(io, pause, error))
                                return false;
                        continue;
                }
                if (ok)
                        *ret = answer;
                else
                        g_propagate_error(error, g_steal_pointer(&why));
                return ok;
        }
}

/* --- what an answer must be --- */
bool tb_http_device_foreign(const TbHttpDevice *d, const char *why, GError **error)
{
        tb_set_error(error, TB_ERROR_DEVICE, "what answers at %s is no %s: %s", d->where, d->what, why);
        return false;
}

bool tb_http_device_absent(const TbHttpDevice *d, GError *why_take, GError **error)
{
        if (!lost(why_take)) {
                g_propagate_error(error, why_take);
                return false;
        }
        tb_set_error(error, TB_ERROR_GONE,
                     "no %s answers at %s (%s): has it power and network, is the address right?", d->what,
                     d->where, tb_error_detail(why_take));
        g_error_free(why_take);
        return false;
}

/* {"message":…}, or Redfish's {"error":{"message":…}} */
static const char *message_of(const json_t *json)
{
        const char *message = json_string_value(json_object_get(json, "message"));
        return message ? message
                       : json_string_value(json_object_get(json_object_get(json, "error"), "message"));
}

/* What it says, as one line for people: "" where that is a page or no text. */
static char *words_of(const TbHttpAnswer *answer)
{
        gsize size;
        const char *body = g_bytes_get_data(answer->body, &size);
        json_auto_t *json = tb_json_parse(body, size, NULL);
        const char *message = message_of(json);
        if (message)
                return tb_text_line(message, WORDS);
        if (!body || memchr(body, '\0', size) || !g_utf8_validate(body, (gssize)size, NULL))
                return g_strdup("");
        g_autofree char *text = g_strndup(body, size), *line = tb_text_line(text, WORDS);
        return g_strdup(*line == '<' ? "" : line);
}

/* A status that is not 200, in words. `target` without its query: there may be a secret in it. */
static bool bad_status(const TbHttpDevice *d, const char *target, const TbHttpAnswer *answer, GError **error)
{
        g_autofree char *words = words_of(answer), *path = g_strndup(target, strcspn(target, "?"));
        gsize size;
        const char *body = g_bytes_get_data(answer->body, &size);
        json_auto_t *json = tb_json_parse(body, size, NULL);
        bool given = d->bearer || d->password;
        const char *secret = d->by_token ? "token" : "password";

        if (answer->status == 401 || answer->status == 403)
                tb_set_error(error, TB_ERROR_DEVICE, "the %s at %s %s the %s: %s \"%s\" of this attachment",
                             d->what, d->where, given ? "refuses" : "wants", secret,
                             given ? "correct" : "set", secret);
        else if (is_busy(answer))
                tb_set_error(error, TB_ERROR_BUSY, "the %s at %s is busy (status %d): try again in a moment",
                             d->what, d->where, answer->status);
        else if (answer->status >= 300 && answer->status < 400)
                tb_set_error(
                        error, TB_ERROR_DEVICE,
                        "the %s at %s sends us elsewhere (status %d for %s), which is not followed: is the "
                        "address right?",
                        d->what, d->where, answer->status, path);
        else if (message_of(json))
                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the %s at %s refuses: %s", d->what, d->where,
                             words);
        else
                tb_set_error(error, TB_ERROR_DEVICE, "the %s at %s answers %s with status %d%s%s", d->what,
                             d->where, path, answer->status, *words ? ": " : "", words);
        return false;
}

bool tb_http_device_ask(TbHttpDevice *d, TbIo *io, const char *method, const char *target,
                        const char *content_type, const char *body, TbHttpAnswer *ret, GError **error)
{
        TbHttpAnswer answer = {0};
        if (!tb_http_device_call(d, io, method, target, content_type, body, &answer, error))
                return false;
        if (answer.status < 200 || answer.status > 299) {
                bad_status(d, target, &answer, error);
                tb_http_answer_clear(&answer);
                return false;
        }
        *ret = answer;
        return true;
}

static json_t *ask_json(TbHttpDevice *d, TbIo *io, const char *target, const char *body, GError **error)
{
        TbHttpAnswer answer;
        if (!tb_http_device_ask(d, io, body ? "POST" : "GET", target, body ? "application/json" : NULL, body,
                                &answer, error))
                return NULL;
        g_autoptr(GError) why = NULL;
        gsize size;
        const char *text = g_bytes_get_data(answer.body, &size);
        json_t *json = tb_json_parse(text, size, &why);
        tb_http_answer_clear(&answer);
        if (json_is_object(json) || json_is_array(json))
                return json;
        json_decref(json);
        tb_http_device_foreign(d, why ? why->message : "its answer is no JSON object", error);
        return NULL;
}

json_t *tb_http_device_get(TbHttpDevice *d, TbIo *io, GError **error, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *target = g_strdup_vprintf(format, args);
        va_end(args);
        return ask_json(d, io, target, NULL, error);
}

json_t *tb_http_device_post(TbHttpDevice *d, TbIo *io, const json_t *body, GError **error, const char *format,
                            ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *target = g_strdup_vprintf(format, args);
        va_end(args);
        g_autofree char *text = tb_json_text(body, NULL);
        return ask_json(d, io, target, text, error);
}
