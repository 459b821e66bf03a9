#include "host/core/control/control_stream.h"

#include <string.h>

#include "host/core/control/control.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"

/* A carrier that does not tell when it can take more is asked again. */
#define RETRY_MS 40

typedef enum What { WHAT_EVENT, WHAT_SENSOR, WHAT_LOG, WHAT_CONSOLE } What;

typedef struct Subscription {
        TbControlStream *stream; /* borrowed: the owner */
        char *key;
        What what;
        char *device, *interface; /* NULL: any */
        TbWant *want;             /* owned; sensors of a device that was named; else NULL */
        /* console */
        guint watch;             /* 0: the interface is not there now */
        TbInterface *watched;    /* borrowed; NULL with watch 0 */
        TbHistoryReader *reader; /* owned; NULL with watch 0 */
        gint64 from;             /* where the next reader begins */
} Subscription;

struct TbControlStream {
        TbCore *core; /* borrowed */
        char *only;
        TbPlaceBy by;
        bool (*send)(const char *text, gsize size, gpointer data);
        gsize (*queued)(gpointer data);
        gpointer data;
        GPtrArray *subscriptions; /* owned */
        guint bus, devices;       /* subscriptions on the bus; 0: none */
        guint more;               /* the rest of what consoles have said comes in later turns of the loop */
        guint retry;
        guint64 lost; /* events that could not be sent since the last "gap" */
};

static void unwatch(Subscription *s)
{
        if (s->watch)
                tb_interface_unwatch(s->watched, s->watch);
        if (s->reader)
                s->from = tb_history_reader_place(s->reader);
        g_clear_pointer(&s->reader, tb_history_reader_free);
        s->watch = 0;
        s->watched = NULL;
}

static void subscription_free(gpointer data)
{
        Subscription *s = data;
        unwatch(s);
        tb_core_unwant(s->want);
        g_free(s->key);
        g_free(s->device);
        g_free(s->interface);
        g_free(s);
}

TbControlStream *tb_control_stream_new(TbCore *core, const char *only_device, const TbPlaceBy *by,
                                       bool (*send)(const char *, gsize, gpointer), gsize (*queued)(gpointer),
                                       gpointer data)
{
        TbControlStream *stream = g_new0(TbControlStream, 1);
        stream->core = core;
        stream->only = g_strdup(only_device);
        stream->by = *by;
        stream->send = send;
        stream->queued = queued;
        stream->data = data;
        stream->subscriptions = g_ptr_array_new_with_free_func(subscription_free);
        return stream;
}

void tb_control_stream_free(TbControlStream *stream)
{
        if (!stream)
                return;
        tb_bus_unsubscribe(tb_core_bus(stream->core), stream->bus);
        tb_bus_unsubscribe(tb_core_bus(stream->core), stream->devices);
        if (stream->retry)
                g_source_remove(stream->retry);
        if (stream->more)
                g_source_remove(stream->more);
        g_ptr_array_unref(stream->subscriptions);
        g_free(stream->only);
        g_free(stream);
}

static bool send_json(TbControlStream *stream, json_t *message_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        bool sent = text && stream->send(text, size, stream->data);
        json_decref(message_take);
        return sent;
}

static gboolean on_retry(gpointer data)
{
        TbControlStream *stream = data;
        stream->retry = 0;
        tb_control_stream_resume(stream);
        return G_SOURCE_REMOVE;
}

/* --- console --- */
/* One piece: a reader who keeps up must not make a turn of the loop of a whole history. Whether there may be more. */
static bool pump_piece(Subscription *s)
{
        TbControlStream *stream = s->stream;
        if (!s->reader || stream->retry || stream->queued(stream->data) >= TB_CONTROL_QUEUE_HIGH)
                return false;
        guint8 bytes[TB_CONTROL_CONSOLE_CHUNK];
        guint64 at = 0;
        gsize n = tb_history_reader_read(s->reader, bytes, sizeof bytes, &at);
        if (n == 0)
                return false;
        g_autofree char *base64 = g_base64_encode(bytes, n);
        json_t *m =
                json_pack("{s:s, s:s, s:s, s:I, s:s}", "type", "console", "device", s->device, "interface",
                          tb_interface_name(s->watched), "offset", (json_int_t)at, "base64", base64);
        if (!send_json(stream, m)) {
                stream->retry = g_timeout_add(RETRY_MS, on_retry, stream);
                return false;
        }
        tb_history_reader_seek(s->reader, (gint64)(at + n));
        return at + n < tb_history_end(tb_interface_history(s->watched));
}

