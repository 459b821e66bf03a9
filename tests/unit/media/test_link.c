/* The messages between testbed-host and testbed-media, and the socket under them. */
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/media/child/pictures.h"
#include "host/media/link/link.h"
#include "host/media/link/pictures.h"
#include "lib/error.h"
#include "lib/thread.h"

/* As it goes over the socket: with what a unit has behind it. */
static GByteArray *wire(const TbLinkMessage *m)
{
        g_autoptr(GError) error = NULL;
        GByteArray *out = tb_link_write(m, &error);
        g_assert_no_error(error);
        if (m->type == TB_LINK_UNIT) {
                g_byte_array_append(out, (const guint8 *)m->unit.data.data, (guint)m->unit.data.length);
                g_byte_array_append(out, (const guint8 *)"", 1);
        }
        return out;
}

static TbLinkBytes some(const char *text)
{
        return tb_link_text(text);
}

static GArray *one_of_each(void)
{
        const TbLinkMessage all[] = {
                {.type = TB_LINK_SETUP, .setup = {12345678901, 60, 8000, 50000, 50100, 2, 1}},
                {.type = TB_LINK_PEER,
                 .id = 7,
                 .peer = {3,
                          4,
                          -1,
                          1,
                          500,
                          some("label"),
                          some("board"),
                          some("v=0"),
                          2,
                          {some("stun:a"), some("turn:b")}}},
                {.type = TB_LINK_CLOSE, .id = 7},
                {.type = TB_LINK_REMOTE, .id = 7, .text = some("candidate:1")},
                {.type = TB_LINK_RESTART, .id = 7, .text = some("abcd efgh")},
                {.type = TB_LINK_CALL,
                 .id = 8,
                 .peer = {.answer_wait_ms = 40,
                          .label = some("phone1"),
                          .device = some(""),
                          .offer = some("")}},
                {.type = TB_LINK_ACCEPT, .id = 8, .text = some("v=0")},
                {.type = TB_LINK_WANT, .id = 8, .number = 1},
                {.type = TB_LINK_SEND, .id = 7, .chunk = {1, some("control"), {"{\"a\":\"ü\"}", 10}}},
                {.type = TB_LINK_REFRESH, .id = 7},
                {.type = TB_LINK_SOURCE, .id = 3, .source = {1, 1280, 720, 8}},
                {.type = TB_LINK_FEED, .id = 3, .feed = {2, 250, 10}},
                {.type = TB_LINK_UNIT, .id = 3, .unit = {0, 1, 4000000000u, {"\0\0\0\1x", 5}}},
                {.type = TB_LINK_SOUND, .id = 4, .sound = {5000000000u, {"\xfc\0\1", 3}}},
                {.type = TB_LINK_PING, .id = 1},
                {.type = TB_LINK_READY, .ready = {TB_LINK_GOT_ALL, 7}},
                {.type = TB_LINK_ANSWER_SDP, .id = 7, .text = some("v=0\r\n")},
                {.type = TB_LINK_ANSWER_NONE, .id = 7, .text = some("why")},
                {.type = TB_LINK_LOCAL, .id = 7, .text = some("candidate:2")},
                {.type = TB_LINK_RESTARTED, .id = 7, .text = some("a=ice-ufrag:abcd")},
                {.type = TB_LINK_STATE, .id = 7, .number = 2},
                {.type = TB_LINK_OPEN, .id = 7, .chunk = {1, some("control"), {"", 0}}},
                {.type = TB_LINK_MESSAGE, .id = 7, .chunk = {0, some("sensor"), {"a\0b", 3}}},
                {.type = TB_LINK_CLOSED, .id = 7, .text = some("closed")},
                {.type = TB_LINK_STATS,
                 .id = 7,
                 .stats = {1.5, -1, 2, -1, 3, 4, 5, 6, 2, 7, 8, 9, 10, 11, 12, 13}},
                {.type = TB_LINK_SUBSCRIBE, .id = 3, .number = 2},
                {.type = TB_LINK_UNSUBSCRIBE, .id = 3, .number = 1},
                {.type = TB_LINK_KEYFRAME, .id = 3, .number = 0},
                {.type = TB_LINK_RATE, .id = 3, .feed = {0, 4000, 60}},
                {.type = TB_LINK_PONG, .id = 1},
        };
        GArray *array = g_array_new(FALSE, FALSE, sizeof(TbLinkMessage));
        g_array_append_vals(array, all, G_N_ELEMENTS(all));
        return array;
}

