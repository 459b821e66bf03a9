/*
 * Streams of one interface, log lines (with resume) and samples: Server-Sent Events for scripts, WebSockets for pages, whose
 * browser has six other connections for all of them.
 */
#include <string.h>

#include "host/api/private.h"
#include "lib/json.h"
#include "lib/limits.h"

/* bytes waiting above which lines wait in the history and samples are left out */
#define QUEUE_HIGH (128 * 1024)
#define LINES_AT_ONCE 64
#define RETRY_MS 50 /* a push does not tell when it ran empty */

/* --- logs --- */
typedef struct LogReader {
        TbApi *api;         /* borrowed */
        TbPush *push;       /* borrowed; NULL: it is a WebSocket */
        TbWs *ws;           /* borrowed; NULL: it is an event stream */
        TbInterface *iface; /* borrowed; NULL: it went away */
        guint watch, bus, timer;
        char *device;
        TbHistoryReader *reader; /* owned; stands at the next line; NULL with iface */
        bool closing;
} LogReader;

static void log_detach(LogReader *r)
{
        if (r->iface)
                tb_interface_unwatch(r->iface, r->watch);
        g_clear_pointer(&r->reader, tb_history_reader_free);
        r->iface = NULL;
}

static void log_free(LogReader *r)
{
        log_detach(r);
        tb_bus_unsubscribe(tb_core_bus(r->api->core), r->bus);
        if (r->timer)
                g_source_remove(r->timer);
        g_free(r->device);
        g_free(r);
}

static void log_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        log_free(data);
}

static void log_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        log_free(data);
}

static gboolean log_again(gpointer data);

static void log_send(LogReader *r, const json_t *line)
{
        g_autofree char *text = tb_json_text(line, NULL);
        if (r->ws) {
                tb_ws_send_text(r->ws, text);
                return;
        }
        g_autofree char *id =
                g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(line, "offset")));
        tb_sse_send(r->push, id, NULL, text);
}

static bool log_is_behind(LogReader *r)
{
        if ((r->push ? tb_push_queued(r->push) : tb_ws_queued(r->ws)) <= QUEUE_HIGH)
                return false;
        r->timer = g_timeout_add(RETRY_MS, log_again, r);
        return true;
}

/* A few lines may be megabytes: each is looked at. */
static void log_pump(LogReader *r)
{
        while (r->iface && !r->timer && !log_is_behind(r)) {
                guint64 next = 0;
                json_auto_t *lines = tb_history_reader_lines(r->reader, LINES_AT_ONCE, &next);
                if (!lines)
                        return; /* log_fetched() goes on */
                size_t sent = 0, n = json_array_size(lines);
                while (sent < n && (sent == 0 || !log_is_behind(r)))
                        log_send(r, json_array_get(lines, sent++));
                if (sent < n)
                        next = (guint64)json_integer_value(
                                json_object_get(json_array_get(lines, sent), "offset"));
                tb_history_reader_seek(r->reader, MAX(tb_history_reader_place(r->reader), (gint64)next));
                if (next >= tb_history_end(tb_interface_history(r->iface)))
                        return;
        }
}

static gboolean log_again(gpointer data)
{
        LogReader *r = data;
        r->timer = 0;
        if (!r->closing)
                log_pump(r);
        else if (r->push)
                tb_push_close(r->push); /* frees the reader */
        else
                tb_ws_close(r->ws, 1001, "the device was removed, or attached otherwise: connect again");
        return G_SOURCE_REMOVE;
}

static void log_grew(TbInterface *iface G_GNUC_UNUSED, gpointer user)
{
        log_pump(user);
}

static void log_fetched(gpointer user)
{
        log_pump(user);
}

static void log_event(const TbEvent *event, gpointer user)
{
        LogReader *r = user;
        if (strcmp(event->type, "device.removed") != 0 || g_strcmp0(event->device, r->device) != 0 ||
            !r->iface)
                return;
        log_detach(r);
        r->closing = true; /* the client comes back and finds out */
        if (r->timer)
                g_source_remove(r->timer);
        r->timer = g_idle_add(log_again, r);
}

