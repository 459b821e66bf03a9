#include "host/core/ops/command.h"

#include <string.h>

#include "host/core/ceiling.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"

/* The driver gets this long to come back after its deadline, before the caller is answered without it. */
#define GRACE_MS 500

static void command_free(TbCommand *c)
{
        g_assert(c->timer == 0 && c->later == 0);
        g_clear_error(&c->error);
        g_clear_error(&c->call.error);
        json_decref(c->params);
        json_decref(c->result);
        g_clear_pointer(&c->bytes, g_bytes_unref);
        tb_pipe_unref(c->pipe);
        if (c->scratch_free)
                c->scratch_free(c->scratch);
        g_free(c->device_id);
        g_free(c->verb_text);
        g_free(c->share);
        g_free((char *)c->actor.user);
        g_free((char *)c->actor.lease);
        g_free((char *)c->actor.via);
        g_free((char *)c->actor.request);
        g_free((char *)c->actor.who);
        g_free(c);
}

static void count(TbCommand *c, gint64 us)
{
        if (c->core->commands_total && !c->leads) {
                tb_metric_add(c->core->commands_total, 1);
                tb_metric_observe(c->core->command_seconds, (double)us / G_USEC_PER_SEC);
                if (c->error)
                        tb_metric_add(c->core->command_errors, 1);
        }
}

/* What changes a device or the bench; of a rule all that it does: nobody sat there. */
static bool is_audited(const TbVerb *verb, TbRole least)
{
        return (verb->flags & TB_VERB_CONTROL || verb->role >= least) && !(verb->flags & TB_VERB_QUIET);
}

/* Tells the caller, once. The memory stays while a worker still has the call. */
static void finish(TbCommand *c)
{
        g_clear_handle_id(&c->timer, g_source_remove);
        g_clear_handle_id(&c->later, g_source_remove);
        g_clear_handle_id(&c->known_timer, g_source_remove);
        gint64 us = g_get_monotonic_time() - c->begin_us;
        count(c, us);
        TbRole least = g_str_equal(c->actor.via, "rule") ? TB_ROLE_OPERATOR : TB_ROLE_ADMIN;
        if (c->verb && is_audited(c->verb, least) && !c->leads)
                tb_audit(c->core, &c->actor, c->device_id, c->verb_text, c->params, c->error, us / 1000);
        if (c->pipe && c->error)
                tb_pipe_fail(c->pipe, c->error);
        TbCommandDone done = c->done;
        c->done = NULL;
        g_hash_table_remove(c->core->commands, c);
        if (done)
                done(c->dispatched ? NULL : c->result, c->error,
                     c->user); /* a worker may still write the result */
        if (!c->dispatched)
                command_free(c);
}

static gboolean finish_later(gpointer data)
{
        TbCommand *c = data;
        c->later = 0;
        finish(c);
        return G_SOURCE_REMOVE;
}

static void answer(TbCommand *c)
{
        g_assert(!c->answered);
        c->answered = true;
        if (c->in_start)
                c->later = g_idle_add_full(G_PRIORITY_DEFAULT, finish_later, c, NULL);
        else
                finish(c);
}

void tb_command_succeed(TbCommand *c, json_t *result_take)
{
        json_decref(c->result);
        c->result = result_take ? result_take : json_null();
        answer(c);
}

void tb_command_fail(TbCommand *c, GError *error_take, json_t *extra_take)
{
        json_decref(c->result);
        c->result = extra_take;
        c->error = error_take;
        answer(c);
}

static bool call_exec(TbCall *call, TbInstance *instance, TbIo *io, GError **error)
{
        TbCommand *c = (TbCommand *)call;
        g_atomic_int_set(&c->begun, 1);
        return c->exec(c, instance, io, error);
}

/* Reads that have begun are older than it. */
static void note_change(TbCommand *c)
{
        if (!c->controls)
                return;
        c->core->changes++;
        if (c->device)
                c->device->changes++;
}

