/*
 * alsa: what a sound card records, by the kernel's own interface (libasound), where no sound server runs. It is opened while somebody listens, so
 * that other programs may have it meanwhile; a card that is pulled is waited for.
 */
#include <alsa/asoundlib.h>
#include <unistd.h>

#include "drivers/alsa/alsa_find.h"
#include "drivers/driver.h"
#include "lib/limits.h"

#define PERIOD_MS 10
#define BUFFER_MS 200
#define SILENCE_MS 2000 /* a card that gives nothing for so long: say so */
#define LOOK_MS 2000    /* whether an unused card is still there */
#define POLL_FDS 8

typedef struct Card {
        TbInstance base;
        char *name;     /* owned; of the PCM */
        int number;     /* of the card; -1: a plugin's, or not known */
        snd_pcm_t *pcm; /* owned; NULL: nobody listens */
        TbSoundFormat format;
        gint64 last_us;      /* when a block went up */
        const char *trouble; /* static: what the listeners were told; NULL: nothing */
} Card;

/* False, always: what libasound said, in words. */
static bool fail(const Card *c, const char *what, int code, GError **error)
{
        bool gone = code == -ENODEV || code == -ENOENT || code == -ENXIO;
        bool busy = code == -EBUSY, denied = code == -EACCES || code == -EPERM;
        tb_set_error(error, gone ? TB_ERROR_GONE : TB_ERROR_DEVICE, "%s: %s: %s%s", c->base.uri->shown, what,
                     gone ? "there is no such sound card" : snd_strerror(code),
                     busy ? ": another program records from it (a sound server? then attach pulse:// instead)"
                     : denied ? ": the host's user must be in the group \"audio\""
                              : "");
        return false;
}

static void tell_trouble(Card *c, const char *trouble)
{
        if (trouble && g_strcmp0(trouble, c->trouble) != 0)
                c->base.up->no_sound(&c->base, trouble);
        c->trouble = trouble;
}

/* libasound writes what it cannot do to stderr; the reason of the fault says it. */
static void say_nothing(const char *file G_GNUC_UNUSED, int line G_GNUC_UNUSED,
                        const char *function G_GNUC_UNUSED, int code G_GNUC_UNUSED,
                        const char *format G_GNUC_UNUSED, ...)
{
}

/* --- open: is it there? --- */
static void card_close(TbInstance *self)
{
        Card *c = (Card *)self;
        g_clear_pointer(&c->pcm, snd_pcm_close);
        g_clear_pointer(&c->name, g_free);
}

static bool card_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Card *c = (Card *)self;
        const char *path = self->uri->path;
        snd_pcm_t *pcm = NULL;
        snd_lib_error_set_handler(say_nothing);
        c->name = g_strdup(path[0] == '/' && path[1] ? path + 1 : "default");
        c->number = -1;
        int code = snd_pcm_open(&pcm, c->name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
        if (code == -EBUSY) /* it is there; who listens will hear more of that */
                return true;
        if (code < 0)
                return fail(c, c->name, code, error);
        snd_pcm_info_t *info;
        snd_pcm_info_alloca(&info);
        if (snd_pcm_info(pcm, info) >= 0)
                c->number = snd_pcm_info_get_card(info);
        snd_pcm_close(pcm);
        return true;
}

