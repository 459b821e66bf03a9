/* One request to where clips are kept: straight there (no proxy, no redirect), its body from a paced file. */
#include <string.h>

#include "host/uplink/target_private.h"
#include "lib/error.h"

#define SILENT_S 60 /* nothing came or went for so long: it is dead */
#define ANSWER (64 * 1024)

static SoupSession *session_of(TbUplinkTarget *t)
{
        const char *ca = json_string_value(json_object_get(t->said, "ca"));
        g_autoptr(GTlsDatabase) trusted = !t->session && ca ? g_tls_file_database_new(ca, NULL) : NULL;
        if (!t->session)
                t->session = soup_session_new_with_options(
                        "proxy-resolver", NULL, "user-agent", "testbed-host", "timeout", SILENT_S,
                        "idle-timeout", 20, trusted ? "tls-database" : NULL, trusted, NULL);
        return t->session;
}

static char *text_of_answer(GInputStream *in, GCancellable *cancel, gsize *ret_size)
{
        char *text = g_malloc(ANSWER + 1);
        gsize n = 0;
        if (!g_input_stream_read_all(in, text, ANSWER, &n, cancel, NULL))
                n = 0;
        text[n] = '\0';
        *ret_size = n;
        return text;
}

/* "<Code>NoSuchBucket</Code>", or the detail of a problem (RFC 9457): what a person can do something about. */
static char *reason_of(const char *text, gsize size)
{
        const char *from = strstr(text, "<Code>"), *end = from ? strstr(from, "</Code>") : NULL;
        if (end && end - from < 100)
                return g_strndup(from + 6, (gsize)(end - from - 6));
        json_auto_t *problem = json_loadb(text, size, 0, NULL);
        const char *detail = json_string_value(json_object_get(problem, "detail"));
        return g_strdup_printf("%.200s", detail ? detail : "");
}

static bool judge(const TbUplinkTarget *t, guint status, const char *text, gsize size, GError **error)
{
        if (status >= 200 && status < 300)
                return true;
        g_autofree char *why = reason_of(text, size), *clean = g_utf8_make_valid(why, -1);
        bool keys = status == 401 || status == 403, later = keys || status >= 500 || status < 400 ||
                                                            status == 404 || status == 408 || status == 409 ||
                                                            status == 429;
        tb_set_error(error, later ? TB_ERROR_UNAVAILABLE : TB_ERROR_UNPROCESSABLE, "%s answered %u%s%s%s",
                     t->words, status, *clean ? " " : "", clean,
                     keys ? ": look at its key, and at what that may do" : "");
        return false;
}

bool tb_uplink_ask(TbUplinkTarget *t, const TbUplinkClip *clip, const char *method, const char *url,
                   const char *const *headers, GInputStream *body, gint64 size, guint *ret_status,
                   char **ret_text, char **ret_etag, GError **error)
{
        guint status = 0;
        g_autoptr(SoupMessage) m = soup_message_new(method, url);
        if (!m) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s has no address that can be used", t->words);
                return false;
        }
        soup_message_add_flags(m, SOUP_MESSAGE_NO_REDIRECT);
        SoupMessageHeaders *to = soup_message_get_request_headers(m);
        g_autofree char *type = NULL;
        for (const char *const *h = headers; h && *h; h++) {
                const char *colon = strchr(*h, ':');
                g_autofree char *name = g_strndup(*h, (gsize)(colon - *h));
                if (g_ascii_strcasecmp(name, "content-type") == 0) {
                        g_free(type);
                        type = g_strdup(colon + 1 + strspn(colon + 1, " "));
                } else if (g_ascii_strcasecmp(name, "host") != 0 &&
                           g_ascii_strcasecmp(name, "content-length") != 0)
                        soup_message_headers_replace(to, name, colon + 1 + strspn(colon + 1, " "));
        }
        if (body || size == 0) {
                g_autoptr(GInputStream) empty = body ? NULL : g_memory_input_stream_new();
                soup_message_set_request_body(m, type, body ? body : empty, size);
        }
        g_autoptr(GError) failed = NULL;
        g_autoptr(GInputStream) in = soup_session_send(session_of(t), m, clip->cancel, &failed);
        gsize n = 0;
        g_autofree char *text = in ? text_of_answer(in, clip->cancel, &n) : NULL;
        if (in)
                status = soup_message_get_status(m);
        if (ret_status)
                *ret_status = status;
        if (!in) {
                if (g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                        g_propagate_error(error, g_steal_pointer(&failed));
                else
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s cannot be reached: %s", t->words,
                                     failed->message);
                return false;
        }
        if (ret_etag)
                *ret_etag =
                        g_strdup(soup_message_headers_get_one(soup_message_get_response_headers(m), "ETag"));
        bool ok = judge(t, status, text, n, error);
        if (ret_text)
                *ret_text = g_steal_pointer(&text);
        return ok;
}

const char *tb_uplink_type_of(const char *file)
{
        static const struct {
                const char *end, *type;
        } types[] = {{".mp4", "video/mp4"},  {".cast", "application/x-asciicast"}, {".txt", "text/plain"},
                     {".csv", "text/csv"},   {".jsonl", "application/x-ndjson"},   {".vtt", "text/vtt"},
                     {".jpg", "image/jpeg"}, {".json", "application/json"}};
        for (guint i = 0; i < G_N_ELEMENTS(types); i++)
                if (g_str_has_suffix(file, types[i].end))
                        return types[i].type;
        return "application/octet-stream";
}