static gboolean on_more(gpointer data)
{
        TbControlStream *stream = data;
        bool more = false;
        for (guint i = 0; i < stream->subscriptions->len; i++) {
                Subscription *s = g_ptr_array_index(stream->subscriptions, i);
                more |= s->what == WHAT_CONSOLE && pump_piece(s);
        }
        if (!more)
                stream->more = 0;
        return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void pump_on(TbControlStream *stream)
{
        if (!stream->more)
                stream->more = g_idle_add_full(G_PRIORITY_DEFAULT, on_more, stream, NULL);
}

static void pump(Subscription *s)
{
        if (!s->stream->more && pump_piece(s))
                pump_on(s->stream);
}

static void grew(TbInterface *iface G_GNUC_UNUSED, gpointer user)
{
        pump(user);
}

static void fetched(gpointer user)
{
        pump(user);
}

static TbInterface *find_console(TbControlStream *stream, const char *device_id, const char *name,
                                 GError **error)
{
        TbInterface *iface = NULL;
        if (name) {
                iface = tb_core_interface(stream->core, device_id, name, error);
        } else {
                TbDevice *device = tb_core_device(stream->core, device_id, error);
                if (!device)
                        return NULL;
                iface = tb_device_interface_of(device, TB_KIND_CONSOLE);
                if (!iface)
                        tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no console", device_id);
        }
        if (iface && !tb_interface_history(iface)) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s is no console", tb_interface_id(iface));
                return NULL;
        }
        return iface;
}

static bool watch(Subscription *s, TbInterface *iface, GError **error)
{
        s->watch = tb_interface_watch(iface, &s->stream->by, grew, s, error);
        if (!s->watch)
                return false;
        s->watched = iface;
        s->reader = tb_history_reader_new(tb_interface_history(iface), s->from, fetched, s);
        return true;
}

/* A device that comes back (its attachment was changed) goes on in its history: the offset stays. */
static void rewatch(Subscription *s)
{
        TbInterface *iface = s->watch ? NULL : find_console(s->stream, s->device, s->interface, NULL);
        g_autoptr(GError) error = NULL;
        if (!iface)
                return;
        if (!watch(s, iface, &error)) { /* others were quicker: said, as on subscribing */
                send_json(s->stream, tb_control_refusal(error));
                return;
        }
        pump(s);
}

void tb_control_stream_resume(TbControlStream *stream)
{
        if (stream->lost > 0) {
                json_auto_t *data = json_pack("{s:I}", "lost", (json_int_t)stream->lost);
                const TbEvent gap = {.t = tb_clock_ms(), .type = "gap", .data = data};
                if (send_json(stream, tb_event_message(&gap)))
                        stream->lost = 0;
                else if (!stream->retry)
                        stream->retry = g_timeout_add(RETRY_MS, on_retry, stream);
        }
        pump_on(stream);
}

/* --- bus --- */
static What what_of(const TbEvent *event)
{
        if (tb_event_is_sample(event))
                return WHAT_SENSOR;
        if (event->id == 0 && g_str_equal(event->type, "line"))
                return WHAT_LOG;
        return WHAT_EVENT;
}

static bool matches(const Subscription *s, const TbEvent *event)
{
        return (!s->device || g_strcmp0(s->device, event->device) == 0) &&
               (!s->interface || g_strcmp0(s->interface, event->interface) == 0);
}

static void on_device(const TbEvent *event, gpointer user)
{
        TbControlStream *stream = user;
        bool removed = g_str_equal(event->type, "device.removed");
        if (!removed && !g_str_equal(event->type, "device.added"))
                return;
        for (guint i = 0; i < stream->subscriptions->len; i++) {
                Subscription *s = g_ptr_array_index(stream->subscriptions, i);
                if (s->what != WHAT_CONSOLE || g_strcmp0(s->device, event->device) != 0)
                        continue;
                if (removed)
                        unwatch(s);
                else
                        rewatch(s);
        }
}

static void lose(TbControlStream *stream, guint64 events)
{
        stream->lost += events;
        if (!stream->retry)
                stream->retry = g_timeout_add(RETRY_MS, on_retry, stream);
}

