/* The serial driver's lane on a pty pair of the kernel's: bytes both ways at once, settings that a pty has
 * and has not, loss and return. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "lib/service.h"

extern const TbDriver tb_driver_serial;

#define BIG (256 * 1024)

typedef struct Fixture {
        int master;
        char *dir, *link; /* owned: a stable name for whatever pty there is now */
        TbUri *uri;       /* owned */
        json_t *params;   /* owned */
        TbInstance *self; /* owned */
        const TbLane *lane;
        TbIo io;
        GByteArray *got;
} Fixture;

static Fixture *current;

static void on_bytes(TbInstance *self, const void *data, gsize size)
{
        (void)self;
        g_byte_array_append(current->got, data, (guint)size);
}

static void on_event(TbInstance *self, const char *type, json_t *data)
{
        (void)self, (void)type;
        json_decref(data);
}

static const TbUp up = {.bytes = on_bytes, .event = on_event};

static void new_pty(Fixture *f)
{
        struct termios raw;
        char name[64];
        int slave;

        g_assert_cmpint(openpty(&f->master, &slave, name, NULL, NULL), ==, 0);
        g_assert_cmpint(tcgetattr(slave, &raw), ==, 0);
        cfmakeraw(&raw);
        g_assert_cmpint(tcsetattr(slave, TCSANOW, &raw), ==, 0);
        close(slave);
        g_assert_cmpint(fcntl(f->master, F_SETFL, O_NONBLOCK), ==, 0);
        (void)g_unlink(f->link);
        g_assert_cmpint(symlink(name, f->link), ==, 0);
}

static void set_up(Fixture *f, gconstpointer query)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;

        current = f;
        f->dir = g_dir_make_tmp("tb-serial-XXXXXX", NULL);
        f->link = g_build_filename(f->dir, "line", NULL);
        new_pty(f);
        text = g_strdup_printf("serial://%s%s", f->link, query ? (const char *)query : "");
        f->uri = tb_uri_parse(text, &error);
        g_assert_no_error(error);
        f->params = tb_params_validate_text(tb_driver_serial.params, f->uri->query, &error);
        g_assert_no_error(error);
        f->lane = &tb_driver_serial.lanes[0];
        f->self = g_malloc0(f->lane->size);
        *f->self = (TbInstance){.driver = &tb_driver_serial,
                                .lane = f->lane,
                                .up = &up,
                                .uri = f->uri,
                                .params = f->params,
                                .device = "test",
                                .run_dir = f->dir};
        tb_io_init_plain(&f->io);
        f->io.deadline_us = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
        f->got = g_byte_array_new();
}

static void tear_down(Fixture *f, gconstpointer query)
{
        (void)query;
        f->lane->close(f->self);
        f->lane->finalize(f->self);
        tb_io_clear_plain(&f->io);
        g_free(f->self);
        json_decref(f->params);
        tb_uri_free(f->uri);
        close(f->master);
        (void)g_unlink(f->link);
        (void)g_rmdir(f->dir);
        g_free(f->link);
        g_free(f->dir);
        g_byte_array_unref(f->got);
}

static void open_lane(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        f->lane->open(f->self, &f->io, &error);
        g_assert_no_error(error);
}

static void pump_until(Fixture *f, guint bytes)
{
        g_autoptr(GError) error = NULL;

        while (f->got->len < bytes && f->lane->pump(f->self, &f->io, &error))
                g_assert_cmpint(g_get_monotonic_time(), <, f->io.deadline_us);
        g_assert_no_error(error);
}

static guint8 *pattern(gsize size, guint seed)
{
        guint8 *bytes = g_malloc(size);

        for (gsize i = 0; i < size; i++)
                bytes[i] = (guint8)((i * 2654435761U + seed) >>
                                    11); /* every value: 0x00, 0x03, 0x11, 0x13, 0xff */
        return bytes;
}

static void test_in(Fixture *f, gconstpointer query)
{
        static const guint8 special[] = {0x00, 0x03, 0x04, 0x0a, 0x0d, 0x11, 0x13,
                                         0x1a, 0x1c, 0x7f, 0xff, 0xff, 0x00};

        (void)query;
        open_lane(f);
        g_assert_cmpint(write(f->master, special, sizeof special), ==, sizeof special);
        pump_until(f, sizeof special);
        g_assert_cmpmem(f->got->data, f->got->len, special, sizeof special);
}

