/* Whole pictures of a clip: as many as are asked for, at equal distances; and as JPEG files, for those who look elsewhere. */
#include "server/worker/frames.h"

#include <glib/gstdio.h>
#include <turbojpeg.h>

#include "lib/limits.h"
#include "server/worker/decode.h"

#define QUALITY 80

guint tb_frames_each(const char *file, const char *caps, guint n, guint64 length_ns,
                     bool (*on_picture)(GstVideoFrame *frame, guint n, gpointer data), gpointer data)
{
        TbDecode d;
        g_autoptr(GError) error = NULL;
        guint taken = 0;
        guint64 step = length_ns / (n + 1);
        if (!tb_decode_open(&d, file, caps, &error))
                return 0;
        GstSample *sample;
        bool more = true;
        for (guint frames = 0;
             more && taken < n && frames < TB_LIMIT_LOOK_FRAMES && (sample = tb_decode_next(&d, &error));
             frames++) {
                GstClockTime at = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
                GstVideoInfo info;
                GstVideoFrame frame;
                if ((!GST_CLOCK_TIME_IS_VALID(at) || at >= step * (taken + 1)) &&
                    gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) &&
                    gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
                        more = on_picture(&frame, taken, data);
                        taken += more ? 1 : 0;
                        gst_video_frame_unmap(&frame);
                }
                gst_sample_unref(sample);
        }
        tb_decode_close(&d);
        return taken;
}

static bool save(GstVideoFrame *frame, guint n, gpointer data)
{
        g_autofree char *file = g_strdup_printf("%s/%u.jpg", (const char *)data, n);
        unsigned char *jpeg = NULL;
        unsigned long size = 0;
        tjhandle encoder = tjInitCompress();
        bool ok = encoder &&
                  tjCompress2(encoder, GST_VIDEO_FRAME_PLANE_DATA(frame, 0), GST_VIDEO_FRAME_WIDTH(frame),
                              GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0), GST_VIDEO_FRAME_HEIGHT(frame), TJPF_RGB,
                              &jpeg, &size, TJSAMP_420, QUALITY, 0) == 0 &&
                  g_file_set_contents_full(file, (char *)jpeg, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600,
                                           NULL);
        tjFree(jpeg);
        if (encoder)
                tjDestroy(encoder);
        return ok;
}

guint tb_frames_save(const char *file, char *folder, guint n, guint64 length_ns)
{
        return tb_frames_each(file,
                              "video/x-raw,format=RGB,width=[1,768],height=[1,768],pixel-aspect-ratio=1/1", n,
                              length_ns, save, folder);
}
