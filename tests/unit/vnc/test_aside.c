/* What viewers say beside picture and keys: how long each message is, and what is answered, over a socket pair. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vnc/aside.h"
#include "host/vnc/slots.h"
#include "lib/limits.h"

/* Whole messages as viewers send them; the head says how much follows. */
static void test_lengths(void)
{
        static const struct {
                const char *bytes;
                gsize size;
        } all[] = {
                {"\x01\0\0\0\0\x01\0\0\0\0\0\0", 12}, /* colours of RFB 3.3 */
                {"\x07\0\0\0\0\0\0\0\0\0\0\x02"
                 "ab",
                 14},                /* a file */
                {"\x08\x02\0\0", 4}, /* scale */
                {"\x0b\0\0\0\0\0\0\x03"
                 "abc",
                 11},                              /* chat */
                {"\x0b\0\0\0\xff\xff\xff\xfe", 8}, /* chat ends */
                {"\x0c\0", 2},                     /* a key frame */
                {"\x7f\0\0\x06"
                 "ab",
                 6}, /* VMware */
                {"\xfe\0\0\0", 4},
                {"\x96\x01\0\0\0\0\0\x64\0\x64", 10}, /* continuous updates */
                {"\xf8\0\0\0\x80\0\0\x01\x04"
                 "abcd",
                 13},                                       /* a fence */
                {"\xfa\0\x01\x02", 4},                      /* xvp */
                {"\xfd\x81\0\x04\0\0\0\x01", 8},            /* gii, big-endian */
                {"\xfd\x01\x04\0\x01\0\0\0", 8},            /* … and little */
                {"\xff\0\0\x01\0\0\0\x61\0\0\0\x1e", 12},   /* a key with its place, unasked */
                {"\xff\x01\0\x02\x03\x02\0\0\xac\x44", 10}, /* a format of sound */
                {"\xff\x01\0\0", 4},                        /* sound */
        };
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
                const guint8 *bytes = (const guint8 *)all[i].bytes;
                gsize head = tb_vnc_aside_head(bytes[0]);
                g_assert_cmpuint(head, >, 0);
                g_assert_cmpuint(head, <=, TB_VNC_ASIDE_HEAD);
                g_assert_cmpint((gint64)head + tb_vnc_aside_more(bytes), ==, (gint64)all[i].size);
        }
        g_assert_cmpuint(tb_vnc_aside_head(99), ==, 0);
        g_assert_cmpint(tb_vnc_aside_more((const guint8 *)"\x07\0\0\0\0\0\0\0\x7f\xff\xff\xff"), ==, -1);
        guint8 file[12] = {7};
        const guint32 most = GUINT32_TO_BE(TB_LIMIT_VNC_MESSAGE);
        memcpy(file + 8, &most, 4);
        g_assert_cmpint(tb_vnc_aside_more(file), ==, TB_LIMIT_VNC_MESSAGE);
        g_assert_cmpint(tb_vnc_aside_more((const guint8 *)"\xf8\0\0\0\x80\0\0\0\x41"), ==, -1); /* 65 bytes */
}

typedef struct World {
        TbVncSlots *slots;
        TbVncSlot *slot;
        int peer;
} World;

static void set_up(World *w, gconstpointer unused)
{
        (void)unused;
        int pair[2];
        g_autoptr(GByteArray) init = g_byte_array_new();
        w->slots = tb_vnc_slots_new(1, NULL);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        w->slot = tb_vnc_slots_take(w->slots);
        g_assert_true(tb_vnc_slot_adopt(w->slot, pair[0], init, NULL));
        w->peer = pair[1];
}

static void tear_down(World *w, gconstpointer unused)
{
        (void)unused;
        tb_vnc_slot_drop(w->slot);
        tb_vnc_slots_give(w->slots, w->slot);
        tb_vnc_slots_free(w->slots);
        close(w->peer);
}

