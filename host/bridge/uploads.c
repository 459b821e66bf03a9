#include "host/bridge/uploads.h"

#include <string.h>

#include "host/bridge/message.h"

#define ENCODED (-1) /* in place of a width */

void tb_uploads_clear(TbUploads *u)
{
        g_clear_pointer(&u->last, g_bytes_unref);
        u->shares = u->shares_sound = false;
        for (guint i = 0; i < TB_LINK_SOUNDS; i++)
                g_clear_pointer(&u->sounds[i], g_bytes_unref);
        u->next = 0;
}

/* True: it is the one that the server has. */
static bool is_there(TbUploads *u, GBytes *source, int width)
{
        if (u->shares && source == u->last && width == u->width)
                return true;
        GBytes *before = u->last; /* kept until now: another one cannot have its address */
        u->last = g_bytes_ref(source);
        u->width = width;
        if (before)
                g_bytes_unref(before);
        return false;
}

GBytes *tb_uploads_message(TbUploads *u, const char *session, const char *peer, GBytes *source, int width,
                           GBytes *jpeg)
{
        return is_there(u, source, width) ? tb_bridge_picture_again(session, peer)
                                          : tb_bridge_picture(session, peer, jpeg);
}

GBytes *tb_uploads_unit(TbUploads *u, const char *session, const char *peer, GBytes *unit, bool keyframe,
                        int width, int height)
{
        return is_there(u, unit, ENCODED) ? tb_bridge_picture_again(session, peer)
                                          : tb_bridge_unit(session, peer, unit, keyframe, width, height);
}

/* How many packets ago it was sent; TB_LINK_SOUNDS: the server has it no more, or never had it. */
static guint back_to(const TbUploads *u, guint32 at, const guint8 *packet, gsize size)
{
        for (guint back = 0; u->shares_sound && back < TB_LINK_SOUNDS; back++) {
                GBytes *sent = u->sounds[(u->next + TB_LINK_SOUNDS - 1 - back) % TB_LINK_SOUNDS];
                gsize n = 0;
                const guint8 *bytes = sent ? g_bytes_get_data(sent, &n) : NULL;
                if (bytes && n == sizeof at + size && memcmp(bytes, &at, sizeof at) == 0 &&
                    memcmp(bytes + sizeof at, packet, size) == 0)
                        return back;
        }
        return TB_LINK_SOUNDS;
}

GBytes *tb_uploads_sound(TbUploads *u, const char *session, const char *peer, const guint8 *packet,
                         gsize size, guint32 at)
{
        guint back = back_to(u, at, packet, size);
        if (back < TB_LINK_SOUNDS)
                return tb_bridge_sound_again(session, peer, (guint8)back);
        GByteArray *sent = g_byte_array_sized_new((guint)(sizeof at + size));
        g_byte_array_append(sent, (const guint8 *)&at, sizeof at);
        g_byte_array_append(sent, packet, (guint)size);
        g_clear_pointer(&u->sounds[u->next], g_bytes_unref);
        u->sounds[u->next] = g_byte_array_free_to_bytes(sent);
        u->next = (u->next + 1) % TB_LINK_SOUNDS;
        return tb_bridge_sound(session, peer, packet, size, at);
}
