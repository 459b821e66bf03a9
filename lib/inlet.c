#include "lib/inlet.h"

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define SLICE 16 /* posts of one inlet before the next one's turn */

typedef struct Post {
        void (*call)(gpointer);
        gpointer data;
        gsize cost;
} Post;

struct TbInlet {
        gsize ceiling;
        TbInterruptor *room; /* owned; raised while there is room; NULL: no ceiling */
        /* protected by loop.lock */
        GQueue posts; /* owned Posts */
        gsize queued; /* their cost */
        bool full, hold, listed, freed;
};

static struct {
        TbMutex lock;
        GQueue ready; /* of TbInlet that have posts, borrowed; protected by lock */
        TbInlet main; /* of tb_main_post() */
        GSource *source;
        bool running; /* between init and stop; protected by lock */
} loop = {
        .lock = TB_MUTEX_INIT}; /* the lock stays: a thread may still post, and be refused, after the stop */

static void inlet_delete(TbInlet *inlet)
{
        tb_interruptor_free(inlet->room);
        g_free(inlet);
}

/* Lock held. */
static void measure(TbInlet *inlet)
{
        if (!inlet->room)
                return;
        bool full = inlet->hold || inlet->queued > (inlet->full ? inlet->ceiling / 2 : inlet->ceiling);
        if (full == inlet->full)
                return;
        inlet->full = full;
        if (full)
                tb_interruptor_lower(inlet->room);
        else
                tb_interruptor_raise(inlet->room);
}

/* A slice of the inlet at the head of the list. False: there is none. */
static bool deliver(gint64 until_us)
{
        tb_mutex_lock(&loop.lock);
        TbInlet *inlet = g_queue_pop_head(&loop.ready);
        for (guint i = 0; inlet && i < SLICE; i++) {
                Post *p = g_queue_pop_head(&inlet->posts);
                if (!p)
                        break;
                tb_mutex_unlock(&loop.lock);
                p->call(p->data);
                tb_mutex_lock(&loop.lock);
                inlet->queued -= p->cost;
                measure(inlet);
                g_free(p);
                if (g_get_monotonic_time() >= until_us)
                        break;
        }
        bool gone = false;
        if (inlet) {
                inlet->listed = inlet->posts.length > 0;
                gone = inlet->freed && !inlet->listed;
                if (inlet->listed)
                        g_queue_push_tail(&loop.ready, inlet);
        }
        tb_mutex_unlock(&loop.lock);
        if (gone)
                inlet_delete(inlet);
        return inlet != NULL;
}

static gboolean dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        gint64 until_us = g_get_monotonic_time() + TB_LIMIT_TURN_US;
        g_source_set_ready_time(source, -1); /* disarm first: a post from here on arms it again */
        while (deliver(until_us)) {
                if (g_get_monotonic_time() < until_us)
                        continue;
                g_source_set_ready_time(source, 0); /* the rest after the others' turn */
                break;
        }
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs funcs = {.dispatch = dispatch};

void tb_main_init(GMainContext *context)
{
        g_assert(!loop.running);
        tb_thread_declare_main();
        tb_mutex_lock(&loop.lock);
        g_queue_init(&loop.ready);
        loop.main = (TbInlet){.posts = G_QUEUE_INIT};
        loop.source = g_source_new(&funcs, sizeof(GSource));
        g_source_set_name(loop.source, "tb_main_post");
        g_source_attach(loop.source, context);
        loop.running = true;
        tb_mutex_unlock(&loop.lock);
}

bool tb_inlet_post(TbInlet *inlet, gsize cost, void (*call)(gpointer), gpointer data)
{
        Post *p = g_new(Post, 1);
        *p = (Post){call, data, cost};
        tb_mutex_lock(&loop.lock);
        bool accepted = loop.running;
        if (accepted) {
                g_queue_push_tail(&inlet->posts, p);
                inlet->queued += cost;
                measure(inlet);
                if (!inlet->listed) {
                        inlet->listed = true;
                        g_queue_push_tail(&loop.ready, inlet);
                }
                g_source_set_ready_time(loop.source, 0);
        }
        tb_mutex_unlock(&loop.lock);
        if (!accepted)
                g_free(p);
        return accepted;
}

bool tb_main_post(void (*call)(gpointer), gpointer data)
{
        return tb_inlet_post(&loop.main, 0, call, data);
}

void tb_main_stop(void)
{
        tb_assert_main();
        tb_mutex_lock(&loop.lock);
        loop.running = false;
        tb_mutex_unlock(&loop.lock);
        while (deliver(G_MAXINT64))
                ;
        g_source_destroy(loop.source);
        g_source_unref(loop.source);
        loop.source = NULL;
}

TbInlet *tb_inlet_new(gsize ceiling, GError **error)
{
        tb_assert_main();
        TbInterruptor *room = tb_interruptor_try_new(error);
        if (!room)
                return NULL;
        TbInlet *inlet = g_new0(TbInlet, 1);
        inlet->ceiling = ceiling;
        inlet->room = room;
        g_queue_init(&inlet->posts);
        tb_interruptor_raise(room);
        return inlet;
}

void tb_inlet_free(TbInlet *inlet)
{
        if (!inlet)
                return;
        tb_assert_main();
        if (!loop.running) { /* after tb_main_stop() nothing is queued */
                inlet_delete(inlet);
                return;
        }
        tb_mutex_lock(&loop.lock);
        inlet->freed = true;
        bool gone = !inlet->listed;
        tb_mutex_unlock(&loop.lock);
        if (gone)
                inlet_delete(inlet);
}

bool tb_inlet_full(TbInlet *inlet)
{
        tb_mutex_lock(&loop.lock);
        bool full = inlet->full;
        tb_mutex_unlock(&loop.lock);
        return full;
}

void tb_inlet_hold(TbInlet *inlet, bool hold)
{
        tb_assert_main();
        tb_mutex_lock(&loop.lock);
        inlet->hold = hold;
        measure(inlet);
        tb_mutex_unlock(&loop.lock);
}

int tb_inlet_room_fd(TbInlet *inlet)
{
        return tb_interruptor_fd(inlet->room);
}
