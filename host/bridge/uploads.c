#include "host/bridge/uploads.h"

#include "host/bridge/message.h"

void tb_uploads_clear(TbUploads *u)
{
        g_clear_pointer(&u->last, g_bytes_unref);
        u->shares = false;
}

GBytes *tb_uploads_message(TbUploads *u, const char *session, const char *peer, GBytes *source, int width,
                           GBytes *jpeg)
{
        if (u->shares && source == u->last && width == u->width)
                return tb_bridge_picture_again(session, peer);
        GBytes *before = u->last; /* kept until now: another one cannot have its address */
        u->last = g_bytes_ref(source);
        u->width = width;
        if (before)
                g_bytes_unref(before);
        return tb_bridge_picture(session, peer, jpeg);
}
