/* Many sockets, each with a message that costs: the loop's round has a budget, and who holds the sockets takes turns. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/http/ws_private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "tests/unit/clock.h"
#include "tests/unit/lib/http_rig.h"
#include "tests/unit/lib/ws_rig.h"

enum { CROWD = 90, EACH = 3 };

static guint room; /* so many more may be waited for; G_MAXUINT: any number */

/* Instead of libc's: the kernel's room for what is waited for. */
int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
        if (op == EPOLL_CTL_ADD && room == 0) {
                errno = ENOSPC;
                return -1;
        }
        if (op == EPOLL_CTL_ADD && room != G_MAXUINT)
                room--;
        return (int)syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

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

static bool fills; /* no room is left when a socket is accepted */

static void accept_ws(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        if (fills)
                room = 0;
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

static Client open_as(Rig *rig, const char *user)
{
        g_autofree char *text = g_strdup_printf(
                "GET /ws HTTP/1.1\r\nAuthorization: Bearer a-token-of-the-%s\r\n" UP KEY "\r\n", user);
        Client c = rig_connect(rig);
        rig_send(&c, text, strlen(text));
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 101);
        return c;
}

/* `rounds` messages of each, which wait in the kernel: nobody runs the server. */
static void send_each(const Client *clients, guint n, guint rounds)
{
        g_autoptr(GString) f = frame(0x81, "x", 1);
        for (guint i = 0; i < n * rounds; i++)
                g_assert_cmpint(send(clients[i % n].fd, f->str, f->len, MSG_NOSIGNAL), ==, (gssize)f->len);
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
                        crowd[i] = open_as(&rig, "guest");
                send_each(crowd, CROWD, EACH);
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
                crowd[i] = open_as(&rig, "guest");
        Client owner = open_as(&rig, "owner");
        send_each(crowd, CROWD, EACH);
        while (heard.of_guest < 5) /* they wait in line */
                g_main_context_iteration(NULL, TRUE);
        send_each(&owner, 1, 1);
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
                crowd[i] = open_as(&rig, i % 2 ? "guest" : "owner");
        send_each(crowd, CROWD, 1);
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
        send_each(crowd, CROWD, 1);
        while (heard.messages < CROWD + 3)
                g_main_context_iteration(NULL, TRUE);
        clock_go();
        rig_stop(&rig); /* most of them wait */
        for (guint i = 0; i < CROWD; i++)
                rig_close(&crowd[i]);
}

/* A socket that the kernel has no room to wait for is closed; the next one finds room. */
static void test_no_room(void)
{
        Rig rig;
        begin(&rig);
        fills = true;
        Client lost = open_as(&rig, "guest");
        fills = false;
        room = G_MAXUINT;
        RIG_WAIT((rig_read(&lost), lost.eof));
        g_assert_cmpuint(rig.http->sockets.length, ==, 0);
        Client next = open_as(&rig, "guest");
        g_assert_cmpuint(rig.http->sockets.length, ==, 1);
        rig_close(&lost);
        rig_close(&next);
        rig_stop(&rig);
}

/* A server that the kernel has no room for says so, at whichever of its sockets it comes to that. */
static void test_no_room_to_start(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        TbAuth *auth = tb_auth_new();
        TbMetrics *metrics = tb_metrics_new();
        bool ours = false;
        for (guint n = 0;; n++) {
                g_autoptr(GError) error = NULL;
                room = n;
                TbHttp *http = tb_http_new(&(TbHttpOptions){.address = "127.0.0.1",
                                                            .name = "testbed-test",
                                                            .version = "1.2",
                                                            .auth = auth,
                                                            .metrics = metrics,
                                                            .poller = poller},
                                           &error);
                room = G_MAXUINT;
                g_assert_true((http == NULL) == (error != NULL));
                ours |= error && strstr(error->message, "cannot wait for connections");
                if (http) {
                        tb_http_free(http);
                        break;
                }
        }
        g_assert_true(ours);
        tb_metrics_free(metrics);
        tb_auth_unref(auth);
        tb_poller_free(poller);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        room = G_MAXUINT;
        g_test_add_func("/ws-turns/no-room", test_no_room);
        g_test_add_func("/ws-turns/no-room-to-start", test_no_room_to_start);
        g_test_add_func("/ws-turns/budget", test_budget);
        g_test_add_func("/ws-turns/shares", test_shares);
        g_test_add_func("/ws-turns/leave", test_leave);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
