#include "drivers/transport/aes.h"

#include <openssl/err.h>
#include <openssl/evp.h>

bool tb_aes_cbc(bool encrypt, const guint8 key[TB_AES_KEY], const guint8 iv[TB_AES_KEY], const void *data,
                gsize size, GByteArray *into)
{
        if (size > G_MAXINT / 2)
                return false;
        guint before = into->len;
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0, rest = 0;
        g_byte_array_set_size(into, before + (guint)size + TB_AES_KEY);
        bool ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv, encrypt) == 1 &&
                  EVP_CipherUpdate(ctx, into->data + before, &n, data, (int)size) == 1 &&
                  EVP_CipherFinal_ex(ctx, into->data + before + n, &rest) == 1;
        EVP_CIPHER_CTX_free(ctx);
        ERR_clear_error();
        g_byte_array_set_size(into, ok ? before + (guint)(n + rest) : before);
        return ok;
}
