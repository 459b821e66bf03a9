#include "drivers/mqtt/mqtt_proto.h"

#include <string.h>

#include "drivers/transport/reading.h"
#include "lib/json.h"
#include "lib/limits.h"

static const char *text(const json_t *params, const char *name)
{
        return json_string_value(json_object_get(params, name));
}

/* --- presets --- */
static char *tasmota_power(const json_t *params)
{
        const json_t *output = json_object_get(params, "output");
        return output ? g_strdup_printf("POWER%d", (int)json_integer_value(output) + 1) : g_strdup("POWER");
}

static void tasmota(const json_t *params, const char *name, TbMqttOutlet *o)
{
        g_autofree char *power = tasmota_power(params);
        o->set = g_strdup_printf("cmnd/%s/%s", name, power);
        o->ask = g_strdup(o->set); /* without a payload it asks */
        o->ask_payload = g_strdup("");
        o->on = g_strdup("ON");
        o->off = g_strdup("OFF");
        o->topics[TB_MQTT_STATE] = g_strdup_printf("stat/%s/%s", name, power);
        o->topics[TB_MQTT_ALIVE] = g_strdup_printf("tele/%s/LWT", name);
        o->alive = g_strdup("Online");
        o->gone = g_strdup("Offline");
        o->topics[TB_MQTT_WATTS] = g_strdup_printf("tele/%s/SENSOR", name);
        o->watts_pointer = g_strdup("/ENERGY/Power");
}

static void zigbee2mqtt(const char *name, TbMqttOutlet *o)
{
        o->set = g_strdup_printf("zigbee2mqtt/%s/set", name);
        o->ask = g_strdup_printf("zigbee2mqtt/%s/get", name);
        o->ask_payload = g_strdup("{\"state\":\"\"}");
        o->on = g_strdup("{\"state\":\"ON\"}");
        o->off = g_strdup("{\"state\":\"OFF\"}");
        o->topics[TB_MQTT_STATE] = g_strdup_printf("zigbee2mqtt/%s", name);
        o->pointer = g_strdup("/state");
        o->topics[TB_MQTT_ALIVE] = g_strdup_printf("zigbee2mqtt/%s/availability", name);
        o->alive = g_strdup("online");
        o->gone = g_strdup("offline");
        o->topics[TB_MQTT_WATTS] = g_strdup(o->topics[TB_MQTT_STATE]);
        o->watts_pointer = g_strdup("/power");
}

/* --- parameters --- */
static bool fail(GError **error, const char *field, const char *why)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s", why);
        return false;
}

static bool is_topic(const char *topic)
{
        return !topic || (*topic && !strpbrk(topic, "+#\n\r") && g_utf8_validate(topic, -1, NULL));
}

static void take(const json_t *params, const char *name, char **where)
{
        const char *given = text(params, name);
        if (!given)
                return;
        g_free(*where);
        *where = g_strdup(given);
}

bool tb_mqtt_outlet(const json_t *params, TbMqttOutlet *ret, GError **error)
{
        const char *preset = text(params, "preset"), *name = text(params, "name");
        static const char *const topics[] = {"name",      "set_topic",   "state_topic",
                                             "get_topic", "alive_topic", "watts_topic"};
        for (guint i = 0; i < G_N_ELEMENTS(topics); i++)
                if (!is_topic(text(params, topics[i])))
                        return fail(error, topics[i], "a topic has no wildcards (+, #) and no line ends");
        if (preset && !name)
                return fail(error, "name", "say which device: the topic that it has in its own settings");
        if (!preset && !(text(params, "set_topic") && text(params, "on") && text(params, "off")))
                return fail(error, "set_topic",
                            "name a \"preset\" and a \"name\", or \"set_topic\", \"on\" and \"off\"");
        TbMqttOutlet o = {0};
        if (g_strcmp0(preset, "tasmota") == 0)
                tasmota(params, name, &o);
        else if (preset)
                zigbee2mqtt(name, &o);
        take(params, "set_topic", &o.set);
        take(params, "on", &o.on);
        take(params, "off", &o.off);
        take(params, "state_topic", &o.topics[TB_MQTT_STATE]);
        take(params, "pointer", &o.pointer);
        take(params, "state_on", &o.is_on);
        take(params, "state_off", &o.is_off);
        take(params, "get_topic", &o.ask);
        take(params, "get", &o.ask_payload);
        take(params, "alive_topic", &o.topics[TB_MQTT_ALIVE]);
        take(params, "alive", &o.alive);
        take(params, "gone", &o.gone);
        take(params, "watts_topic", &o.topics[TB_MQTT_WATTS]);
        take(params, "watts_pointer", &o.watts_pointer);
        if (!o.is_on != !o.is_off) {
                bool on = o.is_on != NULL;
                tb_mqtt_outlet_clear(&o);
                return fail(error, on ? "state_off" : "state_on", "say both: what is neither is unknown");
        }
        *ret = o;
        return true;
}

