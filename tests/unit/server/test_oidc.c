/* Signing in elsewhere: which ID tokens are believed, what their claims mean here, and what binds a browser's way back to its way there. */
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_oidc.h"
#include "server/oidc/oidc.h"
#include "server/oidc/pending.h"
#include "server/oidc/token.h"

#define NOW 1800000000
#define ISSUER "https://id.example"

static json_t *rsa, *ec, *other; /* pairs */

static json_t *pair(const char *alg, const char *kid)
{
        json_t *key = json_pack("{s:s, s:s}", "alg", alg, "kid", kid);
        g_assert_true(jose_jwk_gen(NULL, key));
        return key;
}

static json_t *public_of(const json_t *key)
{
        json_t *copy = json_deep_copy(key);
        g_assert_true(jose_jwk_pub(NULL, copy));
        return copy;
}

/* `head`: further members of the header. */
static char *sign(const char *claims, json_t *key, const char *head)
{
        json_auto_t *encoded = jose_b64_enc(claims, strlen(claims)),
                    *jws = json_pack("{s:O}", "payload", encoded),
                    *extra = json_loads(head ? head : "{}", 0, NULL),
                    *protected = json_pack("{s:O, s:O}", "alg", json_object_get(key, "alg"), "kid",
                                           json_object_get(key, "kid"));
        json_object_update(protected, extra);
        json_auto_t *sig = json_pack("{s:O}", "protected", protected);
        g_assert_true(jose_jws_sig(NULL, jws, sig, key));
        return g_strdup_printf("%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
                               json_string_value(json_object_get(jws, "payload")),
                               json_string_value(json_object_get(jws, "signature")));
}

static json_t *set_of(json_t *first, json_t *second)
{
        return second ? json_pack("{s:[o, o]}", "keys", public_of(first), public_of(second))
                      : json_pack("{s:[o]}", "keys", public_of(first));
}

static const TbOidcExpect expect = {ISSUER, "bench", "n-1", NOW};

static void assert_read(const char *token, const json_t *keys, const char *why)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *claims = tb_oidc_token_read(token, keys, &expect, &error);
        g_assert_true((claims != NULL) == (why == NULL));
        if (!why)
                return;
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAUTHORIZED);
        if (!strstr(error->message, why))
                g_error("%s is not in: %s", why, error->message);
}

#define BASE "\"sub\":\"u1\",\"iss\":\"" ISSUER "\",\"nonce\":\"n-1\""
#define EXP "\"exp\":1800000060"
#define AUD "\"aud\":\"bench\""

static void test_claims(void)
{
        static const struct {
                const char *claims, *why;
        } table[] = {
                {"{" BASE "," EXP "," AUD "}", NULL},
                {"{" BASE "," EXP ",\"aud\":[\"bench\"]}", NULL},
                {"{" BASE "," EXP ",\"aud\":[\"x\",\"bench\"],\"azp\":\"bench\"}", NULL},
                {"{" BASE "," EXP ",\"aud\":[\"x\",\"bench\"]}", "another client"},
                {"{" BASE "," EXP ",\"aud\":[\"x\",\"bench\"],\"azp\":\"x\"}", "another client"},
                {"{" BASE "," EXP "," AUD ",\"azp\":\"x\"}", "another client"},
                {"{" BASE "," EXP ",\"aud\":\"x\"}", "another client"},
                {"{" BASE "," EXP ",\"aud\":[]}", "another client"},
                {"{" BASE "," EXP "}", "another client"},
                {"{" BASE "," AUD ",\"exp\":1799999941}", NULL}, /* TB_LIMIT_JWT_LEEWAY_S */
                {"{" BASE "," AUD ",\"exp\":1799999940}", "expired"},
                {"{" BASE "," AUD ",\"exp\":\"1800000060\"}", "expired"},
                {"{" BASE "," AUD "}", "expired"},
                {"{" BASE "," AUD "," EXP ",\"nbf\":1800000060}", NULL},
                {"{" BASE "," AUD "," EXP ",\"nbf\":1800000061}", "not hold yet"},
                {"{\"sub\":\"u1\",\"iss\":\"" ISSUER "/\",\"nonce\":\"n-1\"," EXP "," AUD "}",
                 "another issuer"},
                {"{\"sub\":\"u1\",\"nonce\":\"n-1\"," EXP "," AUD "}", "another issuer"},
                {"{\"sub\":\"u1\",\"iss\":\"" ISSUER "\",\"nonce\":\"n-2\"," EXP "," AUD "}",
                 "another sign-in"},
                {"{\"sub\":\"u1\",\"iss\":\"" ISSUER "\"," EXP "," AUD "}", "another sign-in"},
                {"{\"iss\":\"" ISSUER "\",\"nonce\":\"n-1\"," EXP "," AUD "}", "who it is"},
                {"{\"sub\":\"\",\"iss\":\"" ISSUER "\",\"nonce\":\"n-1\"," EXP "," AUD "}", "who it is"},
                {"{\"sub\":\"u 1\",\"iss\":\"" ISSUER "\",\"nonce\":\"n-1\"," EXP "," AUD "}", "who it is"},
                {"{\"sub\":7,\"iss\":\"" ISSUER "\",\"nonce\":\"n-1\"," EXP "," AUD "}", "who it is"},
                {"{\"sub\":\"u1\",\"sub\":\"u2\"," EXP "}", "no JSON"},
                {"[]", "no JSON"},
        };
        json_auto_t *keys = set_of(ec, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autofree char *token = sign(table[i].claims, ec, NULL);
                assert_read(token, keys, table[i].why);
        }
}

