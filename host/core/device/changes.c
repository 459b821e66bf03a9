/* Devices that come, change and go while the host runs: by REST (they are stored), and by a configuration that is read again. */
#include <string.h>

#include "host/core/ceiling.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"

void tb_device_insert(TbCore *core, TbDevice *device, bool stored)
{
        device->stored = stored;
        g_tree_insert(core->devices, device->id, device);
        tb_core_changed(core);
}

static void say_removed(TbCore *core, TbDevice *device)
{
        tb_commands_of_removed(core, device);
        tb_bus_publish(core->bus, "device.removed", device->id, NULL, NULL);
}

static void start(TbCore *core, TbDevice *device)
{
        tb_core_changed(core);
        tb_device_start(device);
        tb_bus_publish(core->bus, "device.added", device->id, NULL, tb_device_json(device));
}

TbDevice *tb_core_add_device(TbCore *core, const TbActor *actor, json_t *spec, GError **error)
{
        tb_assert_main();
        const char *id = json_string_value(json_object_get(spec, "id"));
        if (!id) {
                tb_error_set_field(error, TB_ERROR_INVALID, "id",
                                   "\"id\" is missing: the name of the device in URLs");
                return NULL;
        }
        if (g_tree_lookup(core->devices, id)) {
                tb_error_set_field(error, TB_ERROR_BUSY, "id", "there is a device \"%s\" already", id);
                return NULL;
        }
        if (json_object_get(core->unknown_devices, id)) {
                tb_error_set_field(error, TB_ERROR_BUSY, "id",
                                   "\"%s\" is stored already and could not be attached at start (the log "
                                   "says why); DELETE it first, or "
                                   "choose another id",
                                   id);
                return NULL;
        }
        if (g_tree_nnodes(core->devices) >= TB_LIMIT_DEVICES) {
                tb_set_error(error, TB_ERROR_LIMIT, "a host has at most %d devices", TB_LIMIT_DEVICES);
                return NULL;
        }
        json_auto_t *kept = json_copy(spec);
        json_object_del(kept, "id");
        if (!tb_ceiling_attach(core, actor, kept, error))
                return NULL;
        TbDevice *device = tb_device_new(core, id, kept, error);
        if (device && (!tb_device_check_outlets(core, device, NULL, error) ||
                       !tb_device_check_bind(device, NULL, error) || !tb_store_change(core, id, kept, error)))
                g_clear_pointer(&device, tb_device_free);
        if (!device)
                return NULL;
        tb_device_insert(core, device, true);
        start(core, device);
        return device;
}

static bool may_change(TbCore *core, const char *id, TbDevice **ret_device, GError **error)
{
        TbDevice *device = tb_core_device(core, id, error);
        if (!device)
                return false;
        if (!device->stored) {
                tb_set_error(error, TB_ERROR_BUSY,
                             "%s comes from %s: change it there, and have it read again (SIGHUP)", id,
                             core->config->file ? core->config->file : "the built-in configuration");
                return false;
        }
        *ret_device = device;
        return true;
}

/* What its sensors said before it was attached anew. */
static void move_past(TbDevice *old, TbDevice *fresh)
{
        for (guint i = 0; i < old->interfaces->len; i++) {
                TbInterface *was = g_ptr_array_index(old->interfaces, i),
                            *is = tb_device_find(fresh, was->name);
                if (!was->samples || !is || !is->samples)
                        continue;
                tb_samples_restore(is->samples, was->samples);
                was->samples = tb_samples_new();
        }
}

/* A new attachment is a new device behind the same id: its workers end, new ones begin, history and lease
 * stay. */
static void put_in_place(TbCore *core, TbDevice *old, TbDevice *fresh)
{
        fresh->stored = old->stored;
        tb_lease_move(old, fresh);
        move_past(old, fresh);
        g_tree_replace(core->devices, fresh->id, fresh);
}

static bool replace(TbCore *core, TbDevice *old, json_t *spec, GError **error)
{
        TbDevice *fresh = tb_device_new(core, old->id, spec, error);
        if (!fresh || !tb_device_check_outlets(core, fresh, old, error) ||
            !tb_device_check_bind(fresh, old, error) || !tb_store_change(core, old->id, spec, error)) {
                tb_device_free(fresh); /* nothing live has changed yet */
                return false;
        }
        say_removed(core, old);
        put_in_place(core, old, fresh);
        start(core, fresh);
        return true;
}

static void relabel(TbCore *core, TbDevice *device, const json_t *label)
{
        const char *text = json_string_value(label);
        if (text)
                json_object_set(device->spec, "label", (json_t *)label);
        else
                json_object_del(device->spec, "label");
        g_free(device->label);
        device->label = g_strdup(text ? text : device->id);
        tb_core_changed(core);
        tb_bus_publish(core->bus, "device.changed", device->id, NULL, tb_device_json(device));
}

bool tb_core_patch_device(TbCore *core, const TbActor *actor, const char *id, json_t *patch, GError **error)
{
        tb_assert_main();
        TbDevice *device;
        if (!may_change(core, id, &device, error))
                return false;
        json_auto_t *spec = json_copy(device->spec);
        json_object_update(spec, patch);
        if (!tb_ceiling_attach(core, actor, spec, error))
                return false;
        if (json_object_get(patch, "attach") || json_object_get(patch, "vnc") ||
            json_object_get(patch, "rfc2217") || json_object_get(patch, "tcp") ||
            json_object_get(patch, "optional"))
                return replace(core, device, spec, error);
        json_t *label = json_object_get(patch, "label");
        if (!json_is_string(label) || json_object_size(patch) != 1 ||
            json_string_length(label) > TB_LIMIT_LABEL) {
                tb_error_set_field(error, TB_ERROR_INVALID, "label",
                                   "PATCH takes \"label\" (a string of at most %d bytes), \"attach\", "
                                   "\"vnc\", \"rfc2217\", \"tcp\" and \"optional\"",
                                   TB_LIMIT_LABEL);
                return false;
        }
        if (!tb_store_change(core, device->id, spec, error))
                return false;
        relabel(core, device, label);
        return true;
}

