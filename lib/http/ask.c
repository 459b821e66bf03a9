/*
 * A request that no connection brings: a part of this program asks, as a person whom it names. It takes the one way through the checks and
 * to the handler (tb_dispatch_ask()), and its answer is built as any other (respond.c); only its body is kept as it is, for the library
 * gives none back. What would need a connection (a stream, a WebSocket, a body of the request, a file) has one: such routes are not for it.
 */
#include <string.h>

#include "lib/http/private.h"
#include "lib/log.h"
#include "lib/thread.h"

struct TbHttpAsk {
        TbRequest *request; /* ref */
        TbCaller caller;
        json_t *headers; /* ref; NULL: none */
        void (*answered)(gpointer data);
        gpointer data; /* borrowed */
        bool told;
};

bool tb_ask_route_is_plain(const TbRoute *route)
{
        static const char json[] = "200 application/json";
        return strcmp(route->method, "GET") == 0 && route->body == TB_BODY_NONE &&
               !(route->flags & (TB_ROUTE_UNSAFE | TB_ROUTE_WEBSOCKET | TB_ROUTE_STREAMING)) &&
               route->answers && g_str_has_prefix(route->answers, json) &&
               !strstr(route->answers + strlen(json), "200 "); /* nor as something else */
}

/* --- what it says --- */
const TbCaller *tb_ask_caller(const TbHttpAsk *ask)
{
        return &ask->caller;
}

const char *tb_ask_header(const TbHttpAsk *ask, const char *wanted)
{
        const char *name;
        json_t *value;
        json_object_foreach (ask->headers, name, value)
                if (g_ascii_strcasecmp(name, wanted) == 0)
                        return json_string_value(value);
        return NULL;
}

void tb_ask_each_header(const TbHttpAsk *ask, MHD_KeyValueIterator each, void *cls)
{
        const char *name;
        json_t *value;
        each(cls, MHD_HEADER_KIND, "Host", "localhost");
        json_object_foreach (ask->headers, name, value)
                each(cls, MHD_HEADER_KIND, name, json_string_value(value));
}

gsize tb_ask_head_size(const TbHttpAsk *ask)
{
        gsize size = 0;
        const char *name;
        json_t *value;
        json_object_foreach (ask->headers, name, value)
                size += strlen(name) + json_string_length(value);
        return size;
}

/* --- its answer --- */
struct MHD_Response *tb_ask_text(TbRequest *request, GBytes *text_take)
{
        if (request->answered) { /* a second one: tb_respond() drops it */
                g_bytes_unref(text_take);
        } else {
                g_clear_pointer(&request->text, g_bytes_unref);
                request->text = text_take;
        }
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

bool tb_ask_refuses_stream(TbRequest *request)
{
        if (!request->ask || request->answered)
                return false;
        tb_log(TB_LOG_ERROR, TB_F("request", request->id),
               "%s answers with a stream, and its row in the table of routes says: with JSON", request->path);
        tb_respond_error(request, TB_ERROR_INTERNAL, "this is a stream, and was not expected to be one");
        return true;
}

void tb_ask_answered(TbRequest *request)
{
        TbHttpAsk *ask = request->ask;
        if (ask->told)
                return;
        ask->told = true;
        ask->answered(ask->data); /* it may free it */
}

bool tb_http_ask_answer(const TbHttpAsk *ask, TbHttpAnswer *ret_answer)
{
        const TbRequest *request = ask->request;
        if (!request->response)
                return false;
        *ret_answer = (TbHttpAnswer){.status = request->status};
        if (request->text)
                ret_answer->bytes = g_bytes_get_data(request->text, &ret_answer->size);
        return true;
}

typedef struct Each {
        void (*call)(const char *name, const char *value, gpointer data);
        gpointer data;
} Each;

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind G_GNUC_UNUSED, const char *name,
                                 const char *value)
{
        const Each *each = cls;
        each->call(name, value, each->data);
        return MHD_YES;
}

void tb_http_ask_headers(const TbHttpAsk *ask,
                         void (*call)(const char *name, const char *value, gpointer data), gpointer data)
{
        Each each = {call, data};
        MHD_get_response_headers(ask->request->response, on_header, &each);
}

/* --- life --- */
static void ask_free(TbHttpAsk *ask)
{
        tb_request_unref(ask->request);
        tb_caller_clear(&ask->caller);
        json_decref(ask->headers);
        g_free(ask);
}

TbHttpAsk *tb_http_ask(TbHttp *http, const TbHttpAsked *asked, void (*answered)(gpointer data), gpointer data)
{
        tb_assert_main();
        TbHttpAsk *ask = g_new0(TbHttpAsk, 1);
        TbRequest *request = ask->request = tb_request_new(http, asked->path);
        ask->headers = json_incref(asked->headers);
        ask->caller = (TbCaller){.user = g_strdup(asked->user), .role = asked->role, .by = TB_BY_TOKEN};
        ask->answered = answered;
        ask->data = data;
        request->ask = ask;
        request->whole = true;
        request->is_head = strcmp(asked->method, "HEAD") == 0;
        g_strlcpy(request->method, asked->method, sizeof request->method);
        g_strlcpy(request->peer, "127.0.0.1", sizeof request->peer);
        if (http->stopping || !tb_check_is_plain(request)) {
                request->ask = NULL;
                request->http = NULL;
                ask_free(ask);
                return NULL;
        }
        if (http->asks_round != tb_poller_round(http->poller) || !tb_poller_is_calling(http->poller))
                tb_http_turns_begin(http);
        http->asks_round = tb_poller_round(http->poller);
        tb_request_ref(request); /* tb_dispatch_end() lets go of it, as of those of connections */
        tb_dispatch_ask(request);
        ask->told = request->response != NULL;
        return ask;
}

void tb_http_ask_free(TbHttpAsk *ask, bool whole)
{
        if (!ask)
                return;
        tb_dispatch_end(ask->request, whole && ask->request->response);
        ask_free(ask);
}
