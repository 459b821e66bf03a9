#pragma once
/* A test that waits on the main loop for something. */
#include <glib.h>

#define UNTIL_S 20 /* of a test that hangs */

static inline gboolean until_too_late(gpointer what)
{
        g_error("waited in vain for %s", (const char *)what);
        return G_SOURCE_REMOVE;
}

static inline gboolean until_again(gpointer data)
{
        (void)data;
        return G_SOURCE_CONTINUE;
}

/* `condition` is looked at after each turn of the loop, and every 5 ms. */
#define UNTIL(condition)                                                                                     \
        do {                                                                                                 \
                guint until_end = g_timeout_add_seconds(UNTIL_S, until_too_late, (gpointer) #condition),     \
                      until_look = g_timeout_add(5, until_again, NULL);                                      \
                while (!(condition))                                                                         \
                        g_main_context_iteration(NULL, TRUE);                                                \
                g_source_remove(until_end);                                                                  \
                g_source_remove(until_look);                                                                 \
        } while (0)
