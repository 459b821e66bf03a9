#include "host/vnc/viewer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vnc/buttons.h"
#include "host/vnc/clip.h"
#include "host/vnc/places.h"
#include "host/vnc/show.h"
#include "host/vnc/update.h"
#include "lib/limits.h"
#include "lib/refcount.h"

#define FIRST_PICTURE_US (5 * G_USEC_PER_SEC) /* the hub shows a slate long before that */

struct TbVncViewer {
        TbRefCount ref;        /* the caller's and one per post on its way */
        TbVncSlot *slot;       /* borrowed; the thread's while it runs */
        int fd;                /* owned until it was adopted */
        TbVncWatcher *watcher; /* owned */
        TbVncFilm *film;       /* borrowed; NULL: there is none */
        TbInterruptor *wake;   /* owned: a new picture, or stop */
        TbThread *thread;      /* owned */
        char *name;            /* owned */
        bool view_only;
        const TbVncViewerOps *ops; /* static; NULL: freed, call nobody. Main only */
        gpointer data;
        gint stop; /* atomic */
        TbVncTyped typed;

        TbMutex lock;
        char *clip_in, *clip_out; /* owned: texts on their way to main and to the viewer; protected by lock */
        bool adopted;             /* the slot's descriptor is the viewer's socket; protected by lock */
        TbVncViewerStats stats;   /* protected by lock */

        /* the thread's own */
        TbFrame *frame;   /* owned: what the library's frame buffer points to */
        TbVncTaken taken; /* what of it */
        TbVncWork *work;  /* owned */
        TbVncShow show;
        TbVncClip clip;
        const char *reason; /* static */
};

static void viewer_unref(gpointer data)
{
        TbVncViewer *viewer = data;
        if (!tb_ref_dec(&viewer->ref))
                return;
        tb_vnc_typed_clear(&viewer->typed);
        g_free(viewer->clip_in);
        g_free(viewer->clip_out);
        g_free(viewer->name);
        tb_mutex_clear(&viewer->lock);
        g_free(viewer);
}

static void post(TbVncViewer *viewer, void (*call)(gpointer))
{
        tb_ref_inc(&viewer->ref);
        if (!tb_main_post(call, viewer))
                viewer_unref(viewer);
}

/* --- main --- */
GArray *tb_vnc_viewer_take(TbVncViewer *viewer)
{
        bool full;
        GArray *inputs = tb_vnc_typed_take(&viewer->typed, &full);
        if (full)
                tb_interruptor_raise(viewer->wake); /* it may read on */
        return inputs;
}

static void on_inputs(gpointer data)
{
        TbVncViewer *viewer = data;
        tb_vnc_typed_told(&viewer->typed);
        if (viewer->ops)
                viewer->ops->input(viewer, viewer->data);
        viewer_unref(data);
}

char *tb_vnc_viewer_take_clip(TbVncViewer *viewer)
{
        tb_mutex_lock(&viewer->lock);
        char *text = g_steal_pointer(&viewer->clip_in);
        tb_mutex_unlock(&viewer->lock);
        return text;
}

void tb_vnc_viewer_clip(TbVncViewer *viewer, const char *text)
{
        char *copy = g_strdup(text);
        tb_mutex_lock(&viewer->lock);
        char *old = viewer->clip_out;
        viewer->clip_out = copy;
        tb_mutex_unlock(&viewer->lock);
        g_free(old);
        tb_interruptor_raise(viewer->wake);
}

static void on_clip(gpointer data)
{
        TbVncViewer *viewer = data;
        if (viewer->ops)
                viewer->ops->clip(viewer, viewer->data);
        viewer_unref(data);
}

static void on_gone(gpointer data)
{
        TbVncViewer *viewer = data;
        if (viewer->ops)
                viewer->ops->gone(viewer, viewer->reason, viewer->data);
        viewer_unref(viewer);
}

/* --- the viewer's thread --- */
/* One message makes one input at most, and none is read while the queue is full. */
static void queue_input(TbVncViewer *viewer, TbVncInput input)
{
        if (tb_vnc_typed_put(&viewer->typed, input))
                post(viewer, on_inputs);
}

