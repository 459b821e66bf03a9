#include "drivers/tapo/passthrough.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "drivers/transport/aes.h"
#include "lib/clock.h"
#include "lib/json.h"

#define RSA_BITS 1024 /* what the plugs know */
#define SPARE_S 1200

char *tb_tapo_pass_seal(const TbTapoPass *pass, const char *text)
{
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        tb_aes_cbc(true, pass->key, pass->iv, text, strlen(text), bytes);
        return g_base64_encode(bytes->data, bytes->len);
}

char *tb_tapo_pass_open(const TbTapoPass *pass, const char *sealed)
{
        gsize size;
        g_autofree guchar *bytes = g_base64_decode(sealed, &size);
        g_autoptr(GByteArray) text = g_byte_array_new();
        if (!tb_aes_cbc(false, pass->key, pass->iv, bytes, size, text))
                return NULL;
        g_byte_array_append(text, (const guint8 *)"", 1);
        return (char *)g_byte_array_free(g_steal_pointer(&text), FALSE);
}

void tb_tapo_pass_end(TbTapoPass *pass)
{
        g_free(pass->cookie);
        g_free(pass->token);
        *pass = (TbTapoPass){0};
}

/* Any answer that is JSON; `ret_cookie` NULL: nobody wants one. NULL: with an error. */
static json_t *post(TbTapoPass *pass, TbHttpDevice *d, TbIo *io, const json_t *body, char **ret_cookie,
                    int *ret_seconds, GError **error)
{
        const char *const headers[] = {
                "requestByApp", "true", "Accept", "application/json", pass->cookie ? "Cookie" : NULL,
                pass->cookie,   NULL};
        g_autofree char *text = tb_json_text(body, NULL),
                        *token = pass->token ? g_uri_escape_string(pass->token, NULL, FALSE) : NULL,
                        *target = g_strconcat("/app", token ? "?token=" : "", token, NULL);
        TbHttpAnswer answer;
        d->headers = headers;
        bool ok = tb_http_device_ask(d, io, "POST", target, "application/json", text, &answer, error);
        d->headers = NULL;
        if (!ok)
                return NULL;
        gsize size;
        const char *bytes = g_bytes_get_data(answer.body, &size);
        json_t *json = tb_json_parse(bytes, size, NULL);
        if (ret_cookie)
                *ret_cookie = tb_klap_session_cookie(g_hash_table_lookup(answer.headers, "set-cookie"),
                                                     ret_seconds);
        tb_http_answer_clear(&answer);
        if (json_is_object(json))
                return json;
        json_decref(json);
        tb_http_device_foreign(d, "its answer is no JSON object", error);
        return NULL;
}

/* The public key as these plugs read one: PEM whose Base64 is one line. The caller frees. */
static char *pem_of(EVP_PKEY *key)
{
        unsigned char *der = NULL;
        int n = i2d_PUBKEY(key, &der);
        g_autofree char *base64 = n > 0 ? g_base64_encode(der, (gsize)n) : NULL;
        OPENSSL_free(der);
        return base64 ? g_strdup_printf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", base64)
                      : NULL;
}

/* What the plug wrapped: our key and IV. */
static bool unwrap(TbTapoPass *pass, EVP_PKEY *key, const char *wrapped)
{
        guint8 plain[RSA_BITS / 8];
        size_t n = sizeof plain;
        gsize size = 0;
        g_autofree guchar *bytes = wrapped ? g_base64_decode(wrapped, &size) : NULL;
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        bool ok = bytes && ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
                  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                  EVP_PKEY_decrypt(ctx, plain, &n, bytes, size) == 1 &&
                  n == sizeof pass->key + sizeof pass->iv;
        EVP_PKEY_CTX_free(ctx);
        ERR_clear_error();
        if (ok) {
                memcpy(pass->key, plain, sizeof pass->key);
                memcpy(pass->iv, plain + sizeof pass->key, sizeof pass->iv);
        }
        return ok;
}

static bool exchange_keys(TbTapoPass *pass, EVP_PKEY *key, const char *pem, TbHttpDevice *d, TbIo *io,
                          GError **error)
{
        int good_s = 0;
        g_autofree char *cookie = NULL;
        json_auto_t *request = tb_tapo_request("handshake", json_pack("{s:s}", "key", pem), NULL),
                    *answer = post(pass, d, io, request, &cookie, &good_s, error);
        const json_t *result;
        json_int_t code;
        if (!answer)
                return false;
        TbTapoAnswer judged = tb_tapo_judge(answer, NULL, &result, &code);
        if (judged != TB_TAPO_FINE || !unwrap(pass, key, json_string_value(json_object_get(result, "key"))))
                return tb_http_device_foreign(d, "it gives no key", error);
        pass->cookie = g_steal_pointer(&cookie);
        pass->until_us = g_get_monotonic_time() + (gint64)MAX(good_s - SPARE_S, 1) * G_USEC_PER_SEC;
        return true;
}

