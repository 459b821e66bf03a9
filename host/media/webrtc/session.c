#include "host/media/webrtc/session.h"

#include "host/media/reaper.h"
#include "host/media/webrtc/certificate.h"
#include "host/media/webrtc/rtpext.h"
#include "host/media/webrtc/sctp.h"
#include "host/media/webrtc/session_private.h"
#include "host/media/webrtc/turn.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

#define TICK_MS 500
#define CONNECT_S 20 /* from the offer to a connection */
#define LOST_S 15    /* disconnected */
/* no report from the viewer while pictures are sent; Chromium reports several times a second */
#define SILENT_S 8
#define DEAF_S 20              /* the same of sound alone, which Chromium reports on every five seconds */
#define PROBE_US (1500 * 1000) /* … before its machine is asked whether it is still there */

void tb_session_unref(gpointer data)
{
        TbSession *session = data;
        if (!tb_ref_dec(&session->ref))
                return;
        tb_offer_clear(&session->offer);
        g_ptr_array_free(session->candidates, TRUE);
        if (session->answer)
                gst_sdp_message_free(session->answer);
        g_free(session->label);
        g_free(session->device);
        g_free(session->reason);
        g_free(session);
}

TbSession *tb_session_ref(TbSession *session)
{
        tb_ref_inc(&session->ref);
        return session;
}

void tb_session_closure_unref(gpointer data, GClosure *closure G_GNUC_UNUSED)
{
        tb_session_unref(data);
}

/* --- the end --- */
static void tell_closed(TbSession *session)
{
        if (session->ended)
                return;
        session->ended = true;
        session->callbacks->closed(session, session->reason, session->data);
}

static void tell_closed_later(gpointer data)
{
        tell_closed(data);
        tb_session_unref(data); /* the maker's reference */
}

static void give_back(gpointer sctp)
{
        tb_sctp_give_back(GPOINTER_TO_UINT(sctp));
}

/* From here on no thread of webrtcbin finds us. */
static void let_go(TbSession *session)
{
        if (session->answer_timer)
                g_source_remove(session->answer_timer);
        if (session->tick_timer)
                g_source_remove(session->tick_timer);
        session->answer_timer = session->tick_timer = 0;
        tb_session_end_probe(session);
        tb_channels_close(g_steal_pointer(&session->channels));
        tb_sender_free(g_steal_pointer(&session->sender));
        tb_sound_sender_free(g_steal_pointer(&session->ear));
        tb_receiver_free(g_steal_pointer(&session->receiver));
        if (!session->pipeline)
                return;
        g_signal_handlers_disconnect_by_data(session->webrtc, session);
        session->webrtc = NULL;
        tb_reaper_take(g_steal_pointer(&session->pipeline), session->turn ? tb_turn_release : NULL, give_back,
                       GUINT_TO_POINTER(session->sctp));
}

/* False: that has been done. */
static bool begin_end(TbSession *session, const char *reason)
{
        if (session->ending)
                return false;
        session->ending = true;
        session->state = TB_VIEWER_CLOSED;
        session->reason = g_strdup(reason ? reason : "closed");
        let_go(session);
        return true;
}

void tb_session_close(TbSession *session, const char *reason)
{
        tb_assert_main();
        if (begin_end(session, reason) && !tb_main_post(tell_closed_later, session))
                tb_session_unref(session); /* the program ends */
}

void tb_session_free(TbSession *session)
{
        bool posted = !begin_end(session, "the program ends");
        session->ended = true;
        if (!posted)
                tb_session_unref(session); /* the maker's reference; else tell_closed_later() drops it */
}

/* --- crossing to main --- */
typedef struct Post {
        TbSession *session; /* ref */
        void (*call)(TbSession *session, gpointer value, guint number);
        gpointer value;
        GDestroyNotify free_value;
        guint number;
} Post;

static void post_run(gpointer data)
{
        Post *post = data;
        if (!post->session->ending)
                post->call(post->session, post->value, post->number);
        if (post->value && post->free_value)
                post->free_value(post->value);
        tb_session_unref(post->session);
        g_free(post);
}

void tb_session_post(TbSession *session, void (*call)(TbSession *session, gpointer value, guint number),
                     gpointer value, GDestroyNotify free_value, guint number)
{
        Post *post = g_new(Post, 1);
        *post = (Post){tb_session_ref(session), call, value, free_value, number};
        if (tb_main_post(post_run, post))
                return;
        if (value && free_value)
                free_value(value);
        tb_session_unref(post->session);
        g_free(post);
}