static void call_done(TbCall *call)
{
        TbCommand *c = (TbCommand *)call;
        c->dispatched = false;
        g_hash_table_remove(c->core->at_work, c);
        note_change(c);
        if (c->settle)
                c->settle(c);
        if (c->answered) { /* the caller was told without us: too late, cancelled, device removed */
                command_free(c);
        } else if (call->error) {
                json_t *extra = c->result;
                c->result = NULL;
                tb_command_fail(c, g_steal_pointer(&call->error), extra);
        } else if (c->after) {
                c->after(c);
        } else {
                json_t *result = c->result;
                c->result = NULL;
                tb_command_succeed(c, result);
        }
}

void tb_command_dispatch(TbCommand *c, bool (*exec)(TbCommand *, TbInstance *, TbIo *, GError **),
                         void (*after)(TbCommand *))
{
        TbWorker *worker = tb_interface_worker(c->iface);
        c->exec = exec;
        c->after = after;
        if ((c->urgent || c->verb->flags & TB_VERB_JOINS) && !c->leads) {
                tb_command_join(c);
                return;
        }
        note_change(c);
        c->call.exec = call_exec;
        c->call.done = call_done;
        const TbPlaceBy by = tb_actor_place(&c->actor);
        g_free(c->share);
        c->share = tb_place_key(by.user, NULL);
        c->call.user = c->share ? c->share : "local";
        c->call.watches = by.watches;
        c->call.yields = tb_place_yields(by.user, by.watches);
        if (c->verb->flags & TB_VERB_CONTROL)
                c->call.rank = MAX(c->call.rank, TB_CALL_CHANGES);
        c->dispatched = true;
        g_hash_table_add(c->core->at_work, c);
        g_autoptr(GError) error = NULL;
        if (worker && (c->urgent ? tb_worker_call_first : tb_worker_call)(worker, &c->call, &error))
                return;
        c->dispatched = false;
        g_hash_table_remove(c->core->at_work, c);
        tb_command_fail(c,
                        g_error_new(TB_ERROR, error ? error->code : TB_ERROR_UNAVAILABLE, "%s: %s",
                                    c->iface->id, error ? error->message : "it has no thread now"),
                        NULL);
}

void tb_command_on_cancel(TbCommand *c, void (*on_cancel)(TbCommand *))
{
        c->on_cancel = on_cancel;
}

void tb_command_withdraw(TbCommand *c, GError *error_take)
{
        if (c->answered) {
                g_error_free(error_take);
                return;
        }
        g_atomic_int_set(&c->revoked, 1);
        if (c->dispatched && c->iface && tb_interface_worker(c->iface))
                tb_worker_cancel(tb_interface_worker(c->iface), &c->call);
        if (c->on_cancel)
                c->on_cancel(c);
        if (c->dispatched) {
                c->answered = true;
                c->error = error_take;
                finish(c);
        } else {
                tb_command_fail(c, error_take, NULL);
        }
}

void tb_command_cancel(TbCommand *c)
{
        tb_assert_main();
        c->done = NULL;
        if (c->verb && (c->verb->flags & TB_VERB_FINISHES))
                return;
        tb_command_withdraw(c, g_error_new(TB_ERROR, TB_ERROR_INTERRUPTED, "the caller left"));
}

static gboolean on_timeout(gpointer data)
{
        TbCommand *c = data;
        const char *why = NULL; /* of a lane that was being opened all the while */
        bool there = !c->iface || tb_interface_state(c->iface, &why) == TB_STATE_READY || !why;
        c->timer = 0;
        tb_command_withdraw(c, g_error_new(TB_ERROR, TB_ERROR_TIMEOUT, "%s %s: no answer in time%s%s",
                                           c->device_id, c->verb_text, there ? "" : ": ", there ? "" : why));
        return G_SOURCE_REMOVE;
}

/* --- the one entrance --- */
static void opened(gpointer data)
{
        TbCommand *c = data;
        tb_command_on_cancel(c, NULL);
        g_steal_pointer(&c->waits)->start(c);
}

static void wait_no_more(TbCommand *c)
{
        tb_history_forget(c->iface->history, c);
        c->waits = NULL;
}

