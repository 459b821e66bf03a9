#include "server/outward/send.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

struct TbSend {
        TbRefCount ref;   /* of main, and of the thread */
        gint is_canceled; /* atomic */
        bool wanted;      /* main: somebody waits for it */
        TbSendDone done;
        gpointer data;
        /* what is asked, the thread's alone once it runs; owned */
        char *url, *ca, *body, *from, *to, *user, *password, *file_field, *file_name, *file_type;
        gsize size, sent; /* of the body */
        char **headers;
        GPtrArray *fields; /* char *, name and value in turns */
        TbPipe *file;      /* ref; NULL: none */
        gint64 file_size;
        bool plain, is_file_missing;
        guint timeout_s;
        /* what became of it */
        guint status, retry_after_s;
        GString *text;
        char *why; /* owned; NULL: it was answered */
};

void tb_send_init(void)
{
        static gsize once;
        if (g_once_init_enter(&once)) {
                curl_global_init(CURL_GLOBAL_DEFAULT);
                g_once_init_leave(&once, 1);
        }
}

static void send_unref(TbSend *s)
{
        if (!tb_ref_dec(&s->ref))
                return;
        g_free(s->url);
        g_free(s->ca);
        g_free(s->body);
        g_free(s->from);
        g_free(s->to);
        g_free(s->user);
        g_free(s->password);
        g_free(s->file_field);
        g_free(s->file_name);
        g_free(s->file_type);
        g_strfreev(s->headers);
        g_ptr_array_unref(s->fields);
        tb_pipe_unref(s->file);
        g_string_free(s->text, TRUE);
        g_free(s->why);
        g_free(s);
}

/* --- in its thread --- */
static size_t on_answer(char *bytes, size_t one, size_t n, void *data)
{
        TbSend *s = data;
        if (s->text->len + n * one > TB_LIMIT_NOTIFY_ANSWER)
                return 0; /* it is no answer that we asked for */
        g_string_append_len(s->text, bytes, (gssize)(n * one));
        return n * one;
}

static size_t on_mail(char *to, size_t one, size_t n, void *data)
{
        TbSend *s = data;
        gsize part = MIN(one * n, s->size - s->sent);
        memcpy(to, s->body + s->sent, part);
        s->sent += part;
        return part;
}

static size_t on_file(char *to, size_t one, size_t n, void *data)
{
        g_autoptr(GError) error = NULL;
        TbSend *s = data;
        gssize got = tb_pipe_read(s->file, to, one * n, &error);
        s->is_file_missing = got < 0;
        return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int on_progress(void *data, curl_off_t a G_GNUC_UNUSED, curl_off_t b G_GNUC_UNUSED,
                       curl_off_t c G_GNUC_UNUSED, curl_off_t d G_GNUC_UNUSED)
{
        return g_atomic_int_get(&((TbSend *)data)->is_canceled);
}

static void set_common(CURL *curl, TbSend *s)
{
        curl_easy_setopt(curl, CURLOPT_URL, s->url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, s->to ? "smtp,smtps" : "http,https");
        if (s->ca)
                curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)s->timeout_s);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "testbed-server");
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
}

static struct curl_slist *set_mail(CURL *curl, TbSend *s)
{
        struct curl_slist *to = curl_slist_append(NULL, s->to);
        curl_easy_setopt(curl, CURLOPT_MAIL_FROM, s->from);
        curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(s->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
        if (s->user) {
                curl_easy_setopt(curl, CURLOPT_USERNAME, s->user);
                curl_easy_setopt(curl, CURLOPT_PASSWORD, s->password ? s->password : "");
        }
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_mail);
        curl_easy_setopt(curl, CURLOPT_READDATA, s);
        return to;
}

static curl_mime *set_form(CURL *curl, TbSend *s)
{
        curl_mime *form = curl_mime_init(curl);
        for (guint i = 0; i + 1 < s->fields->len; i += 2) {
                curl_mimepart *part = curl_mime_addpart(form);
                curl_mime_name(part, g_ptr_array_index(s->fields, i));
                curl_mime_data(part, g_ptr_array_index(s->fields, i + 1), CURL_ZERO_TERMINATED);
        }
        if (s->file_field) {
                curl_mimepart *part = curl_mime_addpart(form);
                curl_mime_name(part, s->file_field);
                curl_mime_filename(part, s->file_name);
                curl_mime_type(part, s->file_type);
                curl_mime_data_cb(part, s->file_size, on_file, NULL, NULL, s);
        }
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, form);
        return form;
}

