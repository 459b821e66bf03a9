#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/ws_handshake.h"
#include "lib/http/ws_private.h"
#include "lib/log.h"
#include "tests/unit/lib/ws_rig.h"

#define HEAD 10 /* bytes before a large message */

/* --- handshake --- */
static void test_handshake(void)
{
        static const struct {
                const char *request;
                int status;
                const char *has;
        } rows[] = {
                {"GET /ws HTTP/1.1\r\n" UP KEY "\r\n", 101, NULL},
                {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Protocol: chat, binary\r\n\r\n", 101,
                 "Sec-WebSocket-Protocol: binary"},
                {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101,
                 NULL},
                {"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "Upgrade: websocket"},
                {"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 426,
                 NULL},
                {"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                 "13\r\n" KEY "\r\n",
                 426, NULL},
                {"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
                 "Upgrade\r\nSec-WebSocket-Version: 8\r\n" KEY "\r\n",
                 426, "Sec-WebSocket-Version: 13"},
                {"GET /ws HTTP/1.1\r\n" UP "\r\n", 400, "Sec-WebSocket-Key"},
                {"GET /ws HTTP/1.1\r\n" UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ\r\n\r\n", 400, NULL},
                {"GET /ws HTTP/1.1\r\n" UP KEY "Origin: http://evil.example\r\n\r\n", 403, NULL},
                {"GET /ws HTTP/1.1\r\n" UP KEY "Origin: http://localhost\r\n\r\n", 101, NULL},
                {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-Fetch-Site: cross-site\r\n\r\n", 403, NULL},
                {"POST /ws HTTP/1.1\r\n" UP KEY "\r\n", 405, NULL},
                {"GET /both HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "plain"},
                {"GET /both HTTP/1.1\r\n" UP KEY "\r\n", 101, NULL},
        };
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                reset();
                g_autoptr(Answer) a = rig_ask(&rig, rows[i].request);
                if (a->status != rows[i].status ||
                    (rows[i].has && !strstr(a->headers, rows[i].has) && !strstr(a->body, rows[i].has)))
                        g_error("%s -> %s%s", rows[i].request, a->headers, a->body);
                if (a->status == 101)
                        RIG_WAIT(seen.closed == 1);
        }
        rig_stop(&rig);
}

static void test_pure(void)
{
        g_assert_true(tb_header_has_token("keep-alive, Upgrade", "upgrade"));
        g_assert_true(tb_header_has_token("upgrade", "upgrade"));
        g_assert_false(tb_header_has_token("upgraded", "upgrade"));
        g_assert_false(tb_header_has_token("", "upgrade"));
        g_assert_false(tb_header_has_token(NULL, "upgrade"));
        static const struct {
                int code;
                bool valid;
        } codes[] = {{999, false}, {1000, true},  {1004, false}, {1005, false}, {1006, false}, {1007, true},
                     {1014, true}, {1015, false}, {2999, false}, {3000, true},  {4999, true},  {5000, false}};
        for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
                g_assert_cmpint(tb_ws_close_code_valid(codes[i].code), ==, codes[i].valid);
        char out[124];
        g_autofree char *fits = g_strnfill(123, 'a'), *longer = g_strnfill(124, 'a');
        g_assert_cmpuint(tb_ws_close_reason(fits, out), ==, 123);
        g_assert_cmpuint(tb_ws_close_reason(longer, out), ==, 123);
        g_autofree char *umlaut =
                g_strconcat(fits + 1, "\xc3\xa4", NULL); /* its second byte would be the 124th */
        g_assert_cmpuint(tb_ws_close_reason(umlaut, out), ==, 122);
        g_assert_cmpuint(tb_ws_close_reason(NULL, out), ==, 0);
        g_assert_cmpuint(tb_ws_close_reason("ab\xff", out), ==, 2);
}

/* --- messages --- */
static void test_echo(void)
{
        Rig rig;
        reset();
        seen.greet = true;
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        g_autoptr(GString) p = g_string_new(NULL);
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        g_assert_cmpstr(p->str, ==, "welcome");
        send_frame(&c, 0x81,
                   "gr\xc3\xbc\xc3\x9f"
                   "e");
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        g_assert_cmpstr(p->str, ==,
                        "gr\xc3\xbc\xc3\x9f"
                        "e");
        send_frame(&c, 0x82, "\xff\xfe");
        g_assert_cmpint(read_frame(&c, p), ==, 0x82);
        g_assert_cmpstr(p->str, ==, "\xff\xfe");
        send_frame(&c, 0x01, "frag"); /* fragments with a ping between them */
        send_frame(&c, 0x89, "are you there");
        send_frame(&c, 0x80, "ments");
        g_assert_cmpint(read_frame(&c, p), ==, 0x8a);
        g_assert_cmpstr(p->str, ==, "are you there");
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        g_assert_cmpstr(p->str, ==, "fragments");
        send_frame(&c, 0x88,
                   "\x03\xe8"
                   "bye");
        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 1000);
        g_assert_cmpint(read_frame(&c, p), ==, -1);
        RIG_WAIT(seen.closed == 1);
        g_assert_cmpint(seen.code, ==, 1000);
        rig_close(&c);
        rig_stop(&rig);
}

/* The first frames arrive in the same packet as the request (extra_in), cut at every byte. */
static void test_early_bytes(void)
{
        static const char head[] = "GET /ws HTTP/1.1\r\n" UP KEY "\r\n";
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        g_autoptr(GString) f = frame(0x81, "early", 5);
        for (gsize at = 0; at <= f->len; at++) {
                reset();
                Client c = rig_connect(&rig);
                g_autoptr(GString) first = g_string_new(head);
                g_string_append_len(first, f->str, (gssize)at);
                rig_send(&c, first->str, first->len);
                rig_turn(-1);
                rig_send(&c, f->str + at, f->len - at);
                g_autoptr(Answer) a = rig_answer(&c);
                g_autoptr(GString) p = g_string_new(NULL);
                g_assert_cmpint(a->status, ==, 101);
                g_assert_cmpint(read_frame(&c, p), ==, 0x81);
                g_assert_cmpstr(p->str, ==, "early");
                rig_close(&c);
                RIG_WAIT(seen.closed == 1);
                g_assert_cmpint(seen.code, ==, 1006);
        }
        rig_stop(&rig);
}

static void test_byte_by_byte(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        g_autofree char *text = g_strnfill(300, 'q');
        g_autoptr(GString) f = frame(0x81, text, 300), p = g_string_new(NULL);
        for (gsize i = 0; i < f->len; i++) {
                rig_send(&c, f->str + i, 1);
                rig_turn(-1);
        }
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        g_assert_cmpstr(p->str, ==, text);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

static void test_violations(void)
{
        static const struct {
                guint8 first;
                const char *payload;
                int code;
        } rows[] = {
                {0x81, "\xff", 1007},     /* text that is no UTF-8 */
                {0x81, "\xc3", 1007},     /* … that ends in the middle of a character */
                {0xc1, "x", 1002},        /* RSV1 without an extension */
                {0x83, "x", 1002},        /* reserved opcode */
                {0x80, "x", 1002},        /* continuation of nothing */
                {0x09, "x", 1002},        /* fragmented ping */
                {0x88, "\x03", 1005},     /* close with half a code: closed all the same */
                {0x88, "\x03\xee", 1002}, /* 1006 may not be sent */
        };
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                reset();
                Client c = open_ws(&rig);
                g_autoptr(GString) p = g_string_new(NULL);
                send_frame(&c, rows[i].first, rows[i].payload);
                g_assert_cmpint(read_frame(&c, p), ==, 0x88);
                if (close_code(p) != rows[i].code)
                        g_error("row %zu: %d", i, close_code(p));
                g_assert_cmpint(read_frame(&c, p), ==, -1);
                RIG_WAIT(seen.closed == 1);
                g_assert_cmpuint(seen.messages, ==, 0);
                rig_close(&c);
        }
        reset();
        Client c = open_ws(&rig); /* a client must mask */
        g_autoptr(GString) p = g_string_new(NULL);
        rig_send(&c, "\x81\x01x", 3);
        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 1002);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

static void test_message_limit(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        for (gsize extra = 0; extra < 2; extra++) {
                reset();
                Client c = open_ws(&rig);
                g_autofree char *text = g_strnfill(MAX_MESSAGE + extra, 'm');
                g_autoptr(GString) p = g_string_new(NULL);
                send_frame(&c, 0x81, text);
                g_assert_cmpint(read_frame(&c, p), ==, extra ? 0x88 : 0x81);
                if (extra)
                        g_assert_cmpint(close_code(p), ==, 1009);
                rig_close(&c);
                RIG_WAIT(seen.closed == 1);
        }
        reset();
        Client c = open_ws(&rig); /* the announced size is enough to refuse: nobody waits for 2^60 bytes */
        g_autoptr(GString) p = g_string_new(NULL);
        rig_send(&c, "\x82\xff\x10\0\0\0\0\0\0\0\1\2\3\4x", 15);
        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 1009);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

static void test_close_inside(void)
{
        Rig rig;
        reset();
        seen.close_inside = true;
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        g_autoptr(GString) p = g_string_new(NULL);
        send_frame(&c, 0x81, "x");
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        g_assert_cmpstr(p->str, ==, "last words");
        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 4001);
        g_assert_cmpstr(p->str + 2, ==, "enough");
        g_assert_cmpuint(seen.closed, ==, 0);
        send_frame(&c, 0x88, "\x0f\xa1");
        g_assert_cmpint(read_frame(&c, p), ==, -1);
        RIG_WAIT(seen.closed == 1);
        g_assert_cmpint(seen.code, ==, 4001);
        rig_close(&c);
        rig_stop(&rig);
}

/* A peer that never answers our close is cut after a while. */
static void test_close_unanswered(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        tb_ws_close(seen.ws, 1000, NULL);
        RIG_WAIT(seen.closed == 1);
        rig_close(&c);
        rig_stop(&rig);
}

static void test_slow_reader(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        g_autofree char *block = g_malloc0(256 * 1024);
        guint sent = 0;
        while (seen.ws && tb_ws_send(seen.ws, true, block, 256 * 1024))
                g_assert_cmpuint(++sent, <, 1000);
        g_assert_cmpuint(sent, >=, 16); /* the queue's 4 MB and what the kernel took */
        g_assert_false(tb_ws_send(seen.ws, true, block, 1));
        RIG_WAIT(seen.closed == 1);
        g_assert_cmpint(seen.code, ==, 1008);
        rig_close(&c);
        rig_stop(&rig);
}

static void fill_queue(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *most = g_malloc0(TB_LIMIT_WS_QUEUE);
        seen.ws = tb_request_upgrade(request, NULL, MAX_MESSAGE, &ops, NULL);
        g_assert_true(
                tb_ws_send(seen.ws, true, most, TB_LIMIT_WS_QUEUE - HEAD)); /* the 101 is not out: it waits */
        g_assert_cmpuint(tb_ws_queued(seen.ws), ==, TB_LIMIT_WS_QUEUE);
        if (seen.large)
                g_assert_false(tb_ws_send(seen.ws, true, most, seen.large - 1)); /* its head is too much */
}

/* To the last byte: a full queue is sent, one byte more ends the connection behind what waits already. */
static void test_queue_limit(void)
{
        static const TbRoute full[] = {
                {.method = "GET", .path = "/ws", .flags = TB_ROUTE_WEBSOCKET, .handler = fill_queue},
                {.method = NULL},
        };
        Rig rig;
        rig_start(&rig, full, NULL, NULL);
        for (gsize extra = 0; extra < 2; extra++) {
                reset();
                seen.large = extra;
                Client c = open_ws(&rig);
                g_autoptr(GString) p = g_string_new(NULL);
                g_assert_cmpint(read_frame(&c, p), ==, 0x82);
                g_assert_cmpuint(p->len, ==, TB_LIMIT_WS_QUEUE - HEAD);
                if (extra) {
                        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
                        g_assert_cmpint(close_code(p), ==, 1008);
                        g_assert_cmpstr(p->str + 2, ==, "too slow");
                } else {
                        send_frame(&c, 0x89, "still there");
                        g_assert_cmpint(read_frame(&c, p), ==, 0x8a);
                }
                rig_close(&c);
                RIG_WAIT(seen.closed == 1);
        }
        rig_stop(&rig);
}

/* What a reader does not take waits with us and not in the kernel, so that what is urgent can still go first. */
static void test_keep_short(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        int unsent = 0;
        socklen_t size = sizeof unsent;
        tb_ws_keep_short(seen.ws);
        g_assert_cmpint(getsockopt(seen.ws->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, &size), ==, 0);
        g_assert_cmpint(unsent, ==, TB_LIMIT_WS_UNSENT);
        g_autofree char *block = g_malloc0(1024 * 1024);
        while (tb_ws_queued(seen.ws) == 0)
                g_assert_true(tb_ws_send(seen.ws, true, block, 1024 * 1024));
        g_assert_cmpint(ioctl(seen.ws->fd, SIOCOUTQNSD, &unsent), ==, 0);
        g_assert_cmpint(unsent, <, TB_LIMIT_WS_UNSENT + 65536); /* and what was being sent as one */
        rig_close(&c);
        rig_stop(&rig);
}

static void test_drained(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        g_autofree char *block = g_malloc0(64 * 1024);
        gsize sent = 0, got = 0;
        while (tb_ws_queued(seen.ws) == 0) {
                g_assert_true(tb_ws_send(seen.ws, true, block, 64 * 1024));
                sent += 64 * 1024 + 10;
        }
        while (got < sent) {
                rig_turn(c.fd);
                rig_read(&c);
                got += c.in->len;
                g_string_truncate(c.in, 0);
        }
        g_assert_cmpuint(got, ==, sent);
        RIG_WAIT(seen.drained == 1);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

static void test_pause(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        tb_ws_pause(seen.ws, true);
        send_frame(&c, 0x81, "held");
        for (guint i = 0; i < 10; i++)
                rig_turn(-1);
        g_assert_cmpuint(seen.messages, ==, 0);
        tb_ws_pause(seen.ws, false);
        RIG_WAIT(seen.messages == 1);
        seen.pause_at =
                2; /* paused from inside: of 30 messages in one packet not all are read; none is lost */
        g_autofree char *text = g_strnfill(900, 'b');
        g_autoptr(GString) blocks = g_string_new(NULL);
        for (guint i = 0; i < 30; i++) {
                g_autoptr(GString) f = frame(0x81, text, 900);
                g_string_append_len(blocks, f->str, (gssize)f->len);
        }
        rig_send(&c, blocks->str, blocks->len);
        RIG_WAIT(seen.messages >= 2);
        for (guint i = 0; i < 10; i++)
                rig_turn(-1);
        g_assert_cmpuint(seen.messages, <, 12); /* what was in the read buffer, no more */
        tb_ws_pause(seen.ws, false);
        RIG_WAIT(seen.messages == 31);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

static void test_stop(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        g_autoptr(GString) p = g_string_new(NULL);
        tb_http_stop(rig.http, 5000, on_stopped, &rig.stopped);
        g_assert_cmpint(read_frame(&c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 1001);
        send_frame(&c, 0x88, "\x03\xe9");
        RIG_WAIT(rig.stopped);
        g_assert_cmpuint(seen.closed, ==, 1);
        rig_close(&c);
        rig_stop(&rig);
}

static void test_free_with_open_socket(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        RIG_WAIT(seen.ws);
        rig_stop(&rig);
        g_assert_cmpuint(seen.closed, ==, 1);
        rig_close(&c);
}

/* Between messages an idle socket keeps no framing memory; the next message still works. */
static void test_idle_then_message(void)
{
        Rig rig;
        reset();
        rig_start(&rig, routes, NULL, NULL);
        Client c = open_ws(&rig);
        g_autoptr(GString) p = g_string_new(NULL);
        for (guint i = 0; i < 2; i++) {
                send_frame(&c, 0x81, "again");
                g_assert_cmpint(read_frame(&c, p), ==, 0x81);
                gint64 until = g_get_monotonic_time() + 2200 * 1000; /* two sweeps of the server's */
                while (g_get_monotonic_time() < until)
                        rig_turn(c.fd);
        }
        send_frame(&c, 0x01, "half a "); /* a message under way is kept over the sweep */
        gint64 until = g_get_monotonic_time() + 2200 * 1000;
        while (g_get_monotonic_time() < until)
                rig_turn(c.fd);
        send_frame(&c, 0x80, "message");
        g_assert_cmpint(read_frame(&c, p), ==, 0x81);
        g_assert_cmpstr(p->str, ==, "half a message");
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

/* --- what a sign-in opens --- */
static struct {
        guint asked, more; /* so often it has been used since */
} sign_in;

static bool identify(const TbShown *shown, TbCaller *caller, GError **error G_GNUC_UNUSED,
                     gpointer data G_GNUC_UNUSED)
{
        *caller = (TbCaller){.user = g_strdup("anna"),
                             .role = TB_ROLE_VIEWER,
                             .by = TB_BY_LOGIN,
                             .login = g_strdup(shown->token),
                             .until_ms = tb_clock_ms() + 30};
        return true;
}

static gint64 holds(const char *login, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpstr(login, ==, "first");
        sign_in.asked++;
        return sign_in.more-- > 0 ? tb_clock_ms() + 30 : 0;
}

static void with_sign_ins(TbHttpOptions *options)
{
        g_assert_true(tb_auth_add(options->auth, "root", "not-this-one-0123456789", TB_ROLE_ADMIN, NULL));
        options->identify = identify;
        options->holds = holds;
}

static Client open_signed_in(Rig *rig, const char *login)
{
        g_autofree char *text =
                g_strdup_printf("GET /ws HTTP/1.1\r\n" UP KEY "Authorization: Bearer %s\r\n\r\n", login);
        Client c = rig_connect(rig);
        rig_send(&c, text, strlen(text));
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 101);
        return c;
}

static void expect_end(Client *c)
{
        g_autoptr(GString) p = g_string_new(NULL);
        g_assert_cmpint(read_frame(c, p), ==, 0x88);
        g_assert_cmpint(close_code(p), ==, 1008);
        g_assert_cmpstr(p->str + 2, ==, "the sign-in has ended");
}

/* A socket ends when the sign-in that opened it does: by itself when that was not used for too long, at once when it is taken back. */
static void test_sign_in(void)
{
        Rig rig;
        reset();
        sign_in.asked = 0;
        sign_in.more = 2;
        rig_start(&rig, routes, NULL, with_sign_ins);
        Client c = open_signed_in(&rig, "first");
        expect_end(&c);
        g_assert_cmpuint(sign_in.asked, ==, 3);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        reset();
        sign_in.more = G_MAXUINT;
        c = open_signed_in(&rig, "first");
        tb_http_end_login(rig.http, "second");
        RIG_WAIT(sign_in.asked >= 5);
        g_assert_cmpuint(seen.closed, ==, 0);
        tb_http_end_login(rig.http, "first");
        expect_end(&c);
        rig_close(&c);
        RIG_WAIT(seen.closed == 1);
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/ws/pure", test_pure);
        g_test_add_func("/ws/handshake", test_handshake);
        g_test_add_func("/ws/echo", test_echo);
        g_test_add_func("/ws/early-bytes", test_early_bytes);
        g_test_add_func("/ws/byte-by-byte", test_byte_by_byte);
        g_test_add_func("/ws/violations", test_violations);
        g_test_add_func("/ws/message-limit", test_message_limit);
        g_test_add_func("/ws/close-inside", test_close_inside);
        g_test_add_func("/ws/close-unanswered", test_close_unanswered);
        g_test_add_func("/ws/slow-reader", test_slow_reader);
        g_test_add_func("/ws/queue-limit", test_queue_limit);
        g_test_add_func("/ws/keep-short", test_keep_short);
        g_test_add_func("/ws/drained", test_drained);
        g_test_add_func("/ws/pause", test_pause);
        g_test_add_func("/ws/stop", test_stop);
        g_test_add_func("/ws/free-with-open-socket", test_free_with_open_socket);
        g_test_add_func("/ws/idle-then-message", test_idle_then_message);
        g_test_add_func("/ws/sign-in", test_sign_in);
        int rc = g_test_run();
        g_string_free(seen.last, TRUE);
        tb_main_stop();
        return rc;
}