/* The far end: reads what arrives and sends its own bytes, slower than either buffer fills. */
typedef struct Far {
        int fd;
        const guint8 *send;
        gsize sent;
        GByteArray *got;
} Far;

static void far_end(gpointer data)
{
        Far *far = data;

        while (far->got->len < BIG || far->sent < BIG) {
                struct pollfd fd = {.fd = far->fd,
                                    .events = (short)(POLLIN | (far->sent < BIG ? POLLOUT : 0))};
                guint8 buffer[777];
                if (poll(&fd, 1, 20000) <= 0)
                        return;
                if (fd.revents & POLLOUT) {
                        ssize_t n = write(far->fd, far->send + far->sent, MIN(BIG - far->sent, 333));
                        far->sent += n > 0 ? (gsize)n : 0;
                }
                if (fd.revents & POLLIN) {
                        ssize_t n = read(far->fd, buffer, sizeof buffer);
                        if (n > 0)
                                g_byte_array_append(far->got, buffer, (guint)n);
                }
        }
}

/* Both directions at once, each far more than the kernel buffers: only a writer that goes on reading gets
 * through. */
static void test_both_ways(Fixture *f, gconstpointer query)
{
        g_autofree guint8 *ours = pattern(BIG, 1), *theirs = pattern(BIG, 99);
        g_autoptr(GError) error = NULL;
        Far far = {.fd = f->master, .send = theirs, .got = g_byte_array_new()};

        (void)query;
        open_lane(f);
        TbThread *thread = tb_thread_start("far", far_end, &far);
        f->lane->console->write(f->self, &f->io, ours, BIG, &error);
        g_assert_no_error(error);
        pump_until(f, BIG);
        tb_thread_join(thread);
        g_assert_cmpmem(far.got->data, far.got->len, ours, BIG);
        g_assert_cmpmem(f->got->data, f->got->len, theirs, BIG);
        g_byte_array_unref(far.got);
}

