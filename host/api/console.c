/*
 * Consoles over WebSocket: binary frames are bytes, both ways. Every client has its own offset into the
 * history and is fed at its own pace, so a slow one neither slows another nor loses a byte. Text frames are
 * notices, as JSON: {"type":"gap","from","to"} when history was older than what is kept,
 * {"type":"held","waiting"} when the device takes nothing (its flow control holds the line) and so many bytes wait for it,
 * {"type":"error","status","title","detail",…} when what the client wrote was refused.
 *
 * With ?control=true text frames of the client are no bytes for the device but messages: {"type":"ping"} is answered by
 * {"type":"pong","taken","end"} (bytes of this client that the device was given, end of the history), so that a client
 * finds out that its connection is dead, and what of its typing got lost; {"type":"end","keep"} goes on at that many bytes
 * before the end, with a gap.
 */
#include <string.h>

#include "host/api/private.h"
#include "lib/json.h"
#include "lib/limits.h"

#define QUEUE_HIGH (256 * 1024) /* bytes waiting in the socket above which the rest waits in the history */
#define CHUNK (32 * 1024)
#define RETRY_MS 250            /* pause of a client for whose write the lane has no place */
#define WRITE_BATCH (64 * 1024) /* bytes of one write command */
/* bytes waiting for the device above which the client is no longer read */
#define PENDING_HIGH (256 * 1024)

typedef struct Client {
        TbApi *api; /* borrowed */
        TbWs *ws;   /* borrowed; NULL: it was closed in order, and what it sent before goes to the device */
        char *device, *interface, *user, *lease, *request;
        TbRole role;
        TbInterface *iface; /* borrowed; NULL: it went away, the socket is being closed */
        guint watch;
        TbPresent *present;      /* owned: he is with the device; NULL: no more */
        TbHistoryReader *reader; /* owned; NULL with iface */
        GByteArray *pending;     /* written by the client, not yet given to the device */
        TbCommand *command;      /* the write in progress; NULL: none */
        GBytes *writing;         /* owned; what it writes, or what of it is tried again */
        guint retry;             /* the lane is full: a timer */
        gint64 held_us;          /* since when the device takes nothing; 0: it does */
        guint64 taken;           /* bytes that the device was given */
        bool paused;
        bool control; /* its text frames are messages */
} Client;

static void send_notice(Client *c, json_t *notice_take)
{
        if (c->ws)
                tb_ws_send_json(c->ws, notice_take);
        json_decref(notice_take);
}

/* --- device -> client --- */
static void pump(Client *c)
{
        while (c->iface && c->ws && tb_ws_queued(c->ws) < QUEUE_HIGH) {
                guint8 bytes[CHUNK];
                guint64 at = 0;
                gint64 place = tb_history_reader_place(c->reader);
                gsize n = tb_history_reader_read(c->reader, bytes, sizeof bytes, &at);
                if (n == 0)
                        return;
                if (place >= 0 && place != TB_HISTORY_NOW && at != (guint64)place)
                        send_notice(c, json_pack("{s:s, s:I, s:I}", "type", "gap", "from", (json_int_t)place,
                                                 "to", (json_int_t)at));
                tb_history_reader_seek(c->reader, (gint64)(at + n));
                if (!tb_ws_send(c->ws, true, bytes, n))
                        return; /* it is being closed */
        }
}

static void on_fetched(gpointer user)
{
        pump(user);
}

static void on_grew(TbInterface *iface G_GNUC_UNUSED, gpointer user)
{
        pump(user);
}

static void on_drained(TbWs *ws G_GNUC_UNUSED, gpointer data)
{
        pump(data);
}

/* --- client -> device --- */
static void write_next(Client *c);
static void client_gone(Client *c);

static void drop_pending(Client *c)
{
        g_byte_array_set_size(c->pending, 0);
        g_clear_pointer(&c->writing, g_bytes_unref);
}

static void set_paused(Client *c, bool paused)
{
        if (c->paused == paused)
                return;
        c->paused = paused;
        tb_ws_pause(c->ws, paused);
}

static gboolean on_retry(gpointer user)
{
        Client *c = user;
        c->retry = 0;
        write_next(c);
        return G_SOURCE_REMOVE;
}

