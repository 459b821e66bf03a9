#include "drivers/kasa/kasa_proto.h"
#include "lib/json.h"
#include "lib/limits.h"

#include <string.h>

#define KEY 171 /* of the first byte; each further one's is the byte before, hidden */
#define SHORT_ID 2

GByteArray *tb_kasa_frame(const char *text)
{
        gsize size = strlen(text);
        guint32 head = GUINT32_TO_BE((guint32)size);
        GByteArray *frame = g_byte_array_sized_new(TB_KASA_HEAD + (guint)size);
        g_byte_array_append(frame, (const guint8 *)&head, TB_KASA_HEAD);
        guint8 key = KEY;
        for (gsize i = 0; i < size; i++) {
                key ^= (guint8)text[i];
                g_byte_array_append(frame, &key, 1);
        }
        return frame;
}

void tb_kasa_reveal(guint8 *data, gsize size)
{
        guint8 key = KEY;
        for (gsize i = 0; i < size; i++) {
                guint8 hidden = data[i];
                data[i] = hidden ^ key;
                key = hidden;
        }
}

gsize tb_kasa_length(const guint8 head[TB_KASA_HEAD])
{
        return (gsize)head[0] << 24 | (gsize)head[1] << 16 | (gsize)head[2] << 8 | head[3];
}

json_t *tb_kasa_request(const char *module, const char *command, json_t *args_take, const char *child)
{
        json_t *request = json_pack("{s:{s:o}}", module, command, args_take);
        if (child)
                json_object_set_new(request, "context", json_pack("{s:[s]}", "child_ids", child));
        return request;
}

json_t *tb_kasa_answer(const json_t *answer, const char *module, const char *command, GError **error)
{
        json_t *of_module = json_object_get(answer, module), *said = json_object_get(of_module, command);
        const json_t *judged = json_object_get(of_module, "err_code") ? of_module : said;
        json_int_t code = json_integer_value(json_object_get(judged, "err_code"));
        const char *why = json_string_value(json_object_get(judged, "err_msg"));
        if (code != 0)
                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "it refuses %s: %s (%" JSON_INTEGER_FORMAT ")",
                             command, why ? why : "it says no more than a number", code);
        else if (!json_is_object(said))
                tb_set_error(error, TB_ERROR_DEVICE, "it says nothing to %s: is it another model?", command);
        return code == 0 && json_is_object(said) ? said : NULL;
}

bool tb_kasa_parse_id(const json_t *info, char ret_id[TB_PLUG_ID])
{
        return tb_plug_take_id(json_object_get(info, "mac"), ret_id) ||
               tb_plug_take_id(json_object_get(info, "deviceId"), ret_id);
}

bool tb_kasa_measures(const json_t *info)
{
        const char *features = json_string_value(json_object_get(info, "feature"));
        return features && strstr(features, "ENE");
}

/* Strips of old number their outlets within the device. */
char *tb_kasa_child(const json_t *info, int output)
{
        const json_t *child = json_array_get(json_object_get(info, "children"), (gsize)output);
        const char *id = json_string_value(json_object_get(child, "id")),
                   *device = json_string_value(json_object_get(info, "deviceId"));
        if (!id)
                return NULL;
        return g_strconcat(strlen(id) <= SHORT_ID && device ? device : "", id, NULL);
}

bool tb_kasa_parse(const json_t *info, const json_t *meter, int output, TbPlugState *ret, GError **error)
{
        static const TbReading whole[] = {TB_READING_WATTS("/power"),
                                          TB_READING_VOLTS("/voltage"),
                                          TB_READING_AMPS("/current"),
                                          TB_READING_ENERGY("/total", 1000), /* kWh */
                                          {NULL}};
        static const TbReading milli[] = {{"power.watts", "power", "W", "/power_mw", 0.001},
                                          {"power.volts", "voltage", "V", "/voltage_mv", 0.001},
                                          {"power.amps", "current", "A", "/current_ma", 0.001},
                                          TB_READING_ENERGY("/total_wh", 1),
                                          {NULL}};
        bool strip = json_array_size(json_object_get(info, "children")) > 0;
        if (!strip && output > 0) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "it has one output, and no %d (counted from 0): correct \"output\" of this "
                             "attachment",
                             output);
                return false;
        }
        TbPlugState state;
        if (!tb_plug_parse(info, strip ? "/children/*/state" : "/relay_state", NULL, output, &state, error))
                return false;
        tb_plug_measure(meter, !meter ? NULL : json_object_get(meter, "power_mw") ? milli : whole, 0, &state);
        *ret = state;
        return true;
}

/* --- discovery --- */
#define PROBE "{\"system\":{\"get_sysinfo\":{}}}"

GBytes *tb_kasa_probe(const char *own)
{
        g_autoptr(GByteArray) frame = tb_kasa_frame(PROBE);

        (void)own;
        return g_bytes_new(frame->data + TB_KASA_HEAD, frame->len - TB_KASA_HEAD);
}

bool tb_kasa_found(const guint8 *data, gsize size, const char *from, TbLanOffer *ret_offer)
{
        if (size == 0 || size > TB_LIMIT_DEVICE_ANSWER)
                return false;
        g_autofree guint8 *text = g_memdup2(data, size);
        tb_kasa_reveal(text, size);
        json_auto_t *answer = tb_json_parse((const char *)text, size, NULL);
        const json_t *info = answer ? tb_kasa_answer(answer, "system", "get_sysinfo", NULL) : NULL;
        char id[TB_PLUG_ID];
        if (!info || !tb_kasa_parse_id(info, id))
                return false;
        const char *model = json_string_value(json_object_get(info, "model"));
        const char *alias = json_string_value(json_object_get(info, "alias"));
        gsize outlets = json_array_size(json_object_get(info, "children"));
        *ret_offer = (TbLanOffer){.uri = g_strdup_printf("kasa://%s%s", from, outlets ? "?output=0" : ""),
                                  .label = g_strdup_printf("Kasa %s%s%s", model ? model : "plug",
                                                           alias ? ", " : "", alias ? alias : ""),
                                  .why = outlets ? g_strdup_printf("it answers as a TP-Link Kasa strip of %u "
                                                                   "outlets (output=0 is the first)",
                                                                   (guint)outlets)
                                                 : g_strdup("it answers as a TP-Link Kasa plug"),
                                  .properties = json_pack("{s:s, s:s, s:s, s:s}", "kind", "power", "address",
                                                          from, "serial", id, "found_by", "broadcast")};
        return true;
}
