#include "host/outward/wire.h"

#include <string.h>
#include <sys/random.h>

#include "lib/http/ws_frame.h"
#include "lib/http/ws_handshake.h"

#define FIN 0x80
#define RESERVED 0x70
#define MASKED 0x80
#define CONTROL_MAX 125
#define MASK 4

void tb_wire_init(TbWire *wire, gsize max_message)
{
        *wire = (TbWire){.max = max_message};
}

void tb_wire_clear(TbWire *wire)
{
        if (wire->message)
                g_byte_array_unref(wire->message);
        *wire = (TbWire){0};
}

static gssize refuse(TbWireFrame *out, int code)
{
        out->code = code;
        return -1;
}

/* The size of a head, and what it says of its payload; 0: more is needed; -1: not the shortest form. */
static gssize head_of(const guint8 *bytes, gsize n, guint64 *ret_size)
{
        static const guint64 least[] = {126, 65536};
        if (n < 2)
                return 0;
        gsize more = bytes[1] == 126 ? 2 : bytes[1] == 127 ? 8 : 0;
        if (n < 2 + more)
                return 0;
        guint64 size = more ? 0 : bytes[1];
        for (gsize i = 0; i < more; i++)
                size = size << 8 | bytes[2 + i];
        if (more && (size < least[more == 8] || size > G_MAXINT64))
                return -1;
        *ret_size = size;
        return 2 + (gssize)more;
}

/* Whether such a frame may stand here. */
static bool fits(const TbWire *wire, guint8 first, guint64 size)
{
        guint8 opcode = first & 0x0f;
        if (first & RESERVED)
                return false;
        if (opcode >= TB_WIRE_CLOSE)
                return opcode <= TB_WIRE_PONG && (first & FIN) && size <= CONTROL_MAX;
        return opcode <= TB_WIRE_BINARY && (opcode == 0) == (wire->kind != TB_WIRE_PART);
}

static gssize take_close(TbWireFrame *out, gssize whole)
{
        const guint8 *p = out->bytes;
        if (out->size == 0) {
                out->code = 1005;
                return whole;
        }
        int code = out->size < 2 ? 0 : p[0] << 8 | p[1];
        if (!tb_ws_close_code_valid(code))
                return refuse(out, 1002);
        out->bytes += 2;
        out->size -= 2;
        out->code = code;
        return tb_ws_is_utf8(out->bytes, out->size) ? whole : refuse(out, 1007);
}

/* Puts the parts of a message together; a frame that is one is left where it lies. */
static bool take_data(TbWire *wire, TbWireFrame *out, bool fin, guint8 opcode)
{
        bool first = opcode != 0;
        if (first && wire->message) /* of the message before, which was told */
                g_clear_pointer(&wire->message, g_byte_array_unref);
        if (first && fin) {
                out->kind = opcode;
                return true;
        }
        if (first) {
                wire->kind = opcode;
                wire->message = g_byte_array_new();
        }
        if (out->size > 0)
                g_byte_array_append(wire->message, out->bytes, (guint)out->size);
        if (!fin) {
                out->kind = TB_WIRE_PART;
                return false;
        }
        out->kind = wire->kind;
        out->bytes = wire->message->data;
        out->size = wire->message->len;
        wire->kind = TB_WIRE_PART;
        return true;
}

gssize tb_wire_take(TbWire *wire, const guint8 *bytes, gsize n, TbWireFrame *out)
{
        guint64 size = 0;
        if (n >= 2 && (bytes[1] & MASKED))
                return refuse(out, 1002);
        gssize head = head_of(bytes, n, &size);
        if (head <= 0)
                return head == 0 ? 0 : refuse(out, 1002);
        guint8 opcode = bytes[0] & 0x0f;
        if (!fits(wire, bytes[0], size))
                return refuse(out, 1002);
        gsize before = opcode == 0 ? wire->message->len : 0;
        if (opcode < TB_WIRE_CLOSE && size > wire->max - before)
                return refuse(out, 1009);
        if (n - (gsize)head < size)
                return 0;
        *out = (TbWireFrame){.kind = opcode, .bytes = bytes + head, .size = (gsize)size};
        gssize whole = head + (gssize)size;
        if (opcode == TB_WIRE_CLOSE)
                return take_close(out, whole);
        if (opcode > TB_WIRE_CLOSE)
                return whole;
        bool told = take_data(wire, out, bytes[0] & FIN, opcode);
        if (told && out->kind == TB_WIRE_TEXT && !tb_ws_is_utf8(out->bytes, out->size))
                return refuse(out, 1007);
        return whole;
}

/* RFC 6455, 10.3: of a source that nobody can foretell. */
static void new_mask(TbWire *wire, guint8 mask[MASK])
{
        if (wire->spare_left < MASK) {
                gssize n;
                do
                        n = getrandom(wire->spare, sizeof wire->spare, 0);
                while (n < (gssize)sizeof wire->spare); /* a signal */
                wire->spare_left = sizeof wire->spare;
        }
        wire->spare_left -= MASK;
        memcpy(mask, wire->spare + wire->spare_left, MASK);
}

void tb_wire_put(TbWire *wire, GByteArray *out, TbWireKind kind, const void *bytes, gsize size)
{
        guint8 head[TB_WIRE_HEAD];
        gsize more = size < 126 ? 0 : size < 65536 ? 2 : 8, n = 2 + more;
        head[0] = (guint8)(FIN | kind);
        head[1] = (guint8)(MASKED | (more == 0 ? size : more == 2 ? 126 : 127));
        for (gsize i = 0; i < more; i++)
                head[2 + i] = (guint8)((guint64)size >> 8 * (more - 1 - i));
        new_mask(wire, head + n);
        g_byte_array_append(out, head, (guint)(n + MASK));
        if (size == 0)
                return;
        g_byte_array_append(out, bytes, (guint)size);
        tb_ws_unmask(out->data + out->len - size, size, head + n);
}
