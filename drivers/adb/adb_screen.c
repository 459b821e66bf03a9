/*
 * adb_screen.c - the screen of a phone by raw screencap: works on every Android, with nothing installed
 *
 * One capture after the other while somebody watches: fast while the picture changes, four a second while it
 * does not, and only what changed is passed on, with the rectangle that did.
 */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_proto.h"
#include "drivers/adb/adb_serial.h"
#include "lib/limits.h"

#define CAPTURE_MS 8000
#define BUSY_US (2 * G_USEC_PER_SEC) /* this long after a change the picture counts as moving */
#define IDLE_MS 250
#define FAILURES_MAX 5
#define WORDS_MAX 4096 /* bytes */

bool tb_adb_screen_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbScreenLane *lane = (TbAdbScreenLane *)self;

        if (!tb_adb_lane_open(self, io, error))
                return false;
        if (lane->pool == NULL)
                lane->pool = tb_frame_pool_new(4);
        lane->failures = 0;
        lane->next_us = 0;
        lane->watch = tb_adb_host_service(io, &lane->lane.target, "host:track-devices-l", error);
        return lane->watch != NULL;
}

void tb_adb_screen_close(TbInstance *self)
{
        TbAdbScreenLane *lane = (TbAdbScreenLane *)self;

        g_clear_pointer(&lane->watch, tb_transport_close);
        g_clear_pointer(&lane->last, tb_frame_unref);
}

void tb_adb_screen_finalize(TbInstance *self)
{
        g_clear_pointer(&((TbAdbScreenLane *)self)->pool, tb_frame_pool_unref);
        tb_adb_lane_finalize(self);
}

static bool video_start(TbInstance *self, TbIo *io, int max_fps, GError **error)
{
        TbAdbScreenLane *lane = (TbAdbScreenLane *)self;
        int most = (int)json_integer_value(json_object_get(self->params, "fps"));

        (void)io;
        (void)error;
        lane->running = true;
        lane->max_fps = most > 0 && (max_fps <= 0 || most < max_fps) ? most : MAX(max_fps, 1);
        lane->next_us = 0;
        lane->changed_us = g_get_monotonic_time();
        lane->dark = false;
        g_clear_pointer(&lane->last, tb_frame_unref);
        return true;
}

static void video_stop(TbInstance *self, TbIo *io)
{
        TbAdbScreenLane *lane = (TbAdbScreenLane *)self;

        (void)io;
        lane->running = false;
        g_clear_pointer(&lane->last, tb_frame_unref);
}

const TbVideoOps tb_adb_video_ops = {.start = video_start, .stop = video_stop};

/* --- one capture --- */

/* Two formats go through as they are; old phones' others become RGBX. */
static TbPixelFormat frame_format(guint32 format)
{
        return format == 5 ? TB_PIXEL_BGRX : TB_PIXEL_RGBX;
}

static void convert_row(guint8 *to, const guint8 *from, guint width, guint32 format)
{
        for (guint x = 0; x < width; x++, to += 4) {
                if (format == 3) {
                        memcpy(to, from + 3 * (gsize)x, 3);
                } else {
                        guint v = (guint)(from[2 * (gsize)x] | from[2 * (gsize)x + 1] << 8);

                        to[0] = (guint8)((v >> 11 & 31) * 255 / 31);
                        to[1] = (guint8)((v >> 5 & 63) * 255 / 63);
                        to[2] = (guint8)((v & 31) * 255 / 31);
                }
                to[3] = 255;
        }
}

/* The pixels behind the first 16 bytes into `pixels`. Whether the header has 12 or 16 bytes shows at the end:
 * 4 bytes more, or none. */
static bool read_pixels(TbTransport *link, TbIo *io, const guint8 head[16], guint8 *pixels, gsize size,
                        GError **error)
{
        gsize have = size - 4;

        if (!tb_transport_read_exact(link, io, pixels, have, CAPTURE_MS, error))
                return false;
        for (gsize more = 0; more < 4;) {
                gssize n = tb_transport_read(link, io, pixels + have + more, 4 - more, CAPTURE_MS, error);

                if (n < 0)
                        return false;
                if (n == 0 && more == 0) { /* 12: what looked like the colour space was the first pixel */
                        memmove(pixels + 4, pixels, have);
                        memcpy(pixels, head + 12, 4);
                        return true;
                }
                if (n == 0)
                        break;
                more += (gsize)n;
                if (more == 4)
                        return true;
        }
        tb_set_error(error, TB_ERROR_DEVICE, "%s: screencap sent half a picture", tb_transport_name(link));
        return false;
}

