/* The verbs of a lease: device/lease.c is its life, here is who asks for it. */
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"

typedef struct Wait { /* the command's scratch */
        TbCommand *command;
        guint timer;
        guint64 ask;
} Wait;

static json_t *grant_to(TbCommand *command)
{
        return tb_lease_take(tb_command_device(command), tb_command_actor(command),
                             tb_command_string(command, "note"), tb_command_int(command, "ttl_s") * 1000);
}

/* The caller left before he was told the secret: nobody could give the lease back. */
static void grant_unheard(TbCommand *command)
{
        TbActor holder = *tb_command_actor(command);
        holder.lease = json_string_value(json_object_get(command->result, "lease"));
        tb_command_stop_storing(command);
        if (command->device && tb_lease_is_holder(command->device, &holder))
                tb_lease_end(command->device, NULL);
}

/* The lease is the caller's, also after a kill -9, when the answer comes. */
static void grant_stored(TbCommand *command)
{
        json_t *grant = grant_to(command);
        tb_command_succeed_stored(command, command->core->save_leases, grant);
        tb_command_on_cancel(command, grant_unheard);
}

static void refuse(TbCommand *command)
{
        TbDevice *device = tb_command_device(command);
        g_autoptr(GError) error = NULL;
        if (tb_lease_allows(device, tb_command_actor(command), &error) && tb_lease_is_held(device))
                tb_set_error(&error, TB_ERROR_LOCKED,
                             "%s is leased by another program of %s, which shows the same token", device->id,
                             tb_command_actor(command)->user);
        else if (!error)
                tb_set_error(&error, TB_ERROR_BUSY, "the lease changed hands while you waited: ask again");
        tb_command_fail(command, g_steal_pointer(&error), tb_device_lease_json(device));
}

static void get(TbCommand *command)
{
        tb_command_succeed(command, tb_device_lease_json(tb_command_device(command)));
}

/* --- take, and wait for it --- */
static void wait_free(gpointer data)
{
        Wait *w = data;
        g_clear_handle_id(&w->timer, g_source_remove);
        g_free(w);
}

static void now_free(gpointer data)
{
        Wait *w = data;
        g_clear_handle_id(&w->timer, g_source_remove);
        if (tb_command_caller_is_there(w->command))
                grant_stored(w->command);
        else
                refuse(w->command); /* he has left, which is told of later: the next one's turn */
}

static void device_removed(gpointer data)
{
        Wait *w = data;
        g_clear_handle_id(&w->timer, g_source_remove);
        tb_command_fail(w->command, g_error_new(TB_ERROR, TB_ERROR_NOT_FOUND, "the device was removed"),
                        NULL);
}

/* Nobody need answer it any more. */
static void withdraw(const Wait *w)
{
        TbDevice *device = tb_command_device(w->command);
        if (device)
                tb_bus_publish_transient(w->command->core->bus, "lease.withdrawn", device->id, NULL,
                                         json_pack("{s:I}", "ask", (json_int_t)w->ask));
}

static void wait_refused(gpointer data, const char *by)
{
        Wait *w = data;
        g_clear_handle_id(&w->timer, g_source_remove);
        TbDevice *device = tb_command_device(w->command);
        json_t *extra = tb_device_lease_json(device);
        if (json_is_object(extra))
                json_object_set_new(extra, "refused_by", json_string(by));
        tb_command_fail(w->command,
                        g_error_new(TB_ERROR, TB_ERROR_LOCKED, "%s said no, and keeps %s", by, device->id),
                        extra);
}

static gboolean wait_over(gpointer data)
{
        Wait *w = data;
        w->timer = 0;
        tb_lease_unwait(tb_command_device(w->command), w);
        withdraw(w);
        refuse(w->command);
        return G_SOURCE_REMOVE;
}

static void wait_cancelled(TbCommand *command)
{
        Wait *w = command->scratch;
        g_clear_handle_id(&w->timer, g_source_remove);
        tb_lease_unwait(tb_command_device(command), w);
        withdraw(w);
}

static void wait_for(TbCommand *command, guint seconds)
{
        Wait *w = g_new0(Wait, 1);
        w->command = command;
        command->scratch = w;
        command->scratch_free = wait_free;
        const TbLeaseWaiter waiter = {.free_now = now_free,
                                      .removed = device_removed,
                                      .refused = wait_refused,
                                      .data = w,
                                      .user = tb_command_actor(command)->user};
        GError *error = NULL;
        w->ask = tb_lease_wait(tb_command_device(command), &waiter, &error);
        if (w->ask == 0) {
                tb_command_fail(command, error, NULL);
                return;
        }
        /* whoever has it may hand it over */
        const TbActor *actor = tb_command_actor(command);
        tb_bus_publish_transient(command->core->bus, "lease.asked", tb_command_device(command)->id, NULL,
                                 json_pack("{s:s, s:s?, s:I, s:I}", "by", actor->user, "note",
                                           tb_command_string(command, "note"), "ask", (json_int_t)w->ask,
                                           "wait_s", (json_int_t)seconds));
        w->timer = g_timeout_add(seconds * 1000, wait_over, w);
        tb_command_on_cancel(command, wait_cancelled);
}

static void take(TbCommand *command)
{
        TbDevice *device = tb_command_device(command);
        const TbActor *actor = tb_command_actor(command);
        gint64 wait_s = tb_command_int(command, "wait_s");
        if (!tb_lease_is_held(device)) {
                grant_stored(command);
        } else if (tb_lease_is_holder(device, actor) && (wait_s == 0 || tb_lease_is_shown(device, actor))) {
                /* the holder asks for another length. By his token alone, and ready to wait, it is another program of his: that one
                 * queues, or two of them would work on the device at once */
                tb_lease_extend(device, tb_command_int(command, "ttl_s") * 1000);
                json_t *o = tb_device_lease_json(device);
                if (actor->lease)
                        json_object_set_new(o, "lease", json_string(actor->lease));
                tb_command_succeed(command, o);
        } else if (wait_s == 0) {
                refuse(command);
        } else {
                wait_for(command, (guint)wait_s);
        }
}