static void refuse_written(Client *c, const json_t *result, const GError *error)
{
        gsize lost = c->pending->len + (c->writing ? g_bytes_get_size(c->writing) : 0);
        json_t *notice = tb_error_to_json(error);
        json_object_set_new(notice, "type", json_string("error"));
        json_object_set_new(notice, "dropped", json_integer((json_int_t)lost));
        if (json_is_object(result))
                json_object_update_missing(notice, (json_t *)result); /* holder, expires_at */
        send_notice(c, notice);
        drop_pending(c); /* what stood behind it would arrive torn */
}

/* The device takes nothing: said once, and the rest waits. */
static void note_held(Client *c, bool held)
{
        gint64 now = g_get_monotonic_time();
        if (held && !c->held_us) {
                c->held_us = now;
                gsize waits = c->pending->len + g_bytes_get_size(c->writing);
                if (c->ws)
                        send_notice(c, json_pack("{s:s, s:I}", "type", "held", "waiting", (json_int_t)waits));
        }
        if (!held)
                c->held_us = 0;
        if (c->held_us && !c->ws && now - c->held_us >= TB_LIMIT_WRITE_KEPT_MS * G_TIME_SPAN_MILLISECOND)
                drop_pending(c);
}

static void on_written(json_t *result, const GError *error, gpointer user)
{
        Client *c = user;
        gsize size = g_bytes_get_size(c->writing), taken;
        c->command = NULL;
        bool on = tb_console_goes_on(result, error, size, &taken);
        c->taken += taken;
        GBytes *rest = taken < size ? g_bytes_new_from_bytes(c->writing, taken, size - taken) : NULL;
        g_bytes_unref(c->writing);
        c->writing = rest;
        if (!on)
                refuse_written(c, result, error);
        else
                note_held(c, taken == 0 && g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT));
        if (on && g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT) && !c->retry)
                c->retry = g_timeout_add(RETRY_MS, on_retry, c);
        write_next(c);
}

/* One write at a time keeps the order, whatever the worker does in between. */
static void write_next(Client *c)
{
        if (!c->command && !c->retry && (c->writing || c->pending->len > 0) && c->iface) {
                if (!c->writing) {
                        guint n = MIN(c->pending->len, WRITE_BATCH);
                        c->writing = g_bytes_new(c->pending->data, n);
                        g_byte_array_remove_range(c->pending, 0, n);
                }
                g_autofree char *verb = g_strconcat(c->interface, ".write", NULL);
                TbActor actor = {c->user, c->role, c->lease, "ws", c->request};
                TbPayload payload = {.bytes = c->writing, .size = (gint64)g_bytes_get_size(c->writing)};
                c->command =
                        tb_core_command(c->api->core, &actor, c->device, verb, NULL, &payload, on_written, c);
        }
        if (c->ws)
                set_paused(c, c->pending->len > PENDING_HIGH);
        else if (!c->writing && c->pending->len == 0 && !c->command)
                client_gone(c);
}

static void refuse(Client *c, const GError *error)
{
        json_t *notice = tb_error_to_json(error);
        json_object_set_new(notice, "type", json_string("error"));
        send_notice(c, notice);
}

/* The client saw enough of a flood: the rest is in the history. */
static void go_to_end(Client *c, guint64 keep)
{
        TbHistory *history = tb_interface_history(c->iface);
        guint64 end = tb_history_end(history), start = tb_history_start(history);
        guint64 to = end - MIN(keep, end - start);
        gint64 place = tb_history_reader_place(c->reader);
        if (place < 0 || place == TB_HISTORY_NOW || to <= (guint64)place)
                return;
        send_notice(c, json_pack("{s:s, s:I, s:I, s:s}", "type", "gap", "from", (json_int_t)place, "to",
                                 (json_int_t)to, "reason", "skipped"));
        tb_history_reader_seek(c->reader, (gint64)to);
        pump(c);
}

