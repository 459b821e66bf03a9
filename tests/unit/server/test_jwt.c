/* Tokens that somebody else signs: what is taken, and everything that is not. */
#include "server/accounts/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

#define SECRET "0123456789abcdef0123456789abcdef" /* TB_LIMIT_JWT_SECRET */
#define NOW 1800000000

static char *encode(const void *bytes, gsize size)
{
        char *text = g_base64_encode(bytes, size);
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

static char *signed_text(const char *head, const char *claims, const char *secret)
{
        guint8 mac[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        g_autofree char *a = encode(head, strlen(head)), *b = encode(claims, strlen(claims)),
                        *text = g_strconcat(a, ".", b, NULL);
        HMAC(EVP_sha256(), secret, (int)strlen(secret), (const guint8 *)text, strlen(text), mac, &size);
        g_autofree char *c = encode(mac, size);
        return g_strconcat(text, ".", c, NULL);
}

#define HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS(more) "{\"sub\":\"carl\",\"role\":\"operator\"," more "}"
#define EXP "\"exp\":1800000060"

static void claims(void)
{
        static const struct {
                const char *head, *claims, *why; /* why NULL: it is taken */
        } table[] = {
                {HEAD, CLAIMS(EXP), NULL},
                {"{\"alg\":\"HS256\"}", CLAIMS(EXP), NULL},
                {HEAD, CLAIMS("\"exp\":1800000060.5,\"nbf\":1799999999,\"iat\":1799999999"), NULL},
                {HEAD, CLAIMS(EXP ",\"aud\":\"testbed\""), NULL},
                {HEAD, CLAIMS(EXP ",\"aud\":[\"a\",\"testbed\"]"), NULL},
                {HEAD, CLAIMS(EXP ",\"groups\":[\"lab-1\"]"), NULL},
                {HEAD, "{\"sub\":\"carl\"," EXP "}", NULL},
                /* the leeway, TB_LIMIT_JWT_LEEWAY_S */
                {HEAD, CLAIMS("\"exp\":1799999941"), NULL},
                {HEAD, CLAIMS("\"exp\":1799999940"), "expired"},
                {HEAD, CLAIMS(EXP ",\"nbf\":1800000060"), NULL},
                {HEAD, CLAIMS(EXP ",\"nbf\":1800000061"), "later on"},
                {HEAD, CLAIMS(EXP ",\"iat\":1800000061"), "later on"},
                {"{\"alg\":\"none\"}", CLAIMS(EXP), "HS256"},
                {"{\"alg\":\"hs256\"}", CLAIMS(EXP), "HS256"},
                {"{\"alg\":\"RS256\"}", CLAIMS(EXP), "HS256"},
                {"{\"alg\":null}", CLAIMS(EXP), "HS256"},
                {"{\"alg\":\"none\",\"alg\":\"HS256\"}", CLAIMS(EXP), "header"},
                {"{\"alg\":\"HS256\",\"crit\":[\"x\"]}", CLAIMS(EXP), "crit"},
                {"[]", CLAIMS(EXP), "header"},
                {HEAD, CLAIMS("\"x\":1"), "until when"},
                {HEAD, CLAIMS("\"exp\":\"1800000060\""), "time"},
                {HEAD, CLAIMS("\"exp\":-1"), "time"},
                {HEAD, CLAIMS("\"exp\":1e300"), "time"},
                {HEAD, CLAIMS(EXP ",\"aud\":\"other\""), "somebody else"},
                {HEAD, CLAIMS(EXP ",\"aud\":[]"), "somebody else"},
                {HEAD, CLAIMS(EXP ",\"role\":\"admin\""), "claims"}, /* twice */
                {HEAD, "{\"sub\":\"carl\",\"role\":\"king\"," EXP "}", "role"},
                {HEAD, "{\"sub\":\"carl\",\"role\":null," EXP "}", "role"},
                {HEAD, "{\"sub\":\"\",\"role\":\"viewer\"," EXP "}", "sub"},
                {HEAD, "{\"sub\":\"a b\",\"role\":\"viewer\"," EXP "}", "sub"},
                {HEAD, CLAIMS(EXP ",\"groups\":\"lab-1\""), "groups"},
                {HEAD, CLAIMS(EXP ",\"groups\":[1]"), "groups"},
                {HEAD, "[1]", "claims"},
                {HEAD, "", "claims"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autofree char *token = signed_text(table[i].head, table[i].claims, SECRET);
                g_autoptr(GError) error = NULL;
                g_auto(TbJwt) jwt = {NULL};
                bool ok = tb_jwt_read(token, SECRET, NOW, &jwt, &error);
                const char *why = table[i].why ? table[i].why : "?";
                if (ok != (table[i].why == NULL) || (error && !strstr(error->message, why)))
                        g_error("%s %s: %s", table[i].head, table[i].claims,
                                error ? error->message : "taken");
                if (ok)
                        g_assert_cmpstr(jwt.sub, ==, "carl");
                else
                        g_assert_error(error, TB_ERROR, TB_ERROR_UNAUTHORIZED);
        }
}

/* Each of its characters, changed or taken away, makes it nobody's. */
static void forged(void)
{
        g_autofree char *token = signed_text(HEAD, CLAIMS(EXP), SECRET),
                        *other = signed_text(HEAD, CLAIMS(EXP), "x");
        g_auto(TbJwt) jwt = {NULL};
        gsize size = strlen(token);
        g_assert_true(tb_jwt_looks_like_one(token));
        g_assert_false(tb_jwt_looks_like_one("0123456789abcdef"));
        g_assert_true(tb_jwt_read(token, SECRET, NOW, &jwt, NULL));
        g_assert_cmpint(jwt.role, ==, TB_ROLE_OPERATOR);
        g_assert_cmpint(jwt.exp_s, ==, NOW + 60);
        g_assert_false(tb_jwt_read(other, SECRET, NOW, &(TbJwt){NULL}, NULL));
        for (gsize i = 0; i < size; i++) {
                g_autofree char *changed = g_strdup(token), *shorter = g_strndup(token, i);
                changed[i] = changed[i] == 'A' ? 'B' : 'A';
                g_assert_false(tb_jwt_read(changed, SECRET, NOW, &(TbJwt){NULL}, NULL));
                g_assert_false(tb_jwt_read(shorter, SECRET, NOW, &(TbJwt){NULL}, NULL));
        }
        /* one spelling: the bits that are left over in the last character are nothing, and there is no padding */
        static const char *const ends[] = {"=", ".", "A", "\n", " "};
        for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
                g_autofree char *longer = g_strconcat(token, ends[i], NULL);
                g_assert_false(tb_jwt_read(longer, SECRET, NOW, &(TbJwt){NULL}, NULL));
        }
        g_autofree char *pad = g_strnfill(TB_LIMIT_JWT, 'x'),
                        *much = g_strdup_printf(CLAIMS(EXP ",\"x\":\"%s\""), pad),
                        *large = signed_text(HEAD, much, SECRET);
        g_assert_false(tb_jwt_read(large, SECRET, NOW, &(TbJwt){NULL}, NULL));
}

/* What this server signs itself is read as anybody's, and says of which sign-in it is. */
static void signed_here(void)
{
        g_auto(TbJwt) jwt = {NULL};
        json_auto_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:i}", "sub", "anna", "role", "viewer", "aud",
                                        "testbed", "login", "l-1", "exp", NOW + 60);
        g_autofree char *token = tb_jwt_sign(claims, SECRET),
                        *odd = signed_text(HEAD, CLAIMS(EXP ",\"login\":7"), SECRET);
        g_assert_true(tb_jwt_read(token, SECRET, NOW, &jwt, NULL));
        g_assert_cmpstr(jwt.sub, ==, "anna");
        g_assert_cmpstr(jwt.login, ==, "l-1");
        g_assert_false(tb_jwt_read(token, SECRET "x", NOW, &(TbJwt){NULL}, NULL));
        g_assert_false(tb_jwt_read(odd, SECRET, NOW, &(TbJwt){NULL}, NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/jwt/claims", claims);
        g_test_add_func("/jwt/forged", forged);
        g_test_add_func("/jwt/signed-here", signed_here);
        return g_test_run();
}
