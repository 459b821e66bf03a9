#include <stdarg.h>
#include <string.h>

#include "lib/http/policy.h"
#include "lib/http/private.h"
#include "lib/json.h"
#include "lib/thread.h"

#define CONTENT_SECURITY_POLICY                                                                              \
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src "    \
        "'self' blob:; "                                                                                     \
        "connect-src 'self'%s%s%s; object-src 'none'; base-uri 'none'; form-action 'self'; "                 \
        "frame-ancestors 'self'"

static void add(struct MHD_Response *response, const char *name, const char *value)
{
        MHD_add_response_header(response, name,
                                value); /* refuses line breaks: nobody can smuggle a header in */
}

void tb_respond(TbRequest *request, int status, struct MHD_Response *response)
{
        tb_assert_main();
        if (request->answered || !tb_request_is_open(request)) { /* late, or a client that left */
                if (response)
                        MHD_destroy_response(response);
                return;
        }
        if (!response) {
                response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
                status = 500;
        }
        request->answered = true;
        request->response = response;
        request->status = status;
        add(response, "X-Request-Id", request->id);
        add(response, "Server", request->http->server_header);
        add(response, "X-Content-Type-Options", "nosniff");
        for (guint i = 0; request->headers && i < request->headers->len; i += 2)
                add(response, g_ptr_array_index(request->headers, i),
                    g_ptr_array_index(request->headers, i + 1));
        bool listed;
        if (request->origin &&
            tb_guard_origin(&request->http->guard, request->origin, request->host, &listed) && listed) {
                add(response, "Access-Control-Allow-Origin", request->origin);
                add(response, "Access-Control-Allow-Credentials", "true");
                add(response, "Vary", "Origin");
        } else if (tb_access_neighbour(request, request->match ? request->match->route : NULL)) {
                add(response, "Access-Control-Allow-Origin", request->origin);
                add(response, "Access-Control-Expose-Headers", "etag, x-request-id, x-next-cursor");
                add(response, "Vary", "Origin");
        }
        /* What was refused may not be what a proxy before us took it for: nothing behind it is believed. */
        if (request->close_after || status == 400 || status == 421 ||
            (request->http->stopping && status != 101))
                add(response, "Connection", "close");
        if (!request->in_call)
                tb_dispatch_wake(request);
}

void tb_respond_uncached(const TbRequest *request, struct MHD_Response *response)
{
        for (guint i = 0; request->headers && i < request->headers->len; i += 2)
                if (g_ascii_strcasecmp(g_ptr_array_index(request->headers, i), "Cache-Control") == 0)
                        return;
        add(response, "Cache-Control", "no-store");
}

struct MHD_Response *tb_respond_text(TbRequest *request, char *text_take, gsize size)
{
        if (request->ask)
                return tb_ask_text(request, g_bytes_new_take(text_take, size));
        return MHD_create_response_from_buffer_with_free_callback(size, text_take, g_free);
}

void tb_request_add_header(TbRequest *request, const char *name, const char *value)
{
        if (!request->headers)
                request->headers = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(request->headers, g_strdup(name));
        g_ptr_array_add(request->headers, g_strdup(value));
}

void tb_request_allow_connect(TbRequest *request, const char *origin)
{
        g_clear_pointer(&request->connect_also, g_free);
        if (origin && !strpbrk(origin, "[;, '\""))
                request->connect_also = g_strdup(origin);
}

void tb_respond_page_headers(TbRequest *request)
{
        const char *host = request->host ? request->host : "localhost";
        /* older browsers do not count WebSockets among 'self'. No source of a policy can be an IPv6 address (CSP 3, 2.3.1). */
        g_autofree char *sockets =
                strchr(host, '[') ? g_strdup("") : g_strdup_printf(" ws://%s wss://%s", host, host);
        g_autofree char *policy =
                g_strdup_printf(CONTENT_SECURITY_POLICY, sockets, request->connect_also ? " " : "",
                                request->connect_also ? request->connect_also : "");
        tb_request_add_header(request, "Content-Security-Policy", policy);
        tb_request_add_header(request, "Referrer-Policy", "no-referrer");
        tb_request_add_header(request, "X-Frame-Options", "SAMEORIGIN");
        tb_request_add_header(request, "Cross-Origin-Opener-Policy", "same-origin");
        tb_request_add_header(request, "Cross-Origin-Resource-Policy", "same-origin");
}

static void reply_json(TbRequest *request, int status, const char *type, json_t *body_take)
{
        gsize size;
        char *text = tb_json_text(body_take, &size);
        json_decref(body_take);
        if (!text) {
                tb_respond_error(request, TB_ERROR_INTERNAL, "a text in the answer is not UTF-8");
                return;
        }
        tb_turn_count(request, size);
        struct MHD_Response *response = tb_respond_text(request, text, size);
        add(response, "Content-Type", type);
        tb_respond_uncached(request, response);
        tb_respond(request, status, response);
}

void tb_request_reply_json(TbRequest *request, int status, json_t *body_take)
{
        reply_json(request, status, "application/json", body_take);
}

