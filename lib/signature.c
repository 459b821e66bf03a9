#include "lib/signature.h"

#include <string.h>

char *tb_signature(const char *secret, const void *body, gsize size)
{
        g_autofree char *sum = g_compute_hmac_for_data(G_CHECKSUM_SHA256, (const guchar *)secret,
                                                       strlen(secret), body, size);
        return g_strconcat("sha256=", sum, NULL);
}
