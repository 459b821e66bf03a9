/*
 * v4l2: the picture of a camera or an HDMI grabber. Streams only while somebody looks; frames go up as the
 * camera makes them (raw or JPEG).
 */
#include <errno.h>

#include "drivers/driver.h"
#include "drivers/transport/usbrule.h"
#include "drivers/v4l2/v4l2_capture.h"
#include "drivers/v4l2/v4l2_find.h"
#include "drivers/v4l2/v4l2_proto.h"
#include "lib/limits.h"

#define POOL_IDLE 8
#define SILENCE_MS 2000 /* a streaming camera that gives nothing for so long: say so */
#define RETRY_MS 1000   /* how often an input without signal is looked at */

typedef struct Camera {
        TbInstance base;
        TbV4l2 *camera;      /* owned; NULL: closed */
        TbFramePool *pool;   /* owned */
        bool wanted;         /* between start and stop */
        int max_fps;         /* of the viewers */
        gint64 last_us;      /* when a frame went up */
        const char *trouble; /* static: what the viewers were told; NULL: nothing */
} Camera;

static double wished_fps(const Camera *c)
{
        double fps = json_number_value(json_object_get(c->base.params, "fps"));

        return c->max_fps > 0 ? MIN(fps, c->max_fps) : fps;
}

static void tell_trouble(Camera *c, const char *trouble)
{
        if (trouble && g_strcmp0(trouble, c->trouble) != 0)
                c->base.up->no_signal(&c->base, trouble);
        c->trouble = trouble;
}

static bool begin(Camera *c, GError **error)
{
        const json_t *p = c->base.params;
        TbV4l2Wish wish = {
                .fourcc = tb_v4l2_fourcc(json_string_value(json_object_get(p, "format"))),
                .width = (int)json_integer_value(json_object_get(p, "width")),
                .height = (int)json_integer_value(json_object_get(p, "height")),
                .fps = wished_fps(c),
        };
        g_autoptr(GError) failed = NULL;
        TbV4l2Mode mode;
        char name[5];

        c->last_us = 0;
        if (!tb_v4l2_start(c->camera, &wish, &mode, &failed)) {
                /* A grabber without a source refuses to stream: that is no fault of ours, wait for the
                 * source. */
                const char *problem = tb_v4l2_input_problem(c->camera);
                if (problem) {
                        tell_trouble(c, problem);
                        return true;
                }
                g_propagate_error(error, g_steal_pointer(&failed));
                return false;
        }
        tb_v4l2_fourcc_text(mode.fourcc, name);
        c->base.up->event(&c->base, "video.mode",
                          json_pack("{s:i, s:i, s:f, s:s}", "width", mode.width, "height", mode.height, "fps",
                                    mode.fps, "format", name));
        return true;
}

static bool video_start(TbInstance *self, TbIo *io, int max_fps, GError **error)
{
        Camera *c = (Camera *)self;

        (void)io;
        c->max_fps = max_fps;
        c->trouble = NULL;
        c->wanted = true;
        if (begin(c, error))
                return true;
        c->wanted = false;
        return false;
}

static void video_stop(TbInstance *self, TbIo *io)
{
        Camera *c = (Camera *)self;

        (void)io;
        c->wanted = false;
        if (c->camera)
                tb_v4l2_stop(c->camera);
}

/* Cameras often have no slower mode than they were asked for: leave frames out then. */
static bool too_soon(const Camera *c, gint64 now)
{
        double fps = wished_fps(c);

        return c->last_us && fps > 0 && now - c->last_us < (gint64)(0.75 * G_USEC_PER_SEC / fps);
}

static bool take(Camera *c, GError **error)
{
        gint64 now = g_get_monotonic_time();
        TbFrame *frame = NULL;

        switch (tb_v4l2_take(c->camera, c->pool, too_soon(c, now), &frame, error)) {
        case TB_V4L2_FRAME:
                c->last_us = now;
                c->trouble = NULL;
                c->base.up->frame(&c->base, frame);
                return true;
        case TB_V4L2_NOTHING: return true;
        case TB_V4L2_FAILED: return false;
        }
        return false;
}

