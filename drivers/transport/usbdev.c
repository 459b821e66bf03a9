#include "drivers/transport/usbdev.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <string.h>
#include <unistd.h>

#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"
#include "lib/error.h"

#define FDS 16     /* of libusb: the device and its own event */
#define CANCELS 10 /* times CANCEL_MS until a cancelled transfer has come back: the kernel gives it at once */
#define CANCEL_MS 50
#define GONE_MS 300 /* a hub looks at its ports, and debounces */

struct TbUsbdev {
        char *port; /* owned */
        int fd;
        libusb_context *context;
        libusb_device_handle *handle;
        int claimed; /* interface; -1: none */
};

static bool fail(const TbUsbdev *dev, int r, GError **error)
{
        switch (r) {
        case LIBUSB_ERROR_NO_DEVICE:
        case LIBUSB_ERROR_NOT_FOUND:
                tb_set_error(error, TB_ERROR_GONE, "the USB device at %s was unplugged", dev->port);
                break;
        case LIBUSB_ERROR_BUSY:
                tb_set_error(error, TB_ERROR_BUSY, "another program has the USB device at %s", dev->port);
                break;
        case LIBUSB_ERROR_ACCESS: tb_sysdev_open_failed(dev->port, EACCES, error); break;
        case LIBUSB_ERROR_PIPE:
                tb_set_error(error, TB_ERROR_UNSUPPORTED, "the USB device at %s refuses the request",
                             dev->port);
                break;
        default:
                tb_set_error(error, TB_ERROR_DEVICE, "the USB device at %s: %s", dev->port,
                             libusb_strerror(r));
                break;
        }
        return false;
}

