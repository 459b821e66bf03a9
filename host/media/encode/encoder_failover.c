/* What happens when an encoder fails while it is at work. */
#include "host/media/encode/encoder_private.h"
#include "lib/log.h"

#define RETRY_MS 2000 /* after the only encoder of a codec failed */
#define MUTE_MS 2000  /* a hardware encoder that gives nothing for so long has failed */
#define MUTE_FRAMES 5 /* … while it was given so many frames */

bool tb_encoder_build_best(TbEncoder *encoder, GError **error)
{
        for (;;) {
                g_autoptr(GError) why = NULL;
                encoder->seen_us = 0;
                if (tb_encoder_build(encoder, &why))
                        return true;
                tb_codec_distrust(encoder->spec);
                const TbEncoderSpec *next = tb_codec_encoder(encoder->codec, encoder->set->hardware);
                if (!next || next == encoder->spec) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                tb_log(TB_LOG_WARNING, TB_F("device", tb_hub_device(encoder->hub)), "%s", why->message);
                encoder->spec = next;
        }
}

static gboolean retry(gpointer data)
{
        TbEncoder *encoder = data;
        g_autoptr(GError) error = NULL;
        if (!tb_encoder_build_best(encoder, &error)) {
                tb_log(TB_LOG_DEBUG, TB_F("device", tb_hub_device(encoder->hub)), "%s", error->message);
                return G_SOURCE_CONTINUE;
        }
        encoder->retry_timer = 0;
        return G_SOURCE_REMOVE;
}

void tb_encoder_retry(TbEncoder *encoder)
{
        encoder->retry_timer = g_timeout_add(RETRY_MS, retry, encoder);
}

/* An encoder that is there and can be started may still fail: at this size, when the graphics card is busy,
 * after a driver's crash. Viewers stay and get the pictures of the next best one. */
static void broke(TbEncoder *encoder, const char *why)
{
        const TbEncoderSpec *spec = encoder->spec;
        tb_log(TB_LOG_WARNING,
               TB_F("device", tb_hub_device(encoder->hub), "interface", tb_hub_interface(encoder->hub)),
               "encoder %s failed%s: %s", spec->element,
               spec->hardware ? " and is not used any more until the host restarts" : "", why);
        tb_encoder_stop(encoder);
        tb_codec_distrust(spec);
        const TbEncoderSpec *next = tb_codec_encoder(encoder->codec, encoder->set->hardware);
        if (next && next != spec) {
                encoder->spec = next;
                if (tb_encoder_build_best(encoder, NULL))
                        return;
        }
        tb_encoder_retry(encoder);
}

void tb_encoder_failed(TbEncoders *set, TbEncoder *encoder, guint build, const char *why)
{
        if (g_ptr_array_find(set->all, encoder, NULL) && encoder->build == build)
                broke(encoder, why);
}

/* Drivers of hardware hang rather than fail. */
static bool is_mute(TbEncoder *encoder, gint64 now_us)
{
        guint64 pushed = TB_COUNTED(encoder->pushed), encoded = TB_COUNTED(encoder->encoded);
        if (!encoder->seen_us || encoded != encoder->seen_encoded) {
                encoder->seen_us = now_us;
                encoder->seen_encoded = encoded;
                encoder->seen_pushed = pushed;
        }
        return encoder->spec->hardware && encoder->pipeline && now_us - encoder->seen_us > MUTE_MS * 1000 &&
               pushed - encoder->seen_pushed >= MUTE_FRAMES;
}

void tb_encoder_check(TbEncoder *encoder)
{
        if (is_mute(encoder, g_get_monotonic_time()))
                broke(encoder, "it takes pictures and gives none");
}