/* --- recording --- */
static bool set_up(Card *c, GError **error)
{
        snd_pcm_hw_params_t *hw;
        snd_pcm_hw_params_alloca(&hw);
        int wished = (int)json_integer_value(json_object_get(c->base.params, "channels"));
        unsigned rate = (unsigned)json_integer_value(json_object_get(c->base.params, "rate"));
        unsigned channels = wished ? (unsigned)wished : 2;
        unsigned period_us = PERIOD_MS * 1000, buffer_us = BUFFER_MS * 1000;
        int code = snd_pcm_hw_params_any(c->pcm, hw);
        if (code < 0)
                return fail(c, "its settings", code, error);
        if ((code = snd_pcm_hw_params_set_access(c->pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0 ||
            (code = snd_pcm_hw_params_set_format(c->pcm, hw, SND_PCM_FORMAT_S16_LE)) < 0)
                return fail(c, "it records no 16-bit samples (attach plughw:, which converts)", code, error);
        code = wished ? snd_pcm_hw_params_set_channels(c->pcm, hw, channels)
                      : snd_pcm_hw_params_set_channels_near(c->pcm, hw, &channels);
        if (code < 0 || channels > TB_LIMIT_SOUND_CHANNELS)
                return fail(c, "that number of channels (leave \"channels\" out, or attach plughw:)",
                            code < 0 ? code : -EINVAL, error);
        if ((code = snd_pcm_hw_params_set_rate_near(c->pcm, hw, &rate, NULL)) < 0 ||
            rate < TB_LIMIT_SOUND_RATE_MIN || rate > TB_LIMIT_SOUND_RATE)
                return fail(c, "that rate", code < 0 ? code : -EINVAL, error);
        snd_pcm_hw_params_set_period_time_near(c->pcm, hw, &period_us, NULL);
        snd_pcm_hw_params_set_buffer_time_near(c->pcm, hw, &buffer_us, NULL);
        if ((code = snd_pcm_hw_params(c->pcm, hw)) < 0)
                return fail(c, "its settings", code, error);
        c->format = (TbSoundFormat){rate, channels};
        if ((code = snd_pcm_start(c->pcm)) < 0)
                return fail(c, "it does not begin to record", code, error);
        return true;
}

static bool audio_start(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Card *c = (Card *)self;
        int code = snd_pcm_open(&c->pcm, c->name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
        if (code < 0) {
                c->pcm = NULL;
                return fail(c, c->name, code, error);
        }
        c->last_us = g_get_monotonic_time();
        c->trouble = NULL;
        return set_up(c, error);
}

static void audio_stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        g_clear_pointer(&((Card *)self)->pcm, snd_pcm_close);
}

/* One block of what there is. 1: there may be more; 0: there is none; < 0: an error of libasound's. */
static int give(Card *c)
{
        snd_pcm_sframes_t ready = 0, delay = 0;
        int code = snd_pcm_avail_delay(c->pcm, &ready, &delay);
        if (code < 0)
                return code;
        if (ready <= 0)
                return 0;
        guint frames = MIN((guint)ready, c->format.rate * PERIOD_MS * 2 / 1000);
        gint64 now = g_get_monotonic_time();
        TbSound *sound = tb_sound_new(c->format, frames, now - delay * G_USEC_PER_SEC / c->format.rate);
        snd_pcm_sframes_t n = snd_pcm_readi(c->pcm, sound->samples, frames);
        if (n <= 0) {
                tb_sound_unref(sound);
                return n == -EAGAIN ? 0 : (int)n;
        }
        sound->frames = (guint)n;
        c->last_us = now;
        c->trouble = NULL;
        c->base.up->sound(&c->base, sound);
        return 1;
}

static bool record(Card *c, TbIo *io, GError **error)
{
        struct pollfd fds[POLL_FDS];
        int n = snd_pcm_poll_descriptors(c->pcm, fds, POLL_FDS);
        if (n <= 0)
                return fail(c, "it cannot be waited for", n ? n : -ENODEV, error);
        TbWait waited = tb_io_wait(io, fds, (guint)n, SILENCE_MS);
        unsigned short events = 0;
        if (waited == TB_WAIT_READY)
                snd_pcm_poll_descriptors_revents(c->pcm, fds, (unsigned)n, &events);
        int code = waited == TB_WAIT_READY || waited == TB_WAIT_TIMEOUT ? 1 : 0;
        for (guint blocks = 0; code > 0 && blocks < BUFFER_MS / PERIOD_MS; blocks++)
                code = give(c);
        if (code == -EPIPE ||
            code == -ESTRPIPE) { /* we were late, or the machine slept: what was missed is a gap */
                code = snd_pcm_recover(c->pcm, code, 1);
                if (code >= 0)
                        code = snd_pcm_start(c->pcm);
        }
        if (code < 0 && code != -EAGAIN)
                return fail(c, "recording", code, error);
        if (g_get_monotonic_time() - c->last_us > SILENCE_MS * G_TIME_SPAN_MILLISECOND)
                tell_trouble(c, "the sound card gives nothing");
        return true;
}

static bool card_pump(TbInstance *self, TbIo *io, GError **error)
{
        Card *c = (Card *)self;
        if (c->pcm)
                return record(c, io, error);
        tb_io_wait(io, NULL, 0, LOOK_MS);
        g_autofree char *node = g_strdup_printf("/dev/snd/controlC%d", c->number);
        return c->number < 0 || access(node, F_OK) == 0 || fail(c, c->name, -ENODEV, error);
}

/* --- the driver --- */
static bool check(const TbUri *uri, json_t *params G_GNUC_UNUSED, GError **error)
{
        if (!*uri->host)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "the name of a PCM takes three slashes: alsa:///%s", uri->host);
        return false;
}

static const TbAudioOps audio = {.start = audio_start, .stop = audio_stop};
static const TbLane lanes[] = {
        {.name = "card",
         .size = sizeof(Card),
         .retry_ms = 2000,
         .open = card_open,
         .close = card_close,
         .pump = card_pump,
         .audio = &audio,
         .sensors = &tb_audio_levels},
        {.name = NULL},
};

static const TbParam params[] = {
        {.name = "rate",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SOUND_RATE_MIN,
         .max = TB_LIMIT_SOUND_RATE,
         .fallback = "48000",
         .unit = "Hz",
         .help = "samples a second, or the nearest that the card has"},
        {.name = "channels",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_SOUND_CHANNELS,
         .fallback = "0",
         .unit = "1",
         .help = "0: two, or the nearest that the card has"},
        TB_PARAM_END,
};

const TbDriver tb_driver_alsa = {
        .name = "alsa",
        .summary = "What a sound card records, by ALSA; for machines without a sound server.",
        .example = "alsa:///plughw:CARD=C920,DEV=0",
        .params = params,
        .check = check,
        .lanes = lanes,
        .discovery = &tb_alsa_discovery,
};