static void place_event(bool down, guint32 keysym, guint32 place, TbVncSlot *slot)
{
        queue_input(slot->user, (TbVncInput){.key = true, .down = down, .keysym = keysym, .place = place});
}

static void key_event(rfbBool down, rfbKeySym keysym, rfbClientPtr client)
{
        place_event(down, keysym, 0, client->screen->screenData);
}

static void pointer_event(int mask, int x, int y, rfbClientPtr client)
{
        TbVncSlot *slot = client->screen->screenData;
        queue_input(slot->user, (TbVncInput){.x = CLAMP(x, 0, client->screen->width - 1),
                                             .y = CLAMP(y, 0, client->screen->height - 1),
                                             .mask = mask});
}

/* The latest counts. */
static bool read_clip(TbVncViewer *viewer)
{
        char *text = NULL;
        if (!tb_vnc_clip_read(&viewer->clip, viewer->slot->client, &text))
                return false;
        if (!text)
                return true;
        tb_mutex_lock(&viewer->lock);
        char *old = viewer->clip_in;
        viewer->clip_in = text;
        tb_mutex_unlock(&viewer->lock);
        if (!old)
                post(viewer, on_clip);
        g_free(old);
        return true;
}

static bool send_clip(TbVncViewer *viewer)
{
        tb_mutex_lock(&viewer->lock);
        char *text = g_steal_pointer(&viewer->clip_out);
        tb_mutex_unlock(&viewer->lock);
        if (!text || tb_vnc_clip_send(&viewer->clip, viewer->slot->client, text))
                return true;
        viewer->reason = "the viewer takes nothing any more";
        return false;
}

static void show(TbVncViewer *viewer, TbFrame *frame_take)
{
        rfbScreenInfoPtr screen = viewer->slot->screen;
        screen->frameBuffer = (char *)frame_take->plane[0];
        screen->width = frame_take->width;
        screen->height = frame_take->height;
        screen->paddedWidthInBytes = frame_take->stride[0];
        screen->sizeInBytes = screen->paddedWidthInBytes * screen->height;
        tb_frame_unref(viewer->frame);
        viewer->frame = frame_take;
}

/* Not rfbNewFramebuffer(): it resets the pixel format to its own idea. False: the viewer cannot follow a
 * change of size. */
static bool take_picture(TbVncViewer *viewer)
{
        rfbClientPtr client = viewer->slot->client;
        sraRegionPtr changed = sraRgnCreate();
        TbFrame *frame = tb_vnc_watcher_take(viewer->watcher, changed, &viewer->taken);
        if (frame) {
                tb_vnc_show_changed(&viewer->show, &viewer->taken.motion);
                sraRgnOr(client->modifiedRegion, changed);
        }
        sraRgnDestroy(changed);
        if (!frame)
                return true;
        bool resized = frame->width != viewer->frame->width || frame->height != viewer->frame->height;
        show(viewer, frame);
        if (!resized)
                return true;
        if (!client->useNewFBSize) {
                viewer->reason = "the picture changed its size, and the viewer cannot follow";
                return false;
        }
        sraRgnDestroy(client->modifiedRegion);
        client->modifiedRegion = sraRgnCreateRect(0, 0, frame->width, frame->height);
        sraRgnMakeEmpty(client->copyRegion);
        client->newFBSizePending = TRUE;
        return true;
}

/* What is neither the library's nor known by its length. */
static bool read_aside(TbVncViewer *viewer, guint8 type)
{
        bool known;
        if (tb_vnc_aside_read(&viewer->slot->aside, viewer->slot->client, type, &known))
                return true;
        viewer->reason = known ? "it says more, or takes less, than it may"
                               : "a message of a kind that nobody here knows";
        return false;
}

/* Message types that we want of the library: it also knows scaling (its own copy of the picture), file
 * transfer and chat. */
