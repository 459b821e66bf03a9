#include "server/blob/wire.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

#define CONNECT_MS 5000L
#define SILENT_S 60L /* without a byte in either direction */
#define WHOLE_S 30L  /* of a request without a body of any size */
#define IDLE 8       /* connections that are kept */

struct TbBlobWire {
        char *what;        /* owned */
        GAsyncQueue *idle; /* CURL * */
};

/* One request under way. */
typedef struct Turn {
        const TbBlobAsk *ask;
        TbBlobAnswer *answer;
        CURL *curl;
        gint64 sent, got;
        GError *error; /* owned; why it was given up */
} Turn;

TbBlobWire *tb_blob_wire_new(const char *what)
{
        static gsize once;
        if (g_once_init_enter(&once)) {
                curl_global_init(CURL_GLOBAL_DEFAULT);
                g_once_init_leave(&once, 1);
        }
        TbBlobWire *wire = g_new0(TbBlobWire, 1);
        wire->what = g_strdup(what);
        wire->idle = g_async_queue_new();
        return wire;
}

void tb_blob_wire_free(TbBlobWire *wire)
{
        CURL *curl;
        while ((curl = g_async_queue_try_pop(wire->idle)))
                curl_easy_cleanup(curl);
        g_async_queue_unref(wire->idle);
        g_free(wire->what);
        g_free(wire);
}

void tb_blob_answer_clear(TbBlobAnswer *answer)
{
        if (answer->text)
                g_string_free(answer->text, TRUE);
        answer->text = NULL;
}

static size_t from_pipe(Turn *t, char *to, gsize most)
{
        char more;
        gssize n =
                tb_pipe_read(t->ask->body, to, (gsize)MIN((gint64)most, t->ask->size - t->sent), &t->error);
        if (n < 0)
                return CURL_READFUNC_ABORT;
        t->sent += n;
        if (n == 0)
                tb_set_error(&t->error, TB_ERROR_INVALID,
                             "the clip has %" G_GINT64_FORMAT " bytes, and %" G_GINT64_FORMAT
                             " were promised: send all of it again",
                             t->sent, t->ask->size);
        else if (t->sent == t->ask->size && tb_pipe_read(t->ask->body, &more, 1, &t->error) > 0)
                tb_set_error(&t->error, TB_ERROR_TOO_LARGE,
                             "the clip has more than the %" G_GINT64_FORMAT " bytes that were promised",
                             t->ask->size);
        return t->error ? CURL_READFUNC_ABORT : (size_t)n;
}

static size_t on_body(char *to, size_t one, size_t n, void *data)
{
        Turn *t = data;
        if (t->sent == t->ask->size)
                return 0;
        if (t->ask->body)
                return from_pipe(t, to, one * n);
        gsize part = (gsize)MIN((gint64)(one * n), t->ask->size - t->sent);
        memcpy(to, (const char *)t->ask->bytes + t->sent, part);
        t->sent += (gint64)part;
        return part;
}

static bool is_fine(Turn *t)
{
        long status = 0;
        curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
        return status >= 200 && status < 300;
}

static size_t on_answer(char *bytes, size_t one, size_t n, void *data)
{
        Turn *t = data;
        gsize size = one * n;
        if (t->ask->to && is_fine(t)) {
                t->got += (gint64)size;
                if (t->got > t->ask->to_size)
                        tb_set_error(&t->error, TB_ERROR_UNAVAILABLE, "the clip is longer than it was");
                return !t->error && tb_pipe_write(t->ask->to, bytes, size, &t->error) ? size : 0;
        }
        if (t->answer->text->len + size > TB_LIMIT_BUCKET_ANSWER) {
                tb_set_error(&t->error, TB_ERROR_UNAVAILABLE, "its answer has more than %d bytes",
                             TB_LIMIT_BUCKET_ANSWER);
                return 0;
        }
        g_string_append_len(t->answer->text, bytes, (gssize)size);
        return size;
}

static size_t on_header(char *line, size_t one, size_t n, void *data)
{
        static const char name[] = "etag:";
        Turn *t = data;
        if (n > strlen(name) && g_ascii_strncasecmp(line, name, strlen(name)) == 0) {
                g_autofree char *value = g_strstrip(g_strndup(line + strlen(name), n - strlen(name)));
                bool quoted = *value == '"';
                g_snprintf(t->answer->etag, sizeof t->answer->etag, quoted ? "%s" : "\"%s\"", value);
        }
        return one * n;
}

