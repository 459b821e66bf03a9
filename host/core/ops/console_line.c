/* console: the settings of its line: read, set, wished for while it is not there, and given back. */
#include "host/core/ops/console_line.h"

#include <string.h>

#include "host/core/private.h"
#include "lib/log.h"

static const char *const parity_names[] = {"none", "odd", "even", "mark", "space", NULL};
static const char *const flow_names[] = {"none", "rtscts", "xonxoff", NULL};

static int index_of(const char *const *names, const char *text)
{
        for (int i = 0; names[i]; i++)
                if (g_strcmp0(names[i], text) == 0)
                        return i;
        return 0;
}

static json_t *line_level(int level)
{
        return level < 0 ? json_null() : json_boolean(level);
}

static json_t *settings_json(const TbSerialSettings *s)
{
        return json_pack("{s:i, s:i, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "baud", s->baud,
                         "data_bits", s->data_bits, "parity", parity_names[s->parity], "stop_bits",
                         s->stop_bits, "flow", flow_names[s->flow], "dtr", line_level(s->dtr), "rts",
                         line_level(s->rts), "cts", line_level(s->cts), "dsr", line_level(s->dsr), "dcd",
                         line_level(s->dcd), "ri", line_level(s->ri));
}

static json_t *with_place(TbCommand *c, json_t *o)
{
        TbHistory *h = c->iface->history;
        json_object_set_new(o, "start", json_integer((json_int_t)tb_history_start(h)));
        json_object_set_new(o, "offset", json_integer((json_int_t)tb_history_end(h)));
        json_object_set_new(o, "clients", json_integer(tb_interface_watchers(c->iface)));
        json_object_set_new(o, "state", json_string(tb_state_name(c->iface->state)));
        const TbConsoleOps *ops = tb_interface_ops(c->iface);
        json_object_set_new(o, "terminal", json_boolean(ops->resize != NULL));
        json_t *released = tb_console_released(c->iface);
        json_object_set_new(o, "releases", json_boolean(ops->releases));
        if (released)
                json_object_set_new(o, "released", released);
        if (c->iface->ports)
                json_object_update(o, c->iface->ports);
        g_autofree char *error = tb_history_error(h);
        if (error)
                json_object_set_new(o, "history_error", json_string(error));
        return o;
}

static bool exec_get(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        TbSerialSettings s = {0};
        if (!instance->lane->console->get(instance, io, &s, error))
                return false;
        c->result = settings_json(&s);
        return true;
}

static void after_settings(TbCommand *c)
{
        tb_command_succeed(c, with_place(c, g_steal_pointer(&c->result)));
}

void tb_console_get(TbCommand *c)
{
        const TbConsoleOps *ops = tb_interface_ops(c->iface);
        if (ops->get && c->iface->state == TB_STATE_READY)
                tb_command_dispatch(c, exec_get, after_settings);
        else
                tb_command_succeed(c, with_place(c, json_object()));
}

static void merge(TbSerialSettings *s, const json_t *named)
{
        json_t *v;
        if ((v = json_object_get(named, "baud")))
                s->baud = (int)json_integer_value(v);
        if ((v = json_object_get(named, "data_bits")))
                s->data_bits = (int)json_integer_value(v);
        if ((v = json_object_get(named, "stop_bits")))
                s->stop_bits = (int)json_integer_value(v);
        if ((v = json_object_get(named, "parity")))
                s->parity = (TbParity)index_of(parity_names, json_string_value(v));
        if ((v = json_object_get(named, "flow")))
                s->flow = (TbFlow)index_of(flow_names, json_string_value(v));
        if ((v = json_object_get(named, "dtr")))
                s->dtr = json_is_true(v);
        if ((v = json_object_get(named, "rts")))
                s->rts = json_is_true(v);
}

