/* Signed tokens: whatever comes is refused, or was signed, and what is taken of it keeps the rules. A second line is the claims that are
 * signed with the right secret, so that what lies behind the signature is reached. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <string.h>

#include "lib/name.h"
#include "server/accounts/jwt.h"
#include "server/accounts/password.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static char *encode(const void *bytes, gsize size)
{
        char *text = g_base64_encode(bytes, size);
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

static void read_it(const char *token, bool is_signed)
{
        g_auto(TbJwt) jwt = {NULL};
        g_autoptr(GError) error = NULL;
        bool ok = tb_jwt_read(token, SECRET, 1800000000, &jwt, &error);
        g_assert_true(ok == (error == NULL) && (!ok || is_signed));
        if (!ok)
                return;
        g_assert_true(tb_name_valid(TB_NAME_HOST, jwt.sub) && jwt.role <= TB_ROLE_ADMIN);
        for (char **g = jwt.groups; g && *g; g++)
                g_assert_true(tb_name_valid(TB_NAME_HOST, *g));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        const char *claims = strchr(text, '\n');
        guint8 mac[EVP_MAX_MD_SIZE];
        unsigned int n = 0;
        read_it(text, false);
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_password_is_good(text, "anna", &error) == (error == NULL));
        (void)tb_password_is_text(text);
        if (!claims)
                return 0;
        g_autofree char *a = encode(text, (gsize)(claims - text)),
                        *b = encode(claims + 1, strlen(claims + 1)), *body = g_strconcat(a, ".", b, NULL);
        HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const guint8 *)body, strlen(body), mac, &n);
        g_autofree char *c = encode(mac, n), *token = g_strconcat(body, ".", c, NULL);
        read_it(token, true);
        return 0;
}