/* Phones with several displays and no choice made print a warning to the same stream, some lines before the picture. */
static bool skip_words(TbTransport *link, TbIo *io, guint8 head[16], TbAdbPicture *ret)
{
        for (gsize read = 0; read < WORDS_MAX;) {
                const guint8 *end = memchr(head, '\n', 16);
                gsize gone = end != NULL ? (gsize)(end - head) + 1 : 16;

                memmove(head, head + gone, 16 - gone);
                if (!tb_transport_read_exact(link, io, head + 16 - gone, gone, CAPTURE_MS, NULL))
                        return false;
                if (end != NULL && tb_adb_parse_picture(head, 16, ret) > 0)
                        return true;
                read += gone;
        }
        return false;
}

static TbFrame *read_picture(TbAdbScreenLane *lane, TbTransport *link, TbIo *io, GError **error)
{
        g_autoptr(TbFrame) frame = NULL;
        TbAdbPicture p;
        guint8 head[16];

        if (!tb_transport_read_exact(link, io, head, sizeof(head), CAPTURE_MS, error))
                return NULL;
        if ((tb_adb_parse_picture(head, sizeof(head), &p) <= 0 && !skip_words(link, io, head, &p)) ||
            (frame = tb_frame_pool_take(lane->pool, frame_format(p.format), (int)p.width, (int)p.height,
                                        0)) == NULL) {
                tb_set_error(error, TB_ERROR_DEVICE, "%s: screencap sent no picture",
                             tb_transport_name(link));
                return NULL;
        }
        gsize row = (gsize)p.width * p.bytes_per_pixel, size = row * p.height;
        if (p.bytes_per_pixel == 4 && frame->stride[0] == (int)row) {
                if (!read_pixels(link, io, head, frame->plane[0], size, error))
                        return NULL;
        } else {
                g_autofree guint8 *raw = g_malloc(size);

                if (!read_pixels(link, io, head, raw, size, error))
                        return NULL;
                for (guint y = 0; y < p.height; y++) {
                        guint8 *to = frame->plane[0] + (gsize)y * (gsize)frame->stride[0];

                        if (p.bytes_per_pixel == 4)
                                memcpy(to, raw + y * row, row);
                        else
                                convert_row(to, raw + y * row, p.width, p.format);
                }
        }
        frame->t_us = g_get_monotonic_time();
        return g_steal_pointer(&frame);
}

/* exec: has no second stream: what screencap warns about ("Multiple displays were found") must not come
 * before the picture. */
static TbFrame *capture(TbAdbScreenLane *lane, TbIo *io, GError **error)
{
        const char *display = json_string_value(json_object_get(lane->lane.instance.params, "display"));
        g_autofree char *service =
                g_strdup_printf("exec:screencap %s%s 2>/dev/null", display != NULL ? "-d " : "",
                                display != NULL ? display : "");
        g_autoptr(TbTransport) link = tb_adb_service(io, &lane->lane.target, service, error);

        return link != NULL ? read_picture(lane, link, io, error) : NULL;
}

/* --- what changed --- */

/* The rectangle in which two pictures of one size differ; false when they do not. */
static bool difference(const TbFrame *a, const TbFrame *b, TbRect *ret)
{
        gsize stride = (gsize)a->stride[0];
        int top = 0, bottom = a->height - 1, left = a->width, right = -1;

        while (top < a->height && memcmp(a->plane[0] + (gsize)top * stride, b->plane[0] + (gsize)top * stride,
                                         (gsize)a->width * 4) == 0)
                top++;
        if (top == a->height)
                return false;
        while (memcmp(a->plane[0] + (gsize)bottom * stride, b->plane[0] + (gsize)bottom * stride,
                      (gsize)a->width * 4) == 0)
                bottom--;
        for (int y = top; y <= bottom; y++) {
                const guint8 *p = a->plane[0] + (gsize)y * stride, *q = b->plane[0] + (gsize)y * stride;
                int x = 0, end = a->width - 1;

                while (x < left && memcmp(p + 4 * (gsize)x, q + 4 * (gsize)x, 4) == 0)
                        x++;
                left = MIN(left, x);
                while (end > right && memcmp(p + 4 * (gsize)end, q + 4 * (gsize)end, 4) == 0)
                        end--;
                right = MAX(right, end);
        }
        *ret = (TbRect){left, top, right - left + 1, bottom - top + 1};
        return true;
}

