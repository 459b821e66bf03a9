#include "drivers/_template/http/template_proto.h"

bool tb_template_parse(const json_t *state, int output, TbPlugState *ret, GError **error)
{
        static const TbReading rows[] = {TB_READING_WATTS("/outputs/*/watts"), {NULL}};
        return tb_plug_parse(state, "/outputs/*/on", rows, output, ret, error);
}
