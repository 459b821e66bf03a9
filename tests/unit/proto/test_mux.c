/* Streams of the host's link, both ends wired to each other without a socket. */
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/proto/mux.h"
#include "lib/thread.h"

typedef struct End {
        TbMux *mux;
        struct End *other;
        GQueue wire; /* owned GBytes on their way to `other` */
        gsize room;
        bool on_hold, broken;
        guint rests;  /* how often it was told that nothing more came together */
        bool lazy;    /* takes in, passes nothing on */
        GString *log; /* owned */
        guint64 got[2 * TB_LIMIT_LINK_STREAMS];
        gsize held[2 * TB_LIMIT_LINK_STREAMS];
        TbMuxStream *streams[2 * TB_LIMIT_LINK_STREAMS];
} End;

static bool send_bytes(const void *bytes, gsize size, gpointer data)
{
        End *e = data;
        g_queue_push_tail(&e->wire, g_bytes_new(bytes, size));
        e->room -= MIN(e->room, size);
        return true;
}

static void rest(gpointer data)
{
        ((End *)data)->rests++;
}

static gsize room(gpointer data)
{
        return ((End *)data)->room;
}

static void note(End *e, TbMuxStream *s, const char *what, const void *text, gsize size, bool end)
{
        g_autofree char *copy = g_strndup(text ? text : "", size);
        g_string_append_printf(e->log, "%s%u(%s)%s ", what, tb_mux_stream_id(s), copy, end ? "." : "");
        e->streams[tb_mux_stream_id(s)] = s;
}

static void opened(TbMuxStream *s, const guint8 *head, gsize size, bool end, gpointer data)
{
        note(data, s, "open", head, size, end);
}

static void head(TbMuxStream *s, const guint8 *text, gsize size, bool end, gpointer data)
{
        note(data, s, "head", text, size, end);
}

static void on_data(TbMuxStream *s, const guint8 *bytes G_GNUC_UNUSED, gsize size, bool end, gpointer data)
{
        End *e = data;
        guint32 id = tb_mux_stream_id(s);
        e->got[id] += size;
        if (end)
                note(e, s, "end", NULL, 0, true);
        if (e->lazy)
                e->held[id] += size;
        else
                tb_mux_consumed(s, size);
}

static void writable(TbMuxStream *s, gpointer data)
{
        note(data, s, "writable", NULL, 0, false);
}

static void closed(TbMuxStream *s, const char *reason, gpointer data)
{
        note(data, s, "closed", reason, reason ? strlen(reason) : 0, reason == NULL);
}

static void hold(bool held, gpointer data)
{
        ((End *)data)->on_hold = held;
}

static void broken(const GError *error, gpointer data)
{
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        ((End *)data)->broken = true;
}

static const TbMuxOps client_ops = {.send = send_bytes,
                                    .room = room,
                                    .hold = hold,
                                    .broken = broken,
                                    .head = head,
                                    .rest = rest,
                                    .data = on_data,
                                    .writable = writable,
                                    .closed = closed};
static const TbMuxOps server_ops = {.send = send_bytes,
                                    .room = room,
                                    .hold = hold,
                                    .broken = broken,
                                    .opened = opened,
                                    .data = on_data,
                                    .writable = writable,
                                    .closed = closed};

typedef struct Pair {
        End a, b; /* a opens, b answers */
} Pair;

static void pair_init(Pair *p)
{
        *p = (Pair){.a = {.room = G_MAXSIZE}, .b = {.room = G_MAXSIZE}};
        p->a.other = &p->b;
        p->b.other = &p->a;
        p->a.log = g_string_new(NULL);
        p->b.log = g_string_new(NULL);
        p->a.mux = tb_mux_new(&client_ops, &p->a);
        p->b.mux = tb_mux_new(&server_ops, &p->b);
}

