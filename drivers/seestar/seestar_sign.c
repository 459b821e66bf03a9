#include "drivers/seestar/seestar_sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/error.h"

#define ANSWER_MS 10000
#define KEY_MOST 16384 /* bytes of the file */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

/* Nobody is asked at a terminal. */
static int no_passphrase(char *into, int size, int rwflag, void *data)
{
        (void)into, (void)size, (void)rwflag, (void)data;
        return -1;
}

char *tb_seestar_sign(const char *pem, gsize size, const char *text, GError **error)
{
        g_autoptr(BIO) bio = BIO_new_mem_buf(pem, (int)MIN(size, KEY_MOST));
        g_autoptr(EVP_PKEY) key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
        if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
                tb_error_set_field(error, TB_ERROR_INVALID, "key",
                                   "the file holds no RSA private key in PEM (without a passphrase)");
                return NULL;
        }
        g_autoptr(EVP_MD_CTX) made = EVP_MD_CTX_new();
        size_t length = (size_t)EVP_PKEY_get_size(key);
        g_autofree guint8 *signature = g_malloc(length);
        if (!made || EVP_DigestSignInit(made, NULL, EVP_sha1(), NULL, key) != 1 ||
            EVP_DigestSign(made, signature, &length, (const guint8 *)text, strlen(text)) != 1) {
                tb_error_set_field(error, TB_ERROR_INVALID, "key", "this key cannot sign");
                return NULL;
        }
        return g_base64_encode(signature, length);
}

static bool read_key(const TbSeestarLink *l, char **ret_pem, gsize *ret_size, GError **error)
{
        const char *path = json_string_value(json_object_get(l->base.params, "key"));
        g_autoptr(GError) why = NULL;
        if (g_file_get_contents(path, ret_pem, ret_size, &why))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "key", "the key of the telescope cannot be read: %s",
                           why->message);
        return false;
}

static bool is_believed(const json_t *result)
{
        return json_is_true(result) || json_is_true(json_object_get(result, "is_verified"));
}

bool tb_seestar_prove(TbSeestarLink *l, TbIo *io, GError **error)
{
        g_autofree char *pem = NULL;
        gsize size = 0;
        g_autoptr(GError) refused = NULL;
        if (!read_key(l, &pem, &size, error))
                return false;
        json_auto_t *named = tb_seestar_ask(l, io, "get_verify_str", NULL, ANSWER_MS, &refused);
        if (!named && g_error_matches(refused, TB_ERROR, TB_ERROR_UNSUPPORTED))
                return true; /* older firmware */
        if (!named) {
                g_propagate_error(error, g_steal_pointer(&refused));
                return false;
        }
        const char *text = json_string_value(json_is_object(named) ? json_object_get(named, "str") : named);
        g_autofree char *sign = text ? tb_seestar_sign(pem, size, text, error) : NULL;
        if (!text)
                tb_set_error(error, TB_ERROR_DEVICE, "the telescope names nothing that is to be signed");
        if (!sign)
                return false;
        json_auto_t *proof = json_pack("{s:s, s:s}", "sign", sign, "data", text);
        json_auto_t *taken = tb_seestar_ask(l, io, "verify_client", proof, ANSWER_MS, &refused);
        json_auto_t *state =
                taken ? tb_seestar_ask(l, io, "pi_is_verified", NULL, ANSWER_MS, &refused) : NULL;
        if (is_believed(state))
                return true;
        if (refused && !g_error_matches(refused, TB_ERROR, TB_ERROR_UNPROCESSABLE) &&
            !g_error_matches(refused, TB_ERROR, TB_ERROR_DEVICE))
                g_propagate_error(error, g_steal_pointer(&refused));
        else
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the telescope does not accept the signature: \"key\" of this attachment has to "
                             "be the key that its firmware wants");
        return false;
}
