#include "host/media/webrtc/channels.h"

#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

typedef struct Channel {
        GstWebRTCDataChannel *object; /* ref */
        char *label;                  /* owned */
} Channel;

struct TbChannels {
        TbRefCount ref; /* foreign threads hold it while they call */
        int pending;    /* atomic: posts under way */
        int flooded;    /* atomic */

        /* main thread only */
        const TbChannelsCallbacks *callbacks; /* static; NULL after close */
        void *data;                           /* borrowed from who made it */
        GstElement *webrtc;                   /* ref; NULL after close */
        GPtrArray *open;                      /* owned Channel */
};

static void channel_free(gpointer data)
{
        Channel *c = data;
        g_object_unref(c->object);
        g_free(c->label);
        g_free(c);
}

static void channels_unref(TbChannels *channels)
{
        if (!tb_ref_dec(&channels->ref))
                return;
        g_ptr_array_free(channels->open, TRUE);
        g_free(channels);
}

static void closure_unref(gpointer data, GClosure *closure G_GNUC_UNUSED)
{
        channels_unref(data);
}

static TbChannels *channels_ref(TbChannels *channels)
{
        tb_ref_inc(&channels->ref);
        return channels;
}

/* --- crossing to main --- */
typedef enum What { OPENED, CLOSED, TEXT, BINARY, FLOODED } What;

typedef struct Event {
        TbChannels *channels; /* ref */
        What what;
        GstWebRTCDataChannel *object; /* ref */
        char *label;                  /* owned */
        char *bytes;                  /* owned; NUL behind length */
        gsize length;
} Event;

static void event_free(Event *e)
{
        g_atomic_int_add(&e->channels->pending, -1);
        channels_unref(e->channels);
        g_object_unref(e->object);
        g_free(e->label);
        g_free(e->bytes);
        g_free(e);
}

static Channel *find(TbChannels *channels, GstWebRTCDataChannel *object, const char *label)
{
        for (guint i = 0; i < channels->open->len; i++) {
                Channel *c = g_ptr_array_index(channels->open, i);
                if (object ? c->object == object : strcmp(c->label, label) == 0)
                        return c;
        }
        return NULL;
}

static void opened(TbChannels *channels, Event *e)
{
        if (find(channels, e->object, NULL))
                return;
        if (channels->open->len >= TB_CHANNELS || strlen(e->label) > TB_CHANNEL_LABEL) {
                channels->callbacks->flooded(channels->data,
                                             "more or longer-named data channels than allowed");
                return;
        }
        Channel *c = g_new(Channel, 1);
        *c = (Channel){g_object_ref(e->object), g_strdup(e->label)};
        g_ptr_array_add(channels->open, c);
        channels->callbacks->open(channels->data, e->label, true);
}

static void handle(gpointer data)
{
        Event *e = data;
        TbChannels *channels = e->channels;
        Channel *c = NULL;
        if (!channels->callbacks) {
                event_free(e);
                return;
        }
        switch (e->what) {
        case OPENED: opened(channels, e); break;
        case CLOSED:
                c = find(channels, e->object, NULL);
                if (c) {
                        g_ptr_array_remove(channels->open, c);
                        channels->callbacks->open(channels->data, e->label, false);
                }
                break;
        case TEXT:
        case BINARY:
                opened(channels, e); /* a message may overtake the news of its channel */
                if (channels->callbacks)
                        channels->callbacks->message(channels->data, e->label, e->bytes, e->length,
                                                     e->what == TEXT);
                break;
        case FLOODED: channels->callbacks->flooded(channels->data, e->bytes); break;
        }
        event_free(e);
}

/* Any thread. Copies `bytes`. */
static void enqueue(TbChannels *channels, GstWebRTCDataChannel *object, What what, const char *bytes,
                    gsize length)
{
        Event *e = g_new0(Event, 1);
        e->channels = channels_ref(channels);
        e->what = what;
        e->object = g_object_ref(object);
        g_object_get(object, "label", &e->label, NULL);
        if (!e->label)
                e->label = g_strdup("");
        e->bytes = g_malloc(length + 1);
        if (length)
                memcpy(e->bytes, bytes, length);
        e->bytes[length] = '\0';
        e->length = length;
        g_atomic_int_inc(&channels->pending);
        if (!tb_main_post(handle, e))
                event_free(e);
}

/* The viewer breaks a limit: main ends it when it comes to it, and until then nothing of it is taken. */
static void flood(TbChannels *channels, GstWebRTCDataChannel *object, const char *reason)
{
        if (g_atomic_int_compare_and_exchange(&channels->flooded, 0, 1))
                enqueue(channels, object, FLOODED, reason, strlen(reason));
}

static void post(TbChannels *channels, GstWebRTCDataChannel *object, What what, const char *bytes,
                 gsize length)
{
        if (length > TB_LIMIT_CHANNEL_MESSAGE)
                flood(channels, object, "a data channel message is too large");
        else if (g_atomic_int_get(&channels->pending) >= TB_CHANNEL_PENDING)
                flood(channels, object, "data channel messages come faster than they are read");
        else if (!g_atomic_int_get(&channels->flooded))
                enqueue(channels, object, what, bytes, length);
}

