/* Hub, stills and MJPEG with a source that the test pushes by hand. */
#include "host/media/hub/hub.h"

#include <string.h>
#include <sys/resource.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "host/media/hub/slate.h"
#include "host/media/media.h"
#include "host/media/still/picture.h"
#include "host/media/still/still.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define WAIT_US (10 * G_USEC_PER_SEC)

typedef struct Source {
        TbFrameSink sink;
        void *sink_data;
        guint starts, stops;
        bool running, refuse;
} Source;

typedef struct Seen {
        guint frames;
        int width, height;
        guint32 pixel; /* of the middle */
        TbFrame *last; /* borrowed; only compared */
        guint n_damage;
        TbHubSink *sink;
        bool leave; /* removes itself inside its callback */
} Seen;

static TbFramePool *pool;

static bool start(void *source, TbFrameSink sink, void *sink_data, GError **error)
{
        Source *s = source;
        s->starts++;
        if (s->refuse) {
                tb_set_error(error, TB_ERROR_GONE, "the camera is not plugged in");
                return false;
        }
        s->sink = sink;
        s->sink_data = sink_data;
        s->running = true;
        return true;
}

static void stop(void *source)
{
        Source *s = source;
        s->stops++;
        s->running = false;
}

static const TbVideoSource OPS = {.start = start, .stop = stop};

static TbFrame *plain(int width, int height, guint32 colour)
{
        TbFrame *f = tb_frame_pool_take(pool, TB_PIXEL_BGRX, width, height, 0);
        for (gsize i = 0; i < f->size / 4; i++)
                ((guint32 *)(void *)f->data)[i] = colour;
        return f;
}

static void push(Source *s, int width, int height, guint32 colour)
{
        s->sink(s->sink_data, plain(width, height, colour));
}

static void on_frame(void *data, TbFrame *frame)
{
        Seen *seen = data;
        seen->frames++;
        seen->width = frame->width;
        seen->height = frame->height;
        seen->last = frame;
        gsize middle = (gsize)(frame->height / 2) * frame->stride[0] + (gsize)frame->width / 2 * 4;
        seen->pixel = *(guint32 *)(void *)(frame->data + middle) & 0xffffff;
        TbRect rects[TB_FRAME_RECTS];
        if (seen->sink)
                seen->n_damage = tb_hub_sink_damage(seen->sink, rects);
        if (seen->leave)
                tb_hub_remove_sink(g_steal_pointer(&seen->sink));
}

#define run_until(condition)                                                                                 \
        do {                                                                                                 \
                gint64 end = g_get_monotonic_time() + WAIT_US;                                               \
                while (!(condition) && g_get_monotonic_time() < end)                                         \
                        g_main_context_iteration(NULL, FALSE);                                               \
                g_assert_true(condition);                                                                    \
        } while (0)

static void settle(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

typedef struct Fixture {
        TbMedia *media;
        TbHub *hub;
        Source source;
} Fixture;

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        TbMediaConfig config = {.max_mjpeg = 2};
        f->media = tb_media_new(&config);
        f->hub = tb_media_add_hub(f->media, "board", "video", &OPS, &f->source);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        tb_media_free(f->media);
        settle();
}

static void test_first_starts_last_stops(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Seen a = {0}, b = {0};
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_IDLE);
        TbHubSink *one = tb_hub_add_sink(f->hub, true, on_frame, &a);
        g_assert_cmpuint(f->source.starts, ==, 1);
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_STARTING);
        push(&f->source, 64, 48, 0x123456);
        g_assert_cmpuint(a.frames, ==, 1); /* on the pushing thread */
        settle();
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_LIVE);
        TbHubSink *two = tb_hub_add_sink(f->hub, true, on_frame, &b);
        g_assert_cmpuint(b.frames, ==, 1); /* a still screen has a picture for who comes late */
        g_assert_cmphex(b.pixel, ==, 0x123456);
        g_assert_cmpuint(tb_hub_viewers(f->hub), ==, 2);
        tb_hub_remove_sink(one);
        push(&f->source, 80, 60, 0x010203); /* another size */
        g_assert_cmpuint(a.frames, ==, 1);
        g_assert_cmpint(b.width, ==, 80);
        tb_hub_remove_sink(two);
        g_assert_cmpuint(f->source.stops, ==, 0); /* a page that reloads does not restart it */
        two = tb_hub_add_sink(f->hub, true, on_frame, &b);
        g_assert_cmpuint(f->source.starts, ==, 1);
        tb_hub_remove_sink(two);
        run_until(f->source.stops == 1);
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_IDLE);
        push(&f->source, 64, 48, 1); /* late: dropped */
        g_assert_null(tb_hub_last(f->hub));
}

