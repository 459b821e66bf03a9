#include "drivers/transport/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/transport/hold.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/tty_private.h"

int tb_tty_fd(TbTty *tty)
{
        return tty->fd;
}

bool tb_tty_is_pty(TbTty *tty)
{
        return tty->port == NULL;
}

/* sp_get_last_error: libserialport leaves errno as the system set it. */
bool tb_tty_failed(TbTty *tty, const char *what, GError **error)
{
        int errnum = errno;
        bool gone = errnum == EIO || errnum == ENODEV || errnum == ENXIO || errnum == EBADF;

        tb_set_error(error, gone ? TB_ERROR_GONE : TB_ERROR_DEVICE, "%s: cannot %s: %s", tty->path, what,
                     g_strerror(errnum));
        return false;
}

bool tb_tty_unsupported(TbTty *tty, const char *field, const char *what, GError **error)
{
        tb_error_set_field(error, TB_ERROR_UNSUPPORTED, field, "%s cannot %s", tty->path, what);
        return false;
}

/* --- real lines --- */
static const enum sp_parity parities[] = {[TB_PARITY_NONE] = SP_PARITY_NONE,
                                          [TB_PARITY_ODD] = SP_PARITY_ODD,
                                          [TB_PARITY_EVEN] = SP_PARITY_EVEN,
                                          [TB_PARITY_MARK] = SP_PARITY_MARK,
                                          [TB_PARITY_SPACE] = SP_PARITY_SPACE};

static bool port_read(TbTty *tty, struct sp_port_config *config, TbSerialSettings *s, GError **error)
{
        enum sp_parity parity;
        struct termios term;

        if (sp_get_config(tty->port, config) != SP_OK || sp_get_config_baudrate(config, &s->baud) != SP_OK ||
            sp_get_config_bits(config, &s->data_bits) != SP_OK ||
            sp_get_config_stopbits(config, &s->stop_bits) != SP_OK ||
            sp_get_config_parity(config, &parity) != SP_OK || tcgetattr(tty->fd, &term) != 0)
                return tb_tty_failed(tty, "read its settings", error);
        for (guint i = 0; i < G_N_ELEMENTS(parities); i++) {
                if (parities[i] == parity)
                        s->parity = (TbParity)i;
        }
        s->flow = term.c_cflag & CRTSCTS          ? TB_FLOW_RTSCTS
                  : term.c_iflag & (IXON | IXOFF) ? TB_FLOW_XONXOFF
                                                  : TB_FLOW_NONE;
        return true;
}

static bool port_get(TbTty *tty, TbSerialSettings *ret_settings, GError **error)
{
        TbSerialSettings s = {.dtr = -1, .rts = -1, .cts = -1, .dsr = -1, .dcd = -1, .ri = -1};
        struct sp_port_config *config = NULL;
        int modem;

        if (sp_new_config(&config) != SP_OK)
                return tb_tty_failed(tty, "read its settings", error);
        bool ok = port_read(tty, config, &s, error);
        sp_free_config(config);
        if (!ok)
                return false;
        if (ioctl(tty->fd, TIOCMGET, &modem) == 0) {
                s.dtr = (modem & TIOCM_DTR) != 0;
                s.rts = (modem & TIOCM_RTS) != 0;
                s.cts = (modem & TIOCM_CTS) != 0;
                s.dsr = (modem & TIOCM_DSR) != 0;
                s.dcd = (modem & TIOCM_CD) != 0;
                s.ri = (modem & TIOCM_RI) != 0;
        } else if (errno == EIO || errno == ENODEV) {
                return tb_tty_failed(tty, "read its modem lines", error);
        }
        *ret_settings = s;
        return true;
}

/* Flow control and modem lines not by libserialport: its version 0.1.1 reports success for RTS/CTS and leaves
 * CRTSCTS off. */
static bool set_flow(TbTty *tty, TbFlow flow)
{
        struct termios term;

        if (tcgetattr(tty->fd, &term) != 0)
                return false;
        term.c_cflag &= ~CRTSCTS;
        term.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
        switch (flow) {
        case TB_FLOW_NONE: break;
        case TB_FLOW_RTSCTS: term.c_cflag |= CRTSCTS; break;
        case TB_FLOW_XONXOFF: term.c_iflag |= IXON | IXOFF; break;
        }
        return tcsetattr(tty->fd, TCSANOW, &term) == 0;
}

static bool set_modem(TbTty *tty, int bit, bool on)
{
        return ioctl(tty->fd, on ? TIOCMBIS : TIOCMBIC, &bit) == 0;
}

