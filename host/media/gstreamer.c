#include "host/media/gstreamer.h"

#include <gst/gst.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define STOP_MS 1500 /* a scan of all plugins may take longer; the process ends in the middle of it then */

typedef struct Waiter {
        void (*call)(void *data);
        void *data;
        guint timer;
} Waiter;

static struct {
        bool started, ready;
        char *fault; /* owned */
        void (*done)(void *data);
        void *data;
        GSList *waiters; /* owned Waiter */
        TbMutex lock;
        TbCond over;
        bool running; /* under the lock */
} gstreamer = {.lock = TB_MUTEX_INIT};

static void end_wait(Waiter *w)
{
        g_source_remove(w->timer);
        gstreamer.waiters = g_slist_remove(gstreamer.waiters, w);
        w->call(w->data);
        g_free(w);
}

static gboolean waited(gpointer data)
{
        Waiter *w = data;
        end_wait(w); /* ends this source, too */
        return G_SOURCE_CONTINUE;
}

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
        while (gstreamer.waiters)
                end_wait(gstreamer.waiters->data);
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

bool tb_gstreamer_wait(void (*call)(void *data), void *data)
{
        if (tb_gstreamer_ready(NULL) || gstreamer.fault || !gstreamer.started)
                return false;
        Waiter *w = g_new(Waiter, 1);
        *w = (Waiter){call, data, 0};
        w->timer = g_timeout_add(TB_LIMIT_MEDIA_START_MS, waited, w);
        gstreamer.waiters = g_slist_append(gstreamer.waiters, w);
        return true;
}

void tb_gstreamer_unwait(void *data)
{
        for (GSList *l = gstreamer.waiters; l; l = l->next) {
                Waiter *w = l->data;
                if (w->data != data)
                        continue;
                g_source_remove(w->timer);
                gstreamer.waiters = g_slist_delete_link(gstreamer.waiters, l);
                g_free(w);
                return;
        }
}

const char *tb_gstreamer_fault(void)
{
        return gstreamer.fault;
}