void tb_request_reply_tagged(TbRequest *request, json_t *body_take)
{
        gsize size = 0;
        g_autofree char *text = tb_json_text(body_take, &size);
        g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256,
                                                           (const guchar *)(text ? text : ""), size),
                        *etag = g_strdup_printf("\"%.32s\"", sum);
        const char *has = tb_request_header(request, "If-None-Match");
        if (text)
                tb_request_add_header(request, "ETag", etag);
        if (text && has && strstr(has, etag)) {
                json_decref(body_take);
                tb_request_reply_empty(request, 304);
        } else {
                reply_json(request, 200, "application/json", body_take);
        }
}

void tb_request_reply_text(TbRequest *request, int status, const char *content_type, const char *text)
{
        gsize size = strlen(text);
        tb_request_reply_taken(request, status, content_type, g_memdup2(text, size), size);
}

void tb_request_reply_taken(TbRequest *request, int status, const char *content_type, char *bytes_take,
                            gsize size)
{
        tb_turn_count(request, size);
        struct MHD_Response *response = tb_respond_text(request, bytes_take, size);
        add(response, "Content-Type", content_type);
        tb_respond_uncached(request, response);
        tb_respond(request, status, response);
}

static void unref_bytes(void *bytes)
{
        g_bytes_unref(bytes);
}

static ssize_t read_bytes(void *cls, uint64_t pos, char *buf, size_t max)
{
        gsize size;
        const char *data = g_bytes_get_data(cls, &size);
        gsize n = MIN(size - (gsize)pos, max);
        memcpy(buf, data + pos, n);
        return (ssize_t)n;
}

struct MHD_Response *tb_respond_shared(TbRequest *request, GBytes *body)
{
        if (request->ask)
                return tb_ask_text(request, g_bytes_ref(body));
        gsize size = g_bytes_get_size(body);
        return size == 0 ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                         : MHD_create_response_from_callback(size, TB_HTTP_STREAM_BLOCK, read_bytes,
                                                             g_bytes_ref(body), unref_bytes);
}

void tb_request_reply_shared(TbRequest *request, int status, const char *content_type, GBytes *body)
{
        struct MHD_Response *response = tb_respond_shared(request, body);
        add(response, "Content-Type", content_type);
        tb_respond(request, status, response);
}

void tb_request_reply_bytes(TbRequest *request, int status, const char *content_type, GBytes *body)
{
        tb_turn_count(request, g_bytes_get_size(body));
        struct MHD_Response *response = tb_respond_shared(request, body);
        add(response, "Content-Type", content_type);
        tb_respond_uncached(request, response);
        tb_respond(request, status, response);
}

void tb_request_reply_empty(TbRequest *request, int status)
{
        tb_respond(request, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

static ssize_t read_nothing(void *cls G_GNUC_UNUSED, uint64_t pos G_GNUC_UNUSED, char *buf G_GNUC_UNUSED,
                            size_t max G_GNUC_UNUSED)
{
        return MHD_CONTENT_READER_END_WITH_ERROR; /* after HEAD it is not asked */
}

void tb_request_reply_head(TbRequest *request, int status, guint64 size)
{
        if (!request->is_head || request->ask)
                tb_request_reply_empty(request, status);
        else
                tb_respond(request, status,
                           MHD_create_response_from_callback(size, 1, read_nothing, NULL, NULL));
}

/* --- problems --- */
static void reply_problem(TbRequest *request, int status, json_t *problem_take)
{
        json_object_set_new(problem_take, "requestId", json_string(request->id));
        if (request->match && request->match->route->flags & TB_ROUTE_FOREIGN) {
                json_object_set_new(problem_take, "success", json_false());
                json_object_set(problem_take, "error", json_object_get(problem_take, "detail"));
        }
        reply_json(request, status, "application/problem+json", problem_take);
}

void tb_request_reply_problem(TbRequest *request, const GError *error, json_t *extra)
{
        reply_problem(request, tb_error_status(error), tb_error_to_problem(error, extra));
}

void tb_request_reply_error(TbRequest *request, const GError *error)
{
        tb_request_reply_problem(request, error, NULL);
}

void tb_respond_error(TbRequest *request, TbErrorCode code, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autoptr(GError) error = g_error_new_valist(TB_ERROR, (int)code, format, args);
        va_end(args);
        tb_request_reply_error(request, error);
}

void tb_respond_status(TbRequest *request, int status, const char *type, const char *title,
                       const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *detail = g_strdup_vprintf(format, args),
                        *urn = g_strconcat("urn:testbed:problem:", type, NULL);
        va_end(args);
        reply_problem(request, status,
                      json_pack("{s:s, s:s, s:i, s:s}", "type", urn, "title", title, "status", status,
                                "detail", detail));
}

bool tb_respond_place(TbRequest *request, TbPlace *ret_place)
{
        g_autoptr(GError) error = NULL;
        const TbPlaceBy by = {request->caller.user, request->peer, request->caller.role < TB_ROLE_OPERATOR};
        if (tb_place_take(&request->http->streams, &by, ret_place, &error))
                return true;
        tb_request_add_header(request, "Retry-After", "5");
        tb_request_reply_error(request, error);
        return false;
}
