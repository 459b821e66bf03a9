#pragma once
/* A relay board on USB: where it is, asking it, finding all of them. Worker threads; requests to one board wait for each other. */
#include "drivers/driver.h"
#include "drivers/transport/usbdev.h"
#include "drivers/usbrelay/usbrelay_proto.h"

extern const TbDiscoveryOps tb_usbrelay_discovery;

/* The ports at which there are boards now (owned texts), in order. NULL: they cannot be read. */
GPtrArray *tb_usbrelay_ports(GError **error);
/* The board at a port; *ret_count: its relays. GONE: there is nothing; UNPROCESSABLE: something else. */
TbUsbdev *tb_usbrelay_open(const char *port, guint *ret_count, GError **error);
/* The one with this number of its own, looked for at all of them. GONE: none; UNPROCESSABLE: several. The caller frees. */
char *tb_usbrelay_find(TbIo *io, const char *number, GError **error);

bool tb_usbrelay_read(TbUsbdev *board, TbIo *io, TbUsbrelayState *ret, GError **error);
bool tb_usbrelay_write(TbUsbdev *board, TbIo *io, int relay, bool on, GError **error);
