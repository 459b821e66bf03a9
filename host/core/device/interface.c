#include <math.h>
#include <string.h>

#include "host/core/input/release.h"
#include "host/core/lanes/outlet.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"

const char *tb_state_name(TbState state)
{
        switch (state) {
        case TB_STATE_OPENING: return "opening";
        case TB_STATE_READY: return "ready";
        case TB_STATE_ABSENT: return "absent";
        case TB_STATE_FAULT: return "fault";
        case TB_STATE_CLOSING: return "closing";
        }
        return "fault";
}

TbInterface *tb_interface_new(TbDevice *device, const char *name, TbKind kind, TbAttachment *attachment,
                              guint lane)
{
        TbInterface *iface = g_new0(TbInterface, 1);
        iface->device = device;
        iface->name = g_strdup(name);
        iface->id = g_strdup_printf("%s/%s", device->id, name);
        iface->kind = kind;
        iface->attachment = tb_attachment_ref(attachment);
        iface->lane = lane;
        iface->commanded = -1;
        iface->power = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        iface->watchers = g_array_new(FALSE, FALSE, sizeof(TbWatcher));
        iface->joints = g_ptr_array_new();
        tb_places_init(&iface->readers, "readers of this console", TB_LIMIT_CONSOLE_READERS);
        if (kind == TB_KIND_SENSORS)
                iface->samples = tb_samples_new();
        if (kind == TB_KIND_INPUT) {
                iface->holds = tb_holds_new();
                iface->lingering = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        }
        return iface;
}

void tb_interface_free(TbInterface *iface)
{
        tb_release_forget(iface);
        tb_history_close(iface->history);
        tb_attachment_unref(iface->attachment);
        g_array_free(iface->watchers, TRUE);
        tb_places_clear(&iface->readers);
        tb_samples_free(iface->samples);
        g_assert(iface->joints->len == 0); /* commands end before their interface */
        g_ptr_array_unref(iface->joints);
        json_decref(iface->ports);
        g_free(iface->line_before);
        g_free(iface->released_by);
        g_free(iface->reason);
        g_free(iface->power_left);
        tb_clip_clear(&iface->clip);
        g_free(iface->name);
        g_free(iface->id);
        g_free(iface);
}

const char *tb_interface_name(const TbInterface *iface)
{
        return iface->name;
}

TbKind tb_interface_kind(const TbInterface *iface)
{
        return iface->kind;
}

TbDevice *tb_interface_device(const TbInterface *iface)
{
        return iface->device;
}

const char *tb_interface_driver(const TbInterface *iface)
{
        return iface->attachment->driver->name;
}

const json_t *tb_interface_param(const TbInterface *iface, const char *name)
{
        return json_object_get(iface->attachment->params, name);
}

const char *tb_interface_id(const TbInterface *iface)
{
        return iface->id;
}

/* A lane may be ready before the disk is: nobody sees then what it says. */
TbState tb_interface_state(const TbInterface *iface, const char **ret_reason)
{
        bool waits = iface->unopened && iface->state == TB_STATE_READY;
        if (ret_reason)
                *ret_reason = waits ? "the disk has not opened its history yet" : iface->reason;
        return waits ? TB_STATE_OPENING : iface->state;
}

const void *tb_interface_ops(const TbInterface *iface)
{
        return tb_lane_ops(&iface->attachment->driver->lanes[iface->lane], iface->kind);
}

TbWorker *tb_interface_worker(const TbInterface *iface)
{
        return iface->attachment->workers[iface->lane];
}

static void set_number(json_t *o, const char *key, double value)
{
        json_object_set_new(o, key, isfinite(value) ? json_real(value) : json_null());
}

static const char *observed_name(TbPowerObserved observed)
{
        switch (observed) {
        case TB_POWER_UNKNOWN: return "unknown";
        case TB_POWER_OFF: return "off";
        case TB_POWER_ON: return "on";
        }
        return "unknown";
}

json_t *tb_interface_power_json(const TbInterface *iface)
{
        json_t *o = json_object();
        json_object_set_new(o, "commanded",
                            iface->commanded < 0 ? json_null()
                                                 : json_string(iface->commanded ? "on" : "off"));
        json_object_set_new(o, "observed", json_string(observed_name(iface->power.observed)));
        set_number(o, "watts", iface->power.watts);
        set_number(o, "volts", iface->power.volts);
        set_number(o, "amps", iface->power.amps);
        set_number(o, "energy_wh", iface->power.energy_wh);
        g_autofree char *at = iface->power_at ? tb_clock_rfc3339(iface->power_at) : NULL;
        json_object_set_new(o, "at", at ? json_string(at) : json_null());
        const char *running = tb_command_changing(iface);
        json_object_set_new(o, "running", running ? json_string(running) : json_null());
        if (iface->power_left)
                json_object_set_new(o, "reason", json_string(iface->power_left));
        return o;
}

