/* Outlets behind an MQTT broker: Tasmota, zigbee2mqtt, or any topics that are named. */
#include <string.h>

#include "drivers/mqtt/broker.h"
#include "drivers/mqtt/mqtt_proto.h"
#include "drivers/transport/http_device.h"
#include "drivers/transport/samples.h"
#include "lib/limits.h"
#include "lib/text.h"

#define PORT 1883
#define PORT_TLS 8883
#define BAD_MOST 3 /* messages in a row that are no number */

typedef struct Outlet {
        TbInstance base;
        TbMqttOutlet says;
        TbMqttEar *ear; /* owned */
        int timeout_ms;
        guint seen;     /* messages of the state that were told */
        guint asked_at; /* how many there were when something was last asked or commanded */
        bool owed;      /* a command was sent that the device has said nothing to yet */
} Outlet;

static const char *where_of(const Outlet *o)
{
        return o->says.topics[TB_MQTT_STATE] ? o->says.topics[TB_MQTT_STATE] : o->says.set;
}

/* --- what was heard --- */
static guint count_of(Outlet *o)
{
        guint n = 0;
        g_free(tb_mqtt_latest(o->ear, TB_MQTT_STATE, &n, NULL));
        return n;
}

/* Well, or why not: the connection, and what stands in for the device when it is gone. */
static bool is_well(Outlet *o, bool *ret_ready, GError **error)
{
        g_autofree char *why = NULL;
        TbMqttState state = tb_mqtt_look(o->ear, &why);
        g_autofree char *alive =
                o->says.topics[TB_MQTT_ALIVE] ? tb_mqtt_latest(o->ear, TB_MQTT_ALIVE, NULL, NULL) : NULL;
        *ret_ready = state == TB_MQTT_CONNECTED;
        if (state == TB_MQTT_REFUSED || state == TB_MQTT_LOST)
                tb_set_error(error, state == TB_MQTT_REFUSED ? TB_ERROR_DEVICE : TB_ERROR_GONE, "%s", why);
        else if (alive && tb_mqtt_parse_alive(&o->says, alive) == 0)
                tb_set_error(error, TB_ERROR_GONE,
                             "the broker says on %s that the device is gone: has it power and network?",
                             o->says.topics[TB_MQTT_ALIVE]);
        else
                return true;
        return false;
}