/* Nobody knows where a history begins and ends that the disk has not opened yet: what concerns it waits, and main does not. */
static void begin(TbCommand *c, const TbVerbRun *run)
{
        TbHistory *history = c->iface ? c->iface->history : NULL;
        if (!history || !tb_history_when_open(history, opened, c)) {
                run->start(c);
                return;
        }
        c->waits = run;
        tb_command_on_cancel(c, wait_no_more);
}

static const TbVerbRun *run_of(TbCommand *c, const char *name, const char *op, GError **error)
{
        bool of_device = tb_is_device_noun(name);
        const TbVerbRun *run = of_device ? tb_device_verb_run(name, op) : NULL;
        bool any = run && run->verb.flags & TB_VERB_ANY_DEVICE;
        c->device = tb_core_device(c->core, c->device_id, any ? NULL : error);
        if (!c->device && !any)
                return NULL;
        if (!of_device) {
                c->iface = tb_core_interface(c->core, c->device_id, name, error);
                if (!c->iface)
                        return NULL;
                run = tb_verb_run(c->iface->kind, op);
        }
        if (!run)
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "verb", "%s has no operation \"%.80s\"",
                                   c->iface ? tb_kind_name(c->iface->kind) : name, op);
        return run;
}

static bool find_verb(TbCommand *c, const char *verb, const TbVerbRun **ret, GError **error)
{
        const char *dot = strrchr(verb, '.');
        if (!dot || dot == verb || !dot[1]) {
                tb_error_set_field(error, TB_ERROR_INVALID, "verb",
                                   "a verb is <interface>.<operation>, like power.set; got \"%.80s\"", verb);
                return false;
        }
        g_autofree char *name = g_strndup(verb, (gsize)(dot - verb));
        *ret = run_of(c, name, dot + 1, error);
        if (!*ret)
                return false;
        c->verb = &(*ret)->verb;
        return true;
}

/* The one place where the server's word about a role meets the host's ceiling. */
static TbRole role_of(TbCore *core, const TbActor *actor)
{
        return tb_is_via_server(actor->user) ? tb_via_server_role(core, actor->role) : actor->role;
}

static bool may_control(TbDevice *device, const TbActor *actor, GError **error)
{
        TbRole role = role_of(device->core, actor);
        if (role < TB_ROLE_OPERATOR) {
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "role %s may watch; controlling %s needs role operator", tb_role_name(role),
                             device->id);
                return false;
        }
        if (!tb_lease_allows(device, actor, error))
                return false;
        tb_lease_used(device, actor);
        return true;
}

static bool check(TbCommand *c, const char *verb, json_t *params, const TbVerbRun **ret_run, GError **error)
{
        if (c->core->stopping) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the host is stopping");
                return false;
        }
        if (!find_verb(c, verb, ret_run, error))
                return false;
        if (!tb_ceiling_verb(c->core, &c->actor, c->iface ? (int)c->iface->kind : -1, c->verb->role, verb,
                             error))
                return false;
        if (c->actor.role < c->verb->role) {
                tb_set_error(error, TB_ERROR_FORBIDDEN, "%s needs role %s, you are %s", verb,
                             tb_role_name(c->verb->role), tb_role_name(c->actor.role));
                return false;
        }
        c->controls = c->verb->flags & TB_VERB_CONTROL;
        c->overrides =
                c->actor.role >= TB_ROLE_ADMIN && (*ret_run)->overrides && (*ret_run)->overrides(params);
        if (c->controls && !c->overrides && c->device && !may_control(c->device, &c->actor, error))
                return false;
        if (!(c->verb->flags & TB_VERB_CONTROL) && c->device)
                tb_lease_used(c->device, &c->actor);
        if (c->verb->params) {
                c->params = tb_params_validate(c->verb->params, params, error);
                return c->params != NULL;
        }
        c->params = params ? json_incref(params) : json_object();
        return true;
}

