#include "drivers/v4l2/v4l2_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/transport/sysdev.h"
#include "lib/error.h"
#include "lib/limits.h"

#define BUFFERS 4
#define FORMATS_MAX 64
#define SIZES_MAX 256

typedef struct Buffer {
        void *data; /* mapped */
        gsize size;
} Buffer;

struct TbV4l2 {
        char *path; /* owned */
        int fd;
        bool streaming;
        TbV4l2Mode mode;
        TbPixelFormat format;
        gsize stride;
        guint n_buffers;
        Buffer buffer[BUFFERS];
};

static int xioctl(int fd, unsigned long request, void *arg)
{
        int r;

        do {
                r = ioctl(fd, request, arg);
        } while (r < 0 && errno == EINTR);
        return r;
}

static bool camera_failed(TbV4l2 *c, const char *what, GError **error)
{
        int errnum = errno;
        TbErrorCode code = errnum == ENODEV || errnum == ENXIO || errnum == EIO ? TB_ERROR_GONE
                           : errnum == EBUSY                                    ? TB_ERROR_BUSY
                                                                                : TB_ERROR_DEVICE;

        tb_set_error(error, code, "%s: cannot %s: %s", c->path, what,
                     errnum == EBUSY ? "another program uses the camera" : g_strerror(errnum));
        return false;
}

/* --- open --- */
static bool captures(int fd, struct v4l2_capability *cap)
{
        if (xioctl(fd, VIDIOC_QUERYCAP, cap) != 0)
                return false;
        guint32 caps = cap->capabilities & V4L2_CAP_DEVICE_CAPS ? cap->device_caps : cap->capabilities;
        return (caps & V4L2_CAP_VIDEO_CAPTURE) && (caps & V4L2_CAP_STREAMING);
}

bool tb_v4l2_is_camera(const char *path, char **ret_card)
{
        struct v4l2_capability cap = {0};
        int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return false;
        bool yes = captures(fd, &cap);
        close(fd);
        if (yes && ret_card)
                *ret_card = g_utf8_make_valid((const char *)cap.card,
                                              (gssize)strnlen((const char *)cap.card, sizeof cap.card));
        return yes;
}

TbV4l2 *tb_v4l2_open(const char *path, GError **error)
{
        struct v4l2_event_subscription subscription = {.type = V4L2_EVENT_SOURCE_CHANGE};
        struct v4l2_capability cap = {0};
        int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0) {
                tb_sysdev_open_failed(path, errno, error);
                return NULL;
        }
        if (!captures(fd, &cap)) {
                close(fd);
                tb_set_error(error, TB_ERROR_UNSUPPORTED, "%s is no camera that streams pictures", path);
                return NULL;
        }
        TbV4l2 *c = g_new0(TbV4l2, 1);
        c->path = g_strdup(path);
        c->fd = fd;
        (void)xioctl(fd, VIDIOC_SUBSCRIBE_EVENT, &subscription); /* most webcams have none */
        return c;
}

void tb_v4l2_close(TbV4l2 *c)
{
        if (!c)
                return;
        tb_v4l2_stop(c);
        close(c->fd);
        g_free(c->path);
        g_free(c);
}

int tb_v4l2_fd(TbV4l2 *c)
{
        return c->fd;
}

bool tb_v4l2_streaming(TbV4l2 *c)
{
        return c->streaming;
}

/* --- modes --- */
static double fps_of(struct v4l2_fract interval)
{
        return interval.numerator ? (double)interval.denominator / interval.numerator : 0;
}

static void add_mode(GArray *modes, guint32 fourcc, int width, int height, double fps)
{
        TbV4l2Mode mode = {.fourcc = fourcc, .width = width, .height = height, .fps = fps};

        if (modes->len < TB_V4L2_MODES)
                g_array_append_val(modes, mode);
}

static void add_rates(TbV4l2 *c, GArray *modes, guint32 fourcc, int width, int height, const TbV4l2Wish *wish)
{
        struct v4l2_frmivalenum rate = {
                .pixel_format = fourcc, .width = (guint32)width, .height = (guint32)height};

        if (xioctl(c->fd, VIDIOC_ENUM_FRAMEINTERVALS, &rate) != 0) {
                add_mode(modes, fourcc, width, height, wish->fps); /* it does not say: believe that it can */
                return;
        }
        if (rate.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
                double fastest = fps_of(rate.stepwise.min), slowest = fps_of(rate.stepwise.max);
                add_mode(modes, fourcc, width, height, CLAMP(wish->fps, slowest, MAX(fastest, slowest)));
                return;
        }
        do {
                add_mode(modes, fourcc, width, height, fps_of(rate.discrete));
                rate.index++;
        } while (rate.index < SIZES_MAX && xioctl(c->fd, VIDIOC_ENUM_FRAMEINTERVALS, &rate) == 0);
}

