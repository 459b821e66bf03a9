/*
 * pulse: a source of a PulseAudio server, or of PipeWire's: a microphone, a line in, or the monitor of a sink (what programs play there). It is
 * recorded while somebody listens; a server that dies, or a source that is unplugged, is waited for.
 */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/pulse/pulse_find.h"
#include "drivers/pulse/pulse_link.h"
#include "lib/limits.h"

#define FRAGMENT_MS 10
#define BLOCK_MS 20            /* larger fragments are given in pieces */
#define SILENCE_MS 2000        /* a source that gives nothing for so long: say so */
#define LATENCY_MAX_US 2000000 /* above, what the server says of its latency is not believed */

typedef struct Source {
        TbInstance base;
        TbPulse *pulse;    /* owned; NULL: closed */
        pa_stream *stream; /* owned; NULL: nobody listens */
        TbSoundFormat format;
        bool look;           /* something of the source has changed */
        bool muted;          /* told, and nothing is given */
        gint64 last_us;      /* when a block went up */
        const char *trouble; /* static: what the listeners were told; NULL: nothing */
} Source;

/* "/name" of the URI; NULL: the default source. */
static const char *name_of(const TbInstance *self)
{
        const char *path = self->uri->path;
        return path[0] == '/' && path[1] ? path + 1 : NULL;
}

static void tell_trouble(Source *s, const char *trouble)
{
        if (trouble && g_strcmp0(trouble, s->trouble) != 0)
                s->base.up->no_sound(&s->base, trouble);
        s->trouble = trouble;
}

/* --- what libpulse tells, inside of a turn --- */
static void on_event(pa_context *context G_GNUC_UNUSED, pa_subscription_event_type_t type G_GNUC_UNUSED,
                     uint32_t index G_GNUC_UNUSED, void *data)
{
        ((Source *)data)->look = true;
}

static gint64 taken_us(Source *s)
{
        pa_usec_t latency = 0;
        int negative = 0;
        gint64 now = g_get_monotonic_time();
        bool known = pa_stream_get_latency(s->stream, &latency, &negative) >= 0 && latency < LATENCY_MAX_US;
        return known ? now - (negative ? -(gint64)latency : (gint64)latency) : 0;
}

/* `bytes` NULL: a hole, which is silence. */
static void give(Source *s, const guint8 *bytes, gsize size, gint64 t_us)
{
        gsize frame = s->format.channels * sizeof(gint16);
        gsize most = s->format.rate * BLOCK_MS / 1000 * frame;
        for (gsize at = 0; at + frame <= size;) {
                gsize n = MIN(size - at, most) / frame * frame;
                TbSound *sound = tb_sound_new(s->format, (guint)(n / frame), t_us);
                if (bytes)
                        memcpy(sound->samples, bytes + at, n);
                else
                        memset(sound->samples, 0, n);
                t_us += tb_sound_us(sound);
                at += n;
                s->base.up->sound(&s->base, sound);
        }
}

static void on_data(pa_stream *stream, size_t ready G_GNUC_UNUSED, void *data)
{
        Source *s = data;
        const void *bytes = NULL;
        size_t size = 0;
        while (pa_stream_readable_size(stream) > 0 && pa_stream_peek(stream, &bytes, &size) >= 0 &&
               size > 0) {
                gint64 length = (gint64)(pa_bytes_to_usec(size, pa_stream_get_sample_spec(stream)));
                gint64 t_us = taken_us(s); /* of what is read now */
                if (!s->muted)
                        give(s, bytes, size, t_us ? t_us : g_get_monotonic_time() - length);
                pa_stream_drop(stream);
                s->last_us = g_get_monotonic_time();
                s->trouble = NULL;
        }
}

/* --- the source --- */
static void forget_stream(Source *s)
{
        if (!s->stream)
                return;
        pa_stream_set_read_callback(s->stream, NULL, NULL);
        pa_stream_disconnect(s->stream);
        pa_stream_unref(s->stream);
        s->stream = NULL;
}

static void source_close(TbInstance *self)
{
        Source *s = (Source *)self;
        forget_stream(s);
        g_clear_pointer(&s->pulse, tb_pulse_close);
}

/* Is it still there, and heard? */
static bool look_at(Source *s, TbIo *io, GError **error)
{
        TbPulseSource found = {0};
        s->look = false;
        if (!tb_pulse_find_source(s->pulse, io, name_of(&s->base), &found, error))
                return false;
        int channels = (int)json_integer_value(json_object_get(s->base.params, "channels"));
        if (!s->stream)
                s->format = (TbSoundFormat){
                        .rate = (guint)json_integer_value(json_object_get(s->base.params, "rate")),
                        .channels = channels ? (guint)channels : CLAMP(found.channels, 1, 2)};
        bool was = s->muted;
        s->muted = found.muted;
        if (s->muted && !was) {
                g_autofree char *why = g_strdup_printf(
                        "\"%s\" is muted on the machine that it is plugged into", found.label);
                s->base.up->no_sound(&s->base, why);
        }
        tb_pulse_source_clear(&found);
        return true;
}