/* --- webrtcbin's threads --- */
static void on_text(GstWebRTCDataChannel *object, const char *text, gpointer data)
{
        post(data, object, TEXT, text ? text : "", text ? strlen(text) : 0);
}

static void on_binary(GstWebRTCDataChannel *object, GBytes *bytes, gpointer data)
{
        gsize length = 0;
        const char *start = bytes ? g_bytes_get_data(bytes, &length) : NULL;
        post(data, object, BINARY, start, length);
}

static void on_close(GstWebRTCDataChannel *object, gpointer data)
{
        post(data, object, CLOSED, NULL, 0);
}

static void on_open(GstWebRTCDataChannel *object, gpointer data)
{
        post(data, object, OPENED, NULL, 0);
}

static void on_channel(GstElement *webrtc G_GNUC_UNUSED, GstWebRTCDataChannel *object, gpointer data)
{
        post(data, object, OPENED, NULL, 0);
}

/* Before anything can arrive on it, whoever makes it. */
static void on_prepare(GstElement *webrtc G_GNUC_UNUSED, GstWebRTCDataChannel *object,
                       gboolean local G_GNUC_UNUSED, gpointer data)
{
        g_signal_connect_data(object, "on-message-string", G_CALLBACK(on_text), channels_ref(data),
                              closure_unref, 0);
        g_signal_connect_data(object, "on-message-data", G_CALLBACK(on_binary), channels_ref(data),
                              closure_unref, 0);
        g_signal_connect_data(object, "on-close", G_CALLBACK(on_close), channels_ref(data), closure_unref, 0);
        g_signal_connect_data(object, "on-open", G_CALLBACK(on_open), channels_ref(data), closure_unref, 0);
}

/* --- main --- */
TbChannels *tb_channels_new(GstElement *webrtc, const TbChannelsCallbacks *callbacks, void *data)
{
        TbChannels *channels = g_new0(TbChannels, 1);
        tb_ref_init(&channels->ref);
        channels->callbacks = callbacks;
        channels->data = data;
        channels->webrtc = gst_object_ref(webrtc);
        channels->open = g_ptr_array_new_with_free_func(channel_free);
        g_signal_connect_data(webrtc, "prepare-data-channel", G_CALLBACK(on_prepare), channels_ref(channels),
                              closure_unref, 0);
        g_signal_connect_data(webrtc, "on-data-channel", G_CALLBACK(on_channel), channels_ref(channels),
                              closure_unref, 0);
        return channels;
}

bool tb_channels_make(TbChannels *channels, const char *label, bool lossy)
{
        GstWebRTCDataChannel *object = NULL;
        g_autoptr(GstStructure) options =
                lossy ? gst_structure_new("options", "ordered", G_TYPE_BOOLEAN, FALSE, "max-retransmits",
                                          G_TYPE_INT, 0, NULL)
                      : NULL;
        g_signal_emit_by_name(channels->webrtc, "create-data-channel", label, options, &object);
        if (!object)
                return false;
        g_object_unref(object); /* webrtcbin has it */
        return true;
}

bool tb_channels_send(TbChannels *channels, const char *label, const char *text, GError **error)
{
        Channel *c = find(channels, NULL, label);
        if (!c) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the viewer has no open data channel \"%s\"", label);
                return false;
        }
        if (strlen(text) > TB_LIMIT_CHANNEL_MESSAGE) { /* webrtcbin 1.22 would send nothing more after it */
                tb_set_error(error, TB_ERROR_TOO_LARGE, "a data channel message may have %d bytes",
                             TB_LIMIT_CHANNEL_MESSAGE);
                return false;
        }
        GstWebRTCDataChannelState state;
        guint64 buffered = 0;
        g_object_get(c->object, "ready-state", &state, "buffered-amount", &buffered, NULL);
        if (state != GST_WEBRTC_DATA_CHANNEL_STATE_OPEN) {
                tb_set_error(error, TB_ERROR_BUSY, "the data channel \"%s\" is not open", label);
                return false;
        }
        if (buffered > TB_LIMIT_WS_QUEUE) { /* a gap in the answers would be worse than an end */
                flood(channels, c->object, "the viewer does not read its data channel");
                tb_set_error(error, TB_ERROR_LIMIT, "the viewer does not read its data channel \"%s\"",
                             label);
                return false;
        }
        g_signal_emit_by_name(c->object, "send-string", text);
        return true;
}

void tb_channels_close(TbChannels *channels)
{
        if (!channels)
                return;
        tb_assert_main();
        channels->callbacks = NULL;
        g_atomic_int_set(&channels->flooded, 1); /* nothing more is copied */
        for (guint i = 0; i < channels->open->len; i++) {
                Channel *c = g_ptr_array_index(channels->open, i);
                g_signal_handlers_disconnect_by_data(c->object, channels);
        }
        g_ptr_array_set_size(channels->open, 0);
        g_signal_handlers_disconnect_by_data(channels->webrtc, channels);
        g_clear_object(&channels->webrtc);
        channels_unref(channels);
}