static void add_sizes(TbV4l2 *c, GArray *modes, guint32 fourcc, const TbV4l2Wish *wish)
{
        struct v4l2_frmsizeenum size = {.pixel_format = fourcc};

        if (xioctl(c->fd, VIDIOC_ENUM_FRAMESIZES, &size) != 0) {
                add_rates(c, modes, fourcc, wish->width ? wish->width : 640,
                          wish->height ? wish->height : 480, wish);
                return;
        }
        if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
                const struct v4l2_frmsize_stepwise *s = &size.stepwise;
                int width =
                        tb_v4l2_snap(wish->width, (int)s->min_width, (int)s->max_width, (int)s->step_width);
                int height = tb_v4l2_snap(wish->height, (int)s->min_height, (int)s->max_height,
                                          (int)s->step_height);
                add_rates(c, modes, fourcc, width, height, wish);
                return;
        }
        do {
                add_rates(c, modes, fourcc, (int)size.discrete.width, (int)size.discrete.height, wish);
                size.index++;
        } while (size.index < SIZES_MAX && xioctl(c->fd, VIDIOC_ENUM_FRAMESIZES, &size) == 0);
}

static GArray *modes_of(TbV4l2 *c, const TbV4l2Wish *wish)
{
        GArray *modes = g_array_new(FALSE, FALSE, sizeof(TbV4l2Mode));
        struct v4l2_fmtdesc format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
        TbPixelFormat pixel;

        for (; format.index < FORMATS_MAX && xioctl(c->fd, VIDIOC_ENUM_FMT, &format) == 0; format.index++) {
                if (tb_v4l2_format(format.pixelformat, &pixel))
                        add_sizes(c, modes, format.pixelformat, wish);
        }
        return modes;
}

/* An HDMI grabber streams at the size of its source: take over what it sees. */
static void follow_source(TbV4l2 *c)
{
        struct v4l2_dv_timings timings = {0};

        if (xioctl(c->fd, VIDIOC_QUERY_DV_TIMINGS, &timings) == 0)
                (void)xioctl(c->fd, VIDIOC_S_DV_TIMINGS, &timings);
}

static bool set_mode(TbV4l2 *c, const TbV4l2Mode *mode, GError **error)
{
        struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
        struct v4l2_streamparm parm = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};

        format.fmt.pix.width = (guint32)mode->width;
        format.fmt.pix.height = (guint32)mode->height;
        format.fmt.pix.pixelformat = mode->fourcc;
        format.fmt.pix.field = V4L2_FIELD_ANY;
        if (xioctl(c->fd, VIDIOC_S_FMT, &format) != 0)
                return camera_failed(c, "set the format", error);
        /* The driver may have taken another one; what it says now counts. */
        const struct v4l2_pix_format *pix = &format.fmt.pix;
        char name[5];
        tb_v4l2_fourcc_text(pix->pixelformat, name);
        if (!tb_v4l2_format(pix->pixelformat, &c->format) || pix->width < 1 ||
            pix->width > TB_LIMIT_VIDEO_SIDE || pix->height < 1 || pix->height > TB_LIMIT_VIDEO_SIDE) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED, "%s gives %ux%u %s, which cannot be shown", c->path,
                             pix->width, pix->height, name);
                return false;
        }
        c->mode = (TbV4l2Mode){.fourcc = pix->pixelformat,
                               .width = (int)pix->width,
                               .height = (int)pix->height,
                               .fps = mode->fps};
        c->stride = pix->bytesperline;
        if (mode->fps > 0) {
                parm.parm.capture.timeperframe = (struct v4l2_fract){
                        .numerator = 1000, .denominator = (guint32)(mode->fps * 1000 + 0.5)};
                if (xioctl(c->fd, VIDIOC_S_PARM, &parm) == 0 && parm.parm.capture.timeperframe.numerator)
                        c->mode.fps = fps_of(parm.parm.capture.timeperframe);
        }
        return true;
}

/* --- streaming --- */
static void unmap(TbV4l2 *c)
{
        struct v4l2_requestbuffers none = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};

        for (guint i = 0; i < c->n_buffers; i++)
                munmap(c->buffer[i].data, c->buffer[i].size);
        if (c->n_buffers)
                (void)xioctl(c->fd, VIDIOC_REQBUFS, &none);
        c->n_buffers = 0;
}

static bool map(TbV4l2 *c, GError **error)
{
        struct v4l2_requestbuffers request = {
                .count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};

        if (xioctl(c->fd, VIDIOC_REQBUFS, &request) != 0)
                return camera_failed(c, "get buffers", error);
        for (guint i = 0; i < MIN(request.count, BUFFERS); i++) {
                struct v4l2_buffer buffer = {
                        .index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
                if (xioctl(c->fd, VIDIOC_QUERYBUF, &buffer) != 0)
                        return camera_failed(c, "get buffers", error);
                void *data = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, c->fd, (off_t)buffer.m.offset);
                if (data == MAP_FAILED)
                        return camera_failed(c, "map its buffers", error);
                c->buffer[c->n_buffers++] = (Buffer){.data = data, .size = buffer.length};
                if (xioctl(c->fd, VIDIOC_QBUF, &buffer) != 0)
                        return camera_failed(c, "queue its buffers", error);
        }
        return true;
}

