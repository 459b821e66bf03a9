#pragma once
/*
 * The pure part of a serial line: its settings, and how an attach URI names it. No I/O, any thread.
 * Units: baud in bits per second. Sources: termios(3), tty_ioctl(4); 3 % is what two UARTs with 8N1 frames
 * may differ together with their margins.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "drivers/driver.h"
#include "drivers/transport/usbrule.h"

#define TB_TTY_BAUD_MAX 12000000 /* FTDI's fastest; anything above is a typing mistake */
#define TB_TTY_INTERFACES 255

/* The rows that a driver has in its table of parameters when its device hangs on a serial line; `rate` as the
 * device is delivered ("115200"). */
#define TB_TTY_PARAMS(rate)                                                                                  \
        {.name = "baud",                                                                                     \
         .type = TB_PARAM_INT,                                                                               \
         .min = 1,                                                                                           \
         .max = TB_TTY_BAUD_MAX,                                                                             \
         .fallback = rate,                                                                                   \
         .unit = "Bd",                                                                                       \
         .help = "Bits per second."},                                                                        \
                {.name = "data_bits",                                                                        \
                 .type = TB_PARAM_INT,                                                                       \
                 .min = 5,                                                                                   \
                 .max = 8,                                                                                   \
                 .fallback = "8",                                                                            \
                 .help = "Bits of a character."},                                                            \
                {.name = "parity",                                                                           \
                 .type = TB_PARAM_ENUM,                                                                      \
                 .choices = TB_CHOICES("none", "odd", "even", "mark", "space"),                              \
                 .fallback = "\"none\"",                                                                     \
                 .help = "Parity bit."},                                                                     \
                {.name = "stop_bits",                                                                        \
                 .type = TB_PARAM_INT,                                                                       \
                 .min = 1,                                                                                   \
                 .max = 2,                                                                                   \
                 .fallback = "1",                                                                            \
                 .help = "Stop bits."},                                                                      \
                {.name = "flow",                                                                             \
                 .type = TB_PARAM_ENUM,                                                                      \
                 .choices = TB_CHOICES("none", "rtscts", "xonxoff"),                                         \
                 .fallback = "\"none\"",                                                                     \
                 .help = "Flow control."},                                                                   \
                {.name = "dtr",                                                                              \
                 .type = TB_PARAM_BOOL,                                                                      \
                 .help = "DTR after opening; the kernel raises it when nothing is said."},                   \
                {.name = "rts",                                                                              \
                 .type = TB_PARAM_BOOL,                                                                      \
                 .help = "RTS after opening; the kernel raises it when nothing is said."},                   \
                {.name = "low_latency",                                                                      \
                 .type = TB_PARAM_BOOL,                                                                      \
                 .fallback = "true",                                                                         \
                 .help = "Ask the adapter to pass bytes on at once (FTDI: 1 ms instead of 16)."},            \
                TB_USBRULE_PARAM,                                                                            \
        {                                                                                                    \
                .name = "interface", .type = TB_PARAM_INT, .min = 0, .max = TB_TTY_INTERFACES,               \
                .help = "When a USB port is named: the USB interface of an adapter with several lines."      \
        }

/* serial:///dev/… names a file; serial://1-1.4 the adapter at a USB port, whatever the kernel calls it this
 * time; serial://?usb=0403:6001,serial=A1B2 the one adapter that is so. */
typedef struct TbTtyTarget {
        const char *path; /* borrowed from the URI; NULL: by USB port */
        const char *port; /* borrowed from the URI; NULL: by path */
        const char *rule; /* usbrule.h; borrowed from the parameters; NULL: by path or port */
        int interface;    /* USB interface number; -1: the first that is a tty */
} TbTtyTarget;

/* INVALID with the field to blame. */
bool tb_tty_target_parse(const TbUri *uri, const json_t *params, TbTtyTarget *ret_target, GError **error);

/* What validated parameters ask for. dtr and rts are -1 when they say nothing. */
void tb_tty_settings_of(const json_t *params, TbSerialSettings *ret_settings);
/* INVALID with the field to blame when no line can be set like this. */
bool tb_tty_settings_check(const TbSerialSettings *settings, GError **error);
/* "115200 8N1 rtscts". The caller frees. */
char *tb_tty_settings_text(const TbSerialSettings *settings);
/* Near enough for two UARTs to understand each other. */
bool tb_tty_baud_close(int asked, int got);

/* {"cts":true, …} of the lines that are known. The caller owns it. */
json_t *tb_tty_modem_json(const TbSerialSettings *settings);
