#include "host/media/sender.h"

#include <gst/app/app.h>
#include <gst/video/video.h>
#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "host/media/adapt.h"
#include "host/media/media_private.h"
#include "host/media/rtpext.h"
#include "lib/error.h"
#include "lib/log.h"

#define RTP_MTU 1200
#define QUEUED_FRAMES                                                                                        \
        20 /* in front of a payloader that does not get on: then its viewer starts again with a keyframe */
#define START_KBPS 3000 /* before the first report */
#define FEEDBACK_PACKETS 2048

typedef struct Slot {
        TbSender *sender; /* borrowed: a slot ends before its sender */
        TbTap *tap;       /* owned; main */
} Slot;

struct TbSender {
        gatomicrefcount ref; /* pad probes hold it */

        TbMutex lock;
        bool need_key;       /* pictures are dropped until the next keyframe; protected by lock */
        bool hold;           /* the link is full: everything is dropped; protected by lock */
        Slot *active, *next; /* owned by main; protected by lock */
        guint64 frames, keyframes, bytes, dropped; /* protected by lock */

        /* main thread only */
        TbMedia *media;           /* borrowed; NULL after free */
        TbHub *hub;               /* ref */
        const TbOffer *offer;     /* borrowed from the peer */
        GstElement *pipeline;     /* borrowed from the peer */
        GstAppSrc *src;           /* ref; used by taps as well */
        GstElement *pay, *filter; /* borrowed from pipeline */
        GObject *session;         /* ref; RTPSession, for reports */
        TbAdapt adapt;
        TbAdaptViewer viewer;
        Slot *old; /* owned; replaced by `active`, to be removed */
        bool started;
        guint max_kbps, pli;
        guint hold_timer;
        gint64 heard_us,
                sent_us; /* last report of the viewer; last time that we noticed that something was sent */
        guint64 seen_bytes, tick_bytes;
        gint64 tick_us;
        double tick_kbps, rtt_ms;
};

static void plan(TbSender *sender);

static void sender_unref(gpointer data)
{
        TbSender *sender = data;
        if (!g_atomic_ref_count_dec(&sender->ref))
                return;
        tb_mutex_clear(&sender->lock);
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
        if (r->sender->media)
                r->call(r->sender, r->packets);
        if (r->packets)
                g_array_unref(r->packets);
        sender_unref(r->sender);
        g_free(r);
}

static void report(TbSender *sender, void (*call)(TbSender *sender, GArray *packets), GArray *packets)
{
        Report *r = g_new(Report, 1);
        *r = (Report){sender, call, packets};
        g_atomic_ref_count_inc(&sender->ref);
        if (tb_main_post(report_run, r))
                return;
        if (packets)
                g_array_unref(packets);
        sender_unref(sender);
        g_free(r);
}

/* --- pictures: the encoder's thread --- */
static void stalled(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        tb_sender_want_keyframe(sender);
}

static void drop_old(TbSender *sender, GArray *packets G_GNUC_UNUSED);

static void packet(void *data, GstBuffer *buffer, bool keyframe)
{
        Slot *slot = data;
        TbSender *s = slot->sender;
        bool switched = false, stuck = false;
        tb_mutex_lock(&s->lock);
        if (slot == s->next && keyframe && !s->hold) {
                s->old = s->active; /* main is told below */
                s->active = s->next;
                s->next = NULL;
                switched = true;
        }
        if (slot == s->active) {
                if (s->hold || (s->need_key && !keyframe)) {
                        s->need_key = true;
                        s->dropped++;
                } else if (gst_app_src_get_current_level_buffers(s->src) >= QUEUED_FRAMES) {
                        stuck = !s->need_key;
                        s->need_key = true;
                        s->dropped++;
                } else {
                        s->need_key = false;
                        s->frames++;
                        s->keyframes += keyframe;
                        s->bytes += gst_buffer_get_size(buffer);
                        TB_COUNT(tb_media_counters()->bytes_sent, gst_buffer_get_size(buffer));
                        gst_app_src_push_buffer(s->src, gst_buffer_ref(buffer));
                }
        }
        tb_mutex_unlock(&s->lock);
        if (switched)
                report(s, drop_old, NULL);
        if (stuck)
                report(s, stalled, NULL);
}