static bool handshake(TbTapoPass *pass, TbHttpDevice *d, TbIo *io, GError **error)
{
        g_autoptr(GError) why = NULL;
        EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);
        g_autofree char *pem = key ? pem_of(key) : NULL;
        bool ok = pem && exchange_keys(pass, key, pem, d, io, &why);
        EVP_PKEY_free(key);
        if (ok)
                return true;
        if (!pem)
                tb_set_error(&why, TB_ERROR_INTERNAL, "no RSA key could be made");
        if (why->code == TB_ERROR_DEVICE) /* whatever it says to that: it is not what it speaks */
                why->code = TB_ERROR_UNSUPPORTED;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* One request in a session. NULL without an error: it cannot be read, the session is another's. */
static json_t *ask_once(TbTapoPass *pass, TbHttpDevice *d, TbIo *io, const json_t *request, GError **error)
{
        g_autofree char *text = tb_json_text(request, NULL), *sealed = tb_tapo_pass_seal(pass, text);
        json_auto_t *outer =
                            tb_tapo_request("securePassthrough", json_pack("{s:s}", "request", sealed), NULL),
                    *answer = post(pass, d, io, outer, NULL, NULL, error);
        const json_t *result;
        json_int_t code;
        if (!answer)
                return NULL;
        if (tb_tapo_judge(answer, NULL, &result, &code) != TB_TAPO_FINE)
                return json_incref(answer); /* as it is: judged by the caller */
        const char *hidden = json_string_value(json_object_get(result, "response"));
        g_autofree char *plain = hidden ? tb_tapo_pass_open(pass, hidden) : NULL;
        json_t *inner = plain ? tb_json_parse(plain, strlen(plain), NULL) : NULL;
        if (json_is_object(inner))
                return inner;
        json_decref(inner);
        return NULL;
}

static bool login(TbTapoPass *pass, TbHttpDevice *d, const TbKlapAccount *account, TbIo *io, GError **error)
{
        const char *user = account->user ? account->user : "",
                   *password = account->password ? account->password : "";
        for (int version = 2; version >= 1; version--) {
                json_auto_t *request =
                        tb_tapo_request("login_device", tb_tapo_login(user, password, version), NULL);
                json_object_set_new(request, "request_time_milis", json_integer(tb_clock_ms()));
                g_autoptr(GError) why = NULL;
                json_auto_t *answer = ask_once(pass, d, io, request, &why);
                const json_t *result;
                json_int_t code;
                if (why) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                if (answer && tb_tapo_judge(answer, NULL, &result, &code) == TB_TAPO_FINE) {
                        pass->token = g_strdup(json_string_value(json_object_get(result, "token")));
                        return pass->token || tb_http_device_foreign(d, "it gives no token", error);
                }
        }
        return tb_klap_session_refused(d, account, error);
}

bool tb_tapo_pass_begin(TbTapoPass *pass, TbHttpDevice *d, const TbKlapAccount *account, TbIo *io,
                        GError **error)
{
        tb_tapo_pass_end(pass);
        if (handshake(pass, d, io, error) && login(pass, d, account, io, error))
                return true;
        tb_tapo_pass_end(pass);
        return false;
}

json_t *tb_tapo_pass_ask(TbTapoPass *pass, TbHttpDevice *d, const TbKlapAccount *account, TbIo *io,
                         const json_t *request, GError **error)
{
        for (int attempt = 0; attempt < 2; attempt++) {
                bool fresh = !pass->token || g_get_monotonic_time() >= pass->until_us;
                if (fresh && !tb_tapo_pass_begin(pass, d, account, io, error))
                        return NULL;
                g_autoptr(GError) why = NULL;
                json_t *answer = ask_once(pass, d, io, request, &why);
                if (answer)
                        return answer;
                tb_tapo_pass_end(pass);
                if (why) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return NULL;
                }
        }
        tb_http_device_foreign(d, "it does not keep to securePassthrough", error);
        return NULL;
}
