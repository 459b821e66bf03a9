/*
 * The bus as Server-Sent Events or, with Upgrade, as a WebSocket of the same objects: a browser gives a host six
 * connections for all its tabs, and WebSockets are not among them. A reader that is too slow is cut: it comes back with
 * the id of the last event that it has and misses nothing, as long as the bus still has what it missed; otherwise it gets
 * one event "gap" and should reload.
 */
#include <string.h>

#include "host/api/private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"

typedef struct Reader {
        TbApi *api;   /* borrowed */
        TbPush *push; /* borrowed; NULL: it is a WebSocket */
        TbWs *ws;     /* borrowed; NULL: it is an event stream */
        guint bus;
        char **devices, **types; /* NULL: all */
        bool cut;                /* its queue is full: to be closed from the loop */
        guint closing;
} Reader;

static void reader_free(Reader *r)
{
        if (r->bus)
                tb_bus_unsubscribe(tb_core_bus(r->api->core), r->bus);
        if (r->closing)
                g_source_remove(r->closing);
        g_strfreev(r->devices);
        g_strfreev(r->types);
        g_free(r);
}

static void on_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        reader_free(data);
}

/* Types are matched whole: "lease.taken", or by the words before a ".*": "lease.*" is a family, not "lea*". "*" is all. */
static bool type_fits(const char *pattern, const char *type)
{
        gsize n = strlen(pattern);
        if (g_str_has_suffix(pattern, ".*"))
                return strncmp(pattern, type, n - 1) == 0;
        return strcmp(pattern, "*") == 0 || strcmp(pattern, type) == 0;
}

static bool is_pattern(const char *text)
{
        gsize n = strlen(text);
        return strcmp(text, "*") == 0 ||
               tb_name_valid_n(TB_NAME_TYPE, text, g_str_has_suffix(text, ".*") ? n - 2 : n);
}

static bool wanted(const Reader *r, const TbEvent *event)
{
        if (r->devices &&
            (!event->device || !g_strv_contains((const char *const *)r->devices, event->device)))
                return false;
        if (!r->types) /* the two floods only on demand */
                return event->id > 0 ||
                       (strcmp(event->type, "sample") != 0 && strcmp(event->type, "line") != 0);
        for (char **t = r->types; *t; t++)
                if (type_fits(*t, event->type))
                        return true;
        return false;
}

static gboolean close_later(gpointer data)
{
        Reader *r = data;
        r->closing = 0;
        if (r->push)
                tb_push_close(r->push); /* frees the reader */
        else
                tb_ws_close(r->ws, 1013, "too slow: come back with last_event_id");
        return G_SOURCE_REMOVE;
}

static void cut(Reader *r)
{
        if (r->cut)
                return;
        r->cut = true;
        r->closing = g_idle_add(close_later, r);
}

static void say(Reader *r, const char *id, const char *text)
{
        if (!(r->push ? tb_sse_send(r->push, id, NULL, text) : tb_ws_send_text(r->ws, text)))
                cut(r);
}

static void on_event(const TbEvent *event, gpointer user)
{
        Reader *r = user;
        if (r->cut || !wanted(r, event))
                return;
        g_autofree char *id = event->id ? g_strdup_printf("%" G_GUINT64_FORMAT, event->id) : NULL;
        say(r, id, tb_event_text(event, TB_EVENT_JSON, NULL));
}

/* It comes back with the id of the last one that it has. */
static void on_lost(guint64 events G_GNUC_UNUSED, gpointer user)
{
        cut(user);
}

/* Without an id field: a browser then keeps the id of the last real event. */
static void tell_gap(Reader *r, guint64 after, const char *why)
{
        json_auto_t *data = json_pack("{s:I, s:s}", "after", (json_int_t)after, "reason", why);
        json_auto_t *gap = tb_event_json(&(TbEvent){.t = tb_clock_ms(), .type = "gap", .data = data});
        g_autofree char *text = tb_json_text(gap, NULL);
        say(r, NULL, text);
}

typedef struct Replay {
        Reader *reader;
        guint64 after; /* 0: everything that is kept, whatever went before */
        bool begun;
} Replay;

static void on_replayed(const TbEvent *event, gpointer user)
{
        Replay *replay = user;
        if (!replay->begun && replay->after > 0 && event->id > replay->after + 1)
                tell_gap(replay->reader, replay->after, "events in between are no longer kept");
        replay->begun = true;
        on_event(event, replay->reader);
}