void tb_mqtt_outlet_clear(TbMqttOutlet *o)
{
        char **owned[] = {&o->set,           &o->ask,   &o->on,     &o->off,   &o->ask_payload, &o->pointer,
                          &o->watts_pointer, &o->is_on, &o->is_off, &o->alive, &o->gone};
        for (guint i = 0; i < G_N_ELEMENTS(owned); i++)
                g_free(*owned[i]);
        for (guint i = 0; i < G_N_ELEMENTS(o->topics); i++)
                g_free(o->topics[i]);
        *o = (TbMqttOutlet){0};
}

/* --- messages --- */
/* The value at `pointer` of a payload, or all of it, as text; NULL: nothing stands there. The caller frees. */
static char *value_of(const char *payload, const char *pointer)
{
        if (!pointer)
                return g_strstrip(g_strdup(payload));
        json_auto_t *json = tb_json_parse(payload, strlen(payload), NULL);
        return tb_reading_word(tb_reading_at(json, pointer, 0));
}

bool tb_mqtt_parse_state(const TbMqttOutlet *o, const char *payload, bool *ret_on, GError **error)
{
        g_autofree char *word = value_of(payload, o->pointer);
        bool known = false;
        if (word && o->is_on) {
                *ret_on = strcmp(word, o->is_on) == 0;
                known = *ret_on || strcmp(word, o->is_off) == 0;
        } else if (word) {
                json_auto_t *value = json_string(word);
                known = tb_reading_switch(value, ret_on);
        }
        if (!known) {
                g_autofree char *seen = g_utf8_make_valid(payload, (gssize)MIN(strlen(payload), 40));
                tb_set_error(error, TB_ERROR_DEVICE, "what is said on %s is neither on nor off: %s",
                             o->topics[TB_MQTT_STATE], seen);
        }
        return known;
}

int tb_mqtt_parse_alive(const TbMqttOutlet *o, const char *payload)
{
        g_autofree char *word = value_of(payload, *payload == '{' ? "/state" : NULL);
        return !word ? -1 : g_strcmp0(word, o->alive) == 0 ? 1 : g_strcmp0(word, o->gone) == 0 ? 0 : -1;
}

double tb_mqtt_parse_watts(const TbMqttOutlet *o, const char *payload)
{
        if (!o->watts_pointer)
                return tb_reading_text(payload);
        const TbReading row = {.stream = "", .pointer = o->watts_pointer, .scale = 1};
        json_auto_t *json = tb_json_parse(payload, strlen(payload), NULL);
        return tb_reading_json(&row, json, 0);
}

/* --- streams --- */
bool tb_mqtt_check_streams(const json_t *streams, GError **error)
{
        static const TbDeclaredField fields[] = {
                {.name = "topic", .type = JSON_STRING, .required = true, .min = 1, .max = 256},
                {.name = "at", .type = JSON_STRING, .min = 1, .max = 256},
                {.name = "time", .type = JSON_STRING, .min = 1, .max = 256},
                {.name = NULL}};
        gsize i;
        json_t *entry;
        if (!tb_declared_check(streams, fields, error))
                return false;
        json_array_foreach (streams, i, entry)
                if (!is_topic(text(entry, "topic")))
                        return fail(error, "streams", "a topic has no wildcards (+, #) and no line ends");
        return true;
}

bool tb_mqtt_parse_stream(const TbDeclared *row, const char *payload, double *ret_value, gint64 *ret_t_ms)
{
        const char *at = tb_declared_text(row, "at"), *time = tb_declared_text(row, "time");
        json_auto_t *root = at || time ? tb_json_parse(payload, strlen(payload), NULL) : NULL;
        const json_t *value = at ? tb_reading_at(root, at, 0) : NULL;
        g_autofree char *word = at ? tb_reading_word(value) : g_strstrip(g_strdup(payload));
        bool on;
        *ret_t_ms = time ? tb_declared_time(tb_reading_at(root, time, 0)) : 0;
        if (!word || !*word)
                return false;
        char *end;
        *ret_value = g_ascii_strtod(word, &end);
        if (end != word && isfinite(*ret_value) && (!*end || g_ascii_isspace(*end) || *end == '%'))
                return true;
        json_auto_t *as_text = json_string(word);
        if (!as_text || !tb_reading_switch(json_is_boolean(value) ? value : as_text, &on))
                return false;
        *ret_value = on;
        return true;
}
