#include "host/media/webrtc/dtls.h"

#include <glib.h>
#include <openssl/ssl.h>

#define FIRST_US 100000u
#define MOST_US 3200000u

/* DTLS_timer_cb: the wait before, 0 at first -> the next one. */
static unsigned next_wait(SSL *ssl G_GNUC_UNUSED, unsigned before_us)
{
        return before_us ? MIN(before_us * 2, MOST_US) : FIRST_US;
}

/* CRYPTO_EX_new: OpenSSL calls it for each SSL that is made. */
static void on_new(void *parent, void *ptr G_GNUC_UNUSED, CRYPTO_EX_DATA *data G_GNUC_UNUSED,
                   int index G_GNUC_UNUSED, long argl G_GNUC_UNUSED, void *argp G_GNUC_UNUSED)
{
        if (SSL_is_dtls(parent))
                DTLS_set_timer_cb(parent, next_wait);
}

void tb_dtls_hasten(void)
{
        static int index = -1;
        if (index < 0)
                index = SSL_get_ex_new_index(0, NULL, on_new, NULL, NULL);
}
