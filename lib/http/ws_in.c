#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/http/ws_handshake.h"
#include "lib/http/ws_private.h"
#include "lib/limits.h"

/* --- bytes --- */
static ssize_t on_recv(uint8_t *buf, size_t size, int flags G_GNUC_UNUSED, void *data)
{
        TbWs *ws = data;
        size = MIN(size, ws->turn_bytes);
        if (size == 0)
                return -1;
        gssize n;
        if (ws->extra) {
                gsize total;
                const guint8 *bytes = g_bytes_get_data(ws->extra, &total);
                n = (gssize)MIN(size, total - ws->extra_at);
                memcpy(buf, bytes + ws->extra_at, (gsize)n);
                ws->extra_at += (gsize)n;
                if (ws->extra_at == total)
                        g_clear_pointer(&ws->extra, g_bytes_unref);
        } else {
                n = recv(ws->fd, buf, size, MSG_DONTWAIT);
        }
        if (n > 0) {
                ws->turn_bytes -= (gsize)n;
                ws->in->held += (gsize)n;
        } else {
                ws->eof = n == 0 || (errno != EAGAIN && errno != EINTR);
        }
        return n;
}

static TbWsIn *in_new(TbWs *ws)
{
        static const struct wslay_frame_callbacks callbacks = {.recv_callback = on_recv};
        TbWsIn *in = g_new0(TbWsIn, 1);
        int rc = wslay_frame_context_init(&in->frames, &callbacks, ws);
        g_assert(rc == 0); /* out of memory otherwise */
        return in;
}

void tb_ws_in_free(TbWsIn *in)
{
        if (!in)
                return;
        wslay_frame_context_free(in->frames);
        if (in->message)
                g_byte_array_unref(in->message);
        g_free(in);
}

bool tb_ws_in_is_idle(const TbWsIn *in)
{
        return in->held == 0 && !in->in_frame && in->kind == 0;
}

/* --- frames --- */
static void refuse(TbWs *ws, int code, const char *reason)
{
        if (!ws->closing_out)
                ws->code = (gint16)code;
        ws->closing_in = true;
        tb_ws_queue_close(ws, code, reason);
        tb_ws_mark_closing(ws);
}

static gsize head_size(guint64 payload)
{
        return 2 + 4 + (payload < 126 ? 0 : payload < 65536 ? 2 : 8);
}

static bool begin_frame(TbWs *ws, TbWsIn *in, const struct wslay_frame_iocb *frame)
{
        bool control = wslay_is_ctrl_frame(frame->opcode), more = frame->opcode == WSLAY_CONTINUATION_FRAME;
        if (frame->rsv || !frame->mask) {
                refuse(ws, 1002, frame->mask ? "a reserved bit is set" : "a client masks its frames");
                return false;
        }
        if (control ? frame->opcode > WSLAY_PONG
                    : frame->opcode > WSLAY_BINARY_FRAME || more != (in->kind != 0)) {
                refuse(ws, 1002, "no frame of this kind may stand here");
                return false;
        }
        if (!control && frame->payload_length + (in->message ? in->message->len : 0) > ws->max_message) {
                refuse(ws, 1009, "the message is too large");
                return false;
        }
        in->held -= MIN(in->held, head_size(frame->payload_length));
        in->in_frame = true;
        in->opcode = frame->opcode;
        in->fin = frame->fin;
        in->left = frame->payload_length;
        in->control_size = 0;
        if (!control && !more)
                in->kind = frame->opcode;
        return true;
}

/* Text with NULs in it, which g_utf8_validate() would not take. */
static bool is_utf8(const guint8 *bytes, gsize size)
{
        const char *at = (const char *)bytes, *end = at + size;
        while (at <= end) {
                if (g_utf8_validate(at, end - at, &at))
                        return true;
                if (*at != '\0' || at == end)
                        return false;
                at++;
        }
        return true;
}

static void take_close(TbWs *ws, const TbWsIn *in)
{
        const guint8 *p = in->control;
        int code = in->control_size >= 2 ? p[0] << 8 | p[1] : TB_WS_CODE_EMPTY;
        if (code != TB_WS_CODE_EMPTY && !tb_ws_close_code_valid(code))
                code = 1002;
        else if (in->control_size > 2 && !is_utf8(p + 2, in->control_size - 2u))
                code = 1007;
        ws->closing_in = true;
        if (!ws->closing_out)
                ws->code = (gint16)code;
        tb_ws_queue_close(ws, code, NULL);
        tb_ws_mark_closing(ws);
}

