#include "server/recordings/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"

#define NONCE 12
#define TAG 16
#define WRAPPED (TB_SEAL_KEY + TB_SEAL_OVER)

typedef struct Master {
        guint8 key[TB_SEAL_KEY];
        char id[TB_SEAL_ID + 1];
} Master;

struct TbSealKeys {
        guint n;
        Master all[TB_LIMIT_RECORDING_KEYS];
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* --- one sealed text --- */
static bool seal(const guint8 *key, const char *about, const void *bytes, gsize size, guint8 *ret,
                 GError **error)
{
        g_autoptr(EVP_CIPHER_CTX) c = EVP_CIPHER_CTX_new();
        int n = 0;
        guint8 *out = ret + NONCE;
        if (RAND_bytes(ret, NONCE) == 1 && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, ret) == 1 &&
            EVP_EncryptUpdate(c, NULL, &n, (const guint8 *)about, (int)strlen(about)) == 1 &&
            EVP_EncryptUpdate(c, out, &n, bytes, (int)size) == 1 &&
            EVP_EncryptFinal_ex(c, out + n, &n) == 1 &&
            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + size) == 1)
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "a recording could not be sealed: there is no randomness");
        return false;
}

static bool unseal(const guint8 *key, const char *about, const guint8 *sealed, gsize size, guint8 *ret)
{
        g_autoptr(EVP_CIPHER_CTX) c = EVP_CIPHER_CTX_new();
        int n = 0;
        if (size < TB_SEAL_OVER)
                return false;
        const guint8 *in = sealed + NONCE;
        gsize inner = size - TB_SEAL_OVER;
        return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
               EVP_DecryptUpdate(c, NULL, &n, (const guint8 *)about, (int)strlen(about)) == 1 &&
               EVP_DecryptUpdate(c, ret, &n, in, (int)inner) == 1 &&
               EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(in + inner)) == 1 &&
               EVP_DecryptFinal_ex(c, ret + n, &n) == 1;
}

/* --- master keys --- */
static bool hex_of(const char *text, gsize n, guint8 *ret)
{
        for (gsize i = 0; i < n; i++) {
                int high = g_ascii_xdigit_value(text[2 * i]),
                    low = high < 0 ? -1 : g_ascii_xdigit_value(text[2 * i + 1]);
                if (low < 0)
                        return false;
                ret[i] = (guint8)(high << 4 | low);
        }
        return text[2 * n] == '\0';
}

static bool key_of(const char *line, guint8 ret[TB_SEAL_KEY])
{
        gsize n = 0;
        if (strlen(line) == 2 * (gsize)TB_SEAL_KEY)
                return hex_of(line, TB_SEAL_KEY, ret);
        if (strlen(line) != 44 || line[43] != '=' ||
            strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != 43)
                return false;
        guint8 *bytes = g_base64_decode(line, &n);
        if (n == TB_SEAL_KEY)
                memcpy(ret, bytes, n);
        OPENSSL_cleanse(bytes, n);
        g_free(bytes);
        return n == TB_SEAL_KEY;
}

static void name_key(Master *m)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        g_checksum_update(sum, (const guchar *)"testbed recordings", -1);
        g_checksum_update(sum, m->key, TB_SEAL_KEY);
        g_strlcpy(m->id, g_checksum_get_string(sum), sizeof m->id);
}

TbSealKeys *tb_seal_keys_parse(const char *text, GError **error)
{
        TbSealKeys *keys = g_new0(TbSealKeys, 1);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        const char *wrong = NULL;
        guint at = 0;
        for (; lines[at] && !wrong; at++) {
                const char *line = g_strstrip(lines[at]);
                if (!*line || *line == '#')
                        continue;
                if (keys->n == TB_LIMIT_RECORDING_KEYS)
                        wrong = "there are more keys than 16: take out those that nothing is sealed by";
                else if (!key_of(line, keys->all[keys->n].key))
                        wrong = "a key is 32 random bytes, in base64 (openssl rand -base64 32) or as 64 "
                                "hexadecimal "
                                "digits";
                else
                        name_key(&keys->all[keys->n++]);
        }
        for (char **line = lines; *line; line++)
                OPENSSL_cleanse(*line, strlen(*line));
        if (!wrong && keys->n)
                return keys;
        if (wrong)
                tb_set_error(error, TB_ERROR_INVALID, "line %u: %s", at, wrong);
        else
                tb_set_error(error, TB_ERROR_INVALID, "there is no key in it");
        tb_seal_keys_free(keys);
        return NULL;
}

