#include <string.h>

#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/thread.h"

/* An answer whose bytes come from a worker through a pipe. */
typedef struct TbPipeReply {
        TbRequest *request; /* borrowed; it owns us */
        TbPipe *pipe;       /* ref */
        char *content_type; /* owned; until the answer starts */
        gint64 length;
        int status;
        bool started;
        gsize first_at, first_size;
        char first[TB_HTTP_STREAM_BLOCK]; /* what was read before the answer started */
} TbPipeReply;

static ssize_t read_pipe(void *cls, uint64_t pos G_GNUC_UNUSED, char *buf, size_t max)
{
        TbRequest *request = cls;
        TbPipeReply *reply = request->out;
        if (request->gone_called || !reply)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (reply->first_at < reply->first_size) {
                gsize n = MIN(max, reply->first_size - reply->first_at);
                memcpy(buf, reply->first + reply->first_at, n);
                reply->first_at += n;
                return (ssize_t)n;
        }
        gssize n = tb_pipe_try_read(reply->pipe, buf, max, NULL);
        if (n == -1)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (n < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR; /* the client sees a cut body, never a complete
                                                             wrong one */
        if (n == 0) {
                MHD_suspend_connection(request->connection);
                request->suspended = true;
                tb_request_watch(request);
        }
        return n;
}

static void unref_request(void *request)
{
        tb_request_unref(request);
}

static void start(TbPipeReply *reply)
{
        TbRequest *request = reply->request;
        uint64_t length = reply->length >= 0 ? (uint64_t)reply->length : MHD_SIZE_UNKNOWN;
        reply->started = true;
        struct MHD_Response *response = MHD_create_response_from_callback(
                length, TB_HTTP_STREAM_BLOCK, read_pipe, tb_request_ref(request), unref_request);
        MHD_add_response_header(response, "Content-Type", reply->content_type);
        tb_respond_uncached(request, response);
        tb_respond(request, reply->status, response);
}

static void on_ready(gpointer data)
{
        TbPipeReply *reply = data;
        TbRequest *request = reply->request;
        if (reply->started) {
                tb_dispatch_wake(request);
                return;
        }
        g_autoptr(GError) error = NULL;
        gssize n = tb_pipe_try_read(reply->pipe, reply->first, sizeof reply->first, &error);
        if (n == 0)
                return;
        reply->first_size = n > 0 ? (gsize)n : 0;
        if (n == -2) {
                reply->started = true;
                tb_request_reply_error(request, error);
        } else {
                start(reply);
        }
}

void tb_request_reply_pipe(TbRequest *request, int status, const char *content_type, gint64 length,
                           TbPipe *pipe)
{
        tb_assert_main();
        if (!request->connection || request->answered || request->out) {
                tb_ask_refuses_stream(request);
                g_autoptr(GError) error =
                        g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the client left");
                tb_pipe_fail(pipe, error);
                return;
        }
        TbPipeReply *reply = request->out = g_new0(TbPipeReply, 1);
        reply->request = request;
        reply->pipe = tb_pipe_ref(pipe);
        reply->content_type = g_strdup(content_type);
        reply->length = length;
        reply->status = status;
        tb_pipe_on_ready(pipe, on_ready, reply);
        on_ready(reply);
}

void tb_pipe_reply_free(TbPipeReply *reply)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the client left");
        tb_pipe_on_ready(reply->pipe, NULL, NULL);
        tb_pipe_fail(reply->pipe, error); /* counts for nothing when the pipe had ended and was read empty */
        tb_pipe_unref(reply->pipe);
        g_free(reply->content_type);
        g_free(reply);
}
