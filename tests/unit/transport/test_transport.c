/* TbIo, TbTransport, TbChild on real sockets, pipes and processes of this machine. */
#include "drivers/transport/guard.h"
#include "drivers/transport/transport.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "drivers/transport/http.h"
#include "lib/error.h"

static TbIo io;

static int listen_on(int family, guint16 *port)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
        if (family == AF_INET)
                ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        else
                ((struct sockaddr_in6 *)&a)->sin6_addr = in6addr_loopback;
        socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(listen(fd, 4), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
        *port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
                                        : ((struct sockaddr_in6 *)&a)->sin6_port);
        return fd;
}

static void check_tcp(int family, const char *host)
{
        guint16 port;
        int server = listen_on(family, &port);
        g_autoptr(GError) error = NULL;
        g_autoptr(TbTransport) t = tb_transport_tcp(&io, host, port, 2000, &error);
        g_assert_no_error(error);
        int peer = accept(server, NULL, NULL);
        g_assert_true(tb_transport_write(t, &io, "hello", 5, 1000, &error));
        char buf[16];
        g_assert_cmpint(read(peer, buf, sizeof buf), ==, 5);
        g_assert_cmpint(write(peer, "abc", 3), ==, 3);
        g_assert_true(tb_transport_read_exact(t, &io, buf, 3, 1000, &error));
        g_assert_cmpmem(buf, 3, "abc", 3);
        g_assert_cmpint(tb_transport_read_now(t, buf, sizeof buf, &error), ==, 0);
        close(peer);
        g_assert_cmpint(tb_transport_read(t, &io, buf, sizeof buf, 1000, &error), ==, 0);
        g_assert_cmpint(tb_transport_read_now(t, buf, sizeof buf, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        close(server);
}

static void test_tcp(void)
{
        check_tcp(AF_INET, "127.0.0.1");
        check_tcp(AF_INET, "localhost");
        check_tcp(AF_INET6, "::1");
        check_tcp(AF_INET6, "[::1]");
}

static void test_refused(void)
{
        guint16 port;
        int server = listen_on(AF_INET, &port);
        close(server);
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_transport_tcp(&io, "127.0.0.1", port, 2000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&error);
        g_assert_null(tb_transport_tcp(&io, "no-such-host.invalid", 1, 5000, &error));
        g_assert_true(g_error_matches(error, TB_ERROR, TB_ERROR_GONE) ||
                      g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT));
        g_clear_error(&error);
        g_assert_null(tb_transport_unix(&io, "/nonexistent/socket", 1000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&error);
        g_autofree char *path = g_strnfill(200, 'x');
        g_assert_null(tb_transport_unix(&io, path, 1000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
}

static void test_unix(void)
{
        g_autofree char *dir = g_dir_make_tmp("tb-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "s", NULL);
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        g_strlcpy(a.sun_path, path, sizeof a.sun_path);
        int server = socket(AF_UNIX, SOCK_STREAM, 0);
        g_assert_cmpint(bind(server, (struct sockaddr *)&a, sizeof a), ==, 0);
        g_assert_cmpint(listen(server, 1), ==, 0);
        g_autoptr(TbTransport) t = tb_transport_unix(&io, path, 1000, NULL);
        g_assert_nonnull(t);
        close(server);
        g_unlink(path);
        g_rmdir(dir);
}

typedef struct Feed {
        int fd;
        const char *text;
        gsize size, split; /* 0: byte by byte; else in two parts */
} Feed;

static void feed_run(gpointer data)
{
        Feed *f = data;
        if (f->split == 0)
                for (gsize i = 0; i < f->size; i++)
                        g_assert_cmpint(write(f->fd, f->text + i, 1), ==, 1);
        else {
                g_assert_cmpint(write(f->fd, f->text, f->split), ==, (gssize)f->split);
                g_assert_cmpint(write(f->fd, f->text + f->split, f->size - f->split), ==,
                                (gssize)(f->size - f->split));
        }
        close(f->fd);
}

static void test_lines(void)
{
        static const char text[] = "first\r\n\nthird\nrest";
        for (gsize split = 0; split < sizeof text - 1; split++) {
                int pair[2];
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
                g_autoptr(TbTransport) t = tb_transport_of_fd(pair[0], "pair");
                Feed feed = {pair[1], text, sizeof text - 1, split};
                TbThread *thread = tb_thread_start("feed", feed_run, &feed);
                g_autofree char *a = tb_transport_read_line(t, &io, 5, 2000, NULL);
                g_autofree char *b = tb_transport_read_line(t, &io, 5, 2000, NULL);
                g_autofree char *c = tb_transport_read_line(t, &io, 5, 2000, NULL);
                g_assert_cmpstr(a, ==, "first");
                g_assert_cmpstr(b, ==, "");
                g_assert_cmpstr(c, ==, "third");
                char rest[4];
                g_assert_true(tb_transport_read_exact(t, &io, rest, 4, 2000, NULL));
                g_assert_cmpmem(rest, 4, "rest", 4);
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_transport_read_line(t, &io, 5, 2000, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
                tb_thread_join(thread);
        }
}

static void test_line_limit(void)
{
        static const char *const texts[] = {"123456\n", "123456\r\n", "123456", "12345x\r\r\n"};
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
                int pair[2];
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
                g_autoptr(TbTransport) t = tb_transport_of_fd(pair[0], "pair");
                g_assert_cmpint(write(pair[1], texts[i], strlen(texts[i])), ==, (gssize)strlen(texts[i]));
                close(pair[1]);
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_transport_read_line(t, &io, 5, 1000, &error));
                g_assert_nonnull(error);
                if (i != 2)
                        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

/* --- waiting --- */
static void raise_later(gpointer data)
{
        g_usleep(20000); /* lint: tests - the interruption itself comes late */
        tb_interruptor_raise(data);
}

static void test_wait(void)
{
        TbIo mine;
        tb_io_init_plain(&mine);
        mine.wake = tb_interruptor_new();
        g_assert_cmpint(tb_io_wait(&mine, NULL, 0, 10), ==, TB_WAIT_TIMEOUT);
        tb_interruptor_raise(mine.wake);
        g_assert_cmpint(tb_io_wait(&mine, NULL, 0, 0), ==,
                        TB_WAIT_TIMEOUT); /* not in pump: wake does not count */
        mine.in_pump = true;
        g_assert_cmpint(tb_io_wait(&mine, NULL, 0, 1000), ==, TB_WAIT_WAKE);
        g_assert_true(tb_io_sleep(&mine, 10, NULL));
        tb_interruptor_lower(mine.wake);
        mine.in_pump = false;

        mine.deadline_us = g_get_monotonic_time() + 20000;
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_io_sleep(&mine, 5000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_clear_error(&error);
        mine.deadline_us = G_MAXINT64;

        TbThread *thread = tb_thread_start("raise", raise_later, mine.stop);
        gint64 start = g_get_monotonic_time();
        g_assert_false(tb_io_sleep(&mine, 20000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
        g_assert_cmpint(g_get_monotonic_time() - start, <, 2000000);
        tb_thread_join(thread);
        tb_interruptor_free(mine.wake);
        tb_io_clear_plain(&mine);
}

static void test_write_interrupted(void)
{
        TbIo mine;
        tb_io_init_plain(&mine);
        int pair[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
        g_autoptr(TbTransport) t = tb_transport_of_fd(pair[0], "pair");
        g_autofree char *much = g_malloc0(8 << 20);
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_transport_write(t, &mine, much, 8 << 20, 30, &error)); /* nobody reads */
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_clear_error(&error);
        TbThread *thread = tb_thread_start("raise", raise_later, mine.stop);
        g_assert_false(tb_transport_write(t, &mine, much, 8 << 20, -1, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
        tb_thread_join(thread);
        close(pair[1]);
        tb_io_clear_plain(&mine);
}

/* --- children --- */
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_run(void)
{
        int status = -1;
        g_autoptr(GByteArray) out = NULL, err = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_child_run(&io, ARGV("sh", "-c", "cat; echo oops >&2; exit 3"), "in put", 6, 100,
                                   5000, &status, &out, &err, &error));
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 3);
        g_assert_cmpmem(out->data, out->len, "in put", 6);
        g_assert_cmpmem(err->data, err->len, "oops\n", 5);
        g_assert_true(tb_child_run(&io, ARGV("sh", "-c", "kill -9 $$"), NULL, 0, 100, 5000, &status, NULL,
                                   NULL, &error));
        g_assert_cmpint(status, ==, 128 + SIGKILL);
        /* what the daemon was given for itself stays with it */
        g_clear_pointer(&out, g_byte_array_unref);
        g_setenv("TESTBED_TOKEN", "geheim", TRUE);
        g_setenv("TB_ELSE", "x", TRUE);
        g_assert_true(tb_child_run(&io, ARGV("sh", "-c", "echo $TESTBED_TOKEN$TB_ELSE"), NULL, 0, 100, 5000,
                                   &status, &out, NULL, &error));
        g_assert_cmpmem(out->data, out->len, "x\n", 2);
        /* so does that it goes without huge pages */
        g_clear_pointer(&out, g_byte_array_unref);
        g_assert_cmpint(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), ==, 0);
        g_assert_true(tb_child_run(&io, ARGV("grep", "-c", "^THP_enabled:.1", "/proc/self/status"), NULL, 0,
                                   100, 5000, &status, &out, NULL, &error));
        g_assert_cmpmem(out->data, out->len, "1\n", 2);
}

static void test_run_refused(void)
{
        int status = -1;
        g_autoptr(GByteArray) out = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_child_run(&io, ARGV("/nonexistent/program"), NULL, 0, 100, 5000, &status, NULL,
                                    NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&error);
        g_assert_true(tb_child_run(&io, ARGV("printf", "%s", "0123456789"), NULL, 0, 10, 5000, &status, &out,
                                   NULL, &error));
        g_clear_pointer(&out, g_byte_array_unref);
        g_assert_false(tb_child_run(&io, ARGV("printf", "%s", "0123456789x"), NULL, 0, 10, 5000, &status,
                                    &out, NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        g_clear_error(&error);
        g_assert_false(tb_child_run(&io, ARGV("sleep", "100"), NULL, 0, 10, 50, &status, &out, NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
}

static void test_run_large(void)
{
        gsize size = 1 << 20;
        g_autofree char *much = g_malloc(size);
        for (gsize i = 0; i < size; i++)
                much[i] = (char)(i * 7 >> 3);
        int status;
        g_autoptr(GByteArray) out = NULL;
        g_assert_true(tb_child_run(&io, ARGV("cat"), much, size, size, 10000, &status, &out, NULL, NULL));
        g_assert_cmpmem(out->data, out->len, much, size);
        g_assert_true(tb_child_run(&io, ARGV("true"), much, size, size, 10000, &status, NULL, NULL,
                                   NULL)); /* does not read it: EPIPE */
        g_assert_cmpint(status, ==, 0);
}

static void test_spawn(void)
{
        g_autoptr(GError) error = NULL;
        TbChild *child = tb_child_spawn(ARGV("sh", "-c", "echo $TB_X in $PWD; read x; exit 7"),
                                        ARGV("TB_X=yes"), "/", TB_CHILD_STDIN | TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line = tb_transport_read_line(tb_child_stdout(child), &io, 100, 5000, &error);
        g_assert_cmpstr(line, ==, "yes in /");
        g_assert_false(tb_child_ended(child, NULL));
        g_assert_null(tb_child_stderr(child));
        tb_child_close_stdin(child);
        int status;
        g_assert_true(tb_child_wait(child, &io, 5000, &status, &error));
        g_assert_cmpint(status, ==, 7);
        g_assert_true(tb_child_ended(child, &status));
        tb_child_free(child, 100);
}

static void test_kill_group(void)
{
        /* a child that ignores TERM, and a grandchild in the same group: both are gone afterwards */
        TbChild *child = tb_child_spawn(ARGV("sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait; wait"),
                                        NULL, NULL, TB_CHILD_STDOUT, NULL);
        g_autofree char *line = tb_transport_read_line(tb_child_stdout(child), &io, 100, 5000, NULL);
        pid_t pid = tb_child_pid(child), grandchild = (pid_t)g_ascii_strtoll(line, NULL, 10);
        g_assert_cmpint(grandchild, >, 1);
        int grandchild_fd = pidfd_open(grandchild, 0);
        tb_child_free(child, 20);
        g_assert_cmpint(kill(pid, 0), ==, -1);
        struct pollfd p = {.fd = grandchild_fd, .events = POLLIN};
        g_assert_cmpint(poll(&p, 1, 5000), ==, 1); /* ended */
        close(grandchild_fd);
        tb_child_free(NULL, 1);
}

/* No thread can be had for the resolver, nor for who watches over a call: refused in words. In a process of its own, because
 * root's threads have no limit. */
static void test_no_thread(void)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }
        if (getuid() == 0 && setuid(65534) < 0)
                g_error("cannot become nobody");
        struct rlimit none;
        getrlimit(RLIMIT_NPROC, &none);
        none.rlim_cur = 1;
        setrlimit(RLIMIT_NPROC, &none);
        g_autoptr(GError) unguarded = NULL;
        g_assert_null(tb_guard_new(0, 0, &unguarded));
        g_assert_error(unguarded, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_transport_tcp(&io, "localhost", 9, 2000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_clear_error(&error);
        TbHttpAnswer answer = {0};
        const TbHttpCall call = {.method = "GET", .url = "http://127.0.0.1:9/", .timeout_ms = 2000};
        g_assert_false(tb_http_call(&io, &call, &answer, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        struct rlimit files;
        getrlimit(RLIMIT_NOFILE, &files);
        int next = dup(0);
        close(next);
        files.rlim_cur = (rlim_t)next;
        setrlimit(RLIMIT_NOFILE, &files);
        g_clear_error(&error);
        g_assert_null(tb_transport_tcp(&io, "localhost", 9, 2000, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        _exit(0); /* the search for leaks needs a thread */
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN); /* as the daemons do */
        tb_io_init_plain(&io);
        g_test_add_func("/transport/tcp", test_tcp);
        g_test_add_func("/transport/refused", test_refused);
        g_test_add_func("/transport/unix", test_unix);
        g_test_add_func("/transport/lines", test_lines);
        g_test_add_func("/transport/line-limit", test_line_limit);
        g_test_add_func("/transport/no-thread", test_no_thread);
        g_test_add_func("/io/wait", test_wait);
        g_test_add_func("/io/write-interrupted", test_write_interrupted);
        g_test_add_func("/child/run", test_run);
        g_test_add_func("/child/run-refused", test_run_refused);
        g_test_add_func("/child/run-large", test_run_large);
        g_test_add_func("/child/spawn", test_spawn);
        g_test_add_func("/child/kill-group", test_kill_group);
        int rc = g_test_run();
        tb_io_clear_plain(&io);
        return rc;
}
