#include "host/core/control/control_msg.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/text.h"

#define LEASE_MAX_SIZE 128

static bool invalid(GError **error, const char *field, const char *what)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s %s", field, what);
        return false;
}

static bool not_name(GError **error, const char *field)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s must have %s", field,
                           tb_name_rule(TB_NAME_ID));
        return false;
}

/* "<interface>.<op>": "power.set", "uart-1.write". */
static bool is_verb(const char *text)
{
        const char *dot = strrchr(text, '.');
        if (!dot || !tb_name_valid_n(TB_NAME_ID, text, (gsize)(dot - text)))
                return false;
        return !strchr(dot + 1, '.') && tb_name_valid(TB_NAME_TYPE, dot + 1);
}

bool tb_topic_parse(const char *text, TbTopic *ret_topic)
{
        *ret_topic = (TbTopic){0};
        gsize size = strlen(text), name = strcspn(text, ":");
        if (size > TB_LIMIT_TOPIC || !tb_name_valid_n(TB_NAME_TYPE, text, name))
                return false;
        const char *device = text[name] ? text + name + 1 : NULL, *interface = NULL;
        gsize device_size = 0;
        if (device) {
                device_size = strcspn(device, "/");
                interface = device[device_size] ? device + device_size + 1 : NULL;
                if (!tb_name_valid_n(TB_NAME_ID, device, device_size) ||
                    (interface && !tb_name_valid(TB_NAME_ID, interface)))
                        return false;
        }
        ret_topic->name = g_strndup(text, name);
        ret_topic->device = device ? g_strndup(device, device_size) : NULL;
        ret_topic->interface = g_strdup(interface);
        return true;
}

void tb_topic_clear(TbTopic *topic)
{
        g_clear_pointer(&topic->name, g_free);
        g_clear_pointer(&topic->device, g_free);
        g_clear_pointer(&topic->interface, g_free);
}

/* *ret stays as it is when the field is missing and not required. */
static bool get_text(json_t *json, const char *field, bool required, gsize min, gsize max, const char **ret,
                     GError **error)
{
        json_t *value = json_object_get(json, field);
        if (!value)
                return !required || invalid(error, field, "is missing");
        if (!json_is_string(value))
                return invalid(error, field, "must be a string");
        if (json_string_length(value) < min || json_string_length(value) > max) {
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s must have %zu to %zu bytes", field,
                                   min, max);
                return false;
        }
        *ret = json_string_value(value);
        return true;
}

static bool get_number(json_t *json, const char *field, gint64 min, gint64 *ret, GError **error)
{
        json_t *value = json_object_get(json, field);
        if (!value)
                return true;
        if (!json_is_integer(value))
                return invalid(error, field, "must be a whole number");
        if (json_integer_value(value) < min || json_integer_value(value) > TB_LIMIT_JSON_INT)
                return invalid(error, field, "is out of range");
        *ret = json_integer_value(value);
        return true;
}

static bool parse_command(TbControlMessage *m, GError **error)
{
        if (!json_object_get(m->json, "id"))
                return invalid(error, "id", "is missing");
        if (!get_text(m->json, "device", true, 1, TB_LIMIT_ID, &m->device, error))
                return false;
        if (!tb_name_valid(TB_NAME_ID, m->device))
                return not_name(error, "device");
        if (!get_text(m->json, "interface", false, 1, TB_LIMIT_ID, &m->interface, error))
                return false;
        if (m->interface && !tb_name_valid(TB_NAME_ID, m->interface))
                return not_name(error, "interface");
        if (!get_text(m->json, "verb", true, 1, TB_LIMIT_VERB, &m->verb, error))
                return false;
        if (!is_verb(m->verb))
                return invalid(error, "verb", "must look like \"power.set\"");
        m->params = json_object_get(m->json, "params");
        if (m->params && !json_is_object(m->params))
                return invalid(error, "params", "must be an object");
        return get_number(m->json, "t", 0, &m->t, error) &&
               get_text(m->json, "client", false, 1, TB_LIMIT_ID, &m->client, error) &&
               get_text(m->json, "lease", false, 1, LEASE_MAX_SIZE, &m->lease, error);
}

