#include "server/accounts/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"

#define AUDIENCE "testbed"
#define MAC 32

static bool bad(GError **error, const char *why)
{
        tb_set_error(error, TB_ERROR_UNAUTHORIZED, "the signed token (JWT) %s", why);
        return false;
}

void tb_jwt_clear(TbJwt *jwt)
{
        g_clear_pointer(&jwt->sub, g_free);
        g_clear_pointer(&jwt->groups, g_strfreev);
        g_clear_pointer(&jwt->login, g_free);
}

bool tb_jwt_looks_like_one(const char *token)
{
        const char *dot = strchr(token, '.');
        return dot && strchr(dot + 1, '.');
}

/* base64url without padding, in its one spelling (RFC 7515 §2). NULL: it is none; the caller frees. */
static guint8 *decode(const char *text, gsize size, gsize *ret_size)
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        g_autofree guint8 *out = g_malloc(size / 4 * 3 + 3);
        gsize n = 0;
        guint32 bits = 0;
        guint have = 0;
        if (size % 4 == 1)
                return NULL;
        for (gsize i = 0; i < size; i++) {
                const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
                if (!at)
                        return NULL;
                bits = bits << 6 | (guint32)(at - alphabet);
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        out[n++] = (guint8)(bits >> have);
                }
        }
        if (bits & ((1u << have) - 1)) /* what is left over must be nothing */
                return NULL;
        *ret_size = n;
        return g_steal_pointer(&out);
}

static json_t *decode_object(const char *text, gsize size)
{
        gsize n;
        g_autofree guint8 *bytes = decode(text, size, &n);
        json_t *o = bytes ? tb_json_parse(bytes, n, NULL) : NULL;
        if (json_is_object(o))
                return o;
        json_decref(o);
        return NULL;
}

static bool check_head(const char *text, gsize size, GError **error)
{
        json_auto_t *head = decode_object(text, size);
        const char *alg = json_string_value(json_object_get(head, "alg"));
        if (!head)
                return bad(error, "has no readable header");
        if (g_strcmp0(alg, "HS256") != 0)
                return bad(error, "is not signed by HS256, the only way that is taken here");
        if (json_object_get(head, "crit")) /* RFC 7515 §4.1.11: what we do not know must not be passed over */
                return bad(error, "wants something that this server does not know (crit)");
        return true;
}

static bool is_signed(const char *token, gsize size, const char *signature, const char *secret)
{
        gsize n;
        guint8 mac[EVP_MAX_MD_SIZE];
        unsigned int mac_size = 0;
        g_autofree guint8 *given = decode(signature, strlen(signature), &n);
        return given && n == MAC &&
               HMAC(EVP_sha256(), secret, (int)strlen(secret), (const guint8 *)token, size, mac, &mac_size) &&
               mac_size == MAC && tb_secret_equal(mac, given, MAC);
}

/* A NumericDate; `fallback` when it is not there. */
static bool take_time(const json_t *claims, const char *name, double fallback, double *ret, GError **error)
{
        const json_t *value = json_object_get(claims, name);
        *ret = value ? json_number_value(value) : fallback;
        if (!value || (json_is_number(value) && *ret >= 0 && *ret < 1e11))
                return true;
        g_autofree char *why = g_strdup_printf("has a time that is none (%s)", name);
        return bad(error, why);
}

static bool check_times(const json_t *claims, gint64 now_s, TbJwt *jwt, GError **error)
{
        double now = (double)now_s, exp, nbf, iat;
        if (!json_object_get(claims, "exp"))
                return bad(error, "does not say until when it holds (exp)");
        if (!take_time(claims, "exp", 0, &exp, error) || !take_time(claims, "nbf", now, &nbf, error) ||
            !take_time(claims, "iat", now, &iat, error))
                return false;
        if (now >= exp + TB_LIMIT_JWT_LEEWAY_S)
                return bad(error, "has expired: get a new one from who gave it");
        if (nbf > now + TB_LIMIT_JWT_LEEWAY_S || iat > now + TB_LIMIT_JWT_LEEWAY_S)
                return bad(error, "holds from later on: look whether the clocks of both machines are right");
        jwt->exp_s = (gint64)exp;
        return true;
}

static bool is_for_us(const json_t *aud)
{
        gsize i;
        json_t *one;
        if (!aud || g_strcmp0(json_string_value(aud), AUDIENCE) == 0)
                return true;
        json_array_foreach (aud, i, one)
                if (g_strcmp0(json_string_value(one), AUDIENCE) == 0)
                        return true;
        return false;
}

static bool take_groups(const json_t *list, TbJwt *jwt)
{
        g_autoptr(GStrvBuilder) out = g_strv_builder_new();
        gsize i;
        json_t *one;
        if (!list)
                return true;
        if (!json_is_array(list) || json_array_size(list) > TB_LIMIT_USER_GROUPS)
                return false;
        json_array_foreach (list, i, one) {
                if (!tb_name_valid(TB_NAME_HOST, json_string_value(one)))
                        return false;
                g_strv_builder_add(out, json_string_value(one));
        }
        jwt->groups = g_strv_builder_end(out);
        return true;
}

static bool take_claims(const json_t *claims, gint64 now_s, TbJwt *jwt, GError **error)
{
        const char *sub = json_string_value(json_object_get(claims, "sub"));
        const json_t *role = json_object_get(claims, "role");
        if (!check_times(claims, now_s, jwt, error))
                return false;
        if (!is_for_us(json_object_get(claims, "aud")))
                return bad(error, "is for somebody else (aud is not \"" AUDIENCE "\")");
        if (!tb_name_valid(TB_NAME_HOST, sub))
                return bad(error, "names no user (sub)");
        if (role && !tb_role_parse(json_string_value(role), &jwt->role))
                return bad(error, "has a role that is none (viewer, operator, admin)");
        if (!take_groups(json_object_get(claims, "groups"), jwt))
                return bad(error, "has groups that are no list of names");
        const json_t *login = json_object_get(claims, "login");
        if (login && !json_is_string(login))
                return bad(error, "names a sign-in that is none (login)");
        jwt->sub = g_strdup(sub);
        jwt->login = g_strdup(json_string_value(login));
        return true;
}

static char *encode(const void *bytes, gsize size)
{
        char *text = g_base64_encode(bytes, size);
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

char *tb_jwt_sign(const json_t *claims, const char *secret)
{
        static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
        guint8 mac[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        gsize n;
        g_autofree char *text = tb_json_text(claims, &n), *first = encode(head, sizeof head - 1),
                        *second = encode(text, n), *both = g_strconcat(first, ".", second, NULL);
        HMAC(EVP_sha256(), secret, (int)strlen(secret), (const guint8 *)both, strlen(both), mac, &size);
        g_autofree char *third = encode(mac, size);
        return g_strconcat(both, ".", third, NULL);
}

bool tb_jwt_read(const char *token, const char *secret, gint64 now_s, TbJwt *ret, GError **error)
{
        const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
        *ret = (TbJwt){NULL};
        if (!second || strchr(second + 1, '.') || strlen(token) > TB_LIMIT_JWT)
                return bad(error, "does not have three parts, or is too long");
        if (!check_head(token, (gsize)(first - token), error))
                return false;
        if (!is_signed(token, (gsize)(second - token), second + 1, secret))
                return bad(error, "is not signed with this server's secret");
        json_auto_t *claims = decode_object(first + 1, (gsize)(second - first - 1));
        if (!claims)
                return bad(error, "has no readable claims");
        if (take_claims(claims, now_s, ret, error))
                return true;
        tb_jwt_clear(ret);
        return false;
}