/* TB_LIMIT_OIDC_SUBJECT and one more; TB_LIMIT_OIDC_TOKEN. */
static void test_sizes(void)
{
        json_auto_t *keys = set_of(ec, NULL);
        for (gsize more = 0; more < 2; more++) {
                g_autofree char *sub = g_strnfill(TB_LIMIT_OIDC_SUBJECT + more, 'x'),
                                *claims = g_strdup_printf("{\"sub\":\"%s\",\"iss\":\"" ISSUER
                                                          "\",\"nonce\":\"n-1\"," EXP "," AUD "}",
                                                          sub),
                                *token = sign(claims, ec, NULL);
                assert_read(token, keys, more ? "who it is" : NULL);
        }
        for (gsize more = 0; more < 2; more++) { /* base64url of the text that fills it up */
                g_autofree char *least = sign("{" BASE "," EXP "," AUD ",\"x\":\"\"}", ec, NULL),
                                *fill = g_strnfill((TB_LIMIT_OIDC_TOKEN - strlen(least)) / 4 * 3 + 3 * more,
                                                   'x'),
                                *claims = g_strdup_printf("{" BASE "," EXP "," AUD ",\"x\":\"%s\"}", fill),
                                *token = sign(claims, ec, NULL);
                g_assert_true((strlen(token) > TB_LIMIT_OIDC_TOKEN) == (more > 0));
                assert_read(token, keys, more ? "is none" : NULL);
        }
}

static void test_keys(void)
{
        json_auto_t *both = set_of(rsa, ec), *one = set_of(other, NULL), *none = json_pack("{s:[]}", "keys");
        const char *fine = "{" BASE "," EXP "," AUD "}";
        g_autofree char *by_rsa = sign(fine, rsa, NULL), *by_ec = sign(fine, ec, NULL),
                        *unknown = sign(fine, ec, "{\"kid\":\"z\"}"),
                        *crit = sign(fine, ec, "{\"crit\":[\"exp\"]}");
        assert_read(by_rsa, both, NULL);
        assert_read(by_ec, both, NULL);
        assert_read(by_ec, one, "none of its keys");
        assert_read(by_ec, none, "none of its keys");
        assert_read(unknown, both, "none of its keys");
        assert_read(crit, both, "crit");
        g_assert_true(tb_oidc_token_has_key(by_ec, both));
        g_assert_false(tb_oidc_token_has_key(by_ec, one) || tb_oidc_token_has_key(unknown, both));
        /* one character of the signature, of the claims, of the head; parts that are missing, or too many */
        for (gsize at = 1; at < strlen(by_ec) - 2; at += 7) {
                g_autofree char *bad = g_strdup(by_ec);
                bad[at] = bad[at] == 'A' ? 'B' : 'A';
                g_autoptr(GError) error = NULL;
                json_auto_t *claims = tb_oidc_token_read(bad, both, &expect, &error);
                g_assert_null(claims);
        }
        static const char *const shapes[] = {"",      ".",       "..",       "a.b",
                                             "a.b.c", "a.b.c.d", "e30.e30.", "e30.e30.AA"};
        for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *claims = tb_oidc_token_read(shapes[i], both, &expect, &error);
                g_assert_null(claims);
                g_assert_nonnull(error);
        }
        json_auto_t *many = json_pack("{s:[]}", "keys");
        for (guint i = 0; i < TB_LIMIT_OIDC_KEYS; i++)
                json_array_append_new(json_object_get(many, "keys"), public_of(i ? other : ec));
        assert_read(by_ec, many, NULL);
        json_array_append_new(json_object_get(many, "keys"), public_of(other));
        assert_read(by_ec, many, "none of its keys");
}

