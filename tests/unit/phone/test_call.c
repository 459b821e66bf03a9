/* The state machine of a phone's pairing: what happened and the time come in, what is to be done goes out. */
#include <string.h>

#include "host/phone/call.h"

typedef struct World {
        TbPhoneCall *call;
        GString *done; /* one word per wish, with a blank behind */
        bool refuse;   /* no connection can be made */
        gint64 now;
} World;

static void note(gpointer data, const char *word)
{
        g_string_append_printf(((World *)data)->done, "%s ", word);
}

static void do_ask(gpointer data)
{
        note(data, "ask");
}
static void do_join(bool open, gpointer data)
{
        note(data, open ? "join" : "leave");
}
static void do_hello(gpointer data)
{
        note(data, "hello");
}
static void do_pong(gint64 t G_GNUC_UNUSED, gpointer data)
{
        note(data, "pong");
}
static void do_settled(gpointer data)
{
        note(data, "settled");
}
static bool do_call(gpointer data)
{
        note(data, ((World *)data)->refuse ? "refused" : "call");
        return !((World *)data)->refuse;
}
static void do_hang_up(const char *why G_GNUC_UNUSED, gpointer data)
{
        note(data, "hang-up");
}
static void do_accept(const char *sdp G_GNUC_UNUSED, gpointer data)
{
        note(data, "accept");
}
static void do_candidate(const char *candidate G_GNUC_UNUSED, gpointer data)
{
        note(data, "candidate");
}
static void do_probe(gpointer data)
{
        note(data, "probe");
}
static void do_forget(gpointer data)
{
        note(data, "forget");
}
static void do_changed(gpointer data G_GNUC_UNUSED)
{
}

static const TbPhoneCallOps ops = {do_ask,     do_join,   do_hello,     do_pong,  do_settled, do_call,
                                   do_hang_up, do_accept, do_candidate, do_probe, do_forget,  do_changed};

static void begin(World *w, bool session)
{
        *w = (World){.done = g_string_new(NULL), .now = 100000};
        w->call = tb_phone_call_new(&ops, w, session, false, w->now);
}

static void end(World *w)
{
        tb_phone_call_free(w->call);
        g_string_free(w->done, TRUE);
}

static void expect(World *w, const char *done, TbPhoneState state)
{
        g_assert_cmpstr(w->done->str, ==, done);
        g_assert_cmpstr(tb_phone_state_name(tb_phone_call_state(w->call)), ==, tb_phone_state_name(state));
        g_string_truncate(w->done, 0);
}

static gint64 after(World *w, gint64 ms)
{
        w->now += ms;
        return tb_phone_call_tick(w->call, w->now) - w->now;
}

static void say(World *w, const TbSaid *said)
{
        tb_phone_call_said(w->call, said, w->now);
        after(w, 0);
}

static void say_type(World *w, TbSaidType type)
{
        say(w, &(TbSaid){.type = type, .sdp = "v=0", .candidate = "candidate:1"});
}

/* Up to a connection. */
static void connect(World *w)
{
        after(w, 0);
        tb_phone_call_opened(w->call);
        say(w, &(TbSaid){.type = TB_SAID_READY, .phone = "p"});
        say_type(w, TB_SAID_ANSWER);
        tb_phone_call_connected(w->call, w->now);
        expect(w, "join hello settled call accept ", TB_PHONE_CONNECTED);
}

static void test_pairing(void)
{
        World w;
        begin(&w, false);
        after(&w, 0);
        expect(&w, "ask ", TB_PHONE_ASKING);
        g_assert_cmpint(after(&w, TB_CALL_ASK_MS - 1), ==, 1);
        expect(&w, "", TB_PHONE_ASKING);
        after(&w, 1);
        expect(&w, "ask ", TB_PHONE_ASKING); /* nobody has answered */
        tb_phone_call_server(w.call, w.now); /* the host's line has come back: at once */
        after(&w, 0);
        tb_phone_call_session(w.call, w.now);
        after(&w, 0);
        expect(&w, "ask join ", TB_PHONE_JOINING);
        tb_phone_call_opened(w.call);
        say_type(&w, TB_SAID_READY);
        expect(&w, "hello settled ", TB_PHONE_WAITING);
        g_assert_false(tb_phone_call_there(w.call) || tb_phone_call_came(w.call));
        say_type(&w, TB_SAID_PING);
        w.now += 5;
        say_type(&w, TB_SAID_CAME);
        expect(&w, "pong call ", TB_PHONE_CALLING);
        g_assert_true(tb_phone_call_there(w.call)); /* by the server */
        g_assert_cmpint(tb_phone_call_since_ms(w.call), ==, w.now);
        say_type(&w, TB_SAID_ICE);
        say_type(&w, TB_SAID_ANSWER);
        tb_phone_call_connected(w.call, w.now);
        expect(&w, "candidate accept ", TB_PHONE_CONNECTED);
        end(&w);
}

