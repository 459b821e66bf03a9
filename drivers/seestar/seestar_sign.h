#pragma once
/*
 * Firmware 7.18 and newer answers only who proves that he has a key: it names a text, which is sent back signed (RSA, PKCS #1 v1.5,
 * SHA-1). The key is its maker's; whoever has one names the file. Thread: the lane's worker. Source: scopinator-rs, PROTOCOLS §7.2.
 */
#include "drivers/seestar/seestar_link.h"

/* Pure: the signature of `text` in base64; the caller owns it. NULL: that is no private RSA key, or has a passphrase. */
char *tb_seestar_sign(const char *pem, gsize size, const char *text, GError **error);
/* With the key that the attachment names; older firmware, which does not know of signatures, is left in peace. */
bool tb_seestar_prove(TbSeestarLink *link, TbIo *io, GError **error);
