#include "host/media/peers/pictures.h"

#include <errno.h>
#include <gst/audio/audio.h>
#include <gst/video/video.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "host/media/link/link.h"
#include "host/media/link/pictures.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define ROWS 64 /* of a call */

static TbMutex lock = TB_MUTEX_INIT; /* one picture at a time; protects `gone` */
static bool gone;                    /* the host does not read any more */

static void put(struct iovec *parts, int n)
{
        while (n > 0 && !gone) {
                struct msghdr message = {.msg_iov = parts, .msg_iovlen = (gsize)n};
                gssize sent = sendmsg(TB_MEDIA_PICTURES, &message, MSG_NOSIGNAL);
                if (sent < 0 && errno == EINTR)
                        continue;
                gone = sent <= 0;
                for (; sent > 0; parts++, n--) {
                        gsize part = MIN((gsize)sent, parts->iov_len);
                        parts->iov_base = (guint8 *)parts->iov_base + part;
                        parts->iov_len -= part;
                        sent -= (gssize)part;
                        if (parts->iov_len > 0)
                                break;
                }
        }
}

static void put_plane(GstVideoFrame *frame, guint plane)
{
        struct iovec rows[ROWS];
        guint8 *at = GST_VIDEO_FRAME_PLANE_DATA(frame, plane);
        int stride = GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane),
            left = GST_VIDEO_FRAME_COMP_HEIGHT(frame, plane),
            width = GST_VIDEO_FRAME_COMP_WIDTH(frame, plane);
        if (stride == width) {
                rows[0] = (struct iovec){at, (gsize)width * (gsize)left};
                put(rows, 1);
                return;
        }
        while (left > 0) {
                int n = MIN(left, ROWS);
                for (int i = 0; i < n; i++, at += stride)
                        rows[i] = (struct iovec){at, (gsize)width};
                put(rows, n);
                left -= n;
        }
}

void tb_pictures_write(gpointer id, GstSample *sample)
{
        GstVideoInfo info;
        GstVideoFrame frame;
        guint8 head[TB_PICTURE_HEAD];
        GstCaps *caps = gst_sample_get_caps(sample);
        if (!caps || !gst_video_info_from_caps(&info, caps) ||
            GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_I420 ||
            MAX(GST_VIDEO_INFO_WIDTH(&info), GST_VIDEO_INFO_HEIGHT(&info)) > TB_LIMIT_VIDEO_SIDE ||
            !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
                return;
        tb_picture_head_write(&(TbPictureHead){.id = GPOINTER_TO_UINT(id),
                                               .width = (guint32)GST_VIDEO_INFO_WIDTH(&info),
                                               .height = (guint32)GST_VIDEO_INFO_HEIGHT(&info)},
                              head);
        tb_mutex_lock(&lock);
        put(&(struct iovec){head, sizeof head}, 1);
        for (guint plane = 0; plane < 3; plane++)
                put_plane(&frame, plane);
        tb_mutex_unlock(&lock);
        gst_video_frame_unmap(&frame);
}

void tb_pictures_write_sound(gpointer id, GstSample *sample)
{
        GstAudioInfo info;
        GstMapInfo map;
        guint8 head[TB_PICTURE_HEAD];
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        GstCaps *caps = gst_sample_get_caps(sample);
        if (!caps || !gst_audio_info_from_caps(&info, caps) ||
            GST_AUDIO_INFO_FORMAT(&info) != GST_AUDIO_FORMAT_S16LE ||
            GST_AUDIO_INFO_RATE(&info) != TB_PICTURES_RATE ||
            GST_AUDIO_INFO_CHANNELS(&info) > TB_PICTURES_CHANNELS ||
            !gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
        gsize frames = map.size / (gsize)GST_AUDIO_INFO_BPF(&info);
        if (frames > 0 && frames <= TB_PICTURES_FRAMES) {
                tb_picture_head_write(&(TbPictureHead){.id = GPOINTER_TO_UINT(id),
                                                       .frames = (guint32)frames,
                                                       .channels = (guint32)GST_AUDIO_INFO_CHANNELS(&info)},
                                      head);
                tb_mutex_lock(&lock);
                put(&(struct iovec){head, sizeof head}, 1);
                put(&(struct iovec){map.data, frames * (gsize)GST_AUDIO_INFO_BPF(&info)}, 1);
                tb_mutex_unlock(&lock);
        }
        gst_buffer_unmap(buffer, &map);
}
