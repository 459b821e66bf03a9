#include <string.h>

#include "lib/error.h"
#include "lib/http/private.h"
#include "lib/http/ws.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define READ_LINES 20 /* access-log lines a second of reads that went well */
#define READ_LINES_BURST 200

void *tb_dispatch_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
        TbHttp *http = cls;
        TbRequest *request = tb_request_new(http, uri);
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        request->connection = connection;
        request->uri = uri;
        request->whole = tb_raw_target_is_whole(uri);
        request->conn = info ? info->socket_context : NULL;
        if (request->conn) {
                request->conn->begun = true;
                request->conn->request = request;
                g_strlcpy(request->peer, request->conn->peer, sizeof request->peer);
        }
        g_queue_push_tail_link(&http->requests, &request->link);
        return request;
}

/* --- answering --- */
static enum MHD_Result queue(TbRequest *request)
{
        struct MHD_Response *response = g_steal_pointer(&request->response);
        tb_request_unwatch(request);
        request->phase = TB_PHASE_SENT;
        enum MHD_Result result = tb_refuse_queue(request->connection, (unsigned)request->status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result suspend(TbRequest *request)
{
        MHD_suspend_connection(request->connection);
        request->suspended = true;
        if (request->gone)
                tb_request_watch(request);
        return MHD_YES;
}

void tb_dispatch_wake(TbRequest *request)
{
        if (request->ask) {
                if (request->response)
                        tb_ask_answered(request); /* it may be the end of it */
                return;
        }
        if (!request->suspended || !request->connection)
                return;
        request->suspended = false;
        MHD_resume_connection(request->connection);
        tb_http_kick(request->http);
}

static bool parse_json(TbRequest *request)
{
        const TbRoute *route = request->match->route;
        g_autoptr(GError) error = NULL;
        gsize size = 0;
        const void *text = request->body ? g_bytes_get_data(request->body, &size) : NULL;
        if (size == 0 && route->body == TB_BODY_JSON) {
                request->json = tb_params_validate(
                        route->json, NULL, &error); /* no body is {}: the table says what is missing */
        } else {
                request->json = tb_json_parse(text, size, &error);
                if (request->json && route->json && route->flags & TB_ROUTE_FOREIGN)
                        tb_params_keep_known(route->json, request->json);
                if (request->json && route->body == TB_BODY_JSON && route->json) {
                        json_t *checked = tb_params_validate(route->json, request->json, &error);
                        json_decref(request->json);
                        request->json = checked;
                } else if (request->json && route->body == TB_BODY_JSON && !json_is_object(request->json)) {
                        tb_set_error(&error, TB_ERROR_INVALID, "the body must be a JSON object");
                }
        }
        if (error)
                tb_request_reply_error(request, error);
        return !error;
}

void tb_dispatch_handle(TbRequest *request)
{
        TbBodyKind kind = request->match->route->body;
        if ((kind == TB_BODY_JSON || kind == TB_BODY_JSON_ANY) && !parse_json(request))
                return;
        request->match->route->handler(request, request->match->data);
}

static void call_handler(TbRequest *request)
{
        g_assert(request->match); /* tb_check_route() found it */
        if (request->conn)
                tb_share_busy(request->conn);
        request->in_call = true;
        request->phase = TB_PHASE_WAIT;
        tb_dispatch_handle(request);
        request->in_call = false;
}

/* libmicrohttpd does not look at its connection meanwhile, and nobody need be served who has left. */
static void wait_for_turn(TbRequest *request)
{
        if (request->conn)
                tb_share_busy(request->conn);
        tb_request_watch(request);
}

static void handle_in_turn(TbRequest *request)
{
        request->phase = TB_PHASE_WAIT;
        if (tb_turn_take(request))
                call_handler(request);
        else
                wait_for_turn(request);
}

static enum MHD_Result answer_or_wait(TbRequest *request)
{
        return request->response ? queue(request) : suspend(request);
}

/* --- body --- */
gint64 tb_http_max_body(const TbRequest *request)
{
        guint most = request->match ? request->match->route->max_body : 0;
        return most ? most : TB_LIMIT_HTTP_BODY;
}

static void refuse_body(TbRequest *request)
{
        g_clear_pointer(&request->bytes, g_byte_array_unref);
        request->discard = true;
        tb_respond_error(request, TB_ERROR_TOO_LARGE, "the body is larger than %" G_GINT64_FORMAT " bytes",
                         tb_http_max_body(request));
}

static void refuse_bodies(TbRequest *request)
{
        g_clear_pointer(&request->bytes, g_byte_array_unref);
        request->discard = true;
        tb_request_add_header(request, "Retry-After", "1");
        tb_respond_error(request, TB_ERROR_LIMIT,
                         "bodies of other requests are under way: let them end first");
}

static void drop_pipe(TbRequest *request, const char *why)
{
        if (!request->in_pipe)
                return;
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, why);
        tb_pipe_on_ready(request->in_pipe, NULL, NULL);
        tb_pipe_fail(request->in_pipe, error);
        g_clear_pointer(&request->in_pipe, tb_pipe_unref);
}

static enum MHD_Result pipe_body(TbRequest *request, const char *upload, size_t *size)
{
        gssize n = request->take      ? (gssize)request->take(upload, *size, request->take_data)
                   : request->in_pipe ? tb_pipe_try_write(request->in_pipe, upload, *size, NULL)
                                      : 0;
        if (n < 0) { /* whoever failed the pipe answers */
                drop_pipe(request, "the pipe was closed");
                request->discard = true;
                *size = 0;
                return MHD_YES;
        }
        *size -= (size_t)n;
        return *size > 0 ? suspend(request) : MHD_YES; /* until there is room, or a pipe, or an answer */
}

static enum MHD_Result take_body(TbRequest *request, const char *upload, size_t *size)
{
        bool stream = request->match && request->match->route->body == TB_BODY_STREAM;
        if (stream && request->answered && !request->discard) {
                drop_pipe(request, "answered before the end of the body");
                request->take = NULL;
                request->discard = true;
        }
        if (stream && !request->discard)
                return pipe_body(request, upload, size);
        request->received += *size;
        if (!request->discard && request->received > (guint64)tb_http_max_body(request))
                refuse_body(request);
        else if (!request->discard && !tb_turn_count_body(request))
                refuse_bodies(request);
        if (!request->discard)
                g_byte_array_append(request->bytes, (const guint8 *)upload, (guint)*size);
        else if (!stream && request->received > TB_HTTP_DISCARD)
                return MHD_NO; /* more than is worth reading for politeness */
        *size = 0;
        return MHD_YES;
}

static enum MHD_Result end_of_body(TbRequest *request)
{
        TbBodyKind kind = request->match ? request->match->route->body : TB_BODY_NONE;
        if (request->response)
                return queue(request);
        if (kind == TB_BODY_STREAM) {
                request->discard = true; /* nothing more can come */
                request->phase = TB_PHASE_WAIT;
                if (request->in_pipe) {
                        tb_pipe_on_ready(request->in_pipe, NULL, NULL);
                        tb_pipe_finish(request->in_pipe);
                        g_clear_pointer(&request->in_pipe, tb_pipe_unref);
                }
                request->body_ended = true;
                if (request->take) {
                        request->take = NULL;
                        request->in_call = true;
                        request->take_end(request->take_data);
                        request->in_call = false;
                }
                return answer_or_wait(request);
        }
        if (request->bytes)
                request->body = g_byte_array_free_to_bytes(g_steal_pointer(&request->bytes));
        if (kind == TB_BODY_BYTES && !request->body)
                request->body = g_bytes_new_static("", 0);
        handle_in_turn(request);
        return answer_or_wait(request);
}

/* --- the access handler --- */
/* Whether its handler is to have it; else it has been answered. */
static bool admit(TbRequest *request, const char *version)
{
        request->in_call = true;
        bool ok = tb_check_head(request, version) && tb_check_route(request) && tb_check_body(request);
        request->in_call = false;
        return ok;
}

void tb_dispatch_ask(TbRequest *request)
{
        g_queue_push_tail_link(&request->http->requests, &request->link);
        if (admit(request, "HTTP/1.1"))
                handle_in_turn(request);
}

static enum MHD_Result begin(TbRequest *request, const char *version)
{
        bool ok = admit(request, version);
        request->phase = TB_PHASE_BODY;
        if (ok && request->match->route->body == TB_BODY_STREAM) {
                call_handler(request);
                request->phase = TB_PHASE_BODY;
        } else if (ok) {
                request->bytes = request->has_body ? g_byte_array_new() : NULL;
        }
        if (!request->response)
                return MHD_YES;
        request->discard = true;
        /* An answer that is queued in this first call ends the connection. So it waits for the second, and a
         * body is read away before it, unless that is long, or the client waits with it for our word. */
        if (!request->close_after &&
            (!request->has_body || (!request->expects && request->content_length <= TB_HTTP_DISCARD)))
                return MHD_YES;
        MHD_add_response_header(request->response, "Connection", "close");
        return queue(request);
}

enum MHD_Result tb_dispatch_access(void *cls G_GNUC_UNUSED, struct MHD_Connection *connection,
                                   const char *url G_GNUC_UNUSED, const char *method, const char *version,
                                   const char *upload, size_t *size, void **context)
{
        TbRequest *request = *context;
        request->connection = connection;
        if (request->gone_called ||
            (request->conn && request->conn->refused)) { /* it left, or we stop: close */
                request->refused = request->refused || !request->gone_called;
                return MHD_NO;
        }
        switch (request->phase) {
        case TB_PHASE_NEW:
                request->whole = request->whole && tb_raw_method_is_whole(method, request->uri) &&
                                 tb_raw_head_is_whole(connection, method);
                g_strlcpy(request->method, method, sizeof request->method);
                request->is_head = strcmp(method, "HEAD") == 0;
                return begin(request, version);
        case TB_PHASE_BODY: return *size > 0 ? take_body(request, upload, size) : end_of_body(request);
        case TB_PHASE_WAIT: return answer_or_wait(request);
        case TB_PHASE_SENT: *size = 0; return MHD_YES;
        }
        return MHD_NO;
}

/* --- the end --- */
static void log_access(TbRequest *request, bool complete, gint64 now_us)
{
        double seconds = (double)(now_us - request->start_us) / G_USEC_PER_SEC;
        if (request->http->metrics && request->status >= 100 && request->status < 600) {
                tb_metric_add(request->http->by_status[request->status / 100], 1);
                if (!request->match ||
                    !(request->match->route->flags & (TB_ROUTE_STREAMING | TB_ROUTE_WEBSOCKET)))
                        tb_metric_observe(request->http->seconds, seconds);
        }
        bool reads = strcmp(request->method, "GET") == 0 || request->is_head ||
                     strcmp(request->method, "OPTIONS") == 0;
        /* A flood of reads must cost neither time nor disk: the log bears a few a second of them. */
        bool quiet =
                reads && request->status < 400 &&
                !tb_bucket_take(&request->http->read_lines, READ_LINES, READ_LINES_BURST, 1, now_us, NULL);
        TbLogLevel level = request->status >= 500 ? TB_LOG_WARNING : quiet ? TB_LOG_DEBUG : TB_LOG_INFO;
        if (!tb_log_enabled(level))
                return;
        if (request->status == 0 || request->status >= 400) { /* refusals come at their sender's rate */
                char kind[TB_ADDRESS_TEXT + 8];
                g_snprintf(kind, sizeof kind, "%d to %s", request->status, request->peer);
                if (!tb_tally_note(request->http->refusals, kind))
                        return;
        }
        bool told =
                request->match && request->match->route->flags & TB_ROUTE_NEIGHBOURS && request->connection;
        tb_log(level,
               TB_F("request", request->id, "peer", request->peer, "user", request->caller.user, "device",
                    told ? tb_request_header(request, "X-Device-Id") : NULL, "session",
                    told ? tb_request_header(request, "X-Session-Id") : NULL, "event",
                    told ? tb_request_header(request, "X-Event-Id") : NULL),
               "%s %s %d %.1f ms%s", request->method, request->path, request->status, seconds * 1000,
               complete || request->refused ? "" : " (client left)");
}

void tb_dispatch_completed(void *cls G_GNUC_UNUSED, struct MHD_Connection *connection G_GNUC_UNUSED,
                           void **context, enum MHD_RequestTerminationCode code)
{
        TbRequest *request = *context;
        if (!request)
                return;
        *context = NULL;
        tb_dispatch_end(request,
                        request->phase == TB_PHASE_SENT && code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

void tb_dispatch_end(TbRequest *request, bool complete)
{
        TbHttp *http = request->http;
        tb_request_unwatch(request);
        log_access(request, complete, g_get_monotonic_time());
        request->suspended = false;
        if (http->answered && request->match && request->status > 0)
                http->answered(request, request->match->route->path, request->status, http->answered_data);
        if (!complete) {
                /* libmicrohttpd (0.9.75) now and then closes such a connection when it runs once more, and only then: where nothing
                 * else happens its client would wait for the end of an answer that was cut */
                tb_http_kick(http);
                tb_request_call_gone(request);
        }
        tb_place_give(&request->place);
        request->take = NULL;
        drop_pipe(request, "the client left");
        g_clear_pointer(&request->out, tb_pipe_reply_free);
        tb_turn_leave(request);
        if (request->push)
                tb_push_abandon(request->push);
        if (request->ws)
                tb_ws_abandon(g_steal_pointer(&request->ws));
        if (request->response)
                MHD_destroy_response(g_steal_pointer(&request->response));
        g_queue_unlink(&http->requests, &request->link);
        if (request->conn)
                tb_slow_idle(http, request->conn);
        request->connection = NULL;
        request->ask = NULL;
        request->conn = NULL;
        request->http = NULL;
        request->host = request->origin = request->fetch_site = request->authorization =
                request->content_type = request->upgrade = NULL;
        tb_request_unref(request);
        tb_http_check_stopped(http);
}
