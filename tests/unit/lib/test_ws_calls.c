/* What a relayed message costs in calls of the kernel: one to wait, one to read, one to send, for all that comes together. */
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/http/ws_private.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "tests/unit/lib/http_rig.h"
#include "tests/unit/lib/ws_rig.h"

enum { BURST = 10 };

static struct {
        int reader; /* whose calls are counted; -1: nobody's */
        int writer;
        guint reads, empty, writes, waits, polls, changes, wakes;
        gsize sent;
} calls = {.reader = -1, .writer = -1};

/* Instead of libc's. */
ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
        ssize_t n = syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
        calls.reads += fd == calls.reader;
        calls.empty += fd == calls.reader && n < 0;
        return n;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
        ssize_t n = syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
        calls.writes += fd == calls.writer;
        calls.sent += fd == calls.writer && n > 0 ? (gsize)n : 0;
        return n;
}

int epoll_wait(int set, struct epoll_event *events, int most, int timeout_ms)
{
        calls.waits++;
        return (int)syscall(SYS_epoll_pwait, set, events, most, timeout_ms, NULL, 8);
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
        struct timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000l};
        calls.polls++;
        return (int)syscall(SYS_ppoll, fds, n, timeout_ms < 0 ? NULL : &t, NULL, 8);
}

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
        calls.changes += fd == calls.writer || fd == calls.reader;
        return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
}

/* Of 8 bytes: by which GLib wakes a loop up. */
ssize_t write(int fd, const void *bytes, size_t size)
{
        calls.wakes += size == 8;
        return syscall(SYS_write, fd, bytes, size);
}

static TbWs *ends[2];
static guint opened, heard, drained;

static void pass(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpint(bytes[size], ==, 0);
        heard++;
        g_assert_true(tb_ws_send(ws == ends[0] ? ends[1] : ends[0], binary, bytes, size));
}

static void tell(TbWs *ws, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpuint(tb_ws_queued(ws), ==, 0);
        drained++;
}

static const TbWsOps pass_ops = {.message = pass, .drained = tell};

static void open_end(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        ends[opened++] = tb_request_upgrade(request, NULL, MAX_MESSAGE, &pass_ops, NULL);
}

static const TbRoute pass_routes[] = {
        {.method = "GET", .path = "/ws", .flags = TB_ROUTE_WEBSOCKET, .handler = open_end},
        {.method = NULL},
};

/* Messages of one socket that come together go on together; whoever saw them queued is told when they are not any more. */
static void test_relay(void)
{
        Rig rig;
        opened = heard = drained = 0;
        rig_start(&rig, pass_routes, NULL, NULL);
        Client from = open_ws(&rig), to = open_ws(&rig);
        RIG_WAIT(opened == 2 && ends[0]->fd >= 0 && ends[1]->fd >= 0);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_autoptr(GString) burst = g_string_new(NULL);
        for (guint i = 0; i < BURST; i++) {
                g_autoptr(GString) f = frame(0x81, "a message of some length", 24);
                g_string_append_len(burst, f->str, (gssize)f->len);
        }
        g_assert_cmpint(send(from.fd, burst->str, burst->len, MSG_NOSIGNAL), ==, (gssize)burst->len);
        memset(&calls, 0, sizeof calls);
        calls.reader = ends[0]->fd;
        calls.writer = ends[1]->fd;
        RIG_WAIT(calls.sent == BURST * 26);
        g_assert_cmpuint(heard, ==, BURST);
        g_assert_cmpuint(calls.reads, ==, 1);
        g_assert_cmpuint(calls.empty, ==, 0);
        g_assert_cmpuint(calls.writes, ==, 1);
        g_assert_cmpuint(calls.changes, ==, 0);
        g_assert_cmpuint(drained, ==, 1);
        for (guint i = 0; i < BURST; i++) {
                g_autoptr(GString) payload = g_string_new(NULL);
                g_assert_cmpint(read_frame(&to, payload), ==, 0x81);
                g_assert_cmpstr(payload->str, ==, "a message of some length");
        }
        calls.reader = calls.writer = -1;
        rig_close(&from);
        rig_close(&to);
        rig_stop(&rig);
}

static void take(uint32_t events, gpointer data)
{
        char byte;
        g_assert_cmpuint(events, ==, EPOLLIN);
        g_assert_cmpint(read(*(int *)data, &byte, 1), ==, 1);
        heard++;
}

static gboolean wake(gpointer data)
{
        *(bool *)data = true;
        return G_SOURCE_REMOVE;
}

static void wake_from_elsewhere(gpointer data)
{
        g_idle_add(wake, data);
}

/* A loop that waits for its poller alone sleeps there: one wait for each round; another thread wakes it all the same. */
static void test_sleep(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        int pair[2];
        bool woken = false;
        heard = 0;
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        TbPollerEntry *entry = tb_poller_add(poller, pair[0], EPOLLIN, take, &pair[0]);
        for (guint i = 1; i <= 3; i++) {
                g_assert_cmpint(write(pair[1], "x", 1), ==, 1);
                calls.waits = calls.polls = 0;
                while (heard < i)
                        g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(calls.waits, ==, 1);
                g_assert_cmpuint(calls.polls, ==, 0);
        }
        TbThread *thread = tb_thread_start("elsewhere", wake_from_elsewhere, &woken);
        while (!woken)
                g_main_context_iteration(NULL, TRUE);
        tb_thread_join(thread);
        tb_poller_remove(entry);
        tb_poller_free(poller);
        close(pair[0]);
        close(pair[1]);
}

static TbRequest *asked; /* ref; waits for its answer */

static void hold_on(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        asked = tb_request_ref(request);
}

static const TbRoute late_routes[] = {
        {.method = "GET", .path = "/late", .handler = hold_on},
        {.method = NULL},
};

static void answer(uint32_t events G_GNUC_UNUSED, gpointer data)
{
        char byte;
        g_assert_cmpint(read(*(int *)data, &byte, 1), ==, 1);
        tb_request_reply_text(asked, 200, "text/plain", "at last");
        tb_request_unref(g_steal_pointer(&asked));
}

/* An answer that comes by another socket goes out in that round: the loop is not woken up for it. */
static void test_answer(void)
{
        enum { TIMES = 20 };
        static const char text[] = "GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Rig rig;
        int pair[2];
        rig_start(&rig, late_routes, NULL, NULL);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        TbPollerEntry *entry = tb_poller_add(rig.poller, pair[0], EPOLLIN, answer, &pair[0]);
        Client c = rig_connect(&rig);
        memset(&calls, 0, sizeof calls);
        calls.reader = calls.writer = -1;
        for (guint i = 0; i < TIMES; i++) {
                rig_send(&c, text, strlen(text));
                RIG_WAIT(asked);
                g_assert_cmpint(syscall(SYS_write, pair[1], "x", 1), ==, 1);
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpint(a->status, ==, 200);
        }
        g_assert_cmpuint(calls.wakes, <, TIMES / 2);
        tb_poller_remove(entry);
        close(pair[0]);
        close(pair[1]);
        rig_close(&c);
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/ws-calls/sleep", test_sleep);
        g_test_add_func("/ws-calls/relay", test_relay);
        g_test_add_func("/ws-calls/answer", test_answer);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
