/* One sentence: what hardware this is. Say which counterpart it was tested against in README.md. */
#include <string.h>

#include "drivers/_template/line/template_proto.h"
#include "drivers/driver.h"
#include "drivers/transport/transport.h"
#include "lib/limits.h"

#define CONNECT_MS 5000
#define ANSWER_MS 3000

/* The state of a lane. Core allocates it zeroed; it survives close and open again. */
typedef struct Template {
        TbInstance base;
        TbTransport *link; /* owned */
} Template;

/* What the attach URI's query, or the object form, may hold. Core validates and fills in the defaults; GET
 * /host/drivers shows it. */
static const TbParam params[] = {
        {.name = "outlet",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 64,
         .fallback = "1",
         .help = "which outlet of the device"},
        TB_PARAM_END,
};

/* What the table cannot say. Pure, on the main thread: no file is opened here. */
static bool check(const TbUri *uri, json_t *p G_GNUC_UNUSED, GError **error)
{
        if (*uri->host && uri->port > 0)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri", "name host and port: template://10.0.0.7:4000");
        return false;
}

/* --- from here on: the worker's thread, straight-line blocking code; every wait goes through `io` --- */
static bool template_open(TbInstance *self, TbIo *io, GError **error)
{
        Template *t = (Template *)self;
        t->link = tb_tcp_connect(io, self->uri->host, (guint16)self->uri->port, CONNECT_MS, error);
        return t->link != NULL;
}

static void template_close(TbInstance *self)
{
        tb_transport_close(g_steal_pointer(&((Template *)self)->link));
}

/* Sends one request and parses its one line of answer. */
static bool ask(Template *t, TbIo *io, const char *request, TemplateState *ret, GError **error)
{
        if (!tb_transport_write(t->link, io, request, strlen(request), ANSWER_MS, error))
                return false;
        g_autofree char *line = tb_transport_read_line(t->link, io, TB_LIMIT_LINE, ANSWER_MS, error);
        return line && template_parse(line, ret, error);
}

static int outlet_of(TbInstance *self)
{
        return (int)json_integer_value(json_object_get(self->params, "outlet"));
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        TemplateState ignored;
        g_autofree char *request = template_request_set(outlet_of(self), on);
        return ask((Template *)self, io, request, &ignored, error);
}

/* Observed is what the device says, never what was commanded. */
static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        TemplateState state;
        g_autofree char *request = template_request_get(outlet_of(self));
        if (!ask((Template *)self, io, request, &state, error))
                return false;
        *ret = (TbPowerState){state.on ? TB_POWER_ON : TB_POWER_OFF, state.watts, NAN, NAN, NAN};
        return true;
}

/* Nothing comes by itself; only the end of the connection is watched for, so that the device is known to be
 * gone before somebody needs it. */
static bool template_pump(TbInstance *self, TbIo *io, GError **error)
{
        Template *t = (Template *)self;
        struct pollfd p = {.fd = tb_transport_fd(t->link), .events = POLLIN};
        if (tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY)
                return true;
        char unexpected[256];
        return tb_transport_read_now(t->link, unexpected, sizeof unexpected, error) >= 0;
}

static const TbPowerOps power = {.set = set, .get = get};
static const TbLane lanes[] = {
        {.name = "power",
         .size = sizeof(Template),
         .open = template_open,
         .close = template_close,
         .pump = template_pump,
         .power = &power},
        {.name = NULL},
};

const TbDriver tb_driver_template = {
        .name = "template",
        .summary = "Switches the outlets of a device that speaks lines over TCP.",
        .example = "template://10.0.0.7:4000?outlet=1",
        .params = params,
        .check = check,
        .lanes = lanes,
};
