#include <string.h>

#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define KEEP_ALIVE_S 15 /* proxies cut silent streams after 30 to 60 s */

struct TbPush {
        guint ref;          /* the stream's own until it is gone, and the response's */
        TbRequest *request; /* borrowed; NULL once gone */
        GQueue chunks;      /* owned GBytes */
        gsize offset, queued, max_queue;
        bool closed, failed;
        void (*room)(TbPush *push, gpointer data); /* NULL: nobody waits */
        GSource *keep_alive;                       /* ref; NULL: none */
        void (*gone)(TbPush *push, gpointer data);
        gpointer data; /* borrowed */
        TbUnread unread;
};

bool tb_push_is_of(const TbPush *push, const char *user)
{
        return push->request && strcmp(push->request->caller.user, user) == 0;
}

TbCaller *tb_push_caller(const TbPush *push)
{
        return push->request ? &push->request->caller : NULL;
}

static void push_unref(void *p)
{
        TbPush *push = p;
        if (--push->ref > 0)
                return;
        g_queue_clear_full(&push->chunks, (GDestroyNotify)g_bytes_unref);
        g_free(push);
}

static ssize_t read_push(void *cls, uint64_t pos G_GNUC_UNUSED, char *buf, size_t max)
{
        TbPush *push = cls;
        gsize done = 0;
        while (done < max && push->chunks.length > 0) {
                gsize size;
                const char *data = g_bytes_get_data(push->chunks.head->data, &size);
                gsize n = MIN(max - done, size - push->offset);
                memcpy(buf + done, data + push->offset, n);
                done += n;
                push->offset += n;
                push->queued -= n;
                if (push->offset == size) {
                        g_bytes_unref(g_queue_pop_head(&push->chunks));
                        push->offset = 0;
                }
        }
        tb_unread_set(&push->unread, push->queued);
        if (push->room && push->queued <= push->max_queue / 2) {
                void (*room)(TbPush *, gpointer) = g_steal_pointer(&push->room);
                room(push, push->data);
        }
        if (done > 0)
                return (ssize_t)done;
        TbRequest *request = push->request;
        if (!request || request->gone_called || push->failed)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (push->closed)
                return MHD_CONTENT_READER_END_OF_STREAM;
        MHD_suspend_connection(request->connection);
        request->suspended = true;
        tb_request_watch(request);
        return 0;
}

/* Tells the owner, once. */
static void call_gone(TbPush *push)
{
        void (*gone)(TbPush *, gpointer) = g_steal_pointer(&push->gone);
        push->room = NULL; /* after gone the owner hears nothing more */
        if (push->keep_alive) {
                g_source_destroy(push->keep_alive);
                g_clear_pointer(&push->keep_alive, g_source_unref);
        }
        if (gone)
                gone(push, push->data);
}

void tb_push_abandon(TbPush *push)
{
        g_queue_remove(&push->request->http->pushes, push);
        tb_unread_end(&push->unread);
        push->request->push = NULL;
        push->request = NULL;
        call_gone(push);
        push_unref(push);
}

static void on_client_left(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        if (request->push)
                call_gone(request->push); /* the completion callback does the rest */
}

static void cut(gpointer data)
{
        TbPush *push = data;
        if (tb_tally_notef(push->request->http->refusals, "slow %s", push->request->peer))
                tb_log(TB_LOG_INFO, TB_F("user", push->request->caller.user, "peer", push->request->peer),
                       "a stream was cut: too much waits for its reader and others of the same");
        g_queue_clear_full(&push->chunks, (GDestroyNotify)g_bytes_unref);
        push->offset = push->queued = 0;
        tb_push_fail(push);
}

TbPush *tb_request_reply_push(TbRequest *request, const char *content_type, gsize max_queue,
                              void (*gone)(TbPush *push, gpointer data), gpointer data)
{
        return tb_request_reply_push_status(request, 200, content_type, max_queue, gone, data);
}

