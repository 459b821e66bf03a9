/* Discovered hardware: one thread per driver that can discover, what it finds in one table, and the host's
 * buses (usb) that such a driver owns. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define RETRY_MS 2000
#define BUS_TIMEOUT_MS 15000

struct TbDiscoverer {
        TbCore *core; /* borrowed; main thread only */
        const TbDriver *driver;
        TbDiscovery *state; /* owned: the driver's, begins with TbDiscovery */
        TbIo io;
        TbQueue *queue; /* of BusCall */
        TbThread *thread;
        TbMutex lock;
        bool closing; /* protected by lock */
        bool running; /* main: open succeeded */
        char *fault;  /* main: why it does not run, and is no mere absence; owned; NULL: well */
};

typedef enum PostType { POST_FOUND, POST_LOST, POST_EVENT, POST_STATE } PostType;
typedef struct Post {
        TbDiscoverer *from; /* borrowed: freed only after its thread was joined and posts were run */
        PostType type;
        char *uri, *label, *why;
        json_t *json;
        bool ok;
} Post;

typedef struct BusCall {
        TbDiscoverer *by;
        TbBusOp op;
        char *port;
        bool on;
        json_t *result;
        GError *error;
        TbCommandDone done;
        gpointer user;
} BusCall;

/* --- main: what arrives --- */
/* A fault is told once: in the log, on the bus, in /host/health until it is over. What is merely not there (GONE: no such bus, no
 * such program) has no `why`. */
static void state_arrives(TbDiscoverer *d, bool ok, const char *why)
{
        if (d->running != ok)
                tb_log(ok ? TB_LOG_INFO : TB_LOG_DEBUG, TB_F("driver", d->driver->name), "discovery %s",
                       ok ? "runs" : "does not run");
        d->running = ok;
        if (g_strcmp0(d->fault, why) == 0)
                return;
        bool first = !d->fault;
        g_free(d->fault);
        d->fault = g_strdup(why);
        if (why && first) {
                tb_log(TB_LOG_WARNING, TB_F("driver", d->driver->name), "discovery failed: %s", why);
                tb_bus_publish(d->core->bus, "discovery.fault", NULL, NULL,
                               json_pack("{s:s, s:s}", "driver", d->driver->name, "reason", why));
        } else if (!why) {
                tb_bus_publish(d->core->bus, "discovery.running", NULL, NULL,
                               json_pack("{s:s}", "driver", d->driver->name));
        }
}

static void arrive(gpointer data)
{
        Post *p = data;
        TbCore *core = p->from->core;
        switch (p->type) {
        case POST_FOUND: {
                json_t *o =
                        json_pack("{s:s, s:s, s:s, s:s, s:O}", "uri", p->uri, "driver", p->from->driver->name,
                                  "label", p->label, "why", p->why, "properties", p->json);
                json_t *old = g_hash_table_lookup(core->resources, p->uri);
                bool same = old && json_equal(old, o);
                if (!same) {
                        tb_bus_publish(core->bus, "resource.added", NULL, NULL, json_copy(o));
                        tb_interfaces_kick(core, p->from->driver);
                }
                g_hash_table_replace(core->resources, g_strdup(p->uri), o);
                break;
        }
        case POST_LOST:
                if (g_hash_table_remove(core->resources, p->uri))
                        tb_bus_publish(core->bus, "resource.removed", NULL, NULL,
                                       json_pack("{s:s}", "uri", p->uri));
                break;
        case POST_EVENT: tb_bus_publish(core->bus, p->uri, NULL, NULL, json_incref(p->json)); break;
        case POST_STATE: state_arrives(p->from, p->ok, p->why); break;
        }
        g_free(p->uri);
        g_free(p->label);
        g_free(p->why);
        json_decref(p->json);
        g_free(p);
}

/* --- the discovery's thread --- */
static void post(TbDiscoverer *d, PostType type, const char *uri, const char *label, const char *why,
                 json_t *json, bool ok)
{
        Post *p = g_new0(Post, 1);
        *p = (Post){d, type, g_strdup(uri), g_strdup(label), g_strdup(why), json, ok};
        if (!tb_main_post(arrive, p)) {
                json_decref(json);
                g_free(p->uri);
                g_free(p->label);
                g_free(p->why);
                g_free(p);
        }
}

