#include "host/recorder/flight.h"

#include "lib/thread.h"

/* An encoder holds a few; one that hangs is given pictures all the same, of which each takes the place of the one before. */
#define MOST 256
/* Time stamps go through a clock of other units on their way. */
#define SAME_US 500

typedef struct Given {
        gint64 mono_us, wall_us;
} Given;

struct TbFlight {
        TbMutex lock;
        GQueue given; /* owned Given, oldest first; protected by lock */
        guint gone;   /* left out already, to be told with the next; protected by lock */
};

TbFlight *tb_flight_new(void)
{
        TbFlight *f = g_new0(TbFlight, 1);
        tb_mutex_init(&f->lock);
        g_queue_init(&f->given);
        return f;
}

static void drop_all(TbFlight *f)
{
        while (f->given.head)
                g_free(g_queue_pop_head(&f->given));
        f->gone = 0;
}

void tb_flight_free(TbFlight *f)
{
        if (!f)
                return;
        drop_all(f);
        tb_mutex_clear(&f->lock);
        g_free(f);
}

void tb_flight_given(TbFlight *f, gint64 mono_us, gint64 wall_us)
{
        Given *given = g_new(Given, 1);
        *given = (Given){mono_us, wall_us};
        tb_mutex_lock(&f->lock);
        g_queue_push_tail(&f->given, given);
        if (f->given.length > MOST) { /* the second: the oldest says since when it owes */
                g_free(g_queue_pop_nth(&f->given, 1));
                f->gone++;
        }
        tb_mutex_unlock(&f->lock);
}

guint tb_flight_put(TbFlight *f, gint64 mono_us)
{
        tb_mutex_lock(&f->lock);
        guint left_out = 0;
        const Given *head;
        while ((head = g_queue_peek_head(&f->given)) && head->mono_us <= mono_us + SAME_US) {
                left_out += head->mono_us < mono_us - SAME_US;
                g_free(g_queue_pop_head(&f->given));
        }
        left_out += f->gone;
        f->gone = 0;
        tb_mutex_unlock(&f->lock);
        return left_out;
}

gint64 tb_flight_owes(TbFlight *f, gint64 until_us)
{
        tb_mutex_lock(&f->lock);
        const Given *head = g_queue_peek_head(&f->given);
        gint64 since_us = head && head->wall_us < until_us ? head->wall_us : 0;
        tb_mutex_unlock(&f->lock);
        return since_us;
}

void tb_flight_clear(TbFlight *f)
{
        tb_mutex_lock(&f->lock);
        drop_all(f);
        tb_mutex_unlock(&f->lock);
}
