#include <string.h>
#include <unistd.h>

#include "lib/http/ws_private.h"
#include "lib/limits.h"
#include "lib/log.h"

#define WAIT_US (50 * 1000) /* between two looks at the sockets that wait */

typedef struct HttpSource {
        GSource source;
        TbHttp *http; /* borrowed */
} HttpSource;

static gboolean reap(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((HttpSource *)source)->http;
        g_source_set_ready_time(source, -1);
        while (http->dead.length > 0) {
                TbWs *ws = g_queue_pop_head_link(&http->dead)->data;
                if (ws->ops->closed)
                        ws->ops->closed(ws, ws->code, ws->data);
                tb_ws_in_free(ws->in);
                g_clear_pointer(&ws->out, g_byte_array_unref);
                g_clear_pointer(&ws->pong, g_bytes_unref);
                g_clear_pointer(&ws->extra, g_bytes_unref);
                g_free(ws->id);
                g_free(ws);
        }
        tb_http_check_stopped(http);
        return G_SOURCE_CONTINUE;
}

/* A socket that is silent is pinged; one that answers nothing, or does not finish its close, ends. The rest
 * gives its memory back. */
static gboolean sweep(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((HttpSource *)source)->http;
        gint64 now_us = g_get_monotonic_time(), second = G_USEC_PER_SEC;
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                gint64 silent = now_us - ws->heard_us;
                if (ws->close_us && now_us - ws->close_us >= TB_WS_CLOSE_WAIT_US) {
                        tb_ws_die(ws, ws->code);
                        continue;
                }
                if (silent < second && !ws->close_us)
                        break; /* the list is in the order of silence; closing ones were moved to its front */
                if (!ws->close_us && !ws->paused && ws->fd >= 0 &&
                    silent >= (ws->missed + 1) * TB_LIMIT_WS_PING_S * second) {
                        if (ws->missed++ >= 2) {
                                tb_ws_die(ws, TB_WS_CODE_NONE);
                                continue;
                        }
                        tb_ws_queue(ws, WSLAY_PING, NULL, 0, G_MAXSIZE);
                        tb_ws_write(ws);
                } else if (ws->in && !ws->in_io && tb_ws_in_is_idle(ws->in)) {
                        tb_ws_in_free(g_steal_pointer(&ws->in));
                }
        }
        g_source_set_ready_time(source, http->sockets.length > 0 ? now_us + second : -1);
        return G_SOURCE_CONTINUE;
}

gint64 tb_ws_silent_ms(const TbWs *ws)
{
        return ws->paused ? 0 : (g_get_monotonic_time() - ws->heard_us) / 1000;
}

