#include "drivers/transport/http.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <libsoup/soup.h>
#include <poll.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/uri.h"

/* One exchange while it runs: everything in it happens in `context`, which only this worker iterates. */
typedef struct Exchange {
        const TbHttpCall *call; /* borrowed */
        const char *who;        /* borrowed; for texts: nothing in it is secret */
        TbHttpAuth *auth;       /* borrowed */
        GMainContext *context;  /* ref */
        SoupSession *session;   /* ref */
        SoupMessage *message;   /* ref; of the attempt that runs */
        GCancellable *cancel;   /* ref */
        GInputStream *stream;   /* ref; the answer's body */
        GByteArray *body;       /* owned */
        gsize limit;
        GError *error; /* owned; why it failed */
        bool done, stopped, late;
        guint8 chunk[16384]; /* what is read now; nothing returns while a read runs */
        struct Watch *watch; /* borrowed */
        TbThread *watcher;   /* owned; NULL: it has ended */
} Exchange;

static void read_more(Exchange *x);

static void finish(Exchange *x, GError *error_take)
{
        if (error_take && !x->error)
                x->error = error_take;
        else
                g_clear_error(&error_take);
        x->done = true;
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
        Exchange *x = data;
        GError *error = NULL;
        gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);
        if (n <= 0) {
                finish(x, error);
                return;
        }
        if (x->body->len + (gsize)n > x->limit) {
                tb_set_error(&error, TB_ERROR_DEVICE,
                             "%s: the answer is longer than %" G_GSIZE_FORMAT " bytes", x->who, x->limit);
                finish(x, error);
                return;
        }
        g_byte_array_append(x->body, x->chunk, (guint)n);
        read_more(x);
}

static void read_more(Exchange *x)
{
        g_input_stream_read_async(x->stream, x->chunk, sizeof x->chunk, G_PRIORITY_DEFAULT, x->cancel,
                                  on_read, x);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer data)
{
        Exchange *x = data;
        GError *error = NULL;
        x->stream = soup_session_send_finish(SOUP_SESSION(source), result, &error);
        if (!x->stream) {
                finish(x, error);
                return;
        }
        read_more(x);
}

static gboolean on_stop(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        Exchange *x = data;
        x->stopped = true;
        g_cancellable_cancel(x->cancel);
        return G_SOURCE_REMOVE;
}

static gboolean on_late(gpointer data)
{
        Exchange *x = data;
        x->late = true;
        g_cancellable_cancel(x->cancel);
        return G_SOURCE_REMOVE;
}

/*
 * libsoup reads on within one turn of its loop for as long as bytes come: a peer that never ends its headers,
 * or sends "100 Continue" without end, keeps the sources above from being seen. Then this thread cancels
 * (GCancellable may be cancelled by any thread). It gives the loop a moment to do it itself.
 */
#define GRACE_MS 50
typedef struct Watch {
        TbInterruptor *done;  /* owned */
        GCancellable *cancel; /* borrowed */
        int stop_fd, wake_fd; /* borrowed; wake_fd -1: none */
        int timeout_ms;       /* -1: none */
        TbWait why;           /* READY: nothing had to be done */
} Watch;

static void watch_run(gpointer data)
{
        Watch *w = data;
        struct pollfd fds[] = {{.fd = tb_interruptor_fd(w->done), .events = POLLIN},
                               {.fd = w->stop_fd, .events = POLLIN},
                               {.fd = w->wake_fd, .events = POLLIN}};
        int n;
        while ((n = poll(fds, G_N_ELEMENTS(fds), w->timeout_ms)) < 0 && errno == EINTR) {
        }
        if (fds[0].revents)
                return;
        struct pollfd done = fds[0];
        while (poll(&done, 1, GRACE_MS) < 0 && errno == EINTR) {
        }
        if (done.revents)
                return;
        w->why = n == 0 ? TB_WAIT_TIMEOUT : TB_WAIT_STOP;
        g_cancellable_cancel(w->cancel);
}

static gboolean on_certificate(SoupMessage *message G_GNUC_UNUSED, GTlsCertificate *shown G_GNUC_UNUSED,
                               GTlsCertificateFlags errors G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        return TRUE;
}

static bool make_message(Exchange *x, const char *authorization, GError **error)
{
        const TbHttpCall *call = x->call;
        g_clear_object(&x->message);
        g_autoptr(GUri) uri = g_uri_parse(call->url, SOUP_HTTP_URI_FLAGS, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : ""; /* lower case */
        if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || !g_uri_get_host(uri) ||
            !*g_uri_get_host(uri)) {
                tb_set_error(error, TB_ERROR_INVALID, "not an HTTP address: %s", x->who);
                return false;
        }
        x->message = soup_message_new_from_uri(call->method, uri);
        soup_message_add_flags(x->message,
                               SOUP_MESSAGE_NO_REDIRECT); /* credentials go where they were meant to go */
        if (call->unverified)
                g_signal_connect(x->message, "accept-certificate", G_CALLBACK(on_certificate), NULL);
        SoupMessageHeaders *headers = soup_message_get_request_headers(x->message);
        for (const char *const *h = call->headers; h && h[0]; h += 2)
                soup_message_headers_replace(headers, h[0], h[1]);
        if (authorization)
                soup_message_headers_replace(headers, "Authorization", authorization);
        if (call->body) {
                g_autoptr(GBytes) body = g_bytes_new(call->body, call->body_size);
                soup_message_set_request_body_from_bytes(x->message, call->content_type, body);
        }
        return true;
}

