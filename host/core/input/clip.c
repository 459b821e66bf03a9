#include "host/core/input/clip.h"

#include <string.h>

#include "host/core/private.h"
#include "lib/limits.h"

static void tell(TbInterface *iface)
{
        iface->clip.untold = false;
        tb_bus_publish_transient(iface->device->core->bus, "input.clipboard", iface->device->id, iface->name,
                                 json_pack("{s:I, s:s?}", "bytes", (json_int_t)strlen(iface->clip.text), "by",
                                           iface->clip.who));
}

static gboolean on_timer(gpointer data)
{
        TbInterface *iface = data;
        if (iface->clip.untold) {
                tell(iface);
                return G_SOURCE_CONTINUE;
        }
        iface->clip.timer = 0;
        return G_SOURCE_REMOVE;
}

void tb_interface_set_clipboard(TbInterface *iface, const char *text, const char *who)
{
        TbClip *clip = &iface->clip;
        g_free(clip->text);
        g_free(clip->who);
        clip->text = g_strdup(text);
        clip->who = g_strdup(who);
        clip->untold = true;
        if (clip->timer)
                return;
        tell(iface);
        clip->timer = g_timeout_add(TB_LIMIT_CLIPBOARD_MS, on_timer, iface);
}

const char *tb_interface_clipboard(const TbInterface *iface)
{
        return iface->clip.text;
}

void tb_clip_clear(TbClip *clip)
{
        g_clear_handle_id(&clip->timer, g_source_remove);
        g_clear_pointer(&clip->text, g_free);
        g_clear_pointer(&clip->who, g_free);
}