static void found(TbDiscovery *self, const char *uri, const char *label, const char *why,
                  json_t *properties_take)
{
        post(self->host, POST_FOUND, uri, label, why, properties_take ? properties_take : json_object(),
             true);
}

static void lost(TbDiscovery *self, const char *uri)
{
        post(self->host, POST_LOST, uri, NULL, NULL, NULL, true);
}

static void event(TbDiscovery *self, const char *type, json_t *data_take)
{
        post(self->host, POST_EVENT, type, NULL, NULL, data_take ? data_take : json_object(), true);
}

static bool closing(TbDiscoverer *d)
{
        tb_mutex_lock(&d->lock);
        bool is = d->closing;
        tb_mutex_unlock(&d->lock);
        return is;
}

static void bus_answer(gpointer data)
{
        BusCall *call = data;
        if (call->done)
                call->done(call->error ? NULL : call->result, call->error, call->user);
        json_decref(call->result);
        g_clear_error(&call->error);
        g_free(call->port);
        g_free(call);
}

static void bus_run(TbDiscoverer *d, BusCall *call, bool open)
{
        const TbDiscoveryOps *ops = d->driver->discovery;
        d->io.deadline_us = g_get_monotonic_time() + BUS_TIMEOUT_MS * G_TIME_SPAN_MILLISECOND;
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
        tb_main_post(bus_answer, call);
}

static void drain(TbDiscoverer *d, bool open)
{
        tb_interruptor_lower(d->io.wake);
        for (BusCall *call; (call = tb_queue_take(d->queue, 0));)
                bus_run(d, call, open && !closing(d));
}

static void say_state(TbDiscoverer *d, bool ok, const GError *error)
{
        bool fault = error && !g_error_matches(error, TB_ERROR, TB_ERROR_GONE) &&
                     !g_error_matches(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
        post(d, POST_STATE, NULL, NULL, fault ? tb_error_detail(error) : NULL, NULL, ok);
}

static void discover(gpointer data)
{
        TbDiscoverer *d = data;
        const TbDiscoveryOps *ops = d->driver->discovery;
        while (!closing(d)) {
                g_autoptr(GError) error = NULL;
                bool ok = ops->open(d->state, &d->io, &error);
                say_state(d, ok, error);
                while (ok && !closing(d)) {
                        drain(d, true);
                        d->io.in_pump = true;
                        ok = ops->pump(d->state, &d->io, &error);
                        d->io.in_pump = false;
                }
                ops->close(d->state);
                if (!closing(d) && error)
                        say_state(d, false, error);
                drain(d, false);
                if (closing(d))
                        break;
                d->io.in_pump = true;
                tb_io_wait(&d->io, NULL, 0, RETRY_MS);
                d->io.in_pump = false;
        }
        drain(d, false);
}

/* --- main: life --- */
void tb_resources_start(TbCore *core)
{
        core->discoverers = g_ptr_array_new();
        for (const TbDriver *const *driver = tb_drivers; *driver; driver++) {
                if (!(*driver)->discovery)
                        continue;
                TbDiscoverer *d = g_new0(TbDiscoverer, 1);
                d->core = core;
                d->driver = *driver;
                d->queue = tb_queue_new(TB_LIMIT_QUEUE, NULL);
                d->io = (TbIo){.stop = tb_interruptor_new(),
                               .wake = tb_interruptor_new(),
                               .deadline_us = G_MAXINT64};
                tb_mutex_init(&d->lock);
                d->state = g_malloc0((*driver)->discovery->size);
                *d->state = (TbDiscovery){.found = found, .lost = lost, .event = event, .host = d};
                g_autofree char *name = g_strdup_printf("find/%.10s", (*driver)->name);
                d->thread = tb_thread_start(name, discover, d);
                g_ptr_array_add(core->discoverers, d);
        }
}

void tb_resources_stop(TbCore *core)
{
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                tb_mutex_lock(&d->lock);
                d->closing = true;
                tb_mutex_unlock(&d->lock);
                tb_interruptor_raise(d->io.stop);
                tb_interruptor_raise(d->io.wake);
                tb_queue_close(d->queue);
        }
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                tb_thread_join(g_steal_pointer(&d->thread));
        }
        while (g_main_context_iteration(NULL, FALSE)) /* posts that still name a discoverer */
                ;
}

