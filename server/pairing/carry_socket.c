#include "server/pairing/carry_socket.h"

#include "lib/http/ws.h"
#include "lib/limits.h"
#include "server/pairing/carry_frame.h"

#define CODE_GONE 1001
#define CODE_NONE 1005     /* no code was said, and none may be */
#define CODE_ABNORMAL 1006 /* no close frame came at all */

struct TbCarrySocket {
        TbMuxStream *stream; /* borrowed; NULL: gone */
        TbWs *ws;            /* borrowed; NULL: closed */
        GByteArray *in;      /* owned: what came of a frame that is not all there */
        GByteArray *out;     /* owned: frames that the stream has not taken */
        gsize owed;          /* bytes that came and whose credit the host has not back */
        guint held;          /* calls that are at work: what they say may end the stream under them */
        bool closing;        /* a close frame has gone to the host, or come from it */
};

static void free_when_done(TbCarrySocket *s)
{
        if (s->stream || s->ws || s->held > 0)
                return;
        g_byte_array_unref(s->in);
        g_byte_array_unref(s->out);
        g_free(s);
}

static void let_go(TbCarrySocket *s)
{
        s->held--;
        free_when_done(s);
}

/* --- towards the host --- */
static void flush(TbCarrySocket *s)
{
        if (!s->stream)
                return;
        gsize taken = tb_mux_write(s->stream, s->out->data, s->out->len, s->ws == NULL);
        g_byte_array_remove_range(s->out, 0, (guint)taken);
        if (s->ws)
                tb_ws_pause(s->ws, s->out->len > 0);
}

static void say(TbCarrySocket *s, TbCarryOpcode opcode, const void *payload, gsize size)
{
        tb_carry_frame_append(s->out, opcode, payload, size);
        flush(s);
}

static void say_close(TbCarrySocket *s, int code)
{
        guint8 bytes[2] = {(guint8)(code >> 8), (guint8)code};
        if (s->closing)
                return;
        s->closing = true;
        tb_carry_frame_append(s->out, TB_CARRY_CLOSE, bytes, code == CODE_NONE ? 0 : sizeof bytes);
}

static void give_back(TbCarrySocket *s)
{
        gsize owed = s->owed;
        s->owed = 0;
        if (s->stream && owed > 0)
                tb_mux_consumed(s->stream, owed);
}

static void on_message(TbWs *ws G_GNUC_UNUSED, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        TbCarrySocket *s = data;
        s->held++;
        say(s, binary ? TB_CARRY_BINARY : TB_CARRY_TEXT, bytes, size);
        let_go(s);
}

static void on_closed(TbWs *ws G_GNUC_UNUSED, int code, gpointer data)
{
        TbCarrySocket *s = data;
        s->held++;
        s->ws = NULL;
        say_close(s, code == CODE_ABNORMAL ? CODE_GONE : code);
        flush(s);
        give_back(s); /* nobody reads it any more */
        let_go(s);
}

/* --- from the host --- */
static void on_drained(TbWs *ws G_GNUC_UNUSED, gpointer data)
{
        give_back(data);
}

static void pass(TbCarrySocket *s, const TbCarryFrame *f)
{
        g_autofree char *reason = NULL;
        switch (f->opcode) {
        case TB_CARRY_TEXT:
        case TB_CARRY_BINARY:
                if (s->ws)
                        tb_ws_send(s->ws, f->opcode == TB_CARRY_BINARY, f->payload, f->size);
                break;
        case TB_CARRY_PING: say(s, TB_CARRY_PONG, f->payload, f->size); break;
        case TB_CARRY_PONG: break;
        case TB_CARRY_CLOSE:
                if (f->size > 2)
                        reason = g_strndup((const char *)f->payload + 2, f->size - 2);
                say_close(s, f->code);
                if (s->ws)
                        tb_ws_close(s->ws, f->code == CODE_NONE ? 1000 : f->code, reason);
                break;
        }
}

bool tb_carry_socket_data(TbCarrySocket *s, const guint8 *bytes, gsize size, bool end, const char **ret_why)
{
        gsize at = 0;
        gssize n = 0;
        TbCarryFrame frame;
        s->held++;
        g_byte_array_append(s->in, bytes, (guint)size);
        while ((n = tb_carry_frame_parse(s->in->data + at, s->in->len - at, &frame, ret_why)) > 0) {
                pass(s, &frame);
                at += (gsize)n;
        }
        g_byte_array_remove_range(s->in, 0, (guint)at);
        if (n >= 0 && end && s->ws)
                tb_ws_close(s->ws, CODE_GONE, "the host has ended it");
        s->owed += size;
        if (!s->ws || tb_ws_queued(s->ws) == 0)
                give_back(s);
        bool good = n >= 0 || !s->stream;
        let_go(s);
        return good;
}

void tb_carry_socket_writable(TbCarrySocket *s)
{
        s->held++;
        flush(s);
        let_go(s);
}

/* --- life --- */
static const TbWsOps ops = {.message = on_message, .drained = on_drained, .closed = on_closed};

TbCarrySocket *tb_carry_socket_new(TbRequest *request, TbMuxStream *stream, const char *protocol)
{
        TbCarrySocket *s = g_new0(TbCarrySocket, 1);
        s->in = g_byte_array_new();
        s->out = g_byte_array_new();
        s->ws = tb_request_upgrade(request, protocol, TB_LIMIT_WS_MESSAGE, &ops, s);
        s->stream = s->ws ? stream : NULL;
        if (s->ws)
                return s;
        free_when_done(s);
        return NULL;
}

void tb_carry_socket_free(TbCarrySocket *s, const char *reason)
{
        if (!s)
                return;
        s->stream = NULL;
        if (s->ws && !s->closing)
                tb_ws_close(s->ws, CODE_GONE, reason);
        s->closing = true;
        free_when_done(s);
}
