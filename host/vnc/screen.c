#include "host/vnc/screen.h"

#include "host/vnc/damage.h"

struct TbVncScreen {
        TbMutex lock;
        TbCond arrived;
        TbThread *thread;    /* owned */
        TbFramePool *pool;   /* owned: converted pictures */
        TbVncShared *shared; /* owned: what was encoded of them */
        /* protected by lock */
        TbFrame *pending;            /* owned: the newest that was pushed; NULL: taken */
        bool pending_unknown;        /* some picture since the last taken one did not say what it changed */
        gconstpointer maker;         /* the pool of the last picture that was pushed; only compared */
        sraRegionPtr pending_damage; /* owned */
        bool stop;
        TbFrame *current; /* owned: what viewers get */
        guint64 picture;  /* its number */
        TbVncMotion motion;
        GPtrArray *watchers; /* borrowed TbVncWatcher */
};

struct TbVncWatcher {
        TbVncScreen *screen; /* borrowed */
        TbInterruptor *wake; /* borrowed */
        sraRegionPtr damage; /* owned; protected by the screen's lock */
        bool fresh;          /* protected by the screen's lock */
};

static void add_rect(sraRegionPtr region, TbRect r)
{
        sraRegionPtr rect = sraRgnCreateRect(r.x, r.y, r.x + r.width, r.y + r.height);
        sraRgnOr(region, rect);
        sraRgnDestroy(rect);
}

void tb_vnc_screen_push(void *data, TbFrame *frame)
{
        TbVncScreen *screen = data;
        TbFrame *old;
        tb_mutex_lock(&screen->lock);
        /* Rectangles speak of the same source's picture before: a slate in between, from another pool, makes
         * them worth nothing. */
        if (frame->n_damage == 0 || frame->pool != screen->maker)
                screen->pending_unknown = true;
        screen->maker = frame->pool;
        for (guint i = 0; i < frame->n_damage && !screen->pending_unknown; i++)
                add_rect(screen->pending_damage, frame->damage[i]);
        old = screen->pending;
        screen->pending = tb_frame_ref(frame);
        tb_cond_signal(&screen->arrived);
        tb_mutex_unlock(&screen->lock);
        tb_frame_unref(old);
}

static double part_of(const TbFrame *frame, sraRegionPtr region)
{
        double pixels = 0;
        sraRect r;
        sraRectangleIterator *i = sraRgnGetIterator(region);
        while (sraRgnIteratorNext(i, &r))
                pixels += (double)(r.x2 - r.x1) * (r.y2 - r.y1);
        sraRgnReleaseIterator(i);
        return pixels / ((double)frame->width * frame->height);
}

static void publish(TbVncScreen *screen, TbFrame *frame_take, sraRegionPtr damage)
{
        double part = part_of(frame_take, damage);
        /* before anybody can have it; only this thread counts */
        tb_vnc_shared_changed(screen->shared, damage, screen->picture + 1, frame_take->width,
                              frame_take->height);
        tb_mutex_lock(&screen->lock);
        screen->picture++;
        tb_vnc_motion_add(&screen->motion, part, g_get_monotonic_time());
        TbFrame *old = screen->current;
        screen->current = frame_take;
        for (guint i = 0; i < screen->watchers->len; i++) {
                TbVncWatcher *watcher = g_ptr_array_index(screen->watchers, i);
                sraRgnOr(watcher->damage, damage);
                watcher->fresh = true;
                tb_interruptor_raise(watcher->wake);
        }
        tb_mutex_unlock(&screen->lock);
        tb_frame_unref(old);
}

/* Only this thread changes `current`, so it may look at it without the lock. */
static void work(TbVncScreen *screen, TbFrame *frame, bool unknown, sraRegionPtr damage)
{
        TbFrame *bgrx = tb_vnc_to_bgrx(frame, screen->pool);
        if (!bgrx)
                return;
        TbFrame *before = screen->current;
        if (!before || before->width != bgrx->width || before->height != bgrx->height) {
                sraRgnMakeEmpty(damage);
                add_rect(damage, (TbRect){0, 0, bgrx->width, bgrx->height});
        } else if (unknown) {
                sraRgnMakeEmpty(damage);
                tb_vnc_damage(before, bgrx, damage);
        } else {
                tb_vnc_damage_in(before, bgrx, damage);
        }
        if (before && sraRgnEmpty(damage))
                tb_frame_unref(bgrx);
        else
                publish(screen, bgrx, damage);
}