static void test_stuck(Fixture *f, gconstpointer query)
{
        g_autofree guint8 *bytes = pattern(BIG, 1);
        g_autoptr(GError) error = NULL;

        (void)query;
        open_lane(f);
        f->io.deadline_us = g_get_monotonic_time() + 200 * G_TIME_SPAN_MILLISECOND;
        g_assert_false(f->lane->console->write(f->self, &f->io, bytes, BIG, &error)); /* nobody reads */
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_clear_error(&error);
        f->io.deadline_us = G_MAXINT64;
        tb_interruptor_raise(f->io.stop);
        g_assert_false(f->lane->console->write(f->self, &f->io, bytes, BIG, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
}

static void test_settings(Fixture *f, gconstpointer query)
{
        const TbConsoleOps *ops = f->lane->console;
        TbSerialSettings s, now;

        (void)query;
        open_lane(f);
        g_assert_true(ops->get(f->self, &f->io, &s, NULL));
        g_assert_cmpint(s.baud, ==, 9600);
        g_assert_cmpint(s.dtr, ==, -1);
        s.baud = 921600;
        s.flow = TB_FLOW_XONXOFF;
        g_assert_true(ops->set(f->self, &f->io, &s, NULL));
        g_assert_true(ops->get(f->self, &f->io, &now, NULL));
        g_assert_cmpint(now.baud, ==, 921600);
        g_assert_cmpint(now.flow, ==, TB_FLOW_XONXOFF);

        /* each can be taken back, and is what was asked for */
        for (guint i = 0; i < 4; i++) {
                s = now;
                s.stop_bits = i % 2 ? 1 : 2;
                s.flow = i < 2 ? TB_FLOW_NONE : TB_FLOW_XONXOFF;
                g_assert_true(ops->set(f->self, &f->io, &s, NULL));
                g_assert_true(ops->get(f->self, &f->io, &now, NULL));
                g_assert_cmpint(now.stop_bits, ==, s.stop_bits);
                g_assert_cmpint(now.flow, ==, s.flow);
        }

        static const struct {
                const char *field;
                gsize offset;
                int value;
        } refused[] = {
                {"baud", offsetof(TbSerialSettings, baud), 12345},
                {"data_bits", offsetof(TbSerialSettings, data_bits), 7},
                {"parity", offsetof(TbSerialSettings, parity), TB_PARITY_MARK},
                {"parity", offsetof(TbSerialSettings, parity), TB_PARITY_EVEN},
                {"flow", offsetof(TbSerialSettings, flow), TB_FLOW_RTSCTS},
                {"dtr", offsetof(TbSerialSettings, dtr), 1},
                {"rts", offsetof(TbSerialSettings, rts), 0},
        };
        for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
                g_autoptr(GError) error = NULL;
                TbSerialSettings wish = now;
                *(int *)(void *)((guint8 *)&wish + refused[i].offset) = refused[i].value;
                g_assert_false(ops->set(f->self, &f->io, &wish, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
                g_assert_cmpstr(tb_error_field(error), ==, refused[i].field);
                g_assert_true(ops->get(f->self, &f->io, &wish, NULL));
                g_assert_cmpmem(&wish, sizeof wish, &now, sizeof now); /* nothing changed */
        }
        g_autoptr(GError) error = NULL;
        g_assert_false(ops->send_break(f->self, &f->io, 10, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
}

/* Pulled while it is open; another pty under the same name; the settings of before. */
static void test_loss_and_return(Fixture *f, gconstpointer query)
{
        g_autoptr(GError) error = NULL;
        TbSerialSettings s;

        (void)query;
        open_lane(f);
        g_assert_true(f->lane->console->get(f->self, &f->io, &s, NULL));
        s.baud = 57600;
        g_assert_true(f->lane->console->set(f->self, &f->io, &s, NULL));
        close(f->master);
        while (f->lane->pump(f->self, &f->io, &error))
                g_assert_cmpint(g_get_monotonic_time(), <, f->io.deadline_us);
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&error);
        f->lane->close(f->self);

        g_assert_cmpint(g_unlink(f->link), ==, 0);
        g_assert_false(f->lane->open(f->self, &f->io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        f->lane->close(f->self);

        new_pty(f);
        open_lane(f);
        g_assert_true(f->lane->console->get(f->self, &f->io, &s, NULL));
        g_assert_cmpint(s.baud, ==, 57600);
        g_assert_cmpint(write(f->master, "back", 4), ==, 4);
        pump_until(f, 4);
        g_assert_cmpmem(f->got->data, f->got->len, "back", 4);
}

static void test_taken(Fixture *f, gconstpointer query)
{
        g_autoptr(GError) error = NULL;
        int other = open(f->link, O_RDWR | O_NOCTTY);

        (void)query;
        g_assert_cmpint(flock(other, LOCK_EX | LOCK_NB), ==, 0);
        g_assert_false(f->lane->open(f->self, &f->io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        close(other);
}

static void test_no_line(Fixture *f, gconstpointer query)
{
        g_autoptr(GError) error = NULL;

        (void)query;
        g_assert_cmpint(g_unlink(f->link), ==, 0);
        g_assert_cmpint(symlink("/dev/null", f->link), ==, 0);
        g_assert_false(f->lane->open(f->self, &f->io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
}

static void test_tx_delay(Fixture *f, gconstpointer query)
{
        gint64 start = g_get_monotonic_time();
        g_autoptr(GError) error = NULL;
        char got[16];

        (void)query;
        open_lane(f);
        f->lane->console->write(f->self, &f->io, "0123456789", 10, &error);
        g_assert_no_error(error);
        g_assert_cmpint(g_get_monotonic_time() - start, >=, 9 * 5000);
        for (gsize n = 0; n < 10;) {
                struct pollfd fd = {.fd = f->master, .events = POLLIN};
                g_assert_cmpint(poll(&fd, 1, 20000), ==, 1);
                ssize_t r = read(f->master, got + n, sizeof got - n);
                g_assert_cmpint(r, >, 0);
                n += (gsize)r;
        }
        g_assert_cmpmem(got, 10, "0123456789", 10);
}

/* What this driver takes beside the line's settings (tests/unit/transport/test_tty.c). */
static void test_limits(Fixture *f, gconstpointer query)
{
        static const char *const bad[] = {"{\"tx_delay_ms\":1001}", "{\"tx_delay_ms\":-1}"};

        (void)f, (void)query;
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *in = json_loads(bad[i], 0, NULL);
                g_assert_null(tb_params_validate(tb_driver_serial.params, in, &error));
                g_assert_cmpstr(tb_error_field(error), ==, "tx_delay_ms");
        }
        json_auto_t *in = json_pack("{s:i}", "tx_delay_ms", 1000);
        json_auto_t *good = tb_params_validate(tb_driver_serial.params, in, NULL);
        g_assert_nonnull(good);
}

#define ADD(name, query, call) g_test_add("/serial-pty/" name, Fixture, query, set_up, call, tear_down)

/* --- a restart --- */
/* What a service manager is told: the next message, and the descriptor that came with it. */
static char *told(int manager, int *ret_fd)
{
        char text[512] = "";
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {0};
        struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes};

        g_assert_cmpint(recvmsg(manager, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), >, 0);
        *ret_fd = -1;
        if (CMSG_FIRSTHDR(&message))
                memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof *ret_fd);
        return g_strdup(text);
}

static int new_manager(const char *dir)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        g_snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", dir);
        g_assert_cmpint(bind(manager, (struct sockaddr *)&at, sizeof at), ==, 0);
        g_setenv("NOTIFY_SOCKET", at.sun_path, TRUE);
        tb_service_init();
        (void)g_unlink(at.sun_path);
        return manager;
}

/* A line is held while it is attached, and over a restart: what comes meanwhile is there after it. (A pty would keep it anyhow while
 * its other side is open; a UART's driver does not, and drops DTR.) */
static void test_restart(Fixture *f, gconstpointer query)
{
        int manager = new_manager(f->dir), none, held;
        char real[64];

        (void)query;
        open_lane(f);
        g_autofree char *stale = told(manager, &none), *hold = told(manager, &held);
        g_assert_cmpint(ptsname_r(f->master, real, sizeof real), ==, 0);
        g_autofree char *wanted = g_strconcat("FDSTORE=1\nFDNAME=", real, NULL);
        g_assert_cmpstr(hold, ==, wanted);
        g_assert_cmpint(held, >=, 0);
        g_assert_cmpint(none, ==, -1);

        /* detached: it is given up */
        f->lane->close(f->self);
        g_autofree char *release = told(manager, &none);
        g_autofree char *gone = g_strconcat("FDSTOREREMOVE=1\nFDNAME=", real, NULL);
        g_assert_cmpstr(release, ==, gone);
        close(held);

        open_lane(f);
        g_autofree char *again = told(manager, &none), *hold_again = told(manager, &held);
        g_assert_cmpstr(again, ==, gone);
        g_assert_cmpstr(hold_again, ==, wanted);
        tb_service_stopping();
        g_autofree char *stopping = told(manager, &none);
        g_assert_cmpstr(stopping, ==, "STOPPING=1");
        f->lane->close(f->self); /* not a word: it stays held */
        g_assert_cmpint(write(f->master, "panic: at the worst moment\n", 27), ==, 27);
        g_byte_array_set_size(f->got, 0);
        open_lane(f);
        pump_until(f, 27);
        g_assert_cmpmem(f->got->data, f->got->len, "panic: at the worst moment\n", 27);
        close(held);
        close(manager);
}

/* What is wished for while it is away is what it is set to when it comes; what it cannot be, it is not: it is set as configured. */
static void test_wishes(Fixture *f, gconstpointer query)
{
        const TbConsoleOps *ops = f->lane->console;
        TbSerialSettings s, now;
        g_autoptr(GError) error = NULL;

        (void)query;
        ops->wanted(f->self, &s);
        g_assert_cmpint(s.baud, ==, 9600);
        g_assert_cmpint(s.dtr, ==, -1);
        s.baud = 57600;
        g_assert_true(ops->want(f->self, &f->io, &s, &error));
        open_lane(f);
        g_assert_true(ops->get(f->self, &f->io, &now, NULL));
        g_assert_cmpint(now.baud, ==, 57600);
        f->lane->close(f->self);
        s.data_bits = 7;
        g_assert_true(ops->want(f->self, &f->io, &s, &error));
        open_lane(f);
        g_assert_true(ops->get(f->self, &f->io, &now, NULL));
        g_assert_cmpint(now.baud, ==, 9600);
        s.stop_bits = 3;
        g_assert_false(ops->want(f->self, &f->io, &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpstr(tb_error_field(error), ==, "stop_bits");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("in", NULL, test_in);
        ADD("both-ways", NULL, test_both_ways);
        ADD("stuck", NULL, test_stuck);
        ADD("wishes", "?baud=9600", test_wishes);
        ADD("settings", "?baud=9600", test_settings);
        ADD("loss-and-return", NULL, test_loss_and_return);
        ADD("taken", NULL, test_taken);
        ADD("no-line", NULL, test_no_line);
        ADD("limits", NULL, test_limits);
        ADD("tx-delay", "?tx_delay_ms=5", test_tx_delay);
        ADD("restart", NULL, test_restart); /* the last: after it this process "stops" */
        return g_test_run();
}
