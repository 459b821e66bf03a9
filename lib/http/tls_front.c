/* Main's side of TLS: the thread's life, and who comes over from it. */
#include "lib/http/tls_front.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/http/tls_private.h"

/* --- to main --- */
static void drop_arrivals(TbTlsFront *f)
{
        tb_mutex_lock(&f->lock);
        for (TbTlsArrival *a; (a = g_queue_pop_head(&f->arrivals)); g_free(a))
                close(a->fd);
        tb_mutex_unlock(&f->lock);
}

static void front_unref(TbTlsFront *f)
{
        if (!tb_ref_dec(&f->ref))
                return;
        drop_arrivals(f);
        tb_mutex_clear(&f->lock);
        g_free(f);
}

static void take_arrivals(gpointer data)
{
        TbTlsFront *f = data;
        for (;;) {
                tb_mutex_lock(&f->lock);
                TbTlsArrival *a = g_queue_pop_head(&f->arrivals);
                tb_mutex_unlock(&f->lock);
                if (!a)
                        break;
                if (f->ended)
                        close(a->fd);
                else
                        f->arrived(a, f->data);
                g_free(a);
        }
        front_unref(f);
}

void tb_tls_send_arrival(TbTlsFront *f, const TbTlsArrival *arrival)
{
        tb_mutex_lock(&f->lock);
        bool first = f->arrivals.length == 0;
        g_queue_push_tail(&f->arrivals, g_memdup2(arrival, sizeof *arrival));
        tb_mutex_unlock(&f->lock);
        if (!first)
                return;
        tb_ref_inc(&f->ref);
        if (!tb_main_post(take_arrivals, f)) { /* main takes nothing any more */
                drop_arrivals(f);
                front_unref(f);
        }
}

/* --- life; main thread --- */
static void free_thread(TbTlsFront *f)
{
        TbTlsThread *t = &f->own;
        if (t->epoll_fd >= 0)
                close(t->epoll_fd);
        g_ptr_array_unref(t->dead);
        g_hash_table_unref(t->nets);
        tb_interruptor_free(t->wake);
        tb_tls_unref(f->tls);
}

TbTlsFront *tb_tls_front_new(int listen_fd, TbTls *tls, guint most,
                             void (*arrived)(const TbTlsArrival *arrival, gpointer data), gpointer data,
                             GError **error)
{
        tb_assert_main();
        TbInterruptor *wake = tb_interruptor_try_new(error);
        if (!wake)
                return NULL;
        TbTlsFront *f = g_new0(TbTlsFront, 1);
        TbTlsThread *t = &f->own;
        tb_ref_init(&f->ref);
        tb_mutex_init(&f->lock);
        f->tls = t->tls = tb_tls_ref(tls);
        t->front = f;
        t->wake = wake;
        t->listen_fd = listen_fd;
        t->most = most;
        f->arrived = arrived;
        f->data = data;
        t->dead = g_ptr_array_new_with_free_func(g_free);
        t->nets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = wake};
        if (t->epoll_fd < 0 || epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, tb_interruptor_fd(wake), &event) != 0)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot wait for connections: epoll: %s",
                             g_strerror(errno));
        else
                f->thread = tb_thread_try_start("tls", tb_tls_run, t, error);
        if (f->thread)
                return f;
        free_thread(f);
        front_unref(f);
        return NULL;
}

static void tell(TbTlsFront *f, bool stop)
{
        tb_mutex_lock(&f->lock);
        f->quiet = true;
        f->stop = f->stop || stop;
        tb_mutex_unlock(&f->lock);
        tb_interruptor_raise(f->own.wake);
}

void tb_tls_front_quiesce(TbTlsFront *front)
{
        tell(front, false);
}

void tb_tls_front_free(TbTlsFront *front)
{
        if (!front)
                return;
        front->ended = true;
        drop_arrivals(front); /* nobody waits for a client whom nobody will serve */
        tell(front, true);
        tb_thread_join(front->thread);
        free_thread(front);
        front_unref(front);
}
