#include "host/vnc/clip.h"

#include <string.h>
#include <zlib.h>

#include "lib/limits.h"

enum { CAPS = 1 << 24, REQUEST = 1 << 25, PEEK = 1 << 26, NOTIFY = 1 << 27, PROVIDE = 1 << 28, TEXT = 1 };
#define ACTIONS (CAPS | REQUEST | PEEK | NOTIFY | PROVIDE)
#define FORMATS 16 /* bits of formats, each of which has a size among the capabilities */

/* --- pure --- */
char *tb_vnc_clip_of_latin1(const guint8 *bytes, gsize size)
{
        GString *text = g_string_sized_new(size);
        for (gsize i = 0; i < size && bytes[i]; i++)
                g_string_append_unichar(text, bytes[i]);
        return g_string_free(text, FALSE);
}

GByteArray *tb_vnc_clip_latin1(const char *text)
{
        GByteArray *bytes = g_byte_array_new();
        for (; *text; text = g_utf8_next_char(text)) {
                gunichar c = g_utf8_get_char(text);
                const guint8 byte = c <= 0xff ? (guint8)c : '?';
                g_byte_array_append(bytes, &byte, 1);
        }
        return bytes;
}

/* Its size, and then the text with a NUL; other formats follow. The stream may be complete or only flushed. */
char *tb_vnc_clip_inflate(const guint8 *bytes, gsize size)
{
        z_stream z = {.next_in = (Bytef *)(gpointer)bytes, .avail_in = (uInt)size};
        guint32 n = 0;
        g_autofree char *text = NULL;
        if (size > TB_LIMIT_VNC_MESSAGE || inflateInit(&z) != Z_OK)
                return NULL;
        z.next_out = (Bytef *)&n;
        z.avail_out = sizeof n;
        int how = inflate(&z, Z_SYNC_FLUSH);
        n = GUINT32_FROM_BE(n);
        bool ok = how == Z_OK && z.avail_out == 0 && n > 0 && n <= TB_LIMIT_CLIPBOARD + 1;
        if (ok) {
                text = g_malloc0(n + 1);
                z.next_out = (Bytef *)text;
                z.avail_out = n;
                how = inflate(&z, Z_SYNC_FLUSH);
                ok = (how == Z_OK || how == Z_STREAM_END) && z.avail_out == 0;
        }
        inflateEnd(&z);
        return ok && strlen(text) <= TB_LIMIT_CLIPBOARD && g_utf8_validate(text, -1, NULL)
                       ? g_steal_pointer(&text)
                       : NULL;
}

/* Line ends are \r\n there. */
static char *with_crlf(const char *text)
{
        GString *s = g_string_new(text);
        g_string_replace(s, "\n", "\r\n", 0);
        return g_string_free(s, FALSE);
}

GByteArray *tb_vnc_clip_deflate(const char *text)
{
        g_autofree char *lines = with_crlf(text);
        g_autoptr(GByteArray) plain = g_byte_array_new();
        guint32 n = (guint32)strlen(lines) + 1, size = GUINT32_TO_BE(n);
        g_byte_array_append(plain, (const guint8 *)&size, sizeof size);
        g_byte_array_append(plain, (const guint8 *)lines, n);
        uLongf room = compressBound(plain->len);
        GByteArray *out = g_byte_array_new();
        g_byte_array_set_size(out, (guint)room);
        g_byte_array_set_size(out,
                              compress(out->data, &room, plain->data, plain->len) == Z_OK ? (guint)room : 0);
        return out;
}

/* --- to the viewer --- */
void tb_vnc_clip_clear(TbVncClip *clip)
{
        g_free(clip->text);
        *clip = (TbVncClip){0};
}

static bool write_cut(rfbClientPtr client, gint32 length, const void *bytes, gsize size)
{
        g_autoptr(GByteArray) message = g_byte_array_new();
        const guint8 head[4] = {rfbServerCutText};
        const gint32 n = (gint32)GUINT32_TO_BE((guint32)length);
        g_byte_array_append(message, head, sizeof head);
        g_byte_array_append(message, (const guint8 *)&n, sizeof n);
        g_byte_array_append(message, bytes, (guint)size);
        return rfbWriteExact(client, (const char *)message->data, (int)message->len) > 0;
}

