/* A pty: an emulator's line, which has no wire. */
#include <termios.h>

#include "drivers/transport/tty_private.h"

static const struct {
        int baud;
        speed_t code;
} speeds[] = {
        {50, B50},           {75, B75},           {110, B110},         {134, B134},
        {150, B150},         {200, B200},         {300, B300},         {600, B600},
        {1200, B1200},       {1800, B1800},       {2400, B2400},       {4800, B4800},
        {9600, B9600},       {19200, B19200},     {38400, B38400},     {57600, B57600},
        {115200, B115200},   {230400, B230400},   {460800, B460800},   {500000, B500000},
        {576000, B576000},   {921600, B921600},   {1000000, B1000000}, {1152000, B1152000},
        {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000}, {3000000, B3000000},
        {3500000, B3500000}, {4000000, B4000000},
};

bool tb_tty_pty_get(TbTty *tty, TbSerialSettings *ret_settings, GError **error)
{
        TbSerialSettings s = {.dtr = -1, .rts = -1, .cts = -1, .dsr = -1, .dcd = -1, .ri = -1};
        struct termios term;

        if (tcgetattr(tty->fd, &term) != 0)
                return tb_tty_failed(tty, "read its settings", error);
        for (guint i = 0; i < G_N_ELEMENTS(speeds); i++) {
                if (speeds[i].code == cfgetospeed(&term))
                        s.baud = speeds[i].baud;
        }
        s.data_bits = 8; /* a pty passes bytes, whatever CSIZE says */
        s.stop_bits = term.c_cflag & CSTOPB ? 2 : 1;
        s.parity = !(term.c_cflag & PARENB) ? TB_PARITY_NONE
                   : term.c_cflag & PARODD  ? TB_PARITY_ODD
                                            : TB_PARITY_EVEN;
        s.flow = term.c_iflag & (IXON | IXOFF) ? TB_FLOW_XONXOFF : TB_FLOW_NONE;
        *ret_settings = s;
        return true;
}

/* tcsetattr() is content when one of its wishes came true. */
static bool pty_took(TbTty *tty, const TbSerialSettings *s, GError **error)
{
        TbSerialSettings now = {0};

        if (!tb_tty_pty_get(tty, &now, error))
                return false;
        if (now.stop_bits != s->stop_bits)
                return tb_tty_unsupported(tty, "stop_bits", "keep this many stop bits: it is a pty", error);
        if (now.flow != s->flow)
                return tb_tty_unsupported(tty, "flow", "do this flow control: it is a pty", error);
        return now.baud == s->baud || tb_tty_unsupported(tty, "baud", "keep this rate: it is a pty", error);
}

bool tb_tty_pty_set(TbTty *tty, const TbSerialSettings *s, GError **error)
{
        struct termios term;
        guint i = 0;

        while (i < G_N_ELEMENTS(speeds) && speeds[i].baud != s->baud)
                i++;
        if (i == G_N_ELEMENTS(speeds)) {
                tb_error_set_field(error, TB_ERROR_UNSUPPORTED, "baud",
                                   "%s is a pty: it takes the standard rates only, not %d", tty->path,
                                   s->baud);
                return false;
        }
        if (s->data_bits != 8)
                return tb_tty_unsupported(tty, "data_bits",
                                          "send characters of other than 8 bits: it is a pty", error);
        if (s->parity != TB_PARITY_NONE)
                return tb_tty_unsupported(tty, "parity", "send a parity bit: it is a pty", error);
        if (s->flow == TB_FLOW_RTSCTS)
                return tb_tty_unsupported(tty, "flow", "do RTS/CTS: it is a pty, which has no such wires",
                                          error);
        if (s->dtr >= 0 || s->rts >= 0)
                return tb_tty_unsupported(tty, s->dtr >= 0 ? "dtr" : "rts",
                                          "switch modem lines: it is a pty, which has none", error);
        if (tcgetattr(tty->fd, &term) != 0)
                return tb_tty_failed(tty, "read its settings", error);
        cfmakeraw(&term);
        term.c_cflag &= ~(tcflag_t)(CSTOPB | PARODD | CRTSCTS);
        term.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
        term.c_cflag |= CREAD | CLOCAL;
        if (s->stop_bits == 2)
                term.c_cflag |= CSTOPB;
        if (s->flow == TB_FLOW_XONXOFF)
                term.c_iflag |= IXON | IXOFF;
        cfsetspeed(&term, speeds[i].code);
        if (tcsetattr(tty->fd, TCSANOW, &term) != 0)
                return tb_tty_failed(tty, "set its settings", error);
        return pty_took(tty, s, error);
}
