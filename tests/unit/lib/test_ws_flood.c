/* Floods: each kind is metered, whoever sends it. */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "lib/http/ws_private.h"
#include "lib/log.h"
#include "tests/unit/clock.h"
#include "tests/unit/lib/ws_rig.h"

static GString *many(guint n, guint8 first, const void *payload, gsize size)
{
        g_autoptr(GString) one = frame(first, payload, size);
        GString *all = g_string_new(NULL);
        for (guint i = 0; i < n; i++)
                g_string_append_len(all, one->str, (gssize)one->len);
        return all;
}

/* One round of the loop, not more, does at most one turn's work for one socket. */
static void test_turn(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        g_autoptr(GString) f = many(500, 0x81, "x", 1);
        rig_send(&c, f->str, f->len);
        guint rounds = 0;
        for (guint before = 0; seen.messages < 500; before = seen.messages) {
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(seen.messages - before, <=, TB_LIMIT_WS_TURN_FRAMES);
                rounds += seen.messages > before;
        }
        g_assert_cmpuint(rounds, >=, 500 / TB_LIMIT_WS_TURN_FRAMES);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

/* TB_LIMIT_WS_TURN_US: as many messages as fit into it are one turn; with a microsecond left there is one more. */
static void test_turn_us(void)
{
        enum { FIT = 5, ALL = 60 };
        G_STATIC_ASSERT(TB_LIMIT_WS_TURN_US % FIT == 0);
        Rig rig;
        for (guint left = 0; left <= 1; left++) {
                reset();
                rig_start(&rig, routes, NULL, NULL);
                Client c = open_ws(&rig);
                RIG_WAIT(seen.ws);
                g_autoptr(GString) f = many(ALL, 0x81, "x", 1);
                rig_send(&c, f->str, f->len);
                clock_stop(0);
                seen.called = clock_advance;
                seen.cost_us = TB_LIMIT_WS_TURN_US / FIT - left;
                for (guint before = 0; seen.messages < ALL; before = seen.messages) {
                        g_main_context_iteration(NULL, TRUE);
                        if (seen.messages > before)
                                g_assert_cmpuint(seen.messages - before, ==, FIT + left);
                }
                clock_go();
                rig_close(&c);
                RIG_WAIT(seen.closed == 1);
                rig_stop(&rig);
        }
}

/* TB_LIMIT_WS_TURN_BYTES: a long message comes in so many bytes a turn. */
static void test_turn_bytes(void)
{
        const gsize size = 8 * TB_LIMIT_WS_TURN_BYTES, head = 14;
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        tb_ws_set_max_message(seen.ws, size);
        g_autofree char *text = g_strnfill(size, 'm');
        g_autoptr(GString) f = frame(0x81, text, size);
        clock_stop(0); /* no turn ends for its time */
        guint full = 0;
        for (gsize sent = 0, before = 0; seen.messages == 0;) {
                gssize n = send(c.fd, f->str + sent, f->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
                sent += (gsize)MAX(n, 0);
                int there = 0;
                g_assert_cmpint(ioctl(seen.ws->fd, FIONREAD, &there), ==, 0);
                g_main_context_iteration(NULL, TRUE);
                const TbWsIn *in = seen.ws->in;
                gsize taken = !in ? before : in->held + (in->message ? head + in->message->len : 0);
                if (seen.messages > 0)
                        taken = size + head;
                g_assert_cmpuint(taken - before, <=, TB_LIMIT_WS_TURN_BYTES);
                full += taken - before == TB_LIMIT_WS_TURN_BYTES;
                if (taken > before && (gsize)there >= TB_LIMIT_WS_TURN_BYTES)
                        g_assert_cmpuint(taken - before, ==, TB_LIMIT_WS_TURN_BYTES);
                before = taken;
        }
        clock_go();
        g_assert_cmpuint(full, >, 0);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

/* The same for what goes out: one send, and each round after it, takes TB_LIMIT_WS_TURN_OUT from the queue at most. */
static void test_turn_out(void)
{
        const gsize size = 8 * TB_LIMIT_WS_TURN_OUT;
        g_autofree char *bytes = g_malloc0(size);
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws && tb_ws_queued(seen.ws) == 0);
        g_assert_true(tb_ws_send(seen.ws, true, bytes, size));
        g_assert_cmpuint(size + 10 - tb_ws_queued(seen.ws), <=, TB_LIMIT_WS_TURN_OUT); /* with its head */
        for (gsize before = tb_ws_queued(seen.ws); before > 0; before = tb_ws_queued(seen.ws)) {
                g_main_context_iteration(NULL, FALSE);
                g_assert_cmpuint(before - tb_ws_queued(seen.ws), <=, TB_LIMIT_WS_TURN_OUT);
                rig_read(&c);
        }
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

/* What a socket may send at once is taken at once; one more waits until it is due, and is not lost. */
static void test_rate(void)
{
        static const struct {
                guint8 first, then;
                gsize size;
                guint cost;
        } rows[] = {
                {0x8a, 0x8a, 0, TB_WS_EMPTY_COST},   /* pong */
                {0x89, 0x89, 125, TB_WS_EMPTY_COST}, /* ping */
                {0x01, 0x00, 0, TB_WS_EMPTY_COST},   /* empty continuations */
                {0x01, 0x00, 1, TB_WS_EMPTY_COST},   /* fragments of one byte */
                {0x82, 0x82, 0, TB_WS_EMPTY_COST},   /* empty messages */
                {0x82, 0x82, 1, 1},
        };
        static const char payload[125];
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                reset();
                Client c = open_ws(&rig);
                RIG_WAIT(seen.ws);
                guint burst = TB_LIMIT_WS_FRAMES_PER_S / rows[i].cost, beyond = burst / 4;
                g_autoptr(GString) f = many(1, rows[i].first, payload, rows[i].size),
                                   rest = many(burst + beyond - 1, rows[i].then, payload, rows[i].size),
                                   p = g_string_new(NULL);
                g_string_append_len(f, rest->str, (gssize)rest->len);
                gint64 begin_us = g_get_monotonic_time();
                rig_send(&c, f->str, f->len);
                if (rows[i].first == 0x01)
                        send_frame(&c, 0x80, "");
                send_frame(&c, 0x81, "behind");
                while (read_frame(&c, p) != 0x81 || strcmp(p->str, "behind") != 0)
                        ;
                /* a quarter of what may come in a second; less what a slow machine has given meanwhile */
                g_assert_cmpint(g_get_monotonic_time() - begin_us, >=, G_USEC_PER_SEC / 4 - 60 * 1000);
                rig_close(&c);
                RIG_WAIT(seen.closed == 1);
        }
        rig_stop(&rig);
}

/* To a peer that reads nothing one pong waits behind what waits already, and after it the latest. */
static void test_latest_pong(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        g_autofree char *block = g_malloc0(64 * 1024);
        /* nearly all that may wait: the kernel takes its part in the loop's turns, and finds room for a megabyte more
         * by and by */
        while (tb_ws_queued(seen.ws) < TB_LIMIT_WS_QUEUE - 128 * 1024) {
                g_assert_true(tb_ws_send(seen.ws, true, block, 64 * 1024));
                rig_turn(-1);
        }
        gsize queued = tb_ws_queued(seen.ws);
        for (guint i = 0; i < 100; i++) {
                g_autofree char *text = g_strdup_printf("ping %u", i);
                send_frame(&c, 0x89, text);
                rig_turn(-1);
        }
        send_frame(&c, 0x81, "mark"); /* its echo tells that all were read */
        RIG_WAIT(seen.messages == 1);
        g_assert_cmpuint(tb_ws_queued(seen.ws), <=, queued + 2 * (2 + TB_WS_CONTROL_MAX) + 8);
        g_autoptr(GString) p = g_string_new(NULL), pongs = g_string_new(NULL);
        for (int first = 0; first != 0x81;) {
                first = read_frame(&c, p);
                if (first == 0x8a)
                        g_string_append_printf(pongs, "%s;", p->str);
        }
        if (read_frame(&c, p) == 0x8a)
                g_string_append_printf(pongs, "%s;", p->str);
        g_assert_cmpstr(pongs->str, ==, "ping 0;ping 99;");
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

/* Who has not said who it is may say little; from then on more. */
static void test_max_message(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        g_autofree char *text = g_strnfill(MAX_MESSAGE + 1, 'm');
        g_autoptr(GString) p = g_string_new(NULL);
        tb_ws_set_max_message(seen.ws, MAX_MESSAGE + 1);
        send_frame(&c, 0x81, text);
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        tb_ws_set_max_message(seen.ws, 10);
        send_frame(&c, 0x01, "12345"); /* a message counts as a whole */
        send_frame(&c, 0x00, "67890");
        send_frame(&c, 0x80, "x");
        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 1009);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

/* To the last byte: what may come before our 101 is read, one more ends it. */
static void test_too_early(void)
{
        static const char head[] = "GET /ws HTTP/1.1\r\n" UP KEY "\r\n";
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize extra = 0; extra < 2; extra++) {
                reset();
                Client c = rig_connect(&rig);
                g_autoptr(GString) f = g_string_new(head);
                g_autoptr(GString) pings = many(TB_LIMIT_WS_EARLY / 8, 0x89, "42", 2), p = g_string_new(NULL);
                g_string_append_len(f, pings->str, (gssize)pings->len);
                g_assert_cmpuint(pings->len, ==, TB_LIMIT_WS_EARLY);
                g_string_append_len(f, "\x89", (gssize)extra);
                rig_send(&c, f->str, f->len);
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpint(a->status, ==, 101);
                g_assert_cmpint(read_frame(&c, p), ==, extra ? 0x88 : 0x8a);
                if (extra)
                        g_assert_cmpint(close_code(p), ==, 1009);
                rig_close(&c);
                RIG_WAIT(seen.closed == 1);
        }
        rig_stop(&rig);
}

/* The server's end comes in time under each flood. */
static void test_stop_under_flood(void)
{
        static const struct {
                guint8 first;
                gsize size;
        } rows[] = {{0x89, 125}, {0x8a, 0}, {0x00, 0}, {0x81, 20}};
        static const char payload[125] = "twenty bytes of text";
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                Rig rig;
                reset();
                rig_start(&rig, routes, NULL, NULL);
                Client c = open_ws(&rig);
                RIG_WAIT(seen.ws);
                g_autoptr(GString) f = many(1000, rows[i].first, payload, rows[i].size);
                if (rows[i].first == 0)
                        send_frame(&c, 0x01, "");
                tb_http_stop(rig.http, 5000, on_stopped, &rig.stopped);
                gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
                while (!rig.stopped) {
                        send(c.fd, f->str, f->len, MSG_DONTWAIT | MSG_NOSIGNAL);
                        g_main_context_iteration(NULL, FALSE);
                        g_assert_cmpint(g_get_monotonic_time(), <, until);
                }
                g_assert_cmpuint(seen.closed, ==, 1);
                rig_close(&c);
                rig_stop(&rig);
        }
}

/* --- many that read nothing, each below its own ceiling --- */
#define CROWD (TB_LIMIT_UNREAD / TB_LIMIT_WS_QUEUE + 4)

static TbWs *crowd[CROWD];
static guint crowd_size, crowd_cut;

static void crowd_closed(TbWs *ws, int code, gpointer data G_GNUC_UNUSED)
{
        for (guint i = 0; i < crowd_size; i++)
                if (crowd[i] == ws)
                        crowd[i] = NULL;
        crowd_cut += code == 1008;
}

static const TbWsOps crowd_ops = {.closed = crowd_closed};

static void join_crowd(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpuint(crowd_size, <, CROWD);
        crowd[crowd_size++] = tb_request_upgrade(request, NULL, MAX_MESSAGE, &crowd_ops, NULL);
}

static const TbRoute crowd_routes[] = {
        {.method = "GET", .path = "/ws", .flags = TB_ROUTE_WEBSOCKET, .handler = join_crowd},
        {.method = NULL},
};

static gsize crowd_left(void)
{
        gsize left = 0;
        for (guint i = 0; i < CROWD; i++)
                left += crowd[i] ? tb_ws_queued(crowd[i]) : 0;
        return left;
}

/* The sum has a ceiling, too: who has read nothing for longest goes, who came last and who reads stay. */
static void test_unread(void)
{
        Rig rig;
        Client clients[CROWD];
        reset();
        crowd_size = crowd_cut = 0;
        rig_start(&rig, crowd_routes, NULL, NULL);
        g_autofree char *block = g_malloc0(64 * 1024);
        for (guint i = 0; i < CROWD; i++) {
                clients[i] = open_ws(&rig);
                RIG_WAIT(crowd_size == i + 1);
                while (crowd[i] && tb_ws_queued(crowd[i]) < TB_LIMIT_WS_QUEUE - 128 * 1024) {
                        g_assert_true(tb_ws_send(crowd[i], true, block, 64 * 1024));
                        rig_turn(-1);
                }
        }
        RIG_WAIT(crowd_cut > 0 && crowd_left() <= TB_LIMIT_UNREAD);
        g_assert_cmpuint(crowd_left(), >, TB_LIMIT_UNREAD - 2 * TB_LIMIT_WS_QUEUE); /* no more than that */
        g_assert_null(crowd[0]);
        g_assert_nonnull(crowd[CROWD - 1]);
        for (guint i = 0; i < CROWD; i++)
                rig_close(&clients[i]);
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/ws/turn", test_turn);
        g_test_add_func("/ws/turn-us", test_turn_us);
        g_test_add_func("/ws/turn-bytes", test_turn_bytes);
        g_test_add_func("/ws/turn-out", test_turn_out);
        g_test_add_func("/ws/rate", test_rate);
        g_test_add_func("/ws/latest-pong", test_latest_pong);
        g_test_add_func("/ws/max-message", test_max_message);
        g_test_add_func("/ws/too-early", test_too_early);
        g_test_add_func("/ws/stop-under-flood", test_stop_under_flood);
        g_test_add_func("/ws/unread", test_unread); /* last: it fills the kernel, too */
        int rc = g_test_run();
        g_string_free(seen.last, TRUE);
        tb_main_stop();
        return rc;
}