static bool port_apply(TbTty *tty, const TbSerialSettings *s, GError **error)
{
        if (sp_set_baudrate(tty->port, s->baud) != SP_OK)
                return errno == EIO || errno == ENODEV
                               ? tb_tty_failed(tty, "set its rate", error)
                               : tb_tty_unsupported(tty, "baud", "run at this rate", error);
        if (sp_set_bits(tty->port, s->data_bits) != SP_OK)
                return tb_tty_unsupported(tty, "data_bits", "send characters of this size", error);
        if (sp_set_parity(tty->port, parities[s->parity]) != SP_OK)
                return tb_tty_unsupported(tty, "parity", "send this parity", error);
        if (sp_set_stopbits(tty->port, s->stop_bits) != SP_OK)
                return tb_tty_unsupported(tty, "stop_bits", "send this many stop bits", error);
        if (!set_flow(tty, s->flow))
                return tb_tty_unsupported(tty, "flow", "do this flow control", error);
        if (s->dtr >= 0 && !set_modem(tty, TIOCM_DTR, s->dtr))
                return tb_tty_unsupported(tty, "dtr", "switch DTR", error);
        if (s->rts >= 0 && s->flow != TB_FLOW_RTSCTS && !set_modem(tty, TIOCM_RTS, s->rts))
                return tb_tty_unsupported(tty, "rts", "switch RTS", error);
        return true;
}

/* Drivers write what they could do back into termios; some take a rate that they cannot make, or characters
 * of 8 bits for 7. */
static bool port_took(TbTty *tty, const TbSerialSettings *s, GError **error)
{
        TbSerialSettings now = {0};

        if (!port_get(tty, &now, error))
                return false;
        if (!tb_tty_baud_close(s->baud, now.baud)) {
                tb_error_set_field(error, TB_ERROR_UNSUPPORTED, "baud",
                                   "%s cannot run at %d baud: its driver fell back to %d", tty->path, s->baud,
                                   now.baud);
                return false;
        }
        if (now.data_bits != s->data_bits)
                return tb_tty_unsupported(tty, "data_bits", "send characters of this size", error);
        if (now.stop_bits != s->stop_bits)
                return tb_tty_unsupported(tty, "stop_bits", "send this many stop bits", error);
        if (now.parity != s->parity)
                return tb_tty_unsupported(tty, "parity", "send this parity", error);
        if (now.flow != s->flow)
                return tb_tty_unsupported(tty, "flow", "do this flow control", error);
        return true;
}

static bool port_set(TbTty *tty, const TbSerialSettings *s, GError **error)
{
        TbSerialSettings before = {0};

        if (!port_get(tty, &before, error))
                return false;
        if (port_apply(tty, s, error) && port_took(tty, s, error))
                return true;
        if (before.flow == TB_FLOW_RTSCTS)
                before.rts = -1;
        (void)port_apply(tty, &before, NULL);
        return false;
}

/* --- both --- */
char *tb_tty_find(const TbTtyTarget *target, GError **error)
{
        if (target->path)
                return g_strdup(target->path);
        g_autofree char *port = target->rule
                                        ? tb_usbrule_find(TB_TTY_CLASS, target->rule, "serial adapter", error)
                                        : g_strdup(target->port);
        return port ? tb_sysdev_find_usb(TB_TTY_CLASS, "serial adapter", port, target->interface, error)
                    : NULL;
}

static void ask_low_latency(int fd)
{
        struct serial_struct serial;

        if (ioctl(fd, TIOCGSERIAL, &serial) != 0)
                return;
        serial.flags |= ASYNC_LOW_LATENCY;
        (void)ioctl(fd, TIOCSSERIAL, &serial); /* drivers without the notion refuse; nothing is lost */
}

static bool is_pty(const char *path)
{
        return g_str_has_prefix(path, "/dev/pts/");
}

/* libserialport knows a line by the kernel's name only, and a container may have it under another one. */
static bool not_known(TbTty *tty, GError **error)
{
        struct stat node;
        g_autofree char *path = g_path_get_basename(tty->path), *link = NULL, *device = NULL, *name = NULL;

        if (stat(tty->path, &node) == 0) {
                link = g_strdup_printf("/sys/dev/char/%u:%u", major(node.st_rdev), minor(node.st_rdev));
                device = g_file_read_link(link, NULL);
                name = device ? g_path_get_basename(device) : NULL;
        }
        if (!name || strcmp(name, path) == 0)
                return tb_tty_failed(tty, "open it", error);
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "%s is the line %s under another name: give it as /dev/%s (docker run --device "
                           "/dev/%s)",
                           tty->path, name, name, name);
        return false;
}

static bool open_real(TbTty *tty, GError **error)
{
        int probe = open(tty->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        /* libserialport keeps errno to itself in half of its paths: an own try tells why. */
        if (probe < 0)
                return tb_sysdev_open_failed(tty->path, errno, error);
        bool is_tty = isatty(probe);
        close(probe);
        if (!is_tty) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri", "%s is no serial line", tty->path);
                return false;
        }
        if (sp_get_port_by_name(tty->path, &tty->port) != SP_OK)
                return not_known(tty, error);
        if (sp_open(tty->port, SP_MODE_READ_WRITE) != SP_OK) {
                tty->port = (sp_free_port(tty->port), NULL);
                return tb_tty_failed(tty, "open it", error);
        }
        if (sp_get_port_handle(tty->port, &tty->fd) != SP_OK)
                return tb_tty_failed(tty, "open it", error);
        return true;
}

