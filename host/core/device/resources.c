/* Discovered hardware: one thread per driver that can discover, what it finds in one table. */
#include <string.h>

#include "host/core/device/resources_private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

#define RETRY_FIRST_MS 500
#define START_RETRY_MS 2000

typedef enum PostType { POST_FOUND, POST_LOST, POST_EVENT, POST_STATE } PostType;
typedef struct Post {
        TbDiscoverer *from; /* borrowed: freed only after its thread was joined and posts were run */
        PostType type;
        char *uri, *label, *why;
        json_t *json;
        bool ok;
} Post;

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

static void post_free(Post *p)
{
        g_free(p->uri);
        g_free(p->label);
        g_free(p->why);
        json_decref(p->json);
        g_free(p);
}

/* Who serves it: one driver's discovery may find hardware of another (network). */
static const TbDriver *driver_of(const char *uri, const TbDriver *finder)
{
        g_autofree char *scheme = g_strndup(uri, strcspn(uri, ":"));
        const TbDriver *driver = tb_driver_find(scheme);
        return driver ? driver : finder;
}

static void arrive(gpointer data)
{
        Post *p = data;
        TbCore *core = p->from->core;
        switch (p->type) {
        case POST_FOUND: {
                const TbDriver *driver = driver_of(p->uri, p->from->driver);
                json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:O}", "uri", p->uri, "driver", driver->name,
                                      "label", p->label, "why", p->why, "properties", p->json);
                json_t *old = g_hash_table_lookup(core->resources, p->uri);
                bool same = old && json_equal(old, o);
                if (!same) {
                        tb_bus_publish(core->bus, "resource.added", NULL, NULL, json_copy(o));
                        tb_interfaces_kick(core, driver);
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
        post_free(p);
}

/* --- the discovery's thread --- */
static gsize length(const char *text)
{
        return text ? strlen(text) : 0;
}

/* Waits while main is behind. What it would tell when all ends, nobody reads. */
static void post(TbDiscoverer *d, PostType type, const char *uri, const char *label, const char *why,
                 json_t *json_take, bool ok)
{
        Post *p = g_new0(Post, 1);
        *p = (Post){d,
                    type,
                    g_strdup(uri),
                    g_strdup(label),
                    why ? tb_text_cut(why, TB_LIMIT_DETAIL) : NULL,
                    json_take,
                    ok};
        gsize cost = sizeof *p + length(p->uri) + length(p->label) + length(p->why) +
                     (json_take ? tb_json_weight(json_take) : 0);
        if (tb_discoverer_closing(d) || !tb_inlet_post(d->inlet, cost, arrive, p)) {
                post_free(p);
                return;
        }
        /* A call of the bus comes after what it would see, and has no say in how long. (Not the whole of `io`: main reads
         * the rest.) */
        bool in_pump = d->io.in_pump;
        gint64 deadline_us = d->io.deadline_us;
        d->io.in_pump = false;
        d->io.deadline_us = G_MAXINT64;
        while (tb_inlet_full(d->inlet)) {
                struct pollfd room = {.fd = tb_inlet_room_fd(d->inlet), .events = POLLIN};
                if (tb_io_wait(&d->io, &room, 1, -1) != TB_WAIT_READY)
                        break;
        }
        d->io.in_pump = in_pump;
        d->io.deadline_us = deadline_us;
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

static void fault(TbDiscovery *self, const char *reason)
{
        TbDiscoverer *d = self->host;
        d->faulty = reason != NULL;
        post(d, POST_STATE, NULL, NULL, reason, NULL, true);
}

bool tb_discoverer_closing(TbDiscoverer *d)
{
        tb_mutex_lock(&d->lock);
        bool is = d->closing;
        tb_mutex_unlock(&d->lock);
        return is;
}

static void say_state(TbDiscoverer *d, bool ok, const GError *error)
{
        bool why = error && !g_error_matches(error, TB_ERROR, TB_ERROR_GONE) &&
                   !g_error_matches(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
        post(d, POST_STATE, NULL, NULL, why ? tb_error_detail(error) : NULL, NULL, ok);
}

static void pause_before_retry(TbDiscoverer *d)
{
        d->io.in_pump = true;
        tb_io_wait(&d->io, NULL, 0, d->retry_ms);
        d->io.in_pump = false;
        d->retry_ms = MIN(d->retry_ms * 2, TB_LIMIT_OPEN_RETRY_MS);
}

/* Pumps until it is lost. After a round that failed it is only well again when it has worked. */
static void run_open(TbDiscoverer *d, bool failed, GError **error)
{
        gint64 since = g_get_monotonic_time();
        bool ok = true;
        d->faulty = false;
        if (!failed)
                say_state(d, true, NULL);
        while (ok && !tb_discoverer_closing(d)) {
                tb_bus_drain(d, true);
                d->io.in_pump = true;
                ok = d->driver->discovery->pump(d->state, &d->io, error);
                d->io.in_pump = false;
                if (ok && failed && !d->faulty)
                        say_state(d, true, NULL);
                failed = false;
        }
        if (g_get_monotonic_time() - since > TB_LIMIT_OPEN_RETRY_MS * G_TIME_SPAN_MILLISECOND)
                d->retry_ms = RETRY_FIRST_MS;
}

static void discover(gpointer data)
{
        TbDiscoverer *d = data;
        const TbDiscoveryOps *ops = d->driver->discovery;
        bool failed = false;
        d->retry_ms = RETRY_FIRST_MS;
        while (!tb_discoverer_closing(d)) {
                g_autoptr(GError) error = NULL;
                if (ops->open(d->state, &d->io, &error))
                        run_open(d, failed, &error);
                ops->close(d->state);
                say_state(d, false, error);
                failed = true;
                tb_bus_drain(d, false);
                if (!tb_discoverer_closing(d))
                        pause_before_retry(d);
        }
        tb_bus_drain(d, false);
}

/* --- main: life --- */
static void try_start(TbDiscoverer *d);

static gboolean start_again(gpointer data)
{
        TbDiscoverer *d = data;
        d->start_timer = 0;
        try_start(d);
        return G_SOURCE_REMOVE;
}

/* Without a thread or descriptor for it: a fault, tried again, and the host goes on. */
static void try_start(TbDiscoverer *d)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *name = g_strdup_printf("find/%.10s", d->driver->name);
        if (!d->io.stop)
                d->io.stop = tb_interruptor_try_new(&error);
        if (d->io.stop && !d->io.wake)
                d->io.wake = tb_interruptor_try_new(&error);
        if (d->io.wake && !d->inlet)
                d->inlet = tb_inlet_new(TB_LIMIT_LANE_BYTES, &error);
        if (d->inlet)
                d->thread = tb_thread_try_start(name, discover, d, &error);
        if (d->thread)
                return;
        state_arrives(d, false, tb_error_detail(error));
        d->start_timer = g_timeout_add(START_RETRY_MS, start_again, d);
}

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
                d->io = (TbIo){.deadline_us = G_MAXINT64};
                tb_mutex_init(&d->lock);
                d->state = g_malloc0((*driver)->discovery->size);
                *d->state = (TbDiscovery){.found = found,
                                          .lost = lost,
                                          .event = event,
                                          .fault = fault,
                                          .network = core->config->discovery,
                                          .host = d};
                g_ptr_array_add(core->discoverers, d);
                try_start(d);
        }
}

void tb_resources_stop(TbCore *core)
{
        for (guint i = 0; core->discoverers && i < core->discoverers->len; i++) {
                TbDiscoverer *d = g_ptr_array_index(core->discoverers, i);
                tb_mutex_lock(&d->lock);
                d->closing = true;
                tb_mutex_unlock(&d->lock);
                g_clear_handle_id(&d->start_timer, g_source_remove);
                if (d->thread) {
                        tb_interruptor_raise(d->io.stop);
                        tb_interruptor_raise(d->io.wake);
                }
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
                tb_inlet_free(d->inlet);
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