static bool source_open(TbInstance *self, TbIo *io, GError **error)
{
        Source *s = (Source *)self;
        s->muted = false;
        s->pulse = tb_pulse_open(io, json_string_value(json_object_get(self->params, "server")),
                                 self->uri->shown, error);
        if (!s->pulse)
                return false;
        pa_context_set_subscribe_callback(s->pulse->context, on_event, s);
        return tb_pulse_wait(s->pulse, io,
                             pa_context_subscribe(s->pulse->context,
                                                  PA_SUBSCRIPTION_MASK_SOURCE | PA_SUBSCRIPTION_MASK_SERVER,
                                                  NULL, NULL),
                             error) &&
               look_at(s, io, error);
}

static bool stream_lost(Source *s, GError **error)
{
        tb_set_error(error, TB_ERROR_GONE, "%s: the source does not record any more (%s)", s->base.uri->shown,
                     pa_strerror(pa_context_errno(s->pulse->context)));
        return false;
}

static bool source_pump(TbInstance *self, TbIo *io, GError **error)
{
        Source *s = (Source *)self;
        if (s->look && !look_at(s, io, error))
                return false;
        if (!tb_pulse_turn(s->pulse, io, s->stream ? SILENCE_MS : -1, error))
                return false;
        if (!s->stream)
                return true;
        if (!PA_STREAM_IS_GOOD(pa_stream_get_state(s->stream)))
                return stream_lost(s, error);
        if (g_get_monotonic_time() - s->last_us > SILENCE_MS * G_TIME_SPAN_MILLISECOND && !s->muted)
                tell_trouble(s, "the source gives no sound: is it suspended?");
        return true;
}

static bool audio_start(TbInstance *self, TbIo *io, GError **error)
{
        Source *s = (Source *)self;
        pa_sample_spec spec = {
                .format = PA_SAMPLE_S16LE, .rate = s->format.rate, .channels = (uint8_t)s->format.channels};
        pa_channel_map map;
        pa_channel_map_init_extend(&map, spec.channels, PA_CHANNEL_MAP_DEFAULT);
        pa_buffer_attr attr = {.maxlength = (uint32_t)-1,
                               .fragsize = (uint32_t)pa_usec_to_bytes(FRAGMENT_MS * 1000, &spec)};
        s->muted = false;
        if (!look_at(s, io, error)) /* a mute is told to who begins to listen */
                return false;
        s->stream = pa_stream_new(s->pulse->context, "testbed", &spec, &map);
        if (!s->stream)
                return stream_lost(s, error);
        pa_stream_set_read_callback(s->stream, on_data, s);
        bool ok = pa_stream_connect_record(s->stream, name_of(self), &attr,
                                           PA_STREAM_ADJUST_LATENCY | PA_STREAM_AUTO_TIMING_UPDATE |
                                                   PA_STREAM_INTERPOLATE_TIMING) >= 0;
        while (ok && pa_stream_get_state(s->stream) == PA_STREAM_CREATING) {
                if (!tb_pulse_turn(s->pulse, io, -1, error))
                        return false;
                if (s->pulse->waited == TB_WAIT_STOP || s->pulse->waited == TB_WAIT_TIMEOUT)
                        return tb_io_fail(s->pulse->waited, self->uri->shown, error);
        }
        if (!ok || pa_stream_get_state(s->stream) != PA_STREAM_READY)
                return stream_lost(s, error);
        s->last_us = g_get_monotonic_time();
        s->trouble = NULL;
        return true;
}

static void audio_stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        forget_stream((Source *)self);
}

/* --- the driver --- */
static bool check(const TbUri *uri, json_t *params G_GNUC_UNUSED, GError **error)
{
        if (!*uri->host)
                return true;
        tb_error_set_field(
                error, TB_ERROR_INVALID, "uri",
                "a source takes three slashes (pulse:///%s); another machine's server is \"server\": "
                "pulse:///…?server=tcp:%s",
                uri->host, uri->host);
        return false;
}

static const TbAudioOps audio = {.start = audio_start, .stop = audio_stop};
static const TbLane lanes[] = {
        {.name = "source",
         .size = sizeof(Source),
         .retry_ms = 2000,
         .open = source_open,
         .close = source_close,
         .pump = source_pump,
         .audio = &audio,
         .sensors = &tb_audio_levels},
        {.name = NULL},
};

static const TbParam params[] = {
        {.name = "server",
         .type = TB_PARAM_STRING,
         .max = 256,
         .help = "as PULSE_SERVER: unix:/run/user/1000/pulse/native, tcp:10.0.0.7; the user's own without"},
        {.name = "rate",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SOUND_RATE_MIN,
         .max = TB_LIMIT_SOUND_RATE,
         .fallback = "48000",
         .unit = "Hz",
         .help = "samples a second"},
        {.name = "channels",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_SOUND_CHANNELS,
         .fallback = "0",
         .unit = "1",
         .help = "0: those of the source, two at most"},
        TB_PARAM_END,
};

const TbDriver tb_driver_pulse = {
        .name = "pulse",
        .summary = "A source of PulseAudio or PipeWire: a microphone, a line in, or what is played on a sink "
                   "(its "
                   "monitor).",
        .example = "pulse:///alsa_input.usb-046d_HD_Pro_Webcam_C920_A1B2C3D4-02.analog-stereo",
        .params = params,
        .check = check,
        .lanes = lanes,
        .discovery = &tb_pulse_discovery,
};
