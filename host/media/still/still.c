#include "host/media/still/still.h"

#include "host/media/media_private.h"
#include "host/media/still/stills.h"
#include "lib/error.h"

#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_QUALITY 85

struct TbStill {
        TbStills *stills; /* borrowed from the TbMedia */
        TbHub *hub;       /* ref */
        TbStillFormat format;
        int quality, width;
        void (*done)(void *data, GBytes *image, gint64 taken_us, const GError *error);
        void *data;      /* borrowed from who asked; NULL with done after a cancel */
        TbHubSink *sink; /* owned; NULL once a picture came */
        guint timer, listener, soon;
        bool compressing; /* the worker has it: it frees it when it comes back */
};

static void still_leave(TbStill *still)
{
        if (still->timer)
                g_source_remove(still->timer);
        if (still->soon)
                g_source_remove(still->soon);
        if (still->listener)
                tb_hub_unlisten(still->hub, still->listener);
        still->timer = still->soon = still->listener = 0;
        tb_hub_remove_sink(g_steal_pointer(&still->sink));
}

static void still_free(TbStill *still)
{
        still_leave(still);
        tb_stills_waiting(still->stills, -1);
        tb_hub_unref(still->hub);
        g_free(still);
}

static void finish(TbStill *still, GBytes *image, gint64 taken_us, const GError *error)
{
        still_leave(still);
        if (still->done)
                still->done(still->data, image, taken_us, error);
        still_free(still);
}

static void compressed(void *data, GBytes *image, gint64 taken_us, const GError *error)
{
        finish(data, image, taken_us, error);
}

static void have_frame(void *data, TbFrame *frame)
{
        TbStill *still = data;
        if (still->compressing)
                return;
        still->compressing = true;
        TbPictureJob job = {.frame = frame,
                            .png = still->format == TB_STILL_PNG,
                            .quality = still->quality,
                            .width = still->width,
                            .done = compressed,
                            .data = still};
        g_autoptr(GError) error = NULL;
        if (!tb_stills_compress(still->stills, &job, &error))
                finish(still, NULL, 0, error);
        else
                still_leave(still);
}

static gboolean timed_out(gpointer data)
{
        TbStill *still = data;
        still->timer = 0;
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_TIMEOUT, "%s sent no picture in time",
                                              tb_hub_device(still->hub));
        finish(still, NULL, 0, error);
        return G_SOURCE_REMOVE;
}

static bool check_fault(TbStill *still)
{
        if (tb_hub_state(still->hub) != TB_HUB_FAULT || still->compressing)
                return false;
        g_autoptr(GError) error = g_error_new(
                TB_ERROR, tb_hub_retired(still->hub) ? TB_ERROR_GONE : TB_ERROR_UNAVAILABLE,
                "there is no picture: %s", tb_hub_fault(still->hub) ? tb_hub_fault(still->hub) : "no signal");
        finish(still, NULL, 0, error);
        return true;
}

static void hub_changed(void *data)
{
        check_fault(data);
}

/* Not inside tb_still_take(): `done` comes later, whatever is known already. */
static gboolean begin(gpointer data)
{
        TbStill *still = data;
        still->soon = 0;
        if (!check_fault(still))
                still->listener = tb_hub_listen(still->hub, hub_changed, still);
        return G_SOURCE_REMOVE;
}

static gboolean refuse(gpointer data)
{
        TbStill *still = data;
        still->soon = 0;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_LIMIT, "%d snapshots wait already", TB_STILL_WAITING);
        finish(still, NULL, 0, error);
        return G_SOURCE_REMOVE;
}

TbStill *tb_still_take(TbMedia *media, TbHub *hub, TbStillFormat format, int quality, int timeout_ms,
                       void (*done)(void *data, GBytes *image, gint64 taken_us, const GError *error),
                       void *data)
{
        tb_assert_main();
        TbStill *still = g_new0(TbStill, 1);
        still->stills = tb_media_stills(media);
        still->hub = tb_hub_ref(hub);
        still->format = format;
        still->quality = quality ? CLAMP(quality, 1, 100) : DEFAULT_QUALITY;
        still->done = done;
        still->data = data;
        if (tb_stills_waiting(still->stills, 1) > TB_STILL_WAITING) {
                still->soon = g_idle_add(refuse, still);
                return still;
        }
        TbSinkFlags flags = TB_SINK_MAILBOX | (format == TB_STILL_JPEG && !quality ? TB_SINK_JPEG : 0);
        still->sink = tb_hub_add_sink_full(hub, flags, have_frame, still);
        still->timer =
                g_timeout_add((guint)(timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS), timed_out, still);
        still->soon = g_idle_add(begin, still);
        return still;
}

void tb_still_set_width(TbStill *still, int width)
{
        still->width = width;
}

void tb_still_cancel(TbStill *still)
{
        still->done = NULL;
        if (still->compressing)
                still_leave(still);
        else
                still_free(still);
}
