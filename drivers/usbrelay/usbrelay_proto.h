#pragma once
/*
 * HID relay boards of www.dcttech.com and their many copies (16c0:05df, "USBRelay1" to "USBRelay8"; V-USB on an ATtiny). Pure.
 *
 * One feature report of 8 bytes. Read: five characters of the board's own number, a zero, one byte of no meaning, and the relays, bit 0 the
 * first. Written: what to do, and which relay: FF on, FD off, FE all on, FC all off.
 * Sources: PROTOCOLS 5.2 (labgrid, pdudaemon); what pavel-a/usb-relay-hid, libsigrok and nkh-lab/usb-relay-module read and write.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_USBRELAY_REPORT 8
#define TB_USBRELAY_MOST 8 /* relays of a board */
#define TB_USBRELAY_NUMBER 5

typedef struct TbUsbrelayState {
        char number[TB_USBRELAY_NUMBER + 1]; /* "BITFT" */
        guint8 relays;                       /* bit i: relay i + 1 is closed */
} TbUsbrelayState;

/* False: it is no such report. */
bool tb_usbrelay_parse(const guint8 *data, gsize size, TbUsbrelayState *ret);
/* `relay` 0: all of them. */
void tb_usbrelay_request(int relay, bool on, guint8 data[TB_USBRELAY_REPORT]);
/* How many relays a board has whose product is "USBRelay4"; 0: it is none. The vendor and product numbers are those of every hobbyist's. */
guint tb_usbrelay_count(const char *product);