/* --- what comes back: webrtcbin's RTCP thread --- */
static void got_pli(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        sender->pli++;
        sender->heard_us = g_get_monotonic_time();
        tb_sender_want_keyframe(sender);
}

static void got_feedback(TbSender *sender, GArray *packets)
{
        gint64 now = g_get_monotonic_time();
        sender->heard_us = now;
        tb_adapt_feedback(&sender->adapt, now, (const TbAdaptPacket *)packets->data, packets->len);
        plan(sender);
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS /* GValueArray is what rtpsession 1.22 gives */
        static GArray *
        read_feedback(const GstStructure *s)
{
        const GValue *value = gst_structure_get_value(s, "packets");
        GValueArray *array =
                value && G_VALUE_HOLDS(value, g_value_array_get_type()) ? g_value_get_boxed(value) : NULL;
        guint n = array ? MIN(array->n_values, FEEDBACK_PACKETS) : 0;
        GArray *packets = g_array_sized_new(FALSE, FALSE, sizeof(TbAdaptPacket), n);
        for (guint i = 0; i < n; i++) {
                const GstStructure *p = gst_value_get_structure(g_value_array_get_nth(array, i));
                guint64 local = GST_CLOCK_TIME_NONE, remote = GST_CLOCK_TIME_NONE;
                gboolean lost = FALSE;
                TbAdaptPacket out = {0};
                if (!gst_structure_get(p, "local-ts", G_TYPE_UINT64, &local, "remote-ts", G_TYPE_UINT64,
                                       &remote, "size", G_TYPE_UINT, &out.size, "lost", G_TYPE_BOOLEAN, &lost,
                                       NULL) ||
                    !GST_CLOCK_TIME_IS_VALID(local))
                        continue; /* sent so long ago that rtpsession has forgotten it */
                out.sent_us = (gint64)(local / GST_USECOND);
                out.recv_us = lost || !GST_CLOCK_TIME_IS_VALID(remote) ? -1 : (gint64)(remote / GST_USECOND);
                g_array_append_val(packets, out);
        }
        return packets;
}
G_GNUC_END_IGNORE_DEPRECATIONS

static GstPadProbeReturn upstream(GstPad *pad G_GNUC_UNUSED, GstPadProbeInfo *info, gpointer data)
{
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_UPSTREAM)
                return GST_PAD_PROBE_OK;
        const GstStructure *s = gst_event_get_structure(event);
        if (gst_video_event_is_force_key_unit(event)) {
                report(data, got_pli, NULL);
                return GST_PAD_PROBE_DROP;
        }
        if (gst_structure_has_name(s, "RTPTWCCPackets")) {
                report(data, got_feedback, read_feedback(s));
                return GST_PAD_PROBE_DROP;
        }
        return GST_PAD_PROBE_OK;
}

/* --- rungs --- */
static void slot_free(Slot *slot)
{
        if (!slot)
                return;
        tb_tap_remove(slot->tap);
        g_free(slot);
}

static Slot *slot_new(TbSender *sender, TbRung rung, bool first, GError **error)
{
        Slot *slot = g_new0(Slot, 1);
        slot->sender = sender;
        tb_mutex_lock(&sender->lock);
        if (first)
                sender->active = slot;
        else
                sender->next = slot;
        tb_mutex_unlock(&sender->lock);
        slot->tap = tb_tap_new(tb_media_encoders(sender->media), sender->hub, sender->offer->codec, rung,
                               packet, slot, error);
        if (slot->tap)
                return slot;
        tb_mutex_lock(&sender->lock);
        if (first)
                sender->active = NULL;
        else
                sender->next = NULL;
        tb_mutex_unlock(&sender->lock);
        g_free(slot);
        return NULL;
}

static void drop_old(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        tb_mutex_lock(&sender->lock);
        Slot *old = g_steal_pointer(&sender->old);
        tb_mutex_unlock(&sender->lock);
        slot_free(old);
}

static Slot *current(TbSender *sender)
{
        tb_mutex_lock(&sender->lock);
        Slot *slot = sender->next ? sender->next : sender->active;
        tb_mutex_unlock(&sender->lock);
        return slot;
}