static void note_answer(CURL *curl, TbSend *s, CURLcode code, const char *words)
{
        long status = 0;
        curl_off_t after = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
        s->status = (guint)CLAMP(status, 0, 999);
        s->retry_after_s = (guint)CLAMP(after, 0, G_MAXINT);
        if (code == CURLE_OK)
                return;
        /* a refusal of SMTP is an error to libcurl, and has its code; a mail that was cut off has an earlier answer's */
        if (!s->to || s->status < 400)
                s->status = 0;
        s->why = g_strdup(code == CURLE_OPERATION_TIMEDOUT ? "there was no answer in time"
                          : *words                         ? words
                                                           : curl_easy_strerror(code));
}

static void on_end(gpointer data);

static void run(gpointer data)
{
        TbSend *s = data;
        char words[CURL_ERROR_SIZE] = "";
        struct curl_slist *headers = NULL, *to = NULL;
        curl_mime *form = NULL;
        CURL *curl = curl_easy_init();
        set_common(curl, s);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
        for (char **h = s->headers; h && *h; h++)
                headers = curl_slist_append(headers, *h);
        headers = curl_slist_append(headers, "Expect:"); /* nobody has to wait before he sends */
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        if (s->to)
                to = set_mail(curl, s);
        else if (s->body) {
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, s->body);
                curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->size);
        } else if (s->fields->len > 0 || s->file_field)
                form = set_form(curl, s);
        CURLcode code = curl_easy_perform(curl);
        note_answer(curl, s, code, words);
        curl_easy_cleanup(curl);
        curl_mime_free(form);
        curl_slist_free_all(headers);
        curl_slist_free_all(to);
        if (s->file) { /* who writes it need not go on */
                g_autoptr(GError) over = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "it was sent");
                tb_pipe_fail(s->file, over);
        }
        if (!tb_main_post(on_end, s))
                send_unref(s);
}

/* --- main --- */
static void on_end(gpointer data)
{
        TbSend *s = data;
        if (s->wanted) {
                s->wanted = false;
                s->done(&(TbSendAnswer){.status = s->status,
                                        .retry_after_s = s->retry_after_s,
                                        .text = s->text->str,
                                        .size = s->text->len,
                                        .why = s->why,
                                        .is_file_missing = s->is_file_missing},
                        s->data);
                send_unref(s);
        }
        send_unref(s);
}

TbSend *tb_send(const TbSendAsk *ask, TbSendDone done, gpointer data, GError **error)
{
        tb_assert_main();
        TbSend *s = g_new0(TbSend, 1);
        tb_ref_init(&s->ref);
        s->done = done;
        s->data = data;
        s->url = g_strdup(ask->url);
        s->ca = g_strdup(ask->ca);
        s->headers = g_strdupv((char **)ask->headers);
        s->body = ask->body ? g_memdup2(ask->body, MAX(ask->size, 1)) : NULL;
        s->size = ask->size;
        s->from = g_strdup(ask->from);
        s->to = g_strdup(ask->to);
        s->user = g_strdup(ask->user);
        s->password = g_strdup(ask->password);
        s->file_field = g_strdup(ask->file_field);
        s->file_name = g_strdup(ask->file_name);
        s->file_type = g_strdup(ask->file_type);
        s->file = ask->file ? tb_pipe_ref(ask->file) : NULL;
        s->file_size = ask->file_size;
        s->plain = ask->plain;
        s->timeout_s = ask->timeout_s;
        s->text = g_string_new(NULL);
        s->fields = g_ptr_array_new_with_free_func(g_free);
        for (const TbSendField *f = ask->fields; f && f->name; f++) {
                g_ptr_array_add(s->fields, g_strdup(f->name));
                g_ptr_array_add(s->fields, g_strdup(f->value));
        }
        tb_ref_inc(&s->ref);
        if (tb_thread_try_detach("send", run, s, error)) {
                s->wanted = true;
                return s;
        }
        tb_ref_dec(&s->ref);
        send_unref(s);
        return NULL;
}

void tb_send_cancel(TbSend *s)
{
        if (!s)
                return;
        s->wanted = false;
        g_atomic_int_set(&s->is_canceled, 1);
        if (s->file) {
                g_autoptr(GError) over =
                        g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the server is ending");
                tb_pipe_fail(s->file, over);
        }
        send_unref(s);
}
