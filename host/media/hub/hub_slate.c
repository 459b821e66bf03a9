/* A hub without a picture: the slate that says why, and faults. */
#include "host/media/hub/hub_private.h"
#include "host/media/hub/slate.h"

#define SLATE_WIDTH 1280 /* when the device has not shown a picture yet */
#define SLATE_HEIGHT 720

static gboolean slate_tick(gpointer data)
{
        TbHub *hub = data;
        TbFrame *old = NULL;
        tb_mutex_lock(&hub->lock);
        if (hub->slate_on && hub->slate) {
                old = g_steal_pointer(&hub->last_raw);
                hub->last_raw = tb_frame_ref(hub->slate);
                tb_hub_fan_out(hub, NULL);
        }
        tb_mutex_unlock(&hub->lock);
        tb_frame_unref(old);
        return G_SOURCE_CONTINUE;
}

static const char *slate_text(TbHub *hub)
{
        return hub->fault ? hub->fault : "Waiting for the first picture of the device.";
}

/* `if_late`: not over a picture that came meanwhile; of a source that sends only changes it may be the only one. */
static void begin(TbHub *hub, bool if_late)
{
        g_autofree char *title = g_strdup_printf("%s / %s", hub->device, hub->interface);
        int width, height;

        tb_hub_size(hub, &width, &height); /* the worker may be pushing a picture */
        TbFrame *slate = tb_slate_draw(hub->pool, width ? width : SLATE_WIDTH, height ? height : SLATE_HEIGHT,
                                       title, slate_text(hub));
        tb_mutex_lock(&hub->lock);
        bool begun = !if_late || !hub->announced;
        TbFrame *old = NULL, *old_slate = slate;
        if (begun) {
                old = g_steal_pointer(&hub->last);
                old_slate = hub->slate;
                hub->slate = slate;
                hub->slate_on = true;
                hub->announced = false;
                hub->fps = 0;
        }
        tb_mutex_unlock(&hub->lock);
        tb_frame_unref(old);
        tb_frame_unref(old_slate);
        if (!begun)
                return;
        slate_tick(hub);
        if (!hub->slate_timer && hub->users > 0)
                hub->slate_timer = g_timeout_add(1000 / TB_HUB_SLATE_FPS, slate_tick, hub);
}

void tb_hub_slate_begin(TbHub *hub)
{
        begin(hub, false);
}

void tb_hub_slate_if_late(TbHub *hub)
{
        begin(hub, true);
}

void tb_hub_set_fault(TbHub *hub, const char *reason, bool until_frame)
{
        tb_assert_main();
        bool same = reason && g_strcmp0(reason, hub->fault) == 0;
        if (reason)
                tb_hub_block(hub, !until_frame);
        hub->fault_until_frame = until_frame;
        if (same)
                return;
        g_free(hub->fault);
        hub->fault = g_strdup(reason);
        if (reason) {
                g_clear_handle_id(&hub->first_timer, g_source_remove);
                if (hub->state == TB_HUB_IDLE)
                        return; /* drawn when somebody looks */
                tb_hub_slate_begin(hub);
                if (hub->state == TB_HUB_FAULT)
                        tb_hub_notify(hub); /* another reason */
                tb_hub_set_state(hub, TB_HUB_FAULT);
                return;
        }
        if (hub->state == TB_HUB_FAULT) {
                tb_hub_slate_begin(hub); /* "waiting", until the next picture */
                tb_hub_set_state(hub, TB_HUB_STARTING);
        }
        tb_hub_unblock(hub); /* last: a slate that is drawn later would cover what comes now */
}

typedef struct NoSignal {
        TbHub *hub; /* ref */
        char *reason;
} NoSignal;

static void no_signal(gpointer data)
{
        NoSignal *n = data;
        bool sticky = n->hub->fault && !n->hub->fault_until_frame;
        if (!sticky && n->hub->state != TB_HUB_IDLE) /* a fault that core told says more */
                tb_hub_set_fault(n->hub, n->reason, true);
        tb_hub_unref(n->hub);
        g_free(n->reason);
        g_free(n);
}

void tb_hub_no_signal(TbHub *hub, const char *reason)
{
        NoSignal *n = g_new(NoSignal, 1);
        *n = (NoSignal){tb_hub_ref(hub), g_strdup(reason)};
        if (tb_main_post(no_signal, n))
                return;
        tb_hub_unref(n->hub);
        g_free(n->reason);
        g_free(n);
}