static void move_to(TbSender *sender, TbRung rung)
{
        Slot *now = current(sender);
        if (!now || tb_encoder_rung(tb_tap_encoder(now->tap)) == rung)
                return;
        tb_mutex_lock(&sender->lock);
        Slot *unborn = g_steal_pointer(&sender->next); /* changed its mind before the first keyframe */
        bool back = sender->active && sender->active->tap &&
                    tb_encoder_rung(tb_tap_encoder(sender->active->tap)) == rung;
        tb_mutex_unlock(&sender->lock);
        slot_free(unborn);
        drop_old(sender, NULL);
        if (back)
                return;
        g_autoptr(GError) error = NULL;
        Slot *slot = slot_new(sender, rung, false, &error);
        if (slot)
                tb_tap_open(slot->tap, false);
        else
                tb_log(TB_LOG_WARNING, TB_F("device", tb_hub_device(sender->hub)),
                       "cannot change the quality of a viewer: %s", error->message);
}

static gboolean hold_over(gpointer data)
{
        TbSender *sender = data;
        sender->hold_timer = 0;
        tb_mutex_lock(&sender->lock);
        sender->hold = false;
        sender->need_key = true;
        tb_mutex_unlock(&sender->lock);
        tb_sender_want_keyframe(sender);
        return G_SOURCE_REMOVE;
}

static void hold(TbSender *sender)
{
        gint64 now = g_get_monotonic_time();
        if (sender->hold_timer || !tb_adapt_holds(&sender->adapt, now))
                return;
        tb_mutex_lock(&sender->lock);
        sender->hold = true;
        sender->need_key = true;
        tb_mutex_unlock(&sender->lock);
        sender->hold_timer =
                g_timeout_add((guint)((sender->adapt.hold_until_us - now) / 1000 + 1), hold_over, sender);
}

/* All viewers of the hub with this codec: one plan. */
static void plan(TbSender *sender)
{
        GPtrArray *all = tb_media_senders(sender->media);
        g_autoptr(GPtrArray) mine = g_ptr_array_new();
        g_autoptr(GArray) viewers = g_array_new(FALSE, FALSE, sizeof(TbAdaptViewer));
        for (guint i = 0; i < all->len; i++) {
                TbSender *s = g_ptr_array_index(all, i);
                if (s->hub != sender->hub || s->offer->codec != sender->offer->codec)
                        continue;
                s->viewer.kbps = MIN(s->adapt.kbps, s->max_kbps);
                g_ptr_array_add(mine, s);
                g_array_append_val(viewers, s->viewer);
        }
        TbAdaptPlan p;
        int width = 0, height = 0;
        tb_hub_size(sender->hub, &width, &height);
        tb_adapt_plan((TbAdaptViewer *)viewers->data, viewers->len, g_get_monotonic_time(),
                      width && height ? width * height : 1280 * 720, tb_media_max_fps(sender->media),
                      tb_media_max_kbps(sender->media), &p);
        hold(sender);
        for (guint i = 0; i < mine->len; i++) {
                TbSender *s = g_ptr_array_index(mine, i);
                s->viewer = g_array_index(viewers, TbAdaptViewer, i);
                move_to(s, (TbRung)s->viewer.rung);
                Slot *slot = current(s);
                TbEncoder *e = slot ? tb_tap_encoder(slot->tap) : NULL;
                TbRung rung = e ? tb_encoder_rung(e) : 0;
                if (!e || !p.kbps[rung])
                        continue;
                guint now = tb_encoder_kbps(e), want = p.kbps[rung];
                /* small steps up would only reconfigure the encoder again and again */
                if (want < now * 0.97 || want > now * 1.08 || tb_encoder_fps(e) != p.fps[rung])
                        tb_encoder_set_rate(e, want, p.fps[rung]);
        }
}

/* --- life --- */
static void add_extension(GstElement *pay, GstRTPHeaderExtension *extension)
{
        if (!extension)
                return;
        gst_object_ref_sink(extension);
        g_signal_emit_by_name(pay, "add-extension", extension);
        gst_object_unref(extension);
}

