#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/http/ws_frame.h"
#include "lib/http/ws_handshake.h"
#include "lib/http/ws_private.h"
#include "lib/limits.h"

/* --- bytes --- */
#define CHUNK (64 * 1024) /* that are read at once: what is whole in them is taken where it lies */

G_STATIC_ASSERT(TB_LIMIT_WS_EARLY <= CHUNK);

/* What one turn works on. */
struct TbWsTurn {
        guint8 *bytes; /* CHUNK, and one more for a NUL behind the last message */
        gsize at, size;
        bool dry; /* the kernel had less than was asked for: there is no need to ask it again */
};

static bool read_more(TbWs *ws, gsize most)
{
        TbWsTurn *turn = ws->turn;
        gssize n = recv(ws->fd, turn->bytes + turn->size, most, MSG_DONTWAIT);
        turn->dry = n < (gssize)most;
        turn->size += (gsize)MAX(n, 0);
        ws->turn_bytes -= (gsize)MAX(n, 0);
        ws->eof = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
        if (n > 0)
                tb_ws_heard(ws); /* bytes, and nothing else: a turn without any is no sign of life */
        return n > 0;
}

/* More bytes. False: none are there, or may be read in this turn. */
static bool fill(TbWs *ws)
{
        TbWsTurn *turn = ws->turn;
        if (ws->extra) {
                gsize size;
                const guint8 *bytes = g_bytes_get_data(ws->extra, &size);
                memcpy(turn->bytes, bytes, size);
                turn->at = 0;
                turn->size = size;
                g_clear_pointer(&ws->extra, g_bytes_unref);
                return true;
        }
        gsize most = MIN(CHUNK, ws->turn_bytes);
        if (most == 0 || turn->dry)
                return false;
        turn->at = turn->size = 0;
        return read_more(ws, most);
}

/* The rest of a frame that is here in part. False: as fill(). */
static bool fill_up(TbWs *ws)
{
        TbWsTurn *turn = ws->turn;
        gsize has = turn->size - turn->at, most = MIN(CHUNK - has, ws->turn_bytes);
        if (most == 0 || turn->dry)
                return false;
        memmove(turn->bytes, turn->bytes + turn->at, has);
        turn->at = 0;
        turn->size = has;
        return read_more(ws, most);
}

