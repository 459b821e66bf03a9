/* The host's buses (usb): a driver's discovery owns one, and its thread does what is asked of it, in order. Looks join, as reads of
 * a device do. */
#include <string.h>

#include "host/core/ceiling.h"
#include "host/core/device/resources_private.h"
#include "lib/limits.h"

#define TIMEOUT_MS 15000

typedef struct Waiter {
        TbCommandDone done;
        gpointer user;
        TbPlace place;
} Waiter;

typedef struct TbBusCall {
        /* main's, always */
        TbDiscoverer *by; /* NULL: it was refused and never queued */
        GArray *waiters;  /* of Waiter: looks join, as reads of a device do (ops/join.c) */
        TbPlaces places;
        guint64 changes; /* of the core, when it was queued */
        /* the bus's thread's from push() to bus_answer(): main does not even read them in between */
        TbBusOp op;
        char *port;
        bool on;
        json_t *result;
        GError *error;
} BusCall;

static void bus_answer(gpointer data)
{
        BusCall *call = data;
        if (call->by && call->by->tree == call)
                call->by->tree = NULL;
        for (guint i = 0; i < call->waiters->len; i++) {
                Waiter *w = &g_array_index(call->waiters, Waiter, i);
                if (w->done)
                        w->done(call->error ? NULL : call->result, call->error, w->user);
                tb_place_give(&w->place);
        }
        g_array_unref(call->waiters);
        tb_places_clear(&call->places);
        json_decref(call->result);
        g_clear_error(&call->error);
        g_free(call->port);
        g_free(call);
}

static void bus_run(TbDiscoverer *d, BusCall *call, bool open)
{
        const TbDiscoveryOps *ops = d->driver->discovery;
        d->io.deadline_us = g_get_monotonic_time() + TIMEOUT_MS * G_TIME_SPAN_MILLISECOND;
        if (!open)
                tb_set_error(&call->error, TB_ERROR_UNAVAILABLE, "the %s bus of this host cannot be used now",
                             ops->bus);
        else if (call->op == TB_BUS_TREE)
                call->result = ops->bus_tree(d->state, &d->io, &call->error);
        else if (call->op == TB_BUS_POWER)
                ops->bus_power(d->state, &d->io, call->port, call->on, &call->result, &call->error);
        else if (ops->bus_reset(d->state, &d->io, call->port, &call->error))
                call->result = json_object();
        d->io.deadline_us = G_MAXINT64;
        tb_inlet_post(d->inlet, 0, bus_answer, call); /* behind the events that it made */
}

void tb_bus_drain(TbDiscoverer *d, bool open)
{
        tb_interruptor_lower(d->io.wake);
        for (BusCall *call; (call = tb_queue_take(d->queue, 0));)
                bus_run(d, call, open && !tb_discoverer_closing(d));
}

/* --- buses --- */
static gboolean answer_idle(gpointer data)
{
        bus_answer(data);
        return G_SOURCE_REMOVE;
}

static TbDiscoverer *owner_of(TbCore *core, const char *bus)
{
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                if (d->driver->discovery->bus && strcmp(d->driver->discovery->bus, bus) == 0)
                        return d;
        }
        return NULL;
}

/* Whoever holds a device that hangs at the port is asked. */
static bool may_switch(TbCore *core, const TbActor *actor, const char *port, GError **error)
{
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                TbDevice *device = g_tree_node_value(n);
                if (!tb_device_hangs_at(device, port))
                        continue;
                if (!tb_lease_allows(device, actor, error)) {
                        tb_error_prefix(error, "a device hangs at port %s: ", port);
                        return false;
                }
                tb_lease_used(device, actor);
        }
        return true;
}

static bool wait_for(BusCall *call, const TbActor *actor, TbCommandDone done, gpointer user, GError **error)
{
        Waiter w = {.done = done, .user = user};
        const TbPlaceBy by = tb_actor_place(actor);
        bool ok = tb_place_take(&call->places, &by, &w.place, error);
        if (ok)
                g_array_append_val(call->waiters, w);
        return ok;
}

/* Those who look leave room for who switches. When it returns true, the call is the bus's thread's. */
static bool push(TbDiscoverer *d, BusCall *call, bool look, const char *bus, GError **error)
{
        if (d->thread && (!look || tb_queue_length(d->queue) < TB_LIMIT_QUEUE_WATCHED) &&
            tb_queue_push(d->queue, call)) {
                d->tree = look ? call : NULL; /* what looked before a change answers nobody after it */
                tb_interruptor_raise(d->io.wake);
                return true;
        }
        tb_set_error(error, d->thread ? TB_ERROR_LIMIT : TB_ERROR_UNAVAILABLE, "the %s bus is %s", bus,
                     d->thread ? "busy" : "not served now: no thread can be had");
        return false;
}

static bool may_ask(TbCore *core, const TbActor *actor, TbDiscoverer *d, const char *bus, TbBusOp op,
                    const char *port, GError **error)
{
        TbRole role = op == TB_BUS_TREE ? TB_ROLE_VIEWER : TB_ROLE_OPERATOR;
        if (op != TB_BUS_TREE && !may_switch(core, actor, port, error))
                return false;
        if (actor->role < role)
                tb_set_error(error, TB_ERROR_FORBIDDEN, "this needs role %s", tb_role_name(role));
        else if (!d || core->stopping)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "this host has no %s bus", bus);
        else
                return true;
        return false;
}

static void audit(TbCore *core, const TbActor *actor, const char *bus, TbBusOp op, const char *port, bool on)
{
        json_auto_t *params = json_pack("{s:s, s:b}", "port", port, "on", on);
        tb_audit(core, actor, bus, op == TB_BUS_POWER ? "usb.power" : "usb.reset", params, NULL, 0);
}

void tb_core_host_bus(TbCore *core, const TbActor *actor, const char *bus, TbBusOp op, const char *port,
                      bool on, TbCommandDone done, gpointer user)
{
        tb_assert_main();
        bool look = op == TB_BUS_TREE;
        TbDiscoverer *d = owner_of(core, bus);
        bool joins = look && d && d->tree && d->tree->changes == core->changes;
        g_autoptr(GError) refusal = NULL;
        bool may = may_ask(core, actor, d, bus, op, port, &refusal);
        if (may && joins && wait_for(d->tree, actor, done, user, &refusal))
                return;
        BusCall *call = g_new0(BusCall, 1);
        *call = (BusCall){.by = d, .op = op, .port = g_strdup(port), .on = on, .changes = core->changes};
        tb_places_init(&call->places, "callers of one look at the bus", TB_LIMIT_JOINED);
        call->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        wait_for(call, actor, done, user, NULL); /* the first one has a place */
        if (may && !joins && push(d, call, look, bus, &refusal)) {
                core->changes += !look;
                if (!look)
                        audit(core, actor, bus, op, port, on);
                return;
        }
        call->by = NULL;
        call->error = g_steal_pointer(&refusal);
        g_idle_add(answer_idle, call);
}
