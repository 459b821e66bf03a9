#include "drivers/alsa/alsa_find.h"

#include <alsa/asoundlib.h>

#include "drivers/transport/finder.h"

static void offer(TbFinder *finder, snd_ctl_t *card, snd_ctl_card_info_t *of, int device)
{
        snd_pcm_info_t *pcm;
        snd_pcm_info_alloca(&pcm);
        snd_pcm_info_set_device(pcm, (unsigned)device);
        snd_pcm_info_set_subdevice(pcm, 0);
        snd_pcm_info_set_stream(pcm, SND_PCM_STREAM_CAPTURE);
        if (snd_ctl_pcm_info(card, pcm) < 0) /* it only plays */
                return;
        g_autofree char *uri =
                g_strdup_printf("alsa:///plughw:CARD=%s,DEV=%d", snd_ctl_card_info_get_id(of), device);
        g_autofree char *label =
                g_strdup_printf("%s, %s", snd_ctl_card_info_get_name(of), snd_pcm_info_get_name(pcm));
        json_t *properties = json_pack("{s:s, s:i}", "kind", "audio", "device", device);
        tb_offers_set(properties, "card", snd_ctl_card_info_get_id(of));
        tb_offers_add(finder->offers, uri, label, "the sound card can record there", properties);
}

static bool look(TbFinder *finder, TbIo *io G_GNUC_UNUSED, bool all G_GNUC_UNUSED,
                 GError **error G_GNUC_UNUSED)
{
        for (int card = -1; snd_card_next(&card) >= 0 && card >= 0;) {
                snd_ctl_t *ctl = NULL;
                snd_ctl_card_info_t *info;
                snd_ctl_card_info_alloca(&info);
                g_autofree char *name = g_strdup_printf("hw:%d", card);
                if (snd_ctl_open(&ctl, name, SND_CTL_NONBLOCK) < 0)
                        continue; /* it goes just now, or is not for us */
                if (snd_ctl_card_info(ctl, info) >= 0)
                        for (int device = -1; snd_ctl_pcm_next_device(ctl, &device) >= 0 && device >= 0;)
                                offer(finder, ctl, info, device);
                snd_ctl_close(ctl);
        }
        return true;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"sound", NULL}, .look = look};

TB_FINDER_DISCOVERY(tb_alsa_discovery, finder_ops);