/* As `from` of a reader. */
static bool log_from(TbRequest *request, gint64 *ret, GError **error)
{
        json_t *from = json_object_get(tb_request_query(request), "from");
        json_t *after = json_object_get(tb_request_query(request), "last_event_id");
        const char *last = tb_request_header(request, "Last-Event-ID");
        guint64 line;
        *ret = after ? json_integer_value(after) + 1 : from ? json_integer_value(from) : TB_HISTORY_NOW;
        if (!last)
                return true;
        if (!g_ascii_string_to_unsigned(last, 10, 0, TB_LIMIT_JSON_INT, &line, NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "Last-Event-ID",
                                   "Last-Event-ID is not the offset of a line");
                return false;
        }
        *ret = (gint64)line + 1; /* the line after that one */
        return true;
}

static void log_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data G_GNUC_UNUSED)
{
        if (!tb_api_answer_ping(ws, binary, bytes, size))
                tb_ws_close(ws, 1003, "here only {\"type\":\"ping\"} is understood; commands go by /host/ws");
}

static const TbWsOps log_ops = {.message = log_message, .closed = log_closed};

static void log_open(TbApi *api, TbRequest *request, TbInterface *iface, bool socket)
{
        g_autoptr(GError) error = NULL;
        gint64 from = 0;
        if (!log_from(request, &from, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        LogReader *r = g_new0(LogReader, 1);
        r->api = api;
        r->device = g_strdup(tb_device_id(tb_interface_device(iface)));
        r->bus = tb_bus_follow_devices(tb_core_bus(api->core), log_event, r);
        r->watch = tb_api_watch(request, iface, log_grew, r, &error);
        if (r->watch) {
                r->iface = iface;
                r->reader = tb_history_reader_new(tb_interface_history(iface), from, log_fetched, r);
                tb_history_reader_whole_lines(r->reader);
        } else {
                tb_request_reply_error(request, error);
        }
        if (r->watch && socket)
                r->ws = tb_request_upgrade(request, NULL, TB_LIMIT_EVENTS_MESSAGE, &log_ops, r);
        else if (r->watch)
                r->push = tb_request_reply_sse(request, log_gone, r);
        if (r->push || r->ws)
                log_pump(r);
        else
                log_free(r);
}

static void logs(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        log_open(api, request, iface, false);
}

static void logs_ws(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        log_open(api, request, iface, true);
}

/* --- samples --- */
typedef struct SampleReader {
        TbApi *api;   /* borrowed */
        TbPush *push; /* borrowed; NULL: it is a WebSocket */
        TbWs *ws;     /* borrowed; NULL: it is an event stream */
        char *device, *interface;
        char **streams; /* NULL: all */
        guint bus;
        TbWant *want; /* owned */
} SampleReader;

static void sample_free(SampleReader *r)
{
        tb_bus_unsubscribe(tb_core_bus(r->api->core), r->bus);
        tb_core_unwant(r->want);
        g_strfreev(r->streams);
        g_free(r->device);
        g_free(r->interface);
        g_free(r);
}

static void sample_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        sample_free(data);
}

static void sample_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        sample_free(data);
}

static void sample_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size,
                           gpointer data G_GNUC_UNUSED)
{
        if (!tb_api_answer_ping(ws, binary, bytes, size))
                tb_ws_close(ws, 1003, "this stream only talks: POST samples, or use /host/ws");
}

static const TbWsOps sample_ops = {.message = sample_message, .closed = sample_closed};

static void sample_text(SampleReader *r, const char *text)
{
        if (r->push)
                tb_sse_send(r->push, NULL, NULL, text);
        else
                tb_ws_send_text(r->ws, text);
}

/* Latest wins: a reader that is behind misses samples, it is never sent old ones. */
static bool sample_fits(const SampleReader *r, const char *stream)
{
        if (r->streams && !g_strv_contains((const char *const *)r->streams, stream))
                return false;
        return (r->push ? tb_push_queued(r->push) : tb_ws_queued(r->ws)) <= QUEUE_HIGH;
}

static void sample_event(const TbEvent *event, gpointer user)
{
        SampleReader *r = user;
        if (!tb_event_is_sample(event) || g_strcmp0(event->device, r->device) != 0 ||
            g_strcmp0(event->interface, r->interface) != 0)
                return;
        const char *stream = json_string_value(json_object_get(event->data, "stream"));
        if (stream && sample_fits(r, stream))
                sample_text(r, tb_event_text(event, TB_EVENT_MESSAGE, NULL));
}

