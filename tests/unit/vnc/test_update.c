/* What goes to viewers, decoded again (vnc_decode.h): every encoding of ours in every format is the picture, pixel by pixel, also for a viewer
 * that comes later and gets what was encoded for another. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vnc/deflate.h"
#include "host/vnc/translate.h"
#include "host/vnc/update.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/vnc/vnc_decode.h"

#define WIDTH 203
#define HEIGHT 150

/* Gradients, text of two colours, areas of one, some of a few. */
static TbFrame *picture_of(int seed)
{
        TbFramePool *pool = tb_frame_pool_new(1);
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, WIDTH, HEIGHT, 0);
        tb_frame_pool_unref(pool);
        for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++) {
                        guint8 *p = frame->plane[0] + y * frame->stride[0] + x * 4;
                        int kind = y / 64 * 4 + x / 64, text = (x * 7 + y * 5 + seed) % 11 < 3;
                        int v = kind % 4 == 0   ? x * 3 + y * 7 + seed
                                : kind % 4 == 1 ? text * 200
                                                : 17 * (kind % 3);
                        p[0] = (guint8)v;
                        p[1] = (guint8)(kind % 4 == 3 ? (x / 5 + y / 3) % 40 * 6 : v * 5);
                        p[2] = (guint8)(v ^ (kind * 31));
                        p[3] = 0;
                }
        return frame;
}

typedef struct Viewer {
        TbVncSlot *slot;
        TbVncWork *work;
        Screen screen;
} Viewer;

static void say(Viewer *v, const void *bytes, gsize n)
{
        g_assert_cmpint(write(v->screen.fd, bytes, n), ==, (gssize)n);
        rfbProcessClientMessage(v->slot->client);
}

static void show(Viewer *v, const TbFrame *frame)
{
        rfbScreenInfoPtr screen = v->slot->screen;
        screen->frameBuffer = (char *)frame->plane[0];
        screen->width = WIDTH;
        screen->height = HEIGHT;
        screen->paddedWidthInBytes = frame->stride[0];
}

static void join(Viewer *v, TbVncSlots *slots, const TbFrame *frame, const rfbPixelFormat *format)
{
        int pair[2];
        g_autoptr(GByteArray) init = g_byte_array_new();
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        *v = (Viewer){.slot = tb_vnc_slots_take(slots), .work = tb_vnc_work_new()};
        const int room = 1 << 20;
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        show(v, frame);
        g_assert_true(tb_vnc_slot_adopt(v->slot, pair[0], init, NULL));
        v->screen = (Screen){.fd = pair[1], .width = WIDTH, .height = HEIGHT, .format = *format};
        v->screen.pixels = g_malloc0((gsize)WIDTH * HEIGHT * 4);
        rfbPixelFormat wire = *format;
        wire.redMax = GUINT16_TO_BE(wire.redMax);
        wire.greenMax = GUINT16_TO_BE(wire.greenMax);
        wire.blueMax = GUINT16_TO_BE(wire.blueMax);
        guint8 message[20] = {rfbSetPixelFormat};
        memcpy(message + 4, &wire, 16);
        say(v, message, sizeof message);
}

static void choose(Viewer *v, const gint32 *encodings, int n)
{
        guint8 message[4 + 4 * 4] = {rfbSetEncodings, 0, 0, (guint8)n};
        for (int i = 0; i < n; i++) {
                const guint32 be = GUINT32_TO_BE((guint32)encodings[i]);
                memcpy(message + 4 + 4 * i, &be, 4);
        }
        say(v, message, 4 + 4 * (gsize)n);
}

static void ask(Viewer *v, bool incremental)
{
        const guint8 message[10] = {
                rfbFramebufferUpdateRequest, incremental, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT};
        say(v, message, sizeof message);
}

static void leave(Viewer *v, TbVncSlots *slots)
{
        tb_vnc_slot_drop(v->slot);
        tb_vnc_slots_give(slots, v->slot);
        tb_vnc_work_free(v->work);
        z_stream *all[] = {&v->screen.zlib,     &v->screen.zrle,     &v->screen.tight[0],
                           &v->screen.tight[1], &v->screen.tight[2], &v->screen.tight[3]};
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                if (all[i]->state)
                        inflateEnd(all[i]);
        g_free(v->screen.pixels);
        close(v->screen.fd);
}

/* As libvncserver translates it. */
static void is_right(Viewer *v, const TbFrame *frame)
{
        rfbClientPtr client = v->slot->client;
        gsize size = (gsize)WIDTH * HEIGHT * (gsize)pixel_bytes(&v->screen);
        g_autofree guint8 *expected = g_malloc(size);
        client->translateFn(client->translateLookupTable, &client->screen->serverFormat, &client->format,
                            (char *)frame->plane[0], (char *)expected, frame->stride[0], WIDTH, HEIGHT);
        g_assert_cmpmem(v->screen.pixels, size, expected, size);
}

