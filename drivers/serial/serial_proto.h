#pragma once
/*
 * The pure part of the serial driver: line settings, and what an attach URI names. No I/O, any thread.
 * Units: baud in bits per second. Sources: termios(3), tty_ioctl(4); 3 % is what two UARTs with 8N1 frames
 * may differ together with their margins.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "drivers/driver.h"

#define TB_SERIAL_BAUD_MAX 12000000 /* FTDI's fastest; anything above is a typing mistake */
#define TB_SERIAL_TX_DELAY_MS 1000  /* pause after each byte */
#define TB_SERIAL_INTERFACES 255

/* serial:///dev/… names a file; serial://1-1.4 the adapter at a USB port, whatever the kernel calls it this
 * time. */
typedef struct TbSerialTarget {
        const char *path; /* borrowed from the URI; NULL: by USB port */
        const char *port; /* borrowed from the URI; NULL: by path */
        int interface;    /* USB interface number; -1: the first that is a tty */
} TbSerialTarget;

bool tb_serial_target_parse(const TbUri *uri, const json_t *params, TbSerialTarget *ret_target,
                            GError **error);

extern const TbParam tb_serial_params[];

/* What validated parameters ask for. dtr and rts are -1 when they say nothing. */
void tb_serial_settings_of(const json_t *params, TbSerialSettings *ret_settings);
/* INVALID with the field to blame when no line can be set like this. */
bool tb_serial_settings_check(const TbSerialSettings *settings, GError **error);
/* "115200 8N1 rtscts". The caller frees. */
char *tb_serial_settings_text(const TbSerialSettings *settings);
/* Near enough for two UARTs to understand each other. */
bool tb_serial_baud_close(int asked, int got);

/* {"cts":true, …} of the lines that are known. The caller owns it. */
json_t *tb_serial_modem_json(const TbSerialSettings *settings);
