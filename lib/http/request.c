#include <poll.h>
#include <string.h>

#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/thread.h"

void tb_request_next_id(TbHttp *http, char *id, gsize size)
{
        g_snprintf(id, size, "%s-%08x", http->boot, ++http->counter);
}

/* "http://host/path" is what a client says to a proxy, and every server must take it, and go by its host, whatever
 * Host says (RFC 9112, §3.2.2). */
static const char *skip_origin(const char *uri, char **ret_authority)
{
        gsize n = g_ascii_strncasecmp(uri, "http://", 7) == 0    ? 7
                  : g_ascii_strncasecmp(uri, "https://", 8) == 0 ? 8
                                                                 : 0;
        gsize size = n ? strcspn(uri + n, "/?") : 0;
        if (n)
                *ret_authority = g_strndup(uri + n, size);
        return uri + n + size;
}

/* A proxy may leave the prefix in the path or strip it: both are right. */
static const char *skip_prefix(TbRequest *request, const char *uri)
{
        const char *prefix = request->http->prefix;
        gsize n = prefix && g_str_has_prefix(uri, prefix) ? strlen(prefix) : 0;
        if (n == 0 || (uri[n] != '/' && uri[n] != '?' && uri[n] != '\0'))
                return uri;
        request->prefixed = true;
        return uri + n;
}

TbRequest *tb_request_new(TbHttp *http, const char *uri)
{
        TbRequest *request = g_new0(TbRequest, 1);
        request->ref = 1;
        request->http = http;
        request->link.data = request;
        request->start_us = g_get_monotonic_time();
        const char *own = skip_origin(uri, &request->authority), *path = skip_prefix(request, own);
        request->path = g_strconcat(own != uri && *own != '/' ? "/" : "", path, NULL);
        request->raw_query = strchr(request->path, '?');
        if (request->raw_query)
                *request->raw_query++ = '\0';
        request->caller.user = g_strdup("");
        request->content_length = -1;
        tb_request_next_id(http, request->id, sizeof request->id);
        return request;
}

TbRequest *tb_request_ref(TbRequest *request)
{
        request->ref++;
        return request;
}

void tb_request_unref(TbRequest *request)
{
        if (!request || --request->ref > 0)
                return;
        g_assert(!request->http && !request->watch && !request->in_pipe && !request->out && !request->push);
        for (guint i = 0; i < TB_PATH_ARGS; i++)
                g_free(request->args[i]);
        if (request->bytes)
                g_byte_array_unref(request->bytes);
        if (request->body)
                g_bytes_unref(request->body);
        g_clear_pointer(&request->text, g_bytes_unref);
        g_free(request->connect_also);
        if (request->headers)
                g_ptr_array_unref(request->headers);
        json_decref(request->query);
        json_decref(request->json);
        g_free(request->authority);
        g_free(request->base_url);
        tb_caller_clear(&request->caller);
        g_free(request->path);
        g_free(request);
}

const char *tb_request_method(TbRequest *request)
{
        return request->method;
}

const char *tb_request_path(TbRequest *request)
{
        return request->path;
}

const char *tb_request_arg(TbRequest *request, const char *name)
{
        gsize size, i = 0;
        if (!request->match)
                return NULL;
        const char *text = tb_path_arg(&request->match->path, &request->split, name, &size);
        if (!text)
                return NULL;
        for (; i < TB_PATH_ARGS && request->args[i]; i++)
                if (strcmp(request->arg_names[i], name) == 0)
                        return request->args[i];
        g_assert(i < TB_PATH_ARGS); /* a pattern has no more */
        request->args[i] = tb_percent_decode(text, size, false);
        request->arg_names[i] = g_intern_string(name);
        return request->args[i];
}

const char *tb_request_header(TbRequest *request, const char *name)
{
        if (request->ask)
                return tb_ask_header(request->ask, name);
        return request->connection ? MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name)
                                   : NULL;
}

json_t *tb_request_query(TbRequest *request)
{
        if (!request->query)
                request->query = tb_query_parse(request->raw_query, NULL);
        if (!request->query)
                request->query = json_object();
        return request->query;
}

const char *tb_request_query_string(TbRequest *request, const char *name)
{
        return json_string_value(json_object_get(tb_request_query(request), name));
}

