/* power: get, set, cycle. What was commanded and what was observed are two things; set answers after the
 * read-back. A command that fails or is stopped between two steps says in which state it left the device: in its error, on the bus
 * (power.left) and in GET power (reason). */
#include <math.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

#define READ_BACK_TRIES 24 /* two seconds in all */
#define READ_BACK_MS                                                                                         \
        10 /* between two looks; doubles: most switches are quick, some relays and hubs are not */
#define READ_BACK_MS_MAX 100
#define AGAIN_MS 200 /* between two tries to switch on again; doubles */
#define AGAIN_MS_MAX 2000

/* What a command did to the switch; written by the worker, read by main when it is done. */
typedef struct Run {
        TbPowerState seen; /* the last read-back */
        bool looked;       /* seen holds one */
        int told;          /* the last state that the driver was told to make; -1: none */
        int before;        /* main: what was commanded until then */
        bool confirmed;    /* and it was seen to be so */
        bool wanted;       /* where it should end */
} Run;

/* --- worker --- */
static bool read_state(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        Run *run = c->scratch;
        TbPowerState seen = {TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        if (!instance->lane->power->get(instance, io, &seen, error))
                return false;
        run->seen = seen;
        run->looked = true;
        /* who asks meanwhile knows it, too: a board may be off for minutes */
        if (c->verb->flags & TB_VERB_CONTROL)
                instance->up->power(instance, &seen);
        return true;
}

/* Relays and hubs need a moment: looks until what was asked for is seen, or says what is seen instead. */
static bool read_back(TbCommand *c, TbInstance *instance, TbIo *io, bool on, GError **error)
{
        const Run *run = c->scratch;
        TbPowerObserved wanted = on ? TB_POWER_ON : TB_POWER_OFF;
        for (int i = 0; i < READ_BACK_TRIES; i++) {
                if (i > 0 && !tb_io_sleep(io, MIN(READ_BACK_MS << MIN(i - 1, 8), READ_BACK_MS_MAX), error))
                        return false;
                if (!read_state(c, instance, io, error))
                        return false;
                if (run->seen.observed == wanted || run->seen.observed == TB_POWER_UNKNOWN)
                        return true;
        }
        tb_set_error(error, TB_ERROR_DEVICE,
                     "%s was commanded %s and still reads %s: check the wiring, or who else switches it",
                     c->device_id, on ? "on" : "off", on ? "off" : "on");
        return false;
}

static bool turn(TbCommand *c, TbInstance *instance, TbIo *io, bool on, GError **error)
{
        if (!tb_command_may_step(c, error))
                return false;
        Run *run = c->scratch;
        run->confirmed = false;
        run->told = on; /* also when it fails: nobody knows what the switch has heard */
        run->confirmed = TB_STEP(c, instance->lane->power->set, instance, io, on, error) &&
                         read_back(c, instance, io, on, error);
        return run->confirmed;
}

static bool exec_get(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return read_state(c, instance, io, error);
}

static bool exec_set(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return turn(c, instance, io, g_strcmp0(tb_command_string(c, "state"), "on") == 0, error);
}

/* Once it may be off, on is tried until the deadline: a board that nobody can reach any more is the worst end. */
static bool turn_on_again(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        int pause_ms = AGAIN_MS;
        for (guint tries = 1;; tries++) {
                g_autoptr(GError) why = NULL;
                if (turn(c, instance, io, true, &why))
                        return true;
                bool late = g_get_monotonic_time() + pause_ms * G_TIME_SPAN_MILLISECOND >= io->deadline_us;
                if (!late && tb_command_may_step(c, NULL) && tb_io_sleep(io, pause_ms, NULL)) {
                        pause_ms = MIN(pause_ms * 2, AGAIN_MS_MAX);
                        continue;
                }
                tb_set_error(error, why->domain == TB_ERROR ? (TbErrorCode)why->code : TB_ERROR_DEVICE,
                             "%s was switched off and could not be switched on again (%u times tried: %s)",
                             c->device_id, tries, tb_error_detail(why));
                return false;
        }
}

static bool cycle_by_core(TbCommand *c, TbInstance *instance, TbIo *io, int off_ms, GError **error)
{
        g_autoptr(GError) why = NULL;
        bool off = turn(c, instance, io, false, &why) && tb_io_sleep(io, off_ms, &why);
        if (((Run *)c->scratch)->told < 0) { /* nothing was begun */
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (!turn_on_again(c, instance, io, error))
                return false;
        if (off)
                return true;
        tb_set_error(error, (TbErrorCode)why->code, "%s was not off: %s; it is commanded on again",
                     c->device_id, tb_error_detail(why));
        return false;
}

static bool cycle_by_driver(TbCommand *c, TbInstance *instance, TbIo *io, int off_ms, GError **error)
{
        return TB_STEP(c, instance->lane->power->cycle, instance, io, off_ms, error) &&
               read_back(c, instance, io, true, error);
}

static bool exec_cycle(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        int off_ms = (int)(json_number_value(json_object_get(c->params, "off_s")) * 1000);
        if (!instance->lane->power->cycle)
                return cycle_by_core(c, instance, io, off_ms, error);
        g_autoptr(GError) why = NULL;
        if (!tb_command_may_step(c, error))
                return false;
        ((Run *)c->scratch)->told = true;
        ((Run *)c->scratch)->confirmed = cycle_by_driver(c, instance, io, off_ms, &why);
        if (((Run *)c->scratch)->confirmed)
                return true;
        g_clear_error(&why);
        if (turn_on_again(c, instance, io, &why))
                tb_set_error(error, TB_ERROR_DEVICE, "%s: the cycle failed half-way; it is switched on again",
                             c->device_id);
        else
                g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* --- main --- */
/* Nobody has seen how it ended: a look of our own tells. */
static void look_again(TbCommand *c)
{
        const TbActor self = {.user = "host:power", .role = TB_ROLE_VIEWER, .via = "core"};
        g_autofree char *verb = g_strdup_printf("%s.get", c->iface->name);
        tb_core_command(c->core, &self, c->device_id, verb, NULL, NULL, NULL, NULL);
}

/* However it ended: what is commanded, what was seen, and, where it did not end as it should, in which state it was left. */
static void settle(TbCommand *c)
{
        const Run *run = c->scratch;
        TbInterface *iface = c->iface;
        tb_cycles_save(c->core, c->verb);
        if (!iface)
                return;
        bool changes = c->verb->flags & TB_VERB_CONTROL;
        if (changes && (run->told < 0 ? iface->commanded == run->wanted : iface->commanded != run->told))
                iface->commanded = run->told < 0 ? run->before : run->told;
        if (run->looked)
                tb_interface_saw_power(iface, &run->seen);
        if (!changes)
                return;
        if (run->confirmed && run->told == run->wanted) {
                tb_interface_left_power(iface, NULL);
        } else if (run->told >= 0) {
                const char *left = !run->looked                         ? "in a state that nobody has seen"
                                   : run->seen.observed == TB_POWER_ON  ? "on"
                                   : run->seen.observed == TB_POWER_OFF ? "off"
                                                                        : "as it was commanded";
                g_autofree char *text = g_strdup_printf(
                        "%s by %s did not end as it should; left %s%s%s", c->verb_text, c->actor.user, left,
                        c->call.error ? ": " : "", c->call.error ? tb_error_detail(c->call.error) : "");
                tb_interface_left_power(iface, text);
                if (c->call.error)
                        tb_error_suffix(&c->call.error, "; left %s", left);
                if (!c->core->stopping)
                        look_again(c);
        }
        tb_interface_tell_power(iface);
        tb_core_changed(c->core);
}

const char *tb_command_changing(const TbInterface *iface)
{
        GHashTableIter iter;
        gpointer key;
        const char *op = NULL;
        g_hash_table_iter_init(&iter, iface->device->core->at_work);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
                const TbCommand *c = key;
                if (c->iface == iface && c->verb->flags & TB_VERB_CONTROL &&
                    (!op || g_atomic_int_get(&c->begun)))
                        op = c->verb->op;
        }
        return op;
}

static void answer_state(TbCommand *c)
{
        tb_command_succeed(c, tb_interface_power_json(c->iface));
}

static void dispatch(TbCommand *c, bool (*exec)(TbCommand *, TbInstance *, TbIo *, GError **), bool wanted)
{
        Run *run = g_new0(Run, 1);
        *run = (Run){.told = -1, .before = c->iface->commanded, .wanted = wanted};
        c->scratch = run;
        c->scratch_free = g_free;
        c->settle = settle;
        bool changes = c->verb->flags & TB_VERB_CONTROL;
        TbInterface *iface = c->iface;
        if (changes && iface->commanded != wanted) {
                iface->commanded = wanted;
                tb_core_changed(c->core);
        }
        TbCore *core = c->core;
        const TbVerb *verb = c->verb;
        tb_command_dispatch(c, exec, answer_state);
        tb_cycles_save(core, verb);
        if (changes && tb_command_changing(iface)) /* what is not yet so is no fault meanwhile */
                tb_interface_tell_power(iface);
}

static json_t *known(TbCommand *c)
{
        return c->iface && c->iface->power_at != 0 ? tb_interface_power_json(c->iface) : NULL;
}

static void get(TbCommand *c)
{
        c->known = known;
        dispatch(c, exec_get, false);
}

static bool is_emergency(json_t *params)
{
        return json_is_true(json_object_get(params, "emergency"));
}

static void set(TbCommand *c)
{
        bool on = g_strcmp0(tb_command_string(c, "state"), "on") == 0;
        if (is_emergency(c->params)) {
                GError *error = NULL;
                if (on) {
                        tb_error_set_field(&error, TB_ERROR_INVALID, "emergency",
                                           "an emergency is for \"state\": \"off\" alone");
                        tb_command_fail(c, error, NULL);
                        return;
                }
                c->urgent = true;
                tb_commands_overtake(c);
        }
        dispatch(c, exec_set, on);
}

static void cycle(TbCommand *c)
{
        double off_s = json_number_value(json_object_get(c->params, "off_s"));
        json_t *timeout = json_object_get(c->params, "timeout_s");
        if (timeout && json_number_value(timeout) <= off_s) {
                GError *error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, "timeout_s",
                                   "it stays off for %g s already: more is needed", off_s);
                tb_command_fail(c, error, NULL);
                return;
        }
        dispatch(c, exec_cycle, true);
}

static const TbParam set_params[] = {
        {.name = "state",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("on", "off"),
         .help = "what to switch to"},
        {.name = "emergency",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "off at once: overtakes what waits, stops what runs, joins another emergency; an admin may "
                 "without the lease"},
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
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_COMMAND_S,
         .unit = "s",
         .help = "how long to try to switch on again; default 150"},
        TB_PARAM_END,
};

const TbVerbRun tb_power_verbs[] = {
        {.verb = {.kind = TB_KIND_POWER,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_JOINS,
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
                  .flags = TB_VERB_CONTROL | TB_VERB_FINISHES,
                  .timeout_ms = 20000,
                  .params = set_params,
                  .method = "PUT",
                  .path = "",
                  .summary = "Switch on or off; answers after the state was read back",
                  .answers = "200 application/json Power"},
         .start = set,
         .overrides = is_emergency},
        {.verb = {.kind = TB_KIND_POWER,
                  .op = "cycle",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_FINISHES,
                  .timeout_ms = (TB_LIMIT_CYCLE_OFF_S + 30) * 1000,
                  .params = cycle_params,
                  .method = "POST",
                  .path = "/cycle",
                  .summary = "Off, wait, on",
                  .answers = "200 application/json Power"},
         .start = cycle},
        {.verb = {.op = NULL}},
};
