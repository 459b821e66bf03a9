#include "drivers/scpi/scpi_tmc.h"

#include <string.h>

#include "drivers/transport/usbrule.h"
#include "lib/error.h"
#include "lib/limits.h"

#define PACKET (64 * 1024)  /* bytes of one transfer that we read; a multiple of every packet */
#define MOST (PACKET - 512) /* of data that we ask for at once: with its header it always fits */
#define CONTROL_MS 1000
#define PAUSE_MS 20 /* between two looks whether an abort or a clear is over */
#define LOOKS 50

enum {
        INITIATE_ABORT_OUT = 1,
        CHECK_ABORT_OUT,
        INITIATE_ABORT_IN,
        CHECK_ABORT_IN,
        INITIATE_CLEAR,
        CHECK_CLEAR,
        READ_STATUS_BYTE = 128
};
enum { SUCCESS = 1, PENDING = 2 };
enum { MAV = 0x10, EAV = 0x04 }; /* IEEE 488.2 11.2, SCPI-99 */

struct TbScpiTmc {
        TbUsbdev *dev; /* owned */
        TbScpiTmcEnds ends;
        guint8 tag, status_tag;
        guint8 *buffer; /* owned; PACKET */
};

static guint8 next_tag(TbScpiTmc *tmc)
{
        tmc->tag = tmc->tag == 255 ? 1 : (guint8)(tmc->tag + 1);
        return tmc->tag;
}

/* A class request that answers a status first. -1 with an error. */
static int ask(TbScpiTmc *tmc, TbIo *io, guint8 request, guint16 value, bool endpoint, guint16 index,
               guint16 size, GError **error)
{
        guint8 data[24] = {0};
        const TbUsbdevRequest r = {
                .type = endpoint ? 0xa2 : 0xa1, .request = request, .value = value, .index = index};
        return tb_usbdev_control(tmc->dev, io, r, data, size, CONTROL_MS, error) < 1 ? -1 : data[0];
}

/* Reads away what is still on its way, for as long as it says that it has some. */
static bool until_over(TbScpiTmc *tmc, TbIo *io, guint8 check, bool endpoint, guint16 index, guint16 size,
                       GError **error)
{
        for (int i = 0; i < LOOKS; i++) {
                int status = ask(tmc, io, check, 0, endpoint, index, size, error);
                if (status != PENDING)
                        return status >= 0;
                (void)tb_usbdev_bulk(tmc->dev, io, tmc->ends.in, tmc->buffer, PACKET, PAUSE_MS, NULL);
        }
        tb_set_error(error, TB_ERROR_DEVICE,
                     "the instrument at USB port %s does not end what it does: switch it off and on",
                     tb_usbdev_port(tmc->dev));
        return false;
}

/* USBTMC 4.2.1.6: all its buffers are empty then. */
static bool clear(TbScpiTmc *tmc, TbIo *io, GError **error)
{
        int status = ask(tmc, io, INITIATE_CLEAR, 0, false, tmc->ends.interface, 1, error);
        if (status < 0 ||
            (status == SUCCESS && !until_over(tmc, io, CHECK_CLEAR, false, tmc->ends.interface, 2, error)))
                return false;
        return tb_usbdev_clear_halt(tmc->dev, tmc->ends.out, error);
}

/* 4.2.1.4: the transfer that we wait for will not come any more. */
static bool abort_in(TbScpiTmc *tmc, TbIo *io)
{
        int status = ask(tmc, io, INITIATE_ABORT_IN, tmc->tag, true, tmc->ends.in, 2, NULL);
        return status >= 0 &&
               (status != SUCCESS || until_over(tmc, io, CHECK_ABORT_IN, true, tmc->ends.in, 8, NULL));
}

static void abort_out(TbScpiTmc *tmc, TbIo *io)
{
        if (ask(tmc, io, INITIATE_ABORT_OUT, tmc->tag, true, tmc->ends.out, 2, NULL) == SUCCESS)
                (void)until_over(tmc, io, CHECK_ABORT_OUT, true, tmc->ends.out, 8, NULL);
        (void)tb_usbdev_clear_halt(tmc->dev, tmc->ends.out, NULL);
}