static void set_extensions(TbSender *sender)
{
        const TbOffer *o = sender->offer;
        if (o->ext_playout_delay)
                add_extension(sender->pay, tb_rtpext_playout_delay_new(o->ext_playout_delay));
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
        const struct {
                guint id;
                const char *uri;
        } ext[] = {{o->ext_playout_delay, TB_URI_PLAYOUT_DELAY},
                   {o->ext_twcc, TB_URI_TWCC},
                   {o->ext_capture_time, TB_URI_CAPTURE_TIME}};
        for (gsize i = 0; i < G_N_ELEMENTS(ext); i++) {
                g_autofree char *field = g_strdup_printf("extmap-%u", ext[i].id);
                if (ext[i].id)
                        gst_caps_set_simple(caps, field, G_TYPE_STRING, ext[i].uri, NULL);
        }
        if (o->codec == TB_CODEC_H264)
                gst_caps_set_simple(caps, "packetization-mode", G_TYPE_STRING, "1", NULL);
        return caps;
}

TbSender *tb_sender_new(TbMedia *media, TbHub *hub, GstElement *pipeline, const TbOffer *offer,
                        guint max_kbps, GError **error)
{
        bool h264 = offer->codec == TB_CODEC_H264;
        GstElement *src = gst_element_factory_make("appsrc", NULL);
        GstElement *pay = gst_element_factory_make(h264 ? "rtph264pay" : "rtpvp8pay", NULL);
        GstElement *filter = gst_element_factory_make("capsfilter", NULL);
        if (!src || !pay || !filter) {
                g_set_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE,
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
        g_atomic_ref_count_init(&sender->ref);
        tb_mutex_init(&sender->lock);
        sender->need_key = true;
        sender->media = media;
        sender->hub = tb_hub_ref(hub);
        sender->offer = offer;
        sender->pipeline = pipeline;
        sender->src = gst_object_ref(GST_APP_SRC(src));
        sender->pay = pay;
        sender->filter = filter;
        sender->max_kbps = max_kbps ? MIN(max_kbps, tb_media_max_kbps(media)) : tb_media_max_kbps(media);
        sender->rtt_ms = -1;
        tb_adapt_init(&sender->adapt, START_KBPS, sender->max_kbps);
        set_extensions(sender);
        g_ptr_array_add(tb_media_senders(media), sender);
        if (!gst_element_link_many(src, pay, filter, NULL) || !slot_new(sender, TB_RUNG_FULL, true, error)) {
                if (error && !*error)
                        g_set_error(error, TB_ERROR, TB_ERROR_INTERNAL, "cannot link the payloader");
                tb_sender_free(sender);
                return NULL;
        }
        return sender;
}

bool tb_sender_link(TbSender *sender, GstElement *webrtc, GError **error)
{
        g_autoptr(GstPad) sink = gst_element_request_pad_simple(webrtc, "sink_%u");
        g_autoptr(GstPad) out = gst_element_get_static_pad(sender->filter, "src");
        if (!sink || gst_pad_link(out, sink) != GST_PAD_LINK_OK) {
                g_set_error(error, TB_ERROR, TB_ERROR_INTERNAL, "webrtcbin does not take the video");
                return false;
        }
        g_autoptr(GstWebRTCRTPTransceiver) transceiver = NULL;
        g_object_get(sink, "transceiver", &transceiver, NULL);
        g_object_set(transceiver, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack", TRUE,
                     NULL);
        g_atomic_ref_count_inc(&sender->ref);
        gst_pad_add_probe(out, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, upstream, sender, sender_unref);
        g_autoptr(GstElement) rtpbin = gst_bin_get_by_name(GST_BIN(webrtc), "rtpbin");
        if (rtpbin)
                g_signal_emit_by_name(rtpbin, "get-internal-session", 0, &sender->session);
        return true;
}

void tb_sender_expect(TbSender *sender)
{
        Slot *slot = current(sender);
        if (slot && !sender->started)
                tb_tap_expect(slot->tap);
}

void tb_sender_start(TbSender *sender)
{
        sender->heard_us = g_get_monotonic_time();
        if (sender->started)
                return;
        sender->started = true;
        Slot *slot = current(sender);
        if (slot)
                tb_tap_open(slot->tap, true);
}

void tb_sender_want_keyframe(TbSender *sender)
{
        Slot *slot = current(sender);
        if (slot)
                tb_encoder_want_keyframe(tb_tap_encoder(slot->tap));
}

/* Round trip of the viewer's receiver reports; < 0: none yet. */
static double read_rtt(TbSender *sender)
{
        if (!sender->session) {
                g_autoptr(GstElement) webrtc = gst_bin_get_by_name(GST_BIN(sender->pipeline), "webrtc");
                g_autoptr(GstElement) rtpbin = webrtc ? gst_bin_get_by_name(GST_BIN(webrtc), "rtpbin") : NULL;
                if (rtpbin)
                        g_signal_emit_by_name(rtpbin, "get-internal-session", 0, &sender->session);
                if (!sender->session)
                        return -1;
        }
        g_autoptr(GstStructure) stats = NULL;
        g_object_get(sender->session, "stats", &stats, NULL);
        const GValue *sources = stats ? gst_structure_get_value(stats, "source-stats") : NULL;
        double rtt = -1;
        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
        GValueArray *array = sources ? g_value_get_boxed(sources) : NULL;
        for (guint i = 0; array && i < array->n_values; i++) {
                const GstStructure *s = g_value_get_boxed(g_value_array_get_nth(array, i));
                guint round_trip = 0;
                gboolean have = FALSE;
                if (s && gst_structure_get_boolean(s, "have-rb", &have) && have &&
                    gst_structure_get_uint(s, "rb-round-trip", &round_trip)) {
                        rtt = round_trip * 1000.0 / 65536;
                        sender->heard_us = MAX(sender->heard_us, 1);
                }
        }
        G_GNUC_END_IGNORE_DEPRECATIONS
        return rtt;
}

bool tb_sender_tick(TbSender *sender, gint64 silence_us)
{
        gint64 now = g_get_monotonic_time();
        tb_mutex_lock(&sender->lock);
        guint64 bytes = sender->bytes;
        tb_mutex_unlock(&sender->lock);
        if (sender->tick_us)
                sender->tick_kbps =
                        (double)(bytes - sender->tick_bytes) * 8000 / (double)MAX(now - sender->tick_us, 1);
        if (bytes != sender->tick_bytes)
                sender->sent_us = now;
        sender->tick_us = now;
        sender->tick_bytes = bytes;
        sender->rtt_ms = read_rtt(sender);
        /* without transport-wide feedback in the offer only a PLI would speak: ICE alone must notice */
        return !sender->offer->ext_twcc || !sender->heard_us ||
               sender->sent_us - sender->heard_us < silence_us;
}

void tb_sender_get_stats(TbSender *sender, TbPeerStats *ret_stats)
{
        Slot *slot = current(sender);
        TbEncoder *e = slot ? tb_tap_encoder(slot->tap) : NULL;
        tb_mutex_lock(&sender->lock);
        *ret_stats = (TbPeerStats){.frames = sender->frames,
                                   .keyframes = sender->keyframes,
                                   .bytes = sender->bytes,
                                   .dropped = sender->dropped};
        tb_mutex_unlock(&sender->lock);
        ret_stats->sent_kbps = sender->tick_kbps;
        ret_stats->recv_kbps = sender->adapt.last_us ? sender->adapt.recv_kbps : -1;
        ret_stats->loss_percent = sender->adapt.loss * 100;
        ret_stats->rtt_ms = sender->rtt_ms;
        ret_stats->queue_ms = sender->adapt.queue_ms;
        ret_stats->estimate_kbps = (guint)sender->adapt.kbps;
        ret_stats->target_kbps = e ? tb_encoder_kbps(e) : 0;
        ret_stats->target_fps = e ? tb_encoder_fps(e) : 0;
        ret_stats->rung = e ? (int)tb_encoder_rung(e) : 0;
        ret_stats->pli = sender->pli;
}

void tb_sender_free(TbSender *sender)
{
        if (!sender)
                return;
        tb_assert_main();
        g_ptr_array_remove_fast(tb_media_senders(sender->media), sender);
        if (sender->hold_timer)
                g_source_remove(sender->hold_timer);
        tb_mutex_lock(&sender->lock);
        Slot *slots[] = {g_steal_pointer(&sender->active), g_steal_pointer(&sender->next),
                         g_steal_pointer(&sender->old)};
        tb_mutex_unlock(&sender->lock);
        for (gsize i = 0; i < G_N_ELEMENTS(slots); i++)
                slot_free(slots[i]);
        g_clear_object(&sender->session);
        gst_object_unref(sender->src);
        tb_hub_unref(sender->hub);
        sender->media = NULL;
        sender->offer = NULL;
        sender_unref(sender);
}
