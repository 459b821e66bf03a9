#include "drivers/shelly/shelly_proto.h"

int tb_shelly_parse_info(const json_t *info, char ret_id[TB_PLUG_ID], const char **ret_why)
{
        const json_t *gen = json_object_get(info, "gen");
        json_int_t generation = gen ? json_integer_value(gen) : 1;
        *ret_why = gen && (generation < 2 || generation > 99) ? "\"gen\" is no generation"
                   : !json_is_string(json_object_get(info, gen ? "model" : "type")) ||
                                   !tb_plug_take_id(json_object_get(info, "mac"), ret_id)
                           ? "it names no model and MAC"
                           : NULL;
        return *ret_why ? 0 : (int)generation;
}

bool tb_shelly_parse_gen1(const json_t *status, int output, TbPlugState *ret, GError **error)
{
        static const TbReading bare[] = {TB_READING_CELSIUS("/temperature"), {NULL}};
        static const TbReading metered[] = {TB_READING_WATTS("/meters/*/power"),
                                            TB_READING_ENERGY("/meters/*/total", 1. / 60), /* Watt-minutes */
                                            TB_READING_CELSIUS("/temperature"),
                                            {NULL}};
        /* one meter for two relays (Shelly 2) measures both: that is nobody's watts */
        bool own = json_array_size(json_object_get(status, "meters")) >=
                           json_array_size(json_object_get(status, "relays")) &&
                   json_is_true(tb_reading_at(status, "/meters/*/is_valid", output));
        return tb_plug_parse(status, "/relays/*/ison", own ? metered : bare, output, ret, error);
}

bool tb_shelly_parse_gen2(const json_t *status, int output, TbPlugState *ret, GError **error)
{
        static const TbReading rows[] = {
                TB_READING_WATTS("/apower"),           TB_READING_VOLTS("/voltage"),
                TB_READING_AMPS("/current"),           TB_READING_ENERGY("/aenergy/total", 1),
                TB_READING_CELSIUS("/temperature/tC"), {NULL}};
        const json_t *id = json_object_get(status, "id");
        if (!json_is_integer(id) || json_integer_value(id) != output) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "it answers with the state of another switch than %d: correct \"output\" of "
                             "this attachment",
                             output);
                return false;
        }
        return tb_plug_parse(status, "/output", rows, output, ret, error);
}