static void on_control(Client *c, const guint8 *bytes, gsize size)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *m = tb_json_parse((const char *)bytes, size, &error);
        const char *type = json_string_value(json_object_get(m, "type"));
        json_int_t keep = json_integer_value(json_object_get(m, "keep"));
        if (!error && g_strcmp0(type, "ping") == 0)
                send_notice(c, json_pack("{s:s, s:I, s:I}", "type", "pong", "taken", (json_int_t)c->taken,
                                         "end", (json_int_t)tb_history_end(tb_interface_history(c->iface))));
        else if (!error && g_strcmp0(type, "end") == 0 && keep >= 0)
                go_to_end(c, (guint64)keep);
        else if (!error)
                tb_set_error(&error, TB_ERROR_INVALID,
                             "text frames of this console (control=true) are {\"type\":\"ping\"} or "
                             "{\"type\":\"end\",\"keep\"}; bytes for the device go in binary frames");
        if (error)
                refuse(c, error);
}

static void on_message(TbWs *ws G_GNUC_UNUSED, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        Client *c = data;
        if (c->control && !binary) {
                if (c->iface)
                        on_control(c, bytes, size);
                return;
        }
        g_byte_array_append(c->pending, bytes, (guint)size);
        write_next(c);
}

/* --- life --- */
static void leave(Client *c)
{
        if (c->iface && c->watch)
                tb_interface_unwatch(c->iface, c->watch);
        g_clear_pointer(&c->reader, tb_history_reader_free);
        g_clear_pointer(&c->present, tb_core_absent);
        c->iface = NULL;
}

static void client_free(Client *c)
{
        if (c->command)
                tb_command_cancel(c->command);
        leave(c);
        g_clear_handle_id(&c->retry, g_source_remove);
        g_clear_pointer(&c->writing, g_bytes_unref);
        g_byte_array_unref(c->pending);
        g_free(c->user);
        g_free(c->device);
        g_free(c->interface);
        g_free(c->lease);
        g_free(c->request);
        g_free(c);
}

static void client_gone(Client *c)
{
        g_queue_remove(&c->api->consoles, c);
        client_free(c);
}

static guint parting(const TbApi *api)
{
        guint n = 0;
        for (const GList *i = api->consoles.head; i; i = i->next)
                n += ((const Client *)i->data)->ws == NULL;
        return n;
}

/* In order: what came before the close is written, as on a wire. */
static void on_closed(TbWs *ws G_GNUC_UNUSED, int code, gpointer data)
{
        Client *c = data;
        bool waits = c->command || c->writing || c->pending->len > 0;
        c->ws = NULL;
        if (!waits || !c->iface || code == 1006 || c->api->stopping ||
            parting(c->api) > TB_LIMIT_CONSOLE_PARTING) {
                client_gone(c);
                return;
        }
        tb_interface_unwatch(c->iface, c->watch); /* its place is free */
        c->watch = 0;
        g_clear_pointer(&c->present, tb_core_absent);
        write_next(c);
}

static const TbWsOps ws_ops = {.message = on_message, .drained = on_drained, .closed = on_closed};

void tb_api_consoles_stop(TbApi *api)
{
        for (GList *i = api->consoles.head, *next; i; i = next) {
                next = i->next;
                if (!((Client *)i->data)->ws)
                        client_gone(i->data);
        }
}

void tb_api_consoles_event(TbApi *api, const TbEvent *event)
{
        if (strcmp(event->type, "device.removed") != 0)
                return;
        for (GList *i = api->consoles.head, *next; i; i = next) {
                Client *c = i->data;
                next = i->next;
                if (!c->iface || strcmp(c->device, event->device) != 0)
                        continue;
                leave(c);
                if (!c->ws)
                        client_gone(c);
                else
                        tb_ws_close(c->ws, 1001,
                                    "the device was removed, or attached otherwise: connect again");
        }
}

