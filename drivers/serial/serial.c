/*
 * serial: the console of a device on a UART, a USB adapter or a pty. A line that is pulled is waited for and
 * opened again, under whatever name the kernel gives it then. One lane, one thread: while a paste goes out,
 * what comes in is read too, so neither side's buffer runs over.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/serial/serial_discovery.h"
#include "drivers/transport/tty.h"
#include "lib/log.h"

#define READ_SIZE (64 * 1024)
#define WRITE_SIZE 4096 /* FTDI's and ACM's buffers in the kernel; more at once only waits there */
/* how often the modem lines' counters are looked at; they are the kernel's, no USB traffic */
#define MODEM_MS 250
#define RETRY_MS 1000 /* a file that is not there costs nothing to look for */
#define DRAIN_MS 1000 /* before a break: how long what was written may take to leave */
#define DRAIN_STEP_MS 5
#define TX_DELAY_MOST_MS 1000 /* after each byte */

typedef struct Serial {
        TbInstance base;
        TbTty *tty;         /* owned; NULL: closed */
        gint64 edges;       /* of the last look; -1: not counted */
        TbTtyErrors errors; /* of the last look */
        guint8 *buffer;     /* owned, READ_SIZE */
        int tx_delay_ms;
        gint64 next_us; /* when the next byte may go, by tx_delay_ms */
        TbSerialSettings
                wanted; /* what the last open line was set to, so that a re-plugged one is the same */
        bool wanted_known;
} Serial;

/* --- in --- */
static bool hung_up(Serial *s, GError **error)
{
        tb_set_error(error, TB_ERROR_GONE, "%s: %s", s->base.uri->shown,
                     tb_tty_is_pty(s->tty) ? "the program behind the pty has closed it"
                                           : "the adapter was unplugged");
        return false;
}

