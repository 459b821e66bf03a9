#include "drivers/tapo/tapo_proto.h"

#include <string.h>

json_t *tb_tapo_request(const char *method, json_t *params_take, const char *child)
{
        json_t *request = json_pack("{s:s,s:o*}", "method", method, "params", params_take);
        return !child ? request
                      : json_pack("{s:s,s:{s:s,s:o}}", "method", "control_child", "params", "device_id",
                                  child, "requestData", request);
}

static bool is_one_of(json_int_t code, const int *list, guint n)
{
        for (guint i = 0; i < n; i++)
                if (code == list[i])
                        return true;
        return false;
}

TbTapoAnswer tb_tapo_judge(const json_t *answer, const char *child, const json_t **ret_result,
                           json_int_t *ret_code)
{
        static const int again[] = {1002, 1112, -1001, 9999, -40401, -40413},
                         account[] = {-1501, 1111, -1005, 1100, -40412};
        const json_t *said = answer, *result = json_object_get(answer, "result");
        if (child && json_integer_value(json_object_get(answer, "error_code")) == 0) {
                said = json_object_get(result, "responseData");
                result = json_object_get(said, "result");
        }
        const json_t *code = json_object_get(said, "error_code");
        *ret_result = json_is_object(result) ? result : NULL;
        *ret_code = json_integer_value(code);
        return json_is_integer(code) && *ret_code == 0                ? TB_TAPO_FINE
               : is_one_of(*ret_code, again, G_N_ELEMENTS(again))     ? TB_TAPO_AGAIN
               : is_one_of(*ret_code, account, G_N_ELEMENTS(account)) ? TB_TAPO_ACCOUNT
                                                                      : TB_TAPO_REFUSED;
}

bool tb_tapo_parse_id(const json_t *info, char ret_id[TB_PLUG_ID])
{
        return tb_plug_take_id(json_object_get(info, "mac"), ret_id) ||
               tb_plug_take_id(json_object_get(info, "device_id"), ret_id);
}

int tb_tapo_has(const json_t *components, const char *part)
{
        size_t i;
        const json_t *row;
        json_array_foreach (json_object_get(components, "component_list"), i, row)
                if (g_strcmp0(json_string_value(json_object_get(row, "id")), part) == 0)
                        return (int)CLAMP(json_integer_value(json_object_get(row, "ver_code")), 1, 1000);
        return 0;
}

const json_t *tb_tapo_child(const json_t *list, int output, GError **error)
{
        const json_t *rows = json_object_get(list, "child_device_list"), *row;
        size_t i;
        json_array_foreach (rows, i, row)
                if (json_integer_value(json_object_get(row, "slot_number")) == output + 1)
                        return row;
        row = json_array_get(rows, (size_t)output);
        if (row && !json_object_get(row, "slot_number"))
                return row;
        tb_set_error(
                error, TB_ERROR_UNPROCESSABLE,
                "there is no output %d (it has %zu, counted from 0): correct \"output\" of this attachment",
                output, json_array_size(rows));
        return NULL;
}

static char *base64(const char *text)
{
        return g_base64_encode((const guchar *)text, strlen(text));
}

json_t *tb_tapo_login(const char *user, const char *password, int version)
{
        g_autofree char *user_sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, user, -1),
                        *password_sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, password, -1),
                        *u = base64(user_sum), *p = base64(version == 2 ? password_sum : password);
        return json_pack("{s:s,s:s}", "username", u, version == 2 ? "password2" : "password", p);
}

bool tb_tapo_parse(const json_t *info, const json_t *usage, const json_t *meter, TbPlugState *ret,
                   GError **error)
{
        static const TbReading daily[] = {{"power.watts", "power", "W", "/current_power", 0.001},
                                          {"energy.today", "energy", "W.h", "/today_energy", 1},
                                          {"energy.month", "energy", "W.h", "/month_energy", 1},
                                          {NULL}};
        static const TbReading metered[] = {{"power.watts", "power", "W", "/power_mw", 0.001},
                                            {"power.volts", "voltage", "V", "/voltage_mv", 0.001},
                                            {"power.amps", "current", "A", "/current_ma", 0.001},
                                            TB_READING_ENERGY("/energy_wh", 1),
                                            {NULL}};
        TbPlugState state;
        if (!tb_plug_parse(info, "/device_on", NULL, 0, &state, error))
                return false;
        tb_plug_measure(meter ? meter : usage, meter ? metered : usage ? daily : NULL, 0, &state);
        *ret = state;
        return true;
}
