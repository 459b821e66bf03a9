/* Descriptors run out: who holds connections that do nothing gives them back, on whatever port, and others get in. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/http/private.h"
#include "lib/limits.h"
#include "lib/listener.h"
#include "lib/net.h"
#include "tests/unit/lib/http_rig.h"

#define ALL 96 /* that this process may have, as far as it knows */
#define MANY 300

static void hello(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_text(request, 200, "text/plain", "hello");
}

static void keep_open(TbRequest *request, gpointer data)
{
        *(TbPush **)data = tb_request_reply_push(request, "text/plain", 1024, NULL, NULL);
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/hello", .handler = hello},
        {.method = "GET", .path = "/stream", .flags = TB_ROUTE_STREAMING, .handler = keep_open},
        {.method = NULL},
};

static const char whole[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* --- somebody in a process of its own, whose descriptors are not ours --- */
typedef struct Crowd {
        pid_t pid;
        int ready;
} Crowd;

static void hold_many(guint16 port, guint32 address, const char *text, bool reads)
{
        for (guint i = 0; i < MANY; i++) {
                int fd = socket(AF_INET, SOCK_STREAM, 0);
                struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)},
                                   to = {.sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
                char answer[512];
                if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
                    connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
                        _exit(1);
                gssize n = send(fd, text, strlen(text), MSG_NOSIGNAL);
                if (n > 0 && reads)
                        n = recv(fd, answer, sizeof answer, 0);
                (void)n; /* it may be refused: that is what is tried */
        }
}

static Crowd crowd_start(guint16 port, guint32 address, const char *text, bool reads)
{
        int pipes[2];
        g_assert_cmpint(pipe(pipes), ==, 0);
        Crowd crowd = {.pid = fork(), .ready = pipes[0]};
        g_assert_cmpint(crowd.pid, >=, 0);
        if (crowd.pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not leave it behind */
                hold_many(port, address, text, reads);
                if (write(pipes[1], "x", 1) == 1)
                        for (;;)
                                pause();
                _exit(0);
        }
        close(pipes[1]);
        return crowd;
}

static void crowd_wait(const Crowd *crowd)
{
        struct pollfd p = {.fd = crowd->ready, .events = POLLIN};
        RIG_WAIT(poll(&p, 1, 0) > 0);
        g_assert_true(p.revents & POLLIN);
}