/* What is known now; UNKNOWN when nothing was said. */
static bool state_of(Outlet *o, TbPowerState *ret, GError **error)
{
        g_autofree char *payload = tb_mqtt_latest(o->ear, TB_MQTT_STATE, NULL, NULL),
                        *watts = tb_mqtt_latest(o->ear, TB_MQTT_WATTS, NULL, NULL);
        bool on = false;
        TbPowerState state = {TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        if (payload && !tb_mqtt_parse_state(&o->says, payload, &on, error))
                return false;
        if (payload)
                state.observed = on ? TB_POWER_ON : TB_POWER_OFF;
        if (watts)
                state.watts = tb_mqtt_parse_watts(&o->says, watts);
        *ret = state;
        return true;
}

/* Until the state was told after `since` messages of it, or the time is up, which is no error. */
static bool wait_state(Outlet *o, TbIo *io, guint since, bool *ret_told, GError **error)
{
        gint64 until_us = g_get_monotonic_time() + (gint64)o->timeout_ms * 1000;
        for (;;) {
                bool ready;
                if (!is_well(o, &ready, error))
                        return false;
                *ret_told = count_of(o) != since;
                gint64 left_us = until_us - g_get_monotonic_time();
                if (*ret_told || left_us <= 0)
                        return true;
                struct pollfd p = {.fd = tb_mqtt_fd(o->ear), .events = POLLIN};
                TbWait waited = tb_io_wait(io, &p, 1, (int)(left_us / 1000) + 1);
                if (waited == TB_WAIT_STOP || waited == TB_WAIT_WAKE)
                        return tb_io_fail(waited, where_of(o), error);
        }
}

static bool ask(Outlet *o, GError **error)
{
        o->asked_at = count_of(o);
        return !o->says.ask ||
               tb_mqtt_publish(o->ear, o->says.ask, o->says.ask_payload ? o->says.ask_payload : "", error);
}

/* --- the lane --- */
static bool wait_connected(Outlet *o, TbIo *io, GError **error)
{
        gint64 until_us = g_get_monotonic_time() + (gint64)o->timeout_ms * 1000;
        for (bool ready = false;;) {
                if (!is_well(o, &ready, error))
                        return false;
                if (ready)
                        return true;
                gint64 left_us = until_us - g_get_monotonic_time();
                struct pollfd p = {.fd = tb_mqtt_fd(o->ear), .events = POLLIN};
                TbWait waited =
                        left_us <= 0 ? TB_WAIT_TIMEOUT : tb_io_wait(io, &p, 1, (int)(left_us / 1000) + 1);
                if (waited == TB_WAIT_TIMEOUT) {
                        const TbUri *uri = o->base.uri;
                        tb_set_error(error, TB_ERROR_GONE,
                                     "no broker answers at %s: does it run, is the address right?",
                                     uri->host);
                        return false;
                }
                if (waited != TB_WAIT_READY)
                        return tb_io_fail(waited, o->base.uri->host, error);
        }
}

static TbMqttEar *listen_to(TbInstance *self, const char *const *topics, guint n, bool all, GError **error)
{
        const TbUri *uri = self->uri;
        bool tls = json_is_true(json_object_get(self->params, "tls"));
        const char *user = json_string_value(json_object_get(self->params, "user")),
                   *password = json_string_value(json_object_get(self->params, "password"));
        const TbMqttWho who = {.host = uri->host,
                               .port = uri->port > 0 ? uri->port
                                       : tls         ? PORT_TLS
                                                     : PORT,
                               .user = user ? user : uri->user,
                               .password = password ? password : uri->password,
                               .tls = tls};
        return tb_mqtt_listen(&who, topics, n, all, error);
}

static bool outlet_open(TbInstance *self, TbIo *io, GError **error)
{
        Outlet *o = (Outlet *)self;
        const json_t *params = self->params;
        bool told = false;
        TbPowerState state;
        o->timeout_ms = (int)json_integer_value(json_object_get(params, "timeout_ms"));
        if (!tb_mqtt_outlet(params, &o->says, error))
                return false;
        o->ear = listen_to(self, (const char *const *)o->says.topics, TB_MQTT_TOPICS, false, error);
        if (!o->ear || !wait_connected(o, io, error) || !ask(o, error))
                return false;
        /* a retained state may be years old where the device can be asked; elsewhere it is what there is */
        if (o->says.topics[TB_MQTT_STATE] && !wait_state(o, io, o->says.ask ? o->asked_at : 0, &told, error))
                return false;
        if (o->says.ask && !told) {
                tb_set_error(error, TB_ERROR_GONE,
                             "the broker is there, but nobody answers on %s: is the name right, has the "
                             "device power?",
                             where_of(o));
                return false;
        }
        if (!state_of(o, &state, error))
                return false;
        o->seen = count_of(o);
        self->up->power(self, &state);
        return true;
}

static void outlet_close(TbInstance *self)
{
        Outlet *o = (Outlet *)self;
        g_clear_pointer(&o->ear, tb_mqtt_unlisten);
        tb_mqtt_outlet_clear(&o->says);
}

static bool outlet_pump(TbInstance *self, TbIo *io, GError **error)
{
        Outlet *o = (Outlet *)self;
        struct pollfd p = {.fd = tb_mqtt_fd(o->ear), .events = POLLIN};
        bool ready;
        g_autoptr(GError) strange = NULL;
        TbPowerState state;
        /* an op that waited may have taken the news */
        if (count_of(o) == o->seen && tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY)
                return true;
        if (!is_well(o, &ready, error))
                return false;
        o->seen = count_of(o);
        bool fine = state_of(o, &state, &strange);
        self->up->fault(self, fine ? NULL : tb_error_detail(strange));
        if (fine)
                self->up->power(self, &state);
        return true;
}

static bool power_set(TbInstance *self, TbIo *io G_GNUC_UNUSED, bool on, GError **error)
{
        Outlet *o = (Outlet *)self;
        o->asked_at = count_of(o); /* what is said from here on is an answer */
        o->owed = true;
        return tb_mqtt_publish(o->ear, o->says.set, on ? o->says.on : o->says.off, error);
}

static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        Outlet *o = (Outlet *)self;
        bool told = true;
        guint since = count_of(o);
        if (since != o->asked_at)
                o->owed = false;
        if (o->says.ask && !ask(o, error))
                return false;
        if (o->says.topics[TB_MQTT_STATE] && (o->says.ask || o->owed) &&
            !wait_state(o, io, o->says.ask ? since : o->asked_at, &told, error))
                return false;
        o->owed = false; /* waited for once: who looks again is not kept waiting for what may never be said */
        if (o->says.ask && !told) {
                tb_set_error(error, TB_ERROR_TIMEOUT, "nobody answers on %s in time", where_of(o));
                return false;
        }
        return state_of(o, ret, error);
}

