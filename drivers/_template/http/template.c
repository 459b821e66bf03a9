/* One sentence: what hardware this is. Say which counterpart it was tested against in README.md. */
#include "drivers/_template/http/template_proto.h"

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        json_auto_t *state = tb_http_device_get(&p->http, io, error, "/state");
        return state && tb_template_parse(state, p->output, ret, error);
}

/* Core reads back: only what the device refuses is an error here. */
static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        json_auto_t *answer =
                tb_http_device_get(&p->http, io, error, "/set?output=%d&on=%d", p->output, on ? 1 : 0);
        return answer != NULL;
}

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        json_auto_t *state = tb_http_device_get(&p->http, io, error, "/state");
        return state && (tb_plug_take_id(json_object_get(state, "id"), ret_id) ||
                         tb_http_device_foreign(&p->http, "it does not say its id", error));
}

static const TbPlugModel model = {
        TB_PLUG_LANES,        .what = "Template", .user = "admin",
        .identify = identify, .read = read_state, .set = set_state,
};

const TbDriver tb_driver_template = {
        .name = "template",
        .summary = "Switches the outputs of a device that answers HTTP with JSON.",
        .example = "template://10.0.0.7?output=0&password=secret",
        TB_PLUG_DRIVER,
        .lanes = model.lanes,
};
