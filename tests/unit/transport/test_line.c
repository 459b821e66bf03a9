/* A line by TCP, a UNIX socket and a pty of the kernel's: one request, one line of answer; what comes late or
 * unasked is never taken for an answer. */
#include "drivers/transport/line.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "lib/limits.h"

static const TbParam net[] = {TB_LINE_PARAMS, TB_PARAM_END};
static const TbParam both[] = {TB_LINE_PARAMS, TB_TTY_PARAMS("9600"), TB_PARAM_END};

static void test_check(void)
{
        static const struct {
                const char *uri;
                const char *net, *both; /* the field that is blamed; NULL: it is good */
        } cases[] = {
                {"x://10.0.0.7:4001", NULL, NULL},
                {"x://[fd00::1]:23", NULL, NULL},
                {"x:///run/board.sock", NULL, NULL},
                {"x:///dev/ttyUSB0", NULL, NULL},
                {"x://1-1.4", "uri", NULL},
                {"x://10.0.0.7", "uri", "uri"},
                {"x://10.0.0.7:4001/x", "uri", "uri"},
                {"x://1-1.4/dev/ttyS0", "uri", "uri"},
                {"x://", "uri", "uri"},
                {"x:///dev/ttyUSB0?baud=9600", "baud", NULL},
                {"x:///dev/ttyUSB0?baud=12000001", "baud", "baud"},
                {"x:///dev/ttyUSB0?interface=1", "interface", "interface"},
                {"x://1-1.4?interface=1", "interface", NULL},
                {"x://?usb=0403:6001,under=1-1", "usb", NULL},
                {"x://?usb=FTDI", "usb", "usb"},
                {"x://10.0.0.7:4001?usb=0403:6001", "usb", "usb"},
                {"x://10.0.0.7:4001?interface=1", "interface", "interface"},
                {"x://10.0.0.7:4001?connect_ms=30000", NULL, NULL},
                {"x://10.0.0.7:4001?connect_ms=30001", "connect_ms", "connect_ms"},
        };
        for (guint i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
                const char *text = cases[i / 2].uri, *field = i % 2 ? cases[i / 2].both : cases[i / 2].net;
                g_autoptr(GError) error = NULL;
                g_autoptr(TbUri) uri = tb_uri_parse(text, NULL);
                json_auto_t *params = tb_params_validate_text(i % 2 ? both : net, uri->query, &error);
                bool ok = params && tb_line_check(uri, params, &error);
                g_test_message("%s", text);
                g_assert_cmpint(ok, ==, field == NULL);
                g_assert_cmpint(ok, ==, error == NULL);
                if (error)
                        g_assert_cmpstr(tb_error_field(error), ==, field);
        }
}

/* --- a line that is open, and its other side --- */
typedef struct Fixture {
        TbLine line;
        TbUri *uri; /* owned */
        json_t *params;
        TbIo io;
        int peer;
        char *dir; /* owned */
} Fixture;

static int peer_tcp(Fixture *f, char **ret_uri)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        (void)f;
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
        *ret_uri = g_strdup_printf("x://127.0.0.1:%d", ntohs(a.sin_port));
        return fd;
}

static int peer_unix(Fixture *f, char **ret_uri)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        g_autofree char *path = g_build_filename(f->dir, "line", NULL);
        g_strlcpy(a.sun_path, path, sizeof a.sun_path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, sizeof a), ==, 0);
        *ret_uri = g_strconcat("x://", path, NULL);
        return fd;
}

static int peer_pty(Fixture *f, char **ret_uri)
{
        int master, slave;
        char name[64];
        struct termios raw;
        g_autofree char *path = g_build_filename(f->dir, "line", NULL);
        g_assert_cmpint(openpty(&master, &slave, name, NULL, NULL), ==, 0);
        g_assert_cmpint(tcgetattr(slave, &raw), ==, 0);
        cfmakeraw(&raw);
        g_assert_cmpint(tcsetattr(slave, TCSANOW, &raw), ==, 0);
        g_assert_cmpint(symlink(name, path), ==, 0);
        close(slave);
        *ret_uri = g_strconcat("x://", path, "?baud=19200", NULL);
        return master;
}

typedef int (*Peer)(Fixture *f, char **ret_uri);

static void set_up(Fixture *f, gconstpointer peer)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        f->dir = g_dir_make_tmp("tb-line-XXXXXX", NULL);
        int fd = (*(const Peer *)peer)(f, &text);
        bool pty = *(const Peer *)peer == peer_pty;
        g_assert_true(pty || listen(fd, 1) == 0);
        f->uri = tb_uri_parse(text, &error);
        f->params = tb_params_validate_text(both, f->uri->query, &error);
        g_assert_no_error(error);
        f->line.base = (TbInstance){.uri = f->uri, .params = f->params, .device = "test"};
        tb_io_init_plain(&f->io);
        g_assert_true(tb_line_check(f->uri, f->params, &error));
        g_assert_true(tb_line_open(&f->line.base, &f->io, &error));
        f->peer = pty ? fd : accept(fd, NULL, NULL);
        g_assert_cmpint(f->peer, >=, 0);
        if (!pty)
                close(fd);
}