static void pair_clear(Pair *p)
{
        End *both[] = {&p->a, &p->b};
        for (guint i = 0; i < 2; i++) {
                tb_mux_free(both[i]->mux);
                g_queue_clear_full(&both[i]->wire, (GDestroyNotify)g_bytes_unref);
                g_string_free(both[i]->log, TRUE);
        }
}

static gsize deliver_one(End *from)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = g_queue_pop_head(&from->wire);
        if (!bytes)
                return 0;
        gsize size;
        const guint8 *data = g_bytes_get_data(bytes, &size);
        g_assert_true(tb_mux_receive(from->other->mux, data, size, &error));
        g_assert_no_error(error);
        return size;
}

static void deliver(Pair *p)
{
        while (deliver_one(&p->a) + deliver_one(&p->b) > 0)
                ;
}

static TbMuxStream *open_stream(Pair *p, bool end)
{
        g_autoptr(GError) error = NULL;
        TbMuxStream *s = tb_mux_open(p->a.mux, "{}", 2, end, NULL, &error);
        g_assert_no_error(error);
        return s;
}

static void test_both_ways(void)
{
        Pair p;
        pair_init(&p);
        TbMuxStream *s = open_stream(&p, false);
        g_assert_cmpuint(tb_mux_write(s, "up", 2, true), ==, 2);
        deliver(&p);
        g_assert_cmpstr(p.b.log->str, ==, "open1({}) end1(). ");
        TbMuxStream *t = p.b.streams[1];
        g_assert_true(tb_mux_answer(t, "{\"s\":1}", 7, false));
        g_assert_cmpuint(tb_mux_write(t, "down", 4, false), ==, 4);
        tb_mux_write(t, NULL, 0, true);
        deliver(&p);
        g_assert_cmpstr(p.a.log->str, ==, "head1({\"s\":1}) end1(). closed1(). ");
        g_assert_cmpuint(p.a.got[1], ==, 4);
        g_assert_cmpuint(tb_mux_count(p.a.mux) + tb_mux_count(p.b.mux), ==, 0);
        pair_clear(&p);
}

/* The reader of stream 1 passes nothing on: stream 1 stands after one window, stream 2 goes on for ever. */
static void test_slow_reader(void)
{
        static guint8 block[TB_LIMIT_STREAM_QUEUE];
        Pair p;
        pair_init(&p);
        open_stream(&p, true);
        open_stream(&p, true);
        deliver(&p);
        for (guint i = 1; i <= 2; i++)
                g_assert_true(tb_mux_answer(p.b.streams[i], "{}", 2, false));
        guint64 sent[3] = {0};
        for (guint round = 0; round < 200; round++) {
                p.a.lazy = false;
                for (guint i = 1; i <= 2; i++)
                        sent[i] += tb_mux_write(p.b.streams[i], block, sizeof block, false);
                while (p.b.wire.head) { /* what is for stream 1 stays with its reader */
                        gsize size;
                        const guint8 *f = g_bytes_get_data(p.b.wire.head->data, &size);
                        p.a.lazy = f[7] == 1;
                        deliver_one(&p.b);
                        while (deliver_one(&p.a))
                                ;
                }
        }
        g_assert_cmpuint(p.a.got[1], <=, TB_LIMIT_LINK_WINDOW);
        g_assert_cmpuint(p.a.got[1], >, TB_LIMIT_LINK_WINDOW / 2);
        g_assert_cmpuint(sent[1], <=, TB_LIMIT_LINK_WINDOW + TB_LIMIT_STREAM_QUEUE);
        g_assert_cmpuint(p.a.got[2], >, 40 * TB_LIMIT_LINK_WINDOW);
        tb_mux_consumed(p.a.streams[1], p.a.held[1]); /* and with its reader it goes on */
        guint64 before = p.a.got[1];
        p.a.lazy = false;
        deliver(&p);
        g_assert_cmpuint(p.a.got[1], >, before);
        pair_clear(&p);
}

