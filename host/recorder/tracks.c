#include "host/recorder/tracks.h"

#include <string.h>

#include "host/media/record.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"

#define KEY_US 3000000 /* after which a keyframe is asked for: one that is asked for may take a moment */
#define CHUNK 16384    /* bytes of a console in one line */

typedef struct Console {
        TbTracks *tracks;
        TbInterface *iface; /* borrowed until device.removed, which ends us */
        TbHistoryReader *reader;
        guint watch;
} Console;

struct TbTracks {
        TbCore *core; /* borrowed, as the next two */
        TbMedia *media;
        TbDevice *device;
        TbRing *ring;         /* ref */
        TbRecordVideo *video; /* owned; NULL: none yet */
        TbRecordSound *sound; /* owned; NULL: none yet */
        GPtrArray *consoles;  /* owned Console */
        char *trouble;        /* owned */
};

/* What was at this moment of the monotonic clock, by the wall clock now. */
static gint64 wall_of(gint64 mono_us)
{
        return tb_clock_us() - (g_get_monotonic_time() - mono_us);
}

/* --- the encoders' threads --- */
static void on_given(void *data, gint64 at_us)
{
        tb_flight_given(tb_ring_flight(data), at_us, wall_of(at_us));
}

/* A sample as any other, so that plots, samples.csv and clips have it: so many pictures are missing before this moment. */
static void keep_left_out(TbRing *ring, guint pictures, gint64 at_us)
{
        char line[160];
        int size = g_snprintf(line, sizeof line,
                              "{\"type\":\"sample\",\"t\":%" G_GINT64_FORMAT ",\"interface\":\"video\","
                              "\"stream\":\"" TB_LEFT_OUT_STREAM "\",\"value\":%u,\"unit\":\"pictures\"}",
                              at_us / 1000, pictures);
        tb_ring_add(ring, TB_RECORD_LINE, false, at_us, line, (gsize)size);
}

static void on_unit(void *data, const guint8 *bytes, gsize size, gint64 at_us, bool keyframe)
{
        gint64 wall_us = wall_of(at_us);
        tb_ring_add(data, TB_RECORD_VIDEO, keyframe, wall_us, bytes, size);
        guint left_out = tb_flight_put(tb_ring_flight(data), at_us);
        if (left_out > 0)
                keep_left_out(data, left_out, wall_us);
}

static void on_packet(void *data, const guint8 *bytes, gsize size, gint64 at_us)
{
        tb_ring_add(data, TB_RECORD_SOUND, false, wall_of(at_us), bytes, size);
}

/* --- consoles --- */
static gsize whole_text(const char *bytes, gsize size, bool *ret_text)
{
        const char *end;
        *ret_text = g_utf8_validate_len(bytes, size, &end);
        gsize good = (gsize)(end - bytes);
        if (*ret_text || size - good > 3 || good == 0)
                return size;
        /* a character that is not complete yet waits for its rest */
        *ret_text = g_utf8_get_char_validated(end, (gssize)(size - good)) == (gunichar)-2;
        return *ret_text ? good : size;
}

static void keep_console(Console *c, const char *bytes, gsize size, bool is_text, guint64 offset)
{
        json_t *line = json_pack("{s:s, s:I, s:s, s:I}", "type", "console", "t", (json_int_t)tb_clock_ms(),
                                 "interface", tb_interface_name(c->iface), "offset", (json_int_t)offset);
        g_autofree char *base64 = is_text ? NULL : g_base64_encode((const guchar *)bytes, size);
        json_object_set_new(line, is_text ? "text" : "base64",
                            is_text ? json_stringn(bytes, size) : json_string(base64));
        gsize length;
        g_autofree char *text = tb_json_text(line, &length);
        json_decref(line);
        if (text)
                tb_ring_add(c->tracks->ring, TB_RECORD_LINE, false, tb_clock_us(), text, length);
}

static void pump(Console *c)
{
        char bytes[CHUNK];
        guint64 offset;
        for (gsize n; (n = tb_history_reader_read(c->reader, bytes, sizeof bytes, &offset)) > 0;) {
                bool is_text;
                gsize take = whole_text(bytes, n, &is_text);
                keep_console(c, bytes, take, is_text, offset);
                tb_history_reader_seek(c->reader, (gint64)(offset + take));
                if (take < n)
                        return;
        }
}

