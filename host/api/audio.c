/* Sound: state and level, and the bare samples as a WAV stream. WebRTC is whep.c. */
#include <string.h>

#include "host/api/private.h"
#include "host/media/sound/sound_reader.h"
#include "lib/limits.h"

#define WAV_HEAD 44
#define WAV_ENDLESS 0xffffffffu /* players take it for "until it ends" */

static TbSoundHub *hub_of(TbApi *api, TbRequest *request, TbInterface *iface)
{
        g_autoptr(GError) error = NULL;
        TbSoundHub *hub = NULL;
        if (api->media)
                hub = tb_media_find_sound(api->media, tb_device_id(tb_interface_device(iface)),
                                          tb_interface_name(iface), &error);
        else
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "this host runs without video and sound");
        if (!hub)
                tb_request_reply_error(request, error);
        return hub;
}

static void get_state(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        TbSoundHub *hub = hub_of(api, request, iface);
        if (!hub)
                return;
        const char *reason = NULL;
        json_t *o = tb_sound_hub_to_json(hub);
        json_object_set_new(o, "interface_state",
                            json_string(tb_state_name(tb_interface_state(iface, &reason))));
        if (reason)
                json_object_set_new(o, "reason", json_string(reason));
        tb_request_reply_json(request, 200, o);
}

/* --- WAV --- */
typedef struct Listener {
        TbPush *push;          /* borrowed; NULL: gone */
        TbSoundReader *reader; /* owned */
        TbSoundFormat format;  /* of its head; rate 0: not sent yet */
        double seconds;        /* 0: until the listener leaves */
        guint64 left;          /* frames, with `seconds` */
} Listener;

static void put_u32(guint8 *at, guint32 value)
{
        value = GUINT32_TO_LE(value);
        memcpy(at, &value, sizeof value);
}

static void put_u16(guint8 *at, guint value)
{
        guint16 wire = GUINT16_TO_LE((guint16)value);
        memcpy(at, &wire, sizeof wire);
}

/* RIFF with one format chunk and one of data. */
static void send_head(Listener *l, TbSoundFormat format)
{
        guint8 head[WAV_HEAD] = "RIFF....WAVEfmt ";
        guint frame = format.channels * (guint)sizeof(gint16);
        l->format = format;
        l->left = (guint64)(l->seconds * format.rate);
        guint64 bytes = l->seconds > 0 ? l->left * frame : WAV_ENDLESS;
        guint32 data = (guint32)MIN(bytes, WAV_ENDLESS);
        put_u32(head + 4, data > WAV_ENDLESS - (WAV_HEAD - 8) ? WAV_ENDLESS : data + WAV_HEAD - 8);
        put_u32(head + 16, 16);
        put_u16(head + 20, 1); /* PCM */
        put_u16(head + 22, format.channels);
        put_u32(head + 24, format.rate);
        put_u32(head + 28, format.rate * frame);
        put_u16(head + 32, frame);
        put_u16(head + 34, 16);
        put_u32(head + 36, 0x61746164); /* "data" */
        put_u32(head + 40, data);
        g_autoptr(GBytes) bytes_out = g_bytes_new(head, sizeof head);
        tb_push_send(l->push, bytes_out);
}

static void on_heard(void *data, TbSound *sound)
{
        Listener *l = data;
        if (!l->push)
                return;
        if (!l->format.rate)
                send_head(l, sound->format);
        bool same = l->format.rate == sound->format.rate && l->format.channels == sound->format.channels;
        gsize second = (gsize)l->format.rate * l->format.channels * sizeof(gint16);
        guint64 frames = l->seconds > 0 ? MIN(l->left, sound->frames) : sound->frames;
        /* who does not read it in time loses sound, and not the rest of it later */
        if (same && frames && tb_push_queued(l->push) < second * TB_LIMIT_SOUND_BEHIND_MS / 1000) {
                g_autoptr(GBytes) bytes =
                        g_bytes_new(sound->samples, frames * sound->format.channels * sizeof(gint16));
                tb_push_send(l->push, bytes);
                l->left -= l->seconds > 0 ? frames : 0;
        }
        if (!same || (l->seconds > 0 && l->left == 0))
                tb_push_close(l->push); /* frees the listener */
}

static void listener_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Listener *l = data;
        l->push = NULL;
        tb_sound_reader_free(l->reader);
        g_free(l);
}

static void stream_wav(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        TbSoundHub *hub = hub_of(api, request, iface);
        if (!hub)
                return;
        Listener *l = g_new0(Listener, 1);
        l->seconds = json_number_value(json_object_get(tb_request_query(request), "seconds"));
        l->push = tb_request_reply_push(request, "audio/wav", TB_LIMIT_REPLY, listener_gone, l);
        if (l->push)
                l->reader = tb_sound_reader_new(hub, on_heard, l);
        else
                g_free(l);
}

static const TbParam wav_params[] = {
        {.name = "seconds",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 24 * 3600,
         .fallback = "0",
         .unit = "s",
         .help = "how much; 0: until you leave"},
        TB_PARAM_END,
};

static const TbApiRoute routes[] = {
        {.kind = TB_KIND_AUDIO,
         .route = {.method = "GET", .path = "", .query = tb_no_params},
         .call = get_state,
         .op = "get"},
        {.kind = TB_KIND_AUDIO,
         .route =
                 {.method = "GET",
                  .path = "/stream.wav",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_ROUTE_STREAMING,
                  .query = wav_params,
                  .summary =
                          "The samples as they come, for curl, ffmpeg, sox; who reads too slowly misses some",
                  .answers = "200 audio/wav; 404; 429"},
         .call = stream_wav},
        {.route = {.method = NULL}},
};

void tb_api_add_audio(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
}