/* What the viewer shows of pictures; words that nobody knows are none. */
static bool check_codecs(const json_t *codecs, GError **error)
{
        gsize i;
        json_t *word;
        if (!codecs)
                return true;
        if (json_array_size(codecs) == 0 || json_array_size(codecs) > TB_CONTROL_TOPICS)
                return invalid(error, "codecs", "must be an array of 1 to 32 names");
        json_array_foreach (codecs, i, word)
                if (!json_is_string(word))
                        return invalid(error, "codecs", "must be an array of names");
        return true;
}

static bool parse_topics(TbControlMessage *m, const char *field, GError **error)
{
        m->topics = json_object_get(m->json, field);
        if (!json_is_array(m->topics))
                return invalid(error, field, "must be an array of topics");
        if (json_array_size(m->topics) == 0 || json_array_size(m->topics) > TB_CONTROL_TOPICS)
                return invalid(error, field, "must have 1 to 32 topics");
        gsize i;
        json_t *topic;
        json_array_foreach (m->topics, i, topic) {
                g_autofree char *path = g_strdup_printf("%s[%zu]", field, i);
                if (!json_is_string(topic))
                        return invalid(error, path, "must be a string");
                g_auto(TbTopic) parsed = {0};
                if (!tb_topic_parse(json_string_value(topic), &parsed))
                        return invalid(error, path, "must look like \"console:board/uart1\"");
        }
        gint64 width = 0;
        if (strcmp(field, "subscribe") == 0 && !get_number(m->json, "width", 1, &width, error))
                return false;
        if (width > TB_LIMIT_VIDEO_SIDE)
                return invalid(error, "width", "must be at most " G_STRINGIFY(TB_LIMIT_VIDEO_SIDE));
        if (strcmp(field, "subscribe") == 0 && !check_codecs(json_object_get(m->json, "codecs"), error))
                return false;
        /* "from": of before; the relay's envelope has a field of that name */
        return get_number(m->json, "from", 0, &m->offset, error) &&
               get_number(m->json, "offset", 0, &m->offset, error);
}

static bool is_reading(json_t *json, GError **error)
{
        gint64 t = -1, seq = -1;
        if (!get_number(json, "t", 0, &t, error) || !get_number(json, "seq", 0, &seq, error))
                return false;
        if (t < 0)
                return invalid(error, "t", "is missing");
        return seq >= 0 || invalid(error, "seq", "is missing");
}

static bool parse_typed(TbControlMessage *m, GError **error)
{
        static const char *const signaling[] = {
                "hello", "ready",         "error", "offer",          "answer",
                "ice",   "ice-candidate", "pong",  "peer-connected", "peer-disconnected",
                "event", "console",       NULL};
        json_t *type = json_object_get(m->json, "type");
        if (!json_is_string(type))
                return invalid(error, "type", "must be a string");
        const char *name = json_string_value(type);
        if (g_str_equal(name, "ping")) {
                m->kind = TB_CONTROL_PING;
                if (!get_number(m->json, "hold", 0, &m->hold, error))
                        return false;
                if (m->hold > TB_LIMIT_HOLD_MS)
                        return invalid(error, "hold", "is out of range");
                return get_number(m->json, "t", 0, &m->t, error) &&
                       get_text(m->json, "client", false, 1, TB_LIMIT_ID, &m->client, error);
        }
        if (g_str_equal(name, "bye")) {
                m->kind = TB_CONTROL_BYE;
                const char *reason = NULL;
                return get_text(m->json, "reason", false, 0, 256, &reason, error);
        }
        if (g_str_equal(name, "sensor") || g_str_equal(name, "sample")) {
                m->kind = TB_CONTROL_SAMPLE;
                return is_reading(m->json, error);
        }
        m->kind = TB_CONTROL_OTHER;
        return g_strv_contains(signaling, name) || invalid(error, "type", "is unknown here");
}

