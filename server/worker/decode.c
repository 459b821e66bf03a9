#include "server/worker/decode.h"

#include <gst/app/gstappsink.h>

#include "lib/error.h"

#define PULL_NS (100 * GST_MSECOND)
#define PULLS 200 /* without a picture: it does not go on */

bool tb_decode_open(TbDecode *ret, const char *file, const char *caps, GError **error)
{
        g_autofree char *words =
                g_strdup_printf("filesrc name=file ! decodebin ! videoconvert ! videoscale ! %s ! "
                                "appsink name=sink sync=false max-buffers=4",
                                caps);
        *ret = (TbDecode){.pipe = gst_parse_launch(words, error)};
        if (!ret->pipe)
                return false;
        g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(ret->pipe), "file");
        ret->sink = gst_bin_get_by_name(GST_BIN(ret->pipe), "sink");
        g_object_set(source, "location", file, NULL);
        gst_element_set_state(ret->pipe, GST_STATE_PLAYING);
        return true;
}

static bool fault(GstElement *pipe, GError **error)
{
        g_autoptr(GstBus) bus = gst_element_get_bus(pipe);
        g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        g_autoptr(GError) why = NULL;
        if (!message)
                return false;
        gst_message_parse_error(message, &why, NULL);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the clip cannot be decoded: %s", why->message);
        return true;
}

GstSample *tb_decode_next(TbDecode *d, GError **error)
{
        GstSample *sample = NULL;
        for (guint i = 0; i < PULLS && !sample; i++) {
                sample = gst_app_sink_try_pull_sample(GST_APP_SINK(d->sink), PULL_NS);
                if (!sample && (tb_decode_is_over(d) || fault(d->pipe, error)))
                        return NULL;
        }
        if (!sample && !fault(d->pipe, error))
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the clip cannot be decoded: there is no picture in it, or it does not go on");
        return sample;
}

bool tb_decode_is_over(const TbDecode *d)
{
        return gst_app_sink_is_eos(GST_APP_SINK(d->sink));
}

void tb_decode_close(TbDecode *d)
{
        gst_element_set_state(d->pipe, GST_STATE_NULL);
        gst_object_unref(d->sink);
        gst_object_unref(d->pipe);
}
