#include "host/media/webrtc/sender.h"

#include <gst/app/app.h>
#include <gst/webrtc/webrtc.h>

#include "host/media/webrtc/rtpext.h"
#include "host/media/webrtc/sender_private.h"
#include "lib/error.h"
#include "lib/thread.h"

#define RTP_MTU 1200
#define START_KBPS 1500 /* before the first report */

void tb_sender_unref(gpointer data)
{
        TbSender *sender = data;
        if (!tb_ref_dec(&sender->ref))
                return;
        tb_mutex_clear(&sender->pace_lock);
        tb_cond_clear(&sender->pace_over);
        g_free(sender);
}

/* --- crossing to main --- */
typedef struct Report {
        TbSender *sender; /* ref */
        void (*call)(TbSender *sender, GArray *packets);
        GArray *packets; /* owned; nullable */
} Report;

static void report_run(gpointer data)
{
        Report *r = data;
        if (r->sender->feeds)
                r->call(r->sender, r->packets);
        if (r->packets)
                g_array_unref(r->packets);
        tb_sender_unref(r->sender);
        g_free(r);
}

void tb_sender_post(TbSender *sender, void (*call)(TbSender *sender, GArray *packets), GArray *packets)
{
        Report *r = g_new(Report, 1);
        *r = (Report){sender, call, packets};
        tb_ref_inc(&sender->ref);
        if (tb_main_post(report_run, r))
                return;
        if (packets)
                g_array_unref(packets);
        tb_sender_unref(sender);
        g_free(r);
}

/* --- life --- */
static void add_extension(GstElement *pay, GstRTPHeaderExtension *extension)
{
        if (!extension)
                return;
        if (g_object_is_floating(extension)) /* those of GStreamer come with a reference of ours already */
                gst_object_ref_sink(extension);
        g_signal_emit_by_name(pay, "add-extension", extension);
        gst_object_unref(extension);
}

static void set_extensions(TbSender *sender)
{
        const TbOffer *o = sender->offer;
        bool heard = o->sound_mline >= 0;
        if (o->ext_playout_delay)
                add_extension(sender->pay, tb_rtpext_playout_delay_new(o->ext_playout_delay,
                                                                       heard ? TB_PLAYOUT_STEP_MS : 0,
                                                                       heard ? TB_PLAYOUT_STEP_MOST_MS : 0));
        if (o->ext_twcc)
                add_extension(sender->pay, tb_rtpext_twcc_new(o->ext_twcc));
        if (o->ext_capture_time)
                add_extension(sender->pay, tb_rtpext_capture_time_new(o->ext_capture_time));
}

/* What webrtcbin makes the answer of; ssrc and extmap fields end up in it as they stand here. */
static GstCaps *rtp_caps(const TbOffer *o, guint ssrc)
{
        GstCaps *caps =
                gst_caps_new_simple("application/x-rtp", "media", G_TYPE_STRING, "video", "encoding-name",
                                    G_TYPE_STRING, tb_codec_name(o->codec), "clock-rate", G_TYPE_INT, 90000,
                                    "payload", G_TYPE_INT, (int)o->payload, "ssrc", G_TYPE_UINT, ssrc, NULL);
        TbOfferExtension ext[TB_OFFER_EXTENSIONS];
        tb_offer_extensions(o, ext);
        for (gsize i = 0; i < G_N_ELEMENTS(ext); i++) {
                g_autofree char *field = g_strdup_printf("extmap-%u", ext[i].id);
                if (ext[i].id)
                        gst_caps_set_simple(caps, field, G_TYPE_STRING, ext[i].uri, NULL);
        }
        if (o->codec == TB_CODEC_H264)
                gst_caps_set_simple(caps, "packetization-mode", G_TYPE_STRING, "1", NULL);
        return caps;
}