static int open_node(const char *port, GError **error)
{
        g_autofree char *dir = g_build_filename(TB_USBRULE_DEVICES, port, NULL);
        guint bus, number;
        if (!tb_sysdev_attr_uint(dir, "busnum", 10, &bus) ||
            !tb_sysdev_attr_uint(dir, "devnum", 10, &number)) {
                tb_set_error(error, TB_ERROR_GONE, "no USB device at %s", port);
                return -1;
        }
        g_autofree char *node = g_strdup_printf("/dev/bus/usb/%03u/%03u", bus, number);
        int fd = open(node, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                tb_sysdev_open_failed(node, errno, error);
        return fd;
}

TbUsbdev *tb_usbdev_open(const char *port, GError **error)
{
        int fd = open_node(port, error);
        if (fd < 0)
                return NULL;
        TbUsbdev *dev = g_new(TbUsbdev, 1);
        *dev = (TbUsbdev){.port = g_strdup(port), .fd = fd, .claimed = -1};
        (void)libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
        int r = libusb_init(&dev->context);
        if (r == 0)
                r = libusb_wrap_sys_device(dev->context, fd, &dev->handle);
        if (r == 0)
                return dev;
        fail(dev, r, error);
        tb_usbdev_close(dev);
        return NULL;
}

void tb_usbdev_close(TbUsbdev *dev)
{
        if (!dev)
                return;
        if (dev->claimed >= 0)
                (void)libusb_release_interface(dev->handle, dev->claimed);
        if (dev->handle)
                libusb_close(dev->handle);
        if (dev->context)
                libusb_exit(dev->context);
        close(dev->fd);
        g_free(dev->port);
        g_free(dev);
}

const char *tb_usbdev_port(const TbUsbdev *dev)
{
        return dev->port;
}

bool tb_usbdev_claim(TbUsbdev *dev, guint8 number, GError **error)
{
        (void)libusb_set_auto_detach_kernel_driver(dev->handle, 1);
        int r = libusb_claim_interface(dev->handle, number);
        if (r != 0)
                return fail(dev, r, error);
        dev->claimed = number;
        return true;
}

/* --- one transfer --- */
typedef struct Transfer {
        struct libusb_transfer *transfer;
        guint8 *buffer; /* owned, as the kernel may still write into it when we have given up */
        int done;
        bool flying; /* the kernel has it */
} Transfer;

static void LIBUSB_CALL on_done(struct libusb_transfer *transfer)
{
        Transfer *t = transfer->user_data;
        t->done = 1;
}

static Transfer *transfer_new(gsize size)
{
        Transfer *t = g_new0(Transfer, 1);
        t->transfer = libusb_alloc_transfer(0);
        t->buffer = g_malloc0(MAX(size, 1));
        return t;
}

/* One that the kernel did not give back keeps its memory. */
static void transfer_free(Transfer *t)
{
        if (t->flying && !t->done)
                return;
        libusb_free_transfer(t->transfer);
        g_free(t->buffer);
        g_free(t);
}

static guint descriptors(const TbUsbdev *dev, struct pollfd *fds)
{
        const struct libusb_pollfd **all = libusb_get_pollfds(dev->context);
        guint n = 0;
        for (guint i = 0; all && all[i] && n < FDS; i++)
                fds[n++] = (struct pollfd){.fd = all[i]->fd, .events = all[i]->events};
        libusb_free_pollfds(all);
        return n;
}

static void handle_events(const TbUsbdev *dev, int ms, int *done)
{
        struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
        (void)libusb_handle_events_timeout_completed(dev->context, &wait, done);
}

/* A device that is pulled is a transfer that went wrong first; its hub tells a moment later. */
static bool is_gone(const TbUsbdev *dev, TbIo *io)
{
        struct pollfd gone = {.fd = dev->fd}; /* usbfs: hangs up */
        return tb_io_wait(io, &gone, 1, GONE_MS) == TB_WAIT_READY;
}

static gssize ended(const TbUsbdev *dev, TbIo *io, const Transfer *t, GError **error)
{
        int status = (int)t->transfer->status, r = LIBUSB_ERROR_IO;
        if (status == LIBUSB_TRANSFER_COMPLETED)
                return t->transfer->actual_length;
        if (status == LIBUSB_TRANSFER_STALL)
                r = LIBUSB_ERROR_PIPE;
        else if (status == LIBUSB_TRANSFER_OVERFLOW)
                r = LIBUSB_ERROR_OVERFLOW;
        else if (status == LIBUSB_TRANSFER_NO_DEVICE || is_gone(dev, io))
                r = LIBUSB_ERROR_NO_DEVICE;
        fail(dev, r, error);
        return -1;
}

static gssize run(const TbUsbdev *dev, TbIo *io, Transfer *t, int timeout_ms, GError **error)
{
        gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        TbWait wait = TB_WAIT_READY;
        int r = libusb_submit_transfer(t->transfer);
        if (r != 0) {
                fail(dev, r, error);
                return -1;
        }
        t->flying = true;
        while (!t->done && wait == TB_WAIT_READY) {
                struct pollfd fds[FDS];
                gint64 left_ms = (until - g_get_monotonic_time() + 999) / 1000;
                wait = tb_io_wait(io, fds, descriptors(dev, fds), (int)MAX(left_ms, 0));
                handle_events(dev, 0, &t->done);
        }
        if (t->done)
                return ended(dev, io, t, error);
        (void)libusb_cancel_transfer(t->transfer);
        for (int i = 0; i < CANCELS && !t->done; i++)
                handle_events(dev, CANCEL_MS, &t->done);
        g_autofree char *what = g_strdup_printf("the USB device at %s", dev->port);
        (void)tb_io_fail(wait, what, error);
        return -1;
}

gssize tb_usbdev_control(TbUsbdev *dev, TbIo *io, TbUsbdevRequest request, void *data, guint16 size,
                         int timeout_ms, GError **error)
{
        Transfer *t = transfer_new(LIBUSB_CONTROL_SETUP_SIZE + (gsize)size);
        bool in = request.type & LIBUSB_ENDPOINT_IN;
        libusb_fill_control_setup(t->buffer, request.type, request.request, request.value, request.index,
                                  size);
        if (!in && size > 0)
                memcpy(t->buffer + LIBUSB_CONTROL_SETUP_SIZE, data, size);
        libusb_fill_control_transfer(t->transfer, dev->handle, t->buffer, on_done, t, 0);
        gssize n = run(dev, io, t, timeout_ms, error);
        if (in && n > 0)
                memcpy(data, t->buffer + LIBUSB_CONTROL_SETUP_SIZE, (gsize)n);
        transfer_free(t);
        return n;
}

gssize tb_usbdev_bulk(TbUsbdev *dev, TbIo *io, guint8 endpoint, void *data, gsize size, int timeout_ms,
                      GError **error)
{
        Transfer *t = transfer_new(size);
        bool in = endpoint & LIBUSB_ENDPOINT_IN;
        if (!in && size > 0)
                memcpy(t->buffer, data, size);
        libusb_fill_bulk_transfer(t->transfer, dev->handle, endpoint, t->buffer, (int)size, on_done, t, 0);
        gssize n = run(dev, io, t, timeout_ms, error);
        if (in && n > 0)
                memcpy(data, t->buffer, (gsize)n);
        transfer_free(t);
        return n;
}

bool tb_usbdev_clear_halt(TbUsbdev *dev, guint8 endpoint, GError **error)
{
        int r = libusb_clear_halt(dev->handle, endpoint);
        return r == 0 || fail(dev, r, error);
}

bool tb_usbdev_pump(TbUsbdev *dev, TbIo *io, GError **error)
{
        struct pollfd gone = {.fd = dev->fd}; /* usbfs: hangs up when the device is gone */
        return tb_io_wait(io, &gone, 1, -1) != TB_WAIT_READY || fail(dev, LIBUSB_ERROR_NO_DEVICE, error);
}