static void end_message(TbWs *ws, TbWsIn *in)
{
        static const guint8 nothing[1];
        bool binary = in->kind == WSLAY_BINARY_FRAME;
        GByteArray *message = g_steal_pointer(&in->message);
        gsize size = message ? message->len : 0;
        in->kind = 0;
        if (ws->close_us) { /* nobody wants it any more */
        } else if (!binary && message && !is_utf8(message->data, size)) {
                refuse(ws, 1007, "the text is no UTF-8");
        } else if (ws->ops->message) {
                if (message)
                        g_byte_array_append(message, nothing, 1); /* the promised NUL */
                ws->ops->message(ws, binary, message ? message->data : nothing, size, ws->data);
        }
        if (message)
                g_byte_array_unref(message);
}

static void end_frame(TbWs *ws, TbWsIn *in)
{
        in->in_frame = false;
        if (in->opcode == WSLAY_CONNECTION_CLOSE)
                take_close(ws, in);
        else if (in->opcode == WSLAY_PING)
                tb_ws_pong(ws, in->control, in->control_size);
        else if (in->opcode == WSLAY_PONG && ws->ops->pong && !ws->close_us)
                ws->ops->pong(ws, in->control, in->control_size, ws->data);
        else if (!wslay_is_ctrl_frame(in->opcode) && in->fin)
                end_message(ws, in);
}

static void take_bytes(TbWs *ws, TbWsIn *in, const guint8 *bytes, gsize size)
{
        in->held -= MIN(in->held, size);
        in->left -= size;
        if (wslay_is_ctrl_frame(in->opcode)) {
                memcpy(in->control + in->control_size, bytes, size); /* wslay refuses longer ones */
                in->control_size = (guint8)(in->control_size + size);
        } else if (size > 0 && !ws->close_us) {
                if (!in->message)
                        in->message = g_byte_array_new();
                g_byte_array_append(in->message, bytes, (guint)size);
        }
}

static int cost_of(const struct wslay_frame_iocb *frame)
{
        bool whole = frame->fin &&
                     (frame->opcode == WSLAY_TEXT_FRAME || frame->opcode == WSLAY_BINARY_FRAME) &&
                     frame->payload_length > 0;
        return whole ? 1 : TB_WS_EMPTY_COST;
}

/* wslay has no more: the stream ended, a frame broke the rules, or the rest is not there yet. */
static void stop_reading(TbWs *ws, ssize_t rc)
{
        if (rc != WSLAY_ERR_WANT_READ)
                refuse(ws, 1002, "the frame is malformed");
        else if (ws->eof)
                tb_ws_die(ws, TB_WS_CODE_NONE);
        else
                ws->again = ws->turn_bytes == 0;
}

void tb_ws_read(TbWs *ws)
{
        gint64 now_us = g_get_monotonic_time(), until_us = now_us + TB_LIMIT_WS_TURN_US;
        ws->turn_bytes = TB_LIMIT_WS_TURN_BYTES;
        ws->again = false;
        for (guint frames = 0; !ws->dead && !ws->paused && !ws->closing_in;) {
                if (!ws->in)
                        ws->in = in_new(ws);
                struct wslay_frame_iocb frame = {0};
                ssize_t n = wslay_frame_recv(ws->in->frames, &frame);
                if (n < 0) {
                        stop_reading(ws, n);
                        return;
                }
                bool begins = !ws->in->in_frame;
                if (begins && !begin_frame(ws, ws->in, &frame))
                        return;
                take_bytes(ws, ws->in, frame.data, (gsize)n);
                if (ws->in->left == 0)
                        end_frame(ws, ws->in);
                frames++;
                now_us = g_get_monotonic_time();
                if (begins) {
                        /* what was read is taken; who has no more to spend waits before the next */
                        tb_bucket_charge(&ws->frames, TB_LIMIT_WS_FRAMES_PER_S, TB_LIMIT_WS_FRAMES_PER_S,
                                         cost_of(&frame), now_us);
                        if (ws->frames.tokens <= 0 && !ws->dead && !ws->closing_in) {
                                tb_ws_wait(ws);
                                return;
                        }
                }
                if (frames >= TB_LIMIT_WS_TURN_FRAMES || now_us >= until_us) {
                        ws->again = true;
                        return;
                }
        }
}
