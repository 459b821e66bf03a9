#include "lib/poller.h"

#include <errno.h>
#include <glib-unix.h>
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

struct TbPoller {
        GSource *source; /* ref */
        int epoll_fd;    /* owned */
        guint entries;
        guint64 round;
        guint depth;       /* dispatches under way: a callback may run a nested loop */
        GPtrArray *buried; /* owned entries that were removed during a dispatch */
};

typedef struct PollerSource {
        GSource source;
        TbPoller *poller; /* borrowed */
} PollerSource;

static gboolean poller_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                                gpointer data G_GNUC_UNUSED)
{
        TbPoller *poller = ((PollerSource *)source)->poller;
        struct epoll_event events[BATCH];
        int n = epoll_wait(poller->epoll_fd, events, BATCH, 0);
        poller->depth++;
        poller->round++;
        for (int i = 0; i < n; i++) {
                TbPollerEntry *entry = events[i].data.ptr;
                if (entry->call)
                        entry->call(events[i].events, entry->data);
        }
        if (--poller->depth == 0)
                g_ptr_array_set_size(poller->buried, 0);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs poller_funcs = {.dispatch = poller_dispatch};

TbPoller *tb_poller_new(GMainContext *context)
{
        TbPoller *poller = g_new0(TbPoller, 1);
        poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (poller->epoll_fd < 0)
                /* like failing malloc: nothing can go on */
                g_error("epoll_create1: %s", g_strerror(errno)); /* lint: banned - */
        poller->buried = g_ptr_array_new_with_free_func(g_free);
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
        g_assert(poller->entries == 0 && poller->depth == 0);
        g_source_destroy(poller->source);
        g_source_unref(poller->source);
        g_ptr_array_unref(poller->buried);
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
        if (poller->depth > 0)
                g_ptr_array_add(poller->buried, entry); /* this batch may still name it */
        else
                g_free(entry);
}
