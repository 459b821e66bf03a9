/* The history of a console or a log: opened, followed by who reads it, and the lane held while the disk is behind. */
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"

/* The disk pushes back: the lane makes no more until the disk has what it made. Commands go on. */
static void hold_lane(TbInterface *iface)
{
        bool behind = tb_history_behind(iface->history);
        TbWorker *worker = tb_interface_worker(iface);
        if (!worker || behind == iface->history_behind)
                return;
        tb_worker_hold(worker, behind);
        iface->history_behind = behind;
}

static void history_state(TbInterface *iface)
{
        TbBus *bus = iface->device->core->bus;
        g_autofree char *error = tb_history_error(iface->history);
        if ((error != NULL) != iface->history_failed) {
                iface->history_failed = error != NULL;
                tb_log(error ? TB_LOG_WARNING : TB_LOG_INFO, TB_F("device", iface->id), "console history: %s",
                       error ? error : "is written to the disk again");
                tb_bus_publish(bus, error ? "history.stopped" : "history.resumed", iface->device->id,
                               iface->name, error ? json_pack("{s:s}", "reason", error) : NULL);
        }
}

static void history_changed(gpointer data)
{
        TbInterface *iface = data;
        history_state(iface);
        hold_lane(iface);
        if (iface->unopened && tb_history_is_open(iface->history)) {
                iface->unopened = false;
                if (iface->state == TB_STATE_READY)
                        tb_interface_tell_state(iface);
        }
}

void tb_interface_open_history(TbInterface *iface)
{
        if (iface->history || (iface->kind != TB_KIND_CONSOLE && iface->kind != TB_KIND_LOGS))
                return;
        const TbHostConfig *config = iface->device->core->config;
        g_autofree char *dir =
                g_build_filename(config->state_dir, "history", iface->device->id, iface->name, NULL);
        iface->history = tb_history_open(dir, config->history_limit);
        iface->unopened = !tb_history_is_open(iface->history);
        tb_history_on_change(iface->history, history_changed, iface);
}

void tb_interface_started(TbInterface *iface)
{
        if (iface->history)
                history_changed(iface);
}

void tb_interface_grew(TbInterface *iface)
{
        hold_lane(iface);
        iface->watch_depth++;
        for (guint i = 0; i < iface->watchers->len; i++) {
                TbWatcher w = g_array_index(iface->watchers, TbWatcher, i);
                if (w.id != 0)
                        w.grew(iface, w.user);
        }
        if (--iface->watch_depth > 0)
                return;
        for (guint i = iface->watchers->len; i-- > 0;)
                if (g_array_index(iface->watchers, TbWatcher, i).id == 0)
                        g_array_remove_index(iface->watchers, i);
}

TbHistory *tb_interface_history(TbInterface *iface)
{
        return iface->history;
}

/* --- watchers of a history --- */
guint tb_interface_watch(TbInterface *iface, const TbPlaceBy *by, void (*grew)(TbInterface *, gpointer),
                         gpointer user, GError **error)
{
        TbWatcher w = {.grew = grew, .user = user};
        if (by && !tb_place_take(&iface->readers, by, &w.place, error))
                return 0;
        w.id = ++iface->next_watcher;
        g_array_append_val(iface->watchers, w);
        return w.id;
}

void tb_interface_unwatch(TbInterface *iface, guint id)
{
        for (guint i = 0; i < iface->watchers->len; i++) {
                TbWatcher *w = &g_array_index(iface->watchers, TbWatcher, i);
                if (w->id != id || id == 0)
                        continue;
                tb_place_give(&w->place);
                if (iface->watch_depth > 0)
                        w->id = 0;
                else
                        g_array_remove_index(iface->watchers, i);
                return;
        }
}

guint tb_interface_watchers(TbInterface *iface)
{
        return iface->watchers->len;
}