static bool all_black(const TbFrame *frame)
{
        for (int y = 0; y < frame->height; y += 7) {
                const guint8 *row = frame->plane[0] + (gsize)y * (gsize)frame->stride[0];

                for (int x = 0; x < frame->width; x++, row += 4)
                        if (row[0] != 0 || row[1] != 0 || row[2] != 0)
                                return false;
        }
        return true;
}

static bool asleep(TbAdbScreenLane *lane, TbIo *io)
{
        int code;
        g_autofree char *text =
                tb_adb_ask(io, &lane->lane.target, "dumpsys power | grep mWakefulness=", &code, NULL);

        return text != NULL && (strstr(text, "Asleep") != NULL || strstr(text, "Dozing") != NULL);
}

static void pass_on(TbAdbScreenLane *lane, TbIo *io, TbFrame *frame)
{
        TbInstance *self = &lane->lane.instance;
        bool same_shape = lane->last != NULL && lane->last->width == frame->width &&
                          lane->last->height == frame->height && lane->last->format == frame->format &&
                          lane->last->stride[0] == frame->stride[0];
        bool dark;
        TbRect rect;

        frame->n_damage = 0;
        if (same_shape && !difference(frame, lane->last, &rect))
                return;
        if (same_shape && !lane->dark)
                tb_frame_add_damage(frame, rect);
        lane->changed_us = frame->t_us;
        g_clear_pointer(&lane->last, tb_frame_unref);
        lane->last = tb_frame_ref(frame);
        dark = all_black(frame) && asleep(lane, io);
        lane->dark = dark;
        if (dark)
                self->up->no_signal(self, "the phone's screen is off: the key Power wakes it");
        else
                self->up->frame(self, tb_frame_ref(frame));
}

/* --- pump --- */

/* The server tells when our phone's state changes. */
static bool still_there(TbAdbScreenLane *lane, TbIo *io, GError **error)
{
        g_autofree char *text = tb_adb_read_text(lane->watch, io, TB_ADB_ANSWER_MS, error);
        const char *state = "gone";

        if (text == NULL)
                return false;
        g_autoptr(GPtrArray) devices = tb_adb_parse_devices(text);
        for (guint i = 0; i < devices->len; i++) {
                const TbAdbDevice *device = g_ptr_array_index(devices, i);

                if (tb_adb_is(device, lane->lane.target.serial))
                        state = device->state;
        }
        if (strcmp(state, "device") == 0)
                return true;
        tb_set_error(error, TB_ERROR_GONE, "%s: %s", lane->lane.target.serial, state);
        return false;
}

static bool one_picture(TbAdbScreenLane *lane, TbIo *io, GError **error)
{
        TbIo own = *io; /* a waiting command may not tear a picture */
        g_autoptr(GError) why = NULL;
        g_autoptr(TbFrame) frame = NULL;
        gint64 start = g_get_monotonic_time(), pause;

        own.in_pump = false;
        own.deadline_us = MIN(own.deadline_us, start + CAPTURE_MS * 1000);
        frame = capture(lane, &own, &why);
        if (frame == NULL &&
            (++lane->failures > FAILURES_MAX || !g_error_matches(why, TB_ERROR, TB_ERROR_DEVICE))) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (frame == NULL) {
                lane->lane.instance.up->no_signal(&lane->lane.instance, why->message);
                lane->next_us = start + G_USEC_PER_SEC;
                return true;
        }
        lane->failures = 0;
        pass_on(lane, &own, frame);
        pause = start - lane->changed_us < BUSY_US ? G_USEC_PER_SEC / lane->max_fps : IDLE_MS * 1000;
        lane->next_us = start + pause;
        return true;
}

bool tb_adb_screen_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbScreenLane *lane = (TbAdbScreenLane *)self;
        struct pollfd fd = {.fd = tb_transport_fd(lane->watch), .events = POLLIN};
        gint64 left = lane->next_us - g_get_monotonic_time();

        switch (tb_io_wait(io, &fd, 1, lane->running ? (int)(MAX(left, 0) + 999) / 1000 : -1)) {
        case TB_WAIT_READY: return still_there(lane, io, error);
        case TB_WAIT_TIMEOUT: return !lane->running || one_picture(lane, io, error);
        case TB_WAIT_WAKE:
        case TB_WAIT_STOP: break;
        }
        return true;
}
