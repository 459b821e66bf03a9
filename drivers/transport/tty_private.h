#pragma once
/* A line from inside: tty.c is real ones and what holds for all, tty_pty.c ptys. The worker that opened it. */
#include "drivers/transport/tty.h"

struct sp_port;

struct TbTty {
        char *path;           /* owned: the device itself, links resolved */
        bool held;            /* over a restart of this process (hold.h), by that name */
        int fd;               /* owned when `port` is NULL, else libserialport's */
        struct sp_port *port; /* owned; NULL: a pty */
};

/* errno's, in words, with the line's name. Always false. */
bool tb_tty_failed(TbTty *tty, const char *what, GError **error);
/* UNSUPPORTED: the line "cannot" do `what`; `field` is to blame. Always false. */
bool tb_tty_unsupported(TbTty *tty, const char *field, const char *what, GError **error);
bool tb_tty_pty_get(TbTty *tty, TbSerialSettings *ret_settings, GError **error);
bool tb_tty_pty_set(TbTty *tty, const TbSerialSettings *settings, GError **error);