static const rfbPixelFormat formats[] = {
        {32, 24, 0, 1, 255, 255, 255, 16, 8, 0, 0, 0},
        {32, 24, 0, 1, 255, 255, 255, 0, 8, 16, 0, 0},
        {32, 24, 0, 1, 255, 255, 255, 8, 16, 24, 0, 0},
        {32, 24, 1, 1, 255, 255, 255, 16, 8, 0, 0, 0},
        {32, 24, 1, 1, 255, 255, 255, 24, 16, 8, 0, 0},
        {32, 32, 0, 1, 255, 255, 255, 16, 8, 0, 0, 0},
        {32, 30, 0, 1, 1023, 1023, 1023, 20, 10, 0, 0, 0},
        {32, 18, 0, 1, 63, 63, 63, 12, 6, 0, 0, 0},
        {16, 16, 0, 1, 31, 63, 31, 11, 5, 0, 0, 0},
        {16, 16, 1, 1, 31, 63, 31, 11, 5, 0, 0, 0},
        {16, 15, 0, 1, 31, 31, 31, 10, 5, 0, 0, 0},
        {16, 16, 0, 1, 31, 63, 31, 0, 5, 11, 0, 0},
        {8, 8, 0, 1, 7, 7, 3, 0, 3, 6, 0, 0},
        {8, 6, 0, 1, 3, 3, 3, 4, 2, 0, 0, 0},
};

static void test_pixels(void)
{
        static const gint32 encodings[] = {rfbEncodingRaw, rfbEncodingZlib, rfbEncodingZRLE,
                                           rfbEncodingTight};
        TbVncSlots *slots = tb_vnc_slots_new(2, NULL);
        for (gsize f = 0; f < G_N_ELEMENTS(formats); f++)
                for (gsize e = 0; e < G_N_ELEMENTS(encodings); e++) {
                        TbVncShared *shared = tb_vnc_shared_new();
                        sraRegionPtr all = sraRgnCreateRect(0, 0, WIDTH, HEIGHT);
                        TbFrame *frame = picture_of(0);
                        tb_vnc_shared_changed(shared, all, 1, WIDTH, HEIGHT);
                        Viewer a, b;
                        join(&a, slots, frame, &formats[f]);
                        choose(&a, (const gint32[]){encodings[e], rfbEncodingLastRect}, 1 + (int)(f % 2));
                        for (guint64 picture = 1; picture <= 3; picture++) {
                                if (picture == 3) { /* who comes later gets what the other one gets */
                                        join(&b, slots, frame, &formats[f]);
                                        choose(&b, &encodings[e], 1);
                                        ask(&b, false);
                                }
                                tb_frame_unref(frame);
                                frame = picture_of((int)picture);
                                show(&a, frame);
                                ask(&a, false);
                                tb_vnc_shared_changed(shared, all, picture, WIDTH, HEIGHT);
                                g_assert_true(tb_vnc_update(a.work, a.slot, shared, frame, picture));
                                decode_update(&a.screen);
                                is_right(&a, frame);
                        }
                        show(&b, frame);
                        g_assert_true(tb_vnc_update(b.work, b.slot, shared, frame, 3));
                        decode_update(&b.screen);
                        is_right(&b, frame);
                        /* nothing was asked for: nothing comes */
                        g_assert_true(tb_vnc_update(b.work, b.slot, shared, frame, 3));
                        g_assert_cmpint(recv(b.screen.fd, &(char){0}, 1, MSG_DONTWAIT), ==, -1);
                        leave(&a, slots);
                        leave(&b, slots);
                        tb_frame_unref(frame);
                        sraRgnDestroy(all);
                        tb_vnc_shared_free(shared);
                }
        tb_vnc_slots_free(slots);
}

