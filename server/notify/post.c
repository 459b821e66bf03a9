#include "server/notify/post.h"

#include <gio/gio.h>
#include <string.h>

#define HEAD_BYTES 16384
#define RETRY_AFTER_MOST 86400

struct TbPost {
        GSocketClient *client;
        GCancellable *cancel;
        GSocketConnection *line; /* NULL: not connected */
        GString *head;           /* to be sent */
        GBytes *body;
        char *in;      /* HEAD_BYTES + 1 */
        gsize in_size; /* of what has come */
        GSource *deadline;
        bool late;
        TbPostDone done; /* NULL: canceled */
        gpointer data;
};

bool tb_post_head_parse(const char *text, gsize size, guint *ret_status, guint *ret_retry_after_s)
{
        g_autofree char *head = g_strndup(text, size);
        if (strncmp(head, "HTTP/1.", 7) != 0 || !g_ascii_isdigit(head[7]) || head[8] != ' ')
                return false;
        for (guint i = 9; i < 12; i++)
                if (!g_ascii_isdigit(head[i]))
                        return false;
        guint status = (guint)g_ascii_strtoull(head + 9, NULL, 10), after = 0;
        if (status < 100 || (head[12] != ' ' && head[12] != '\r'))
                return false;
        for (const char *at = strstr(head, "\r\n"); at && strncmp(at, "\r\n\r\n", 4) != 0;
             at = strstr(at + 2, "\r\n"))
                if (g_ascii_strncasecmp(at + 2, "Retry-After:", 12) == 0)
                        after = (guint)MIN(g_ascii_strtoull(at + 14, NULL, 10), RETRY_AFTER_MOST);
        *ret_status = status;
        *ret_retry_after_s = after;
        return true;
}

static void post_free(TbPost *p)
{
        g_source_destroy(p->deadline);
        g_source_unref(p->deadline);
        g_clear_object(&p->line);
        g_object_unref(p->client);
        g_object_unref(p->cancel);
        g_string_free(p->head, TRUE);
        g_bytes_unref(p->body);
        g_free(p->in);
        g_free(p);
}

static void end(TbPost *p, guint status, guint after, const char *why)
{
        if (p->done)
                p->done(status, after, p->late ? "there was no answer in time" : why, p->data);
        post_free(p);
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
        TbPost *p = data;
        g_autoptr(GError) error = NULL;
        gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, &error);
        guint status = 0, after = 0;
        if (n > 0)
                p->in_size += (gsize)n;
        p->in[p->in_size] = '\0';
        if (n > 0 && p->in_size < HEAD_BYTES && !strstr(p->in, "\r\n\r\n")) {
                g_input_stream_read_async(G_INPUT_STREAM(stream), p->in + p->in_size, HEAD_BYTES - p->in_size,
                                          G_PRIORITY_DEFAULT, p->cancel, on_read, p);
                return;
        }
        bool ok = n >= 0 && tb_post_head_parse(p->in, p->in_size, &status, &after);
        end(p, ok ? status : 0, after, error ? error->message : "what answers speaks no HTTP");
}

static void on_written(GObject *stream, GAsyncResult *result, gpointer data)
{
        TbPost *p = data;
        g_autoptr(GError) error = NULL;
        if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL, &error)) {
                end(p, 0, 0, error->message);
                return;
        }
        g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(p->line)), p->in, HEAD_BYTES,
                                  G_PRIORITY_DEFAULT, p->cancel, on_read, p);
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
        TbPost *p = data;
        g_autoptr(GError) error = NULL;
        p->line = g_socket_client_connect_to_uri_finish(G_SOCKET_CLIENT(client), result, &error);
        if (!p->line) {
                end(p, 0, 0, error->message);
                return;
        }
        g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(p->line)), p->head->str,
                                        p->head->len, G_PRIORITY_DEFAULT, p->cancel, on_written, p);
}

static gboolean on_late(gpointer data)
{
        TbPost *p = data;
        p->late = true;
        g_cancellable_cancel(p->cancel);
        return G_SOURCE_REMOVE;
}

TbPost *tb_post(const char *url, const char *headers, GBytes *body, guint timeout_s, TbPostDone done,
                gpointer data)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
        if (!uri || !g_uri_get_host(uri))
                return NULL;
        bool tls = strcmp(g_uri_get_scheme(uri), "https") == 0, v6 = strchr(g_uri_get_host(uri), ':') != NULL;
        const char *path = g_uri_get_path(uri), *query = g_uri_get_query(uri);
        gsize size;
        const char *bytes = g_bytes_get_data(body, &size);
        TbPost *p = g_new0(TbPost, 1);
        p->client = g_object_new(G_TYPE_SOCKET_CLIENT, "tls", tls, "proxy-resolver", NULL, NULL);
        p->cancel = g_cancellable_new();
        p->body = g_bytes_ref(body);
        p->in = g_malloc(HEAD_BYTES + 1);
        p->done = done;
        p->data = data;
        p->head = g_string_new(NULL);
        g_string_printf(p->head, "POST %s%s%s HTTP/1.1\r\nHost: %s%s%s", *path ? path : "/", query ? "?" : "",
                        query ? query : "", v6 ? "[" : "", g_uri_get_host(uri), v6 ? "]" : "");
        if (g_uri_get_port(uri) > 0)
                g_string_append_printf(p->head, ":%d", g_uri_get_port(uri));
        g_string_append_printf(
                p->head,
                "\r\nUser-Agent: testbed-server\r\nContent-Type: application/json\r\nContent-Length: "
                "%" G_GSIZE_FORMAT "\r\nConnection: close\r\n%s\r\n",
                size, headers);
        g_string_append_len(p->head, bytes, (gssize)size);
        p->deadline = g_timeout_source_new_seconds(timeout_s);
        g_source_set_callback(p->deadline, on_late, p, NULL);
        g_source_attach(p->deadline, NULL);
        g_socket_client_connect_to_uri_async(p->client, url, tls ? 443 : 80, p->cancel, on_connected, p);
        return p;
}

void tb_post_cancel(TbPost *p)
{
        if (!p)
                return;
        p->done = NULL; /* freed by the call that is under way, when the loop runs */
        g_cancellable_cancel(p->cancel);
}