static bool wants(const TbControlStream *stream, What what, const TbEvent *event)
{
        if (stream->only && g_strcmp0(stream->only, event->device) != 0)
                return false;
        for (guint i = 0; i < stream->subscriptions->len; i++) {
                const Subscription *s = g_ptr_array_index(stream->subscriptions, i);
                if (s->what == what && matches(s, event))
                        return true;
        }
        return false;
}

static void on_event(const TbEvent *event, gpointer user)
{
        TbControlStream *stream = user;
        What what = what_of(event);
        if (!wants(stream, what, event))
                return;
        bool full = stream->queued(stream->data) >= TB_CONTROL_QUEUE_HIGH;
        gsize size = 0;
        const char *text = full ? NULL : tb_event_text(event, TB_EVENT_MESSAGE, &size);
        if ((full || !stream->send(text, size, stream->data)) && what == WHAT_EVENT) {
                if (full)
                        stream->lost++; /* told when it has drained */
                else
                        lose(stream, 1);
        }
}

/* Main itself was too slow: nobody knows whether they were of those that are subscribed to. */
static void on_lost(guint64 events, gpointer user)
{
        TbControlStream *stream = user;
        for (guint i = 0; i < stream->subscriptions->len; i++) {
                const Subscription *s = g_ptr_array_index(stream->subscriptions, i);
                if (s->what == WHAT_EVENT) {
                        lose(stream, events);
                        return;
                }
        }
}

/* --- subscribe --- */
static bool what_parse(const char *name, What *ret)
{
        static const struct {
                const char *name;
                What what;
        } names[] = {{"event", WHAT_EVENT},    {"events", WHAT_EVENT}, {"sensor", WHAT_SENSOR},
                     {"sensors", WHAT_SENSOR}, {"log", WHAT_LOG},      {"console", WHAT_CONSOLE}};
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                if (g_str_equal(names[i].name, name)) {
                        *ret = names[i].what;
                        return true;
                }
        }
        return false;
}

static Subscription *find(TbControlStream *stream, const char *key)
{
        for (guint i = 0; i < stream->subscriptions->len; i++) {
                Subscription *s = g_ptr_array_index(stream->subscriptions, i);
                if (g_str_equal(s->key, key))
                        return s;
        }
        return NULL;
}

bool tb_control_stream_add(TbControlStream *stream, const char *key, const TbTopic *topic, gint64 from,
                           GError **error)
{
        What what;
        if (!what_parse(topic->name, &what)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "subscribe",
                                   "there is no topic %s: event, sensor, console, log, picture, sound",
                                   topic->name);
                return false;
        }
        const char *device = topic->device ? topic->device : stream->only;
        if (!device && (what == WHAT_CONSOLE || what == WHAT_LOG)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "subscribe", "name the device: \"%s:board\"",
                                   topic->name);
                return false;
        }
        TbInterface *console = NULL;
        if (what == WHAT_CONSOLE && !(console = find_console(stream, device, topic->interface, error)))
                return false;
        if (what != WHAT_CONSOLE && device && !tb_core_device(stream->core, device, error))
                return false;
        if (find(stream, key))
                return true;
        if (stream->subscriptions->len >= TB_CONTROL_TOPICS) {
                tb_set_error(error, TB_ERROR_LIMIT, "%d topics at most", TB_CONTROL_TOPICS);
                return false;
        }
        Subscription *s = g_new0(Subscription, 1);
        s->stream = stream;
        s->key = g_strdup(key);
        s->what = what;
        s->device = g_strdup(device);
        s->interface = g_strdup(topic->interface);
        s->from = from >= 0 ? from : TB_HISTORY_NOW;
        if (console && !watch(s, console, error)) {
                subscription_free(s);
                return false;
        }
        if (what == WHAT_SENSOR && device)
                s->want = tb_core_want(stream->core, device, topic->interface, NULL);
        g_ptr_array_add(stream->subscriptions, s);
        if (console && !stream->devices)
                stream->devices = tb_bus_follow_devices(tb_core_bus(stream->core), on_device, stream);
        if (!console && !stream->bus)
                stream->bus = tb_bus_read(tb_core_bus(stream->core), on_event, on_lost, stream);
        if (console)
                pump(s);
        return true;
}

void tb_control_stream_remove(TbControlStream *stream, const char *key)
{
        Subscription *s = find(stream, key);
        if (s)
                g_ptr_array_remove(stream->subscriptions, s);
}