/* What is public is no secret that both know; what signs nothing is no signature; a key for something else signs nothing. */
static void test_ways(void)
{
        const char *fine = "{" BASE "," EXP "," AUD "}";
        json_auto_t *secret = json_pack("{s:s, s:s, s:s, s:s}", "kty", "oct", "alg", "HS256", "kid", "h", "k",
                                        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"),
                    *set = json_pack("{s:[O]}", "keys", secret), *enc = set_of(ec, NULL);
        g_autofree char *by_secret = sign(fine, secret, NULL), *by_ec = sign(fine, ec, NULL);
        assert_read(by_secret, set, "none of its keys");
        json_object_set_new(json_array_get(json_object_get(enc, "keys"), 0), "use", json_string("enc"));
        assert_read(by_ec, enc, "none of its keys");
        json_auto_t *alg = set_of(ec, NULL);
        json_object_set_new(json_array_get(json_object_get(alg, "keys"), 0), "alg", json_string("ES384"));
        assert_read(by_ec, alg, "none of its keys");
        json_auto_t *all = set_of(ec, rsa);
        assert_read("eyJhbGciOiJub25lIn0.e30.AA", all, "none of its keys"); /* {"alg":"none"} */
}

/* --- whom it makes somebody here --- */
static TbOidcOptions options_of(TbRole role)
{
        TbOidcOptions o = {.issuer = g_strdup(ISSUER),
                           .name_claim = g_strdup("preferred_username"),
                           .groups_claim = g_strdup("realm.roles"),
                           .role = role,
                           .rules = g_ptr_array_new_with_free_func(tb_oidc_rule_free)};
        static const struct {
                const char *value;
                TbRole role;
                const char *groups;
        } rules[] = {{"boss", TB_ROLE_ADMIN, ""},
                     {"lab", TB_ROLE_OPERATOR, "boards"},
                     {"hall", TB_ROLE_NONE, "phones boards"}};
        for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
                TbOidcRule *rule = g_new0(TbOidcRule, 1);
                rule->value = g_strdup(rules[i].value);
                rule->role = rules[i].role;
                rule->groups = *rules[i].groups ? g_strsplit(rules[i].groups, " ", -1) : g_new0(char *, 1);
                g_ptr_array_add(o.rules, rule);
        }
        return o;
}

static void test_person(void)
{
        static const struct {
                const char *groups; /* of "realm": {"roles": …} */
                TbRole fallback, role;
                const char *in;
        } table[] = {
                {"[\"lab\"]", TB_ROLE_NONE, TB_ROLE_OPERATOR, "boards"},
                {"[\"lab\", \"boss\"]", TB_ROLE_NONE, TB_ROLE_ADMIN, "boards"},
                {"[\"hall\", \"lab\"]", TB_ROLE_NONE, TB_ROLE_OPERATOR, "boards phones"},
                {"[\"hall\"]", TB_ROLE_VIEWER, TB_ROLE_VIEWER, "phones boards"},
                {"[\"hall\"]", TB_ROLE_NONE, TB_ROLE_NONE, "phones boards"},
                {"\"lab\"", TB_ROLE_NONE, TB_ROLE_OPERATOR, "boards"},
                {"[\"LAB\", 7, null, \"labs\"]", TB_ROLE_NONE, TB_ROLE_NONE, ""},
                {"{\"lab\": true}", TB_ROLE_VIEWER, TB_ROLE_VIEWER, ""},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
                TbOidcOptions o = options_of(table[i].fallback);
                g_auto(TbOidcPerson) person = {NULL};
                g_autofree char *text = g_strdup_printf(
                        "{\"sub\": \"u1\", \"preferred_username\": \"anna\", \"realm\": {\"roles\": %s}}",
                        table[i].groups);
                json_auto_t *claims = json_loads(text, 0, NULL);
                tb_oidc_person(&o, claims, &person);
                g_autofree char *in = g_strjoinv(" ", person.groups);
                g_assert_cmpint(person.role, ==, table[i].role);
                g_assert_cmpstr(in, ==, table[i].in);
                g_assert_cmpstr(person.name, ==, "anna");
                g_assert_cmpstr(person.identity, ==, ISSUER " u1");
                tb_oidc_options_clear(&o);
        }
}