static bool idle(Camera *c, GError **error)
{
        if (!c->wanted)
                return true;
        const char *problem = tb_v4l2_input_problem(c->camera);
        if (problem || tb_v4l2_streaming(c->camera)) {
                tell_trouble(c, problem ? problem : "the camera delivers no frames");
                return true;
        }
        return begin(c, error); /* the source is back */
}

static bool camera_pump(TbInstance *self, TbIo *io, GError **error)
{
        Camera *c = (Camera *)self;
        bool streaming = tb_v4l2_streaming(c->camera);
        /* Asking for POLLIN without streaming is answered by POLLERR at once, for ever. */
        struct pollfd fd = {.fd = tb_v4l2_fd(c->camera),
                            .events = (short)(POLLPRI | (streaming ? POLLIN : 0))};
        int timeout = !c->wanted ? -1 : streaming ? SILENCE_MS : RETRY_MS;

        TbWait wait = tb_io_wait(io, &fd, 1, timeout);
        if (wait == TB_WAIT_TIMEOUT)
                return idle(c, error);
        if (wait != TB_WAIT_READY)
                return true;
        if ((fd.revents & POLLPRI) && tb_v4l2_source_changed(c->camera) && c->wanted) {
                tb_v4l2_stop(c->camera);
                return begin(c, error);
        }
        if ((fd.revents & POLLIN) && streaming)
                return take(c, error);
        if (fd.revents & (POLLERR | POLLHUP | POLLNVAL)) {
                tb_set_error(error, TB_ERROR_GONE, "%s: the camera was unplugged", self->uri->shown);
                return false;
        }
        return true;
}

/* --- life --- */
static bool camera_open(TbInstance *self, TbIo *io, GError **error)
{
        Camera *c = (Camera *)self;

        (void)io;
        g_autofree char *path = tb_v4l2_find(self->uri, self->params, error);
        if (!path)
                return false;
        c->camera = tb_v4l2_open(path, error);
        if (!c->camera)
                return false;
        if (!c->pool)
                c->pool = tb_frame_pool_new(POOL_IDLE);
        return true;
}

static void camera_close(TbInstance *self)
{
        Camera *c = (Camera *)self;

        g_clear_pointer(&c->camera, tb_v4l2_close);
        c->wanted = false;
}

static void camera_finalize(TbInstance *self)
{
        g_clear_pointer(&((Camera *)self)->pool, tb_frame_pool_unref);
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        return tb_v4l2_uri_check(uri, params, error);
}

static const TbVideoOps video = {.start = video_start, .stop = video_stop};

static const TbLane lanes[] = {
        {.name = "camera",
         .size = sizeof(Camera),
         .open = camera_open,
         .close = camera_close,
         .pump = camera_pump,
         .finalize = camera_finalize,
         .video = &video},
        {.name = NULL},
};

static const TbParam params[] = {
        TB_USBRULE_PARAM,
        {.name = "width",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_VIDEO_SIDE,
         .fallback = "1280",
         .unit = "px",
         .help = "The nearest size that the camera has."},
        {.name = "height",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_VIDEO_SIDE,
         .fallback = "720",
         .unit = "px",
         .help = "The nearest size that the camera has."},
        {.name = "fps",
         .type = TB_PARAM_NUMBER,
         .min = 1,
         .max = TB_LIMIT_FPS,
         .fallback = "30",
         .unit = "Hz",
         .help = "Frames per second."},
        {.name = "format",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("auto", "nv12", "i420", "yuyv", "bgrx", "mjpg"),
         .fallback = "\"auto\"",
         .help = "What the camera sends; auto takes the one with the least work that is fast enough."},
        TB_PARAM_END,
};

const TbDriver tb_driver_v4l2 = {
        .name = "v4l2",
        .summary = "Cameras and HDMI grabbers by Video4Linux; waits for a camera that is pulled, and says "
                   "when there is no signal.",
        .example = "v4l2:///dev/v4l/by-id/"
                   "usb-046d_HD_Pro_Webcam_C920_A1B2C3D4-video-index0?width=1280&height=720&fps=30",
        .params = params,
        .check = check,
        .lanes = lanes,
        .discovery = &tb_v4l2_discovery,
};