/* Pictures are JPEG for who asked for a quality and has colours for it; text never is. */
static void test_jpeg(void)
{
        TbVncSlots *slots = tb_vnc_slots_new(1, NULL);
        TbFrame *frame = picture_of(0);
        sraRegionPtr all = sraRgnCreateRect(0, 0, WIDTH, HEIGHT);
        const rfbPixelFormat map = {8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        for (int i = 0; i < 3; i++) {
                TbVncShared *shared = tb_vnc_shared_new();
                tb_vnc_shared_changed(shared, all, 1, WIDTH, HEIGHT);
                Viewer v;
                join(&v, slots, frame, i < 2 ? &formats[i * 12] : &map);
                choose(&v, (const gint32[]){rfbEncodingTight, rfbEncodingQualityLevel0 + 8}, 2);
                if (i == 2) { /* the colours come first */
                        g_autofree char *colours = g_malloc(6 + 256 * 6);
                        get(&v.screen, colours, 6 + 256 * 6);
                        g_assert_cmpint(colours[0], ==, rfbSetColourMapEntries);
                }
                ask(&v, false);
                g_assert_true(tb_vnc_update(v.work, v.slot, shared, frame, 1));
                decode_update(&v.screen);
                if (i == 0)
                        g_assert_cmpuint(v.screen.jpegs, >, 0);
                else
                        g_assert_cmpuint(v.screen.jpegs, ==, 0);
                g_assert_cmpuint(v.screen.rects, >, v.screen.jpegs);
                leave(&v, slots);
                tb_vnc_shared_free(shared);
        }
        sraRgnDestroy(all);
        tb_frame_unref(frame);
        tb_vnc_slots_free(slots);
}

/* --- what was encoded is encoded once --- */
static gint made;

static void make(const TbVncKey *key, TbVncCoded *coded, gpointer data)
{
        g_atomic_int_inc(&made);
        gsize size = GPOINTER_TO_SIZE(data);
        memset(tb_vnc_coded_room(coded, size), (int)key->picture, size);
        coded->rects = 1;
}

static void want(gpointer data)
{
        TbVncShared *shared = data;
        for (guint64 i = 1; i <= 200; i++) {
                const TbVncKey key = {.picture = i};
                TbVncCoded *coded = tb_vnc_shared_get(shared, &key, make, GSIZE_TO_POINTER(100000));
                for (gsize at = 0; at < coded->size; at += 4096)
                        g_assert_cmpint(coded->bytes[at], ==, (guint8)i);
                tb_vnc_coded_unref(coded);
        }
}

static void test_once(void)
{
        TbVncShared *shared = tb_vnc_shared_new();
        TbThread *threads[4];
        for (int i = 0; i < 4; i++)
                threads[i] = tb_thread_start("want", want, shared);
        for (int i = 0; i < 4; i++)
                tb_thread_join(threads[i]);
        g_assert_cmpint(made, >=, 200); /* a thread that is far behind may come when the oldest are gone */
        g_assert_cmpint(made, <, 800);

        /* what is too much goes, the oldest first */
        g_atomic_int_set(&made, 0);
        const TbVncKey first = {.picture = 1000}, second = {.picture = 1001};
        gpointer half = GSIZE_TO_POINTER(TB_LIMIT_VNC_SHARED / 2 + 1);
        tb_vnc_coded_unref(tb_vnc_shared_get(shared, &first, make, half));
        tb_vnc_coded_unref(tb_vnc_shared_get(shared, &second, make, half));
        tb_vnc_coded_unref(tb_vnc_shared_get(shared, &second, make, half));
        g_assert_cmpint(made, ==, 2);
        tb_vnc_coded_unref(tb_vnc_shared_get(shared, &first, make, half));
        g_assert_cmpint(made, ==, 3);
        tb_vnc_shared_free(shared);
}

static void test_content(void)
{
        TbVncShared *shared = tb_vnc_shared_new();
        sraRegionPtr all = sraRgnCreateRect(0, 0, 640, 480), some = sraRgnCreateRect(100, 100, 110, 110);
        tb_vnc_shared_changed(shared, all, 1, 640, 480);
        tb_vnc_shared_changed(shared, some, 2, 640, 480);
        g_assert_cmpuint(tb_vnc_shared_picture(shared, 2, 0, 0, 640, 96), ==, 1);
        g_assert_cmpuint(tb_vnc_shared_picture(shared, 2, 0, 0, 640, 480), ==, 2);
        /* who is behind: what was there then, is this very picture's */
        g_assert_cmpuint(tb_vnc_shared_picture(shared, 1, 96, 96, 32, 32), ==, 1);
        tb_vnc_shared_changed(shared, some, 3, 320, 240);
        g_assert_cmpuint(tb_vnc_shared_picture(shared, 3, 0, 0, 32, 32), ==, 3);
        g_assert_cmpuint(tb_vnc_shared_picture(shared, 2, 600, 400, 32, 32), ==, 2); /* outside by now */
        sraRgnDestroy(all);
        sraRgnDestroy(some);
        tb_vnc_shared_free(shared);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/update/pixels", test_pixels);
        g_test_add_func("/vnc/update/jpeg", test_jpeg);
        g_test_add_func("/vnc/shared/once", test_once);
        g_test_add_func("/vnc/shared/content", test_content);
        return g_test_run();
}