void tb_resources_free(TbCore *core)
{
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                tb_queue_free(d->queue);
                tb_interruptor_free(d->io.stop);
                tb_interruptor_free(d->io.wake);
                tb_mutex_clear(&d->lock);
                g_free(d->fault);
                g_free(d->state);
                g_free(d);
        }
        g_clear_pointer(&core->discoverers, g_ptr_array_unref);
}

json_t *tb_resources_services(TbCore *core)
{
        json_t *o = json_object();
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                const TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                json_object_set_new(o, d->driver->name, json_string(d->running ? "running" : "stopped"));
        }
        return o;
}

void tb_resources_problems(TbCore *core, json_t *list)
{
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                const TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                if (d->fault)
                        json_array_append_new(list,
                                              json_sprintf("discovery by %s: %s", d->driver->name, d->fault));
        }
}

static gboolean uses(TbDevice *device, const char *uri)
{
        for (guint i = 0; i < device->attachments->len; i++) {
                const TbAttachment *a = g_ptr_array_index(device->attachments, i);
                gsize n = strcspn(a->uri->raw, "?");
                if (strlen(uri) == n && strncmp(a->uri->raw, uri, n) == 0)
                        return TRUE;
        }
        return FALSE;
}

json_t *tb_core_resources_json(TbCore *core)
{
        json_t *list = json_array();
        g_autoptr(GList) uris = g_list_sort(g_hash_table_get_keys(core->resources), (GCompareFunc)strcmp);
        for (GList *l = uris; l; l = l->next) {
                json_t *o = json_copy(g_hash_table_lookup(core->resources, l->data));
                for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n))
                        if (uses(g_tree_node_value(n), l->data))
                                json_object_set_new(o, "device", json_string(g_tree_node_key(n)));
                json_array_append_new(list, o);
        }
        return list;
}

/* --- buses --- */
static gboolean answer_idle(gpointer data)
{
        bus_answer(data);
        return G_SOURCE_REMOVE;
}

void tb_core_host_bus(TbCore *core, const TbActor *actor, const char *bus, TbBusOp op, const char *port,
                      bool on, TbCommandDone done, gpointer user)
{
        tb_assert_main();
        BusCall *call = g_new0(BusCall, 1);
        *call = (BusCall){.op = op, .port = g_strdup(port), .on = on, .done = done, .user = user};
        TbRole role = op == TB_BUS_TREE ? TB_ROLE_VIEWER : TB_ROLE_OPERATOR;
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                if (d->driver->discovery->bus && strcmp(d->driver->discovery->bus, bus) == 0)
                        call->by = d;
        }
        for (GTreeNode *n = g_tree_node_first(core->devices); op != TB_BUS_TREE && n;
             n = g_tree_node_next(n)) {
                TbDevice *device = g_tree_node_value(n);
                if (!call->error && tb_device_hangs_at(device, port) &&
                    tb_lease_allows(device, actor, &call->error))
                        tb_lease_used(device, actor);
        }
        if (call->error)
                tb_error_prefix(&call->error, "a device hangs at port %s: ", port);
        else if (actor->role < role)
                tb_set_error(&call->error, TB_ERROR_FORBIDDEN, "this needs role %s", tb_role_name(role));
        else if (!call->by || core->stopping)
                tb_set_error(&call->error, TB_ERROR_UNAVAILABLE, "this host has no %s bus", bus);
        else if (!tb_queue_push(call->by->queue, call))
                tb_set_error(&call->error, TB_ERROR_LIMIT, "the %s bus is busy", bus);
        if (call->error) {
                g_idle_add(answer_idle, call);
                return;
        }
        if (op != TB_BUS_TREE) {
                json_auto_t *params = json_pack("{s:s, s:b}", "port", port, "on", on);
                tb_audit(core, actor, bus, op == TB_BUS_POWER ? "usb.power" : "usb.reset", params, NULL, 0);
        }
        tb_interruptor_raise(call->by->io.wake);
}