const char *tb_request_raw_query(TbRequest *request)
{
        return request->raw_query;
}

json_t *tb_request_json(TbRequest *request)
{
        return request->json;
}

GBytes *tb_request_body(TbRequest *request)
{
        return request->body;
}

TbRole tb_request_role(TbRequest *request)
{
        return request->caller.role;
}

const TbCaller *tb_request_caller(TbRequest *request)
{
        return &request->caller;
}

const char *tb_request_user(TbRequest *request)
{
        return request->caller.user;
}

const char *tb_request_id(TbRequest *request)
{
        return request->id;
}

bool tb_request_is_forwarded(TbRequest *request)
{
        return request->forwarded;
}

bool tb_request_is_secure(TbRequest *request)
{
        return request->secure;
}

const char *tb_request_peer(TbRequest *request)
{
        return request->peer;
}

gint64 tb_request_content_length(TbRequest *request)
{
        return request->content_length;
}

static const char *forwarded(TbRequest *request, const char *name, const char *allowed)
{
        bool trusted = request->ask || (request->conn && request->conn->peer_is_trusted);
        const char *value = trusted ? tb_request_header(request, name) : NULL;
        return value && strlen(value) <= 200 && strspn(value, allowed) == strlen(value) ? value : NULL;
}

const char *tb_request_base_url(TbRequest *request)
{
        if (request->base_url)
                return request->base_url;
        g_autofree char *prefix =
                g_strdup(forwarded(request, "X-Forwarded-Prefix",
                                   "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-"));
        if (prefix && (prefix[0] != '/' || prefix[1] == '/'))
                prefix[0] = '\0'; /* "//evil" would be another host */
        if (prefix && g_str_has_suffix(prefix, "/"))
                prefix[strlen(prefix) - 1] = '\0';
        if (!prefix && request->prefixed)
                prefix = g_strdup(request->http->prefix);
        request->base_url =
                g_strconcat(request->secure ? "https://" : "http://",
                            request->host ? request->host : "localhost", prefix ? prefix : "", NULL);
        return request->base_url;
}

/* --- a client that leaves while we think --- */
void tb_request_call_gone(TbRequest *request)
{
        if (request->gone_called)
                return;
        request->gone_called = true;
        void (*gone)(TbRequest *, gpointer) = g_steal_pointer(&request->gone);
        if (gone)
                gone(request, request->gone_data);
}

void tb_request_on_gone(TbRequest *request, void (*gone)(TbRequest *request, gpointer data), gpointer data)
{
        request->gone = gone;
        request->gone_data = data;
        if (gone && request->suspended)
                tb_request_watch(request);
}

bool tb_request_is_open(const TbRequest *request)
{
        return request->connection || request->ask;
}

bool tb_request_is_there(TbRequest *request)
{
        if (request->ask)
                return !request->gone_called;
        const union MHD_ConnectionInfo *info =
                request->connection
                        ? MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                        : NULL;
        struct pollfd p = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
        return info && !request->gone_called && poll(&p, 1, 0) == 0;
}

/* --- streamed bodies --- */
static void on_room(gpointer data)
{
        tb_dispatch_wake(data);
}

void tb_request_read_with(TbRequest *request, gsize (*take)(const void *bytes, gsize size, gpointer data),
                          void (*end)(gpointer data), gpointer data)
{
        tb_assert_main();
        request->take = take;
        request->take_end = end;
        request->take_data = data;
        if (take && !request->in_call)
                tb_request_read_on(request);
}

void tb_request_read_on(TbRequest *request)
{
        tb_dispatch_wake(request);
}

bool tb_request_has_body(TbRequest *request)
{
        return request->has_body;
}

void tb_request_read_to(TbRequest *request, TbPipe *pipe)
{
        tb_assert_main();
        g_assert(request->match->route->body == TB_BODY_STREAM && !request->in_pipe);
        if (!request->connection) {
                g_autoptr(GError) error =
                        g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the client left");
                tb_pipe_fail(pipe, error);
                return;
        }
        if (request->body_ended) { /* there was none */
                tb_pipe_finish(pipe);
                return;
        }
        request->in_pipe = tb_pipe_ref(pipe);
        tb_pipe_on_ready(pipe, on_room, request);
        if (!request->in_call)
                tb_dispatch_wake(request);
}
