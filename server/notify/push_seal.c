#include "server/notify/push_seal.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_push.h"

#define MAC 32
#define TAG 16
#define HEAD (TB_PUSH_SALT + 4 + 1 + TB_PUSH_PUBLIC)
#define RECORD 4096
#define TOKEN_S (12 * 3600) /* a day is the most that services take */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_GROUP, EC_GROUP_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_POINT, EC_POINT_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM, OSSL_PARAM_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)

/* --- base64url --- */
static char *spell(const void *bytes, gsize size)
{
        char *text = g_base64_encode(bytes, size);
        g_strdelimit(g_strdelimit(text, "+", '-'), "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

/* Exactly so many bytes; with or without padding. */
static bool unspell(const char *text, void *ret, gsize size)
{
        gsize n = text ? strcspn(text, "=") : 0, got = 0;
        if (n != (size * 8 + 5) / 6 ||
            strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/") != n ||
            strspn(text + n, "=") != strlen(text + n))
                return false;
        g_autofree char *plain = g_strdup_printf("%.*s%s", (int)n, text,
                                                 n % 4 == 2   ? "=="
                                                 : n % 4 == 3 ? "="
                                                              : "");
        g_strdelimit(g_strdelimit(plain, "-", '+'), "_", '/');
        g_autofree guint8 *bytes = g_base64_decode(plain, &got);
        if (got == size)
                memcpy(ret, bytes, size);
        return got == size;
}

/* --- keys --- */
/* Of a point, and the private number where there is one. NULL: it is not on the curve. */
static EVP_PKEY *key_of(const guint8 public[TB_PUSH_PUBLIC], const BIGNUM *number)
{
        g_autoptr(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, public, TB_PUSH_PUBLIC);
        if (number)
                OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
        g_autoptr(OSSL_PARAM) params = OSSL_PARAM_BLD_to_param(build);
        g_autoptr(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *key = NULL;
        if (public[0] != 4 || EVP_PKEY_fromdata_init(ctx) <= 0 ||
            EVP_PKEY_fromdata(ctx, &key, number ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) <= 0)
                return NULL;
        return key;
}

/* With its public half in `ret_public`. NULL: the number is none of the curve's. */
static EVP_PKEY *key_of_private(const guint8 private_key[TB_PUSH_PRIVATE], guint8 ret_public[TB_PUSH_PUBLIC])
{
        g_autoptr(EC_GROUP) group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        g_autoptr(EC_POINT) point = EC_POINT_new(group);
        g_autoptr(BIGNUM) number = BN_bin2bn(private_key, TB_PUSH_PRIVATE, NULL);
        if (BN_is_zero(number) || BN_cmp(number, EC_GROUP_get0_order(group)) >= 0 ||
            !EC_POINT_mul(group, point, number, NULL, NULL, NULL) ||
            EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_public, TB_PUSH_PUBLIC,
                               NULL) != TB_PUSH_PUBLIC)
                return NULL;
        return key_of(ret_public, number);
}

static bool private_of(const EVP_PKEY *key, guint8 ret[TB_PUSH_PRIVATE])
{
        BIGNUM *number = NULL;
        bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) > 0 &&
                  BN_bn2binpad(number, ret, TB_PUSH_PRIVATE) == TB_PUSH_PRIVATE;
        BN_clear_free(number);
        return ok;
}

bool tb_push_private_parse(const char *text, guint8 ret[TB_PUSH_PRIVATE])
{
        guint8 public[TB_PUSH_PUBLIC];
        bool ok;
        if (strncmp(text, "-----BEGIN", 10) == 0) {
                BIO *bio = BIO_new_mem_buf(text, -1);
                g_autoptr(EVP_PKEY) key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
                BIO_free(bio);
                char name[32] = "";
                ok = key &&
                     EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name,
                                                    NULL) > 0 &&
                     strcmp(name, "prime256v1") == 0 && private_of(key, ret);
        } else
                ok = unspell(text, ret, TB_PUSH_PRIVATE);
        if (!ok)
                return false;
        g_autoptr(EVP_PKEY) checked = key_of_private(ret, public);
        return checked != NULL;
}

char *tb_push_public(const guint8 private_key[TB_PUSH_PRIVATE])
{
        guint8 public[TB_PUSH_PUBLIC];
        g_autoptr(EVP_PKEY) key = key_of_private(private_key, public);
        return key ? spell(public, sizeof public) : NULL;
}

