#pragma once
/* AES-128-CBC with PKCS #7 padding, as small devices use it. Pure: any thread. */
#include <glib.h>
#include <stdbool.h>

#define TB_AES_KEY 16 /* bytes, of the key and of the IV */

/* Appends what `size` bytes (G_MAXINT / 2 at most) become. False: what is decrypted has no right padding, or no whole blocks. */
bool tb_aes_cbc(bool encrypt, const guint8 key[TB_AES_KEY], const guint8 iv[TB_AES_KEY], const void *data,
                gsize size, GByteArray *into);