TbScpiTmc *tb_scpi_tmc_open(const char *port, TbIo *io, GError **error)
{
        TbScpiTmcEnds ends;
        bool there = tb_scpi_tmc_ends(TB_USBRULE_DEVICES, port, &ends);
        TbUsbdev *dev = tb_usbdev_open(port, error);
        if (!dev)
                return NULL;
        if (!there) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the device at USB port %s is no instrument: it has no USBTMC interface", port);
                tb_usbdev_close(dev);
                return NULL;
        }
        TbScpiTmc *tmc = g_new(TbScpiTmc, 1);
        *tmc = (TbScpiTmc){.dev = dev, .ends = ends, .status_tag = 1, .buffer = g_malloc(PACKET)};
        if (tb_usbdev_claim(dev, ends.interface, error) && clear(tmc, io, error))
                return tmc;
        tb_scpi_tmc_close(tmc);
        return NULL;
}

void tb_scpi_tmc_close(TbScpiTmc *tmc)
{
        if (!tmc)
                return;
        tb_usbdev_close(tmc->dev);
        g_free(tmc->buffer);
        g_free(tmc);
}

TbUsbdev *tb_scpi_tmc_device(TbScpiTmc *tmc)
{
        return tmc->dev;
}

bool tb_scpi_tmc_send(TbScpiTmc *tmc, TbIo *io, const char *message, int timeout_ms, GError **error)
{
        g_autofree char *line = g_strconcat(message, "\n", NULL);
        g_autoptr(GByteArray) data = tb_scpi_tmc_message(next_tag(tmc), line, strlen(line));
        if (tb_usbdev_bulk(tmc->dev, io, tmc->ends.out, data->data, data->len, timeout_ms, error) >= 0)
                return true;
        abort_out(tmc, io);
        return false;
}

/* One transfer; *ret_end: the message ends with it. */
static bool receive_some(TbScpiTmc *tmc, TbIo *io, GByteArray *into, int timeout_ms, bool *ret_end,
                         GError **error)
{
        guint8 request[TB_SCPI_TMC_HEADER];
        gsize size;
        GError *why = NULL;
        tb_scpi_tmc_request(next_tag(tmc), MOST, request);
        gssize n = tb_usbdev_bulk(tmc->dev, io, tmc->ends.out, request, sizeof request, timeout_ms, &why);
        if (n >= 0)
                n = tb_usbdev_bulk(tmc->dev, io, tmc->ends.in, tmc->buffer, PACKET, timeout_ms, &why);
        if (n < 0) {
                bool silent = g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT);
                g_propagate_error(error, why);
                if (silent && !abort_in(tmc, io) && error) {
                        g_clear_error(error);
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "the instrument at USB port %s answers nothing any more",
                                     tb_usbdev_port(tmc->dev));
                }
                return false;
        }
        if (tb_scpi_tmc_answer(tmc->buffer, (gsize)n, tmc->tag, &size, ret_end) && (size > 0 || *ret_end)) {
                g_byte_array_append(into, tmc->buffer + TB_SCPI_TMC_HEADER, (guint)size);
                return true;
        }
        tb_set_error(error, TB_ERROR_DEVICE,
                     "the instrument at USB port %s answers what is no USBTMC message",
                     tb_usbdev_port(tmc->dev));
        return false;
}

GByteArray *tb_scpi_tmc_receive(TbScpiTmc *tmc, TbIo *io, int timeout_ms, GError **error)
{
        g_autoptr(GByteArray) got = g_byte_array_new();
        gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        for (bool end = false; !end;) {
                gint64 left_ms = (until - g_get_monotonic_time()) / 1000;
                if (!receive_some(tmc, io, got, (int)MAX(left_ms, 0), &end, error))
                        return NULL;
                if (got->len > TB_LIMIT_SCPI_REPLY) {
                        tb_set_error(error, TB_ERROR_DEVICE, "the instrument's answer has more than 1 MiB");
                        return NULL;
                }
        }
        return g_steal_pointer(&got);
}

/* USB488 4.3.1: the tag is 2 to 127. */
char *tb_scpi_tmc_status(TbScpiTmc *tmc, TbIo *io)
{
        guint8 data[3] = {0};
        tmc->status_tag = tmc->status_tag == 127 ? 2 : (guint8)(tmc->status_tag + 1);
        const TbUsbdevRequest r = {.type = 0xa1,
                                   .request = READ_STATUS_BYTE,
                                   .value = tmc->status_tag,
                                   .index = tmc->ends.interface};
        if (!tmc->ends.usb488 ||
            tb_usbdev_control(tmc->dev, io, r, data, sizeof data, CONTROL_MS, NULL) != 3 ||
            data[0] != SUCCESS || data[1] != tmc->status_tag)
                return NULL;
        return g_strdup_printf("status byte 0x%02x%s%s", data[2], data[2] & MAV ? ", an answer waits" : "",
                               data[2] & EAV ? ", it has an error to tell" : "");
}
