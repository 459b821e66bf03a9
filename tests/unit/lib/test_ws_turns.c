/* Many sockets, each with a message that costs: the loop's round has a budget, and who holds the sockets takes turns. */
#include "lib/http/ws_private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "tests/unit/clock.h"
#include "tests/unit/lib/http_rig.h"
#include "tests/unit/lib/ws_rig.h"

enum { CROWD = 90, EACH = 3 };

static struct {
        guint messages, of_guest, of_owner;
        guint after; /* of guest's messages when the owner's first came */
        gint64 cost_us;
        bool pause;
} heard;

static void on_text(TbWs *ws, bool binary G_GNUC_UNUSED, const guint8 *bytes G_GNUC_UNUSED,
                    gsize size G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        heard.messages++;
        if (g_str_equal(tb_ws_user(ws), "guest"))
                heard.of_guest++;
        else if (heard.of_owner++ == 0)
                heard.after = heard.of_guest;
        clock_advance(heard.cost_us);
        if (heard.pause)
                tb_ws_pause(ws, true);
}

static const TbWsOps turn_ops = {.message = on_text};

static void accept_ws(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_upgrade(request, NULL, MAX_MESSAGE, &turn_ops, NULL);
}

static const TbRoute turn_routes[] = {
        {.method = "GET",
         .path = "/ws",
         .flags = TB_ROUTE_WEBSOCKET,
         .role = TB_ROLE_VIEWER,
         .handler = accept_ws},
        {.method = NULL},
};

static void begin(Rig *rig)
{
        memset(&heard, 0, sizeof heard);
        heard.cost_us = TB_LIMIT_TURN_US;
        rig_start(rig, turn_routes, NULL, NULL);
        g_assert_true(tb_auth_add(rig->auth, "guest", "a-token-of-the-guest", TB_ROLE_VIEWER, NULL));
        g_assert_true(tb_auth_add(rig->auth, "owner", "a-token-of-the-owner", TB_ROLE_OPERATOR, NULL));
}

/* A socket of `user`, with `n` messages in the kernel that nobody has read. */
static Client open_with(Rig *rig, const char *user, guint n)
{
        g_autofree char *text = g_strdup_printf(
                "GET /ws HTTP/1.1\r\nAuthorization: Bearer a-token-of-the-%s\r\n" UP KEY "\r\n", user);
        Client c = rig_connect(rig);
        rig_send(&c, text, strlen(text));
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 101);
        g_autoptr(GString) f = frame(0x81, "x", 1);
        for (guint i = 0; i < n; i++)
                g_assert_cmpint(send(c.fd, f->str, f->len, MSG_NOSIGNAL), ==, (gssize)f->len);
        return c;
}

/* Rounds until all `n` messages are heard; in none of them are more than `most`. */
static guint run_rounds(guint n, guint most)
{
        guint rounds = 0;
        for (guint before = heard.messages; heard.messages < n; before = heard.messages) {
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(heard.messages - before, <=, most);
                rounds += heard.messages > before;
        }
        return rounds;
}

/* TB_LIMIT_TURN_US for all: messages that cost it come one in a round; with one microsecond less there are two. */
static void test_budget(void)
{
        for (guint less = 0; less <= 1; less++) {
                Rig rig;
                begin(&rig);
                Client crowd[CROWD];
                clock_stop(0);
                for (guint i = 0; i < CROWD; i++)
                        crowd[i] = open_with(&rig, "guest", 0);
                g_autoptr(GString) f = frame(0x81, "x", 1);
                for (guint i = 0; i < CROWD * EACH; i++)
                        g_assert_cmpint(send(crowd[i % CROWD].fd, f->str, f->len, MSG_NOSIGNAL), ==,
                                        (gssize)f->len);
                heard.cost_us = TB_LIMIT_TURN_US - less;
                g_assert_cmpuint(run_rounds(CROWD * EACH, 1 + less), >=, CROWD * EACH / (1 + less));
                clock_go();
                for (guint i = 0; i < CROWD; i++)
                        rig_close(&crowd[i]);
                rig_stop(&rig);
        }
}

/* Ninety sockets of one user wait: the first message of another one waits for one or two of them, not for all. */
static void test_shares(void)
{
        Rig rig;
        begin(&rig);
        Client crowd[CROWD];
        clock_stop(0);
        for (guint i = 0; i < CROWD; i++)
                crowd[i] = open_with(&rig, "guest", 0);
        Client owner = open_with(&rig, "owner", 0);
        g_autoptr(GString) f = frame(0x81, "x", 1);
        for (guint i = 0; i < CROWD * EACH; i++)
                g_assert_cmpint(send(crowd[i % CROWD].fd, f->str, f->len, MSG_NOSIGNAL), ==, (gssize)f->len);
        while (heard.of_guest < 5) /* they wait in line */
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(send(owner.fd, f->str, f->len, MSG_NOSIGNAL), ==, (gssize)f->len);
        run_rounds(CROWD * EACH + 1, 2);
        g_assert_cmpuint(heard.after, <=, 5 + 3);
        clock_go();
        for (guint i = 0; i < CROWD; i++)
                rig_close(&crowd[i]);
        rig_close(&owner);
        rig_stop(&rig);
}

/* Who leaves, or is paused, while he waits: the others go on, and he when he is back. */
static void test_leave(void)
{
        Rig rig;
        begin(&rig);
        Client crowd[CROWD];
        clock_stop(0);
        for (guint i = 0; i < CROWD; i++)
                crowd[i] = open_with(&rig, i % 2 ? "guest" : "owner", 0);
        g_autoptr(GString) f = frame(0x81, "x", 1);
        for (guint i = 0; i < CROWD; i++)
                g_assert_cmpint(send(crowd[i].fd, f->str, f->len, MSG_NOSIGNAL), ==, (gssize)f->len);
        heard.pause = true; /* none is read twice */
        while (heard.messages < 3)
                g_main_context_iteration(NULL, TRUE);
        g_autoptr(GList) sockets =
                g_list_copy(rig.http->sockets.head); /* the list is in the order of silence */
        GList *waits = sockets;
        while (!((TbWs *)waits->data)->holder)
                waits = waits->next;
        tb_ws_pause(waits->data, true);
        run_rounds(CROWD - 1, 2);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_cmpuint(heard.messages, ==, CROWD - 1);
        heard.pause = false;
        for (GList *l = sockets; l; l = l->next)
                tb_ws_pause(l->data, false);
        run_rounds(CROWD, 2);
        for (guint i = 0; i < CROWD; i++)
                g_assert_cmpint(send(crowd[i].fd, f->str, f->len, MSG_NOSIGNAL), ==, (gssize)f->len);
        while (heard.messages < CROWD + 3)
                g_main_context_iteration(NULL, TRUE);
        clock_go();
        rig_stop(&rig); /* most of them wait */
        for (guint i = 0; i < CROWD; i++)
                rig_close(&crowd[i]);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/ws-turns/budget", test_budget);
        g_test_add_func("/ws-turns/shares", test_shares);
        g_test_add_func("/ws-turns/leave", test_leave);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
