/*
 * What was opened by a token, a signature or a sign-in that holds until some time ends at that time: who comes anew is asked, and who is
 * in already is not more than he.
 */
#include "lib/clock.h"
#include "lib/http/private.h"
#include "lib/http/ws_private.h"

#define LOOK_MS 60000 /* so often at the least: the clock of the wall may be set */

/* Whether it is over: a sign-in that was used since holds for longer, and *until_ms says how long. */
static bool is_over(TbHttp *http, const char *login, gint64 *until_ms, gint64 now_ms)
{
        if (*until_ms && now_ms >= *until_ms && http->holds && login && *login)
                *until_ms = MAX(*until_ms, http->holds(login, http->identify_data));
        return *until_ms && now_ms >= *until_ms;
}

static gint64 end_sockets(TbHttp *http, gint64 now_ms)
{
        gint64 next_ms = G_MAXINT64;
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                if (ws->close_us)
                        continue;
                if (is_over(http, ws->login, &ws->until_ms, now_ms))
                        tb_ws_close(ws, 1008, *ws->login ? "the sign-in has ended" : "the token has expired");
                else if (ws->until_ms)
                        next_ms = MIN(next_ms, ws->until_ms);
        }
        return next_ms;
}

static gint64 end_streams(TbHttp *http, gint64 now_ms)
{
        gint64 next_ms = G_MAXINT64;
        for (GList *l = http->pushes.head; l;) {
                TbPush *push = l->data;
                TbCaller *caller = tb_push_caller(push);
                l = l->next;
                if (!caller)
                        continue;
                if (is_over(http, caller->login, &caller->until_ms, now_ms))
                        tb_push_close(push);
                else if (caller->until_ms)
                        next_ms = MIN(next_ms, caller->until_ms);
        }
        return next_ms;
}

static void stop_timer(TbHttp *http)
{
        if (http->expiry)
                g_source_destroy(http->expiry);
        g_clear_pointer(&http->expiry, g_source_unref);
        http->expires_ms = 0;
}

static gboolean on_time(gpointer data)
{
        TbHttp *http = data;
        gint64 now_ms = tb_clock_ms(), sockets_ms = end_sockets(http, now_ms),
               streams_ms = end_streams(http, now_ms);
        stop_timer(http);
        if (MIN(sockets_ms, streams_ms) < G_MAXINT64)
                tb_expire_note(http, MIN(sockets_ms, streams_ms));
        return G_SOURCE_REMOVE;
}

void tb_expire_note(TbHttp *http, gint64 until_ms)
{
        if (!until_ms || http->stopping || (http->expires_ms && http->expires_ms <= until_ms))
                return;
        stop_timer(http);
        http->expires_ms = until_ms;
        http->expiry = g_timeout_source_new((guint)CLAMP(until_ms - tb_clock_ms(), 1, LOOK_MS));
        g_source_set_callback(http->expiry, on_time, http, NULL);
        g_source_attach(http->expiry, g_main_context_get_thread_default());
}

void tb_expire_stop(TbHttp *http)
{
        stop_timer(http);
}
