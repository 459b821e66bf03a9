/* ID tokens: whatever comes is refused, in words. A second line is the claims that a key of the provider has signed, so that what lies behind
 * the signature is reached: what is taken of them keeps the rules. */
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <stdint.h>
#include <string.h>

#include "lib/limits_oidc.h"
#include "server/oidc/oidc.h"
#include "server/oidc/token.h"

static const TbOidcExpect expect = {"https://id.example", "bench", "n-1", 1800000000};

static void read_it(const char *token, const json_t *keys, bool is_signed)
{
        TbOidcOptions options = {.issuer = (char *)expect.issuer,
                                 .name_claim = (char *)"preferred_username",
                                 .groups_claim = (char *)"realm_access.roles"};
        g_autoptr(GError) error = NULL;
        json_auto_t *claims = tb_oidc_token_read(token, keys, &expect, &error);
        g_assert_true((claims == NULL) == (error != NULL) && (!claims || is_signed));
        (void)tb_oidc_token_has_key(token, keys);
        if (!claims)
                return;
        g_auto(TbOidcPerson) person = {NULL};
        TbOidcRule *rule = g_new0(TbOidcRule, 1);
        rule->value = g_strdup("lab");
        rule->role = TB_ROLE_OPERATOR;
        options.rules = g_ptr_array_new_with_free_func(tb_oidc_rule_free);
        g_ptr_array_add(options.rules, rule);
        tb_oidc_person(&options, claims, &person);
        g_assert_true(g_str_has_prefix(person.identity, "https://id.example ") &&
                      strlen(person.identity) <= 19 + TB_LIMIT_OIDC_SUBJECT);
        g_ptr_array_unref(options.rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static json_t *key, *keys;
        g_autofree char *text = g_strndup((const char *)data, size);
        const char *claims = strchr(text, '\n');
        if (!key) {
                key = json_pack("{s:s}", "alg", "ES256");
                g_assert_true(jose_jwk_gen(NULL, key));
                json_t *mine = json_deep_copy(key);
                g_assert_true(jose_jwk_pub(NULL, mine));
                keys = json_pack("{s:[o]}", "keys", mine);
        }
        read_it(text, keys, false);
        if (!claims)
                return 0;
        json_auto_t *payload = jose_b64_enc(claims + 1, strlen(claims + 1)),
                    *jws = json_pack("{s:O}", "payload", payload),
                    *sig = json_pack("{s:{s:s}}", "protected", "alg", "ES256");
        if (!jose_jws_sig(NULL, jws, sig, key))
                return 0;
        g_autofree char *token =
                g_strdup_printf("%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
                                json_string_value(json_object_get(jws, "payload")),
                                json_string_value(json_object_get(jws, "signature")));
        read_it(token, keys, true);
        return 0;
}
