#pragma once
/*
 * The monotonic clock and the timeouts of GLib in the hands of a test: what the code under test calls is here, what
 * GLib itself calls is not. So a budget of time is met to the microsecond on any machine. For the .c of one test.
 */
#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static struct {
        _Atomic gint64 at_us; /* where the clock stands; 0: it goes */
        guint held_from_ms; /* timeouts of so much and more wait for clock_fire(); 0: none does. Main thread. */
        guint n, ids[256]; /* of those that were held, the oldest first */
        guint ms[256];
} test_clock;

gint64 g_get_monotonic_time(void)
{
        struct timespec t;
        gint64 at_us = atomic_load(&test_clock.at_us);
        if (at_us != 0)
                return at_us;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (gint64)t.tv_sec * G_USEC_PER_SEC + t.tv_nsec / 1000;
}

/* It stands, `ago_us` before now: what is due by it is due for the system at once. Gives where. */
static inline gint64 clock_stop(gint64 ago_us)
{
        atomic_store(&test_clock.at_us, 0);
        atomic_store(&test_clock.at_us, g_get_monotonic_time() - ago_us);
        return g_get_monotonic_time();
}

static inline void clock_advance(gint64 us)
{
        g_assert_cmpint(atomic_fetch_add(&test_clock.at_us, us), !=, 0);
}

static inline void clock_go(void)
{
        atomic_store(&test_clock.at_us, 0);
}

static gboolean clock_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
        g_source_set_ready_time(source, -1);
        return callback(data);
}

guint g_timeout_add(guint ms, GSourceFunc callback, gpointer data)
{
        static GSourceFuncs funcs = {.dispatch = clock_dispatch};
        if (test_clock.held_from_ms == 0 || ms < test_clock.held_from_ms)
                return g_timeout_add_full(G_PRIORITY_DEFAULT, ms, callback, data, NULL);
        GSource *source = g_source_new(&funcs, sizeof *source);
        g_source_set_callback(source, callback, data, NULL);
        guint id = g_source_attach(source, NULL);
        g_source_unref(source);
        g_assert_cmpuint(test_clock.n, <, G_N_ELEMENTS(test_clock.ids));
        test_clock.ids[test_clock.n] = id;
        test_clock.ms[test_clock.n++] = ms;
        return id;
}

/* Lets the oldest timeout of `ms` that is held be over, and waits until it was called. False: there is none. */
static inline bool clock_fire(guint ms)
{
        for (guint i = 0; i < test_clock.n; i++) {
                guint id = test_clock.ids[i];
                GSource *source = test_clock.ms[i] == ms ? g_main_context_find_source_by_id(NULL, id) : NULL;
                if (!source)
                        continue;
                g_source_ref(source);
                g_source_set_ready_time(source, 0);
                while (!g_source_is_destroyed(source) && g_source_get_ready_time(source) == 0)
                        g_main_context_iteration(NULL, TRUE);
                g_source_unref(source);
                return true;
        }
        return false;
}

/* How long the youngest timeout is that is held, in ms. */
static inline guint clock_last_ms(void)
{
        return test_clock.n > 0 ? test_clock.ms[test_clock.n - 1] : 0;
}