static void crowd_stop(Crowd *crowd)
{
        g_assert_cmpint(kill(crowd->pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(crowd->pid, NULL, 0), ==, crowd->pid);
        close(crowd->ready);
}

static void asks(Rig *rig)
{
        g_autoptr(Answer) a = rig_ask(rig, whole);
        g_assert_cmpint(a->status, ==, 200);
}

/* A crowd of another address, or of the own one, never spoken, in the middle of a request, or asked once and kept:
 * the next client is served at once, on the port of the crowd and on another; what streams goes on. */
static void test_crowd(void)
{
        static const struct {
                const char *text;
                bool reads;
        } kinds[] = {{"", false},
                     {"GET / HT", false},
                     {"GET /hello HTTP/1.1\r\nHost: localhost\r\nX", false},
                     {whole, true}};
        for (gsize i = 0; i < 2 * G_N_ELEMENTS(kinds); i++) {
                Rig rig, other;
                TbPush *push = NULL;
                rig_start(&rig, routes, &push, NULL);
                rig_start(&other, routes, &push, NULL);
                Client streams = rig_connect(&rig);
                rig_send(&streams, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 41);
                RIG_WAIT(push);
                tb_descriptors_pretend(ALL);
                guint32 address = i % 2 ? INADDR_LOOPBACK : INADDR_LOOPBACK + 7;
                Crowd crowd =
                        crowd_start(tb_http_port(rig.http), address, kinds[i / 2].text, kinds[i / 2].reads);
                crowd_wait(&crowd);
                asks(&other);
                asks(&rig);
                RIG_WAIT(!tb_descriptors_next_are_few()); /* by itself */
                asks(&rig);
                rig_read(&streams);
                g_assert_false(streams.eof);
                crowd_stop(&crowd);
                asks(&rig);
                tb_push_close(push);
                rig_close(&streams);
                rig_stop(&other);
                rig_stop(&rig);
                tb_descriptors_pretend(0);
        }
}

/* Where nothing can be given back a client is told, and served when there is something again. */
static void test_none_to_give(void)
{
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        tb_descriptors_pretend(ALL);
        int taken[ALL];
        gsize n = 0;
        do
                taken[n++] = open("/", O_PATH | O_CLOEXEC);
        while (tb_descriptors_allow(taken[n - 1]) && n < ALL);
        g_autoptr(Answer) a = rig_ask(&rig, whole);
        g_assert_cmpint(a->status, ==, 503);
        g_assert_nonnull(strstr(a->body, "no open files are left"));
        while (n > 0)
                close(taken[--n]);
        asks(&rig);
        rig_stop(&rig);
        tb_descriptors_pretend(0);
}

static void on_viewer(int fd, const char *peer G_GNUC_UNUSED, gpointer data)
{
        *(int *)data = fd;
}

/* A port without HTTP gets what a crowd on one with HTTP holds. */
static void test_listener(void)
{
        g_autoptr(GError) error = NULL;
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        char bound[TB_ADDRESS_TEXT];
        guint16 port;
        int free_one = tb_listen("127.0.0.1", 0, bound, &port, &error), viewer = -1;
        g_assert_no_error(error);
        close(free_one);
        TbListener *listener = tb_listener_new("127.0.0.1", port, on_viewer, &viewer, &error);
        g_assert_no_error(error);
        tb_descriptors_pretend(ALL);
        Crowd crowd = crowd_start(tb_http_port(rig.http), INADDR_LOOPBACK + 7, whole, true);
        crowd_wait(&crowd);
        Client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .in = g_string_new(NULL)};
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        g_assert_cmpint(connect(c.fd, (struct sockaddr *)&to, sizeof to), ==, 0);
        RIG_WAIT(viewer >= 0);
        close(viewer);
        rig_close(&c);
        crowd_stop(&crowd);
        tb_listener_free(listener);
        rig_stop(&rig);
        tb_descriptors_pretend(0);
}

static struct rlimit before;

/* A process that has `soft` descriptors. */
static void allow(rlim_t soft)
{
        struct rlimit few = {soft, before.rlim_max};
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
}

/* None at all for a moment: who came then is served when there are some again, though no connection has ended meanwhile. */
static void test_moment(void)
{
        Rig rig;
        TbPush *push = NULL;
        rig_start(&rig, routes, &push, NULL);
        Client streams = rig_connect(&rig);
        rig_send(&streams, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 41);
        RIG_WAIT(push);
        Client late = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .in = g_string_new(NULL)};
        int next = open("/", O_PATH | O_CLOEXEC);
        close(next);
        allow((rlim_t)next);
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(tb_http_port(rig.http)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        g_assert_cmpint(connect(late.fd, (struct sockaddr *)&to, sizeof to), ==, 0);
        rig_send(&late, whole, strlen(whole));
        RIG_WAIT(rig.http->look); /* the library has found that there are none */
        allow(before.rlim_cur);
        RIG_WAIT((rig_read(&late), strstr(late.in->str, "hello")));
        asks(&rig);
        RIG_WAIT(!rig.http->look);
        g_assert_cmpint(rig.http->nobody_fd, ==, -1);
        rig_read(&streams);
        g_assert_false(streams.eof);
        tb_push_close(push);
        rig_close(&streams);
        rig_close(&late);
        rig_stop(&rig);
}

