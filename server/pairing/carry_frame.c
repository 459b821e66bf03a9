#include "server/pairing/carry_frame.h"

#include "lib/http/ws_frame.h"
#include "lib/http/ws_handshake.h"
#include "lib/limits.h"

#define CONTROL_MAX 125

static gssize bad(const char **ret_why, const char *why)
{
        *ret_why = why;
        return -1;
}

/* Bytes of the head and of the payload. 0: more is needed. */
static gsize sizes(const guint8 *b, gsize n, guint64 *ret_size)
{
        guint short_size = b[1] & 0x7f, more = short_size == 126 ? 2 : short_size == 127 ? 8 : 0;
        if (n < 2 + more)
                return 0;
        *ret_size = more ? 0 : short_size;
        for (guint i = 0; i < more; i++)
                *ret_size = *ret_size << 8 | b[2 + i];
        return 2 + more;
}

static const char *wrong(const TbCarryFrame *f)
{
        if (f->opcode == TB_CARRY_TEXT && !tb_ws_is_utf8(f->payload, f->size))
                return "a text that is not UTF-8";
        if (f->opcode != TB_CARRY_CLOSE)
                return NULL;
        if (f->size == 1 || (f->size > 1 && !tb_ws_close_code_valid(f->code)))
                return "a close without a valid code";
        return f->size > 2 && !tb_ws_is_utf8(f->payload + 2, f->size - 2) ? "a reason that is not UTF-8"
                                                                          : NULL;
}

gssize tb_carry_frame_parse(const guint8 *b, gsize n, TbCarryFrame *ret_frame, const char **ret_why)
{
        guint64 size = 0;
        if (n < 2)
                return 0;
        guint opcode = b[0] & 0x0f;
        bool control = opcode >= TB_CARRY_CLOSE;
        if (b[0] & 0x70 || opcode > TB_CARRY_PONG || (!control && opcode > TB_CARRY_BINARY))
                return bad(ret_why, "a frame of an unknown kind");
        if (!(b[0] & 0x80) || opcode == 0)
                return bad(ret_why, "a message in pieces");
        if (b[1] & 0x80)
                return bad(ret_why, "a masked frame");
        if (control && (b[1] & 0x7f) > CONTROL_MAX)
                return bad(ret_why, "a control frame that is too large");
        gsize head = sizes(b, n, &size);
        if (!head)
                return 0;
        if (size > TB_LIMIT_WS_MESSAGE)
                return bad(ret_why, "a message that is too large");
        if (n < head + size)
                return 0;
        TbCarryFrame f = {.opcode = opcode, .payload = b + head, .size = (gsize)size, .code = 1005};
        if (opcode == TB_CARRY_CLOSE && size >= 2)
                f.code = f.payload[0] << 8 | f.payload[1];
        const char *why = wrong(&f);
        if (why)
                return bad(ret_why, why);
        *ret_frame = f;
        return (gssize)(head + size);
}

void tb_carry_frame_append(GByteArray *out, TbCarryOpcode opcode, const void *payload, gsize size)
{
        guint8 head[14] = {0x80 | opcode};
        guint n = 2, more = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
        head[1] = 0x80 | (guint8)(more == 0 ? size : more == 2 ? 126 : 127);
        for (guint i = more; i-- > 0;)
                head[n++] = (guint8)((guint64)size >> (8 * i));
        g_byte_array_append(out, head, n + 4); /* and the mask */
        g_byte_array_append(out, payload, (guint)size);
}
