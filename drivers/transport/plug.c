#include "drivers/transport/plug.h"

#include <string.h>

#include "drivers/transport/gate.h"
#include "drivers/transport/samples.h"

#define MISSES 2 /* polls in a row without an answer: it is gone */

const TbParam tb_plug_params[] = {TB_PLUG_PARAMS, TB_PARAM_END};

/* --- answers --- */
static double *field_of(TbPowerState *power, const char *stream)
{
        return strcmp(stream, "power.watts") == 0    ? &power->watts
               : strcmp(stream, "power.volts") == 0  ? &power->volts
               : strcmp(stream, "power.amps") == 0   ? &power->amps
               : strcmp(stream, "power.energy") == 0 ? &power->energy_wh
                                                     : NULL;
}

/* The list that "/relays/ *" looks into, when it is one. */
static const json_t *list_of(const json_t *answer, const char *on, int output)
{
        const char *star = strstr(on, "/*");
        g_autofree char *list = star ? g_strndup(on, (gsize)(star - on)) : NULL;
        const json_t *value = list ? tb_reading_at(answer, list, output) : NULL;
        return json_is_array(value) ? value : NULL;
}

bool tb_plug_parse(const json_t *answer, const char *on, const TbReading *rows, int output, TbPlugState *ret,
                   GError **error)
{
        const json_t *list = list_of(answer, on, output);
        bool is_on = false;
        if (list && json_array_size(list) > 0 && (gsize)output >= json_array_size(list)) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "there is no output %d (it has %zu, counted from 0): correct \"output\" of this "
                             "attachment",
                             output, json_array_size(list));
                return false;
        }
        if (!tb_reading_switch(tb_reading_at(answer, on, output), &is_on)) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the answer does not say at %s whether output %d is on: is it another model?",
                             on, output);
                return false;
        }
        TbPlugState state = {{is_on ? TB_POWER_ON : TB_POWER_OFF, NAN, NAN, NAN, NAN}, NULL, {0}};
        tb_plug_measure(answer, rows, output, &state);
        *ret = state;
        return true;
}

void tb_plug_measure(const json_t *answer, const TbReading *rows, int output, TbPlugState *state)
{
        state->rows = rows;
        for (guint i = 0; rows && rows[i].stream; i++) {
                g_assert(i < TB_PLUG_READINGS); /* tables are ours */
                state->values[i] = tb_reading_json(&rows[i], answer, output);
                double *field = field_of(&state->power, rows[i].stream);
                if (field)
                        *field = state->values[i];
        }
}

/* JSON strings are UTF-8: cut before a character, never within one. */
bool tb_plug_take_id(const json_t *value, char ret_id[TB_PLUG_ID])
{
        const char *text = json_string_value(value), *end;
        if (!text || !*text)
                return false;
        g_strlcpy(ret_id, text, TB_PLUG_ID);
        if (!g_utf8_validate(ret_id, -1, &end))
                ret_id[end - ret_id] = '\0';
        return *ret_id != '\0';
}

/* --- the lane --- */
static const TbPlugModel *model_of(const TbPlug *p)
{
        return (const TbPlugModel *)p->base.lane; /* its lanes stand first in it */
}

static bool is_another(TbPlug *p, const char *id, GError **error)
{
        if (!*p->id || strcmp(p->id, id) == 0) {
                g_strlcpy(p->id, id, sizeof p->id);
                p->known = TB_PLUG_KNOWN;
                return false;
        }
        p->known = 0; /* the next look ends the lane, if it is so still */
        tb_set_error(error, TB_ERROR_DEVICE,
                     "another %s answers at %s (%s, it was %s): nothing is switched; if that is meant, "
                     "attach it again",
                     p->http.what, p->http.where, id, p->id);
        return true;
}

/* Within the gate. `ask` NULL: it cannot say, and is taken for who it was. */
static bool is_same(TbPlug *p, TbIo *io, bool (*ask)(TbPlug *, TbIo *, char[TB_PLUG_ID], GError **),
                    GError **error)
{
        char id[TB_PLUG_ID] = "";
        return !ask || (ask(p, io, id, error) && !is_another(p, id, error));
}

static bool still_same(TbPlug *p, TbIo *io, GError **error)
{
        const TbPlugModel *m = model_of(p);
        return is_same(p, io, m->who ? m->who : m->identify, error);
}