/* --- subscriptions --- */
void tb_push_to_clear(TbPushTo *to)
{
        g_clear_pointer(&to->endpoint, g_free);
}

bool tb_push_to_parse(const char *text, TbPushTo *ret, GError **error)
{
        gsize size = strlen(text);
        json_auto_t *o = size <= TB_LIMIT_PUSH_ADDRESS ? tb_json_parse(text, size, NULL) : NULL;
        const json_t *keys = json_object_get(o, "keys");
        const char *endpoint = json_string_value(json_object_get(o, "endpoint"));
        g_autofree char *origin = endpoint ? tb_push_origin(endpoint) : NULL;
        *ret = (TbPushTo){NULL};
        if (origin &&
            unspell(json_string_value(json_object_get(keys, "p256dh")), ret->key, sizeof ret->key) &&
            unspell(json_string_value(json_object_get(keys, "auth")), ret->auth, sizeof ret->auth)) {
                g_autoptr(EVP_PKEY) key = key_of(ret->key, NULL);
                if (key) {
                        ret->endpoint = g_strdup(endpoint);
                        return true;
                }
        }
        tb_error_set_field(error, TB_ERROR_INVALID, "address",
                           "a browser's subscription is expected: {\"endpoint\", \"keys\": {\"p256dh\", "
                           "\"auth\"}}, of %d bytes at most",
                           TB_LIMIT_PUSH_ADDRESS);
        return false;
}

char *tb_push_origin(const char *url)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL;
        bool plain = strcmp(scheme, "http") == 0;
        if (!host || !*host || g_uri_get_userinfo(uri) || (!plain && strcmp(scheme, "https") != 0))
                return NULL;
        int port = g_uri_get_port(uri);
        g_autofree char *low = g_ascii_strdown(host, -1);
        const char *open = strchr(low, ':') ? "[" : "", *close = *open ? "]" : "";
        if (port < 0 || port == (plain ? 80 : 443))
                return g_strdup_printf("%s://%s%s%s", scheme, open, low, close);
        return g_strdup_printf("%s://%s%s%s:%d", scheme, open, low, close, port);
}

bool tb_push_is_service(const char *endpoint, const char *more)
{
        static const char *const known[] = {"fcm.googleapis.com", "push.services.mozilla.com",
                                            "push.apple.com", "notify.windows.com"};
        g_autofree char *origin = tb_push_origin(endpoint);
        g_auto(GStrv) own = g_strsplit(more ? more : "", " ", 0);
        if (!origin)
                return false;
        if (g_strv_contains((const char *const *)own, origin))
                return true;
        if (!g_str_has_prefix(origin, "https://"))
                return false;
        const char *host = origin + strlen("https://");
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
                gsize n = strlen(host), k = strlen(known[i]);
                if (n >= k && strcmp(host + n - k, known[i]) == 0 && (n == k || host[n - k - 1] == '.'))
                        return true;
        }
        return false;
}

/* --- RFC 8291 --- */
static void mac(const void *key, gsize key_size, const void *text, gsize size, guint8 ret[MAC])
{
        HMAC(EVP_sha256(), key, (int)key_size, text, size, ret, NULL);
}

static bool share(EVP_PKEY *mine, EVP_PKEY *theirs, guint8 ret[MAC])
{
        g_autoptr(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new(mine, NULL);
        gsize size = MAC;
        return EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, theirs) > 0 &&
               EVP_PKEY_derive(ctx, ret, &size) > 0 && size == MAC;
}

typedef struct Keys {
        guint8 key[MAC], nonce[MAC]; /* the first 16 and 12 bytes of them */
} Keys;

static void derive(const TbPushTo *to, const guint8 *public, const guint8 *salt, const guint8 secret[MAC],
                   Keys *ret)
{
        static const char info[] = "WebPush: info", of_key[] = "Content-Encoding: aes128gcm\0\1",
                          of_nonce[] = "Content-Encoding: nonce\0\1";
        guint8 about[sizeof info + 2 * TB_PUSH_PUBLIC + 1], first[MAC], input[MAC], prk[MAC];
        memcpy(about, info, sizeof info); /* with its NUL */
        memcpy(about + sizeof info, to->key, TB_PUSH_PUBLIC);
        memcpy(about + sizeof info + TB_PUSH_PUBLIC, public, TB_PUSH_PUBLIC);
        about[sizeof about - 1] = 1;
        mac(to->auth, TB_PUSH_AUTH, secret, MAC, first);
        mac(first, MAC, about, sizeof about, input);
        mac(salt, TB_PUSH_SALT, input, MAC, prk);
        mac(prk, MAC, of_key, sizeof of_key - 1, ret->key);
        mac(prk, MAC, of_nonce, sizeof of_nonce - 1, ret->nonce);
}

