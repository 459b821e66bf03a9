/* power: get, set, cycle. What was commanded and what was observed are two things; set answers after the
 * read-back. */
#include <math.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

#define READ_BACK_TRIES 20
#define READ_BACK_MS 100

static void saw(TbCommand *c)
{
        TbPowerState *state = c->scratch;
        tb_interface_saw_power(c->iface, state);
        tb_command_succeed(c, tb_interface_power_json(c->iface));
}

static bool read_state(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        TbPowerState *state = c->scratch;
        *state = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        return instance->lane->power->get(instance, io, state, error);
}

/* Relays and hubs need a moment: looks until what was asked for is seen, or says what is seen instead. */
static bool read_back(TbCommand *c, TbInstance *instance, TbIo *io, bool on, GError **error)
{
        TbPowerState *state = c->scratch;
        TbPowerObserved wanted = on ? TB_POWER_ON : TB_POWER_OFF;
        for (int i = 0; i < READ_BACK_TRIES; i++) {
                if (i > 0 && !tb_io_sleep(io, READ_BACK_MS, error))
                        return false;
                if (!read_state(c, instance, io, error))
                        return false;
                if (state->observed == wanted || state->observed == TB_POWER_UNKNOWN)
                        return true;
        }
        tb_set_error(error, TB_ERROR_DEVICE,
                     "%s was commanded %s and still reads %s: check the wiring, or who else switches it",
                     c->device_id, on ? "on" : "off", on ? "off" : "on");
        return false;
}

static bool exec_set(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        bool on = g_strcmp0(tb_command_string(c, "state"), "on") == 0;
        return instance->lane->power->set(instance, io, on, error) && read_back(c, instance, io, on, error);
}

static bool exec_cycle(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        const TbPowerOps *ops = instance->lane->power;
        int off_ms = (int)(json_number_value(json_object_get(c->params, "off_s")) * 1000);
        if (ops->cycle)
                return ops->cycle(instance, io, off_ms, error) && read_back(c, instance, io, true, error);
        return ops->set(instance, io, false, error) && read_back(c, instance, io, false, error) &&
               tb_io_sleep(io, off_ms, error) && ops->set(instance, io, true, error) &&
               read_back(c, instance, io, true, error);
}

static void dispatch(TbCommand *c, bool (*exec)(TbCommand *, TbInstance *, TbIo *, GError **))
{
        c->scratch = g_new0(TbPowerState, 1);
        c->scratch_free = g_free;
        tb_command_dispatch(c, exec, saw);
}

static void command(TbCommand *c, bool on)
{
        if (c->iface->commanded != on) {
                c->iface->commanded = on;
                tb_core_changed(c->core);
        }
}

static void get(TbCommand *c)
{
        dispatch(c, read_state);
}

static void set(TbCommand *c)
{
        command(c, g_strcmp0(tb_command_string(c, "state"), "on") == 0);
        dispatch(c, exec_set);
}

static void cycle(TbCommand *c)
{
        command(c, true);
        dispatch(c, exec_cycle);
}

static const TbParam set_params[] = {
        {.name = "state",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("on", "off"),
         .help = "what to switch to"},
        TB_PARAM_END,
};
static const TbParam cycle_params[] = {
        {.name = "off_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = TB_LIMIT_CYCLE_OFF_S,
         .fallback = "2",
         .unit = "s",
         .help = "how long it stays off"},
        TB_PARAM_END,
};

const TbVerbRun tb_power_verbs[] = {
        {.verb = {.kind = TB_KIND_POWER,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 10000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .summary = "Commanded and observed power, with measurements where there are any",
                  .answers = "200 application/json Power"},
         .start = get},
        {.verb = {.kind = TB_KIND_POWER,
                  .op = "set",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 20000,
                  .params = set_params,
                  .method = "PUT",
                  .path = "",
                  .summary = "Switch on or off; answers after the state was read back",
                  .answers = "200 application/json Power"},
         .start = set},
        {.verb = {.kind = TB_KIND_POWER,
                  .op = "cycle",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = (TB_LIMIT_CYCLE_OFF_S + 30) * 1000,
                  .params = cycle_params,
                  .method = "POST",
                  .path = "/cycle",
                  .summary = "Off, wait, on",
                  .answers = "200 application/json Power"},
         .start = cycle},
        {.verb = {.op = NULL}},
};