static bool sample(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Outlet *o = (Outlet *)self;
        TbPowerState state;
        if (!state_of(o, &state, error))
                return false;
        tb_samples_tell(self, "power.watts", "power", "W", state.watts);
        return true;
}

/* --- streams --- */
typedef struct Streams {
        Outlet outlet; /* its connection; it says nothing */
        TbDeclared *rows;
        guint n;
        guint *topic_of; /* of each row: which topic of the ear; owned */
        guint *bad;      /* of each row: messages in a row that were no number; owned */
        guint faulty;    /* row + 1; 0: none */
} Streams;

/* Several streams may stand in one message. */
static char **topics_of(Streams *s)
{
        GPtrArray *topics = g_ptr_array_new();
        for (guint i = 0; i < s->n; i++) {
                const char *topic = tb_declared_text(&s->rows[i], "topic");
                if (!g_ptr_array_find_with_equal_func(topics, topic, g_str_equal, &s->topic_of[i])) {
                        s->topic_of[i] = topics->len;
                        g_ptr_array_add(topics, g_strdup(topic));
                }
        }
        g_ptr_array_add(topics, NULL);
        return (char **)g_ptr_array_free(topics, FALSE);
}

static bool streams_open(TbInstance *self, TbIo *io, GError **error)
{
        Streams *s = (Streams *)self;
        s->rows = tb_declared_of(json_object_get(self->params, "streams"), &s->n);
        s->topic_of = g_new0(guint, s->n);
        s->bad = g_new0(guint, s->n);
        s->faulty = 0;
        s->outlet.timeout_ms = (int)json_integer_value(json_object_get(self->params, "timeout_ms"));
        g_auto(GStrv) topics = topics_of(s);
        s->outlet.ear = listen_to(self, (const char *const *)topics, g_strv_length(topics), true, error);
        return s->outlet.ear && wait_connected(&s->outlet, io, error);
}

static void streams_close(TbInstance *self)
{
        Streams *s = (Streams *)self;
        g_clear_pointer(&s->outlet.ear, tb_mqtt_unlisten);
        g_clear_pointer(&s->rows, g_free);
        g_clear_pointer(&s->topic_of, g_free);
        g_clear_pointer(&s->bad, g_free);
}

/* One bad message is the sender's business, some in a row are a fault, until a good one comes. */
static void note(Streams *s, guint row, bool good, const char *payload)
{
        TbInstance *self = &s->outlet.base;
        s->bad[row] = good ? 0 : s->bad[row] + 1;
        if (good && s->faulty == row + 1) {
                s->faulty = 0;
                self->up->fault(self, NULL);
        } else if (s->bad[row] >= BAD_MOST && !s->faulty) {
                g_autofree char *shown = tb_text_cut(payload, 60),
                                *why = g_strdup_printf(
                                        "%s says on %s what is no number for %s: \"%s\"", self->uri->host,
                                        tb_declared_text(&s->rows[row], "topic"), s->rows[row].stream, shown);
                for (char *c = why; *c; c++)
                        if (g_ascii_iscntrl(*c))
                                *c = ' ';
                s->faulty = row + 1;
                self->up->fault(self, why);
        }
}

static void take_message(Streams *s, guint topic, const char *payload, bool retained)
{
        TbInstance *self = &s->outlet.base;
        bool keep = json_is_true(json_object_get(self->params, "retained"));
        for (guint i = 0; i < s->n; i++) {
                double value;
                gint64 t_ms = 0;
                if (s->topic_of[i] != topic)
                        continue;
                bool good = tb_mqtt_parse_stream(&s->rows[i], payload, &value, &t_ms);
                note(s, i, good, payload);
                if (good && (!retained || t_ms || keep)) /* how old is what the broker has kept? */
                        tb_declared_tell(self, &s->rows[i], value, t_ms);
        }
}

static bool take_all(Streams *s)
{
        bool retained, any = false;
        guint topic;
        for (guint i = 0; i < TB_LIMIT_MQTT_QUEUE; i++) {
                g_autofree char *payload = tb_mqtt_take(s->outlet.ear, &topic, &retained);
                if (!payload)
                        break;
                take_message(s, topic, payload, retained);
                any = true;
        }
        return any;
}