static bool encrypt(const Keys *keys, const void *text, gsize size, guint8 *out)
{
        static const guint8 last = 2; /* RFC 8188: the last record, without padding */
        g_autoptr(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        return EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys->key, keys->nonce) > 0 &&
               EVP_EncryptUpdate(ctx, out, &n, text, (int)size) > 0 &&
               EVP_EncryptUpdate(ctx, out + size, &n, &last, 1) > 0 &&
               EVP_EncryptFinal_ex(ctx, out + size + 1, &n) > 0 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + size + 1) > 0;
}

guint8 *tb_push_seal(const TbPushTo *to, const guint8 *private_key, const guint8 *salt, const void *text,
                     gsize size, gsize *ret_size)
{
        guint8 number[TB_PUSH_PRIVATE], secret[MAC];
        Keys keys;
        gsize whole = HEAD + size + 1 + TAG;
        g_autofree guint8 *out = g_malloc0(whole);
        guint8 *public = out + TB_PUSH_SALT + 5;
        if (size > TB_LIMIT_PUSH_TEXT)
                return NULL;
        if (!private_key) {
                g_autoptr(EVP_PKEY) made = EVP_EC_gen("P-256");
                if (!made || !private_of(made, number))
                        return NULL;
        }
        if (salt)
                memcpy(out, salt, TB_PUSH_SALT);
        else if (RAND_bytes(out, TB_PUSH_SALT) <= 0)
                return NULL;
        g_autoptr(EVP_PKEY) mine = key_of_private(private_key ? private_key : number, public);
        g_autoptr(EVP_PKEY) theirs = key_of(to->key, NULL);
        guint32 record = GUINT32_TO_BE(RECORD);
        memcpy(out + TB_PUSH_SALT, &record, sizeof record);
        out[TB_PUSH_SALT + 4] = TB_PUSH_PUBLIC;
        bool ok = mine && theirs && share(mine, theirs, secret);
        if (ok) {
                derive(to, public, out, secret, &keys);
                ok = encrypt(&keys, text, size, out + HEAD);
        }
        OPENSSL_cleanse(number, sizeof number);
        OPENSSL_cleanse(secret, sizeof secret);
        OPENSSL_cleanse(&keys, sizeof keys);
        *ret_size = whole;
        return ok ? g_steal_pointer(&out) : NULL;
}

/* --- VAPID --- */
static bool sign(EVP_PKEY *key, const char *text, guint8 ret[2 * TB_PUSH_PRIVATE])
{
        g_autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
        guint8 der[80];
        gsize n = sizeof der;
        const guint8 *at = der;
        if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) <= 0 ||
            EVP_DigestSign(ctx, der, &n, (const guint8 *)text, strlen(text)) <= 0)
                return false;
        g_autoptr(ECDSA_SIG) both = d2i_ECDSA_SIG(NULL, &at, (long)n);
        return both && BN_bn2binpad(ECDSA_SIG_get0_r(both), ret, TB_PUSH_PRIVATE) > 0 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(both), ret + TB_PUSH_PRIVATE, TB_PUSH_PRIVATE) > 0;
}

char *tb_push_vapid(const guint8 private_key[TB_PUSH_PRIVATE], const char *endpoint, const char *subject,
                    gint64 now_s)
{
        static const char head[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
        guint8 public[TB_PUSH_PUBLIC], signature[2 * TB_PUSH_PRIVATE];
        g_autofree char *origin = tb_push_origin(endpoint);
        g_autoptr(EVP_PKEY) key = key_of_private(private_key, public);
        if (!origin || !key)
                return NULL;
        json_auto_t *claims = json_pack("{s:s, s:I, s:s}", "aud", origin, "exp", (json_int_t)now_s + TOKEN_S,
                                        "sub", subject);
        gsize size;
        g_autofree char *said = tb_json_text(claims, &size), *first = spell(head, strlen(head)),
                        *second = spell(said, size), *text = g_strdup_printf("%s.%s", first, second);
        if (!sign(key, text, signature))
                return NULL;
        g_autofree char *third = spell(signature, sizeof signature), *k = spell(public, sizeof public);
        return g_strdup_printf("vapid t=%s.%s, k=%s", text, third, k);
}
