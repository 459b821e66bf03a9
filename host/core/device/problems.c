/* What is not well on the bench, for /host/health: devices that were configured and are not there, by name; and what
 * each driver's devices say of the service that they are behind (an X server). */
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/text.h"

/* Switched off, its console and screen are not there: that is what was asked for. */
static bool is_off(const TbDevice *device)
{
        for (guint i = 0; i < device->interfaces->len; i++) {
                const TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                bool known = iface->power_at > 0 && iface->power.observed != TB_POWER_UNKNOWN;
                if (iface->kind == TB_KIND_POWER &&
                    (known ? iface->power.observed == TB_POWER_OFF : iface->commanded == 0))
                        return true;
        }
        return false;
}

/* A lane that fails is a problem; one that is not there is none where it was said, or can be seen, that it may be
 * away. While it is being opened for the first time nobody knows. */
static bool is_missed(const TbInterface *iface, bool may_be_away)
{
        return iface->state == TB_STATE_FAULT || (iface->state == TB_STATE_ABSENT && !may_be_away);
}

static bool may_be_away(const TbDevice *device)
{
        return json_is_true(json_object_get(device->spec, "optional")) || is_off(device);
}

/* Lost with the next restart, or already: "board/console: what it says is not stored: cannot write …". */
static void add_histories(json_t *list, const TbDevice *device)
{
        for (guint i = 0; i < device->interfaces->len; i++) {
                const TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                g_autofree char *error = iface->history ? tb_history_error(iface->history) : NULL;
                if (error)
                        json_array_append_new(list, json_sprintf("%s/%s: what it says is not stored: %s",
                                                                 device->id, iface->name, error));
        }
}

/* "desktop: video, input absent: no X server on display :1 …"; interfaces of one state and reason are said together. */
static void add_device(json_t *list, const TbDevice *device)
{
        bool away = may_be_away(device);
        g_autoptr(GString) text = g_string_new(NULL);
        const TbInterface *last = NULL;
        for (guint i = 0; i < device->interfaces->len; i++) {
                const TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                if (!is_missed(iface, away))
                        continue;
                bool same =
                        last && last->state == iface->state && g_strcmp0(last->reason, iface->reason) == 0;
                if (last && !same)
                        g_string_append_printf(text, " %s: %s; ", tb_state_name(last->state),
                                               last->reason ? last->reason : "no reason is known");
                g_string_append_printf(text, "%s%s", same ? ", " : "", iface->name);
                last = iface;
        }
        if (!last)
                return;
        g_string_append_printf(text, " %s: %s", tb_state_name(last->state),
                               last->reason ? last->reason : "no reason is known");
        g_autofree char *cut = tb_text_cut(text->str, TB_LIMIT_DETAIL);
        json_array_append_new(list, json_sprintf("%s: %s", device->id, cut));
}

void tb_devices_problems(TbCore *core, json_t *list, bool names)
{
        json_auto_t *found = json_array();
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                add_device(found, g_tree_node_value(n));
                add_histories(found, g_tree_node_value(n));
        }
        if (names)
                json_array_extend(list, found);
        else if (json_array_size(found) > 0)
                json_array_append_new(list, json_sprintf("devices that are not well: %zu (who shows a token "
                                                         "is told which)",
                                                         json_array_size(found)));
}

/* What an interface says of its driver's service; the worst of all counts. */
typedef enum Service { UNUSED, RUNNING, STARTING, STOPPED } Service;
static const char *const service_names[] = {"unused", "running", "starting", "stopped"};

static Service service_of(const TbInterface *iface, bool away)
{
        if (is_missed(iface, away))
                return STOPPED;
        if (iface->state == TB_STATE_READY)
                return RUNNING;
        return iface->state == TB_STATE_OPENING ? STARTING : UNUSED;
}

/* One display that is there does not hide another one that is lost. A driver's discovery knows its service better: the
 * adb server runs, though a phone is away. */
void tb_devices_services(TbCore *core, json_t *services)
{
        g_autoptr(GHashTable) worst = g_hash_table_new(g_str_hash, g_str_equal); /* driver -> Service */
        json_t *found = json_copy(services);
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                const TbDevice *device = g_tree_node_value(n);
                bool away = may_be_away(device);
                for (guint i = 0; i < device->interfaces->len; i++) {
                        const TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                        const char *driver = iface->attachment->driver->name;
                        guint is = service_of(iface, away);
                        guint known = GPOINTER_TO_UINT(g_hash_table_lookup(worst, driver));
                        g_hash_table_insert(worst, (char *)driver, GUINT_TO_POINTER(MAX(is, known)));
                }
        }
        GHashTableIter iter;
        gpointer driver, is;
        g_hash_table_iter_init(&iter, worst);
        while (g_hash_table_iter_next(&iter, &driver, &is)) {
                const char *own = json_string_value(json_object_get(found, driver));
                if (g_strcmp0(own, "running") != 0)
                        json_object_set_new(services, driver,
                                            json_string(service_names[GPOINTER_TO_UINT(is)]));
        }
        const char *name;
        json_t *state;
        json_object_foreach (found, name, state)
                if (!g_hash_table_contains(worst, name) &&
                    g_strcmp0(json_string_value(state), "stopped") == 0)
                        json_object_set_new(services, name, json_string("unused")); /* nobody misses it */
        json_decref(found);
}
