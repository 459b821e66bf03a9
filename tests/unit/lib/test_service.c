/* What a daemon says to its service manager, and what it takes from it: against a socket, and descriptors that were handed over
 * as sd_listen_fds(3) says. Each case is a process of its own. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/limits.h"
#include "lib/service.h"

static int manager = -1;

/* The timer of what nobody asks for, without the wait. */
static guint asked_s;
guint g_timeout_add_seconds(guint interval, GSourceFunc function, gpointer data)
{
        asked_s = interval;
        return g_timeout_add(0, function, data);
}

static void expect(const char *wanted)
{
        char text[256] = "";
        g_assert_cmpint(recv(manager, text, sizeof text - 1, 0), >, 0);
        g_assert_cmpstr(text, ==, wanted);
}

static void expect_nothing(void)
{
        char text[256];
        g_assert_cmpint(recv(manager, text, sizeof text, MSG_DONTWAIT), ==, -1);
}

/* A name of the abstract sort: no file is left. */
static void listen_at(void)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        g_autofree char *name = g_strdup_printf("@tb-service-%d", (int)getpid());
        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
        g_assert_cmpint(bind(manager, (struct sockaddr *)&at,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                        ==, 0);
        g_setenv("NOTIFY_SOCKET", name, TRUE);
}

/* `n` descriptors from 3 on, named "line-0" and so on; all of them this one file. */
static void hand_over(guint n, int pid)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_autofree char *count = g_strdup_printf("%u", n), *whose = g_strdup_printf("%d", pid);
        int file = open("/dev/null", O_RDONLY);
        int far = fcntl(file, F_DUPFD_CLOEXEC, TB_LIMIT_HELD_FDS + 20);
        for (guint i = 0; i < n; i++) {
                g_assert_cmpint(dup2(far, 3 + (int)i), ==, 3 + (int)i);
                g_string_append_printf(names, "%sline-%u", i ? ":" : "", i);
        }
        g_setenv("LISTEN_FDS", count, TRUE);
        g_setenv("LISTEN_PID", whose, TRUE);
        g_setenv("LISTEN_FDNAMES", names->str, TRUE);
}

static void in_child(const char *path)
{
        g_test_trap_subprocess(path, 20 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
}

static void child_says(void)
{
        listen_at();
        g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
        g_setenv("WATCHDOG_USEC", "20000", TRUE);
        g_setenv("WATCHDOG_PID", pid, TRUE);
        tb_service_init();
        g_assert_null(g_getenv("NOTIFY_SOCKET")); /* no child says anything in our name */
        g_assert_null(g_getenv("WATCHDOG_USEC"));
        expect_nothing();
        tb_service_ready();
        expect("READY=1");
        g_main_context_iteration(NULL, TRUE);
        expect("WATCHDOG=1");
        tb_service_release("line");
        expect("FDSTOREREMOVE=1\nFDNAME=line");
        tb_service_stopping();
        expect("STOPPING=1");
        tb_service_release("line");
        expect_nothing();
}

static void child_takes(void)
{
        hand_over(TB_LIMIT_HELD_FDS, (int)getpid());
        listen_at();
        tb_service_init();
        g_assert_null(g_getenv("LISTEN_FDS"));
        int fd = tb_service_take("line-255");
        g_assert_cmpint(fd, ==, 3 + 255);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(tb_service_take("line-255"), ==, -1);
        g_assert_cmpint(tb_service_take("line-256"), ==, -1);
}

static void child_leaves(void)
{
        hand_over(2, (int)getpid());
        listen_at();
        tb_service_init();
        tb_service_ready();
        expect("READY=1");
        g_assert_cmpint(asked_s, ==, TB_LIMIT_HELD_S);
        g_assert_cmpint(tb_service_take("line-1"), ==, 4);
        expect_nothing();
        g_main_context_iteration(NULL, TRUE);
        expect("FDSTOREREMOVE=1\nFDNAME=line-0"); /* its device is no longer in the configuration */
        expect_nothing();
        g_assert_cmpint(tb_service_take("line-0"), ==, -1);
        g_assert_cmpint(fcntl(3, F_GETFD), ==, -1);
}

static void child_too_many(void)
{
        hand_over(TB_LIMIT_HELD_FDS + 1, (int)getpid());
        tb_service_init();
        g_assert_cmpint(tb_service_take("line-0"), ==, -1);
}

static void child_not_ours(void)
{
        hand_over(1, (int)getpid() + 1);
        tb_service_init();
        g_assert_cmpint(tb_service_take("line-0"), ==, -1);
}

static void child_alone(void)
{
        tb_service_init();
        tb_service_ready();
        g_assert_false(tb_service_hold("line", 0));
        tb_service_release("line");
        tb_service_stopping();
}

#define CASE(name)                                                                                           \
        static void test_##name(void)                                                                        \
        {                                                                                                    \
                in_child("/service/" #name "/subprocess/child");                                             \
        }
CASE(says)
CASE(takes)
CASE(leaves)
CASE(too_many)
CASE(not_ours)
CASE(alone)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_unsetenv("NOTIFY_SOCKET");
        g_test_add_func("/service/says", test_says);
        g_test_add_func("/service/says/subprocess/child", child_says);
        g_test_add_func("/service/takes", test_takes);
        g_test_add_func("/service/takes/subprocess/child", child_takes);
        g_test_add_func("/service/leaves", test_leaves);
        g_test_add_func("/service/leaves/subprocess/child", child_leaves);
        g_test_add_func("/service/too_many", test_too_many);
        g_test_add_func("/service/too_many/subprocess/child", child_too_many);
        g_test_add_func("/service/not_ours", test_not_ours);
        g_test_add_func("/service/not_ours/subprocess/child", child_not_ours);
        g_test_add_func("/service/alone", test_alone);
        g_test_add_func("/service/alone/subprocess/child", child_alone);
        return g_test_run();
}