/* With a narrow line: a head goes before bodies, and bodies take turns. */
static void test_turns(void)
{
        static guint8 block[TB_LIMIT_STREAM_QUEUE];
        Pair p;
        pair_init(&p);
        for (guint i = 0; i < 3; i++)
                open_stream(&p, true);
        deliver(&p);
        p.b.room = 0;
        for (guint i = 1; i <= 2; i++) {
                tb_mux_answer(p.b.streams[i], "{}", 2, false);
                tb_mux_write(p.b.streams[i], block, sizeof block, false);
        }
        g_assert_cmpuint(p.b.wire.length, ==, 0);
        const guint32 wanted[] = {1, 2, 1, 2, 3, 1, 2}; /* the heads of 1 and 2 first, then turns */
        for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
                if (i == 4)
                        tb_mux_answer(p.b.streams[3], "{}", 2, true);
                p.b.room = 1;
                tb_mux_pump(p.b.mux);
                g_assert_cmpuint(p.b.wire.length, ==, 1);
                const guint8 *f = g_bytes_get_data(p.b.wire.head->data, NULL);
                g_assert_cmpuint(f[7], ==, wanted[i]);
                deliver_one(&p.b);
                g_queue_clear_full(&p.a.wire, (GDestroyNotify)g_bytes_unref);
        }
        pair_clear(&p);
}

static void test_reset(void)
{
        Pair p;
        pair_init(&p);
        TbMuxStream *s = open_stream(&p, false), *t;
        deliver(&p);
        tb_mux_answer(p.b.streams[1], "{}", 2, false);
        deliver(&p);
        tb_mux_reset(s, "nobody waits");
        deliver(&p);
        g_assert_nonnull(strstr(p.b.log->str, "closed1(nobody waits)"));
        t = open_stream(&p, false);
        deliver(&p);
        tb_mux_write(t, "late", 4, false);
        tb_mux_reset(p.b.streams[2], "no such device"); /* before an answer */
        deliver(&p);                                    /* what was on its way is ignored */
        g_assert_nonnull(strstr(p.a.log->str, "closed2(no such device)"));
        p.a.room = 0; /* given up before it left: the other side never hears of it */
        tb_mux_reset(open_stream(&p, true), "never mind");
        p.a.room = G_MAXSIZE;
        tb_mux_pump(p.a.mux);
        g_assert_cmpuint(p.a.wire.length, ==, 0);
        open_stream(&p, true);
        deliver(&p);
        tb_mux_reset_all(p.a.mux, "lost");
        g_assert_nonnull(strstr(p.a.log->str, "closed4(lost)"));
        g_assert_cmpuint(tb_mux_count(p.a.mux), ==, 0);
        pair_clear(&p);
}

