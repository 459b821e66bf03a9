#include "host/media/gstreamer.h"

#include <gst/gst.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

#define STOP_MS 1500 /* a scan of all plugins may take longer; the process ends in the middle of it then */

static struct {
        bool started, ready;
        char *fault; /* owned */
        void (*done)(void *data);
        void *data;
        TbMutex lock;
        TbCond over;
        bool running; /* under the lock */
} gstreamer = {.lock = TB_MUTEX_INIT};

/* `value`: why it failed, taken; or NULL. */
static void finished(gpointer value)
{
        g_autofree char *fault = value;
        gstreamer.ready = fault == NULL;
        if (fault)
                tb_log(TB_LOG_ERROR, TB_F(), "GStreamer cannot be initialised, there is no WebRTC: %s",
                       fault);
        g_free(gstreamer.fault);
        gstreamer.fault = g_steal_pointer(&fault);
        if (gstreamer.done)
                gstreamer.done(gstreamer.data);
}

static void initialise(gpointer data G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        char *fault =
                gst_init_check(NULL, NULL, &error) ? NULL : g_strdup(error ? error->message : "unknown");
        if (!tb_main_post(finished, fault))
                g_free(fault);
        tb_mutex_lock(&gstreamer.lock);
        gstreamer.running = false;
        tb_cond_broadcast(&gstreamer.over);
        tb_mutex_unlock(&gstreamer.lock);
}

void tb_gstreamer_start(void (*done)(void *data), void *data)
{
        tb_assert_main();
        gstreamer.done = done;
        gstreamer.data = data;
        if (gstreamer.started || tb_gstreamer_ready(NULL))
                return;
        gstreamer.started = gstreamer.running = true;
        tb_cond_init(&gstreamer.over);
        tb_thread_detach("gst-init", initialise, NULL);
}

void tb_gstreamer_stop(void)
{
        tb_assert_main();
        gstreamer.done = NULL;
        if (!gstreamer.started)
                return;
        gint64 until_us = g_get_monotonic_time() + STOP_MS * 1000;
        tb_mutex_lock(&gstreamer.lock);
        while (gstreamer.running && tb_cond_wait_until(&gstreamer.over, &gstreamer.lock, until_us))
                ;
        tb_mutex_unlock(&gstreamer.lock);
}

bool tb_gstreamer_ready(GError **error)
{
        tb_assert_main();
        /* who uses this room as a library has perhaps done it */
        if (!gstreamer.ready && !gstreamer.started)
                gstreamer.ready = gst_is_initialized();
        if (gstreamer.ready)
                return true;
        if (gstreamer.fault)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "this host has no WebRTC: GStreamer: %s",
                             gstreamer.fault);
        else
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "media: starting: try again in a moment");
        return false;
}

const char *tb_gstreamer_fault(void)
{
        return gstreamer.fault;
}
