#pragma once
/*
 * The way to an instrument: a raw socket (line.h), or USBTMC:
 *
 *      scpi://10.0.0.7:5025                    TCP
 *      scpi://?usb=0957:1796,serial=MY123      the instrument on that USB device (usbrule.h)
 *      scpi://1-1.4                            at that USB port
 *
 * Thread: the lane's worker; check is pure.
 */
#include "drivers/scpi/scpi_tmc.h"
#include "drivers/transport/line.h"

typedef struct TbScpiLink {
        TbLine line;    /* first; its link of TCP */
        TbScpiTmc *tmc; /* owned; of USB; both NULL: closed */
} TbScpiLink;

extern const TbDiscoveryOps tb_scpi_discovery; /* instruments on USB */

bool tb_scpi_link_check(const TbUri *uri, json_t *params, GError **error);
bool tb_scpi_link_open(TbInstance *self, TbIo *io, GError **error);
void tb_scpi_link_close(TbInstance *self);
bool tb_scpi_link_is_open(const TbScpiLink *link);
/* TbLane.pump: the end of the way is noticed before somebody needs it. */
bool tb_scpi_link_pump(TbInstance *self, TbIo *io, GError **error);

/* One message; what came unasked is dropped. It is closed where it fails. */
bool tb_scpi_link_send(TbScpiLink *link, TbIo *io, const char *message, int timeout_ms, GError **error);
/* One answer, as text without its newline; the caller frees, and closes the link if it is out of step. */
char *tb_scpi_link_receive(TbScpiLink *link, TbIo *io, int timeout_ms, GError **error);
/* What it says of itself beside its answers, in words; NULL: nothing (TCP). The caller frees. */
char *tb_scpi_link_status(TbScpiLink *link, TbIo *io);