/* Behind a string's first quote: behind its last one. */
static const char *skip_string(const char *p, const char *end)
{
        for (; p < end && *p != '"'; p++)
                if (*p == '\\' && p + 1 < end)
                        p++;
        return p < end ? p + 1 : end;
}

/* The "id" of an object that is no JSON (half a character in a text): its sender waits for an answer of that number. 0: none
 * is to be seen. */
static gint64 guess_id(const char *text, gsize size)
{
        const char *p = text, *end = text + size;
        for (int depth = 0; p < end;) {
                const char c = *p++;
                depth += (c == '{' || c == '[') - (c == '}' || c == ']');
                if (c != '"')
                        continue;
                const char *name = p;
                p = skip_string(p, end);
                if (depth != 1 || p - name != 3 || memcmp(name, "id\"", 3) != 0)
                        continue;
                while (p < end && strchr(" \t\r\n:", *p) && *p)
                        p++;
                gint64 id = 0;
                for (int digits = 0; p < end && g_ascii_isdigit(*p) && digits < 16; digits++)
                        id = id * 10 + (*p++ - '0');
                return id <= TB_LIMIT_JSON_INT ? id : 0;
        }
        return 0;
}

bool tb_control_parse(const char *text, gsize size, TbControlMessage *m, GError **error)
{
        *m = (TbControlMessage){.kind = TB_CONTROL_OTHER, .t = -1, .hold = -1, .offset = -1};
        if (size > TB_LIMIT_WS_MESSAGE)
                return invalid(error, "message", "is too long");
        m->json = tb_json_parse(text, size, error);
        if (!m->json) {
                m->id = guess_id(text, size);
                return false;
        }
        if (!json_is_object(m->json))
                return invalid(error, "message", "must be a JSON object");
        if (json_object_get(m->json, "type"))
                return parse_typed(m, error);
        if (!get_number(m->json, "id", 1, &m->id, error))
                return false;
        if (json_object_get(m->json, "subscribe")) {
                m->kind = TB_CONTROL_SUBSCRIBE;
                return parse_topics(m, "subscribe", error);
        }
        if (json_object_get(m->json, "unsubscribe")) {
                m->kind = TB_CONTROL_UNSUBSCRIBE;
                return parse_topics(m, "unsubscribe", error);
        }
        if (json_object_get(m->json, "ok"))
                return true; /* somebody's answer: not for us */
        if (json_object_get(m->json, "verb") || json_object_get(m->json, "device")) {
                m->kind = TB_CONTROL_COMMAND;
                return parse_command(m, error);
        }
        return invalid(error, "type", "is missing, and so are verb and subscribe");
}

void tb_control_message_clear(TbControlMessage *message)
{
        json_decref(message->json);
        *message = (TbControlMessage){.kind = TB_CONTROL_OTHER, .t = -1, .hold = -1, .offset = -1};
}

json_t *tb_control_result(gint64 id, json_t *result, const GError *error, json_t *extra)
{
        json_t *m = json_object();
        json_object_set_new(m, "id", json_integer(id));
        json_object_set_new(m, "ok", json_boolean(!error));
        if (error) {
                json_t *problem = tb_error_to_json(error);
                if (extra)
                        json_object_update_missing(problem, extra);
                json_object_set_new(m, "error", problem);
        } else if (result && !json_is_null(result)) {
                json_object_set(m, "result", result);
        }
        return m;
}

json_t *tb_control_refusal(const GError *error)
{
        g_autofree char *code = g_ascii_strdown(tb_error_title(error), -1);
        g_autofree char *message = tb_text_cut(tb_error_detail(error), TB_LIMIT_DETAIL);
        return json_pack("{s:s, s:s, s:s}", "type", "error", "code", g_strdelimit(code, " ", '-'), "message",
                         message);
}