static bool streams_pump(TbInstance *self, TbIo *io, GError **error)
{
        Streams *s = (Streams *)self;
        struct pollfd p = {.fd = tb_mqtt_fd(s->outlet.ear), .events = POLLIN};
        bool ready;
        /* open has looked, too: what came meanwhile waits without a sign */
        return take_all(s) || tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY ||
               is_well(&s->outlet, &ready, error);
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        TbMqttOutlet outlet;
        const json_t *streams = json_object_get(params, "streams");
        if (streams && (json_object_get(params, "preset") || json_object_get(params, "set_topic"))) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "streams",
                        "attach the outlet and the streams each by itself: they share one connection");
                return false;
        }
        if (streams)
                return tb_http_device_check(uri, params, error) && tb_mqtt_check_streams(streams, error);
        if (!tb_http_device_check(uri, params, error) || !tb_mqtt_outlet(params, &outlet, error))
                return false;
        tb_mqtt_outlet_clear(&outlet);
        return true;
}

#define TEXT(n, h)                                                                                           \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_STRING, .min = 1, .max = 256, .help = h                          \
        }
static const TbParam params[] = {
        TB_DECLARED_PARAM("{\"stream\": \"room\", \"topic\": \"lab/room\", \"at\": \"/temp\", \"time\": "
                          "\"/ts\", \"unit\": \"Cel\"}; then it is "
                          "sensors, and no outlet"),
        {.name = "retained",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "tell, as if it came now, what the broker has kept of a stream that does not say when it "
                 "was measured"},
        {.name = "preset",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("tasmota", "zigbee2mqtt"),
         .help = "whose topics they are; without one they are named"},
        TEXT("name", "the device's own topic: tasmota_1A2B3C, or its friendly name"),
        {.name = "output",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 31,
         .help = "which relay of several, counted from 0"},
        TEXT("set_topic", "where commands are written"),
        TEXT("on", "what switches on"),
        TEXT("off", "what switches off"),
        TEXT("state_topic", "where the state is said; without one it is unknown"),
        TEXT("pointer", "where in a JSON message the state stands: /state"),
        TEXT("state_on", "what stands there when it is on; else on, true, 1 and their opposites count"),
        TEXT("state_off", "what stands there when it is off"),
        TEXT("get_topic", "where the state is asked for"),
        TEXT("get", "what is written there"),
        TEXT("alive_topic", "where is said whether the device is there (its last will)"),
        {.name = "alive",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "what is said while it is there"},
        TEXT("gone", "what is said when it is not"),
        TEXT("watts_topic", "where its power in W is said"),
        TEXT("watts_pointer", "where in a JSON message it stands: /power"),
        {.name = "user", .type = TB_PARAM_STRING, .min = 1, .max = 128, .help = "of the broker"},
        {.name = "password", .type = TB_PARAM_SECRET, .max = 256, .help = "of the broker"},
        {.name = "tls",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "by TLS, with a certificate that this machine trusts"},
        TB_HTTP_DEVICE_TIMEOUT_PARAM,
        TB_PARAM_END,
};

static const TbPowerOps power = {.set = power_set, .get = power_get};
static const TbSensorOps sensors = {.interval_ms = 5000, .sample = sample};
static const TbSensorOps told = {.sample = NULL};
static guint lanes_of(const TbUri *uri G_GNUC_UNUSED, json_t *p)
{
        return json_object_get(p, "streams") ? 1U << 1 : 1U << 0;
}
static const TbLane lanes[] = {{.name = "plug",
                                .size = sizeof(Outlet),
                                .open = outlet_open,
                                .close = outlet_close,
                                .pump = outlet_pump,
                                .power = &power,
                                .sensors = &sensors},
                               {.name = "streams",
                                .size = sizeof(Streams),
                                .open = streams_open,
                                .close = streams_close,
                                .pump = streams_pump,
                                .sensors = &told},
                               {.name = NULL}};

const TbDriver tb_driver_mqtt = {
        .name = "mqtt",
        .summary = "Outlets behind an MQTT broker (Tasmota, zigbee2mqtt, any topics): power, and watts where "
                   "they are told; or topics as sensors.",
        .example = "mqtt://10.0.0.5?preset=tasmota&name=tasmota_1A2B3C",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
};
