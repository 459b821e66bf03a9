/* The sound that goes through the relay, where there is no peer connection to carry it: Opus, as WebRTC listeners get it. */
#include <string.h>

#include "host/bridge/observer_private.h"
#include "lib/error.h"

static const char *sound_name(TbObserver *o)
{
        TbDevice *device = tb_core_device(o->core, o->device, NULL);
        TbInterface *iface = device ? tb_device_interface_of(device, TB_KIND_AUDIO) : NULL;
        return iface ? tb_interface_name(iface) : NULL;
}

/* What the line does not take is lost: sound that comes late is of no use. */
static void on_packet(void *data, const guint8 *bytes, gsize size, guint32 at)
{
        TbObserver *o = data;
        o->ops->sound(bytes, size, at, o, o->data);
}

void tb_observer_sound_end(TbObserver *o)
{
        g_clear_pointer(&o->sound, tb_opus_reader_free);
}

bool tb_observer_sound_topic(const char *device, const char *interface, bool on, gpointer data,
                             GError **error)
{
        TbObserver *o = data;
        tb_observer_sound_end(o);
        if (!on)
                return true;
        if (device && strcmp(device, o->device) != 0) {
                tb_set_error(error, TB_ERROR_FORBIDDEN, "this session is for %s only", o->device);
                return false;
        }
        if (!interface)
                interface = sound_name(o);
        if (!interface) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no sound", o->device);
                return false;
        }
        if (!o->ops->takes_sound(o->data)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "the pairing server is older than this host and carries no sound: update it");
                return false;
        }
        TbSoundHub *hub = tb_media_find_sound(o->media, o->device, interface, error);
        o->sound = hub ? tb_opus_reader_new(hub, on_packet, o, error) : NULL;
        return o->sound != NULL;
}