TbPush *tb_request_reply_push_status(TbRequest *request, int status, const char *content_type,
                                     gsize max_queue, void (*gone)(TbPush *push, gpointer data),
                                     gpointer data)
{
        tb_assert_main();
        if (tb_ask_refuses_stream(request) || !request->connection || request->answered ||
            !tb_respond_place(request, &request->place))
                return NULL;
        TbPush *push = g_new0(TbPush, 1);
        push->ref = 2;
        push->request = request;
        push->max_queue = max_queue;
        push->gone = gone;
        push->data = data;
        request->push = push;
        tb_unread_begin(&push->unread, &request->http->unread, request->caller.user, request->peer, cut,
                        push);
        g_queue_push_tail(&request->http->pushes, push);
        tb_expire_note(request->http, request->caller.until_ms);
        tb_request_on_gone(request, on_client_left, NULL);
        struct MHD_Response *response = MHD_create_response_from_callback(
                MHD_SIZE_UNKNOWN, TB_HTTP_STREAM_BLOCK, read_push, push, push_unref);
        MHD_add_response_header(response, "Content-Type", content_type);
        tb_respond_uncached(request, response);
        MHD_add_response_header(response, "X-Accel-Buffering", "no");
        tb_respond(request, status, response);
        return push;
}

bool tb_push_send(TbPush *push, GBytes *bytes)
{
        gsize size = g_bytes_get_size(bytes);
        if (push->closed || !push->request || push->queued + size > push->max_queue)
                return false;
        if (size == 0)
                return true;
        g_queue_push_tail(&push->chunks, g_bytes_ref(bytes));
        push->queued += size;
        tb_unread_set(&push->unread, push->queued);
        if (push->request->phase == TB_PHASE_SENT)
                tb_dispatch_wake(push->request);
        return true;
}

gsize tb_push_queued(TbPush *push)
{
        return push->queued;
}

void tb_push_on_room(TbPush *push, void (*room)(TbPush *push, gpointer data))
{
        push->room = room;
}

void tb_push_disown(TbPush *push)
{
        push->gone = NULL;
        push->room = NULL;
}

void tb_push_fail(TbPush *push)
{
        push->failed = true;
        tb_push_close(push);
}

void tb_push_close(TbPush *push)
{
        if (push->closed)
                return;
        push->closed = true;
        push->ref++; /* gone() may be the last to know it */
        call_gone(push);
        if (push->request && push->request->phase == TB_PHASE_SENT)
                tb_dispatch_wake(push->request);
        push_unref(push);
}

/* --- Server-Sent Events --- */
static gboolean on_keep_alive(gpointer data)
{
        TbPush *push = data;
        g_autoptr(GBytes) comment = g_bytes_new_static(":\n\n", 3);
        if (push->queued == 0)
                tb_push_send(push, comment);
        return G_SOURCE_CONTINUE;
}

TbPush *tb_request_reply_sse(TbRequest *request, void (*gone)(TbPush *push, gpointer data), gpointer data)
{
        TbPush *push = tb_request_reply_push(request, "text/event-stream", TB_LIMIT_SSE_QUEUE, gone, data);
        if (!push)
                return NULL;
        push->keep_alive = g_timeout_source_new_seconds(KEEP_ALIVE_S);
        g_source_set_callback(push->keep_alive, on_keep_alive, push, NULL);
        g_source_attach(push->keep_alive, g_main_context_get_thread_default());
        on_keep_alive(push); /* bytes at once: the client's onopen fires now, not with the first event */
        return push;
}

static void append_field(GString *out, const char *name, const char *value)
{
        while (value) {
                gsize n = strcspn(value, "\r\n");
                g_string_append_printf(out, "%s: ", name);
                g_string_append_len(out, value, (gssize)n);
                g_string_append_c(out, '\n');
                if (value[n] == '\0')
                        break;
                value += n + (value[n] == '\r' && value[n + 1] == '\n' ? 2 : 1);
        }
}

bool tb_sse_send(TbPush *push, const char *id, const char *event, const char *data)
{
        if (!data)
                return true; /* what could not be written as JSON (lib/json.h) */
        GString *out = g_string_sized_new(strlen(data) + 64);
        append_field(out, "id", id);
        append_field(out, "event", event);
        append_field(out, "data", data);
        g_string_append_c(out, '\n');
        g_autoptr(GBytes) bytes = g_string_free_to_bytes(out);
        return tb_push_send(push, bytes);
}