static void test_fault_is_a_slate(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Seen all = {0}, live = {0};
        TbHubSink *a = tb_hub_add_sink(f->hub, true, on_frame, &all),
                  *b = tb_hub_add_sink(f->hub, false, on_frame, &live);
        push(&f->source, 320, 240, 0xff0000);
        settle();
        tb_hub_set_fault(f->hub, "the board is powered off", false);
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_FAULT);
        g_assert_cmpuint(all.frames, ==, 2);
        g_assert_cmpuint(live.frames, ==, 1);
        g_assert_cmpint(all.width, ==, 320); /* as large as the picture was */
        g_assert_cmphex(all.pixel, !=, 0xff0000);
        push(&f->source, 320, 240, 0x00ff00);
        g_assert_cmpuint(live.frames, ==, 1); /* until it is cleared */
        run_until(all.frames >= 4);           /* again and again: the stream is not dead */
        json_t *json = tb_hub_to_json(f->hub);
        g_assert_cmpstr(json_string_value(json_object_get(json, "fault")), ==, "the board is powered off");
        json_decref(json);
        /* the newest of what came meanwhile is shown then: a source that sends only changes sends no other one */
        tb_hub_set_fault(f->hub, NULL, false);
        settle();
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_LIVE);
        g_assert_cmpuint(live.frames, ==, 2);
        g_assert_cmphex(live.pixel, ==, 0x00ff00);
        /* but not what came before another fault */
        tb_hub_set_fault(f->hub, "unplugged", false);
        push(&f->source, 320, 240, 0x123456);
        tb_hub_set_fault(f->hub, "powered off", false);
        tb_hub_set_fault(f->hub, NULL, false);
        settle();
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_STARTING);
        g_assert_cmpuint(live.frames, ==, 2);
        push(&f->source, 320, 240, 0x0000ff);
        settle();
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_LIVE);
        g_assert_cmphex(live.pixel, ==, 0x0000ff);
        /* told by the source: ends with its next picture */
        tb_hub_no_signal(f->hub, "no cable");
        settle();
        g_assert_cmpstr(tb_hub_fault(f->hub), ==, "no cable");
        push(&f->source, 320, 240, 0x00ffff);
        settle();
        g_assert_null(tb_hub_fault(f->hub));
        tb_hub_remove_sink(a);
        tb_hub_remove_sink(b);
}

static void test_start_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Seen all = {0};
        f->source.refuse = true;
        TbHubSink *sink = tb_hub_add_sink(f->hub, true, on_frame, &all);
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_FAULT);
        g_assert_cmpstr(tb_hub_fault(f->hub), ==, "the camera is not plugged in");
        g_assert_cmpuint(all.frames, ==, 1);
        f->source.refuse = false;
        run_until(f->source.starts == 2);
        push(&f->source, 64, 48, 0x445566);
        settle();
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_LIVE);
        g_assert_cmphex(all.pixel, ==, 0x445566);
        tb_hub_remove_sink(sink);
}

static void push_damage(Source *s, TbRect rect)
{
        TbFrame *frame = plain(64, 48, 0);
        tb_frame_add_damage(frame, rect);
        s->sink(s->sink_data, frame);
}