/* Only what the caller names changes; DTR and RTS that were set once stay so over a re-plug. */
static bool exec_set(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        const TbConsoleOps *ops = instance->lane->console;
        TbSerialSettings s = {0};
        if (ops->wanted) {
                ops->wanted(instance, &s);
        } else {
                if (ops->get && !ops->get(instance, io, &s, error))
                        return false;
                s.dtr = s.rts = -1;
        }
        s.cts = s.dsr = s.dcd = s.ri = -1;
        *(TbSerialSettings *)c->scratch = s;
        merge(&s, c->params);
        if (c->call.absent) {
                if (!TB_STEP(c, ops->want, instance, io, &s, error))
                        return false;
                c->result = settings_json(&s);
                return true;
        }
        if (!TB_STEP(c, ops->set, instance, io, &s, error))
                return false;
        if (!ops->get) {
                c->result = json_object();
                return true;
        }
        return exec_get(c, instance, io, error);
}

/* What a client of RFC 2217 sets lasts as long as there is one; what anybody else does is for longer. */
static void after_set(TbCommand *c)
{
        TbInterface *iface = c->iface;
        if (g_strcmp0(c->actor.via, "rfc2217") == 0 && !iface->line_before)
                iface->line_before = g_memdup2(c->scratch, sizeof(TbSerialSettings));
        else if (g_strcmp0(c->actor.via, "rfc2217") != 0 && iface->line_before)
                merge(iface->line_before, c->params);
        after_settings(c);
}

void tb_console_set(TbCommand *c)
{
        const TbConsoleOps *ops = tb_interface_ops(c->iface);
        if (!ops->set) {
                tb_console_unsupported(c, "line settings");
                return;
        }
        c->scratch = g_new0(TbSerialSettings, 1);
        c->scratch_free = g_free;
        c->call.while_absent = ops->want != NULL;
        tb_command_dispatch(c, exec_set, after_set);
}

/* --- given back --- */
typedef struct Return {
        TbCall call;
        TbSerialSettings settings;
        char *id;
} Return;

/* Nobody's authority is asked for what a client leaves behind. */
static bool exec_return(TbCall *call, TbInstance *instance, TbIo *io, GError **error)
{
        const Return *r = (const Return *)call;
        const TbConsoleOps *ops = instance->lane->console;
        if (call->absent)
                return ops->want(instance, io, &r->settings, error); /* lint: steps - */
        return ops->set(instance, io, &r->settings, error);          /* lint: steps - */
}

static void returned(TbCall *call)
{
        Return *r = (Return *)call;
        if (call->error)
                tb_log(TB_LOG_WARNING, TB_F("device", r->id), "the line is not set as it was before: %s",
                       tb_error_detail(call->error));
        g_clear_error(&call->error);
        g_free(r->id);
        g_free(r);
}

void tb_interface_line_return(TbInterface *iface, bool keep)
{
        g_autofree TbSerialSettings *before = g_steal_pointer(&iface->line_before);
        TbWorker *worker = tb_interface_worker(iface);
        const TbConsoleOps *ops = tb_interface_ops(iface);
        if (!before || keep || !worker)
                return;
        Return *r = g_new0(Return, 1);
        r->settings = *before;
        r->id = g_strdup(iface->id);
        r->call = (TbCall){.exec = exec_return,
                           .done = returned,
                           .deadline_us = G_MAXINT64,
                           .while_absent = ops->want != NULL,
                           .rank = TB_CALL_CHANGES};
        if (!tb_worker_call(worker, &r->call, &r->call.error))
                returned(&r->call);
}

const TbParam tb_console_set_params[] = {
        {.name = "baud",
         .type = TB_PARAM_INT,
         .min = 50,
         .max = 12000000,
         .unit = "Bd",
         .help = "line speed"},
        {.name = "data_bits", .type = TB_PARAM_INT, .min = 5, .max = 8, .help = "data bits"},
        {.name = "parity", .type = TB_PARAM_ENUM, .choices = parity_names, .help = "parity"},
        {.name = "stop_bits", .type = TB_PARAM_INT, .min = 1, .max = 2, .help = "stop bits"},
        {.name = "flow", .type = TB_PARAM_ENUM, .choices = flow_names, .help = "flow control"},
        {.name = "dtr", .type = TB_PARAM_BOOL, .help = "modem line DTR"},
        {.name = "rts", .type = TB_PARAM_BOOL, .help = "modem line RTS"},
        TB_PARAM_END,
};
