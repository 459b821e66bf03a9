#include "lib/poller.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/thread.h"

#define BATCH 64

struct TbPollerEntry {
        TbPoller *poller; /* borrowed */
        int fd;           /* borrowed */
        uint32_t events;
        TbPollerCall call; /* NULL: removed, still in the batch that is being dispatched */
        gpointer data;     /* borrowed */
};

typedef struct Hook {
        void (*call)(gpointer data);
        gpointer data; /* borrowed */
} Hook;

struct TbPoller {
        GMainContext *context; /* ref */
        GSource *source;       /* ref */
        int epoll_fd;          /* owned */
        int wake_fd;           /* borrowed, by which GLib wakes the loop; in the set; -1: unknown */
        guint entries;
        guint64 round;
        guint depth;       /* dispatches under way: a callback may run a nested loop */
        GPtrArray *buried; /* owned entries that were removed while a batch may name them */
        GArray *hooks;     /* of Hook */
        int n_pending;     /* of `pending`: what the sleep ended with, and is to be dispatched */
        struct epoll_event pending[BATCH];
};

/* The one that its loop sleeps in: a poll function has no data of its own. Main thread. */
static TbPoller *sleeper;

typedef struct PollerSource {
        GSource source;
        TbPoller *poller; /* borrowed */
} PollerSource;

static void call_entry(const struct epoll_event *event)
{
        TbPollerEntry *entry = event->data.ptr;
        uint32_t wanted = entry ? event->events & (entry->events | EPOLLERR | EPOLLHUP) : 0;
        if (wanted && entry->call) /* it may have changed its mind since the kernel told */
                entry->call(wanted, entry->data);
}

static void bury(TbPoller *poller)
{
        if (poller->depth == 0 && poller->n_pending == 0)
                g_ptr_array_set_size(poller->buried, 0);
}

static gboolean poller_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                                gpointer data G_GNUC_UNUSED)
{
        TbPoller *poller = ((PollerSource *)source)->poller;
        struct epoll_event events[BATCH];
        int n = poller->n_pending;
        if (n > 0)
                memcpy(events, poller->pending, (gsize)n * sizeof *events);
        else
                n = epoll_wait(poller->epoll_fd, events, BATCH, 0);
        poller->n_pending = 0;
        poller->depth++;
        poller->round++;
        for (int i = 0; i < n; i++)
                call_entry(&events[i]);
        for (guint i = 0; i < poller->hooks->len; i++) {
                const Hook *hook = &g_array_index(poller->hooks, Hook, i);
                hook->call(hook->data);
        }
        poller->depth--;
        bury(poller);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs poller_funcs = {.dispatch = poller_dispatch};

/* --- sleeping --- */
/* Where the loop waits for this poller and for GLib's own wake-up alone, it sleeps in epoll_wait() itself: poll() around it
 * would be a call of the kernel more for each message. Where there is anything else, it is GLib's poll(). */
static bool is_alone(const TbPoller *poller, const GPollFD *fds, guint n)
{
        return poller && poller->wake_fd >= 0 && n == 2 &&
               ((fds[0].fd == poller->epoll_fd && fds[1].fd == poller->wake_fd) ||
                (fds[1].fd == poller->epoll_fd && fds[0].fd == poller->wake_fd));
}

static gint sleep_in_epoll(GPollFD *fds, guint n, gint timeout_ms)
{
        TbPoller *poller = sleeper;
        if (poller) { /* what was not dispatched is told again: nothing here is edge-triggered */
                poller->n_pending = 0;
                bury(poller);
        }
        if (!is_alone(poller, fds, n))
                return g_poll(fds, n, timeout_ms);
        GPollFD *own = fds[0].fd == poller->epoll_fd ? &fds[0] : &fds[1],
                *wake = own == &fds[0] ? &fds[1] : &fds[0];
        struct epoll_event *events = poller->pending;
        int all = epoll_wait(poller->epoll_fd, events, BATCH, timeout_ms), kept = 0;
        own->revents = wake->revents = 0;
        if (all < 0)
                return -1;
        for (int i = 0; i < all; i++) {
                if (events[i].data.ptr)
                        events[kept++] = events[i];
                else
                        wake->revents = G_IO_IN;
        }
        poller->n_pending = kept;
        own->revents = kept > 0 ? G_IO_IN : 0;
        return (kept > 0) + (wake->revents != 0);
}

/* A context that nobody uses yet waits for one descriptor: its own, by which other threads wake it. -1: somebody does. */
static int wake_fd_of(GMainContext *context)
{
        GPollFD fds[2];
        gint timeout_ms;
        if (!g_main_context_acquire(context))
                return -1;
        gint n = g_main_context_query(context, G_MAXINT, &timeout_ms, fds, G_N_ELEMENTS(fds));
        g_main_context_release(context);
        return n == 1 ? fds[0].fd : -1;
}

static void learn_to_sleep(TbPoller *poller)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        poller->wake_fd = sleeper ? -1 : wake_fd_of(poller->context);
        if (poller->wake_fd < 0 || epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, poller->wake_fd, &event) < 0) {
                poller->wake_fd = -1;
                return;
        }
        sleeper = poller;
        g_main_context_set_poll_func(poller->context, sleep_in_epoll);
}