/* Whatever the last request of this connection was about is forgotten; the connection is not. */
static void prepare(Turn *t, struct curl_slist *headers, char *words)
{
        CURL *curl = t->curl;
        const TbBlobAsk *ask = t->ask;
        bool sends = strcmp(ask->method, "PUT") == 0 || strcmp(ask->method, "POST") == 0;
        curl_easy_reset(curl);
        curl_easy_setopt(curl, CURLOPT_URL, ask->url);
        curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "testbed-server");
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENT_S);
        if (!ask->body && !ask->to)
                curl_easy_setopt(curl, CURLOPT_TIMEOUT, ask->size > TB_LIMIT_BUCKET_ANSWER ? 0L : WHOLE_S);
        if (sends) {
                curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
                curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)ask->size);
                curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_body);
                curl_easy_setopt(curl, CURLOPT_READDATA, t);
        }
        if (strcmp(ask->method, "HEAD") == 0)
                curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else
                curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
}

/* "<Code>NoSuchKey</Code>" -> "NoSuchKey" */
static char *code_of(const char *text)
{
        const char *from = strstr(text, "<Code>"), *end = from ? strstr(from, "</Code>") : NULL;
        return end && end - from < 100 ? g_strndup(from + 6, (gsize)(end - from - 6)) : g_strdup("");
}

static bool judge(const TbBlobWire *wire, Turn *t, CURLcode code, const char *words, GError **error)
{
        const TbBlobAnswer *a = t->answer;
        if (t->error) {
                g_propagate_error(error, g_steal_pointer(&t->error));
                return false;
        }
        if (code != CURLE_OK) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s cannot be reached: %s", wire->what,
                             *words ? words : curl_easy_strerror(code));
                return false;
        }
        if (t->ask->to && is_fine(t) && t->got < t->ask->to_size) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clip is shorter than it was");
                return false;
        }
        if (is_fine(t))
                return true;
        g_autofree char *why = code_of(a->text->str);
        if (a->status == 404 && strcmp(why, "NoSuchBucket") != 0 && strcmp(why, "ContainerNotFound") != 0)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the clip is not in %s", wire->what);
        else if (a->status == 409 || a->status == 412)
                tb_set_error(error, TB_ERROR_BUSY, "%s answered %u %s", wire->what, a->status, why);
        else
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s answered %u %s%s", wire->what, a->status, why,
                             a->status == 401 || a->status == 403
                                     ? ": look at its name, its keys and what they may do"
                                     : "");
        return false;
}

bool tb_blob_ask(TbBlobWire *wire, const TbBlobAsk *ask, TbBlobAnswer *ret, GError **error)
{
        char words[CURL_ERROR_SIZE] = "";
        long status = 0;
        curl_off_t size = -1;
        struct curl_slist *headers =
                curl_slist_append(NULL, "Expect:"); /* nobody has to wait before he sends */
        Turn t = {.ask = ask, .answer = ret};
        tb_blob_answer_clear(ret);
        *ret = (TbBlobAnswer){.size = -1, .text = g_string_new(NULL)};
        t.curl = g_async_queue_try_pop(wire->idle);
        if (!t.curl)
                t.curl = curl_easy_init();
        for (char **h = ask->headers; h && *h; h++)
                headers = curl_slist_append(headers, *h);
        prepare(&t, headers, words);
        CURLcode code = curl_easy_perform(t.curl);
        curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(t.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
        ret->status = (guint)status;
        ret->size = size;
        bool ok = judge(wire, &t, code, words, error);
        g_clear_error(&t.error);
        curl_slist_free_all(headers);
        curl_easy_reset(t.curl);
        if (code == CURLE_OK && g_async_queue_length(wire->idle) < IDLE)
                g_async_queue_push(wire->idle, t.curl);
        else
                curl_easy_cleanup(t.curl);
        return ok;
}

void tb_blob_answer_info(const TbBlobAnswer *answer, TbBlobInfo *ret)
{
        ret->size = answer->size;
        g_strlcpy(ret->etag, answer->etag, sizeof ret->etag);
}

bool tb_blob_size_of(bool (*stat)(gpointer store, const char *name, TbBlobInfo *ret, GError **error),
                     gpointer store, const char *name, gint64 *ret, GError **error)
{
        TbBlobInfo info = {0};
        g_autoptr(GError) why = NULL;
        if (!stat(store, name, &info, &why) && !g_error_matches(why, TB_ERROR, TB_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        *ret = MAX(info.size, 0);
        return true;
}