static bool read_message(TbVncViewer *viewer)
{
        rfbClientPtr client = viewer->slot->client;
        guint8 type;
        ssize_t n = recv(client->sock, &type, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (n <= 0) {
                viewer->reason = "closed by the viewer";
                return false;
        }
        switch (type) {
        case rfbSetEncodings:
                viewer->slot->film = false; /* it is named again */
                G_GNUC_FALLTHROUGH;
        case rfbSetPixelFormat:
        case rfbFramebufferUpdateRequest:
        case rfbKeyEvent:
        case rfbSetDesktopSize: rfbProcessClientMessage(client); break;
        case rfbClientCutText: /* a socket that is closed by it is seen below */ read_clip(viewer); break;
        case rfbPointerEvent:
                if (!tb_vnc_buttons_read(viewer->slot, pointer_event))
                        rfbProcessClientMessage(client);
                break;
        case rfbQemuEvent:
                if (tb_vnc_places_read(viewer->slot, place_event))
                        break;
                G_GNUC_FALLTHROUGH;
        default: /* a byte from outside, no enum of ours */
                if (!read_aside(viewer, type))
                        return false;
        }
        if (client->sock == RFB_INVALID_SOCKET) {
                viewer->reason = "closed by the viewer, or a malformed message";
                return false;
        }
        return true;
}

static bool update(TbVncViewer *viewer)
{
        rfbClientPtr client = viewer->slot->client;
        tb_vnc_aside_request(&viewer->slot->aside, client);
        if (sraRgnEmpty(client->requestedRegion))
                return true;
        if (!tb_vnc_slot_announce(viewer->slot) || !tb_vnc_clip_announce(&viewer->clip, client)) {
                viewer->reason = "the viewer takes nothing any more";
                return false;
        }
        gint64 start = g_get_monotonic_time();
        TbVncShown shown =
                tb_vnc_show_update(&viewer->show, viewer->film, viewer->wake, viewer->slot, viewer->frame);
        if (shown == TB_VNC_SHOW_WAITS || (shown == TB_VNC_SHOW_NOTHING && !FB_UPDATE_PENDING(client)))
                return true;
        bool ok = shown == TB_VNC_SHOW_NOTHING
                          ? tb_vnc_update(viewer->work, viewer->slot, tb_vnc_watcher_shared(viewer->watcher),
                                          viewer->frame, viewer->taken.picture)
                          : shown == TB_VNC_SHOW_SENT;
        ok = ok && tb_vnc_aside_updated(&viewer->slot->aside, client) && client->sock != RFB_INVALID_SOCKET;
        tb_mutex_lock(&viewer->lock);
        viewer->stats.updates++;
        viewer->stats.encode_us += (guint64)(g_get_monotonic_time() - start);
        tb_mutex_unlock(&viewer->lock);
        if (!ok)
                viewer->reason = "the viewer takes nothing any more";
        return ok;
}

/* The library needs a size before it can greet: waits for the first picture, then hands the socket over. */
static bool begin(TbVncViewer *viewer)
{
        gint64 until = g_get_monotonic_time() + FIRST_PICTURE_US;
        sraRegionPtr ignored = sraRgnCreate();
        TbFrame *frame = NULL;
        while (!(frame = tb_vnc_watcher_take(viewer->watcher, ignored, &viewer->taken)) &&
               !g_atomic_int_get(&viewer->stop)) {
                gint64 left_ms = (until - g_get_monotonic_time()) / 1000;
                struct pollfd p = {.fd = tb_interruptor_fd(viewer->wake), .events = POLLIN};
                if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
                        break;
                tb_interruptor_lower(viewer->wake);
        }
        sraRgnDestroy(ignored);
        if (!frame) {
                viewer->reason = "there was no picture";
                return false;
        }
        rfbScreenInfoPtr screen = viewer->slot->screen;
        show(viewer, frame);
        screen->desktopName = viewer->name;
        screen->kbdAddEvent = key_event;
        screen->ptrAddEvent = pointer_event;

        g_autoptr(GByteArray) init = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        int fd = viewer->fd;
        viewer->fd = -1;
        bool ok = tb_vnc_slot_adopt(viewer->slot, fd, init, &error);
        tb_mutex_lock(&viewer->lock);
        viewer->adopted = true;
        tb_mutex_unlock(&viewer->lock);
        if (!ok || !tb_vnc_slot_send(viewer->slot, init->data, init->len)) {
                viewer->reason = "the greeting failed";
                return false;
        }
        viewer->slot->client->viewOnly = viewer->view_only;
        return true;
}

static void serve(TbVncViewer *viewer)
{
        while (!g_atomic_int_get(&viewer->stop)) {
                struct pollfd p[2] = {
                        {.fd = tb_vnc_typed_room(&viewer->typed) ? viewer->slot->fd : -1, .events = POLLIN},
                        {.fd = tb_interruptor_fd(viewer->wake), .events = POLLIN}};
                if (poll(p, 2, tb_vnc_show_wait_ms(&viewer->show)) < 0 && errno != EINTR)
                        return;
                if (p[1].revents) {
                        tb_interruptor_lower(viewer->wake);
                        if (!take_picture(viewer) || !send_clip(viewer))
                                return;
                }
                if (p[0].revents && !read_message(viewer))
                        return;
                if (!update(viewer))
                        return;
        }
        viewer->reason = "the host ends it";
}

static void run(gpointer data)
{
        TbVncViewer *viewer = data;
        viewer->reason = "closed by the viewer";
        viewer->work = tb_vnc_work_new();
        if (begin(viewer))
                serve(viewer);
        tb_vnc_show_clear(&viewer->show);
        tb_vnc_work_free(viewer->work);
        tb_mutex_lock(&viewer->lock);
        viewer->adopted = false;
        tb_mutex_unlock(&viewer->lock);
        tb_vnc_slot_drop(viewer->slot);
        tb_vnc_clip_clear(&viewer->clip);
        g_clear_pointer(&viewer->frame, tb_frame_unref);
        post(viewer, on_gone);
}

/* --- life --- */
TbVncViewer *tb_vnc_viewer_new(TbVncSlot *slot, int fd, TbVncScreen *screen, TbVncFilm *film,
                               const char *name, bool view_only, const TbVncViewerOps *ops, gpointer data,
                               GError **error)
{
        tb_assert_main();
        TbVncViewer *viewer = g_new0(TbVncViewer, 1);
        tb_ref_init(&viewer->ref);
        tb_mutex_init(&viewer->lock);
        viewer->slot = slot;
        slot->user = viewer;
        viewer->fd = fd;
        viewer->film = film;
        viewer->name = g_strdup(name);
        viewer->view_only = view_only;
        viewer->ops = ops;
        viewer->data = data;
        tb_vnc_typed_init(&viewer->typed);
        viewer->wake = tb_interruptor_try_new(error);
        viewer->watcher = viewer->wake ? tb_vnc_screen_watch(screen, viewer->wake) : NULL;
        viewer->thread = viewer->wake ? tb_thread_try_start("vnc-viewer", run, viewer, error) : NULL;
        if (viewer->thread)
                return viewer;
        slot->user = NULL;
        viewer->fd = -1; /* its owner's again */
        tb_vnc_viewer_free(viewer);
        return NULL;
}

void tb_vnc_viewer_stop(TbVncViewer *viewer)
{
        g_atomic_int_set(&viewer->stop, 1);
        if (viewer->wake)
                tb_interruptor_raise(viewer->wake);
        /* wakes a write that waits for a viewer which does not read */
        tb_mutex_lock(&viewer->lock);
        if (viewer->adopted)
                shutdown(viewer->slot->fd, SHUT_RDWR);
        tb_mutex_unlock(&viewer->lock);
}

void tb_vnc_viewer_free(TbVncViewer *viewer)
{
        if (!viewer)
                return;
        tb_assert_main();
        viewer->ops = NULL;
        tb_vnc_viewer_stop(viewer);
        tb_thread_join(viewer->thread);
        tb_vnc_watcher_free(viewer->watcher);
        tb_interruptor_free(viewer->wake);
        if (viewer->fd >= 0)
                close(viewer->fd);
        viewer->slot = NULL;
        viewer_unref(viewer);
}

void tb_vnc_viewer_get_stats(TbVncViewer *viewer, TbVncViewerStats *ret_stats)
{
        tb_mutex_lock(&viewer->lock);
        *ret_stats = viewer->stats;
        tb_mutex_unlock(&viewer->lock);
}