/* Hands up what has arrived; returns with nothing more to read, or after a fair share. */
static bool read_in(Serial *s, GError **error)
{
        ssize_t n = read(tb_tty_fd(s->tty), s->buffer, READ_SIZE);

        if (n > 0) {
                s->base.up->bytes(&s->base, s->buffer, (gsize)n);
                return true;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        return hung_up(s, error); /* 0 or EIO: how a tty says that its device is gone */
}

static void tell_modem(Serial *s)
{
        gint64 edges = tb_tty_edges(s->tty);
        TbSerialSettings now;

        if (edges == s->edges)
                return;
        s->edges = edges;
        if (tb_tty_get(s->tty, &now, NULL))
                s->base.up->event(&s->base, "modem", tb_tty_modem_json(&now));
}

/* A break of the target, bytes that were no characters (a wrong rate), bytes that were lost. */
static void tell_errors(Serial *s)
{
        TbTtyErrors now, was = s->errors;

        if (!tb_tty_errors(s->tty, &now) || memcmp(&now, &was, sizeof now) == 0)
                return;
        s->errors = now;
        s->base.up->event(&s->base, "line",
                          json_pack("{s:i, s:i, s:i, s:i}", "overrun", now.overrun - was.overrun, "parity",
                                    now.parity - was.parity, "framing", now.framing - was.framing, "break",
                                    now.breaks - was.breaks));
}

static bool serial_pump(TbInstance *self, TbIo *io, GError **error)
{
        Serial *s = (Serial *)self;
        struct pollfd fd = {.fd = tb_tty_fd(s->tty), .events = POLLIN};

        TbWait wait = tb_io_wait(io, &fd, 1, s->edges >= 0 ? MODEM_MS : -1);
        if (wait == TB_WAIT_READY && !read_in(s, error))
                return false;
        if (s->edges >= 0) {
                tell_modem(s);
                tell_errors(s);
        }
        return true;
}

/* --- out --- */
/* Waits until the line takes more, reading meanwhile; who holds it (the target's flow control) may do so until the deadline. */
static bool wait_writable(Serial *s, TbIo *io, gsize done, gsize size, GError **error)
{
        for (;;) {
                struct pollfd fd = {.fd = tb_tty_fd(s->tty), .events = POLLIN | POLLOUT};
                TbWait wait = tb_io_wait(io, &fd, 1, -1);
                if (wait == TB_WAIT_TIMEOUT) {
                        tb_set_error(error, TB_ERROR_TIMEOUT,
                                     "the line took only %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                                     " bytes: is the target's flow control holding it?",
                                     done, size);
                        return false;
                }
                if (wait != TB_WAIT_READY)
                        return tb_io_fail(wait, s->base.uri->shown, error);
                if ((fd.revents & POLLIN) && !read_in(s, error))
                        return false;
                if (fd.revents & POLLOUT)
                        return true;
                if (fd.revents & (POLLHUP | POLLERR | POLLNVAL))
                        return hung_up(s, error);
        }
}

/* A pause that goes on reading. */
static bool pause_until(Serial *s, TbIo *io, gint64 until, GError **error)
{
        for (;;) {
                struct pollfd fd = {.fd = tb_tty_fd(s->tty), .events = POLLIN};
                gint64 left = (until - g_get_monotonic_time() + 999) / G_TIME_SPAN_MILLISECOND;
                if (left <= 0)
                        return true;
                TbWait wait = tb_io_wait(io, &fd, 1, (int)left);
                if (wait == TB_WAIT_TIMEOUT && io->deadline_us > g_get_monotonic_time())
                        continue;
                if (wait != TB_WAIT_READY)
                        return tb_io_fail(wait, s->base.uri->shown, error);
                if (!read_in(s, error))
                        return false;
        }
}

static bool pause_ms(Serial *s, TbIo *io, int ms, GError **error)
{
        return pause_until(s, io, g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND, error);
}

static bool serial_write(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        Serial *s = (Serial *)self;
        const guint8 *bytes = data;
        gsize most = s->tx_delay_ms ? 1 : WRITE_SIZE;

        for (gsize done = 0; done < size;) {
                if (s->tx_delay_ms && !pause_until(s, io, s->next_us, error))
                        return false;
                if (!wait_writable(s, io, done, size, error))
                        return false;
                ssize_t n = write(tb_tty_fd(s->tty), bytes + done, MIN(size - done, most));
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return hung_up(s, error);
                io->taken = done += n > 0 ? (gsize)n : 0;
                s->next_us = g_get_monotonic_time() + s->tx_delay_ms * G_TIME_SPAN_MILLISECOND;
        }
        return true;
}

/* A break follows what was written before it. */
static bool serial_break(TbInstance *self, TbIo *io, int ms, GError **error)
{
        Serial *s = (Serial *)self;

        for (int waited = 0; tb_tty_queued(s->tty) > 0 && waited < DRAIN_MS; waited += DRAIN_STEP_MS) {
                if (!pause_ms(s, io, DRAIN_STEP_MS, error))
                        return false;
        }
        if (!tb_tty_break(s->tty, true, error))
                return false;
        bool ok = pause_ms(s, io, ms, error);
        return tb_tty_break(s->tty, false, ok ? error : NULL) && ok;
}

static bool serial_get(TbInstance *self, TbIo *io, TbSerialSettings *ret, GError **error)
{
        (void)io;
        return tb_tty_get(((Serial *)self)->tty, ret, error);
}

static bool serial_set(TbInstance *self, TbIo *io, const TbSerialSettings *settings, GError **error)
{
        Serial *s = (Serial *)self;

        (void)io;
        if (!tb_tty_set(s->tty, settings, error))
                return false;
        s->wanted = *settings;
        s->wanted_known = true;
        return true;
}

static void serial_wanted(TbInstance *self, TbSerialSettings *ret)
{
        Serial *s = (Serial *)self;

        if (!s->wanted_known)
                tb_tty_settings_of(self->params, &s->wanted);
        *ret = s->wanted;
}

static bool serial_want(TbInstance *self, TbIo *io, const TbSerialSettings *settings, GError **error)
{
        Serial *s = (Serial *)self;

        (void)io;
        if (!tb_tty_settings_check(settings, error))
                return false;
        s->wanted = *settings;
        s->wanted_known = true;
        return true;
}

/* --- life --- */
/* With what it is wanted to be; if that was wished for while it was away, and it cannot do it, with what is configured. */
static TbTty *open_wanted(Serial *s, GError **error)
{
        TbSerialSettings wanted;
        g_autoptr(GError) why = NULL;

        serial_wanted(&s->base, &wanted);
        TbTty *tty = tb_tty_open_attached(&s->base, &wanted, &why);
        if (!tty && s->wanted_known && g_error_matches(why, TB_ERROR, TB_ERROR_UNSUPPORTED)) {
                tb_log(TB_LOG_WARNING, TB_F("device", s->base.device),
                       "%s; it is set as its configuration says", tb_error_detail(why));
                s->wanted_known = false;
                return tb_tty_open_attached(&s->base, NULL, error);
        }
        if (!tty)
                g_propagate_error(error, g_steal_pointer(&why));
        return tty;
}

static bool serial_open(TbInstance *self, TbIo *io, GError **error)
{
        Serial *s = (Serial *)self;

        (void)io;
        s->tty = open_wanted(s, error);
        if (!s->tty)
                return false;
        s->tx_delay_ms = (int)json_integer_value(json_object_get(self->params, "tx_delay_ms"));
        s->edges = tb_tty_edges(s->tty);
        (void)tb_tty_errors(s->tty, &s->errors);
        if (!s->buffer)
                s->buffer = g_malloc(READ_SIZE);
        return true;
}

static void serial_close(TbInstance *self)
{
        g_clear_pointer(&((Serial *)self)->tty, tb_tty_close);
}

static void serial_finalize(TbInstance *self)
{
        g_clear_pointer(&((Serial *)self)->buffer, g_free);
}

static const TbParam params[] = {
        TB_TTY_PARAMS("115200"),
        {.name = "tx_delay_ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TX_DELAY_MOST_MS,
         .fallback = "0",
         .unit = "ms",
         .help = "Pause after each byte sent, for targets without flow control that lose pasted text."},
        TB_PARAM_END,
};

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        TbSerialSettings settings;
        TbTtyTarget target;

        tb_tty_settings_of(p, &settings);
        return tb_tty_target_parse(uri, p, &target, error) && tb_tty_settings_check(&settings, error);
}

static const TbConsoleOps console = {.write = serial_write,
                                     .get = serial_get,
                                     .set = serial_set,
                                     .wanted = serial_wanted,
                                     .want = serial_want,
                                     .send_break = serial_break,
                                     .releases = true};

static const TbLane lanes[] = {
        {.name = "console",
         .size = sizeof(Serial),
         .open = serial_open,
         .close = serial_close,
         .pump = serial_pump,
         .finalize = serial_finalize,
         .retry_ms = RETRY_MS,
         .console = &console},
        {.name = NULL},
};

const TbDriver tb_driver_serial = {
        .name = "serial",
        .summary = "A serial line: UART, USB adapter (FTDI, CP210x, CH341, PL2303, CDC-ACM) or pty; found "
                   "again when it is re-plugged.",
        .example = "serial:///dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1B2C3D4-if00-port0?baud=115200",
        .params = params,
        .check = check,
        .lanes = lanes,
        .discovery = &tb_serial_discovery,
};