/* TB_LIMIT_OIDC_VALUES: the last that is looked at, and the one behind it. */
static void test_many_groups(void)
{
        TbOidcOptions o = options_of(TB_ROLE_NONE);
        json_auto_t *claims = json_pack("{s:s, s:[]}", "sub", "u1", "realm.roles");
        json_t *list = json_object_get(claims, "realm.roles");
        for (guint i = 0; i < TB_LIMIT_OIDC_VALUES; i++)
                json_array_append_new(list, json_string("x"));
        json_array_append_new(list, json_string("lab"));
        for (int first = 0; first < 2; first++) {
                g_auto(TbOidcPerson) person = {NULL};
                tb_oidc_person(&o, claims, &person);
                g_assert_cmpint(person.role, ==, first ? TB_ROLE_OPERATOR : TB_ROLE_NONE);
                g_assert_null(person.name);
                json_array_remove(list, 0);
        }
        tb_oidc_options_clear(&o);
}

/* --- there and back --- */
static void test_pending(void)
{
        TbPendings *all = tb_pendings_new();
        const TbPending *p = tb_pendings_add(all, "https://bench/cb", "links", NULL, 1);
        g_autofree char *state = g_strdup(p->state), *browser = g_strdup(p->browser);
        g_assert_null(tb_pendings_take(all, "x", browser, 1));
        TbPending *mine = tb_pendings_take(all, state, browser, 1);
        g_assert_cmpstr(mine->to, ==, "links");
        g_assert_cmpstr(mine->redirect_uri, ==, "https://bench/cb");
        tb_pending_free(mine);
        g_assert_null(tb_pendings_take(all, state, browser, 1)); /* once */
        static const char *const wrong[] = {NULL, "", "x"};
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                p = tb_pendings_add(all, "u", "", "anna", 1);
                g_autofree char *s = g_strdup(p->state), *b = g_strdup(p->browser);
                g_assert_null(tb_pendings_take(all, s, wrong[i], 1));
                g_assert_null(tb_pendings_take(all, s, b, 1)); /* it is spoilt */
        }
        for (gint64 late = 0; late < 2; late++) {
                p = tb_pendings_add(all, "u", "", "anna", 5);
                g_autofree char *s = g_strdup(p->state), *b = g_strdup(p->browser);
                mine = tb_pendings_take(all, s, b, 4 + TB_LIMIT_OIDC_PENDING_S * 1000 + late);
                g_assert_true((mine == NULL) == (late > 0));
                tb_pending_free(mine);
        }
        tb_pendings_free(all);
}

/* TB_LIMIT_OIDC_PENDING: for one more the oldest goes. */
static void test_pending_room(void)
{
        TbPendings *all = tb_pendings_new();
        const TbPending *p = tb_pendings_add(all, "u", "", NULL, 1);
        g_autofree char *s1 = g_strdup(p->state), *b1 = g_strdup(p->browser);
        p = tb_pendings_add(all, "u", "", NULL, 1);
        g_autofree char *s2 = g_strdup(p->state), *b2 = g_strdup(p->browser);
        for (guint i = 2; i < TB_LIMIT_OIDC_PENDING + 1; i++)
                tb_pendings_add(all, "u", "", NULL, 1);
        g_assert_null(tb_pendings_take(all, s1, b1, 1));
        TbPending *second = tb_pendings_take(all, s2, b2, 1);
        g_assert_nonnull(second);
        tb_pending_free(second);
        tb_pendings_free(all);
}

/* RFC 7636, appendix B. */
static void test_challenge(void)
{
        TbPending p = {.verifier = (char *)"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"};
        g_autofree char *challenge = tb_pending_challenge(&p);
        g_assert_cmpstr(challenge, ==, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        rsa = pair("RS256", "r");
        ec = pair("ES256", "e");
        other = pair("ES256", "o");
        g_test_add_func("/oidc/claims", test_claims);
        g_test_add_func("/oidc/sizes", test_sizes);
        g_test_add_func("/oidc/keys", test_keys);
        g_test_add_func("/oidc/ways", test_ways);
        g_test_add_func("/oidc/person", test_person);
        g_test_add_func("/oidc/many-groups", test_many_groups);
        g_test_add_func("/oidc/pending", test_pending);
        g_test_add_func("/oidc/pending-room", test_pending_room);
        g_test_add_func("/oidc/challenge", test_challenge);
        int failed = g_test_run();
        json_decref(rsa);
        json_decref(ec);
        json_decref(other);
        return failed;
}