json_t *tb_interface_json(const TbInterface *iface)
{
        const char *reason;
        TbState state = tb_interface_state(iface, &reason);
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", iface->name, "kind",
                              tb_kind_name(iface->kind), "driver", iface->attachment->driver->name, "uri",
                              iface->attachment->spelled, "state", tb_state_name(state));
        if (reason)
                json_object_set_new(o, "reason", json_string(reason));
        if (iface->kind == TB_KIND_POWER)
                json_object_set_new(o, "power", tb_interface_power_json(iface));
        return o;
}

void tb_interface_tell_state(TbInterface *iface)
{
        const char *reason;
        TbState state = tb_interface_state(iface, &reason);
        tb_core_changed(iface->device->core);
        json_t *data = json_pack("{s:s}", "state", tb_state_name(state));
        if (reason)
                json_object_set_new(data, "reason", json_string(reason));
        tb_bus_publish(iface->device->core->bus, "interface.state", iface->device->id, iface->name, data);
}

static void set_state(TbInterface *iface, TbState state, const char *reason)
{
        if (iface->state == state && g_strcmp0(iface->reason, reason) == 0)
                return;
        tb_log(state == TB_STATE_FAULT ? TB_LOG_WARNING : TB_LOG_INFO,
               TB_F("device", iface->id, "state", tb_state_name(state)), "%s",
               reason ? reason : tb_state_name(state));
        iface->state = state;
        g_free(iface->reason);
        iface->reason = g_strdup(reason);
        tb_interface_tell_state(iface);
}

/* --- what a lane tells --- */
/* The interfaces of one lane. A round of calls never removes interfaces: only a command of a later turn does.
 */
#define EACH_OF_LANE(iface, owner)                                                                           \
        for (guint i_ = 0; i_ < (owner)->device->interfaces->len; i_++)                                      \
                for (TbInterface *iface = g_ptr_array_index((owner)->device->interfaces, i_); iface;         \
                     iface = NULL)                                                                           \
                        if (iface->attachment == (owner)->attachment && iface->lane == (owner)->lane)

static TbInterface *of_kind(const TbLaneOwner *owner, TbKind kind)
{
        EACH_OF_LANE(iface, owner)
        {
                if (iface->kind == kind)
                        return iface;
        }
        return NULL;
}

/* One lane of a device came up: the others need not wait for the end of their pause. */
static void kick_others(const TbLaneOwner *owner)
{
        const GPtrArray *interfaces = owner->device->interfaces;
        for (guint i = 0; i < interfaces->len; i++) {
                const TbInterface *other = g_ptr_array_index(interfaces, i);
                TbWorker *worker = tb_interface_worker(other);
                if (worker && other->state != TB_STATE_READY &&
                    (other->attachment != owner->attachment || other->lane != owner->lane))
                        tb_worker_kick(worker);
        }
}

void tb_interfaces_kick(TbCore *core, const TbDriver *driver)
{
        for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                const TbDevice *device = g_tree_node_value(n);
                for (guint i = 0; i < device->interfaces->len; i++) {
                        const TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                        TbWorker *worker = tb_interface_worker(iface);
                        if (worker && iface->state != TB_STATE_READY && iface->attachment->driver == driver)
                                tb_worker_kick(worker);
                }
        }
}

static void on_state(gpointer data, TbState state, const char *reason)
{
        const TbLaneOwner *owner = data;
        EACH_OF_LANE(iface, owner)
        {
                set_state(iface, state, reason);
        }
        if (state == TB_STATE_READY)
                kick_others(owner);
}

static void on_bytes(gpointer data, const guint8 *bytes, gsize size)
{
        TbInterface *iface = of_kind(data, TB_KIND_CONSOLE);
        if (!iface)
                return;
        tb_history_append(iface->history, bytes, size);
        tb_interface_grew(iface);
}

static void on_line(gpointer data, const char *line, gint64 t_ms)
{
        TbInterface *iface = of_kind(data, TB_KIND_LOGS);
        if (!iface)
                return;
        g_autofree char *text = g_strconcat(line, "\n", NULL);
        tb_history_append(iface->history, text, strlen(text));
        tb_interface_grew(iface);
        g_autofree char *valid = g_utf8_make_valid(line, -1);
        tb_bus_publish_transient(iface->device->core->bus, "line", iface->device->id, iface->name,
                                 json_pack("{s:I, s:s}", "t", (json_int_t)t_ms, "text", valid));
}

static void on_sample(gpointer data, const TbSample *sample)
{
        TbInterface *iface = of_kind(data, TB_KIND_SENSORS);
        if (iface)
                tb_interface_add_sample(iface, sample);
}

static bool differs(double a, double b)
{
        return isfinite(a) != isfinite(b) || (isfinite(a) && fabs(a - b) > 1e-9);
}

void tb_interface_saw_power(TbInterface *iface, const TbPowerState *state)
{
        bool changed = iface->power_at == 0 || iface->power.observed != state->observed;
        bool measured = differs(iface->power.watts, state->watts) ||
                        differs(iface->power.volts, state->volts) || differs(iface->power.amps, state->amps);
        iface->power = *state;
        iface->power_at = tb_clock_ms();
        if (changed || measured)
                tb_core_changed(iface->device->core);
        if (changed)
                tb_bus_publish(iface->device->core->bus, "power.state", iface->device->id, iface->name,
                               tb_interface_power_json(iface));
        else if (measured)
                tb_bus_publish_transient(iface->device->core->bus, "power.state", iface->device->id,
                                         iface->name, tb_interface_power_json(iface));
}

