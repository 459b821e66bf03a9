/* A screen without hardware: moving, full of change, with the time burnt in. For demos, tests of the media
 * path and measurements of latency. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/testpattern/pattern.h"
#include "drivers/transport/samples.h"
#include "lib/clock.h"
#include "lib/limits.h"

typedef struct Screen {
        TbInstance base;
        TbTestpattern pattern;
        TbFramePool *pool; /* ref */
        int width, height, fps;
        gint64 interval_us, next_us; /* next_us 0: stopped */
        guint64 n;
        int marker_x, marker_y; /* -1: none */
} Screen;

typedef struct Counter {
        TbInstance base;
        guint64 n;
} Counter;

static const TbParam params[] = {
        {.name = "width",
         .type = TB_PARAM_INT,
         .min = TB_TESTPATTERN_MIN_WIDTH,
         .max = TB_LIMIT_VIDEO_SIDE,
         .fallback = "1280",
         .unit = "px",
         .help = "of the picture"},
        {.name = "height",
         .type = TB_PARAM_INT,
         .min = TB_TESTPATTERN_MIN_HEIGHT,
         .max = TB_LIMIT_VIDEO_SIDE,
         .fallback = "720",
         .unit = "px",
         .help = "of the picture"},
        {.name = "fps",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_FPS,
         .fallback = "30",
         .unit = "1/s",
         .help = "pictures a second"},
        {.name = "flash",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "the lower right corner is white for the first 100 ms of each second, when "
                 "testtone://?pattern=beep beeps"},
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 3600000,
         .fallback = "1000",
         .unit = "ms",
         .help = "pause between two samples"},
        TB_PARAM_END,
};

static bool screen_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Screen *s = (Screen *)self;
        s->pool = tb_frame_pool_new(4);
        s->width = (int)json_integer_value(json_object_get(self->params, "width"));
        s->height = (int)json_integer_value(json_object_get(self->params, "height"));
        s->fps = (int)json_integer_value(json_object_get(self->params, "fps"));
        s->marker_x = -1;
        tb_testpattern_init(&s->pattern, s->width, s->height);
        s->pattern.flashes = json_is_true(json_object_get(self->params, "flash"));
        return true;
}

static void screen_close(TbInstance *self)
{
        Screen *s = (Screen *)self;
        tb_testpattern_clear(&s->pattern);
        g_clear_pointer(&s->pool, tb_frame_pool_unref);
        s->next_us = 0;
}

static void paint(Screen *s)
{
        TbFrame *frame = tb_frame_pool_take(s->pool, TB_PIXEL_BGRX, s->width, s->height, 0);
        frame->t_us = g_get_monotonic_time();
        tb_testpattern_draw(&s->pattern, (guint32 *)(gpointer)frame->plane[0], s->n++, tb_clock_ms(),
                            s->marker_x, s->marker_y);
        s->base.up->frame(&s->base, frame);
}

static bool screen_pump(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        Screen *s = (Screen *)self;
        gint64 now = g_get_monotonic_time();
        if (s->next_us && s->next_us <= now) {
                paint(s);
                s->next_us = MAX(s->next_us + s->interval_us, now); /* a late one does not bring two */
                now = g_get_monotonic_time();
        }
        int wait = s->next_us ? (int)MAX((s->next_us - now + 999) / 1000, 0) : -1;
        tb_io_wait(io, NULL, 0, wait);
        return true;
}

static bool start(TbInstance *self, TbIo *io G_GNUC_UNUSED, int max_fps, GError **error G_GNUC_UNUSED)
{
        Screen *s = (Screen *)self;
        s->interval_us = G_USEC_PER_SEC / CLAMP(max_fps, 1, s->fps);
        s->next_us = g_get_monotonic_time();
        return true;
}

static void stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        ((Screen *)self)->next_us = 0;
}

/* "640x360" */
static bool set_size(Screen *s, const char *text, GError **error)
{
        char *end;
        gint64 width = g_ascii_strtoll(text, &end, 10);
        gint64 height = *end == 'x' ? g_ascii_strtoll(end + 1, &end, 10) : 0;
        if (*end == '\n')
                end++;
        if (*end || width < TB_TESTPATTERN_MIN_WIDTH || height < TB_TESTPATTERN_MIN_HEIGHT ||
            width > TB_LIMIT_VIDEO_SIDE || height > TB_LIMIT_VIDEO_SIDE) {
                tb_error_set_field(error, TB_ERROR_INVALID, "text",
                                   "type a size, as 640x360 (%dx%d to %dx%d)", TB_TESTPATTERN_MIN_WIDTH,
                                   TB_TESTPATTERN_MIN_HEIGHT, TB_LIMIT_VIDEO_SIDE, TB_LIMIT_VIDEO_SIDE);
                return false;
        }
        s->width = (int)width;
        s->height = (int)height;
        tb_testpattern_clear(&s->pattern);
        tb_testpattern_init(&s->pattern, s->width, s->height);
        return true;
}

static bool send(TbInstance *self, TbIo *io G_GNUC_UNUSED, const TbInput *events, guint n,
                 guint *ret_done G_GNUC_UNUSED, GError **error)
{
        Screen *s = (Screen *)self;
        for (guint i = 0; i < n; i++)
                switch (events[i].type) {
                case TB_INPUT_TEXT:
                        if (!set_size(s, events[i].text, error))
                                return false;
                        break;
                case TB_INPUT_POINTER:
                case TB_INPUT_TAP:
                        s->marker_x = (int)CLAMP(events[i].x, 0, s->width - 1);
                        s->marker_y = (int)CLAMP(events[i].y, 0, s->height - 1);
                        break;
                case TB_INPUT_SWIPE:
                        s->marker_x = (int)CLAMP(events[i].x2, 0, s->width - 1);
                        s->marker_y = (int)CLAMP(events[i].y2, 0, s->height - 1);
                        break;
                case TB_INPUT_KEY:
                case TB_INPUT_SCROLL: break; /* nothing to see */
                }
        return true;
}

static bool sample(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Counter *c = (Counter *)self;
        tb_samples_tell(self, "pattern.counter", "count", "1", (double)c->n);
        tb_samples_tell(self, "pattern.wave", "ratio", "1", sin((double)c->n * M_PI / 16));
        c->n++;
        return true;
}

static const TbVideoOps video = {.start = start, .stop = stop};
static const TbInputOps input = {.send = send};
static const TbSensorOps sensors = {.interval_ms = 1000, .sample = sample};
static const TbLane lanes[] = {
        {.name = "screen",
         .size = sizeof(Screen),
         .open = screen_open,
         .close = screen_close,
         .pump = screen_pump,
         .video = &video,
         .input = &input},
        {.name = "counter", .size = sizeof(Counter), .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_testpattern = {
        .name = "testpattern",
        .summary = "A moving test picture with the time burnt in, and a counting sensor; no hardware.",
        .example = "testpattern://?width=1280&height=720&fps=30",
        .params = params,
        .lanes = lanes,
};
