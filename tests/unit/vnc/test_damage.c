#include "host/vnc/damage.h"

#include <string.h>

#include "host/vnc/screen.h"
#include "tests/unit/clock.h"

static TbFrame *plain(TbFramePool *pool, int width, int height, guint8 value)
{
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, width, height, 0);
        memset(frame->data, value, frame->size);
        return frame;
}

static void check_region(sraRegionPtr region, const char *expected)
{
        GString *text = g_string_new(NULL);
        sraRect r;
        for (sraRectangleIterator *i = sraRgnGetIterator(region);;) {
                if (!sraRgnIteratorNext(i, &r)) {
                        sraRgnReleaseIterator(i);
                        break;
                }
                g_string_append_printf(text, "%d,%d-%d,%d ", r.x1, r.y1, r.x2, r.y2);
        }
        g_assert_cmpstr(text->str, ==, expected);
        g_string_free(text, TRUE);
}

static void test_tiles(void)
{
        g_autoptr(TbFramePool) pool = tb_frame_pool_new(2);
        g_autoptr(TbFrame) a = plain(pool, 100, 70, 0), b = plain(pool, 100, 70, 0),
                           other = plain(pool, 60, 70, 0);
        sraRegionPtr region = sraRgnCreate();
        tb_vnc_damage(a, b, region);
        check_region(region, "");
        b->data[0] = 1;                          /* first tile */
        b->data[69 * b->stride[0] + 99 * 4] = 1; /* last pixel, in a tile cut by both edges */
        tb_vnc_damage(a, b, region);
        check_region(region, "0,0-32,32 96,64-100,70 ");
        sraRgnMakeEmpty(region);
        b->data[33 * 4] = 1; /* the neighbour: one rectangle */
        tb_vnc_damage(a, b, region);
        check_region(region, "0,0-64,32 96,64-100,70 ");
        sraRgnMakeEmpty(region);
        tb_vnc_damage(a, other, region);
        check_region(region, "0,0-60,70 ");
        sraRgnDestroy(region);
}

/* What a source says is looked at again: of its rectangles, the tiles that differ. */
static void test_said(void)
{
        g_autoptr(TbFramePool) pool = tb_frame_pool_new(2);
        g_autoptr(TbFrame) a = plain(pool, 100, 70, 0), b = plain(pool, 100, 70, 0);
        b->data[0] = b->data[40 * 4] = 1; /* the second is outside of what is said */
        sraRegionPtr said = sraRgnCreateRect(0, 0, 20, 70);
        tb_vnc_damage_in(a, b, said);
        check_region(said, "0,0-20,32 ");
        sraRgnDestroy(said);
        said = sraRgnCreateRect(48, 0, 200, 200); /* more than there is */
        tb_vnc_damage_in(a, b, said);
        check_region(said, "");
        sraRgnDestroy(said);
}

static void test_convert(void)
{
        g_autoptr(TbFramePool) pool = tb_frame_pool_new(2);
        static const struct {
                TbPixelFormat format;
                guint8 bytes[3][4]; /* what fills each plane, repeated */
                guint8 b, g, r;
        } rows[] = {
                {TB_PIXEL_RGBX, {{10, 20, 30, 0}}, 30, 20, 10},
                {TB_PIXEL_YUY2, {{81, 90, 81, 240}}, 0, 0, 255},       /* red in limited BT.601 */
                {TB_PIXEL_YUY2, {{235, 128, 16, 128}}, 255, 255, 255}, /* even pixels white */
                {TB_PIXEL_NV12, {{41, 41, 41, 41}, {240, 110, 240, 110}}, 255, 0, 0}, /* blue */
                {TB_PIXEL_I420,
                 {{145, 145, 145, 145}, {54, 54, 54, 54}, {34, 34, 34, 34}},
                 0,
                 255,
                 0}, /* green */
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(TbFrame) in =
                        tb_frame_pool_take(pool, rows[i].format, 9, 5, 0); /* odd on purpose */
                memset(in->data, 0, in->size);
                for (int p = 0; p < 3 && in->plane[p]; p++) {
                        gsize end =
                                p < 2 && in->plane[p + 1] ? (gsize)(in->plane[p + 1] - in->data) : in->size;
                        for (gsize k = 0; in->plane[p] + k < in->data + end; k++)
                                in->plane[p][k] = rows[i].bytes[p][k % 4];
                }
                g_autoptr(TbFrame) out = tb_vnc_to_bgrx(in, pool);
                for (int y = 0; y < 5; y++) {
                        const guint8 *pixel = out->plane[0] + y * out->stride[0] + 8 * 4;
                        g_assert_cmpint(ABS(pixel[0] - rows[i].b), <=, 2);
                        g_assert_cmpint(ABS(pixel[1] - rows[i].g), <=, 2);
                        g_assert_cmpint(ABS(pixel[2] - rows[i].r), <=, 2);
                }
        }
        g_autoptr(TbFrame) same = plain(pool, 4, 4, 0), again = tb_vnc_to_bgrx(same, pool),
                           jpeg = tb_frame_pool_take(pool, TB_PIXEL_JPEG, 4, 4, 10);
        g_assert_true(again == same);
        g_assert_null(tb_vnc_to_bgrx(jpeg, pool));
}