TbPoller *tb_poller_new(GMainContext *context)
{
        TbPoller *poller = g_new0(TbPoller, 1);
        poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (poller->epoll_fd < 0)
                /* like failing malloc: nothing can go on */
                g_error("epoll_create1: %s", g_strerror(errno)); /* lint: banned - */
        poller->context = g_main_context_ref(context ? context : g_main_context_default());
        poller->buried = g_ptr_array_new_with_free_func(g_free);
        poller->hooks = g_array_new(FALSE, FALSE, sizeof(Hook));
        learn_to_sleep(poller);
        poller->source = g_source_new(&poller_funcs, sizeof(PollerSource));
        ((PollerSource *)poller->source)->poller = poller;
        g_source_set_name(poller->source, "tb_poller");
        g_source_set_can_recurse(poller->source, TRUE);
        g_source_add_unix_fd(poller->source, poller->epoll_fd, G_IO_IN);
        g_source_attach(poller->source, context);
        return poller;
}

void tb_poller_free(TbPoller *poller)
{
        if (!poller)
                return;
        g_assert(poller->entries == 0 && poller->depth == 0 && poller->hooks->len == 0);
        if (sleeper == poller) {
                g_main_context_set_poll_func(poller->context, NULL);
                sleeper = NULL;
        }
        g_source_destroy(poller->source);
        g_source_unref(poller->source);
        g_main_context_unref(poller->context);
        g_ptr_array_unref(poller->buried);
        g_array_unref(poller->hooks);
        close(poller->epoll_fd);
        g_free(poller);
}

TbPollerEntry *tb_poller_add(TbPoller *poller, int fd, uint32_t epoll_events, TbPollerCall call,
                             gpointer data)
{
        TbPollerEntry *entry = g_new(TbPollerEntry, 1);
        *entry = (TbPollerEntry){
                .poller = poller, .fd = fd, .events = epoll_events, .call = call, .data = data};
        struct epoll_event event = {.events = epoll_events, .data.ptr = entry};
        if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
                g_free(entry);
                return NULL;
        }
        poller->entries++;
        return entry;
}

guint64 tb_poller_round(const TbPoller *poller)
{
        return poller->round;
}

bool tb_poller_is_calling(const TbPoller *poller)
{
        return poller->depth > 0;
}

void tb_poller_hook(TbPoller *poller, void (*call)(gpointer data), gpointer data)
{
        Hook hook = {.call = call, .data = data};
        g_array_append_val(poller->hooks, hook);
}

void tb_poller_hook_first(TbPoller *poller, void (*call)(gpointer data), gpointer data)
{
        Hook hook = {.call = call, .data = data};
        g_array_prepend_val(poller->hooks, hook);
}

void tb_poller_unhook(TbPoller *poller, gpointer data)
{
        for (guint i = poller->hooks->len; i-- > 0;)
                if (g_array_index(poller->hooks, Hook, i).data == data)
                        g_array_remove_index(poller->hooks, i);
}

void tb_poller_change(TbPollerEntry *entry, uint32_t epoll_events)
{
        if (entry->events == epoll_events)
                return;
        struct epoll_event event = {.events = epoll_events, .data.ptr = entry};
        entry->events = epoll_events;
        if (epoll_ctl(entry->poller->epoll_fd, EPOLL_CTL_MOD, entry->fd, &event) < 0)
                g_error("epoll_ctl: %s", g_strerror(errno)); /* lint: banned - our bug */
}

void tb_poller_remove(TbPollerEntry *entry)
{
        if (!entry)
                return;
        TbPoller *poller = entry->poller;
        epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, entry->fd, NULL);
        entry->call = NULL;
        poller->entries--;
        if (poller->depth > 0 || poller->n_pending > 0)
                g_ptr_array_add(poller->buried, entry); /* a batch may still name it */
        else
                g_free(entry);
}