TbSender *tb_sender_new(TbFeeds *feeds, guint source, GstElement *pipeline, const TbOffer *offer,
                        guint max_kbps, GError **error)
{
        bool h264 = offer->codec == TB_CODEC_H264;
        GstElement *src = gst_element_factory_make("appsrc", NULL);
        GstElement *pay = gst_element_factory_make(h264 ? "rtph264pay" : "rtpvp8pay", NULL);
        GstElement *filter = gst_element_factory_make("capsfilter", NULL);
        if (!src || !pay || !filter) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no RTP (GStreamer plugins app and rtp are missing)");
                return NULL;
        }
        gst_bin_add_many(GST_BIN(pipeline), src, pay, filter, NULL);
        g_autoptr(GstCaps) caps = gst_caps_from_string(
                h264 ? "video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline"
                     : "video/x-vp8");
        g_object_set(src, "caps", caps, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", (guint64)0,
                     "max-buffers", (guint64)0, NULL);
        guint ssrc = g_random_int_range(1, G_MAXINT32);
        g_object_set(pay, "pt", offer->payload, "mtu", RTP_MTU, "ssrc", ssrc, NULL);
        if (h264) {
                g_object_set(pay, "config-interval", -1, NULL);
                gst_util_set_object_arg(G_OBJECT(pay), "aggregate-mode", "zero-latency");
        } else {
                gst_util_set_object_arg(G_OBJECT(pay), "picture-id-mode", "15-bit");
        }
        g_autoptr(GstCaps) rtp = rtp_caps(offer, ssrc);
        g_object_set(filter, "caps", rtp, NULL);

        TbSender *sender = g_new0(TbSender, 1);
        tb_ref_init(&sender->ref);
        tb_mutex_init(&sender->pace_lock);
        tb_cond_init(&sender->pace_over);
        sender->need_key = true;
        sender->feeds = feeds;
        sender->source = source;
        sender->offer = offer;
        sender->pipeline = pipeline;
        sender->src = gst_object_ref(GST_APP_SRC(src));
        sender->pay = pay;
        sender->filter = filter;
        guint most = tb_feeds_limits(feeds)->max_kbps;
        sender->max_kbps = max_kbps ? MIN(max_kbps, most) : most;
        sender->rtt_ms = -1;
        sender->ssrc = ssrc;
        tb_adapt_init(&sender->adapt, START_KBPS, sender->max_kbps);
        tb_sender_set_budgets(sender);
        set_extensions(sender);
        g_ptr_array_add(tb_feeds_senders(feeds), sender);
        if (!gst_element_link_many(src, pay, filter, NULL)) {
                tb_set_error(error, TB_ERROR_INTERNAL, "cannot link the payloader");
                tb_sender_free(sender);
                return NULL;
        }
        tb_sender_slot_new(sender, TB_RUNG_FULL, true);
        return sender;
}

bool tb_sender_link(TbSender *sender, GstElement *webrtc, GError **error)
{
        g_autoptr(GstCaps) rtp =
                NULL; /* by which webrtcbin knows the section: there may be one of sound, too */
        g_object_get(sender->filter, "caps", &rtp, NULL);
        GstPadTemplate *form = gst_element_get_pad_template(webrtc, "sink_%u");
        g_autoptr(GstPad) sink = gst_element_request_pad(webrtc, form, NULL, rtp);
        g_autoptr(GstPad) out = gst_element_get_static_pad(sender->filter, "src");
        if (!sink || gst_pad_link(out, sink) != GST_PAD_LINK_OK) {
                tb_set_error(error, TB_ERROR_INTERNAL, "webrtcbin does not take the video");
                return false;
        }
        g_autoptr(GstWebRTCRTPTransceiver) transceiver = NULL;
        g_object_get(sink, "transceiver", &transceiver, NULL);
        g_object_set(transceiver, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack", TRUE,
                     NULL);
        tb_ref_inc(&sender->ref);
        gst_pad_add_probe(out, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, tb_sender_upstream, sender,
                          tb_sender_unref);
        tb_ref_inc(&sender->ref);
        gst_pad_add_probe(out, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, tb_sender_pace,
                          sender, tb_sender_unref);
        tb_sender_find_session(sender, webrtc);
        return true;
}