static void end_watch(Exchange *x)
{
        if (!x->watcher)
                return;
        tb_interruptor_raise(x->watch->done);
        tb_thread_join(g_steal_pointer(&x->watcher));
        x->stopped = x->stopped || x->watch->why == TB_WAIT_STOP;
        x->late = x->late || x->watch->why == TB_WAIT_TIMEOUT;
}

static bool failed(Exchange *x, GError **error)
{
        end_watch(x); /* it may know why */
        if (x->stopped || x->late)
                return tb_io_fail(x->stopped ? TB_WAIT_STOP : TB_WAIT_TIMEOUT, x->who, error);
        if (x->error->domain == TB_ERROR) {
                g_propagate_error(error, g_steal_pointer(&x->error));
                return false;
        }
        static const int gone[] = {
                G_IO_ERROR_CONNECTION_REFUSED,  G_IO_ERROR_HOST_UNREACHABLE,
                G_IO_ERROR_NETWORK_UNREACHABLE, G_IO_ERROR_HOST_NOT_FOUND,
                G_IO_ERROR_CONNECTION_CLOSED,   G_IO_ERROR_PARTIAL_INPUT /* it hung up half-way */};
        TbErrorCode code = x->error->domain == G_RESOLVER_ERROR ? TB_ERROR_GONE : TB_ERROR_DEVICE;
        for (guint i = 0; i < G_N_ELEMENTS(gone); i++)
                if (g_error_matches(x->error, G_IO_ERROR, gone[i]))
                        code = TB_ERROR_GONE;
        if (g_error_matches(x->error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
                code = TB_ERROR_TIMEOUT;
        /* libsoup's word for a peer that never ends its headers: it does answer */
        bool endless = g_error_matches(x->error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT) &&
                       strcmp(x->error->message, "Header too big") == 0;
        if (endless)
                code = TB_ERROR_DEVICE;
        bool unknown = g_error_matches(x->error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE),
             plain = !unknown && x->error->domain == G_TLS_ERROR,
             foreign = endless || g_error_matches(x->error, SOUP_SESSION_ERROR, SOUP_SESSION_ERROR_PARSING);
        tb_set_error(error, (int)code, "%s: %s", x->who,
                     unknown   ? "nobody here vouches for the certificate that it shows (give it one that is "
                                 "trusted, or "
                                 "set \"tls\" to \"unverified\")"
                     : plain   ? "no TLS comes about with what answers there (is the port right, or does it "
                                 "speak plain HTTP: \"tls\" is \"off\" then?)"
                     : foreign ? "what answers there does not speak HTTP (is the port right?)"
                               : x->error->message);
        return false;
}

static bool attempt(Exchange *x, const char *authorization, GError **error)
{
        if (!make_message(x, authorization, error))
                return false;
        g_clear_object(&x->stream);
        g_byte_array_set_size(x->body, 0);
        x->done = false;
        soup_session_send_async(x->session, x->message, G_PRIORITY_DEFAULT, x->cancel, on_sent, x);
        while (!x->done)
                g_main_context_iteration(x->context, TRUE);
        return !x->error || failed(x, error);
}

/* NULL: nothing to answer with, or nothing was asked for yet. */
static char *authorization(Exchange *x)
{
        const TbHttpCall *call = x->call;
        if (!call->password)
                return NULL;
        g_autoptr(GUri) uri = g_uri_parse(call->url, SOUP_HTTP_URI_FLAGS, NULL);
        const char *query = uri ? g_uri_get_query(uri) : NULL, *path = uri ? g_uri_get_path(uri) : "";
        g_autofree char *target = g_strconcat(*path ? path : "/", query ? "?" : "", query, NULL);
        return tb_http_auth_next(x->auth, call->user ? call->user : "", call->password, call->method, target);
}

static bool learn_challenge(Exchange *x)
{
        const char *header = soup_message_headers_get_list(soup_message_get_response_headers(x->message),
                                                           "WWW-Authenticate");
        return x->call->password && header && tb_http_auth_learn(x->auth, header);
}

/* One that comes several times (Set-Cookie) is a list: RFC 9110, section 5.3. */
static void keep_header(const char *name, const char *value, gpointer data)
{
        g_autofree char *key = g_ascii_strdown(name, -1);
        const char *before = g_hash_table_lookup(data, key);
        char *all = before ? g_strconcat(before, ", ", value, NULL) : g_strdup(value);
        g_hash_table_replace(data, g_steal_pointer(&key), all);
}

static void fill_answer(Exchange *x, TbHttpAnswer *ret)
{
        SoupMessageHeaders *headers = soup_message_get_response_headers(x->message);
        *ret = (TbHttpAnswer){.status = (int)soup_message_get_status(x->message)};
        ret->content_type = g_strdup(soup_message_headers_get_content_type(headers, NULL));
        ret->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        soup_message_headers_foreach(headers, keep_header, ret->headers);
        gsize size = x->body->len;
        g_byte_array_append(x->body, (const guint8 *)"", 1);
        g_autoptr(GBytes) all = g_byte_array_free_to_bytes(g_steal_pointer(&x->body));
        ret->body = g_bytes_new_from_bytes(all, 0, size);
}

static GSource *attach(Exchange *x, GSource *source_take, GSourceFunc call)
{
        g_source_set_callback(source_take, call, x, NULL);
        g_source_attach(source_take, x->context);
        return source_take;
}

static void detach(GSource *source)
{
        if (!source)
                return;
        g_source_destroy(source);
        g_source_unref(source);
}

static int allowed_ms(const TbIo *io, int timeout_ms)
{
        if (io->deadline_us == G_MAXINT64)
                return timeout_ms;
        gint64 left = MAX((io->deadline_us - g_get_monotonic_time()) / 1000, 0);
        return timeout_ms < 0 ? (int)MIN(left, G_MAXINT) : (int)MIN(left, timeout_ms);
}

/* What was learnt before is tried first. A refusal brings a new challenge, which is answered once; and once more
 * when a slow device calls the nonce that it has just given too old (RFC 7616, §3.3: stale): one that always
 * says so has no clock. */
static bool converse(Exchange *x, GError **error)
{
        g_autofree char *kept = authorization(x);
        if (!attempt(x, kept, error))
                return false;
        for (int answers = 0; soup_message_get_status(x->message) == SOUP_STATUS_UNAUTHORIZED; answers++) {
                if (answers == 2 || !learn_challenge(x) || (answers == 1 && !x->auth->challenge.stale)) {
                        tb_http_auth_forget(x->auth);
                        return true;
                }
                g_autofree char *answer = authorization(x);
                if (!attempt(x, answer, error))
                        return false;
        }
        return true;
}

bool tb_http_call(TbIo *io, const TbHttpCall *call, TbHttpAnswer *ret, GError **error)
{
        TbInterruptor *done = tb_interruptor_try_new(error);
        if (!done)
                return false;
        g_autofree char *shown = tb_uri_shown(call->url);
        TbHttpAuth once = {0};
        Exchange x = {.call = call,
                      .who = call->who ? call->who : shown,
                      .auth = call->auth ? call->auth : &once,
                      .limit = call->limit ? call->limit : TB_LIMIT_HTTP_BODY};
        x.context = g_main_context_new();
        g_main_context_push_thread_default(x.context);
        x.session = soup_session_new_with_options("proxy-resolver", NULL, "idle-timeout", 1,
                                                  NULL); /* devices are on our own network */
        soup_session_remove_feature_by_type(x.session, SOUP_TYPE_AUTH_MANAGER);
        x.cancel = g_cancellable_new();
        x.body = g_byte_array_new();
        GSource *stop = attach(&x, g_unix_fd_source_new(tb_interruptor_fd(io->stop), G_IO_IN),
                               G_SOURCE_FUNC(on_stop));
        /* a command waits: what a pump asks for can be asked again */
        GSource *wake = io->in_pump && io->wake
                                ? attach(&x, g_unix_fd_source_new(tb_interruptor_fd(io->wake), G_IO_IN),
                                         G_SOURCE_FUNC(on_stop))
                                : NULL;
        int ms = allowed_ms(io, call->timeout_ms);
        GSource *late = ms >= 0 ? attach(&x, g_timeout_source_new((guint)ms), on_late) : NULL;

        Watch watch = {
                done, x.cancel,     tb_interruptor_fd(io->stop), wake ? tb_interruptor_fd(io->wake) : -1,
                ms,   TB_WAIT_READY};
        x.watch = &watch;
        x.watcher = tb_thread_try_start("http-watch", watch_run, &watch, error);

        bool ok = x.watcher && converse(&x, error); /* without it nothing could end what hangs */
        tb_http_auth_forget(&once);
        end_watch(&x);
        tb_interruptor_free(done);
        if (ok)
                fill_answer(&x, ret);

        detach(stop);
        detach(wake);
        detach(late);
        g_clear_object(&x.stream);
        g_clear_object(&x.message);
        soup_session_abort(x.session);
        g_clear_object(&x.session);
        g_clear_object(&x.cancel);
        g_clear_error(&x.error);
        if (x.body)
                g_byte_array_unref(x.body);
        while (g_main_context_iteration(x.context, FALSE)) { /* what libsoup left to do when it closes */
        }
        g_main_context_pop_thread_default(x.context);
        g_main_context_unref(x.context);
        return ok;
}

void tb_http_answer_clear(TbHttpAnswer *answer)
{
        g_free(answer->content_type);
        g_clear_pointer(&answer->body, g_bytes_unref);
        g_clear_pointer(&answer->headers, g_hash_table_unref);
        *answer = (TbHttpAnswer){0};
}
