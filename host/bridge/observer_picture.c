/* The picture that goes through the relay: as large as the observer's line bears. */
#include <string.h>

#include "host/bridge/observer_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

static const char *video_name(TbObserver *o)
{
        TbDevice *device = tb_core_device(o->core, o->device, NULL);
        TbInterface *iface = device ? tb_device_interface_of(device, TB_KIND_VIDEO) : NULL;
        return iface ? tb_interface_name(iface) : NULL;
}

TbHub *tb_observer_hub(TbObserver *o, const char *interface, GError **error)
{
        if (!interface)
                interface = video_name(o);
        if (interface)
                return tb_media_find_hub(o->media, o->device, interface, error);
        tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no video", o->device);
        return NULL;
}

static void picture_start(TbObserver *o, TbHub *hub, GError **error);

/* As wide as the line bears, and no wider than it is shown; 0: as the screen is. */
static int width_of(const TbObserver *o)
{
        int paced = o->pace.width;
        return o->picture_width > 0 && (paced == 0 || paced > o->picture_width) ? o->picture_width : paced;
}

/* With the width and quality that the line bears now; what there is stays when that cannot be had. */
static void picture_again(TbObserver *o)
{
        g_autoptr(GError) error = NULL;
        TbHub *hub = tb_observer_hub(o, o->picture_of, &error);
        if (hub)
                picture_start(o, hub, &error);
        if (error)
                tb_log(TB_LOG_DEBUG, TB_F("device", o->device, "session", o->session), "relayed picture: %s",
                       tb_error_detail(error));
}

/* A picture that was made smaller says of which size the screen is, in a comment (ITU-T T.81 §B.2.4.5): pointers go by that. */
static GBytes *say_size(GBytes *jpeg, int width, int height)
{
        gsize size;
        const guint8 *bytes = g_bytes_get_data(jpeg, &size);
        g_autofree char *text = g_strdup_printf("screen %dx%d", width, height);
        guint length = (guint)strlen(text) + 2;
        GByteArray *out = g_byte_array_sized_new((guint)size + length + 2);
        g_byte_array_append(out, bytes, 2); /* SOI */
        g_byte_array_append(out, (const guint8[]){0xff, 0xfe, (guint8)(length >> 8), (guint8)length}, 4);
        g_byte_array_append(out, (const guint8 *)text, length - 2);
        g_byte_array_append(out, bytes + 2, (guint)size - 2);
        return g_byte_array_free_to_bytes(out);
}

/* Latest wins: while the last picture is on its way, newer ones are left out. */
static void on_picture(void *data, GBytes *jpeg, gint64 taken_us G_GNUC_UNUSED)
{
        TbObserver *o = data;
        gint64 now_us = g_get_monotonic_time();
        if (!tb_picture_pace_may(&o->pace, now_us))
                return;
        int width = 0, height = 0, was = o->pace.width, shown = width_of(o), quality = o->pace.quality;
        TbHub *hub = tb_observer_hub(o, o->picture_of, NULL);
        if (hub)
                tb_hub_size(hub, &width, &height);
        if (tb_picture_pace_made(&o->pace, g_bytes_get_size(jpeg), width)) {
                g_autoptr(GBytes) said =
                        shown > 0 && width > 0 ? say_size(jpeg, width, height) : g_bytes_ref(jpeg);
                if (o->ops->picture(jpeg, shown, said, o, o->data))
                        tb_picture_pace_sent(&o->pace, g_bytes_get_size(said), now_us);
        }
        if (o->pace.width != was || o->pace.quality != quality)
                picture_again(o);
}

static void picture_start(TbObserver *o, TbHub *hub, GError **error)
{
        const TbPlaceBy by = {.user = o->user, .watches = !o->control};
        const TbMjpegForm form = {TB_BRIDGE_PICTURE_FPS, o->pace.quality, width_of(o)};
        TbMjpeg *old =
                g_steal_pointer(&o->picture); /* it goes last: else the source would be stopped and started */
        o->picture = tb_mjpeg_new(o->media, hub, &by, &form, on_picture, o, error);
        if (!o->picture)
                o->picture = g_steal_pointer(&old);
        tb_mjpeg_free(old);
}

void tb_observer_picture_arrived(TbObserver *o, gint64 bytes, gint64 took_us, gint64 trip_us)
{
        tb_picture_pace_arrived(&o->pace, bytes, took_us, trip_us, g_get_monotonic_time());
}

bool tb_observer_picture_topic(const char *device, const char *interface, bool on, gpointer data,
                               GError **error)
{
        TbObserver *o = data;
        if (!on) {
                g_clear_pointer(&o->picture, tb_mjpeg_free);
                return true;
        }
        if (device && strcmp(device, o->device) != 0) {
                tb_set_error(error, TB_ERROR_FORBIDDEN, "this session shows %s only", o->device);
                return false;
        }
        TbHub *hub = tb_observer_hub(o, interface, error);
        if (!hub)
                return false;
        g_clear_pointer(&o->picture, tb_mjpeg_free); /* of another interface, maybe */
        g_free(o->picture_of);
        o->picture_of = g_strdup(interface);
        picture_start(o, hub, error);
        return o->picture != NULL;
}
