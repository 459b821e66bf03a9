#include "server/oidc/token.h"

#include <jose/b64.h>
#include <jose/cfg.h>
#include <jose/jws.h>
#include <string.h>

#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_oidc.h"

/* What the algorithms want of a key; none that is the same on both sides. */
static const struct {
        const char *alg, *kty;
} known[] = {
        {"RS256", "RSA"}, {"RS384", "RSA"}, {"RS512", "RSA"}, {"PS256", "RSA"}, {"PS384", "RSA"},
        {"PS512", "RSA"}, {"ES256", "EC"},  {"ES384", "EC"},  {"ES512", "EC"},
};

static bool fail(GError **error, const char *what)
{
        tb_set_error(error, TB_ERROR_UNAUTHORIZED, "the provider's ID token %s", what);
        return false;
}

static json_t *object_of(const char *part)
{
        json_auto_t *text = json_string(part);
        gsize size = text ? jose_b64_dec(text, NULL, 0) : SIZE_MAX;
        if (size == SIZE_MAX || size > TB_LIMIT_OIDC_TOKEN)
                return NULL;
        g_autofree char *bytes = g_malloc(size + 1);
        if (jose_b64_dec(text, bytes, size) != size)
                return NULL;
        json_t *o = tb_json_parse(bytes, size, NULL);
        if (json_is_object(o))
                return o;
        json_decref(o);
        return NULL;
}

static const char *text_of(const json_t *o, const char *name)
{
        return json_string_value(json_object_get(o, name));
}

static bool is_key_for(const json_t *key, const json_t *head)
{
        const char *alg = text_of(head, "alg"), *kid = text_of(head, "kid"), *own = text_of(key, "kid"),
                   *use = text_of(key, "use"), *own_alg = text_of(key, "alg"), *kty = text_of(key, "kty");
        if (!alg || !kty || (use && strcmp(use, "sig") != 0) || (own_alg && strcmp(own_alg, alg) != 0) ||
            (kid && own && strcmp(kid, own) != 0))
                return false;
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
                if (strcmp(known[i].alg, alg) == 0)
                        return strcmp(known[i].kty, kty) == 0;
        return false;
}

/* In three parts; NULL: it is not. */
static char **parts_of(const char *token)
{
        char **parts = strlen(token) <= TB_LIMIT_OIDC_TOKEN ? g_strsplit(token, ".", 4) : NULL;
        if (parts && g_strv_length(parts) == 3 && *parts[0] && *parts[1] && *parts[2])
                return parts;
        g_strfreev(parts);
        return NULL;
}

static const json_t *list_of(const json_t *keys)
{
        const json_t *list = json_object_get(keys, "keys");
        return json_array_size(list) <= TB_LIMIT_OIDC_KEYS ? list : NULL;
}

bool tb_oidc_token_has_key(const char *token, const json_t *keys)
{
        g_auto(GStrv) parts = parts_of(token);
        json_auto_t *head = parts ? object_of(parts[0]) : NULL;
        const json_t *list = list_of(keys);
        for (gsize i = 0; i < json_array_size(list); i++)
                if (is_key_for(json_array_get(list, i), head))
                        return true;
        return false;
}

/* What it is about is in *its* words, and on stderr by default. */
static void be_quiet(void *data G_GNUC_UNUSED, const char *file G_GNUC_UNUSED, int line G_GNUC_UNUSED,
                     uint64_t code G_GNUC_UNUSED, const char *format G_GNUC_UNUSED,
                     va_list args G_GNUC_UNUSED)
{
}

static bool is_signed(char **parts, const json_t *head, const json_t *keys)
{
        json_auto_t *jws = json_pack("{s:s, s:s, s:s}", "protected", parts[0], "payload", parts[1],
                                     "signature", parts[2]);
        jose_cfg_auto_t *quiet = jose_cfg();
        const json_t *list = list_of(keys);
        bool is = false;
        jose_cfg_set_err_func(quiet, be_quiet, NULL);
        for (gsize i = 0; !is && i < json_array_size(list); i++) {
                const json_t *key = json_array_get(list, i);
                is = is_key_for(key, head) && jose_jws_ver(quiet, jws, NULL, key, false);
        }
        return is;
}

static bool is_for(const json_t *claims, const char *client)
{
        const json_t *aud = json_object_get(claims, "aud"), *azp = json_object_get(claims, "azp");
        bool named = g_strcmp0(json_string_value(aud), client) == 0;
        for (gsize i = 0; i < json_array_size(aud); i++)
                named |= g_strcmp0(json_string_value(json_array_get(aud, i)), client) == 0;
        if (azp || json_array_size(aud) > 1)
                named &= g_strcmp0(json_string_value(azp), client) == 0;
        return named;
}

static bool is_the_same(const char *a, const char *b)
{
        gsize n = strlen(b);
        return a && strlen(a) == n && tb_secret_equal(a, b, n);
}

static bool is_subject(const char *text)
{
        gsize n = text ? strlen(text) : 0;
        if (n == 0 || n > TB_LIMIT_OIDC_SUBJECT)
                return false;
        for (gsize i = 0; i < n; i++)
                if (!g_ascii_isgraph(text[i]))
                        return false;
        return true;
}

static bool check(const json_t *claims, const TbOidcExpect *expect, GError **error)
{
        const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
        double now = (double)expect->now_s;
        if (g_strcmp0(text_of(claims, "iss"), expect->issuer) != 0)
                return fail(error, "is of another issuer than the one that is configured");
        if (!is_for(claims, expect->client_id))
                return fail(error, "is for another client than this server");
        if (!json_is_number(exp) || json_number_value(exp) + TB_LIMIT_JWT_LEEWAY_S <= now)
                return fail(error, "has expired: the clocks of the two servers may differ");
        if (nbf && !(json_number_value(nbf) - TB_LIMIT_JWT_LEEWAY_S <= now))
                return fail(error, "does not hold yet: the clocks of the two servers may differ");
        if (!is_the_same(text_of(claims, "nonce"), expect->nonce))
                return fail(error, "is of another sign-in");
        if (!is_subject(text_of(claims, "sub")))
                return fail(error, "does not say who it is (sub)");
        return true;
}

json_t *tb_oidc_token_read(const char *token, const json_t *keys, const TbOidcExpect *expect, GError **error)
{
        g_auto(GStrv) parts = parts_of(token);
        json_auto_t *head = parts ? object_of(parts[0]) : NULL;
        json_t *claims = NULL;
        if (!head)
                fail(error, "is none");
        else if (json_object_get(head, "crit"))
                fail(error, "asks for what this server does not know (crit)");
        else if (!is_signed(parts, head, keys))
                fail(error, "is signed by none of its keys, or by a way that is not taken here");
        else if (!(claims = object_of(parts[1])))
                fail(error, "holds no JSON");
        else if (!check(claims, expect, error))
                g_clear_pointer(&claims, json_decref);
        return claims;
}