static void set_deadline(TbCommand *c)
{
        int ms = c->verb->timeout_ms;
        json_t *asked = json_is_object(c->params) ? json_object_get(c->params, "timeout_s") : NULL;
        if (json_is_number(asked))
                ms = (int)(json_number_value(asked) * 1000);
        c->call.deadline_us = ms > 0 ? c->begin_us + (gint64)ms * G_TIME_SPAN_MILLISECOND : G_MAXINT64;
        if (ms > 0)
                c->timer = g_timeout_add((guint)ms + GRACE_MS, on_timeout, c);
}

void tb_command_extend(TbCommand *c)
{
        g_clear_handle_id(&c->timer, g_source_remove);
        c->call.deadline_us = g_get_monotonic_time() + c->verb->timeout_ms * G_TIME_SPAN_MILLISECOND;
        c->timer = g_timeout_add((guint)c->verb->timeout_ms + GRACE_MS, on_timeout, c);
}

static TbCommand *command_new(TbCore *core, const TbActor *actor, const char *device, const char *verb,
                              TbCommandDone done, gpointer user)
{
        TbCommand *c = g_new0(TbCommand, 1);
        c->core = core;
        c->device_id = g_strdup(device);
        c->verb_text = g_strdup(verb);
        c->actor = (TbActor){g_strdup(actor->user), role_of(core, actor),     g_strdup(actor->lease),
                             g_strdup(actor->via),  g_strdup(actor->request), g_strdup(actor->who)};
        c->done = done;
        c->user = user;
        c->begin_us = g_get_monotonic_time();
        c->size = -1;
        g_hash_table_add(core->commands, c);
        return c;
}

TbCommand *tb_command_split(TbCommand *c, TbCommandDone done, gpointer user)
{
        TbCommand *split = command_new(c->core, &c->actor, c->device_id, c->verb_text, done, user);
        split->device = c->device;
        split->iface = c->iface;
        split->verb = c->verb;
        split->params = json_incref(c->params);
        split->exec = c->exec;
        split->after = c->after;
        split->settle = c->settle;
        split->call.deadline_us = c->call.deadline_us;
        split->scratch = g_steal_pointer(&c->scratch);
        split->scratch_free = c->scratch_free;
        c->scratch_free = NULL;
        split->controls = c->controls;
        split->urgent = c->urgent;
        split->leads = true;
        return split;
}

TbCommand *tb_core_command(TbCore *core, const TbActor *actor, const char *device, const char *verb,
                           json_t *params, const TbPayload *payload, TbCommandDone done, gpointer user)
{
        tb_assert_main();
        TbCommand *c = command_new(core, actor, device, verb, done, user);
        if (payload) {
                c->bytes = payload->bytes ? g_bytes_ref(payload->bytes) : NULL;
                c->pipe = payload->pipe ? tb_pipe_ref(payload->pipe) : NULL;
                c->size = payload->size;
        }
        c->in_start = true;
        GError *error = NULL;
        const TbVerbRun *run = NULL;
        if (!check(c, verb, params, &run, &error)) {
                json_t *extra = g_error_matches(error, TB_ERROR, TB_ERROR_LOCKED)
                                        ? tb_device_lease_json(c->device)
                                        : NULL;
                tb_command_fail(c, error, extra);
        } else {
                set_deadline(c);
                begin(c, run);
        }
        c->in_start = false;
        return c;
}

bool tb_command_require_control(TbCommand *c)
{
        GError *error = NULL;
        if (may_control(c->device, &c->actor, &error))
                return c->controls = true;
        json_t *extra =
                g_error_matches(error, TB_ERROR, TB_ERROR_LOCKED) ? tb_device_lease_json(c->device) : NULL;
        tb_command_fail(c, error, extra);
        return false;
}

const char *tb_command_string(TbCommand *c, const char *name)
{
        return json_string_value(json_object_get(c->params, name));
}

gint64 tb_command_int(TbCommand *c, const char *name)
{
        return json_integer_value(json_object_get(c->params, name));
}

const TbActor *tb_command_actor(TbCommand *c)
{
        return &c->actor;
}

TbDevice *tb_command_device(TbCommand *c)
{
        return c->device;
}