static void test_mailbox(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Seen seen = {0};
        seen.sink = tb_hub_add_mailbox(f->hub, false, on_frame, &seen);
        push(&f->source, 64, 48, 1);
        push(&f->source, 64, 48, 2);
        g_assert_cmpuint(seen.frames, ==, 0);
        settle();
        g_assert_cmpuint(seen.frames, ==, 1); /* the newest only */
        g_assert_cmphex(seen.pixel, ==, 2);
        g_assert_cmpuint(seen.n_damage, ==, 0);
        push_damage(&f->source, (TbRect){0, 0, 8, 8});
        push_damage(&f->source, (TbRect){16, 16, 8, 8});
        settle();
        g_assert_cmpuint(seen.n_damage, ==, 2); /* also that of the frame that was skipped */
        for (int i = 0; i <= TB_FRAME_RECTS; i++)
                push_damage(&f->source, (TbRect){i, 0, 1, 1});
        settle();
        g_assert_cmpuint(seen.n_damage, ==, 0); /* too many: all */
        seen.leave = true;
        push(&f->source, 64, 48, 3);
        settle();
        g_assert_null(seen.sink);
        guint frames = seen.frames;
        push(&f->source, 64, 48, 4);
        settle();
        g_assert_cmpuint(seen.frames, ==, frames);
}

static TbFrame *jpeg_frame(int width, int height, guint32 colour)
{
        g_autoptr(TbFrame) raw = plain(width, height, colour);
        TbPicture *picture = tb_picture_new();
        g_autoptr(GBytes) bytes = tb_picture_jpeg(picture, raw, 90, 0, NULL);
        tb_picture_free(picture);
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_JPEG, width, height, g_bytes_get_size(bytes));
        memcpy(frame->data, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        return frame;
}

static void test_jpeg_source(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Seen seen = {0};
        TbHubSink *sink = tb_hub_add_sink(f->hub, false, on_frame, &seen);
        f->source.sink(f->source.sink_data, jpeg_frame(160, 120, 0x00c000));
        g_assert_cmpuint(seen.frames, ==, 1);
        g_assert_cmpint(seen.width, ==, 160);
        g_assert_cmpint((int)(seen.pixel >> 8 & 0xff), >, 180);
        g_assert_cmpint((int)(seen.pixel & 0xff), <, 12);
        TbFrame *broken = jpeg_frame(160, 120, 0);
        memset(broken->data, 0x55, broken->size);
        f->source.sink(f->source.sink_data, broken);
        settle();
        g_assert_cmpint(tb_hub_state(f->hub), ==, TB_HUB_FAULT);
        g_assert_nonnull(strstr(tb_hub_fault(f->hub), "JPEG"));
        tb_hub_remove_sink(sink);
}

/* --- stills --- */
typedef struct Taken {
        guint calls;
        GBytes *image;
        GError *error;
} Taken;

static void on_taken(void *data, GBytes *image, gint64 taken_us, const GError *error)
{
        Taken *t = data;
        t->calls++;
        t->image = image ? g_bytes_ref(image) : NULL;
        t->error = error ? g_error_copy(error) : NULL;
        if (image)
                g_assert_cmpint(ABS(g_get_real_time() - taken_us), <, 60 * G_USEC_PER_SEC);
}

static void taken_clear(Taken *t)
{
        g_clear_pointer(&t->image, g_bytes_unref);
        g_clear_error(&t->error);
        *t = (Taken){0};
}