/* A lane that opens looks by itself, unless a command waits for it. */
static bool is_look(const TbPlug *p, const TbIo *io)
{
        bool asked = io->asked || (io->wake && tb_interruptor_raised(io->wake));
        return io->in_pump || (p->opens && !asked);
}

static bool enter(TbPlug *p, TbIo *io, bool look, GError **error)
{
        return tb_gate_enter_or_lose(io, p->http.origin, look, p->http.timeout_ms, error);
}

/* `why`: what failed within; NULL: nothing. */
static void leave(TbPlug *p, const TbIo *io, const GError *why)
{
        bool silent = g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT) ||
                      g_error_matches(why, TB_ERROR, TB_ERROR_GONE);
        if (silent && g_get_monotonic_time() < io->deadline_us) /* else it was the command that had no time */
                tb_gate_lost(p->http.origin, why);
        else
                tb_gate_leave(p->http.origin);
}

/* Tells what was seen, and that the plug is well. */
static bool observe(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        GError *why = NULL;
        if (!enter(p, io, is_look(p, io), error))
                return false;
        bool ok = (--p->known >= 0 || still_same(p, io, &why)) && model_of(p)->read(p, io, ret, &why);
        leave(p, io, why);
        if (!ok) {
                if (!strstr(why->message, p->http.where)) /* what the parser said, which knows no address */
                        tb_error_prefix(&why, "the %s at %s: ", p->http.what, p->http.where);
                g_propagate_error(error, why);
                return false;
        }
        p->base.up->power(&p->base, &ret->power);
        tb_polled_seen(&p->poll, &p->base);
        return true;
}

static bool meet(TbPlug *p, TbIo *io, GError **error)
{
        GError *why = NULL;
        bool in = enter(p, io, is_look(p, io), &why), ok = in && is_same(p, io, model_of(p)->identify, &why);
        if (in)
                leave(p, io, why);
        return ok || tb_http_device_absent(&p->http, why, error);
}

bool tb_plug_open(TbInstance *self, TbIo *io, GError **error)
{
        TbPlug *p = (TbPlug *)self;
        TbPlugState state;
        GError *why = NULL;
        tb_http_device_init(&p->http, self, model_of(p)->what, model_of(p)->user, model_of(p)->port);
        tb_polled_init(&p->poll, self, MISSES);
        p->output = (int)json_integer_value(json_object_get(self->params, "output"));
        if (model_of(p)->open && !model_of(p)->open(p, io, error))
                return false;
        p->opens = true;
        bool met = meet(p, io, error), seen = met && observe(p, io, &state, &why);
        p->opens = false;
        return seen || (met && tb_http_device_absent(&p->http, why, error));
}

void tb_plug_close(TbInstance *self)
{
        TbPlug *p = (TbPlug *)self;
        if (model_of(p)->close)
                model_of(p)->close(p);
        tb_http_device_clear(&p->http);
}

bool tb_plug_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbPlug *p = (TbPlug *)self;
        TbPlugState state;
        GError *why = NULL;
        if (!tb_polled_wait(&p->poll, io) || observe(p, io, &state, &why))
                return true;
        g_autofree char *whom = g_strdup_printf("the %s at %s", p->http.what, p->http.where);
        return tb_polled_missed(&p->poll, self, whom, why, error);
}

static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        TbPlugState state;
        if (!observe((TbPlug *)self, io, &state, error))
                return false;
        *ret = state.power;
        return true;
}

static bool power_set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        TbPlug *p = (TbPlug *)self;
        GError *why = NULL;
        if (!enter(p, io, false, error))
                return false;
        bool ok = still_same(p, io, &why) && model_of(p)->set(p, io, on, &why);
        leave(p, io, why);
        if (why)
                g_propagate_error(error, why);
        return ok;
}

static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        TbPlugState state;
        if (!observe((TbPlug *)self, io, &state, error))
                return false;
        for (guint i = 0; state.rows && state.rows[i].stream; i++) {
                const TbReading *row = &state.rows[i];
                tb_samples_tell(self, row->stream, row->quantity, row->unit, state.values[i]);
        }
        return true;
}

const TbPowerOps tb_plug_power = {.set = power_set, .get = power_get};
const TbSensorOps tb_plug_sensors = {.interval_ms = 5000, .sample = sample};
