/* What plugs answer: the first byte says whose parser reads it. */
#include <stdint.h>

#include "drivers/group/group_proto.h"
#include "drivers/homeassistant/homeassistant_proto.h"
#include "drivers/httpplug/httpplug_proto.h"
#include "drivers/ipmi/ipmi_proto.h"
#include "drivers/kasa/kasa_proto.h"
#include "drivers/mqtt/mqtt_proto.h"
#include "drivers/redfish/redfish_proto.h"
#include "drivers/tapo/passthrough.h"
#include "drivers/tasmota/tasmota_proto.h"
#include "lib/json.h"

/* The rest as frames go, and as what stands in them. */
static bool kasa(const char *text, size_t size, const json_t *json, GError **error)
{
        char id[TB_PLUG_ID] = "";
        TbPlugState state;
        g_autofree guint8 *bytes = g_memdup2(text, size);
        tb_kasa_reveal(bytes, size);
        if (size >= TB_KASA_HEAD)
                tb_kasa_length(bytes);
        const json_t *info = json ? tb_kasa_answer(json, "system", "get_sysinfo", error) : NULL;
        if (!info)
                return !json;
        g_autofree char *child = tb_kasa_child(info, 1);
        if (tb_kasa_parse_id(info, id))
                g_assert_true(*id && g_utf8_validate(id, -1, NULL));
        tb_kasa_measures(info);
        return tb_kasa_parse(info, json_object_get(json, "emeter"), 1, &state, error);
}

/* {"answer":…,"parts":…,"list":…} of Tapo's; the same bytes as envelopes of both ways, and as a cookie. */
static bool tapo(const char *text, size_t size, const json_t *json, GError **error)
{
        static const TbTapoPass pass = {0};
        static const TbKlap keys = {.version = 2};
        char id[TB_PLUG_ID] = "";
        const json_t *result;
        json_int_t code;
        int seconds = 1;
        TbPlugState state;
        g_autofree char *open = tb_klap_open(&keys, text, size), *passed = tb_tapo_pass_open(&pass, text),
                        *cookie = tb_klap_session_cookie(text, &seconds);
        g_assert_cmpint(seconds, >, 0);
        if (!json)
                return true;
        const json_t *answer = json_object_get(json, "answer");
        tb_tapo_judge(answer, "child", &result, &code);
        tb_tapo_judge(answer, NULL, &result, &code);
        tb_tapo_has(json_object_get(json, "parts"), "control_child");
        if (tb_tapo_parse_id(result, id))
                g_assert_true(*id && g_utf8_validate(id, -1, NULL));
        return tb_tapo_child(json_object_get(json, "list"), 1, error) &&
               tb_tapo_parse(result, result, result, &state, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const TbHttpplugPlace places[] = {{0},
                                                 {.pointer = "/o/*/s", .watts = "/o/*/w"},
                                                 {.pattern = "s=(\\w+)", .on_value = "1", .off_value = "0"}};
        static TbMqttOutlet outlet = {.topics = {(char *)"s"},
                                      .pointer = (char *)"/state",
                                      .alive = (char *)"online",
                                      .gone = (char *)"offline"};
        bool on;
        if (size < 2)
                return 0;
        g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
        json_auto_t *json = tb_json_parse(text, size - 1, NULL);
        g_autoptr(GError) error = NULL;
        char id[TB_PLUG_ID] = "";
        const char *why;
        TbPlugState state;
        bool ok = true;
        switch (data[0]) {
        case 't':
                ok = !json || tb_tasmota_parse(json, 1, &state, &error);
                if (json && tb_tasmota_parse_id(json, id))
                        g_assert_true(*id && g_utf8_validate(id, -1, NULL));
                if (json)
                        tb_tasmota_refuses(json, &why);
                break;
        case 'p': ok = tapo(text, size - 1, json, &error); break;
        case 'g': {
                g_auto(GStrv) members = tb_group_members(text, &error);
                ok = members != NULL;
                break;
        }
        case 'r':
                ok = !json ||
                     (tb_redfish_system(json, "1", &error) && tb_redfish_parse(json, json, &state, &error));
                if (json)
                        tb_redfish_reset(json, true, false);
                if (json && tb_redfish_parse_id(json, id))
                        g_assert_true(*id && g_utf8_validate(id, -1, NULL));
                break;
        case 'i': {
                TbPowerObserved is;
                tb_ipmi_parse_state(text, &is);
                tb_ipmi_parse_watts(text);
                if (tb_ipmi_parse_id(text, id))
                        g_assert_true(*id && g_utf8_validate(id, -1, NULL));
                ok = tb_ipmi_failed("the BMC", text, &error);
                break;
        }
        case 'k': ok = kasa(text, size - 1, json, &error); break;
        case 'a': ok = !json || tb_homeassistant_parse(json, &state, &error); break;
        case 'm':
                ok = tb_mqtt_parse_state(&outlet, text, &on, &error);
                tb_mqtt_parse_alive(&outlet, text);
                tb_mqtt_parse_watts(&outlet, text);
                break;
        case '0':
        case '1':
        case '2': ok = tb_httpplug_parse(&places[data[0] - '0'], text, size - 1, 1, &state, &error); break;
        default: return 0;
        }
        g_assert_true(ok ||
                      (error && error->domain == TB_ERROR && g_utf8_validate(error->message, -1, NULL)));
        return 0;
}
