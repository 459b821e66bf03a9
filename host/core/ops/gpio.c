/* gpio: get, set, pulse. What a line was set to is read back from the chip; everybody who looks is told of it (gpio.state). */
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

/* --- worker --- */
static bool read_lines(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        json_t *lines = json_array();
        if (!instance->lane->gpio->list(instance, io, lines, error)) {
                json_decref(lines);
                return false;
        }
        json_decref(c->result);
        c->result = json_pack("{s:o}", "lines", lines);
        return true;
}

static bool exec_get(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return read_lines(c, instance, io, error);
}

static bool exec_set(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        bool on = json_is_true(json_object_get(c->params, "on"));
        return TB_STEP(c, instance->lane->gpio->set, instance, io, tb_command_string(c, "line"), on, error) &&
               read_lines(c, instance, io, error);
}

/* However it ends, the line goes back: a button that stays pressed is no pulse. */
static bool exec_pulse(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        bool on = json_is_true(json_object_get(c->params, "on"));
        const char *line = tb_command_string(c, "line");
        const TbGpioOps *ops = instance->lane->gpio;
        if (!TB_STEP(c, ops->set, instance, io, line, on, error))
                return false;
        g_autoptr(GError) early = NULL;
        bool whole = tb_io_sleep(io, (int)tb_command_int(c, "ms"), &early);
        if (!ops->set(instance, io, line, !on, error)) { /* lint: steps - ends what was begun */
                tb_error_prefix(error, "%s is left %s: ", line, on ? "on" : "off");
                return false;
        }
        if (!whole) {
                g_propagate_error(error, g_steal_pointer(&early));
                tb_error_suffix(error, "; %s is %s again", line, on ? "off" : "on");
                return false;
        }
        return read_lines(c, instance, io, error);
}

/* --- main --- */
static void settle(TbCommand *c)
{
        if (c->iface && c->result)
                tb_bus_publish(c->core->bus, "gpio.state", c->iface->device->id, c->iface->name,
                               json_incref(c->result));
}

static void get(TbCommand *c)
{
        tb_command_dispatch(c, exec_get, NULL);
}

static void set(TbCommand *c)
{
        c->settle = settle;
        tb_command_dispatch(c, exec_set, NULL);
}

static void pulse(TbCommand *c)
{
        c->settle = settle;
        tb_command_dispatch(c, exec_pulse, NULL);
}

#define LINE                                                                                                 \
        {                                                                                                    \
                .name = "line", .type = TB_PARAM_STRING, .required = true, .min = 1, .max = TB_LIMIT_ID,     \
                .help = "its name, as GET lists it"                                                          \
        }

static const TbParam set_params[] = {
        LINE,
        {.name = "on", .type = TB_PARAM_BOOL, .required = true, .help = "active, whatever the level"},
        TB_PARAM_END,
};
static const TbParam pulse_params[] = {
        LINE,
        {.name = "ms",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_PULSE_MS,
         .fallback = "200",
         .unit = "ms",
         .help = "how long"},
        {.name = "on",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "what it is meanwhile; then the opposite"},
        TB_PARAM_END,
};

const TbVerbRun tb_gpio_verbs[] = {
        {.verb = {.kind = TB_KIND_GPIO,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_JOINS,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .summary = "The lines: name, direction, and whether each is on now",
                  .answers = "200 application/json Gpio"},
         .start = get},
        {.verb = {.kind = TB_KIND_GPIO,
                  .op = "set",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 5000,
                  .params = set_params,
                  .method = "PUT",
                  .path = "",
                  .summary = "Set an output; answers all lines as they are read back",
                  .answers = "200 application/json Gpio"},
         .start = set},
        {.verb = {.kind = TB_KIND_GPIO,
                  .op = "pulse",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_FINISHES,
                  .timeout_ms = TB_LIMIT_PULSE_MS + 5000,
                  .params = pulse_params,
                  .method = "POST",
                  .path = "/pulse",
                  .summary = "Press a button: an output on for a while, and off again however it ends",
                  .answers = "200 application/json Gpio"},
         .start = pulse},
        {.verb = {.op = NULL}},
};
