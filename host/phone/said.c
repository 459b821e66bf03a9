#include "host/phone/said.h"

#include <math.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"

#define TEXT 200 /* bytes of a code or a reason */
#define UNIT 32  /* bytes of a unit or a quantity */

static bool bad(GError **error, const char *what)
{
        tb_set_error(error, TB_ERROR_INVALID, "%s", what);
        return false;
}

/* A string of 1 to `max` bytes; NULL: it is not there, or is none. */
static const char *text_of(const json_t *from, const char *field, gsize max)
{
        const json_t *value = json_object_get(from, field);
        gsize size = json_is_string(value) ? json_string_length(value) : 0;
        return size > 0 && size <= max ? json_string_value(value) : NULL;
}

static bool number_of(const json_t *from, const char *field, double *ret)
{
        const json_t *value = json_object_get(from, field);
        if (!json_is_number(value) || !isfinite(json_number_value(value)))
                return false;
        *ret = json_number_value(value);
        return true;
}

static gint64 count_of(const json_t *from, const char *field, gint64 otherwise)
{
        const json_t *value = json_object_get(from, field);
        return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                        : otherwise;
}

/* --- the server --- */
static bool parse_ready(TbSaid *m)
{
        json_t *servers = json_object_get(m->json, "iceServers"), *peers = json_object_get(m->json, "peers"),
               *one;
        gsize i;
        m->ice_servers = json_array_size(servers) > 0 ? servers : NULL;
        m->peer = text_of(m->json, "peerId", TB_SAID_ID);
        json_array_foreach (peers, i, one)
                if (!m->phone && g_strcmp0(text_of(one, "peer", TEXT), "phone") == 0)
                        m->phone = text_of(one, "peerId", TB_SAID_ID);
        m->type = TB_SAID_READY;
        return true;
}

static bool parse_presence(TbSaid *m, TbSaidType type)
{
        m->peer = text_of(m->json, "peerId", TB_SAID_ID);
        m->type = g_strcmp0(text_of(m->json, "peer", TEXT), "phone") == 0 ? type : TB_SAID_OTHER;
        return true;
}

static bool parse_error(TbSaid *m)
{
        m->type = TB_SAID_ERROR;
        m->code = text_of(m->json, "code", TEXT);
        m->text = text_of(m->json, "message", TEXT);
        return true;
}

/* --- the phone, by the server --- */
static bool parse_answer(TbSaid *m, GError **error)
{
        m->sdp = text_of(m->json, "sdp", TB_LIMIT_SDP);
        m->type = TB_SAID_ANSWER;
        return m->sdp || bad(error, "sdp is missing, or too long");
}

static bool parse_ice(TbSaid *m, GError **error)
{
        json_t *data = json_object_get(m->json, "data"), *from = json_is_object(data) ? data : m->json,
               *candidate = json_object_get(from, "candidate");
        m->type = TB_SAID_ICE;
        m->candidate = json_is_string(candidate) ? json_string_value(candidate) : "";
        return strlen(m->candidate) <= TB_LIMIT_URI || bad(error, "candidate is too long");
}

/* --- readings --- */
/* Numbers of an object: "gyro" {x,y,z}. A field that is none is left out. */
static void add_values(TbSaid *m, const char *group, const char *const names[3], const char *const streams[3],
                       const char *quantity, const char *unit)
{
        const json_t *from = json_object_get(m->json, group);
        for (guint i = 0; i < 3; i++) {
                double value;
                if (number_of(from, names[i], &value))
                        m->values[m->n_values++] = (TbSaidValue){streams[i], quantity, unit, value};
        }
}

static bool parse_sensor(TbSaid *m, GError **error)
{
        static const char *const angles[] = {"alpha", "beta", "gamma"}, *const axes[] = {"x", "y", "z"},
                                 *const orientation[] = {"orientation.alpha", "orientation.beta",
                                                         "orientation.gamma"},
                                 *const gyro[] = {"gyro.x", "gyro.y", "gyro.z"},
                                 *const accel[] = {"accel.x", "accel.y", "accel.z"};
        m->type = TB_SAID_VALUES_OF;
        m->series = "sensor";
        m->seq = count_of(m->json, "seq", 0);
        add_values(m, "orientation", angles, orientation, "angle", "deg");
        add_values(m, "gyro", axes, gyro, "angular velocity", "rad/s");
        add_values(m, "accel", axes, accel, "acceleration", "m/s2");
        return m->n_values > 0 || bad(error, "a sensor message without a reading");
}

static bool parse_sample(TbSaid *m, GError **error)
{
        const char *stream = text_of(m->json, "stream", TB_LIMIT_ID), *unit = text_of(m->json, "unit", UNIT),
                   *quantity = text_of(m->json, "quantity", UNIT);
        double value;
        if (!tb_name_valid(TB_NAME_STREAM, stream))
                return bad(error, "stream is no name of one");
        if (!number_of(m->json, "value", &value))
                return bad(error, "value is no number");
        m->type = TB_SAID_VALUES_OF;
        m->series = stream;
        m->seq = count_of(m->json, "seq", 0);
        m->n_values = 1;
        m->values[0] = (TbSaidValue){stream, quantity ? quantity : "value", unit ? unit : "1", value};
        return true;
}