void tb_interface_tell_power(TbInterface *iface)
{
        tb_bus_publish_transient(iface->device->core->bus, "power.state", iface->device->id, iface->name,
                                 tb_interface_power_json(iface));
}

void tb_interface_left_power(TbInterface *iface, const char *reason)
{
        if (g_strcmp0(iface->power_left, reason) == 0)
                return;
        g_free(iface->power_left);
        iface->power_left = g_strdup(reason);
        tb_core_changed(iface->device->core);
        if (!reason)
                return;
        tb_log(TB_LOG_WARNING, TB_F("device", iface->id), "%s", reason);
        tb_bus_publish(iface->device->core->bus, "power.left", iface->device->id, iface->name,
                       tb_interface_power_json(iface));
}

static void on_power(gpointer data, const TbPowerState *state)
{
        const TbLaneOwner *owner = data;
        TbInterface *iface = of_kind(owner, TB_KIND_POWER);
        if (!iface)
                return;
        bool came_on = state->observed == TB_POWER_ON && iface->power.observed != TB_POWER_ON;
        if (state->autostarted && iface->commanded < 0)
                iface->commanded = 1; /* by the configuration */
        tb_interface_saw_power(iface, state);
        if (came_on)
                kick_others(owner); /* what was away for want of power is looked for now */
}

static void on_sampling(gpointer data, const char *reason)
{
        TbInterface *iface = of_kind(data, TB_KIND_SENSORS);
        if (iface && (reason || iface->state == TB_STATE_FAULT))
                set_state(iface, reason ? TB_STATE_FAULT : TB_STATE_READY, reason);
}

static void on_event(gpointer data, const char *type, json_t *event)
{
        const TbLaneOwner *owner = data;
        const char *name = NULL;
        EACH_OF_LANE(iface, owner)
        {
                name = name ? name : iface->name;
        }
        if (strcmp(type, "mount.state") ==
            0) /* the latest is all there is to know: no replay is filled with it */
                tb_bus_publish_transient(owner->device->core->bus, type, owner->device->id, name,
                                         json_incref(event));
        else if (owner->attachment->driver->strangers)
                tb_bus_publish_share(owner->device->core->bus, TB_BUS_PHONES, type, owner->device->id, name,
                                     json_incref(event));
        else
                tb_bus_publish(owner->device->core->bus, type, owner->device->id, name, json_incref(event));
}

static void on_clipboard(gpointer data, const char *text)
{
        TbInterface *iface = of_kind(data, TB_KIND_INPUT);
        if (iface && strlen(text) <= TB_LIMIT_CLIPBOARD && g_utf8_validate(text, -1, NULL))
                tb_interface_set_clipboard(iface, text, NULL);
}

static void on_outlet(gpointer data, TbOutletCall *call)
{
        const TbLaneOwner *owner = data;
        for (guint i = 0; i < owner->device->interfaces->len; i++) {
                TbInterface *iface = g_ptr_array_index(owner->device->interfaces, i);
                if (iface->attachment == owner->attachment && iface->lane == owner->lane) {
                        tb_outlets_ask(iface, call);
                        return;
                }
        }
        GError *why = NULL;
        tb_set_error(&why, TB_ERROR_INTERRUPTED, "who asks has no interface any more");
        tb_outlet_call_answer(call, NULL, why);
}

/* Of the attachment: all of its lanes reach the same thing. */
static void on_facts(gpointer data, json_t *facts)
{
        const TbLaneOwner *owner = data;
        TbCore *core = owner->device->core;
        if (json_equal(owner->attachment->facts, facts))
                return;
        json_decref(owner->attachment->facts);
        owner->attachment->facts = json_incref(facts);
        tb_core_changed(core);
        tb_bus_publish(core->bus, "device.changed", owner->device->id, NULL, tb_device_json(owner->device));
}

const TbWorkerOps tb_interface_worker_ops = {
        .state = on_state,
        .bytes = on_bytes,
        .line = on_line,
        .sample = on_sample,
        .power = on_power,
        .event = on_event,
        .clipboard = on_clipboard,
        .facts = on_facts,
        .outlet = on_outlet,
        .sampling = on_sampling,
};

/* --- video --- */
void tb_interface_video_start(TbInterface *iface, int max_fps, const TbVideoSink *sink, gpointer user)
{
        tb_worker_video_start(tb_interface_worker(iface), max_fps, sink, user);
}

void tb_interface_video_stop(TbInterface *iface)
{
        tb_worker_video_stop(tb_interface_worker(iface));
}

/* --- audio --- */
void tb_interface_audio_start(TbInterface *iface, const TbSoundSink *sink, gpointer user)
{
        tb_worker_audio_start(tb_interface_worker(iface), sink, user);
}

void tb_interface_audio_stop(TbInterface *iface)
{
        tb_worker_audio_stop(tb_interface_worker(iface));
}