/* Calls that come to nothing are made again, with pauses that grow; one that ended is made again at once. */
static void test_again(void)
{
        World w;
        begin(&w, true);
        connect(&w);
        tb_phone_call_closed(w.call, w.now);
        after(&w, 0);
        expect(&w, "call ", TB_PHONE_CALLING);
        gint64 pause = TB_CALL_AGAIN_MIN_MS;
        for (int i = 0; i < 8; i++) {
                tb_phone_call_closed(w.call, w.now);
                g_assert_cmpint(after(&w, pause - 1), ==, 1);
                expect(&w, "", TB_PHONE_CALLING);
                after(&w, 1);
                expect(&w, "call ", TB_PHONE_CALLING);
                pause = MIN(2 * pause, TB_CALL_AGAIN_MAX_MS);
        }
        w.refuse = true; /* no WebRTC here at the moment */
        tb_phone_call_closed(w.call, w.now);
        g_assert_cmpint(after(&w, pause), ==, TB_CALL_AGAIN_MAX_MS);
        expect(&w, "refused ", TB_PHONE_CALLING);
        end(&w);
}

/* The same page goes on, whatever its line to the server does; another page is called. */
static void test_same_page(void)
{
        World w;
        begin(&w, true);
        connect(&w);
        say_type(&w, TB_SAID_LEFT);
        expect(&w, "probe ", TB_PHONE_CONNECTED);
        tb_phone_call_heard(w.call, w.now);
        say_type(&w, TB_SAID_CAME);
        after(&w, TB_CALL_ALIVE_MS - 1);
        tb_phone_call_heard(w.call, w.now);
        after(&w, TB_CALL_ALIVE_MS);
        expect(&w, "probe ", TB_PHONE_CONNECTED);
        say_type(&w, TB_SAID_CAME);
        after(&w, TB_CALL_ALIVE_MS - 1);
        expect(&w, "probe ", TB_PHONE_CONNECTED);
        after(&w, 1);
        expect(&w, "hang-up call ", TB_PHONE_CALLING);
        say_type(&w, TB_SAID_CAME); /* and once more, before it has answered */
        expect(&w, "hang-up call ", TB_PHONE_CALLING);
        say_type(&w, TB_SAID_LEFT);
        expect(&w, "hang-up ", TB_PHONE_WAITING);
        end(&w);
}

/* Media go on while the server is away; a call that was being made cannot. */
static void test_server_away(void)
{
        World w;
        begin(&w, true);
        connect(&w);
        tb_phone_call_lost(w.call, false, w.now);
        after(&w, TB_CALL_AGAIN_MAX_MS);
        expect(&w, "", TB_PHONE_CONNECTED);
        tb_phone_call_opened(w.call);
        say(&w, &(TbSaid){.type = TB_SAID_READY, .phone = "p"});
        tb_phone_call_heard(w.call, w.now);
        after(&w, TB_CALL_ALIVE_MS);
        expect(&w, "hello settled probe ", TB_PHONE_CONNECTED);
        say_type(&w, TB_SAID_BYE);
        expect(&w, "hang-up call ", TB_PHONE_CALLING);
        tb_phone_call_lost(w.call, false, w.now);
        after(&w, 0);
        expect(&w, "hang-up ", TB_PHONE_AWAY);
        g_assert_false(tb_phone_call_there(w.call));
        g_assert_true(tb_phone_call_came(w.call));
        end(&w);
}

/* A session that is over is asked for anew; what a phone says of errors ends nothing. */
static void test_session_over(void)
{
        World w;
        begin(&w, true);
        connect(&w);
        say(&w, &(TbSaid){.type = TB_SAID_ERROR, .code = "session-ended"});
        tb_phone_call_lost(w.call, false, w.now); /* by a cut cable, and not by the server */
        expect(&w, "", TB_PHONE_CONNECTED);
        tb_phone_call_opened(w.call);
        say(&w, &(TbSaid){.type = TB_SAID_ERROR, .code = "rate"});
        tb_phone_call_lost(w.call, true, w.now);
        expect(&w, "hello ", TB_PHONE_CONNECTED);
        tb_phone_call_opened(w.call);
        say(&w, &(TbSaid){.type = TB_SAID_ERROR, .code = "unauthorized"});
        tb_phone_call_lost(w.call, true, w.now);
        after(&w, 0);
        expect(&w, "hello hang-up leave forget ask ", TB_PHONE_ASKING);
        tb_phone_call_session(w.call, w.now);
        after(&w, 0);
        expect(&w, "join ", TB_PHONE_JOINING);
        end(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/phone/call/pairing", test_pairing);
        g_test_add_func("/phone/call/again", test_again);
        g_test_add_func("/phone/call/same-page", test_same_page);
        g_test_add_func("/phone/call/server-away", test_server_away);
        g_test_add_func("/phone/call/session-over", test_session_over);
        return g_test_run();
}