static SampleReader *sample_new(TbApi *api, TbRequest *request, TbInterface *iface)
{
        SampleReader *r = g_new0(SampleReader, 1);
        const char *streams = tb_request_query_string(request, "stream");
        r->api = api;
        r->device = g_strdup(tb_device_id(tb_interface_device(iface)));
        r->interface = g_strdup(tb_interface_name(iface));
        r->streams = streams && *streams ? g_strsplit(streams, ",", TB_LIMIT_STREAMS) : NULL;
        r->bus = tb_bus_read(tb_core_bus(api->core), sample_event, NULL, r);
        r->want = tb_core_want(api->core, r->device, r->interface, (const char *const *)r->streams);
        return r;
}

/* What is known now comes first, so that a page need not wait for the next sample. */
static void sample_begin(SampleReader *r, TbInterface *iface)
{
        json_auto_t *latest = tb_interface_samples(iface);
        const char *stream;
        json_t *value;
        json_object_foreach (latest, stream, value) {
                if (!sample_fits(r, stream))
                        continue;
                json_auto_t *m = json_pack("{s:s, s:s, s:s, s:s}", "type", "sample", "device", r->device,
                                           "interface", r->interface, "stream", stream);
                json_object_update_missing(m, value);
                g_autofree char *text = tb_json_text(m, NULL);
                sample_text(r, text);
        }
}

static void samples_sse(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        SampleReader *r = sample_new(api, request, iface);
        r->push = tb_request_reply_sse(request, sample_gone, r);
        if (r->push)
                sample_begin(r, iface);
        else
                sample_free(r);
}

static void samples_ws(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        SampleReader *r = sample_new(api, request, iface);
        r->ws = tb_request_upgrade(request, NULL, 1024, &sample_ops, r);
        if (r->ws)
                sample_begin(r, iface);
        else
                sample_free(r);
}

static const TbParam log_params[] = {
        {.name = "from",
         .type = TB_PARAM_INT,
         .min = -9e15,
         .max = 9e15,
         .help = "replays from this offset first; 0: all that is kept; negative: so many bytes before the "
                 "end"},
        {.name = "last_event_id",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .help = "as the header Last-Event-ID: the offset of a line; those behind it come"},
        TB_PARAM_END,
};
static const TbParam sample_params[] = {
        TB_PARAM_STREAMS,
        TB_PARAM_END,
};

static const TbApiRoute routes[] = {
        {.kind = TB_KIND_LOGS,
         .route = {.method = "GET",
                   .path = "",
                   .flags = TB_ROUTE_WEBSOCKET,
                   .query = log_params,
                   .summary =
                           "Log lines as they come: Server-Sent Events, or a WebSocket with Upgrade; ?from= "
                           "replays, Last-Event-ID or last_event_id resumes, {\"type\":\"ping\"} is answered",
                   .answers = "101; 200 text/event-stream"},
         .call = logs_ws,
         .op = "get"},
        {.kind = TB_KIND_LOGS,
         .route = {.method = "GET",
                   .path = "",
                   .flags = TB_ROUTE_STREAMING,
                   .query = log_params,
                   .summary = "Log lines as they come; ?from= replays, Last-Event-ID resumes"},
         .call = logs,
         .op = "get"},
        {.kind = TB_KIND_SENSORS,
         .route = {.method = "GET",
                   .path = "/stream",
                   .role = TB_ROLE_VIEWER,
                   .flags = TB_ROUTE_WEBSOCKET,
                   .query = sample_params,
                   .summary = "Samples as they come: Server-Sent Events, or a WebSocket with Upgrade",
                   .answers = "101; 200 text/event-stream; 404"},
         .call = samples_ws},
        {.kind = TB_KIND_SENSORS,
         .route = {.method = "GET",
                   .path = "/stream",
                   .role = TB_ROLE_VIEWER,
                   .flags = TB_ROUTE_STREAMING,
                   .query = sample_params,
                   .summary = "Samples as they come",
                   .answers = "200 text/event-stream; 404"},
         .call = samples_sse},
        {.route = {.method = NULL}},
};

void tb_api_add_streams(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
}