static void tear_down(Fixture *f, gconstpointer peer G_GNUC_UNUSED)
{
        g_autofree char *path = g_build_filename(f->dir, "line", NULL);
        tb_line_close(&f->line.base);
        close(f->peer);
        tb_io_clear_plain(&f->io);
        json_decref(f->params);
        tb_uri_free(f->uri);
        (void)g_unlink(path);
        g_assert_cmpint(g_rmdir(f->dir), ==, 0);
        g_free(f->dir);
}

static void say(Fixture *f, const char *text)
{
        g_assert_cmpint(write(f->peer, text, strlen(text)), ==, (gssize)strlen(text));
}

static void hear(Fixture *f, const char *text)
{
        char got[64] = "";
        for (gsize n = 0; n < strlen(text);) {
                ssize_t r = read(f->peer, got + n, sizeof got - 1 - n);
                g_assert_cmpint(r, >, 0);
                n += (gsize)r;
        }
        g_assert_cmpstr(got, ==, text);
}

typedef struct Asked {
        Fixture *f;
        const char *heard, *answer;
} Asked;

static void answer_run(gpointer data)
{
        const Asked *asked = data;
        hear(asked->f, asked->heard);
        say(asked->f, asked->answer);
}

/* What is unread when we ask is no answer; the pump drops it too. */
static void test_ask(Fixture *f, gconstpointer peer G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        say(f, "welcome\nwho are you?\n");
        g_assert_true(tb_line_pump(&f->line.base, &f->io, &error));
        say(f, "late\n");
        struct pollfd p = {.fd = tb_transport_fd(f->line.link), .events = POLLIN};
        g_assert_cmpint(poll(&p, 1, 20000), ==, 1);
        Asked asked = {f, "get 1\n", "on 3.2\r\nmore"};
        TbThread *thread = tb_thread_start("peer", answer_run, &asked);
        g_autofree char *line = tb_line_ask(&f->line, &f->io, "get 1\n", 20000, &error);
        tb_thread_join(thread);
        g_assert_no_error(error);
        g_assert_cmpstr(line, ==, "on 3.2");
}

/* An answer that did not come in time is not the next one's: the line is opened anew. */
static void test_silent(Fixture *f, gconstpointer peer G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_line_ask(&f->line, &f->io, "get 1\n", 20, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_clear_error(&error);
        g_assert_null(tb_line_ask(&f->line, &f->io, "get 1\n", 20, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&error);
        g_assert_false(tb_line_pump(&f->line.base, &f->io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
}

/* A line of TB_LIMIT_LINE + 1 bytes is refused. Only sockets: a pty's buffer is smaller. */
static void test_long(Fixture *f, gconstpointer peer G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        for (gsize size = TB_LIMIT_LINE; size <= TB_LIMIT_LINE + 1; size++) {
                g_autofree char *answer = g_strnfill(size + 1, 'x');
                answer[size] = '\n';
                Asked asked = {f, "get\n", answer};
                TbThread *thread = tb_thread_start("peer", answer_run, &asked);
                g_autofree char *line = tb_line_ask(&f->line, &f->io, "get\n", 20000, &error);
                tb_thread_join(thread);
                g_assert_cmpint(line != NULL, ==, size == TB_LIMIT_LINE);
        }
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
}

static void test_end(Fixture *f, gconstpointer peer G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        close(f->peer);
        while (tb_line_pump(&f->line.base, &f->io, &error)) {
        }
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        f->peer = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
        static const Peer tcp = peer_tcp, local = peer_unix, pty = peer_pty;
        static const struct {
                const char *name;
                const Peer *peer;
        } peers[] = {{"tcp", &tcp}, {"unix", &local}, {"pty", &pty}};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/line/check", test_check);
        for (guint i = 0; i < G_N_ELEMENTS(peers); i++) {
                static const struct {
                        const char *name;
                        void (*run)(Fixture *f, gconstpointer peer);
                } tests[] = {
                        {"ask", test_ask}, {"silent", test_silent}, {"end", test_end}, {"long", test_long}};
                for (guint k = 0; k < G_N_ELEMENTS(tests) - (peers[i].peer == &pty); k++) {
                        g_autofree char *path = g_strdup_printf("/line/%s/%s", peers[i].name, tests[k].name);
                        g_test_add(path, Fixture, peers[i].peer, set_up, tests[k].run, tear_down);
                }
        }
        return g_test_run();
}
