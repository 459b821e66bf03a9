#include "lib/proto/link_key.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"

#define PUBLIC_BYTES 32
#define SIGNATURE_BYTES 64

struct TbLinkKey {
        EVP_PKEY *key; /* owned */
        char *text;    /* owned: the public half */
};

static char *encode(const guint8 *bytes, gsize size)
{
        char *text = g_base64_encode(bytes, size);
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

/* False: not exactly `size` bytes. */
static bool decode(const char *text, guint8 *out, gsize size)
{
        gsize length = text ? strlen(text) : 0, n = 0;
        if (length != (size * 4 + 2) / 3 ||
            strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != length)
                return false;
        g_autofree char *padded = g_strconcat(text, &"==="[3 - (4 - length % 4) % 4], NULL);
        g_strdelimit(padded, "-", '+');
        g_strdelimit(padded, "_", '/');
        g_autofree guchar *bytes = g_base64_decode(padded, &n);
        if (n != size)
                return false;
        memcpy(out, bytes, size);
        return true;
}

static TbLinkKey *wrap(EVP_PKEY *key_take)
{
        guint8 raw[PUBLIC_BYTES];
        size_t size = sizeof raw;
        if (!key_take || EVP_PKEY_get_raw_public_key(key_take, raw, &size) != 1 || size != sizeof raw) {
                EVP_PKEY_free(key_take);
                return NULL;
        }
        TbLinkKey *key = g_new0(TbLinkKey, 1);
        key->key = key_take;
        key->text = encode(raw, sizeof raw);
        return key;
}

static EVP_PKEY *read_pem(const char *text, gsize size)
{
        BIO *bio = BIO_new_mem_buf(text, (int)size);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
                return key;
        EVP_PKEY_free(key);
        return NULL;
}

static TbLinkKey *make(const char *path, GError **error)
{
        EVP_PKEY *fresh = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem = NULL;
        long size = 0;
        if (fresh && bio && PEM_write_bio_PrivateKey(bio, fresh, NULL, NULL, 0, NULL, NULL) == 1)
                size = BIO_get_mem_data(bio, &pem);
        bool ok = size > 0 &&
                  g_file_set_contents_full(path, pem, size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
        if (size <= 0)
                tb_set_error(error, TB_ERROR_INTERNAL, "no key could be made");
        BIO_free(bio);
        if (ok)
                return wrap(fresh);
        EVP_PKEY_free(fresh);
        tb_error_prefix(error, "the key of this host: ");
        return NULL;
}

TbLinkKey *tb_link_key_open(const char *path, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;
        if (!g_file_get_contents(path, &text, &size, &why)) {
                if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                        return make(path, error);
                g_propagate_prefixed_error(error, g_steal_pointer(&why), "the key of this host: ");
                return NULL;
        }
        TbLinkKey *key = wrap(read_pem(text, size));
        if (key)
                return key;
        g_autofree char *date = tb_clock_rfc3339(tb_clock_ms()),
                        *kept = g_strconcat(path, ".", date, ".kept", NULL);
        if (g_rename(path, kept) < 0) {
                tb_set_error(error, TB_ERROR_INTERNAL,
                             "the key of this host, %s, cannot be read, nor kept aside: %s", path,
                             g_strerror(errno));
                return NULL;
        }
        tb_log(TB_LOG_WARNING, TB_F("file", kept),
               "the key of this host could not be read and was kept aside; with a new one, servers take it "
               "for another host");
        return make(path, error);
}

void tb_link_key_free(TbLinkKey *key)
{
        if (!key)
                return;
        EVP_PKEY_free(key->key);
        g_free(key->text);
        g_free(key);
}

const char *tb_link_key_public(const TbLinkKey *key)
{
        return key->text;
}

/* What is signed can be mistaken for nothing else that such a key may ever sign. */
static char *statement(const char *host, const char *nonce, const char *server)
{
        return server ? g_strdup_printf("testbed host link to\n%s\n%s\n%s", server, host, nonce)
                      : g_strdup_printf("testbed host link\n%s\n%s", host, nonce);
}

char *tb_link_key_sign(const TbLinkKey *key, const char *host, const char *nonce, const char *server)
{
        g_autofree char *text = statement(host, nonce, server);
        guint8 signature[SIGNATURE_BYTES] = {0};
        size_t size = sizeof signature;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->key) != 1 ||
            EVP_DigestSign(ctx, signature, &size, (const guint8 *)text, strlen(text)) != 1)
                memset(signature, 0, sizeof signature); /* the server refuses it */
        EVP_MD_CTX_free(ctx);
        return encode(signature, sizeof signature);
}

bool tb_link_key_is_public(const char *text)
{
        guint8 raw[PUBLIC_BYTES];
        return decode(text, raw, sizeof raw);
}

bool tb_link_key_verify(const char *public_text, const char *host, const char *nonce, const char *server,
                        const char *signature)
{
        guint8 raw[PUBLIC_BYTES], given[SIGNATURE_BYTES];
        if (!decode(public_text, raw, sizeof raw) || !decode(signature, given, sizeof given))
                return false;
        g_autofree char *text = statement(host, nonce, server);
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        bool ok = key && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                  EVP_DigestVerify(ctx, given, sizeof given, (const guint8 *)text, strlen(text)) == 1;
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(key);
        return ok;
}

char *tb_link_key_id(const char *public_text)
{
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, public_text, -1);
        return g_strndup(sum, 16);
}