static void test_kept(void)
{
        tb_descriptors_pretend(8 * TB_LIMIT_DESCRIPTORS_KEPT);
        g_assert_true(tb_descriptors_allow(7 * TB_LIMIT_DESCRIPTORS_KEPT - 1));
        g_assert_false(tb_descriptors_allow(7 * TB_LIMIT_DESCRIPTORS_KEPT)); /* limit + 1 is kept */
        tb_descriptors_pretend(100);
        g_assert_true(tb_descriptors_allow(74));
        g_assert_false(tb_descriptors_allow(75));
        tb_descriptors_pretend(1 << 30); /* what some systems give */
        g_assert_true(tb_descriptors_allow(TB_LIMIT_DESCRIPTORS - TB_LIMIT_DESCRIPTORS_KEPT - 1));
        g_assert_false(tb_descriptors_allow(TB_LIMIT_DESCRIPTORS - TB_LIMIT_DESCRIPTORS_KEPT));
        g_assert_cmpuint(tb_descriptors_for_connections(), ==, TB_LIMIT_DESCRIPTORS / 2);
        tb_descriptors_pretend(0);
}

/* --- what is opened for a device --- */
static void test_ceilings(void)
{
        const int all = 4 * TB_LIMIT_DESCRIPTORS_KEPT, strangers = all - TB_LIMIT_DESCRIPTORS_KEPT,
                  devices = strangers - TB_LIMIT_DESCRIPTORS_KEPT / 4;
        allow((rlim_t)all);
        g_assert_cmpuint(tb_descriptors_for_connections(), ==, (guint)all / 2);
        g_assert_true(tb_descriptors_allow(strangers - 1));
        g_assert_false(tb_descriptors_allow(strangers));
        g_assert_false(tb_descriptors_allow_device(devices));
        g_assert_true(dup2(0, devices - 1) == devices - 1);
        g_assert_true(tb_descriptors_allow_device(devices - 1));
        close(devices - 1);
        allow(40); /* where there are few, a quarter */
        g_assert_true(tb_descriptors_allow(29));
        g_assert_false(tb_descriptors_allow(30));
        g_assert_false(tb_descriptors_allow_device(28));
        allow(before.rlim_cur);
}

/* GLib ends the process when a context finds no descriptor: whoever got an interruptor before it may make one. */
static void test_what_libraries_open(void)
{
        enum { FEW = 4 * TB_LIMIT_DESCRIPTORS_SPARE };
        allow(FEW);
        g_autoptr(GArray) held = g_array_new(FALSE, FALSE, sizeof(TbInterruptor *));
        g_autoptr(GError) error = NULL;
        for (;;) {
                TbInterruptor *one = tb_interruptor_try_new(&error);
                if (!one)
                        break;
                g_array_append_val(held, one);
                g_assert_cmpuint(held->len, <, FEW);
        }
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        /* one that is free among the first ones, when the last ones are taken, is not enough */
        int taken[FEW], n = 0;
        while ((taken[n] = dup(0)) >= 0)
                n++;
        tb_interruptor_free(g_array_index(held, TbInterruptor *, 0));
        g_array_remove_index(held, 0);
        g_assert_null(tb_interruptor_try_new(NULL));
        while (n > 0)
                close(taken[--n]);
        GMainContext *contexts[TB_LIMIT_DESCRIPTORS_SPARE - 8]; /* a sanitizer may hold some */
        for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
                contexts[i] = g_main_context_new();
        for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
                g_main_context_unref(contexts[i]);
        for (guint i = 0; i < held->len; i++)
                tb_interruptor_free(g_array_index(held, TbInterruptor *, i));
        TbInterruptor *again = tb_interruptor_try_new(NULL);
        g_assert_nonnull(again);
        tb_interruptor_free(again);
        allow(before.rlim_cur);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
        g_test_add_func("/descriptors/ceilings", test_ceilings);
        g_test_add_func("/descriptors/moment", test_moment);
        g_test_add_func("/descriptors/what-libraries-open", test_what_libraries_open);
        /* these pretend */
        g_test_add_func("/descriptors/kept", test_kept);
        g_test_add_func("/descriptors/crowd", test_crowd);
        g_test_add_func("/descriptors/none-to-give", test_none_to_give);
        g_test_add_func("/descriptors/listener", test_listener);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