static TbVncTaken taken; /* the last picture */

static TbFrame *wait_for(TbVncWatcher *watcher, TbInterruptor *wake, sraRegionPtr damage)
{
        gint64 until = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
        for (;;) {
                TbFrame *frame = tb_vnc_watcher_take(watcher, damage, &taken);
                if (frame)
                        return frame;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                GPollFD fd = {.fd = tb_interruptor_fd(wake), .events = G_IO_IN};
                g_poll(&fd, 1, 5000);
                tb_interruptor_lower(wake);
        }
}

/* Watchers get the newest picture and what changed since their own last one, whatever was pushed in between.
 */
static void test_screen(void)
{
        g_autoptr(TbFramePool) pool = tb_frame_pool_new(4), slates = tb_frame_pool_new(2);
        clock_stop(G_USEC_PER_SEC);
        TbVncScreen *screen = tb_vnc_screen_new("test", NULL);
        TbInterruptor *wake = tb_interruptor_new(), *late_wake = tb_interruptor_new();
        TbVncWatcher *watcher = tb_vnc_screen_watch(screen, wake);
        sraRegionPtr damage = sraRgnCreate();
        g_assert_null(tb_vnc_watcher_take(watcher, damage, &taken));

        g_autoptr(TbFrame) first = plain(pool, 64, 64, 0);
        tb_vnc_screen_push(screen, first);
        tb_frame_unref(wait_for(watcher, wake, damage));
        check_region(damage, "0,0-64,64 ");
        sraRgnMakeEmpty(damage);

        /* the source says what changed: nothing else is looked at */
        g_autoptr(TbFrame) second = plain(pool, 64, 64, 9);
        tb_frame_add_damage(second, (TbRect){5, 6, 7, 8});
        tb_vnc_screen_push(screen, second);
        tb_frame_unref(wait_for(watcher, wake, damage));
        check_region(damage, "5,6-12,14 ");
        sraRgnMakeEmpty(damage);

        /* a slate in between, then a picture that says "little changed": all of it is new to us */
        g_autoptr(TbFrame) slate = plain(slates, 64, 64, 200), third = plain(pool, 64, 64, 9);
        tb_frame_add_damage(third, (TbRect){0, 0, 1, 1});
        tb_vnc_screen_push(screen, slate);
        tb_frame_unref(wait_for(watcher, wake, damage));
        sraRgnMakeEmpty(damage);
        tb_vnc_screen_push(screen, third);
        TbFrame *got = wait_for(watcher, wake, damage);
        g_assert_true(got == third);
        tb_frame_unref(got);
        check_region(damage, "0,0-64,64 ");
        sraRgnMakeEmpty(damage);

        /* a late one gets all of it at once, and that it moved: three pictures, and a piece */
        TbVncWatcher *late = tb_vnc_screen_watch(screen, late_wake);
        tb_frame_unref(wait_for(late, late_wake, damage));
        check_region(damage, "0,0-64,64 ");
        g_assert_cmpfloat_with_epsilon(taken.motion.load, 3 + 7 * 8 / 4096.0, 1e-9);
        clock_go();

        sraRgnDestroy(damage);
        tb_vnc_watcher_free(late);
        tb_vnc_watcher_free(watcher);
        tb_vnc_screen_free(screen);
        tb_interruptor_free(wake);
        tb_interruptor_free(late_wake);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/vnc/damage/tiles", test_tiles);
        g_test_add_func("/vnc/damage/said", test_said);
        g_test_add_func("/vnc/damage/convert", test_convert);
        g_test_add_func("/vnc/screen", test_screen);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