/* Whoever shows a lease means that one: a program whose lease has ended neither renews nor gives back the one that another program
 * with the same token has taken since. */
static bool means_it(const TbDevice *device, const TbActor *actor)
{
        return actor->lease ? tb_lease_is_shown(device, actor) : tb_lease_is_holder(device, actor);
}

static void renew(TbCommand *command)
{
        TbDevice *device = tb_command_device(command);
        if (!means_it(device, tb_command_actor(command))) {
                bool held = tb_lease_is_held(device);
                tb_command_fail(command,
                                held ? g_error_new(TB_ERROR, TB_ERROR_LOCKED,
                                                   "X-Lease is not the lease that holds %s now", device->id)
                                     : g_error_new(TB_ERROR, TB_ERROR_GONE,
                                                   "the lease of %s has ended: take a new one", device->id),
                                held ? tb_device_lease_json(device) : NULL);
                return;
        }
        tb_lease_extend(device, 0);
        tb_core_changed(device->core);
        tb_bus_publish_transient(device->core->bus, "lease.renewed", device->id, NULL,
                                 tb_device_lease_json(device));
        tb_command_succeed(command, tb_device_lease_json(device));
}

static void release(TbCommand *command)
{
        TbDevice *device = tb_command_device(command);
        const TbActor *actor = tb_command_actor(command);
        bool holder = means_it(device, actor), other = !holder && tb_lease_is_holder(device, actor);
        if (!tb_lease_is_held(device)) {
                tb_command_succeed(command, json_null());
        } else if (holder || (actor->role >= TB_ROLE_ADMIN && !other)) {
                json_auto_t *lease = tb_device_lease_json(device);
                tb_log(TB_LOG_INFO, TB_F("device", device->id, "request", actor->request),
                       "lease of %s %s by %s", json_string_value(json_object_get(lease, "holder")),
                       holder ? "released" : "taken over", actor->user);
                tb_lease_end(device, holder ? NULL : actor->user);
                tb_command_succeed_stored(command, command->core->save_leases, json_null());
        } else {
                refuse(command);
        }
}

/* Who has the lease, or an admin, answers one who asks for it. */
static void answer(TbCommand *command)
{
        TbDevice *device = tb_command_device(command);
        const TbActor *actor = tb_command_actor(command);
        if (!tb_lease_is_held(device) || !(means_it(device, actor) || actor->role >= TB_ROLE_ADMIN)) {
                refuse(command);
                return;
        }
        GError *error = NULL;
        bool grant = json_is_true(json_object_get(command->params, "grant"));
        if (!tb_lease_answer(device, (guint64)tb_command_int(command, "ask"), grant, actor->user, &error))
                tb_command_fail(command, error, NULL);
        else if (grant)
                tb_command_succeed_stored(command, command->core->save_leases, json_null());
        else
                tb_command_succeed(command, json_null());
}

static const TbParam answer_params[] = {
        {.name = "ask",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_JSON_INT,
         .help = "which request: `ask` of the event lease.asked"},
        {.name = "grant",
         .type = TB_PARAM_BOOL,
         .required = true,
         .help = "true: he has the device from now on"},
        TB_PARAM_END,
};

static const TbParam take_params[] = {
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_LEASE_S,
         .fallback = "300",
         .unit = "s",
         .help = "the lease ends when the holder was silent for so long"},
        {.name = "note",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_LABEL,
         .help = "shown to others",
         .shown = true},
        {.name = "wait_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_LEASE_WAIT_S,
         .fallback = "0",
         .unit = "s",
         .help = "queue for so long when it is taken"},
        TB_PARAM_END,
};

#define PATH "/host/devices/{id}/lease"

const TbVerbRun tb_lease_verbs[] = {
        {.verb = {.noun = "lease",
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_QUIET,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = PATH,
                  .http = TB_VERB_SPECIAL,
                  .summary = "Who holds the device, until when; null when it is free",
                  .answers = "200 application/json Lease"},
         .start = get},
        {.verb = {.noun = "lease",
                  .op = "take",
                  .role = TB_ROLE_OPERATOR,
                  .timeout_ms = (TB_LIMIT_LEASE_WAIT_S + 10) * 1000,
                  .params = take_params,
                  .method = "POST",
                  .path = PATH,
                  .summary = "Take the device for a while; X-Lease on later calls",
                  .answers = "200 application/json Lease; 423"},
         .start = take},
        {.verb = {.noun = "lease",
                  .op = "renew",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_QUIET,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "PUT",
                  .path = PATH,
                  .summary = "Heartbeat of the holder (X-Lease)",
                  .answers = "200 application/json Lease; 410; 423"},
         .start = renew},
        {.verb = {.noun = "lease",
                  .op = "release",
                  .role = TB_ROLE_OPERATOR,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "DELETE",
                  .path = PATH,
                  .summary = "Release (holder), or take over (admin)",
                  .answers = "204; 423"},
         .start = release},
        {.verb = {.noun = "lease",
                  .op = "answer",
                  .role = TB_ROLE_OPERATOR,
                  .timeout_ms = 5000,
                  .params = answer_params,
                  .method = "POST",
                  .path = PATH "/answer",
                  .summary = "The holder answers one who asks for the device (event lease.asked): he has it, "
                             "or not",
                  .answers = "204; 404; 423"},
         .start = answer},
        {.verb = {.op = NULL}},
};
