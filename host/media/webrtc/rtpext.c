#include "host/media/webrtc/rtpext.h"
#include "lib/clock.h"

/* Names of GTypes need three characters or more: with fewer g_type_register fails and the extension is NULL.
 */
typedef struct TbPlayoutDelay {
        GstRTPHeaderExtension parent;
        guint min, max; /* 10 ms */
} TbPlayoutDelay;

typedef struct TbPlayoutDelayClass {
        GstRTPHeaderExtensionClass parent_class;
} TbPlayoutDelayClass;

typedef struct TbCaptureTime {
        GstRTPHeaderExtension parent;
} TbCaptureTime;

typedef struct TbCaptureTimeClass {
        GstRTPHeaderExtensionClass parent_class;
} TbCaptureTimeClass;

GType tb_playout_delay_get_type(void);
GType tb_capture_time_get_type(void);
G_DEFINE_TYPE(TbPlayoutDelay, tb_playout_delay, GST_TYPE_RTP_HEADER_EXTENSION)
G_DEFINE_TYPE(TbCaptureTime, tb_capture_time, GST_TYPE_RTP_HEADER_EXTENSION)

#define PLAYOUT_DELAY_BYTES 3
#define CAPTURE_TIME_BYTES 8
#define NTP_UNIX_OFFSET_S G_GUINT64_CONSTANT(2208988800) /* 1900 to 1970 */

static GstRTPHeaderExtensionFlags both_forms(GstRTPHeaderExtension *ext G_GNUC_UNUSED)
{
        return GST_RTP_HEADER_EXTENSION_ONE_BYTE | GST_RTP_HEADER_EXTENSION_TWO_BYTE;
}

static gboolean read_nothing(GstRTPHeaderExtension *ext G_GNUC_UNUSED,
                             GstRTPHeaderExtensionFlags flags G_GNUC_UNUSED, const guint8 *data G_GNUC_UNUSED,
                             gsize size G_GNUC_UNUSED, GstBuffer *buffer G_GNUC_UNUSED)
{
        return TRUE; /* we never receive media */
}

static gboolean caps_from_uri(GstRTPHeaderExtension *ext, GstCaps *caps)
{
        return gst_rtp_header_extension_set_caps_from_attributes_helper(ext, caps, "");
}

/* --- playout-delay --- */
static gsize playout_delay_size(GstRTPHeaderExtension *ext G_GNUC_UNUSED,
                                const GstBuffer *input G_GNUC_UNUSED)
{
        return PLAYOUT_DELAY_BYTES;
}

static gssize playout_delay_write(GstRTPHeaderExtension *ext, const GstBuffer *input G_GNUC_UNUSED,
                                  GstRTPHeaderExtensionFlags flags G_GNUC_UNUSED,
                                  GstBuffer *output G_GNUC_UNUSED, guint8 *data, gsize size)
{
        if (size < PLAYOUT_DELAY_BYTES)
                return -1;
        const TbPlayoutDelay *self = (const TbPlayoutDelay *)ext;
        guint32 both = (self->min & 0xfff) << 12 | (self->max & 0xfff);
        data[0] = (guint8)(both >> 16);
        data[1] = (guint8)(both >> 8);
        data[2] = (guint8)both;
        return PLAYOUT_DELAY_BYTES;
}

static void tb_playout_delay_init(TbPlayoutDelay *self G_GNUC_UNUSED)
{
}

static void tb_playout_delay_class_init(TbPlayoutDelayClass *klass)
{
        GstRTPHeaderExtensionClass *ext = GST_RTP_HEADER_EXTENSION_CLASS(klass);
        ext->get_supported_flags = both_forms;
        ext->get_max_size = playout_delay_size;
        ext->write = playout_delay_write;
        ext->read = read_nothing;
        ext->set_caps_from_attributes = caps_from_uri;
        gst_element_class_set_static_metadata(
                GST_ELEMENT_CLASS(klass), "Playout delay", "Network/Extension/RTPHeader",
                "Asks the receiver to show pictures without smoothing", "Testbed");
        gst_rtp_header_extension_class_set_uri(ext, TB_URI_PLAYOUT_DELAY);
}