static TbLinkSide sender_of(TbLinkType type)
{
        return type < TB_LINK_READY ? TB_LINK_HOST : TB_LINK_MEDIA;
}

/* Each comes out as it went in, whole or cut off anywhere; from the wrong side it is refused. */
static void test_each(void)
{
        g_autoptr(GArray) all = one_of_each();
        for (guint i = 0; i < all->len; i++) {
                const TbLinkMessage *m = &g_array_index(all, TbLinkMessage, i);
                g_autoptr(GByteArray) bytes = wire(m);
                g_autoptr(GError) error = NULL;
                TbLinkMessage got;
                for (guint cut = 0; cut < bytes->len; cut++)
                        g_assert_cmpint(tb_link_parse(sender_of(m->type), bytes->data, cut, &got, &error), ==,
                                        0);
                g_assert_cmpint(tb_link_parse(sender_of(m->type), bytes->data, bytes->len, &got, &error), ==,
                                bytes->len);
                g_assert_no_error(error);
                g_assert_cmpuint(got.type, ==, m->type);
                g_assert_cmpuint(got.id, ==, m->id);
                g_autoptr(GByteArray) again = wire(&got);
                g_assert_cmpmem(again->data, again->len, bytes->data, bytes->len);
                g_assert_cmpint(tb_link_parse(!sender_of(m->type), bytes->data, bytes->len, &got, &error), ==,
                                -1);
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
}

static void test_texts(void)
{
        g_autoptr(GByteArray) bytes = wire(&(TbLinkMessage){.type = TB_LINK_CLOSED, .text = some("closed")});
        TbLinkMessage got;
        g_assert_cmpint(tb_link_parse(TB_LINK_MEDIA, bytes->data, bytes->len, &got, NULL), >, 0);
        g_assert_cmpstr(got.text.data, ==, "closed");
        static const char *const bad[] = {"clo\0ed",
                                          "clos\xff"
                                          "d",
                                          NULL};
        for (guint i = 0; bad[i]; i++) {
                g_autoptr(GError) error = NULL;
                memcpy(bytes->data + TB_LINK_HEAD + 4, bad[i], 6);
                g_assert_cmpint(tb_link_parse(TB_LINK_MEDIA, bytes->data, bytes->len, &got, &error), ==, -1);
        }
        memcpy(bytes->data + TB_LINK_HEAD + 4, "closedx", 7); /* no NUL behind it */
        g_assert_cmpint(tb_link_parse(TB_LINK_MEDIA, bytes->data, bytes->len, &got, NULL), ==, -1);
        g_autofree char *clipped = tb_link_clip("aü\xff", 2);
        g_assert_cmpstr(clipped, ==, "a");
        g_autofree char *whole = tb_link_clip("aü", 3);
        g_assert_cmpstr(whole, ==, "aü");
}

/* At its limit it is written and read, one beyond it is neither. */
static void check_limit(gsize limit, TbLinkBytes *field, TbLinkMessage *whole)
{
        g_autofree char *text = g_strnfill(limit + 1, 'x');
        for (gsize more = 0; more <= 1; more++) {
                *field = (TbLinkBytes){text, limit + more};
                g_autoptr(GByteArray) out = tb_link_write(whole, NULL);
                g_assert_true((out != NULL) == (more == 0));
        }
        *field = (TbLinkBytes){NULL, 0};
}

static void test_limits(void)
{
        TbLinkMessage m = {.type = TB_LINK_UNIT};
        check_limit(TB_LIMIT_LINK_UNIT, &m.unit.data, &m);
        m = (TbLinkMessage){.type = TB_LINK_MESSAGE};
        check_limit(TB_LIMIT_CHANNEL_MESSAGE, &m.chunk.bytes, &m);
        check_limit(TB_LINK_CHANNEL, &m.chunk.channel, &m);
        m = (TbLinkMessage){.type = TB_LINK_ANSWER_SDP};
        check_limit(TB_LINK_ANSWER, &m.text, &m);
        m = (TbLinkMessage){.type = TB_LINK_SOUND};
        check_limit(TB_LINK_SOUND_BYTES, &m.sound.data, &m);
        m = (TbLinkMessage){.type = TB_LINK_PEER};
        check_limit(TB_LIMIT_SDP, &m.peer.offer, &m);

        /* a head that promises too much ends it before anything is waited for */
        g_autoptr(GByteArray) bytes = wire(&(TbLinkMessage){.type = TB_LINK_PONG});
        TbLinkMessage got;
        for (guint more = 0; more <= 1; more++) {
                guint32 size = GUINT32_TO_LE(TB_LIMIT_LINK_MESSAGE + more);
                memcpy(bytes->data, &size, sizeof size);
                g_assert_cmpint(tb_link_parse(TB_LINK_MEDIA, bytes->data, bytes->len, &got, NULL), ==,
                                more ? -1 : 0);
        }
        m = (TbLinkMessage){.type = TB_LINK_STATS, .stats = {.queue_ms = NAN}};
        g_assert_null(tb_link_write(&m, NULL));
        m = (TbLinkMessage){.type = TB_LINK_SUBSCRIBE, .number = TB_LINK_RUNGS};
        g_assert_null(tb_link_write(&m, NULL));
}

/* --- the socket --- */
typedef struct Side {
        TbLink *link;
        guint messages;
        gsize bytes;
        char *ended;
} Side;

static void on_message(const TbLinkMessage *m, void *data)
{
        Side *side = data;
        side->messages++;
        side->bytes += m->type == TB_LINK_UNIT ? m->unit.data.length : 0;
}

static void on_ended(const char *why, void *data)
{
        Side *side = data;
        side->ended = g_strdup(why);
}

static const TbLinkCallbacks callbacks = {.message = on_message, .ended = on_ended};

static void pair_of(Side *host, Side *media)
{
        int fds[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
        host->link = tb_link_new(fds[0], TB_LINK_HOST, &callbacks, host);
        media->link = tb_link_new(fds[1], TB_LINK_MEDIA, &callbacks, media);
}

/* Nobody reads: pictures are refused at their ceiling, and a viewer's messages at its own; the rest still goes. What was
 * taken arrives, all of it. */
static void test_ceilings(void)
{
        Side host = {0}, media = {0};
        pair_of(&host, &media);
        g_autofree char *data = g_strnfill(TB_LIMIT_LINK_UNIT, 'x');
        TbLinkMessage unit = {.type = TB_LINK_UNIT, .id = 1, .unit = {.data = {data, 1000 * 1000}}};
        guint sent = 0;
        while (tb_link_send(host.link, &unit) == TB_LINK_SENT)
                sent++;
        g_assert_cmpuint(sent, >=, TB_LIMIT_LINK_UNITS / (1001 * 1000) - 1);
        g_assert_cmpuint(sent, <=, TB_LIMIT_LINK_UNITS / (1000 * 1000) + 3); /* + what the socket holds */
        TbLinkMessage text = {.type = TB_LINK_SEND,
                              .id = 5,
                              .chunk = {1, some("control"), {data, TB_LIMIT_CHANNEL_MESSAGE}}};
        guint texts = 0;
        while (tb_link_send(host.link, &text) == TB_LINK_SENT)
                texts++;
        g_assert_cmpuint(texts, ==, TB_LIMIT_LINK_PEER / (TB_LIMIT_CHANNEL_MESSAGE + 64));
        g_assert_cmpuint(tb_link_waiting(host.link, 5), <=, TB_LIMIT_LINK_PEER);
        text.id = 6; /* a neighbour */
        g_assert_cmpint(tb_link_send(host.link, &text), ==, TB_LINK_SENT);
        g_assert_cmpint(tb_link_send(host.link, &(TbLinkMessage){.type = TB_LINK_PING}), ==, TB_LINK_SENT);
        guint expected = sent + texts + 2;
        while (media.messages < expected && !media.ended)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(media.bytes, ==, sent * 1000 * 1000);
        g_assert_cmpuint(tb_link_waiting(host.link, 5), ==, 0);
        g_assert_cmpint(tb_link_send(host.link, &unit), ==, TB_LINK_SENT);
        tb_link_free(host.link);
        while (!media.ended)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpstr(media.ended, ==, TB_LINK_GONE);
        g_assert_cmpint(tb_link_send(media.link, &(TbLinkMessage){.type = TB_LINK_PONG}), ==, TB_LINK_BAD);
        tb_link_free(media.link);
        g_free(media.ended);
}

/* Everything of it together never goes over the ceiling of the link. */
static void test_queue(void)
{
        Side host = {0}, media = {0};
        pair_of(&host, &media);
        g_autofree char *data = g_strnfill(TB_LIMIT_CHANNEL_MESSAGE, 'x');
        TbLinkMessage text = {.type = TB_LINK_MESSAGE,
                              .chunk = {1, some("control"), {data, TB_LIMIT_CHANNEL_MESSAGE}}};
        gsize all = 0;
        for (guint id = 1; id < 100; id++) {
                text.id = id;
                while (tb_link_send(media.link, &text) == TB_LINK_SENT)
                        all += TB_LIMIT_CHANNEL_MESSAGE;
        }
        g_assert_cmpuint(all, >, TB_LIMIT_LINK_QUEUE - 2 * TB_LIMIT_CHANNEL_MESSAGE);
        g_assert_cmpuint(all, <, TB_LIMIT_LINK_QUEUE + 2 * 1024 * 1024);
        tb_link_free(media.link);
        tb_link_free(host.link);
}

/* The other side says what it may not: the link ends with the reason. */
static void test_violation(void)
{
        Side host = {0};
        int fds[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
        host.link = tb_link_new(fds[0], TB_LINK_HOST, &callbacks, &host);
        g_autoptr(GByteArray) good = wire(&(TbLinkMessage){.type = TB_LINK_PONG});
        g_autoptr(GByteArray) bad = wire(&(TbLinkMessage){.type = TB_LINK_PING});
        g_assert_cmpint(write(fds[1], good->data, good->len), ==, good->len);
        g_assert_cmpint(write(fds[1], bad->data, bad->len), ==, bad->len);
        g_assert_cmpint(write(fds[1], good->data, good->len), ==, good->len);
        while (!host.ended)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(host.messages, ==, 1);
        g_assert_cmpstr(host.ended, !=, TB_LINK_GONE);
        tb_link_free(host.link);
        g_free(host.ended);
        close(fds[1]);
}

/* The head of a phone's picture: sizes that a frame can have, and nothing else. */
static void test_picture_head(void)
{
        static const guint32 sides[] = {0, 1, TB_LIMIT_VIDEO_SIDE, TB_LIMIT_VIDEO_SIDE + 1};
        guint8 bytes[TB_PICTURE_HEAD];
        TbPictureHead head;
        for (guint w = 0; w < G_N_ELEMENTS(sides); w++)
                for (guint h = 0; h < G_N_ELEMENTS(sides); h++) {
                        bool good = w % 3 != 0 && h % 3 != 0;
                        tb_picture_head_write(
                                &(TbPictureHead){.id = 7, .width = sides[w], .height = sides[h]}, bytes);
                        g_assert_true(tb_picture_head_read(bytes, &head) == good);
                        g_assert_true(!good ||
                                      (head.id == 7 && head.width == sides[w] && head.height == sides[h]));
                }
        tb_picture_head_write(&(TbPictureHead){.id = 7, .width = 2, .height = 2}, bytes);
        bytes[0] ^= 1;
        g_assert_false(tb_picture_head_read(bytes, &head));
        for (guint32 frames = TB_PICTURES_FRAMES; frames <= TB_PICTURES_FRAMES + 1; frames++)
                for (guint32 channels = 0; channels <= TB_PICTURES_CHANNELS + 1; channels++) {
                        bool good = frames == TB_PICTURES_FRAMES && channels % 3 != 0;
                        tb_picture_head_write(
                                &(TbPictureHead){.id = 7, .frames = frames, .channels = channels}, bytes);
                        g_assert_true(tb_picture_head_read(bytes, &head) == good);
                        g_assert_true(!good || (head.frames == frames && head.channels == channels &&
                                                head.width == 0));
                }
}

typedef struct Got {
        gint pictures, sounds, wrong; /* atomic */
} Got;

static void take_sound(TbSound *sound_take, void *data)
{
        Got *got = data;
        bool right = sound_take->frames == 2 && sound_take->format.channels == 1 &&
                     sound_take->samples[1] == 0x0404;
        g_atomic_int_add(right ? &got->sounds : &got->wrong, 1);
        tb_sound_unref(sound_take);
}

static void take_picture(TbFrame *frame_take, void *data)
{
        Got *got = data;
        bool right = frame_take->width == 3 && frame_take->height == 2 && frame_take->plane[0][2] == 3 &&
                     frame_take->plane[0][frame_take->stride[0]] == 4 && frame_take->plane[1][1] == 8 &&
                     frame_take->plane[2][0] == 9;
        g_atomic_int_add(right ? &got->pictures : &got->wrong, 1);
        tb_frame_unref(frame_take);
}

/* Whole ones reach their route, in pieces of any size; what is none ends the reading. */
static void test_pictures(void)
{
        int pair[2];
        Got got = {0};
        guint8 bytes[TB_PICTURE_HEAD + 10] = {0};
        tb_picture_head_write(&(TbPictureHead){.id = 7, .width = 3, .height = 2}, bytes);
        for (guint8 i = 0; i < 10; i++)
                bytes[TB_PICTURE_HEAD + i] = i + 1;
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        TbPictures *pictures = tb_pictures_new(pair[0]);
        tb_pictures_route(pictures, 7, &(TbPicturesRoute){take_picture, take_sound, &got});
        guint8 sound[TB_PICTURE_HEAD + 4];
        memset(sound, 4, sizeof sound);
        tb_picture_head_write(&(TbPictureHead){.id = 7, .frames = 2, .channels = 1}, sound);
        g_assert_cmpint(send(pair[1], sound, sizeof sound, MSG_NOSIGNAL), ==, sizeof sound);
        for (gsize i = 0; i < sizeof bytes; i++)
                g_assert_cmpint(send(pair[1], bytes + i, 1, MSG_NOSIGNAL), ==, 1);
        bytes[4] = 8; /* of a peer that is not there */
        g_assert_cmpint(send(pair[1], bytes, sizeof bytes, MSG_NOSIGNAL), ==, sizeof bytes);
        bytes[4] = 7;
        g_assert_cmpint(send(pair[1], bytes, sizeof bytes, MSG_NOSIGNAL), ==, sizeof bytes);
        bytes[0] = 0;
        g_assert_cmpint(send(pair[1], bytes, sizeof bytes, MSG_NOSIGNAL), ==, sizeof bytes);
        char end;
        g_assert_cmpint(recv(pair[1], &end, 1, 0), <=, 0); /* it has hung up */
        g_assert_cmpint(g_atomic_int_get(&got.pictures), ==, 2);
        g_assert_cmpint(g_atomic_int_get(&got.sounds), ==, 1);
        g_assert_cmpint(g_atomic_int_get(&got.wrong), ==, 0);
        tb_pictures_free(pictures);
        close(pair[1]);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/media/link/each", test_each);
        g_test_add_func("/media/link/texts", test_texts);
        g_test_add_func("/media/link/limits", test_limits);
        g_test_add_func("/media/link/ceilings", test_ceilings);
        g_test_add_func("/media/link/queue", test_queue);
        g_test_add_func("/media/link/violation", test_violation);
        g_test_add_func("/media/link/picture-head", test_picture_head);
        g_test_add_func("/media/link/pictures", test_pictures);
        return g_test_run();
}