static void open_ws(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        TbHistory *history = tb_interface_history(iface);
        json_t *from = json_object_get(tb_request_query(request), "from");
        bool open = tb_history_is_open(history);
        if (from && open && (guint64)json_integer_value(from) > tb_history_end(history)) {
                g_autoptr(GError) error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, "from",
                                   "offset %" JSON_INTEGER_FORMAT
                                   " is behind the end of the history (%" G_GUINT64_FORMAT ")",
                                   json_integer_value(from), tb_history_end(history));
                tb_request_reply_error(request, error);
                return;
        }
        TbActor actor = tb_api_actor(request);
        Client *c = g_new0(Client, 1);
        c->api = api;
        c->device = g_strdup(tb_device_id(tb_interface_device(iface)));
        c->interface = g_strdup(tb_interface_name(iface));
        c->user = g_strdup(actor.user);
        c->lease = g_strdup(actor.lease);
        c->request = g_strdup(actor.request);
        c->control = json_is_true(json_object_get(tb_request_query(request), "control"));
        c->pending = g_byte_array_new();
        c->reader = tb_history_reader_new(history, from ? json_integer_value(from) : TB_HISTORY_NOW,
                                          on_fetched, c);
        g_autoptr(GError) full = NULL;
        guint watch = tb_api_watch(request, iface, on_grew, c, &full);
        if (!watch)
                tb_request_reply_error(request, full);
        else
                c->ws = tb_request_upgrade(request, NULL, TB_LIMIT_CONSOLE_WRITE, &ws_ops, c);
        if (!c->ws) {
                tb_interface_unwatch(iface, watch);
                client_free(c);
                return;
        }
        c->role = tb_ws_role(c->ws);
        c->iface = iface;
        c->watch = watch;
        const TbPresence who = tb_api_presence(request, "console");
        c->present = tb_core_present(tb_interface_device(iface), &who);
        g_queue_push_tail(&api->consoles, c);
        pump(c);
}

/* --- /log --- */
static void reply_log(TbRequest *request, json_t *result, gpointer data)
{
        bool jsonl = GPOINTER_TO_INT(data);
        GString *out = g_string_new(NULL);
        json_t *lines = json_object_get(result, "lines"), *line;
        gsize i;
        json_array_foreach (lines, i, line) {
                if (jsonl) {
                        g_autofree char *text = tb_json_text(line, NULL);
                        g_string_append(out, text);
                } else {
                        g_string_append(out, json_string_value(json_object_get(line, "text")));
                }
                if (jsonl ||
                    !json_object_get(line,
                                     "more")) /* the answers of one poll after the other make one text */
                        g_string_append_c(out, '\n');
        }
        g_autofree char *next =
                g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(result, "next")));
        g_autofree char *end = g_strdup_printf("%" JSON_INTEGER_FORMAT,
                                               json_integer_value(json_object_get(result, "offset")));
        tb_request_add_header(request, "X-Next-Offset", next);
        tb_request_add_header(request, "X-End-Offset", end);
        g_autoptr(GBytes) bytes = g_string_free_to_bytes(out);
        tb_request_reply_bytes(request, 200, jsonl ? "application/x-ndjson" : "text/plain; charset=utf-8",
                               bytes);
}

static void get_log(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        g_autofree char *text = g_strdup_printf("%s.%s", tb_interface_name(iface), verb->op);
        bool jsonl = g_strcmp0(json_string_value(json_object_get(tb_request_query(request), "format")),
                               "jsonl") == 0;
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = text,
                               .params = tb_request_query(request),
                               .reply = reply_log,
                               .data = GINT_TO_POINTER(jsonl)});
}

static const TbParam ws_params[] = {
        {.name = "from",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .help = "replays the history from this offset first; 0: all that is kept"},
        {.name = "lease", .type = TB_PARAM_STRING, .max = 128, .help = "as X-Lease"},
        {.name = "control",
         .type = TB_PARAM_BOOL,
         .help = "text frames are messages: {\"type\":\"ping\"} is answered by "
                 "{\"type\":\"pong\",\"taken\",\"end\"}, "
                 "{\"type\":\"end\",\"keep\"} skips to so many bytes before the end"},
        TB_PARAM_END,
};

static const TbApiRoute routes[] = {
        {.kind = TB_KIND_CONSOLE,
         .route = {.method = "GET",
                   .path = "",
                   .flags = TB_ROUTE_WEBSOCKET,
                   .query = ws_params,
                   .summary = "Line settings, history offsets, clients. With Upgrade: a WebSocket, binary "
                              "frames are "
                              "bytes both ways",
                   .answers = "101; 200 application/json Console"},
         .call = open_ws,
         .op = "get"},
        {.route = {.method = NULL}},
};

void tb_api_add_console(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
        tb_api_add_verb_route(api, tb_core_verb(TB_KIND_CONSOLE, "log"), TB_BODY_NONE, get_log);
}
