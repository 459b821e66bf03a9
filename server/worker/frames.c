/* Pictures of a clip for those who look at whole ones: as many as are asked for, at equal distances, as JPEG files. */
#include <glib/gstdio.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <turbojpeg.h>

#include "lib/limits.h"
#include "server/worker/decode.h"
#include "server/worker/worker.h"

#define QUALITY 80

static bool save(GstSample *sample, const char *file)
{
        GstVideoInfo info;
        GstVideoFrame frame;
        unsigned char *jpeg = NULL;
        unsigned long size = 0;
        if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
            !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
                return false;
        tjhandle encoder = tjInitCompress();
        bool ok = encoder &&
                  tjCompress2(encoder, GST_VIDEO_FRAME_PLANE_DATA(&frame, 0), GST_VIDEO_FRAME_WIDTH(&frame),
                              GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), GST_VIDEO_FRAME_HEIGHT(&frame),
                              TJPF_RGB, &jpeg, &size, TJSAMP_420, QUALITY, 0) == 0 &&
                  g_file_set_contents_full(file, (char *)jpeg, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600,
                                           NULL);
        tjFree(jpeg);
        if (encoder)
                tjDestroy(encoder);
        gst_video_frame_unmap(&frame);
        return ok;
}

guint tb_frames_save(const char *file, const char *folder, guint n, guint64 length_ns)
{
        TbDecode d;
        g_autoptr(GError) error = NULL;
        guint saved = 0;
        guint64 step = length_ns / (n + 1);
        if (!tb_decode_open(&d, file,
                            "video/x-raw,format=RGB,width=[1,768],height=[1,768],pixel-aspect-ratio=1/1",
                            &error))
                return 0;
        GstSample *sample;
        for (guint frames = 0;
             saved < n && frames < TB_LIMIT_LOOK_FRAMES && (sample = tb_decode_next(&d, &error)); frames++) {
                GstClockTime at = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
                if (!GST_CLOCK_TIME_IS_VALID(at) || at >= step * (saved + 1)) {
                        g_autofree char *name = g_strdup_printf("%s/%u.jpg", folder, saved);
                        if (save(sample, name))
                                saved++;
                }
                gst_sample_unref(sample);
        }
        tb_decode_close(&d);
        return saved;
}