static bool write_extended(rfbClientPtr client, guint32 flags, const GByteArray *more)
{
        g_autoptr(GByteArray) body = g_byte_array_new();
        const guint32 be = GUINT32_TO_BE(flags);
        g_byte_array_append(body, (const guint8 *)&be, sizeof be);
        if (more)
                g_byte_array_append(body, more->data, more->len);
        return write_cut(client, -(gint32)body->len, body->data, body->len);
}

static bool provide(const TbVncClip *clip, rfbClientPtr client)
{
        g_autoptr(GByteArray) deflated = tb_vnc_clip_deflate(clip->text);
        return write_extended(client, PROVIDE | TEXT, deflated);
}

static bool notify(const TbVncClip *clip, rfbClientPtr client)
{
        return write_extended(client, NOTIFY | (clip->text ? TEXT : 0), NULL);
}

/* The library has just said what it can, which is less. */
bool tb_vnc_clip_announce(TbVncClip *clip, rfbClientPtr client)
{
        if (clip->told || !client->enableExtendedClipboard)
                return true;
        clip->told = true;
        g_autoptr(GByteArray) size = g_byte_array_new();
        const guint32 most = GUINT32_TO_BE(TB_LIMIT_CLIPBOARD);
        g_byte_array_append(size, (const guint8 *)&most, sizeof most);
        return write_extended(client, ACTIONS | TEXT, size);
}

bool tb_vnc_clip_send(TbVncClip *clip, rfbClientPtr client, char *text_take)
{
        g_free(clip->text);
        clip->text = text_take;
        if (!client->enableExtendedClipboard) {
                g_autoptr(GByteArray) bytes = tb_vnc_clip_latin1(clip->text);
                return write_cut(client, (gint32)bytes->len, bytes->data, bytes->len);
        }
        bool unasked = clip->flags & PROVIDE && strlen(clip->text) < clip->max && !(clip->flags & NOTIFY);
        return unasked ? provide(clip, client) : notify(clip, client);
}

/* --- from the viewer --- */
static bool read_exact(rfbClientPtr client, void *bytes, gsize size)
{
        if (size == 0 || rfbReadExact(client, bytes, (int)size) > 0)
                return true;
        rfbCloseClient(client);
        return false;
}

static guint32 number_at(const guint8 *bytes)
{
        return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

static bool extended(TbVncClip *clip, rfbClientPtr client, const guint8 *bytes, gsize size, char **ret_text)
{
        guint32 flags = number_at(bytes);
        if (flags & CAPS) { /* sizes in the order of the formats: text's is the first */
                clip->flags = flags & TEXT ? flags : 0;
                clip->max = flags & TEXT && size >= 8 ? number_at(bytes + 4) : 0;
                return true;
        }
        if (flags & PROVIDE) {
                if (flags & TEXT && !client->viewOnly)
                        *ret_text = tb_vnc_clip_inflate(bytes + 4, size - 4);
                return true;
        }
        if (flags & REQUEST)
                return !(flags & TEXT && clip->text) || provide(clip, client);
        if (flags & PEEK)
                return notify(clip, client);
        return !(flags & NOTIFY && flags & TEXT) || client->viewOnly ||
               write_extended(client, REQUEST | TEXT, NULL);
}

bool tb_vnc_clip_read(TbVncClip *clip, rfbClientPtr client, char **ret_text)
{
        guint8 head[sz_rfbClientCutTextMsg];
        *ret_text = NULL;
        if (!read_exact(client, head, sizeof head))
                return false;
        gint64 length = (gint32)number_at(head + 4);
        bool plain = length >= 0;
        gsize size = (gsize)(plain ? length : -length);
        if (size > TB_LIMIT_VNC_MESSAGE || (!plain && size < 4)) {
                rfbCloseClient(client);
                return false;
        }
        g_autofree guint8 *bytes = g_malloc(size + 1);
        if (!read_exact(client, bytes, size))
                return false;
        if (!plain && !client->enableExtendedClipboard)
                return true; /* nobody asked for it */
        if (!plain)
                return extended(clip, client, bytes, size, ret_text);
        if (!client->viewOnly && size <= TB_LIMIT_CLIPBOARD)
                *ret_text = tb_vnc_clip_of_latin1(bytes, size);
        if (*ret_text && strlen(*ret_text) > TB_LIMIT_CLIPBOARD)
                g_clear_pointer(ret_text, g_free);
        return true;
}