static void replay(Reader *r, guint64 after)
{
        TbBus *bus = tb_core_bus(r->api->core);
        bool future = after > tb_bus_last_id(bus);
        if (future)
                tell_gap(r, after, "this host has not had that event: it was set up anew");
        tb_bus_replay(bus, future ? 0 : after, on_replayed, &(Replay){r, future ? 0 : after, false});
}

static bool last_event_id(TbRequest *request, bool *ret_given, guint64 *ret, GError **error)
{
        const char *text = tb_request_header(request, "Last-Event-ID");
        json_t *query = json_object_get(tb_request_query(request), "last_event_id");
        *ret_given = text || query;
        *ret = query ? (guint64)json_integer_value(query) : 0;
        if (!text || g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, ret, NULL))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "Last-Event-ID",
                           "Last-Event-ID is not the id of an event: a whole number is expected");
        return false;
}

static char **words(TbRequest *request, const char *name)
{
        const char *text = tb_request_query_string(request, name);
        return text && *text ? g_strsplit(text, ",", 64) : NULL;
}

/* --- WebSocket --- */
static void on_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        reader_free(data);
}

static void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data G_GNUC_UNUSED)
{
        if (!tb_api_answer_ping(ws, binary, bytes, size))
                tb_ws_close(ws, 1003, "here only {\"type\":\"ping\"} is understood; commands go by /host/ws");
}

static const TbWsOps ws_ops = {.message = on_message, .closed = on_closed};

/* NULL, and answered: the request is wrong. */
static Reader *reader_new(TbApi *api, TbRequest *request, bool *ret_resume, guint64 *ret_after)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) devices = words(request, "device");
        for (char **d = devices; d && *d && !error; d++)
                tb_core_device(api->core, *d, &error);
        g_auto(GStrv) types = words(request, "type");
        for (char **t = types; t && *t && !error; t++)
                if (!is_pattern(*t))
                        tb_error_set_field(
                                &error, TB_ERROR_INVALID, "type",
                                "\"%s\" is no type of events: name it whole, \"power.state\", or a "
                                "family, \"lease.*\"",
                                *t);
        if (error || !last_event_id(request, ret_resume, ret_after, &error)) {
                tb_request_reply_error(request, error);
                return NULL;
        }
        Reader *r = g_new0(Reader, 1);
        r->api = api;
        r->devices = g_steal_pointer(&devices);
        r->types = g_steal_pointer(&types);
        return r;
}

static void begin(TbRequest *request, TbApi *api, bool socket)
{
        bool resume = false;
        guint64 after = 0;
        Reader *r = reader_new(api, request, &resume, &after);
        if (!r)
                return;
        if (socket)
                r->ws = tb_request_upgrade(request, NULL, TB_LIMIT_EVENTS_MESSAGE, &ws_ops, r);
        else
                r->push = tb_request_reply_sse(request, on_gone, r);
        if (!r->push && !r->ws) {
                reader_free(r);
                return;
        }
        if (resume)
                replay(r, after);
        r->bus = tb_bus_read(tb_core_bus(api->core), on_event, on_lost, r);
}

static void events(TbRequest *request, gpointer data)
{
        begin(request, data, false);
}

static void events_ws(TbRequest *request, gpointer data)
{
        begin(request, data, true);
}

static const TbParam event_params[] = {
        {.name = "device",
         .type = TB_PARAM_STRING,
         .max = 1024,
         .help = "only of these devices: ids, with commas"},
        {.name = "type",
         .type = TB_PARAM_STRING,
         .max = 1024,
         .help = "only these types: names with commas, lease.* for a family; sample and line only come when "
                 "named"},
        {.name = "last_event_id",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .help = "as the header Last-Event-ID: what came after this one first"},
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/events",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_WEBSOCKET,
         .query = event_params,
         .handler = events_ws,
         .tag = "events",
         .summary = "What happens, as Server-Sent Events or a WebSocket (with Upgrade) of the same objects; "
                    "Last-Event-ID or last_event_id resumes, {\"type\":\"ping\"} is answered",
         .answers = "101; 200 text/event-stream; 400; 404"},
        {.method = "GET",
         .path = "/host/events",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_STREAMING,
         .query = event_params,
         .handler = events,
         .tag = "events",
         .summary = "What happens, as Server-Sent Events; Last-Event-ID resumes",
         .answers = "200 text/event-stream; 400; 404"},
        {.method = NULL},
};

void tb_api_add_events(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
