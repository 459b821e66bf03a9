#include "host/core/core.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "host/core/ceiling.h"
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

/* Workers get this long to end at shutdown; SIGTERM promises five seconds in all. */
#define STOP_MS 3500

static gint compare_ids(gconstpointer a, gconstpointer b, gpointer user G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void collect_states(GString *out, gpointer data)
{
        TbCore *core = data;
        guint counts[TB_STATE_CLOSING + 1] = {0};
        GTreeNode *node = g_tree_node_first(core->devices);
        for (; node; node = g_tree_node_next(node)) {
                const TbDevice *device = g_tree_node_value(node);
                for (guint i = 0; i < device->interfaces->len; i++)
                        counts[((const TbInterface *)g_ptr_array_index(device->interfaces, i))->state]++;
        }
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_devices", "Devices of the bench.",
                       g_tree_nnodes(core->devices));
        tb_metrics_head(out, TB_METRIC_GAUGE, "testbed_interfaces", "Interfaces of all devices by state.");
        for (int s = 0; s <= TB_STATE_CLOSING; s++) {
                g_autofree char *labels = g_strdup_printf("state=\"%s\"", tb_state_name((TbState)s));
                tb_metrics_line(out, "testbed_interfaces", labels, counts[s]);
        }
}

TbCore *tb_core_new(const TbHostConfig *config, TbMetrics *metrics, GError **error)
{
        tb_assert_main();
        TbStateDir *state = tb_state_dir_open(config->state_dir, "host", true, error);
        if (!state)
                return NULL;
        TbCore *core = g_new0(TbCore, 1);
        core->state = state;
        core->disk = tb_disk_new(state, tb_audit_failed, core);
        core->save_devices = tb_saver_new(core, "devices.json", tb_store_json);
        core->save_leases = tb_saver_new(core, "leases.json", tb_leases_json);
        core->save_cycles = tb_saver_new(core, "cycles.json", tb_cycles_json);
        tb_phones_load(core);
        tb_kept_load(core);
        core->unknown_devices = json_object();
        core->unknown_leases = json_object();
        core->config = config;
        core->metrics = metrics;
        core->bus = tb_bus_new();
        core->jobs = tb_jobs_new();
        core->devices = g_tree_new_full(compare_ids, NULL, NULL, (GDestroyNotify)tb_device_free);
        core->commands = g_hash_table_new(NULL, NULL);
        core->at_work = g_hash_table_new(NULL, NULL);
        core->resources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
        if (metrics) {
                static const double buckets[] = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 0};
                core->commands_total = tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_commands_total",
                                                      NULL, "Commands that entered.", NULL);
                core->command_errors =
                        tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_command_errors_total", NULL,
                                       "Commands that failed.", NULL);
                core->command_seconds =
                        tb_metrics_get(metrics, TB_METRIC_HISTOGRAM, "testbed_command_seconds", NULL,
                                       "Time from a command's entry to its answer.", buckets);
                tb_metrics_collector(metrics, collect_states, core);
        }
        return core;
}

void tb_core_start(TbCore *core)
{
        const char *id;
        json_t *spec;
        tb_audit_open(core);
        json_object_foreach (core->config->devices, id, spec) {
                g_autoptr(GError) error = NULL;
                TbDevice *device = tb_device_new(core, id, spec, &error);
                if (device)
                        tb_device_insert(core, device, false);
                else /* the config was checked: only the machine can be in the way */
                        tb_log(TB_LOG_ERROR, TB_F("device", id), "not attached: %s", tb_error_detail(error));
        }
        tb_store_load(core);
        tb_leases_load(core);
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                tb_device_start(g_tree_node_value(n));
                tb_bus_publish(core->bus, "device.added", g_tree_node_key(n), NULL,
                               tb_device_json(g_tree_node_value(n)));
        }
        tb_cycles_load(core);
        tb_resources_start(core);
        core->sensor_log = tb_sensor_log_new(
                core); /* what was loaded before is main's no more: the disk's thread may read */
}

static gboolean set_late(gpointer data)
{
        *(bool *)data = true;
        return G_SOURCE_REMOVE;
}

/* Posts must still be run while workers end: they hold references. */
static void wait_for_workers(TbCore *core)
{
        bool late = false;
        guint timer = g_timeout_add(STOP_MS, set_late, &late);
        while (core->ending > 0 && !late)
                g_main_context_iteration(NULL, TRUE);
        if (!late)
                g_source_remove(timer);
        if (core->ending > 0)
                tb_log(TB_LOG_ERROR, TB_F(), "%u drivers did not end in %d ms", core->ending, STOP_MS);
}

void tb_core_stop(TbCore *core)
{
        tb_assert_main();
        core->stopping = true;
        tb_leases_save(core);
        tb_commands_stop(core);
        if (tb_saver_busy(core->save_devices)) /* what nobody makes live any more */
                tb_saver_now(core->save_devices);
        tb_resources_stop(core);
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                const TbDevice *device = g_tree_node_value(n);
                for (guint i = 0; i < device->attachments->len; i++)
                        tb_attachment_release(g_ptr_array_index(device->attachments, i));
        }
        wait_for_workers(core);
        tb_jobs_stop(core->jobs);
}