static void say(World *w, const char *bytes, gsize n)
{
        bool known;
        g_assert_cmpint(write(w->peer, bytes, n), ==, (gssize)n);
        g_assert_true(tb_vnc_aside_read(&w->slot->aside, w->slot->client, (guint8)bytes[0], &known));
        g_assert_true(known);
}

static void expect(World *w, const char *bytes, gsize n)
{
        char got[64];
        g_assert_cmpint(recv(w->peer, got, n, MSG_WAITALL), ==, (gssize)n);
        g_assert_cmpmem(got, n, bytes, n);
}

#define SAY(w, bytes) say(w, bytes, sizeof bytes - 1)
#define EXPECT(w, bytes) expect(w, bytes, sizeof bytes - 1)

static void test_answers(World *w, gconstpointer unused)
{
        (void)unused;
        SAY(w, "\xf8\0\0\0\x80\0\0\x03\x04"
               "abcd");
        EXPECT(w, "\xf8\0\0\0\0\0\0\x03\x04"
                  "abcd");
        SAY(w, "\x0b\0\0\0\0\0\0\x03"
               "abc");            /* nothing is said to that */
        SAY(w, "\xfa\0\x01\x02"); /* nor to that: xvp was not offered */
        g_assert_cmpint(recv(w->peer, &(char){0}, 1, MSG_DONTWAIT), ==, -1);
        bool known = true;
        g_assert_false(tb_vnc_aside_read(&w->slot->aside, w->slot->client, 99, &known));
        g_assert_false(known);
}

/* They come unasked, as many as the viewer has room for, and end when it says so. */
static void test_continuous(World *w, gconstpointer unused)
{
        (void)unused;
        TbVncAside *aside = &w->slot->aside;
        rfbClientPtr client = w->slot->client;
        g_assert_false(tb_vnc_aside_offered(aside, -311));
        g_assert_true(tb_vnc_aside_offered(aside, -313));
        g_assert_true(tb_vnc_aside_announce(aside, client)); /* says nothing without fences */
        g_assert_true(tb_vnc_aside_offered(aside, -312));
        g_assert_true(tb_vnc_aside_announce(aside, client));
        EXPECT(w, "\xf8\0\0\0\x80\0\0\0\0"
                  "\x96");
        g_assert_true(tb_vnc_aside_announce(aside, client)); /* once */

        SAY(w, "\x96\x01\0\x0a\0\0\xff\xff\xff\xff");
        for (int i = 0; i < TB_VNC_UPDATES_ON_WAY; i++) {
                sraRgnMakeEmpty(client->requestedRegion);
                tb_vnc_aside_request(aside, client);
                sraRect all;
                g_assert_true(sraRgnPopRect(client->requestedRegion, &all, 0));
                g_assert_true(all.x1 == 10 && all.y1 == 0 && all.x2 == client->screen->width &&
                              all.y2 == client->screen->height);
                g_assert_true(tb_vnc_aside_updated(aside, client));
                EXPECT(w, "\xf8\0\0\0\x80\0\0\x01\x01"
                          "u");
        }
        sraRgnMakeEmpty(client->requestedRegion);
        tb_vnc_aside_request(aside, client);
        g_assert_true(sraRgnEmpty(client->requestedRegion));
        SAY(w, "\xf8\0\0\0\0\0\0\x01\x01"
               "u");
        tb_vnc_aside_request(aside, client);
        g_assert_false(sraRgnEmpty(client->requestedRegion));

        SAY(w, "\x96\0\0\0\0\0\0\0\0\0");
        EXPECT(w, "\x96");
        sraRgnMakeEmpty(client->requestedRegion);
        tb_vnc_aside_request(aside, client);
        g_assert_true(sraRgnEmpty(client->requestedRegion));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/aside/lengths", test_lengths);
        g_test_add("/vnc/aside/answers", World, NULL, set_up, test_answers, tear_down);
        g_test_add("/vnc/aside/continuous", World, NULL, set_up, test_continuous, tear_down);
        return g_test_run();
}
