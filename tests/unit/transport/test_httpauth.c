#include "drivers/transport/httpauth.h"

#include <string.h>

/* RFC 7616 §3.9.1 */
#define RFC_NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define RFC_CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
#define RFC_OPAQUE "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
static const char rfc[] = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                          "algorithm=SHA-256, nonce=\"" RFC_NONCE "\", opaque=\"" RFC_OPAQUE
                          "\", Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                          "algorithm=MD5, nonce=\"" RFC_NONCE "\", opaque=\"" RFC_OPAQUE "\"";

static void check_rfc(const char *header, TbHttpAuthScheme scheme, const char *response)
{
        TbHttpAuthChallenge c;
        g_assert_true(tb_http_auth_parse(header, &c));
        g_assert_cmpint(c.scheme, ==, scheme);
        g_assert_true(c.qop);
        g_autofree char *answer =
                tb_http_auth_answer(&c, "Mufasa", "Circle of Life", "GET", "/dir/index.html", RFC_CNONCE, 1);
        g_assert_nonnull(strstr(answer, response));
        g_assert_nonnull(strstr(answer, "nc=00000001"));
        g_assert_nonnull(strstr(answer, "opaque=\"" RFC_OPAQUE "\""));
        tb_http_auth_clear(&c);
}

static void test_rfc7616(void)
{
        check_rfc(rfc, TB_HTTP_AUTH_DIGEST_SHA256,
                  "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        check_rfc(strstr(rfc + 1, "Digest"), TB_HTTP_AUTH_DIGEST_MD5, "8ca523f5e9506fed4657c9700eebdbec");
}

/* RFC 2617 §3.5, without qop as RFC 2069 clients compute it: checked with openssl dgst -md5 */
static void test_no_qop(void)
{
        TbHttpAuthChallenge c;
        g_assert_true(tb_http_auth_parse(
                "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"", &c));
        g_assert_false(c.qop);
        g_autofree char *answer =
                tb_http_auth_answer(&c, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "x", 1);
        g_assert_nonnull(strstr(answer, "response=\"670fd8c2df070c60b045671b8b24ff02\""));
        g_assert_null(strstr(answer, "cnonce"));
        tb_http_auth_clear(&c);
}

/* Shelly Gen2+ over HTTP (PROTOCOLS: calculated vector) */
static void test_shelly(void)
{
        TbHttpAuthChallenge c;
        g_assert_true(tb_http_auth_parse("Digest qop=\"auth\", realm=\"shellyplus2pm-485519992590\", "
                                         "nonce=\"1725185413\", algorithm=SHA-256",
                                         &c));
        g_autofree char *answer = tb_http_auth_answer(&c, "admin", "secret", "POST", "/rpc", "Y25vbmNl", 1);
        g_assert_nonnull(strstr(answer, "9808980b6a739f03cbb378b4183c20b160a6c41485848a793560dd5a20e31acd"));
        tb_http_auth_clear(&c);
}

static void test_choice(void)
{
        TbHttpAuthChallenge c;
        g_assert_true(
                tb_http_auth_parse("Basic realm=\"a, b\", Digest realm=\"r\\\"q\", nonce=n, stale=TRUE", &c));
        g_assert_cmpint(c.scheme, ==, TB_HTTP_AUTH_DIGEST_MD5);
        g_assert_cmpstr(c.realm, ==, "r\"q");
        g_assert_true(c.stale);
        tb_http_auth_clear(&c);
        g_assert_true(
                tb_http_auth_parse("Digest realm=r, nonce=n, algorithm=SHA-512-256, Basic realm=x", &c));
        g_assert_cmpint(c.scheme, ==, TB_HTTP_AUTH_BASIC);
        g_autofree char *answer =
                tb_http_auth_answer(&c, "Aladdin", "open sesame", "GET", "/", "", 1); /* RFC 7617 §2 */
        g_assert_cmpstr(answer, ==, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        tb_http_auth_clear(&c);
        g_assert_true(tb_http_auth_parse("Digest realm=r, nonce=n, qop=\"auth-int\"", &c));
        g_assert_cmpint(c.scheme, ==, TB_HTTP_AUTH_NONE);
        g_assert_true(tb_http_auth_parse("Negotiate", &c));
        g_assert_cmpint(c.scheme, ==, TB_HTTP_AUTH_NONE);
}

static void test_malformed(void)
{
        static const char *const bad[] = {"Digest realm=\"open", "Digest realm=", "=x", "Digest realm=\"a\"b",
                                          "Digest \x01"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                TbHttpAuthChallenge c;
                g_assert_false(tb_http_auth_parse(bad[i], &c));
                g_assert_cmpint(c.scheme, ==, TB_HTTP_AUTH_NONE);
        }
        for (gsize n = 0; n <= strlen(rfc); n++) { /* cut at every offset: no crash, nothing leaked */
                g_autofree char *cut = g_strndup(rfc, n);
                TbHttpAuthChallenge c;
                tb_http_auth_parse(cut, &c);
                tb_http_auth_clear(&c);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/httpauth/rfc7616", test_rfc7616);
        g_test_add_func("/httpauth/no-qop", test_no_qop);
        g_test_add_func("/httpauth/shelly", test_shelly);
        g_test_add_func("/httpauth/choice", test_choice);
        g_test_add_func("/httpauth/malformed", test_malformed);
        return g_test_run();
}