/* Those that sent too fast are read again as soon as they may go on for a while. */
static gboolean resume(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((HttpSource *)source)->http;
        gint64 now_us = g_get_monotonic_time();
        for (GList *l = http->waiting.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                tb_bucket_charge(&ws->frames, TB_LIMIT_WS_FRAMES_PER_S, TB_LIMIT_WS_FRAMES_PER_S, 0, now_us);
                if (ws->frames.tokens < TB_WS_EMPTY_COST)
                        continue;
                g_queue_unlink(&http->waiting, &ws->wait_link);
                ws->waits = false;
                ws->again = true;
                tb_ws_set_events(ws);
        }
        g_source_set_ready_time(source, http->waiting.length > 0 ? now_us + WAIT_US : -1);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs reap_funcs = {.dispatch = reap}, sweep_funcs = {.dispatch = sweep},
                    resume_funcs = {.dispatch = resume};

static GSource *make_source(TbHttp *http, GSourceFuncs *funcs)
{
        GSource *source = g_source_new(funcs, sizeof(HttpSource));
        ((HttpSource *)source)->http = http;
        g_source_attach(source, g_main_context_get_thread_default());
        return source;
}

static void cut(gpointer data)
{
        TbWs *ws = data;
        if (tb_tally_notef(ws->http->refusals, "slow %s", ws->peer))
                tb_log(TB_LOG_INFO, TB_F("user", ws->user, "peer", ws->peer),
                       "a WebSocket was cut: too much waits for its reader and others of the same");
        tb_ws_die(ws, 1008);
}

void tb_ws_enlist(TbWs *ws)
{
        TbHttp *http = ws->http;
        if (!http->reaper) {
                http->reaper = make_source(http, &reap_funcs);
                http->sweep = make_source(http, &sweep_funcs);
                http->resume = make_source(http, &resume_funcs);
        }
        ws->link.data = ws->wait_link.data = ws;
        ws->heard_us = g_get_monotonic_time();
        tb_unread_begin(&ws->unread, &http->unread, ws->user, ws->peer, cut, ws);
        g_queue_push_tail_link(&http->sockets, &ws->link);
        if (g_source_get_ready_time(http->sweep) < 0)
                g_source_set_ready_time(http->sweep, ws->heard_us + G_USEC_PER_SEC);
}

void tb_ws_die(TbWs *ws, int code)
{
        if (ws->dead)
                return;
        TbHttp *http = ws->http;
        ws->dead = true;
        ws->code = (gint16)code;
        tb_poller_remove(g_steal_pointer(&ws->entry));
        if (ws->fd >= 0)
                close(ws->fd);
        ws->fd = -1;
        if (ws->waits)
                g_queue_unlink(&http->waiting, &ws->wait_link);
        ws->waits = false;
        tb_ws_turn_leave(ws);
        tb_ws_scatter(ws);
        tb_place_give(&ws->place);
        tb_unread_end(&ws->unread);
        g_queue_unlink(&http->sockets, &ws->link);
        g_queue_push_tail_link(&http->dead, &ws->link);
        g_source_set_ready_time(
                http->reaper, 0); /* `closed` comes from the loop, never from inside a call of the owner's */
}

void tb_ws_heard(TbWs *ws)
{
        ws->heard_us = g_get_monotonic_time();
        ws->missed = 0;
        if (!ws->close_us && ws->http->sockets.tail != &ws->link) {
                g_queue_unlink(&ws->http->sockets, &ws->link);
                g_queue_push_tail_link(&ws->http->sockets, &ws->link);
        }
}

void tb_ws_wait(TbWs *ws)
{
        TbHttp *http = ws->http;
        if (ws->waits)
                return;
        ws->waits = true;
        g_queue_push_tail_link(&http->waiting, &ws->wait_link);
        if (http->waiting.length == 1)
                g_source_set_ready_time(http->resume, g_get_monotonic_time() + WAIT_US);
}

void tb_ws_mark_closing(TbWs *ws)
{
        if (ws->close_us)
                return;
        ws->close_us = g_get_monotonic_time();
        g_queue_unlink(&ws->http->sockets, &ws->link);
        g_queue_push_head_link(&ws->http->sockets, &ws->link);
        g_source_set_ready_time(ws->http->sweep, MIN(g_source_get_ready_time(ws->http->sweep) < 0
                                                             ? G_MAXINT64
                                                             : g_source_get_ready_time(ws->http->sweep),
                                                     ws->close_us + TB_WS_CLOSE_WAIT_US));
}

void tb_ws_abandon(TbWs *ws)
{
        ws->request = NULL;
        tb_ws_die(ws, TB_WS_CODE_NONE);
}

void tb_ws_stop_all(TbHttp *http)
{
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                tb_ws_close(ws, 1001, "shutting down");
        }
}

void tb_ws_end_user(TbHttp *http, const char *user, const char *why)
{
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                if (strcmp(ws->user, user) == 0)
                        tb_ws_close(ws, 1008, why);
        }
}

void tb_ws_end_login(TbHttp *http, const char *login)
{
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                if (*login && strcmp(ws->login, login) == 0)
                        tb_ws_close(ws, 1008, "the sign-in has ended");
        }
}

void tb_ws_end_signed(TbHttp *http)
{
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                if (ws->is_signed_member)
                        tb_ws_close(ws, 1012, "your rights may have changed: connect again");
        }
}

void tb_ws_drop_all(TbHttp *http)
{
        while (http->sockets.length > 0) {
                TbWs *ws = http->sockets.head->data;
                if (ws->request)
                        ws->request->ws = NULL;
                tb_ws_die(ws, 1001);
        }
        if (!http->reaper)
                return;
        reap(http->reaper, NULL, NULL);
        if (http->daemon && !http->running) {
                g_source_destroy(http->reaper);
                g_clear_pointer(&http->reaper, g_source_unref);
                g_source_destroy(http->sweep);
                g_clear_pointer(&http->sweep, g_source_unref);
                g_source_destroy(http->resume);
                g_clear_pointer(&http->resume, g_source_unref);
        }
}