/* --- abs-capture-time --- */
static gsize capture_time_size(GstRTPHeaderExtension *ext G_GNUC_UNUSED, const GstBuffer *input G_GNUC_UNUSED)
{
        return CAPTURE_TIME_BYTES;
}

static gssize capture_time_write(GstRTPHeaderExtension *ext G_GNUC_UNUSED, const GstBuffer *input,
                                 GstRTPHeaderExtensionFlags flags G_GNUC_UNUSED,
                                 GstBuffer *output G_GNUC_UNUSED, guint8 *data, gsize size)
{
        if (size < CAPTURE_TIME_BYTES)
                return -1;
        if (!GST_BUFFER_PTS_IS_VALID(input))
                return 0;
        gint64 taken_us = (gint64)((GST_BUFFER_PTS(input) + tb_media_epoch()) / GST_USECOND);
        guint64 unix_us = (guint64)(tb_clock_us() - g_get_monotonic_time() + taken_us);
        guint64 seconds = unix_us / G_USEC_PER_SEC + NTP_UNIX_OFFSET_S;
        guint64 fraction = (unix_us % G_USEC_PER_SEC << 32) / G_USEC_PER_SEC;
        GST_WRITE_UINT64_BE(data, seconds << 32 | fraction);
        return CAPTURE_TIME_BYTES;
}

static void tb_capture_time_init(TbCaptureTime *self G_GNUC_UNUSED)
{
}

static void tb_capture_time_class_init(TbCaptureTimeClass *klass)
{
        GstRTPHeaderExtensionClass *ext = GST_RTP_HEADER_EXTENSION_CLASS(klass);
        ext->get_supported_flags = both_forms;
        ext->get_max_size = capture_time_size;
        ext->write = capture_time_write;
        ext->read = read_nothing;
        ext->set_caps_from_attributes = caps_from_uri;
        gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Absolute capture time",
                                              "Network/Extension/RTPHeader",
                                              "Tells the receiver when a picture was taken", "Testbed");
        gst_rtp_header_extension_class_set_uri(ext, TB_URI_CAPTURE_TIME);
}

static GstRTPHeaderExtension *with_id(GstRTPHeaderExtension *ext, guint id)
{
        if (ext)
                gst_rtp_header_extension_set_id(ext, id);
        return ext;
}

GstRTPHeaderExtension *tb_rtpext_playout_delay_new(guint id, guint min_ms, guint max_ms)
{
        TbPlayoutDelay *ext = g_object_new(tb_playout_delay_get_type(), NULL);
        ext->min = min_ms / 10;
        ext->max = max_ms / 10;
        return with_id(&ext->parent, id);
}

GstRTPHeaderExtension *tb_rtpext_capture_time_new(guint id)
{
        return with_id(g_object_new(tb_capture_time_get_type(), NULL), id);
}

GstRTPHeaderExtension *tb_rtpext_twcc_new(guint id)
{
        return with_id(gst_rtp_header_extension_create_from_uri(TB_URI_TWCC), id);
}

/* --- clock --- */
static gsize epoch;

GstClockTime tb_media_epoch(void)
{
        if (g_once_init_enter(&epoch))
                g_once_init_leave(&epoch, (gsize)(g_get_monotonic_time() -
                                                  G_USEC_PER_SEC)); /* - 1 s: no PTS is negative */
        return (GstClockTime)epoch * GST_USECOND;
}

void tb_media_set_epoch(gint64 us)
{
        if (g_once_init_enter(&epoch))
                g_once_init_leave(&epoch, (gsize)MAX(us, 1));
}

void tb_media_set_clock(GstElement *pipeline)
{
        g_autoptr(GstClock) clock = gst_system_clock_obtain();
        gst_pipeline_use_clock(GST_PIPELINE(pipeline), clock);
        gst_element_set_start_time(pipeline, GST_CLOCK_TIME_NONE);
        gst_element_set_base_time(pipeline, tb_media_epoch());
}
