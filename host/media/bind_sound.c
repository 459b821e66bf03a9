#include "host/media/bind_sound.h"

#include "lib/clock.h"

struct TbBoundSound {
        TbMedia *media;     /* borrowed */
        TbInterface *iface; /* borrowed: valid until device.removed */
        TbSoundHub *hub;    /* borrowed from media */
        char *rms, *peak;   /* owned; names of the streams */
        TbSoundPush push;   /* set while started */
        void *push_data;
};

/* --- core's sound to the hub: worker thread --- */
static void on_sound(TbSound *sound_take, gpointer user)
{
        TbBoundSound *s = user;
        s->push(s->push_data, sound_take);
}

static void on_no_sound(const char *reason, gpointer user)
{
        tb_sound_hub_no_sound(((TbBoundSound *)user)->hub, reason);
}

/* --- the hub's wishes to core --- */
static bool source_start(void *source, TbSoundPush push, void *push_data, GError **error G_GNUC_UNUSED)
{
        TbBoundSound *s = source;
        s->push = push;
        s->push_data = push_data;
        tb_interface_audio_start(s->iface, &(TbSoundSink){on_sound, on_no_sound}, s);
        return true;
}

static void source_stop(void *source)
{
        tb_interface_audio_stop(((TbBoundSound *)source)->iface);
}

static const TbSoundSource source_ops = {.start = source_start, .stop = source_stop};

static void on_level(void *data, const TbSoundLevel *level)
{
        TbBoundSound *s = data;
        TbSample sample = {.stream = s->rms,
                           .quantity = "level",
                           .unit = "dBFS",
                           .value = level->rms,
                           .t_ms = tb_clock_ms()};
        if (!tb_interface_measured(s->iface, &sample))
                return;
        sample.stream = s->peak;
        sample.value = level->peak;
        tb_interface_measured(s->iface, &sample);
}

/* --- what core has --- */
void tb_bound_sound_show_state(TbBoundSound *s)
{
        const char *reason = NULL;
        TbState state = tb_interface_state(s->iface, &reason);
        switch (state) {
        case TB_STATE_READY: tb_sound_hub_set_fault(s->hub, NULL, false); break;
        case TB_STATE_OPENING: break;
        case TB_STATE_ABSENT:
        case TB_STATE_FAULT:
                tb_sound_hub_set_fault(s->hub, reason ? reason : tb_state_name(state), false);
                break;
        case TB_STATE_CLOSING: tb_sound_hub_set_fault(s->hub, "the host is stopping", false); break;
        }
}

TbBoundSound *tb_bound_sound_new(TbMedia *media, TbInterface *iface)
{
        TbBoundSound *s = g_new0(TbBoundSound, 1);
        s->media = media;
        s->iface = iface;
        s->rms = g_strconcat(tb_interface_name(iface), ".rms", NULL);
        s->peak = g_strconcat(tb_interface_name(iface), ".peak", NULL);
        s->hub = tb_media_add_sound(media, tb_device_id(tb_interface_device(iface)), tb_interface_name(iface),
                                    &source_ops, s);
        tb_sound_hub_watch(s->hub, on_level, s);
        tb_bound_sound_show_state(s);
        return s;
}

void tb_bound_sound_free(TbBoundSound *s, const char *reason)
{
        tb_interface_audio_stop(s->iface);
        tb_media_remove_sound(s->media, s->hub, reason);
        g_free(s->rms);
        g_free(s->peak);
        g_free(s);
}