static void test_still(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Taken t = {0};
        tb_still_take(f->media, f->hub, TB_STILL_PNG, 0, 0, on_taken, &t);
        g_assert_cmpuint(f->source.starts, ==, 1); /* with nobody watching */
        settle();
        g_assert_cmpuint(t.calls, ==, 0);
        push(&f->source, 33, 21, 0x0000ff);
        run_until(t.calls == 1);
        g_assert_no_error(t.error);
        g_assert_cmpint(memcmp(g_bytes_get_data(t.image, NULL), "\x89PNG", 4), ==, 0);
        taken_clear(&t);

        TbStill *still = tb_still_take(f->media, f->hub, TB_STILL_JPEG, 80, 0, on_taken, &t);
        tb_still_cancel(still);
        settle();
        g_assert_cmpuint(t.calls, ==, 0);

        tb_still_take(f->media, f->hub, TB_STILL_JPEG, 80, 0, on_taken,
                      &t); /* of the still screen that is there */
        g_assert_cmpuint(t.calls, ==, 0);
        run_until(t.calls == 1);
        g_assert_no_error(t.error);
        taken_clear(&t);
        run_until(f->source.stops == 1);

        tb_still_take(f->media, f->hub, TB_STILL_PNG, 0, 30, on_taken, &t);
        run_until(t.calls == 1);
        g_assert_error(t.error, TB_ERROR, TB_ERROR_TIMEOUT);
        taken_clear(&t);

        tb_hub_set_fault(f->hub, "powered off", false);
        tb_still_take(f->media, f->hub, TB_STILL_PNG, 0, 0, on_taken, &t);
        g_assert_cmpuint(t.calls, ==, 0);
        run_until(t.calls == 1);
        g_assert_error(t.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_nonnull(strstr(t.error->message, "powered off"));
        taken_clear(&t);
}

/* Out of threads: a refusal in words, and the next one tries again. In a process of its own, because root's threads have no
 * limit. */
static void test_still_no_thread(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }
        if (getuid() == 0 && setuid(65534) < 0)
                g_error("cannot become nobody");
        Taken t = {0};
        struct rlimit old, none = {.rlim_cur = 1};
        getrlimit(RLIMIT_NPROC, &old);
        none.rlim_max = old.rlim_max;
        tb_still_take(f->media, f->hub, TB_STILL_PNG, 0, 0, on_taken, &t);
        setrlimit(RLIMIT_NPROC, &none);
        push(&f->source, 33, 21, 0x0000ff);
        run_until(t.calls == 1);
        setrlimit(RLIMIT_NPROC, &old);
        g_assert_error(t.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_nonnull(strstr(t.error->message, "thread"));
        taken_clear(&t);
        tb_still_take(f->media, f->hub, TB_STILL_PNG, 0, 0, on_taken, &t);
        push(&f->source, 33, 21, 0x0000ff);
        run_until(t.calls == 1);
        g_assert_no_error(t.error);
        taken_clear(&t);
}

static void test_still_limit(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Taken t[TB_STILL_WAITING + 1] = {0};
        for (guint i = 0; i <= TB_STILL_WAITING; i++)
                tb_still_take(f->media, f->hub, TB_STILL_PNG, 0, 0, on_taken, &t[i]);
        run_until(t[TB_STILL_WAITING].calls == 1);
        g_assert_error(t[TB_STILL_WAITING].error, TB_ERROR, TB_ERROR_LIMIT);
        push(&f->source, 16, 16, 0);
        for (guint i = 0; i < TB_STILL_WAITING; i++) {
                run_until(t[i].calls == 1);
                g_assert_no_error(t[i].error);
                taken_clear(&t[i]);
        }
        taken_clear(&t[TB_STILL_WAITING]);
}

/* --- MJPEG --- */
typedef struct Stream {
        guint frames;
        GBytes *last; /* ref */
        TbMjpeg *mjpeg;
        bool leave;
} Stream;

static void on_jpeg(void *data, GBytes *jpeg, gint64 taken_us G_GNUC_UNUSED)
{
        Stream *s = data;
        s->frames++;
        g_clear_pointer(&s->last, g_bytes_unref);
        s->last = g_bytes_ref(jpeg);
        if (s->leave)
                tb_mjpeg_free(g_steal_pointer(&s->mjpeg));
}

static void test_mjpeg(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        Stream a = {0}, b = {0};
        g_assert_null(tb_mjpeg_new(f->media, f->hub, NULL, &(TbMjpegForm){31, 80, 0}, on_jpeg, &a, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpstr(tb_error_field(error), ==, "fps");
        g_clear_error(&error);
        g_assert_null(tb_mjpeg_new(f->media, f->hub, NULL, &(TbMjpegForm){10, 96, 0}, on_jpeg, &a, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "quality");
        g_clear_error(&error);

        a.mjpeg = tb_mjpeg_new(f->media, f->hub, NULL, &(TbMjpegForm){30, 80, 0}, on_jpeg, &a, &error);
        b.mjpeg = tb_mjpeg_new(f->media, f->hub, NULL, &(TbMjpegForm){30, 80, 0}, on_jpeg, &b, &error);
        g_assert_no_error(error);
        g_assert_null(tb_mjpeg_new(f->media, f->hub, NULL, &(TbMjpegForm){30, 80, 0}, on_jpeg, &b, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_assert_cmpuint(tb_hub_viewers(f->hub), ==, 2);
        push(&f->source, 64, 48, 0xc00000);
        run_until(a.frames >= 1 && b.frames >= 1);
        g_assert_true(a.last == b.last); /* compressed once */
        run_until(a.frames >= 2);        /* a still screen repeats */
        b.leave = true;
        push(&f->source, 64, 48, 0x00c000);
        run_until(!b.mjpeg);
        tb_mjpeg_free(a.mjpeg);
        g_assert_cmpuint(tb_hub_viewers(f->hub), ==, 0);
        g_clear_pointer(&a.last, g_bytes_unref);
        g_clear_pointer(&b.last, g_bytes_unref);
}

/* --- pictures --- */
static void check_jpeg(TbPicture *picture, TbFrame *take, int r, int g, int b)
{
        g_autoptr(TbFrame) frame = take;
        g_autoptr(GBytes) bytes = tb_picture_jpeg(picture, frame, 95, 0, NULL);
        g_assert_nonnull(bytes);
        tjhandle tj = tjInitDecompress();
        g_autofree guint8 *out = g_malloc((gsize)frame->width * frame->height * 3);
        g_assert_cmpint(tjDecompress2(tj, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), out,
                                      frame->width, 0, frame->height, TJPF_RGB, 0),
                        ==, 0);
        tjDestroy(tj);
        const guint8 *p = out + ((gsize)(frame->height / 2) * frame->width + frame->width / 2) * 3;
        g_assert_cmpint(ABS(p[0] - r) + ABS(p[1] - g) + ABS(p[2] - b), <, 18);
}

static TbFrame *yuv(TbPixelFormat format, guint8 y, guint8 u, guint8 v)
{
        TbFrame *f = tb_frame_pool_take(pool, format, 18, 10, 0);
        for (gsize i = 0; i < f->size; i++)
                f->data[i] = format != TB_PIXEL_YUY2 || i % 2 == 0 ? y : i % 4 == 1 ? u : v;
        if (format == TB_PIXEL_NV12)
                for (guint8 *p = f->plane[1]; p < f->data + f->size; p++)
                        *p = (p - f->plane[1]) % 2 ? v : u;
        if (format == TB_PIXEL_I420) {
                memset(f->plane[1], u, (gsize)(f->plane[2] - f->plane[1]));
                memset(f->plane[2], v, (gsize)(f->data + f->size - f->plane[2]));
        }
        return f;
}

/* A thumbnail: the left half is dark, the right half bright, at every width; never larger than the picture. */
static void test_smaller(void)
{
        TbPicture *picture = tb_picture_new();
        g_autoptr(TbFrame) frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 301, 99, 0);
        for (int y = 0; y < 99; y++)
                for (int x = 0; x < 301; x++)
                        memset(frame->plane[0] + (gsize)y * frame->stride[0] + 4 * x, x < 150 ? 20 : 220, 4);
        static const int rows[][3] = {{0, 301, 99}, {301, 301, 99}, {302, 301, 99}, {300, 300, 98},
                                      {77, 77, 25}, {16, 16, 5},    {1, 1, 1}};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GBytes) bytes = tb_picture_jpeg(picture, frame, 95, rows[i][0], NULL);
                tjhandle tj = tjInitDecompress();
                int width = 0, height = 0, sub = 0;
                guint8 *data = (guint8 *)g_bytes_get_data(bytes, NULL);
                g_assert_cmpint(tjDecompressHeader2(tj, data, g_bytes_get_size(bytes), &width, &height, &sub),
                                ==, 0);
                g_assert_cmpint(width, ==, rows[i][1]);
                g_assert_cmpint(height, ==, rows[i][2]);
                g_autofree guint8 *out = g_malloc((gsize)width * height * 3);
                g_assert_cmpint(
                        tjDecompress2(tj, data, g_bytes_get_size(bytes), out, width, 0, height, TJPF_RGB, 0),
                        ==, 0);
                if (width >= 16) {
                        const guint8 *row = out + (gsize)(height / 2) * width * 3;
                        g_assert_cmpint(row[3 * (width / 8)], <, 60);
                        g_assert_cmpint(row[3 * (width - 2)], >, 180);
                }
                tjDestroy(tj);
        }
        tb_picture_free(picture);
}

static void test_pictures(void)
{
        TbPicture *picture = tb_picture_new();
        check_jpeg(picture, plain(18, 10, 0x2040c0), 0x20, 0x40, 0xc0);
        const TbPixelFormat formats[] = {TB_PIXEL_YUY2, TB_PIXEL_NV12, TB_PIXEL_I420};
        for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
                check_jpeg(picture, yuv(formats[i], 81, 90, 240), 255, 0, 0); /* red of BT.601 */
        g_autoptr(TbFrame) jpeg = tb_frame_pool_take(pool, TB_PIXEL_JPEG, 16, 16, 10);
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_picture_png(picture, jpeg, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERNAL);
        tb_picture_free(picture);
}

static void test_slate(void)
{
        g_autofree char *longest = g_strnfill(5000, 'x');
        const char *reasons[] = {"", "short", longest, "\xff\xfe not UTF-8",
                                 "many words so that it has to be wrapped into several lines of the slate"};
        for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
                g_autoptr(TbFrame) big = tb_slate_draw(pool, 1280, 720, "board / video", reasons[i]);
                g_autoptr(TbFrame) tiny = tb_slate_draw(pool, 2, 2, "board / video", reasons[i]);
                g_assert_true(big && tiny);
        }
        g_assert_null(tb_slate_draw(pool, TB_LIMIT_VIDEO_SIDE + 1, 16, "", ""));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        pool = tb_frame_pool_new(8);
        g_test_add("/media/hub/first-starts-last-stops", Fixture, NULL, set_up, test_first_starts_last_stops,
                   tear_down);
        g_test_add("/media/hub/fault-is-a-slate", Fixture, NULL, set_up, test_fault_is_a_slate, tear_down);
        g_test_add("/media/hub/start-refused", Fixture, NULL, set_up, test_start_refused, tear_down);
        g_test_add("/media/hub/mailbox", Fixture, NULL, set_up, test_mailbox, tear_down);
        g_test_add("/media/hub/jpeg-source", Fixture, NULL, set_up, test_jpeg_source, tear_down);
        g_test_add("/media/still/taken", Fixture, NULL, set_up, test_still, tear_down);
        g_test_add("/media/still/no-thread", Fixture, NULL, set_up, test_still_no_thread, tear_down);
        g_test_add("/media/still/limit", Fixture, NULL, set_up, test_still_limit, tear_down);
        g_test_add("/media/mjpeg", Fixture, NULL, set_up, test_mjpeg, tear_down);
        g_test_add_func("/media/pictures", test_pictures);
        g_test_add_func("/media/pictures-smaller", test_smaller);
        g_test_add_func("/media/slate", test_slate);
        int rc = g_test_run();
        tb_frame_pool_unref(pool);
        tb_main_stop();
        return rc;
}