static void drop(TbCore *core, TbDevice *device)
{
        g_autofree char *id = g_strdup(device->id);
        say_removed(core, device);
        g_tree_remove(core->devices, id);
        tb_sensor_log_forget(core->sensor_log, id);
        tb_core_changed(core);
}

bool tb_core_remove_device(TbCore *core, const TbActor *actor, const char *id, GError **error)
{
        tb_assert_main();
        TbDevice *device;
        if (!tb_ceiling_attach(core, actor, NULL, error))
                return false;
        g_autofree char *name = g_strdup(id); /* may be the device's own string */
        if (!g_tree_lookup(core->devices, id) && json_object_get(core->unknown_devices, id)) {
                if (!tb_store_change(core, id, NULL, error))
                        return false;
                json_object_del(core->unknown_devices, name);
                return true;
        }
        if (!may_change(core, id, &device, error) || !tb_store_change(core, name, NULL, error))
                return false;
        drop(core, device);
        return true;
}

/* --- a configuration that is read again --- */
typedef struct Changed {
        TbDevice *old, *fresh;
} Changed;

/* Everything but the label is alike. */
static bool same_but_label(const json_t *a, const json_t *b)
{
        json_auto_t *one = json_copy((json_t *)a), *other = json_copy((json_t *)b);
        json_object_del(one, "label");
        json_object_del(other, "label");
        return json_equal(one, other);
}

static void cannot(const char *id, const char *as, const GError *error)
{
        tb_log(TB_LOG_ERROR, TB_F("device", id), "%s: %s", as, tb_error_detail(error));
}

static void note_changed(TbCore *core, TbDevice *old, json_t *spec, GArray *changed)
{
        g_autoptr(GError) error = NULL;
        TbDevice *fresh = tb_device_new(core, old->id, spec, &error);
        if (fresh && tb_device_check_outlets(core, fresh, old, &error)) {
                g_array_append_val(changed, ((Changed){old, fresh}));
                return;
        }
        tb_device_free(fresh);
        cannot(old->id, "it stays as it was", error);
}

static bool add_configured(TbCore *core, const char *id, json_t *spec)
{
        g_autoptr(GError) error = NULL;
        TbDevice *device = NULL;
        if (g_tree_nnodes(core->devices) >= TB_LIMIT_DEVICES)
                tb_set_error(&error, TB_ERROR_LIMIT, "a host has at most %d devices", TB_LIMIT_DEVICES);
        else
                device = tb_device_new(core, id, spec, &error);
        if (device && !tb_device_check_outlets(core, device, NULL, &error))
                g_clear_pointer(&device, tb_device_free);
        if (!device) {
                cannot(id, "not attached", error);
                return false;
        }
        tb_device_insert(core, device, false);
        start(core, device);
        return true;
}

static guint drop_gone(TbCore *core, const json_t *devices)
{
        g_autoptr(GPtrArray) gone = g_ptr_array_new();
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                TbDevice *device = g_tree_node_value(n);
                if (!device->stored && !json_object_get(devices, device->id))
                        g_ptr_array_add(gone, device);
        }
        for (guint i = 0; i < gone->len; i++)
                drop(core, gone->pdata[i]);
        return gone->len;
}

void tb_core_reconfigure(TbCore *core, json_t *devices)
{
        tb_assert_main();
        g_autoptr(GArray) changed = g_array_new(FALSE, FALSE, sizeof(Changed));
        guint gone = drop_gone(core, devices), added = 0, relabelled = 0;
        const char *id;
        json_t *spec;
        json_object_foreach (devices, id, spec) {
                TbDevice *old = g_tree_lookup(core->devices, id);
                if (!old)
                        continue;
                if (old->stored)
                        tb_log(TB_LOG_ERROR, TB_F("device", id),
                               "the configuration has it now, and it was added over the API: DELETE that "
                               "one, then "
                               "have the configuration read again");
                else if (!same_but_label(old->spec, spec))
                        note_changed(core, old, spec, changed);
                else if (!json_equal(json_object_get(old->spec, "label"), json_object_get(spec, "label")) &&
                         (json_object_get(old->spec, "label") || json_object_get(spec, "label"))) {
                        relabel(core, old, json_object_get(spec, "label"));
                        relabelled++;
                }
        }
        /* all that change let go of their ports before the first takes one: two may have exchanged theirs */
        for (guint i = 0; i < changed->len; i++)
                say_removed(core, g_array_index(changed, Changed, i).old);
        for (guint i = 0; i < changed->len; i++) {
                const Changed *c = &g_array_index(changed, Changed, i);
                put_in_place(core, c->old, c->fresh);
        }
        for (guint i = 0; i < changed->len; i++) /* whoever looks around then sees no old one */
                start(core, g_array_index(changed, Changed, i).fresh);
        json_object_foreach (devices, id, spec)
                if (!g_tree_lookup(core->devices, id))
                        added += add_configured(core, id, spec);
        if (added + changed->len + gone + relabelled > 0)
                tb_log(TB_LOG_INFO, TB_F(), "devices: %u added, %u attached anew, %u renamed, %u removed",
                       added, changed->len, relabelled, gone);
}