bool tb_v4l2_start(TbV4l2 *c, const TbV4l2Wish *wish, TbV4l2Mode *ret_mode, GError **error)
{
        int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

        tb_v4l2_stop(c);
        follow_source(c);
        g_autoptr(GArray) modes = modes_of(c, wish);
        int best = tb_v4l2_choose((const TbV4l2Mode *)(void *)modes->data, modes->len, wish);
        if (best < 0) {
                char name[5] = "";
                tb_v4l2_fourcc_text(wish->fourcc, name);
                tb_set_error(error, TB_ERROR_UNSUPPORTED, "%s has no mode that can be shown%s%s", c->path,
                             wish->fourcc ? " in the format " : "", wish->fourcc ? name : "");
                return false;
        }
        if (!set_mode(c, &g_array_index(modes, TbV4l2Mode, best), error))
                return false;
        if (!map(c, error)) {
                unmap(c);
                return false;
        }
        if (xioctl(c->fd, VIDIOC_STREAMON, &type) != 0) {
                camera_failed(c, "start streaming", error);
                unmap(c);
                return false;
        }
        c->streaming = true;
        *ret_mode = c->mode;
        return true;
}

void tb_v4l2_stop(TbV4l2 *c)
{
        int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

        if (c->streaming)
                (void)xioctl(c->fd, VIDIOC_STREAMOFF, &type);
        c->streaming = false;
        unmap(c);
}

static TbFrame *frame_of(TbV4l2 *c, TbFramePool *pool, const struct v4l2_buffer *b)
{
        gsize used = MIN((gsize)b->bytesused, c->buffer[b->index].size);
        TbFrame *frame = (b->flags & V4L2_BUF_FLAG_ERROR)
                                 ? NULL
                                 : tb_frame_pool_take(pool, c->format, c->mode.width, c->mode.height, used);

        if (!frame)
                return NULL;
        if (!tb_v4l2_fill(frame, c->buffer[b->index].data, used, c->stride)) {
                tb_frame_unref(frame);
                return NULL;
        }
        bool monotonic = (b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        frame->t_us = monotonic ? (gint64)b->timestamp.tv_sec * G_USEC_PER_SEC + b->timestamp.tv_usec
                                : g_get_monotonic_time();
        return frame;
}

TbV4l2Got tb_v4l2_take(TbV4l2 *c, TbFramePool *pool, bool skip, TbFrame **ret_frame, GError **error)
{
        struct v4l2_buffer b = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
        TbFrame *frame = NULL;

        if (xioctl(c->fd, VIDIOC_DQBUF, &b) != 0) {
                if (errno == EAGAIN)
                        return TB_V4L2_NOTHING;
                camera_failed(c, "take a frame", error);
                return TB_V4L2_FAILED;
        }
        if (b.index < c->n_buffers && !skip)
                frame = frame_of(c, pool, &b);
        if (xioctl(c->fd, VIDIOC_QBUF, &b) != 0) {
                tb_frame_unref(frame);
                camera_failed(c, "give a buffer back", error);
                return TB_V4L2_FAILED;
        }
        if (!frame)
                return TB_V4L2_NOTHING;
        *ret_frame = frame;
        return TB_V4L2_FRAME;
}

/* --- the source --- */
const char *tb_v4l2_input_problem(TbV4l2 *c)
{
        struct v4l2_dv_timings timings = {0};
        struct v4l2_input input = {0};
        int index;

        if (xioctl(c->fd, VIDIOC_QUERY_DV_TIMINGS, &timings) != 0) {
                if (errno == ENOLINK)
                        return "no signal: nothing is connected to the camera's input, or it is off";
                if (errno == ENOLCK)
                        return "the signal at the input is not stable";
                if (errno == ERANGE)
                        return "the signal at the input is outside what the grabber can take";
        }
        if (xioctl(c->fd, VIDIOC_G_INPUT, &index) != 0)
                return NULL;
        input.index = (guint32)index;
        if (xioctl(c->fd, VIDIOC_ENUMINPUT, &input) != 0)
                return NULL;
        if (input.status & V4L2_IN_ST_NO_POWER)
                return "the camera's input is off";
        if (input.status & V4L2_IN_ST_NO_SIGNAL)
                return "no signal at the camera's input";
        if (input.status & (V4L2_IN_ST_NO_H_LOCK | V4L2_IN_ST_NO_SYNC))
                return "the signal at the input is not stable";
        return NULL;
}

bool tb_v4l2_source_changed(TbV4l2 *c)
{
        struct v4l2_event event = {0};
        bool changed = false;

        do {
                if (xioctl(c->fd, VIDIOC_DQEVENT, &event) != 0)
                        break;
                changed |= event.type == V4L2_EVENT_SOURCE_CHANGE;
        } while (event.pending > 0);
        return changed;
}
