#pragma once
/*
 * Messages over USBTMC: an instrument at a USB port, by its bulk endpoints. Each message begins with a header of 12 bytes and a tag; what is
 * read is asked for first. Source: USB-IF, Universal Serial Bus Test and Measurement Class 1.0 and its subclass USB488 1.0 (2003).
 *
 * Thread: the lane's worker.
 */
#include "drivers/transport/usbdev.h"

/* --- pure --- */
#define TB_SCPI_TMC_HEADER 12
typedef struct TbScpiTmcEnds { /* of the interface of that class */
        guint8 interface, out, in;
        bool usb488;
} TbScpiTmcEnds;
/* bTag: 1 to 255. DEV_DEP_MSG_OUT, a whole message; the caller frees. */
GByteArray *tb_scpi_tmc_message(guint8 tag, const void *data, gsize size);
void tb_scpi_tmc_request(guint8 tag, guint32 most,
                         guint8 ret[TB_SCPI_TMC_HEADER]); /* REQUEST_DEV_DEP_MSG_IN */
/* One transfer of an answer: how many bytes follow the header, and whether the message ends there. False: it is none, or another's. */
bool tb_scpi_tmc_answer(const guint8 *data, gsize size, guint8 tag, gsize *ret_size, bool *ret_end);
/* What stands in the folder of a USB device: the first interface of that class. False: it has none. */
bool tb_scpi_tmc_ends(const char *devices, const char *port, TbScpiTmcEnds *ret);

/* --- an instrument --- */
typedef struct TbScpiTmc TbScpiTmc;
/* Its buffers are empty then. UNPROCESSABLE: what hangs there is no instrument; others as usbdev.h. */
TbScpiTmc *tb_scpi_tmc_open(const char *port, TbIo *io, GError **error);
void tb_scpi_tmc_close(TbScpiTmc *tmc); /* accepts NULL */
TbUsbdev *tb_scpi_tmc_device(TbScpiTmc *tmc);
bool tb_scpi_tmc_send(TbScpiTmc *tmc, TbIo *io, const char *message, int timeout_ms, GError **error);
/* A whole message, of TB_LIMIT_SCPI_REPLY bytes at most. After TIMEOUT the transfer has been aborted, and others can follow. */
GByteArray *tb_scpi_tmc_receive(TbScpiTmc *tmc, TbIo *io, int timeout_ms, GError **error);
/* What IEEE 488's status byte says, in words; NULL: it has none, or says nothing. The caller frees. */
char *tb_scpi_tmc_status(TbScpiTmc *tmc, TbIo *io);