void tb_sender_bound_rtx(TbSender *sender, GstElement *rtx)
{
        g_autoptr(GstPad) src = gst_element_get_static_pad(rtx, "src");
        tb_ref_inc(&sender->ref);
        gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, tb_sender_rtx, sender, tb_sender_unref);
        gst_object_replace((GstObject **)&sender->rtx_pad, GST_OBJECT(src));
}

void tb_sender_expect(TbSender *sender)
{
        TbSenderSlot *slot = tb_sender_current(sender);
        if (!slot || sender->started)
                return;
        tb_sender_plan(sender); /* the keyframe is as large as the way is wide */
        tb_feed_tap_expect(slot->tap);
}

void tb_sender_start(TbSender *sender)
{
        __atomic_store_n(&sender->heard_us, g_get_monotonic_time(), __ATOMIC_RELAXED);
        if (sender->started)
                return;
        sender->started = true;
        TbSenderSlot *slot = tb_sender_current(sender);
        if (slot)
                tb_feed_tap_open(slot->tap, true);
}

void tb_sender_want_keyframe(TbSender *sender)
{
        TbSenderSlot *slot = tb_sender_current(sender);
        if (slot)
                tb_feed_tap_want_keyframe(slot->tap);
}

bool tb_sender_tick(TbSender *sender, gint64 silence_us)
{
        gint64 now = g_get_monotonic_time();
        guint64 bytes = sender->bytes;
        if (sender->tick_us)
                sender->tick_kbps =
                        (double)(bytes - sender->tick_bytes) * 8000 / (double)MAX(now - sender->tick_us, 1);
        if (bytes != sender->tick_bytes)
                sender->sent_us = now;
        sender->tick_us = now;
        sender->tick_bytes = bytes;
        sender->rtt_ms = tb_sender_read_rtt(sender);
        tb_sender_set_budgets(sender);
        return tb_sender_silent_us(sender) < silence_us;
}

gint64 tb_sender_silent_us(TbSender *sender)
{
        gint64 heard_us = __atomic_load_n(&sender->heard_us, __ATOMIC_RELAXED);
        return heard_us ? MAX(sender->sent_us - heard_us, 0) : 0;
}

void tb_sender_get_stats(TbSender *sender, TbLinkStats *ret_stats)
{
        TbSenderSlot *slot = tb_sender_current(sender);
        *ret_stats = (TbLinkStats){.frames = sender->frames,
                                   .keyframes = sender->keyframes,
                                   .bytes = sender->bytes,
                                   .dropped = sender->dropped};
        ret_stats->sent_kbps = sender->tick_kbps;
        ret_stats->recv_kbps = sender->adapt.last_us ? sender->adapt.recv_kbps : -1;
        ret_stats->loss_percent = sender->adapt.loss * 100;
        ret_stats->rtt_ms = sender->rtt_ms;
        ret_stats->queue_ms = sender->adapt.queue_ms;
        ret_stats->estimate_kbps = (guint)sender->adapt.kbps;
        if (slot) {
                ret_stats->target_kbps = tb_feed_tap_kbps(slot->tap);
                ret_stats->target_fps = tb_feed_tap_fps(slot->tap);
                ret_stats->rung = tb_feed_tap_rung(slot->tap);
        }
        ret_stats->pli = sender->pli;
}

void tb_sender_free(TbSender *sender)
{
        if (!sender)
                return;
        tb_assert_main();
        g_ptr_array_remove_fast(tb_feeds_senders(sender->feeds), sender);
        if (sender->hold_timer)
                g_source_remove(sender->hold_timer);
        tb_sender_slot_free(g_steal_pointer(&sender->active));
        tb_sender_slot_free(g_steal_pointer(&sender->next));
        tb_sender_end_pace(sender);
        tb_sender_end_probe(sender);
        g_clear_pointer(&sender->rtx_pad, gst_object_unref);
        if (sender->session)
                g_signal_handlers_disconnect_by_data(sender->session, sender);
        g_clear_object(&sender->session);
        gst_object_unref(sender->src);
        sender->feeds = NULL;
        sender->offer = NULL;
        tb_sender_unref(sender);
}
