#pragma once
/*
 * A USB device, talked to without a driver of the kernel's (libusb on its usbfs node). Every transfer waits in a TbIo: it has a
 * deadline, and who stops the lane cancels it.
 *
 * Thread: one at a time. Errors: GONE (unplugged), FORBIDDEN (with advice), BUSY (another program has the interface), TIMEOUT,
 * INTERRUPTED, UNSUPPORTED (the device refuses that request: a stall), DEVICE. Source: USB 2.0 chapter 9, libusb 1.0.26.
 */
#include "drivers/transport/io.h"

typedef struct TbUsbdev TbUsbdev;

/* Of the device at a port, "1-1.4" (usbrule.h finds it). */
TbUsbdev *tb_usbdev_open(const char *port, GError **error);
void tb_usbdev_close(TbUsbdev *dev); /* accepts NULL; the kernel's driver has its interface again */
const char *tb_usbdev_port(const TbUsbdev *dev); /* borrowed */
/* For transfers to its endpoints, and requests to the interface itself. A driver of the kernel's is put aside until close. */
bool tb_usbdev_claim(TbUsbdev *dev, guint8 number, GError **error);

typedef struct TbUsbdevRequest {
        guint8 type, request; /* bmRequestType with its direction, bRequest */
        guint16 value, index;
} TbUsbdevRequest;
/* How many bytes went; -1 with an error. */
gssize tb_usbdev_control(TbUsbdev *dev, TbIo *io, TbUsbdevRequest request, void *data, guint16 size,
                         int timeout_ms, GError **error);
/* Bulk; the endpoint's address says the direction. A short transfer ends it. */
gssize tb_usbdev_bulk(TbUsbdev *dev, TbIo *io, guint8 endpoint, void *data, gsize size, int timeout_ms,
                      GError **error);
/* After a stall of an endpoint. */
bool tb_usbdev_clear_halt(TbUsbdev *dev, guint8 endpoint, GError **error);
/* For TbLane.pump: waits until it is unplugged, which is GONE, or a command comes. */
bool tb_usbdev_pump(TbUsbdev *dev, TbIo *io, GError **error);