static void test_limits(void)
{
        static char big[TB_LIMIT_LINK_HEAD + 1];
        Pair p;
        pair_init(&p);
        g_autoptr(GError) error = NULL, more = NULL, none = NULL;
        g_assert_null(tb_mux_open(p.a.mux, NULL, 0, true, NULL, &none)); /* of tb_json_text(NULL) */
        g_assert_error(none, TB_ERROR, TB_ERROR_INVALID);
        g_assert_null(tb_mux_open(p.a.mux, big, sizeof big, true, NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        for (guint i = 0; i < TB_LIMIT_LINK_STREAMS; i++)
                open_stream(&p, true);
        g_assert_null(tb_mux_open(p.a.mux, "{}", 2, true, NULL, &more));
        g_assert_error(more, TB_ERROR, TB_ERROR_LIMIT);
        deliver(&p);
        g_assert_false(tb_mux_answer(p.b.streams[1], big, sizeof big, true));
        g_assert_false(tb_mux_answer(p.b.streams[1], NULL, 0, true));
        g_assert_cmpuint(tb_mux_count(p.b.mux), ==, TB_LIMIT_LINK_STREAMS);
        pair_clear(&p);
}

static bool hostile(End *e, TbLinkFrameType type, bool end, guint32 id, const void *payload, gsize size)
{
        guint8 frame[TB_LINK_FRAME_HEADER + TB_LIMIT_LINK_CHUNK];
        tb_link_frame_header(frame, type, end, id, size);
        if (size > 0)
                memcpy(frame + TB_LINK_FRAME_HEADER, payload, size);
        g_autoptr(GError) error = NULL;
        bool ok = tb_mux_receive(e->mux, frame, TB_LINK_FRAME_HEADER + size, &error);
        g_assert_true(ok == (error == NULL));
        return ok;
}

/* What a hostile end may try; each ends the link, and nothing was held beyond the window. */
static void test_hostile_answers(void)
{
        static guint8 block[TB_LIMIT_LINK_CHUNK];
        const guint8 most[4] = {0x7f, 0xff, 0xff, 0xff};
        Pair p;
        pair_init(&p);
        p.a.lazy = true;
        open_stream(&p, true);
        open_stream(&p, true);
        g_assert_false(hostile(&p.a, TB_LINK_DATA, false, 9, "x", 1)); /* never opened */
        g_assert_false(hostile(&p.a, TB_LINK_HEAD, false, 3, "{}", 2));
        g_assert_false(hostile(&p.a, TB_LINK_DATA, false, 1, "x", 1)); /* before its head */
        g_assert_true(hostile(&p.a, TB_LINK_HEAD, false, 1, "{}", 2));
        g_assert_false(hostile(&p.a, TB_LINK_HEAD, false, 1, "{}", 2));   /* heads without end */
        g_assert_false(hostile(&p.a, TB_LINK_CREDIT, false, 1, most, 4)); /* beyond the largest number */
        bool ok = true;
        for (guint i = 0; ok && i < 1000; i++)
                ok = hostile(&p.a, TB_LINK_DATA, false, 1, block, sizeof block);
        g_assert_false(ok);
        g_assert_cmpuint(p.a.got[1], <=, TB_LIMIT_LINK_WINDOW);
        g_assert_true(hostile(&p.a, TB_LINK_HEAD, false, 2, "{}", 2));
        ok = true;
        for (guint i = 0; ok && i < TB_LIMIT_LINK_WINDOW; i++) /* a byte at a time */
                ok = hostile(&p.a, TB_LINK_DATA, false, 2, "x", 1);
        g_assert_false(ok);
        g_assert_cmpuint(p.a.got[2], <=, TB_LIMIT_LINK_WINDOW / TB_LINK_DATA_COST);
        pair_clear(&p);
}

static void test_hostile_requests(void)
{
        Pair p;
        pair_init(&p);
        g_assert_true(hostile(&p.b, TB_LINK_HEAD, true, 5, "{}", 2));
        g_assert_false(hostile(&p.b, TB_LINK_HEAD, true, 5, "{}", 2)); /* again */
        g_assert_false(hostile(&p.b, TB_LINK_HEAD, true, 4, "{}", 2)); /* backwards */
        g_assert_false(hostile(&p.b, TB_LINK_DATA, false, 5, "x", 1)); /* after the end */
        g_assert_false(hostile(&p.b, TB_LINK_RESET, false, 6, "x", 1));
        g_assert_true(hostile(&p.b, TB_LINK_RESET, false, 5, "x", 1));
        g_assert_true(hostile(&p.b, TB_LINK_DATA, false, 5, "x", 1)); /* on its way when it ended: ignored */
        bool ok = true;
        guint n = 0;
        for (; ok; n++)
                ok = hostile(&p.b, TB_LINK_HEAD, true, 10 + n, "{}", 2);
        g_assert_cmpuint(n, ==, TB_LIMIT_LINK_STREAMS + 1);
        pair_clear(&p);
}

static GByteArray *pairs(guint first, guint n)
{
        GByteArray *all = g_byte_array_new();
        for (guint id = first; id < first + n; id++) {
                guint8 head[TB_LINK_FRAME_HEADER];
                tb_link_frame_header(head, TB_LINK_HEAD, true, id, 2);
                g_byte_array_append(all, head, sizeof head);
                g_byte_array_append(all, (const guint8 *)"{}", 2);
                tb_link_frame_header(head, TB_LINK_RESET, false, id, 0);
                g_byte_array_append(all, head, sizeof head);
        }
        return all;
}

static guint opened_so_far(const End *e)
{
        guint n = 0;
        for (const char *at = e->log->str; (at = strstr(at, "open")); at++)
                n++;
        return n;
}

/* One message of many frames takes many turns of the loop, and nothing is read meanwhile. */
static void test_turn(void)
{
        const guint n = TB_LIMIT_LINK_STREAMS;
        Pair p;
        pair_init(&p);
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) first = pairs(1, n / 2), second = pairs(1 + n / 2, n / 2);
        g_assert_true(tb_mux_receive(p.b.mux, first->data, first->len, &error));
        g_assert_cmpuint(opened_so_far(&p.b), <=, TB_LIMIT_LINK_TURN_FRAMES / 2);
        g_assert_true(p.b.on_hold);
        g_assert_true(tb_mux_receive(p.b.mux, second->data, second->len, &error)); /* was read already */
        for (guint before; p.b.on_hold;) {
                before = opened_so_far(&p.b);
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(opened_so_far(&p.b) - before, <=, TB_LIMIT_LINK_TURN_FRAMES / 2);
        }
        g_assert_cmpuint(opened_so_far(&p.b), ==, n);
        /* what breaks the protocol in a later turn ends the link, too, and what is behind it is forgotten */
        g_autoptr(GByteArray) bad = pairs(1 + n, n / 2 - 1);
        g_byte_array_append(bad, (const guint8 *)"\x10", 1);
        g_assert_true(tb_mux_receive(p.b.mux, bad->data, bad->len, &error));
        while (p.b.on_hold)
                g_main_context_iteration(NULL, TRUE);
        g_assert_true(p.b.broken);
        tb_mux_reset_all(p.b.mux, "lost");
        /* the loss of the link forgets what waited */
        guint before = opened_so_far(&p.b);
        g_assert_true(tb_mux_receive(p.b.mux, first->data, first->len, &error));
        tb_mux_reset_all(p.b.mux, "lost");
        g_assert_cmpuint(opened_so_far(&p.b) - before, <=, TB_LIMIT_LINK_TURN_FRAMES / 2);
        g_assert_false(g_main_context_iteration(NULL, FALSE));
        pair_clear(&p);
}

/* Frames of one message are told one after the other, then that there are no more. */
static void test_together(void)
{
        Pair p;
        pair_init(&p);
        open_stream(&p, true);
        deliver(&p);
        tb_mux_answer(p.b.streams[1], "ok", 2, false);
        tb_mux_write(p.b.streams[1], "body", 4, true);
        g_assert_cmpuint(p.b.wire.length, ==, 2);
        g_autoptr(GByteArray) both = g_byte_array_new();
        for (GBytes *one; (one = g_queue_pop_head(&p.b.wire)); g_bytes_unref(one))
                g_byte_array_append(both, g_bytes_get_data(one, NULL), (guint)g_bytes_get_size(one));
        g_assert_true(tb_mux_receive(p.a.mux, both->data, both->len, NULL));
        g_assert_cmpuint(p.a.got[1], ==, 4);
        g_assert_cmpuint(p.a.rests, ==, 1);
        pair_clear(&p);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/mux/both-ways", test_both_ways);
        g_test_add_func("/mux/slow-reader", test_slow_reader);
        g_test_add_func("/mux/turns", test_turns);
        g_test_add_func("/mux/reset", test_reset);
        g_test_add_func("/mux/limits", test_limits);
        g_test_add_func("/mux/turn", test_turn);
        g_test_add_func("/mux/together", test_together);
        g_test_add_func("/mux/hostile-answers", test_hostile_answers);
        g_test_add_func("/mux/hostile-requests", test_hostile_requests);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