/* --- channels --- */
static void channel_open(void *data, const char *label, bool open)
{
        TbSession *session = data;
        session->callbacks->channel(session, label, open, session->data);
}

static void channel_message(void *data, const char *label, const char *bytes, gsize length, bool text)
{
        TbSession *session = data;
        session->callbacks->message(session, label, bytes, length, text, session->data);
}

static void channel_flooded(void *data, const char *why)
{
        tb_session_close(data, why);
}

static const TbChannelsCallbacks CHANNEL_CALLBACKS = {channel_open, channel_message, channel_flooded};

bool tb_session_send(TbSession *session, const char *channel, const char *text, GError **error)
{
        if (!session->channels) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the viewer has left");
                return false;
        }
        return tb_channels_send(session->channels, channel, text, error);
}

/* --- life --- */
static bool has_vanished(TbSession *session)
{
        if (!session->sender || session->state < TB_VIEWER_CONNECTED)
                return false;
        if (tb_sender_silent_us(session->sender) > PROBE_US || session->lost_us)
                return tb_session_port_is_closed(session);
        tb_session_end_probe(session);
        return false;
}

static gboolean tick(gpointer data)
{
        TbSession *session = tb_session_ref(data);
        gint64 now = g_get_monotonic_time();
        if (session->state < TB_VIEWER_CONNECTED && now - session->born_us > CONNECT_S * G_USEC_PER_SEC)
                tb_session_close(session, "no connection was made in time");
        else if (session->lost_us && now - session->lost_us > LOST_S * G_USEC_PER_SEC)
                tb_session_close(session, "the viewer cannot be reached any more");
        else if (session->sender && session->state == TB_VIEWER_CONNECTED &&
                 !tb_sender_tick(session->sender, SILENT_S * G_USEC_PER_SEC))
                tb_session_close(session, "the viewer does not report any more");
        else if (!session->sender && session->ear && session->state == TB_VIEWER_CONNECTED &&
                 tb_sound_sender_silent_us(session->ear) > DEAF_S * G_USEC_PER_SEC)
                tb_session_close(session, "the listener does not report any more");
        else if (has_vanished(session))
                tb_session_close(session, "the viewer has gone: its machine has closed the port");
        if (session->sender || session->ear) {
                TbLinkStats stats = {.recv_kbps = -1, .rtt_ms = -1};
                if (session->sender)
                        tb_sender_get_stats(session->sender, &stats);
                if (session->ear)
                        tb_sound_sender_get_sent(session->ear, &stats.sound_packets, &stats.sound_bytes);
                session->callbacks->stats(session, &stats, session->data);
        }
        bool ending = session->ending; /* let_go() removed this timer already */
        tb_session_unref(session);
        return ending ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void pipeline_failed(TbSession *session, gpointer value, guint number G_GNUC_UNUSED)
{
        /* the usual one: DTLS was closed by the other side, and what is written into it fails */
        bool gone = session->state == TB_VIEWER_CONNECTED || session->state == TB_VIEWER_DISCONNECTED;
        tb_log(gone ? TB_LOG_DEBUG : TB_LOG_WARNING, TB_F("peer", session->label), "pipeline: %s",
               (const char *)value);
        tb_session_close(session, gone ? "the viewer closed the connection" : value);
}

static GstBusSyncReply on_bus(GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
                g_autoptr(GError) error = NULL;
                gst_message_parse_error(message, &error, NULL);
                tb_session_post(data, pipeline_failed, g_strdup(error->message), g_free, 0);
        }
        gst_message_unref(message); /* a message in the bus keeps webrtcbin alive for ever */
        return GST_BUS_DROP;
}

/* --- a phone's pictures as they came --- */
static void tell_unit(TbSession *session, gpointer value, guint number)
{
        session->callbacks->unit(session, value, (TbCodec)(number >> 1), number & 1, session->data);
}

static void unref_buffer(gpointer buffer)
{
        gst_buffer_unref(buffer);
}