/* --- events --- */
static const char *one_of(const char *const *words, const char *word)
{
        for (; word && *words; words++)
                if (strcmp(*words, word) == 0)
                        return *words;
        return NULL;
}

static void keep_number(const json_t *from, json_t *to, const char *field, double most)
{
        double value;
        if (number_of(from, field, &value))
                json_object_set_new(to, field, json_real(CLAMP(value, 0, most)));
}

static json_t *known_data(const json_t *from)
{
        json_t *to = json_object();
        const char *button = text_of(from, "button", TB_LIMIT_ID);
        gint64 finger = count_of(from, "finger", -1), n = count_of(from, "n", -1);
        if (finger >= 0 && finger < 64)
                json_object_set_new(to, "finger", json_integer(finger));
        keep_number(from, to, "x", 1);
        keep_number(from, to, "y", 1);
        keep_number(from, to, "pressure", 1);
        if (tb_name_valid(TB_NAME_STREAM, button))
                json_object_set_new(to, "button", json_string(button));
        if (n >= 0)
                json_object_set_new(to, "n", json_integer(n));
        return to;
}

static bool parse_event(TbSaid *m, GError **error)
{
        static const char *const told[] = {"touch.down", "touch.up",   "button.down",
                                           "button.up",  "phone.zero", NULL},
                                 *const answers[] = {"phone.pong", "phone.vibrated", NULL},
                                 *const sources[] = {"motion", "controller", "camera",  "microphone",
                                                     "place",  "light",      "battery", NULL},
                                 *const states[] = {"on", "off", "refused", "missing", NULL};
        const char *event = text_of(m->json, "event", TB_LIMIT_ID);
        const json_t *data = json_object_get(m->json, "data");
        if (!event)
                return bad(error, "event is missing");
        m->seq = count_of(data, "n", 0);
        m->event = one_of(told, event);
        if (m->event) {
                m->type = TB_SAID_EVENT;
                m->data = known_data(data);
        } else if (strcmp(event, "phone.switch") == 0) {
                m->event = one_of(sources, text_of(data, "source", TEXT));
                m->state = one_of(states, text_of(data, "state", TEXT));
                m->type = TB_SAID_SWITCH;
                return (m->event && m->state) ||
                       bad(error, "phone.switch names no switch, or no state of one");
        } else if (one_of(answers, event)) {
                m->type = TB_SAID_ALIVE;
        }
        return true; /* of a page that is newer than we: nothing for us */
}

static bool parse_of_server(TbSaid *m, const char *type, GError **error)
{
        if (strcmp(type, "ready") == 0)
                return parse_ready(m);
        if (strcmp(type, "peer-connected") == 0)
                return parse_presence(m, TB_SAID_CAME);
        if (strcmp(type, "peer-disconnected") == 0)
                return parse_presence(m, TB_SAID_LEFT);
        if (strcmp(type, "error") == 0)
                return parse_error(m);
        if (strcmp(type, "answer") == 0)
                return parse_answer(m, error);
        if (strcmp(type, "ice") == 0 || strcmp(type, "ice-candidate") == 0)
                return parse_ice(m, error);
        if (strcmp(type, "bye") == 0)
                m->type = TB_SAID_BYE;
        else if (strcmp(type, "ping") == 0 || strcmp(type, "pong") == 0)
                m->type = type[1] == 'i' ? TB_SAID_PING : TB_SAID_PONG;
        m->text = text_of(m->json, "reason", TEXT);
        m->t = count_of(m->json, "t", -1);
        return true;
}

bool tb_said_parse(const char *text, gsize size, bool by_server, TbSaid *ret_said, GError **error)
{
        TbSaid m = {.t = -1};
        bool ok = false;
        m.json = size <= TB_LIMIT_WS_MESSAGE ? tb_json_parse(text, size, error) : NULL;
        const char *type = text_of(m.json, "type", TEXT);
        if (!m.json) {
                if (error && !*error)
                        bad(error, "the message is too large");
        } else if (!type) {
                bad(error, "type is missing");
        } else if (strcmp(type, "sensor") == 0) {
                ok = parse_sensor(&m, error);
        } else if (strcmp(type, "sample") == 0) {
                ok = parse_sample(&m, error);
        } else if (strcmp(type, "event") == 0) {
                ok = parse_event(&m, error);
        } else {
                ok = !by_server || parse_of_server(&m, type, error);
        }
        if (ok && size > TB_LIMIT_PHONE_MESSAGE && m.type >= TB_SAID_VALUES_OF)
                ok = bad(error, "the message is too large");
        if (!ok)
                tb_said_clear(&m);
        *ret_said = m;
        return ok;
}

void tb_said_clear(TbSaid *said)
{
        json_decref(said->json);
        json_decref(said->data);
        *said = (TbSaid){.t = -1};
}
