#include "host/bridge/uploads.h"

#include "host/bridge/message.h"

#define ENCODED (-1) /* in place of a width */

void tb_uploads_clear(TbUploads *u)
{
        g_clear_pointer(&u->last, g_bytes_unref);
        u->shares = false;
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
