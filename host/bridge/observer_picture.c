/* The picture that goes through the relay: as large as the observer's line bears; H.264 where it can be shown, else JPEG. */
#include <string.h>

#include "host/bridge/observer_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define MEDIUM_WIDTH 960 /* px of the medium rung, about, and of the low one */
#define LOW_WIDTH 640
#define LOW_BYTES 3584 /* that a JPEG may have on a line that bears the low rung */

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
static void follow_pace(TbObserver *o);

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
        if (o->pace.target >= LOW_BYTES && tb_frame_pace_retry(&o->frames, now_us))
                follow_pace(o);
        else if (o->pace.width != was || o->pace.quality != quality)
                picture_again(o);
}

/* --- encoded --- */
/* No larger than it is shown. */
static TbRung rung_of(const TbObserver *o)
{
        int least = o->picture_width == 0              ? TB_RUNG_FULL
                    : o->picture_width <= LOW_WIDTH    ? TB_RUNG_LOW
                    : o->picture_width <= MEDIUM_WIDTH ? TB_RUNG_MEDIUM
                                                       : TB_RUNG_FULL;
        return (TbRung)MAX(o->frames.rung, least);
}

static bool is_encoded(const TbObserver *o)
{
        return o->takes_h264 && o->frames.rung < TB_FRAME_PACE_JPEG && o->ops->takes_units(o->data);
}

/* What is sent is not what should be. */
static void follow_pace(TbObserver *o)
{
        bool runs = o->coded || o->picture;
        if (runs && (is_encoded(o) != (o->coded != NULL) || (o->coded && o->coded_rung != rung_of(o))))
                picture_again(o);
}

static void on_unit(void *data, GBytes *unit, bool keyframe)
{
        TbObserver *o = data;
        gint64 now_us = g_get_monotonic_time();
        int width = 0, height = 0;
        TbHub *hub = tb_observer_hub(o, o->picture_of, NULL);
        if (hub)
                tb_hub_size(hub, &width, &height);
        if (!tb_frame_pace_may(&o->frames, keyframe, now_us)) {
                if (tb_frame_pace_wants_key(&o->frames) && !keyframe)
                        tb_coded_want_keyframe(o->coded);
        } else if (g_bytes_get_size(unit) <= TB_LIMIT_RELAY_PICTURE &&
                   o->ops->unit(unit, keyframe, width, height, o, o->data)) {
                tb_frame_pace_sent(&o->frames, g_bytes_get_size(unit), keyframe, now_us);
        } else {
                tb_frame_pace_lost(&o->frames, false, now_us);
        }
        follow_pace(o);
}

static bool encoded_start(TbObserver *o, TbHub *hub, const TbPlaceBy *by, GError **error)
{
        TbRung rung = rung_of(o);
        TbCoded *old = g_steal_pointer(&o->coded); /* goes last, as below */
        o->coded = tb_coded_new(o->media, hub, by, rung, on_unit, o, error);
        o->coded_rung = rung;
        tb_coded_free(old);
        if (o->coded)
                g_clear_pointer(&o->picture, tb_mjpeg_free);
        return o->coded != NULL;
}

static void picture_start(TbObserver *o, TbHub *hub, GError **error)
{
        const TbPlaceBy by = {.user = o->user, .watches = !o->control};
        const TbMjpegForm form = {TB_BRIDGE_PICTURE_FPS, o->pace.quality, width_of(o)};
        g_autoptr(GError) no_encoder = NULL;
        if (is_encoded(o) && encoded_start(o, hub, &by, &no_encoder))
                return;
        o->takes_h264 = o->takes_h264 && !no_encoder;
        TbMjpeg *old =
                g_steal_pointer(&o->picture); /* it goes last: else the source would be stopped and started */
        o->picture = tb_mjpeg_new(o->media, hub, &by, &form, on_picture, o, error);
        if (!o->picture)
                o->picture = g_steal_pointer(&old);
        tb_mjpeg_free(old);
        if (o->picture)
                g_clear_pointer(&o->coded, tb_coded_free);
}

void tb_observer_picture_arrived(TbObserver *o, gint64 bytes, gint64 took_us, gint64 trip_us)
{
        gint64 now_us = g_get_monotonic_time();
        if (o->coded)
                tb_frame_pace_arrived(&o->frames, took_us, trip_us, now_us);
        else
                tb_picture_pace_arrived(&o->pace, bytes, took_us, trip_us, now_us);
        follow_pace(o);
}

void tb_observer_picture_lost(TbObserver *o)
{
        tb_frame_pace_lost(&o->frames, true, g_get_monotonic_time());
        follow_pace(o);
}

void tb_observer_picture_begin(TbObserver *o)
{
        tb_picture_pace_init(&o->pace);
        tb_frame_pace_init(&o->frames, TB_RUNG_LOW, g_get_monotonic_time());
}

void tb_observer_picture_end(TbObserver *o)
{
        g_clear_pointer(&o->picture, tb_mjpeg_free);
        g_clear_pointer(&o->coded, tb_coded_free);
}

bool tb_observer_picture_topic(const char *device, const char *interface, bool on, gpointer data,
                               GError **error)
{
        TbObserver *o = data;
        if (!on) {
                tb_observer_picture_end(o);
                return true;
        }
        if (device && strcmp(device, o->device) != 0) {
                tb_set_error(error, TB_ERROR_FORBIDDEN, "this session shows %s only", o->device);
                return false;
        }
        TbHub *hub = tb_observer_hub(o, interface, error);
        if (!hub)
                return false;
        tb_observer_picture_end(o); /* of another interface, maybe; or it needs a keyframe */
        o->frames.waits = true;
        g_free(o->picture_of);
        o->picture_of = g_strdup(interface);
        picture_start(o, hub, error);
        return o->picture || o->coded;
}
