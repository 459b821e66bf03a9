/* A console's stream to a peer that echoes, or talks by itself, over sockets, ptys and pipes of the kernel's: both ways at once,
 * each far more than the kernel holds. */
#include "drivers/transport/duplex.h"

#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/thread.h"

#define BIG (3 * 1024 * 1024)
#define PATIENCE_S 60

typedef struct Fixture {
        TbInstance self;
        TbIo io;
        TbTransport *from, *to; /* owned; may be the same */
        int peer_in, peer_out;  /* owned; may be the same */
        GByteArray *got;
} Fixture;

static void on_bytes(TbInstance *self, const void *data, gsize size)
{
        g_byte_array_append(((Fixture *)self)->got, data, (guint)size);
}

static const TbUp up = {.bytes = on_bytes};

static void by_socket(Fixture *f)
{
        int pair[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        f->from = f->to = tb_transport_of_fd(pair[0], "socket");
        f->peer_in = f->peer_out = pair[1];
}

static void by_pty(Fixture *f)
{
        int master;
        struct termios raw;
        g_assert_cmpint(openpty(&master, &f->peer_in, NULL, NULL, NULL), ==, 0);
        g_assert_cmpint(tcgetattr(f->peer_in, &raw), ==, 0);
        cfmakeraw(&raw);
        g_assert_cmpint(tcsetattr(f->peer_in, TCSANOW, &raw), ==, 0);
        f->from = f->to = tb_transport_of_fd(master, "pty");
        f->peer_out = f->peer_in;
}

static void by_pipes(Fixture *f)
{
        int there[2], back[2];
        g_assert_cmpint(pipe(there), ==, 0);
        g_assert_cmpint(pipe(back), ==, 0);
        f->to = tb_transport_of_fd(there[1], "pipe");
        f->from = tb_transport_of_fd(back[0], "pipe");
        f->peer_in = there[0];
        f->peer_out = back[1];
}

static void set_up(Fixture *f, gconstpointer open)
{
        f->self.up = &up;
        tb_io_init_plain(&f->io);
        f->io.deadline_us = g_get_monotonic_time() + PATIENCE_S * G_TIME_SPAN_SECOND;
        f->got = g_byte_array_new();
        f->peer_in = f->peer_out = -1;
        ((void (*)(Fixture *))open)(f);
}

static void peer_close(Fixture *f)
{
        if (f->peer_out >= 0 && f->peer_out != f->peer_in)
                close(f->peer_out);
        if (f->peer_in >= 0)
                close(f->peer_in);
        f->peer_in = f->peer_out = -1;
}

static void tear_down(Fixture *f, gconstpointer open G_GNUC_UNUSED)
{
        peer_close(f);
        if (f->to != f->from)
                tb_transport_close(f->to);
        tb_transport_close(f->from);
        g_byte_array_unref(f->got);
        tb_io_clear_plain(&f->io);
}

static guint8 *pattern(guint seed)
{
        guint8 *bytes = g_malloc(BIG);
        for (gsize i = 0; i < BIG; i++)
                bytes[i] = (guint8)((i * 2654435761U + seed) >> 11);
        return bytes;
}

static void pump_until(Fixture *f, guint bytes)
{
        g_autoptr(GError) error = NULL;
        while (f->got->len < bytes && g_get_monotonic_time() < f->io.deadline_us) {
                tb_duplex_pump(&f->self, &f->io, f->from, &error);
                g_assert_no_error(error);
        }
}

/* --- peers: plain blocking programs, which is what stops reading when nobody takes what they say --- */
static void say(int fd, const guint8 *bytes, gsize size)
{
        while (size > 0) {
                ssize_t n = write(fd, bytes, size);
                if (n < 0)
                        return; /* the test has closed its side */
                bytes += n;
                size -= (gsize)n;
        }
}

static void echo(gpointer data)
{
        const Fixture *f = data;
        guint8 buf[8192];
        ssize_t n;
        for (gsize all = 0; all < BIG && (n = read(f->peer_in, buf, sizeof buf)) > 0; all += (gsize)n)
                say(f->peer_out, buf, (gsize)n);
}

static void test_echo(Fixture *f, gconstpointer open G_GNUC_UNUSED)
{
        g_autofree guint8 *ours = pattern(1);
        g_autoptr(GError) error = NULL;
        TbThread *peer = tb_thread_start("echo", echo, f);
        tb_duplex_write(&f->self, &f->io, f->from, f->to, ours, BIG, &error);
        g_assert_no_error(error);
        pump_until(f, BIG);
        tb_thread_join(peer);
        g_assert_cmpmem(f->got->data, f->got->len, ours, BIG);
}

typedef struct Talker {
        const Fixture *f;
        const guint8 *says;
        GByteArray *got;
} Talker;

/* It says all that it has to say before it listens. */
static void talk(gpointer data)
{
        Talker *t = data;
        guint8 buf[8192];
        ssize_t n;
        say(t->f->peer_out, t->says, BIG);
        while (t->got->len < BIG && (n = read(t->f->peer_in, buf, sizeof buf)) > 0)
                g_byte_array_append(t->got, buf, (guint)n);
}

static void test_talker(Fixture *f, gconstpointer open G_GNUC_UNUSED)
{
        g_autofree guint8 *ours = pattern(1), *theirs = pattern(99);
        g_autoptr(GError) error = NULL;
        Talker t = {f, theirs, g_byte_array_new()};
        TbThread *peer = tb_thread_start("talker", talk, &t);
        tb_duplex_write(&f->self, &f->io, f->from, f->to, ours, BIG, &error);
        g_assert_no_error(error);
        pump_until(f, BIG);
        tb_thread_join(peer);
        g_assert_cmpmem(t.got->data, t.got->len, ours, BIG);
        g_assert_cmpmem(f->got->data, f->got->len, theirs, BIG);
        g_byte_array_unref(t.got);
}

/* Nobody reads: the end is the deadline's, and says how far it came. */
static void test_stuck(Fixture *f, gconstpointer open G_GNUC_UNUSED)
{
        g_autofree guint8 *ours = pattern(1);
        g_autoptr(GError) error = NULL;
        f->io.deadline_us = g_get_monotonic_time() + 100 * G_TIME_SPAN_MILLISECOND;
        bool ok = tb_duplex_write(&f->self, &f->io, f->from, f->to, ours, BIG, &error);
        g_assert_false(ok);
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_assert_nonnull(strstr(error->message, "of 3145728 bytes in time"));
        g_clear_error(&error);
        f->io.deadline_us = G_MAXINT64;
        tb_interruptor_raise(f->io.stop);
        ok = tb_duplex_write(&f->self, &f->io, f->from, f->to, ours, BIG, &error);
        g_assert_false(ok);
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
}

static void leave(gpointer data)
{
        Fixture *f = data;
        guint8 buf[8192];
        g_assert_cmpint(read(f->peer_in, buf, sizeof buf), >, 0);
        peer_close(f);
}

static void test_left(Fixture *f, gconstpointer open G_GNUC_UNUSED)
{
        g_autofree guint8 *ours = pattern(1);
        g_autoptr(GError) error = NULL;
        TbThread *peer = tb_thread_start("leaver", leave, f);
        bool ok = tb_duplex_write(&f->self, &f->io, f->from, f->to, ours, BIG, &error);
        tb_thread_join(peer);
        g_assert_false(ok);
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*open)(Fixture *f);
        } ways[] = {{"socket", by_socket}, {"pty", by_pty}, {"pipes", by_pipes}};
        static const struct {
                const char *name;
                void (*run)(Fixture *f, gconstpointer open);
        } cases[] = {
                {"echo", test_echo}, {"talker", test_talker}, {"stuck", test_stuck}, {"left", test_left}};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (guint i = 0; i < G_N_ELEMENTS(ways) * G_N_ELEMENTS(cases); i++) {
                guint way = i / G_N_ELEMENTS(cases), which = i % G_N_ELEMENTS(cases);
                g_autofree char *path = g_strdup_printf("/duplex/%s/%s", ways[way].name, cases[which].name);
                g_test_add(path, Fixture, (gconstpointer)ways[way].open, set_up, cases[which].run, tear_down);
        }
        return g_test_run();
}