void tb_core_free(TbCore *core)
{
        if (!core)
                return;
        tb_sensor_log_free(g_steal_pointer(&core->sensor_log));
        g_tree_destroy(core->devices);
        tb_histories_stop();
        tb_resources_free(core);
        g_assert(g_hash_table_size(core->commands) == 0);
        g_hash_table_unref(core->commands);
        g_hash_table_unref(core->at_work);
        g_hash_table_unref(core->resources);
        tb_jobs_free(core->jobs);
        tb_audit_close(core);
        tb_bus_free(core->bus);
        tb_saver_free(core->save_devices);
        tb_saver_free(core->save_leases);
        tb_saver_free(core->save_cycles);
        tb_phones_unload(core);
        tb_kept_unload(core);
        bool written = tb_disk_free(core->disk);
        json_decref(core->unknown_devices);
        json_decref(core->unknown_leases);
        if (written) /* else the disk's thread holds it */
                tb_state_dir_close(core->state);
        g_free(core->state_problem);
        free(core->devices_text);
        g_free(core);
}

TbBus *tb_core_bus(TbCore *core)
{
        return core->bus;
}

const TbHostConfig *tb_core_config(TbCore *core)
{
        return core->config;
}

/* --- devices --- */
TbDevice *tb_core_device(TbCore *core, const char *id, GError **error)
{
        TbDevice *device = g_tree_lookup(core->devices, id);
        if (!device)
                tb_set_error(error, TB_ERROR_NOT_FOUND,
                             "no device \"%.80s\" on this host; GET /host/devices lists them", id);
        return device;
}

static char *interface_names(const TbDevice *device)
{
        GString *s = g_string_new(NULL);
        for (guint i = 0; i < device->interfaces->len; i++)
                g_string_append_printf(s, "%s%s", i ? ", " : "",
                                       ((const TbInterface *)g_ptr_array_index(device->interfaces, i))->name);
        return g_string_free(s, FALSE);
}

TbInterface *tb_core_interface(TbCore *core, const char *id, const char *name, GError **error)
{
        TbDevice *device = tb_core_device(core, id, error);
        TbInterface *iface = device ? tb_device_find(device, name) : NULL;
        if (device && !iface) {
                g_autofree char *names = interface_names(device);
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no interface \"%.80s\"; it has: %s", id, name,
                             names);
        }
        return iface;
}

void tb_core_each_device(TbCore *core, void (*call)(TbDevice *, gpointer), gpointer user)
{
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n))
                call(g_tree_node_value(n), user);
}

void tb_core_changed(TbCore *core)
{
        free(core->devices_text);
        core->devices_text = NULL;
}

json_t *tb_core_devices_json(TbCore *core)
{
        json_t *list = json_array();
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n))
                json_array_append_new(list, tb_device_json(g_tree_node_value(n)));
        return list;
}

const char *tb_core_devices_text(TbCore *core, gsize *ret_size)
{
        if (!core->devices_text) {
                json_auto_t *list = tb_core_devices_json(core);
                core->devices_text = tb_json_text(list, &core->devices_size);
        }
        *ret_size = core->devices_size;
        return core->devices_text;
}

/* --- what drivers and services there are --- */
json_t *tb_core_drivers_json(void)
{
        json_t *list = json_array();
        for (const TbDriver *const *d = tb_drivers; *d; d++) {
                json_t *kinds = json_array();
                for (int k = 0; k < TB_KINDS; k++)
                        for (const TbLane *lane = (*d)->lanes; lane->name; lane++)
                                if (tb_lane_ops(lane, (TbKind)k))
                                        json_array_append_new(kinds, json_string(tb_kind_name((TbKind)k)));
                json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:b}", "name", (*d)->name, "summary",
                                      (*d)->summary, "kinds", kinds, "params",
                                      tb_params_describe((*d)->params ? (*d)->params : tb_no_params),
                                      "discovers", (*d)->discovery != NULL);
                if ((*d)->example)
                        json_object_set_new(o, "example", json_string((*d)->example));
                json_array_append_new(list, o);
        }
        return list;
}

json_t *tb_core_problems_json(TbCore *core, bool names)
{
        json_t *list = json_array();
        g_autofree char *disk = tb_disk_problem(core->disk), *histories = tb_histories_problem();
        const char *const said[] = {disk,
                                    histories,
                                    tb_saver_problem(core->save_devices),
                                    tb_saver_problem(core->save_leases),
                                    tb_saver_problem(core->save_cycles),
                                    tb_saver_problem(core->save_phones),
                                    tb_kept_problem(core),
                                    core->state_problem,
                                    tb_sensor_log_problem(core->sensor_log)};
        const char *id;
        json_t *spec;
        for (guint i = 0; i < G_N_ELEMENTS(said); i++)
                if (said[i])
                        json_array_append_new(list, json_string(said[i]));
        json_object_foreach (core->unknown_devices, id, spec)
                json_array_append_new(
                        list,
                        json_sprintf("the stored device %s could not be attached: the log says why", id));
        tb_resources_problems(core, list);
        tb_devices_problems(core, list, names);
        return list;
}

json_t *tb_core_services_json(TbCore *core)
{
        json_t *services = tb_resources_services(core);
        tb_devices_services(core, services);
        return services;
}
