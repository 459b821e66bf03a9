/* One sentence: what hardware this is. Say which counterpart it was tested against in README.md. */
#include "drivers/_template/line/template_proto.h"
#include "drivers/transport/line.h"

#define ANSWER_MS 3000

/* What the attach URI's query, or the object form, may hold. Core validates and fills in the defaults; GET
 * /host/drivers shows it. */
static const TbParam params[] = {
        {.name = "outlet",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 64,
         .fallback = "1",
         .help = "which outlet of the device"},
        TB_LINE_PARAMS,
        TB_TTY_PARAMS("9600"), /* it has a serial port too; leave it out when it has none */
        TB_PARAM_END,
};

/* --- the worker's thread: straight-line blocking code; every wait goes through `io` --- */
static int outlet_of(const TbInstance *self)
{
        return (int)json_integer_value(json_object_get(self->params, "outlet"));
}

/* Sends one request and parses its one line of answer. */
static bool ask(TbInstance *self, TbIo *io, const char *request, TbTemplateState *ret, GError **error)
{
        g_autofree char *line = tb_line_ask((TbLine *)self, io, request, ANSWER_MS, error);
        return line && tb_template_parse(line, ret, error);
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        TbTemplateState ignored;
        g_autofree char *request = tb_template_request_set(outlet_of(self), on);
        return ask(self, io, request, &ignored, error);
}

/* Observed is what the device says, never what was commanded. */
static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        TbTemplateState state;
        g_autofree char *request = tb_template_request_get(outlet_of(self));
        if (!ask(self, io, request, &state, error))
                return false;
        *ret = (TbPowerState){state.on ? TB_POWER_ON : TB_POWER_OFF, state.watts, NAN, NAN, NAN};
        return true;
}

static const TbPowerOps power = {.set = set, .get = get};
static const TbLane lanes[] = {
        {.name = "power",
         .size = sizeof(TbLine), /* own state: a struct that begins with it */
         .open = tb_line_open,
         .close = tb_line_close,
         .pump = tb_line_pump,
         .power = &power},
        {.name = NULL},
};

const TbDriver tb_driver_template = {
        .name = "template",
        .summary = "Switches the outlets of a device that speaks lines.",
        .example = "template://10.0.0.7:4000?outlet=1",
        .params = params,
        .check = tb_line_check,
        .lanes = lanes,
};
