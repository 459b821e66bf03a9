#include "lib/http/ws_frame.h"

#include <string.h>

#define TEXT 0x81 /* the last part of a message, which is its first */
#define BINARY 0x82
#define MASKED 0x80
#define HIGH_BITS 0x8080808080808080u

/* Its head is here, and it is one of those that are taken as they lie. */
static bool parse(const guint8 *bytes, gsize n, TbWsFrame *out)
{
        if (n < 6 || (bytes[0] != TEXT && bytes[0] != BINARY) || !(bytes[1] & MASKED))
                return false;
        gsize size = bytes[1] & 0x7f, head = 6;
        if (size == 126) {
                size = (gsize)bytes[2] << 8 | bytes[3];
                head = 8;
                if (size < 126) /* the shortest form is the only one */
                        return false;
        }
        if (bytes[1] == (MASKED | 127) || size == 0)
                return false;
        *out = (TbWsFrame){.binary = bytes[0] == BINARY, .head = head, .size = size};
        return true;
}

bool tb_ws_frame_whole(const guint8 *bytes, gsize n, TbWsFrame *out)
{
        return parse(bytes, n, out) && n >= out->head + out->size;
}

gsize tb_ws_frame_missing(const guint8 *bytes, gsize n)
{
        TbWsFrame frame;
        if (!parse(bytes, n, &frame))
                return 0;
        gsize all = frame.head + frame.size;
        return all > n ? all - n : 0;
}

void tb_ws_unmask(guint8 *payload, gsize size, const guint8 mask[4])
{
        guint64 word, masks;
        gsize i = 0;
        memcpy(&masks, mask, 4);
        memcpy((guint8 *)&masks + 4, mask, 4);
        for (; i + sizeof word <= size; i += sizeof word) {
                memcpy(&word, payload + i, sizeof word);
                word ^= masks;
                memcpy(payload + i, &word, sizeof word);
        }
        for (; i < size; i++)
                payload[i] ^= ((const guint8 *)&masks)[i % 4];
}

/* How many of them are ASCII for certain. */
static gsize plain(const guint8 *bytes, gsize size)
{
        guint64 word;
        gsize i = 0;
        for (; i + sizeof word <= size; i += sizeof word) {
                memcpy(&word, bytes + i, sizeof word);
                if (word & HIGH_BITS)
                        break;
        }
        return i;
}

bool tb_ws_is_utf8(const guint8 *bytes, gsize size)
{
        const char *at = (const char *)bytes + plain(bytes, size), *end = (const char *)bytes + size;
        while (at <= end) {
                if (g_utf8_validate(at, end - at, &at))
                        return true;
                if (*at != '\0' || at == end)
                        return false;
                at++; /* g_utf8_validate() takes no NUL */
        }
        return true;
}