void tb_seal_keys_free(TbSealKeys *keys)
{
        if (!keys)
                return;
        OPENSSL_cleanse(keys, sizeof *keys);
        g_free(keys);
}

const char *tb_seal_keys_id(const TbSealKeys *keys)
{
        return keys->all[0].id;
}

/* --- the key of a recording --- */
static char *wrap(const TbSealKeys *keys, const char *recording, const guint8 *key, GError **error)
{
        guint8 sealed[WRAPPED];
        g_autofree char *about = g_strconcat("key of ", recording, NULL);
        if (!seal(keys->all[0].key, about, key, TB_SEAL_KEY, sealed, error))
                return NULL;
        GString *out = g_string_new(NULL);
        for (gsize i = 0; i < sizeof sealed; i++)
                g_string_append_printf(out, "%02x", sealed[i]);
        return g_string_free(out, FALSE);
}

char *tb_seal_key_new(const TbSealKeys *keys, const char *recording, guint8 ret_key[TB_SEAL_KEY],
                      GError **error)
{
        if (RAND_priv_bytes(ret_key, TB_SEAL_KEY) == 1)
                return wrap(keys, recording, ret_key, error);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "a recording has no key: there is no randomness");
        return NULL;
}

bool tb_seal_key_open(const TbSealKeys *keys, const char *id, const char *recording, const char *wrapped,
                      guint8 ret_key[TB_SEAL_KEY], GError **error)
{
        const Master *master = NULL;
        guint8 sealed[WRAPPED];
        for (guint i = 0; i < keys->n; i++)
                if (strcmp(keys->all[i].id, id) == 0)
                        master = &keys->all[i];
        if (!master) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "the key of this recording is sealed by the master key %s, which the "
                             "configuration does not "
                             "have (recordings.key_file, TESTBED_RECORDINGS_KEY)",
                             id);
                return false;
        }
        g_autofree char *about = g_strconcat("key of ", recording, NULL);
        if (strlen(wrapped) == 2 * sizeof sealed && hex_of(wrapped, sizeof sealed, sealed) &&
            unseal(master->key, about, sealed, sizeof sealed, ret_key))
                return true;
        tb_set_error(error, TB_ERROR_INTERNAL,
                     "the key of this recording was changed in the store: it does not open");
        return false;
}

char *tb_seal_key_again(const TbSealKeys *keys, const char *id, const char *recording, const char *wrapped,
                        GError **error)
{
        guint8 key[TB_SEAL_KEY];
        char *again = tb_seal_key_open(keys, id, recording, wrapped, key, error)
                              ? wrap(keys, recording, key, error)
                              : NULL;
        OPENSSL_cleanse(key, sizeof key);
        return again;
}

/* --- chunks --- */
static char *about_place(const TbSealPlace *place)
{
        return g_strdup_printf("chunk %u of %s of %s", place->n, place->track, place->recording);
}

bool tb_seal_chunk(const guint8 key[TB_SEAL_KEY], const TbSealPlace *place, const void *bytes, gsize size,
                   guint8 *ret, GError **error)
{
        g_autofree char *about = about_place(place);
        return seal(key, about, bytes, size, ret, error);
}

bool tb_seal_open(const guint8 key[TB_SEAL_KEY], const TbSealPlace *place, const guint8 *sealed, gsize size,
                  guint8 *ret, GError **error)
{
        g_autofree char *about = about_place(place);
        if (unseal(key, about, sealed, size, ret))
                return true;
        tb_set_error(
                error, TB_ERROR_INTERNAL,
                "chunk %u of track %s was changed where it lies, or is from another place: it does not open",
                place->n, place->track);
        return false;
}