static void run(gpointer data)
{
        TbVncScreen *screen = data;
        for (;;) {
                tb_mutex_lock(&screen->lock);
                while (!screen->pending && !screen->stop)
                        tb_cond_wait_until(&screen->arrived, &screen->lock, -1);
                bool stop = screen->stop;
                TbFrame *frame = g_steal_pointer(&screen->pending);
                bool unknown = screen->pending_unknown;
                sraRegionPtr damage = screen->pending_damage;
                screen->pending_damage = sraRgnCreate();
                screen->pending_unknown = false;
                tb_mutex_unlock(&screen->lock);
                if (frame && !stop)
                        work(screen, frame, unknown, damage);
                sraRgnDestroy(damage);
                tb_frame_unref(frame);
                if (stop)
                        return;
        }
}

TbVncScreen *tb_vnc_screen_new(const char *name, GError **error)
{
        TbVncScreen *screen = g_new0(TbVncScreen, 1);
        tb_mutex_init(&screen->lock);
        tb_cond_init(&screen->arrived);
        screen->pool = tb_frame_pool_new(3);
        screen->shared = tb_vnc_shared_new();
        screen->pending_damage = sraRgnCreate();
        screen->watchers = g_ptr_array_new();
        g_autofree char *thread = g_strdup_printf("vnc-%s", name);
        screen->thread = tb_thread_try_start(thread, run, screen, error);
        if (screen->thread)
                return screen;
        tb_vnc_screen_free(screen);
        return NULL;
}

void tb_vnc_screen_free(TbVncScreen *screen)
{
        if (!screen)
                return;
        g_assert(screen->watchers->len == 0);
        tb_mutex_lock(&screen->lock);
        screen->stop = true;
        tb_cond_signal(&screen->arrived);
        tb_mutex_unlock(&screen->lock);
        tb_thread_join(screen->thread);
        tb_frame_unref(screen->pending);
        tb_frame_unref(screen->current);
        sraRgnDestroy(screen->pending_damage);
        g_ptr_array_free(screen->watchers, TRUE);
        tb_vnc_shared_free(screen->shared);
        tb_frame_pool_unref(screen->pool);
        tb_cond_clear(&screen->arrived);
        tb_mutex_clear(&screen->lock);
        g_free(screen);
}

TbVncWatcher *tb_vnc_screen_watch(TbVncScreen *screen, TbInterruptor *wake)
{
        TbVncWatcher *watcher = g_new0(TbVncWatcher, 1);
        watcher->screen = screen;
        watcher->wake = wake;
        watcher->damage = sraRgnCreate();
        tb_mutex_lock(&screen->lock);
        g_ptr_array_add(screen->watchers, watcher);
        watcher->fresh = screen->current != NULL;
        if (watcher->fresh) {
                add_rect(watcher->damage, (TbRect){0, 0, screen->current->width, screen->current->height});
                tb_interruptor_raise(wake);
        }
        tb_mutex_unlock(&screen->lock);
        return watcher;
}

void tb_vnc_watcher_free(TbVncWatcher *watcher)
{
        if (!watcher)
                return;
        tb_mutex_lock(&watcher->screen->lock);
        g_ptr_array_remove_fast(watcher->screen->watchers, watcher);
        tb_mutex_unlock(&watcher->screen->lock);
        sraRgnDestroy(watcher->damage);
        g_free(watcher);
}

TbFrame *tb_vnc_watcher_take(TbVncWatcher *watcher, sraRegionPtr damage, TbVncTaken *ret)
{
        TbFrame *frame = NULL;
        tb_mutex_lock(&watcher->screen->lock);
        if (watcher->fresh) {
                frame = tb_frame_ref(watcher->screen->current);
                *ret = (TbVncTaken){watcher->screen->picture, watcher->screen->motion};
                sraRgnOr(damage, watcher->damage);
                sraRgnMakeEmpty(watcher->damage);
                watcher->fresh = false;
        }
        tb_mutex_unlock(&watcher->screen->lock);
        return frame;
}

TbVncShared *tb_vnc_watcher_shared(TbVncWatcher *watcher)
{
        return watcher->screen->shared;
}