/* The receiver's thread. */
static void on_unit(gpointer data, GstBuffer *unit, TbCodec codec, bool keyframe)
{
        GstBuffer *copy = gst_buffer_copy(unit); /* of the memory there is one */
        GST_BUFFER_PTS(copy) = (GstClockTime)g_get_monotonic_time() * GST_USECOND - tb_media_epoch();
        GST_BUFFER_DTS(copy) = GST_CLOCK_TIME_NONE;
        tb_session_post(data, tell_unit, copy, unref_buffer, (guint)codec << 1 | keyframe);
}

static bool build(TbSession *session, const TbSessionOptions *options, GError **error)
{
        session->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        session->webrtc = gst_element_factory_make("webrtcbin", "webrtc");
        if (!session->webrtc) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no WebRTC (GStreamer plugin webrtc is missing)");
                return false;
        }
        gst_util_set_object_arg(G_OBJECT(session->webrtc), "bundle-policy", "max-bundle");
        g_object_set(session->webrtc, "latency", 0u, NULL);
        session->sctp = tb_sctp_take();
        tb_sctp_use(session->webrtc, session->sctp);
        tb_certificate_use(session->webrtc);
        gst_bin_add(GST_BIN(session->pipeline), session->webrtc);
        g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(session->pipeline));
        gst_bus_set_sync_handler(bus, on_bus, tb_session_ref(session), tb_session_unref);
        tb_media_set_clock(session->pipeline);
        tb_session_set_up_ice(session, options->ice_servers);
        if (!options->offer)
                session->receiver = tb_receiver_new(
                        session->pipeline, session->webrtc, &options->phone, GUINT_TO_POINTER(options->id),
                        &(TbReceiverUnits){on_unit, tb_session_ref(session), tb_session_unref});
        if (session->source && session->offer.video_mline >= 0) {
                session->sender = tb_sender_new(session->feeds, session->source, session->pipeline,
                                                &session->offer, options->max_kbps, error);
                if (!session->sender)
                        return false;
        }
        if (session->sound && session->offer.sound_mline >= 0) {
                session->ear = tb_sound_sender_new(session->feeds, session->sound, session->pipeline,
                                                   &session->offer, error);
                if (!session->ear)
                        return false;
        }
        session->channels = tb_channels_new(session->webrtc, &CHANNEL_CALLBACKS, session);
        tb_session_set_up_negotiation(session);
        if (gst_element_set_state(session->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                tb_set_error(
                        error, TB_ERROR_UNAVAILABLE,
                        "cannot start WebRTC: are the GStreamer plugins nice, dtls, srtp and sctp there?");
                return false;
        }
        return true;
}

TbSession *tb_session_new(TbFeeds *feeds, const TbSessionOptions *options,
                          const TbSessionCallbacks *callbacks, void *data, GError **error)
{
        tb_assert_main();
        g_auto(TbOffer) offer = {0};
        guint want = (options->source ? TB_OFFER_WANT_VIDEO : 0) | (options->sound ? TB_OFFER_WANT_SOUND : 0);
        if (options->offer && !tb_offer_parse(options->offer, want, &offer, error))
                return NULL;
        TbSession *session = g_new0(TbSession, 1);
        tb_ref_init(&session->ref);
        session->probe = -1;
        session->feeds = feeds;
        session->source = options->source;
        session->sound = options->sound;
        session->callbacks = callbacks;
        session->data = data;
        session->label = g_strdup(options->label);
        session->device = *options->device ? g_strdup(options->device) : NULL;
        session->answer_wait_ms = options->answer_wait_ms;
        session->answer_at_relay = options->answer_at_relay;
        session->offer = offer;
        offer = (TbOffer){0};
        session->candidates = g_ptr_array_new_with_free_func(g_free);
        session->born_us = g_get_monotonic_time();
        if (!build(session, options, error) ||
            !(options->offer ? tb_session_negotiate(session, error) : tb_session_call(session, error))) {
                session->ending = true;
                let_go(session);
                tb_session_unref(session);
                return NULL;
        }
        session->tick_timer = g_timeout_add(TICK_MS, tick, session);
        return session;
}

void tb_session_want_keyframe(TbSession *session)
{
        if (session->sender)
                tb_sender_want_keyframe(session->sender);
        if (session->receiver)
                tb_receiver_want_keyframe(session->receiver);
}

void tb_session_want_of_phone(TbSession *session, bool pictures, bool sound)
{
        if (session->receiver)
                tb_receiver_want(session->receiver, pictures, sound);
}
