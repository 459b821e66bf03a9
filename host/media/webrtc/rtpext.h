#pragma once
/*
 * RTP header extensions that GStreamer 1.22 does not have. Both are written by the payloader of one peer,
 * with the id of its offer. playout-delay: http://www.webrtc.org/experiments/rtp-hdrext/playout-delay, 3
 * bytes: 12 bits min, 12 bits max, in 10 ms. We send 0,0: show each picture when it is complete. Worth 15–30
 * ms in Chromium. With sound beside them pictures wait TB_PLAYOUT_STEP_MS, which is what sound spends in the viewer's jitter buffer and
 * sound card at best, and up to TB_PLAYOUT_STEP_MOST_MS when the viewer finds it to be later (its own lip synchronisation). abs-capture-time: http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time, 8 bytes:
 * NTP time (32.32) of the capture; the page reads it with getSynchronizationSources(). Taken from the PTS of
 * the buffer (running time, see tb_media_epoch).
 */
#include <gst/gst.h>
#include <gst/rtp/rtp.h>

#define TB_URI_PLAYOUT_DELAY "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
#define TB_URI_CAPTURE_TIME "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
#define TB_PLAYOUT_STEP_MS 80
#define TB_PLAYOUT_STEP_MOST_MS 500
#define TB_URI_TWCC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

/* New floating extensions with `id` set. NULL when GStreamer's plugin is missing (TWCC only). */
GstRTPHeaderExtension *tb_rtpext_playout_delay_new(guint id, guint min_ms, guint max_ms); /* up to 40950 */
GstRTPHeaderExtension *tb_rtpext_capture_time_new(guint id);
GstRTPHeaderExtension *tb_rtpext_twcc_new(guint id);

/* Running time 0 of every pipeline of host and child, on the monotonic clock: buffers may then go from pipeline
 * to pipeline as they are. */
GstClockTime tb_media_epoch(void);
/* Of the host, in the child: before anything asks for it. */
void tb_media_set_epoch(gint64 us);
/* Makes `pipeline` use the system clock and that epoch. */
void tb_media_set_clock(GstElement *pipeline);