static void on_ready(gpointer user)
{
        pump(user);
}

static void on_grew(TbInterface *iface G_GNUC_UNUSED, gpointer user)
{
        pump(user);
}

static void console_free(gpointer data)
{
        Console *c = data;
        if (c->watch)
                tb_interface_unwatch(c->iface, c->watch);
        tb_history_reader_free(c->reader);
        g_free(c);
}

static void add_console(TbInterface *iface, gpointer user)
{
        TbTracks *t = user;
        if (tb_interface_kind(iface) != TB_KIND_CONSOLE || !tb_interface_history(iface))
                return;
        Console *c = g_new0(Console, 1);
        c->tracks = t;
        c->iface = iface;
        c->reader = tb_history_reader_new(tb_interface_history(iface), TB_HISTORY_NOW, on_ready, c);
        c->watch = tb_interface_watch(iface, NULL, on_grew, c, NULL);
        g_ptr_array_add(t->consoles, c);
}

/* --- life --- */
static void attach_video(TbTracks *t)
{
        TbInterface *iface = tb_device_interface_of(t->device, TB_KIND_VIDEO);
        g_autoptr(GError) error = NULL;
        g_clear_pointer(&t->trouble, g_free);
        if (!iface)
                return;
        TbHub *hub = tb_media_find_hub(t->media, tb_device_id(t->device), tb_interface_name(iface), &error);
        t->video =
                hub ? tb_record_video_new(t->media, hub, &(TbRecordCalls){on_given, on_unit}, t->ring, &error)
                    : NULL;
        if (!t->video)
                t->trouble = g_strdup(tb_error_detail(error));
}

static void attach_sound(TbTracks *t)
{
        TbSoundHub *hub = tb_device_interface_of(t->device, TB_KIND_AUDIO)
                                  ? tb_media_find_sound(t->media, tb_device_id(t->device), NULL, NULL)
                                  : NULL;
        t->sound = hub ? tb_record_sound_new(hub, on_packet, t->ring, NULL) : NULL;
}

void tb_tracks_turn(TbTracks *t)
{
        if (!t->video)
                attach_video(t);
        if (!t->sound)
                attach_sound(t);
        TbRingState state;
        tb_ring_state(t->ring, &state);
        if (t->video && tb_clock_us() - state.key_us > KEY_US)
                tb_record_video_keyframe(t->video);
}

TbTracks *tb_tracks_new(TbCore *core, TbMedia *media, TbDevice *device, TbRing *ring)
{
        TbTracks *t = g_new0(TbTracks, 1);
        t->core = core;
        t->media = media;
        t->device = device;
        t->ring = tb_ring_ref(ring);
        t->consoles = g_ptr_array_new_with_free_func(console_free);
        tb_device_each_interface(device, add_console, t);
        tb_tracks_turn(t);
        return t;
}

void tb_tracks_free(TbTracks *t)
{
        if (!t)
                return;
        tb_record_video_free(t->video);
        tb_flight_clear(tb_ring_flight(t->ring));
        tb_record_sound_free(t->sound);
        g_ptr_array_unref(t->consoles);
        tb_ring_unref(t->ring);
        g_free(t->trouble);
        g_free(t);
}

void tb_tracks_event(TbTracks *t, const TbEvent *event)
{
        gsize size;
        const char *text = tb_event_text(event, TB_EVENT_MESSAGE, &size);
        if (text)
                tb_ring_add(t->ring, TB_RECORD_LINE, false, event->t * 1000, text, size);
}

void tb_tracks_input(TbTracks *t, TbTyped *typed, const TbRecordingInput *input)
{
        json_t *line = tb_typed_line(typed, input);
        gsize size;
        g_autofree char *text = line ? tb_json_text(line, &size) : NULL;
        json_decref(line);
        if (text)
                tb_ring_add(t->ring, TB_RECORD_LINE, false, input->t_ms * 1000, text, size);
}

const char *tb_tracks_trouble(const TbTracks *tracks)
{
        return tracks->trouble;
}