/* For wslay. */
static ssize_t on_recv(uint8_t *buf, size_t size, int flags G_GNUC_UNUSED, void *data)
{
        TbWs *ws = data;
        TbWsTurn *turn = ws->turn;
        if (turn->at == turn->size && !fill(ws))
                return -1;
        gsize n = MIN(size, turn->size - turn->at);
        memcpy(buf, turn->bytes + turn->at, n);
        turn->at += n;
        ws->in->held += n;
        return (ssize_t)n;
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

static void take_close(TbWs *ws, const TbWsIn *in)
{
        const guint8 *p = in->control;
        int code = in->control_size >= 2 ? p[0] << 8 | p[1] : TB_WS_CODE_EMPTY;
        if (code != TB_WS_CODE_EMPTY && !tb_ws_close_code_valid(code))
                code = 1002;
        else if (in->control_size > 2 && !tb_ws_is_utf8(p + 2, in->control_size - 2u))
                code = 1007;
        ws->closing_in = true;
        if (!ws->closing_out)
                ws->code = (gint16)code;
        tb_ws_queue_close(ws, code, NULL);
        tb_ws_mark_closing(ws);
}

/* A message; a NUL stands behind it. */
static void deliver(TbWs *ws, bool binary, const guint8 *bytes, gsize size)
{
        if (ws->close_us) { /* nobody wants it any more */
        } else if (!binary && !tb_ws_is_utf8(bytes, size)) {
                refuse(ws, 1007, "the text is no UTF-8");
        } else if (ws->ops->message) {
                ws->ops->message(ws, binary, bytes, size, ws->data);
        }
}

static void end_message(TbWs *ws, TbWsIn *in)
{
        static const guint8 nothing[1];
        GByteArray *message = g_steal_pointer(&in->message);
        gsize size = message ? message->len : 0;
        bool binary = in->kind == WSLAY_BINARY_FRAME;
        in->kind = 0;
        if (message)
                g_byte_array_append(message, nothing, 1);
        deliver(ws, binary, message ? message->data : nothing, size);
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

/* One step by wslay, from byte to byte. Gives what a frame that began costs, 0: none did, -1: there is no more. */
static int step(TbWs *ws)
{
        if (!ws->in)
                ws->in = in_new(ws);
        struct wslay_frame_iocb frame = {0};
        ssize_t n = wslay_frame_recv(ws->in->frames, &frame);
        if (n < 0) {
                stop_reading(ws, n);
                return -1;
        }
        bool begins = !ws->in->in_frame;
        if (begins && !begin_frame(ws, ws->in, &frame))
                return -1;
        take_bytes(ws, ws->in, frame.data, (gsize)n);
        if (ws->in->left == 0)
                end_frame(ws, ws->in);
        return begins ? cost_of(&frame) : 0;
}

/* A message that is here in one piece: where it lies. */
static void take_whole(TbWs *ws, const TbWsFrame *frame)
{
        TbWsTurn *turn = ws->turn;
        guint8 *payload = turn->bytes + turn->at + frame->head, *behind = payload + frame->size;
        tb_ws_unmask(payload, frame->size, payload - 4);
        guint8 next = *behind;
        *behind = 0;
        turn->at += frame->head + frame->size;
        deliver(ws, frame->binary, payload, frame->size);
        *behind = next;
}

/* As step(). */
static int take_next(TbWs *ws)
{
        TbWsTurn *turn = ws->turn;
        TbWsFrame frame;
        if (ws->in && !tb_ws_in_is_idle(ws->in))
                return step(ws);
        if (turn->at == turn->size && !fill(ws)) {
                stop_reading(ws, WSLAY_ERR_WANT_READ);
                return -1;
        }
        bool whole = tb_ws_frame_whole(turn->bytes + turn->at, turn->size - turn->at, &frame);
        gsize missing = whole ? 0 : tb_ws_frame_missing(turn->bytes + turn->at, turn->size - turn->at);
        if (missing > 0 && turn->size - turn->at + missing <= CHUNK) {
                whole = fill_up(ws) && tb_ws_frame_whole(turn->bytes, turn->size, &frame);
                if (!whole && ws->turn_bytes == 0 && !turn->dry) {
                        ws->again = true; /* it goes on: in the next turn it is whole */
                        return -1;
                }
        }
        if (!whole || frame.size > ws->max_message)
                return step(ws);
        take_whole(ws, &frame);
        return 1;
}

static void take_all(TbWs *ws)
{
        gint64 now_us = g_get_monotonic_time(), until_us = now_us + TB_LIMIT_WS_TURN_US;
        for (guint frames = 0; !ws->dead && !ws->paused && !ws->closing_in;) {
                int cost = take_next(ws);
                if (cost < 0)
                        return;
                frames++;
                now_us = g_get_monotonic_time();
                if (cost > 0) {
                        /* what was read is taken; who has no more to spend waits before the next */
                        tb_bucket_charge(&ws->frames, TB_LIMIT_WS_FRAMES_PER_S, TB_LIMIT_WS_FRAMES_PER_S,
                                         cost, now_us);
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

void tb_ws_read(TbWs *ws)
{
        TbHttp *http = ws->http;
        guint8 *own = g_steal_pointer(&http->ws_bytes); /* NULL inside a loop that a callback runs */
        TbWsTurn turn = {.bytes = own ? own : g_malloc(CHUNK + 1)};
        ws->turn = &turn;
        ws->turn_bytes = TB_LIMIT_WS_TURN_BYTES;
        ws->again = false;
        take_all(ws);
        if (turn.at < turn.size && !ws->dead && !ws->closing_in)
                ws->extra = g_bytes_new(turn.bytes + turn.at, turn.size - turn.at);
        ws->turn = NULL;
        if (http->ws_bytes)
                g_free(turn.bytes);
        else
                http->ws_bytes = turn.bytes;
}