TbTty *tb_tty_open(const char *path, const TbSerialSettings *settings, bool low_latency, GError **error)
{
        g_autoptr(TbTty) tty = g_new0(TbTty, 1);
        char real[PATH_MAX];

        tty->fd = -1;
        tty->path = g_strdup(path);
        if (!realpath(path, real)) {
                tb_sysdev_open_failed(path, errno, error);
                return NULL;
        }
        g_free(tty->path);
        tty->path = g_strdup(real);
        tb_hold_take_over(real);
        if (is_pty(real)) {
                tty->fd = open(real, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
                if (tty->fd < 0) {
                        tb_sysdev_open_failed(real, errno, error);
                        return NULL;
                }
        } else if (!open_real(tty, error)) {
                return NULL;
        }
        if (flock(tty->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
                tb_sysdev_open_failed(real, EBUSY, error);
                return NULL;
        }
        if (tty->port)
                (void)ioctl(tty->fd, TIOCNXCL); /* libserialport after 0.1.1 sets it */
        tty->held = tb_hold_line(real);
        if (tty->port)
                (void)ioctl(tty->fd, TIOCEXCL);
        if (low_latency && tty->port)
                ask_low_latency(tty->fd);
        if (!tb_tty_set(tty, settings, error))
                return NULL;
        return g_steal_pointer(&tty);
}

TbTty *tb_tty_open_attached(const TbInstance *self, const TbSerialSettings *settings, GError **error)
{
        TbSerialSettings asked;
        TbTtyTarget target;

        if (!tb_tty_target_parse(self->uri, self->params, &target, error))
                return NULL;
        g_autofree char *path = tb_tty_find(&target, error);
        if (!path)
                return NULL;
        tb_tty_settings_of(self->params, &asked);
        return tb_tty_open(path, settings ? settings : &asked,
                           json_is_true(json_object_get(self->params, "low_latency")), error);
}

void tb_tty_close(TbTty *tty)
{
        if (!tty)
                return;
        if (tty->held)
                tb_hold_release(tty->path);
        if (tty->port) {
                if (tty->fd >= 0) {
                        (void)ioctl(tty->fd, TIOCNXCL);
                        (void)tcflush(
                                tty->fd,
                                TCOFLUSH); /* closing would wait for a target that holds its flow control */
                        sp_close(tty->port);
                }
                sp_free_port(tty->port);
        } else if (tty->fd >= 0) {
                close(tty->fd);
        }
        g_free(tty->path);
        g_free(tty);
}

bool tb_tty_get(TbTty *tty, TbSerialSettings *ret_settings, GError **error)
{
        return tty->port ? port_get(tty, ret_settings, error) : tb_tty_pty_get(tty, ret_settings, error);
}

bool tb_tty_set(TbTty *tty, const TbSerialSettings *settings, GError **error)
{
        if (!tb_tty_settings_check(settings, error))
                return false;
        return tty->port ? port_set(tty, settings, error) : tb_tty_pty_set(tty, settings, error);
}

bool tb_tty_break(TbTty *tty, bool on, GError **error)
{
        if (!tty->port) /* the kernel would say yes and do nothing */
                return tb_tty_unsupported(tty, "ms", "send a break: it is a pty, which has no wire", error);
        if (ioctl(tty->fd, on ? TIOCSBRK : TIOCCBRK) == 0)
                return true;
        if (errno == EIO || errno == ENODEV)
                return tb_tty_failed(tty, "send a break", error);
        return tb_tty_unsupported(tty, "ms", "send a break", error);
}

guint tb_tty_queued(TbTty *tty)
{
        int bytes;

        return ioctl(tty->fd, TIOCOUTQ, &bytes) == 0 && bytes > 0 ? (guint)bytes : 0;
}

gint64 tb_tty_edges(TbTty *tty)
{
        struct serial_icounter_struct counter = {0};

        if (!tty->port || ioctl(tty->fd, TIOCGICOUNT, &counter) != 0)
                return -1;
        return (gint64)counter.cts + counter.dsr + counter.rng + counter.dcd;
}

bool tb_tty_errors(TbTty *tty, TbTtyErrors *ret)
{
        struct serial_icounter_struct counter = {0};

        if (!tty->port || ioctl(tty->fd, TIOCGICOUNT, &counter) != 0)
                return false;
        *ret = (TbTtyErrors){counter.overrun + counter.buf_overrun, counter.parity, counter.frame,
                             counter.brk};
        return true;
}
