/* KLAP's hashes, keys and envelopes, on vectors that python-kasa's own KlapEncryptionSession made. */
#include <string.h>

#include "drivers/transport/klap_session.h"

#define USER "user@example.com"
#define PASSWORD "password123"
#define PLAIN "{\"method\":\"get_device_info\"}"

static char *hex(const guint8 *bytes, gsize n)
{
        GString *text = g_string_new(NULL);
        for (gsize i = 0; i < n; i++)
                g_string_append_printf(text, "%02x", bytes[i]);
        return g_string_free(text, FALSE);
}

static void is_hex(const guint8 *bytes, gsize n, const char *expected)
{
        g_autofree char *is = hex(bytes, n);
        g_assert_cmpstr(is, ==, expected);
}

static void bytes_of(const char *text, guint8 *into)
{
        for (gsize i = 0; text[2 * i]; i++)
                into[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                                   g_ascii_xdigit_value(text[2 * i + 1]));
}

static void counted(TbKlap *k, guint8 hello[TB_KLAP_HELLO], const char *proof)
{
        *k = (TbKlap){0};
        for (guint8 i = 0; i < TB_KLAP_SEED; i++) {
                k->local[i] = i;
                hello[i] = 0x10 + i;
        }
        bytes_of(proof, hello + TB_KLAP_SEED);
}

static void test_vectors(void)
{
        static const struct {
                int version;
                const char *hello, *auth, *proof, *key, *iv, *sig, *body;
                gint32 seq;
        } v[] = {{1, "a0093a95c096357f0062226a7eb15d7984face8adc0711caf8ec58cc44881467",
                  "5f03c81deeba76ab46ecedc0d3350b91",
                  "80636bbbe7137852b8eb869f9790cf0a2dc6c4652908b9c8ab15a78eefe0b0d8",
                  "0b74ab1e22d4bbc49c79a30d97b50102", "40037908b9e6619612773d8b",
                  "baf15381c2cab826a66736381101899bc9bc1ee2066f6b06cefd6b09",
                  "6466e6b073e94b51a3033595fd8a0b24a4140fb49374c5b5c0775d0b3c2be29f9ae33e43b2e965255fe189c465"
                  "23271bee9596"
                  "52e3b3d90521ddd8073c3ffff2",
                  474403070},
                 {2, "21f27ccace7cf984d6ed402aa09db27fb98f16573f83e0e71b37e84b8f35d3d5",
                  "35365bf4467b1b0fa6569d60a5fa0b11ebc3010dc9b6c9018da3c00d9969e404",
                  "5f307e5b07fa7157e8bf0d9ec5cb2e9fa08c8aca433df2d199b5962ed9859ce6",
                  "7ca1d32e916ce872becb13f83af7daa1", "491492ea81c693c9fde7cb05",
                  "dba5401c63214f6c29dcaff254b5c410b945385e9d9dd5eba2d58cb3",
                  "f74c5237c1a4dd2ee9ee961d4c111daa0d3ee9186103b30fd8b0d9daf1fdef59b0e83b99254f670740306a8f0f"
                  "e272da15b70c"
                  "8bea55119c982ba0fc446c8f6e",
                  1807901053}};
        for (guint i = 0; i < G_N_ELEMENTS(v); i++) {
                TbKlap k;
                guint8 hello[TB_KLAP_HELLO], proof[TB_KLAP_HASH];
                counted(&k, hello, v[i].hello);
                g_assert_true(tb_klap_begin(&k, USER, PASSWORD, hello));
                g_assert_cmpint(k.version, ==, v[i].version);
                g_assert_cmpint(k.seq, ==, v[i].seq);
                is_hex(k.auth, k.auth_size, v[i].auth);
                is_hex(k.key, sizeof k.key, v[i].key);
                is_hex(k.iv, sizeof k.iv, v[i].iv);
                is_hex(k.sig, sizeof k.sig, v[i].sig);
                tb_klap_proof(&k, proof);
                is_hex(proof, sizeof proof, v[i].proof);
                g_autoptr(GByteArray) body = tb_klap_seal(&k, PLAIN);
                is_hex(body->data, body->len, v[i].body);
                g_assert_cmpint(k.seq, ==, v[i].seq + 1);
                g_autofree char *open = tb_klap_open(&k, body->data, body->len);
                g_assert_cmpstr(open, ==, PLAIN);
                g_assert_null(tb_klap_open(&k, body->data, TB_KLAP_HASH));
                g_assert_null(tb_klap_open(&k, body->data, body->len - 1));
                k.key[0] ^= 1; /* not ours: the padding tells, nearly always */
                g_autofree char *other = tb_klap_open(&k, body->data, body->len);
                g_assert_cmpstr(other, !=, PLAIN);
        }
}

/* A number that begins below zero, and one that goes over the end. */
static void test_numbers(void)
{
        TbKlap k = {0};
        guint8 hello[TB_KLAP_HELLO];
        counted(&k, hello, "");
        memset(k.local, 0, sizeof k.local);
        GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
        gsize n = TB_KLAP_HASH;
        guint8 auth[TB_KLAP_HASH];
        bytes_of("35365bf4467b1b0fa6569d60a5fa0b11ebc3010dc9b6c9018da3c00d9969e404", auth);
        g_checksum_update(sum, k.local, TB_KLAP_SEED);
        g_checksum_update(sum, hello, TB_KLAP_SEED);
        g_checksum_update(sum, auth, sizeof auth);
        g_checksum_get_digest(sum, hello + TB_KLAP_SEED, &n);
        g_checksum_free(sum);
        g_assert_true(tb_klap_begin(&k, USER, PASSWORD, hello));
        g_assert_cmpint(k.seq, ==, -1058590950);
        g_autoptr(GByteArray) body = tb_klap_seal(&k, "{}");
        is_hex(body->data, body->len,
               "76c11b2ff85f4c781889e582f4adfcd3a8e6a79fcb408b8864fd4b2e3a26a7397203829c2ee930053c8cf890f5069"
               "f45");
        k.seq = G_MAXINT32;
        g_autoptr(GByteArray) last = tb_klap_seal(&k, "{}");
        g_assert_cmpint(k.seq, ==, G_MININT32);
}

/* Another account's proof, and that of a plug that nobody has bound yet. */
static void test_accounts(void)
{
        TbKlap k;
        guint8 hello[TB_KLAP_HELLO];
        counted(&k, hello, "21f27ccace7cf984d6ed402aa09db27fb98f16573f83e0e71b37e84b8f35d3d5");
        g_assert_false(tb_klap_begin(&k, USER, "Password123", hello));
        g_assert_false(tb_klap_begin(&k, NULL, NULL, hello));
        TbKlap plug;
        counted(&plug, hello, "00");
        memcpy(plug.remote, hello, TB_KLAP_SEED);
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256),
                             auth = g_checksum_new(G_CHECKSUM_SHA256);
        guint8 part[TB_KLAP_HASH];
        for (int i = 0; i < 2; i++) {
                g_autoptr(GChecksum) inner = g_checksum_new(G_CHECKSUM_SHA1);
                gsize n = sizeof part;
                g_checksum_update(inner, (const guchar *)(i ? "test" : "test@tp-link.net"), -1);
                g_checksum_get_digest(inner, part, &n);
                g_checksum_update(auth, part, (gssize)n);
        }
        gsize n = sizeof part;
        g_checksum_get_digest(auth, part, &n);
        g_checksum_update(sum, plug.local, TB_KLAP_SEED);
        g_checksum_update(sum, plug.remote, TB_KLAP_SEED);
        g_checksum_update(sum, part, (gssize)n);
        g_checksum_get_digest(sum, hello + TB_KLAP_SEED, &n);
        g_assert_true(tb_klap_begin(&plug, USER, PASSWORD, hello));
        g_assert_cmpint(plug.version, ==, 2);
}

static void test_cookies(void)
{
        static const struct {
                const char *sent, *cookie;
                int seconds;
        } v[] = {{"TP_SESSIONID=A1B2;TIMEOUT=1440", "TP_SESSIONID=A1B2", 1440},
                 {"TP_SESSIONID=A1B2; Path=/, TIMEOUT=86400", "TP_SESSIONID=A1B2", 86400},
                 {"SESSIONID=x", "SESSIONID=x", 86400},
                 {"SESSIONID=x;TIMEOUT=-5", "SESSIONID=x", 86400},
                 {"SESSIONID=x;TIMEOUT=99999999999999999999", "SESSIONID=x", 86400},
                 {"TIMEOUT=5", NULL, 0},
                 {"", NULL, 0},
                 {NULL, NULL, 0}};
        for (guint i = 0; i < G_N_ELEMENTS(v); i++) {
                int seconds = 0;
                g_autofree char *cookie = tb_klap_session_cookie(v[i].sent, &seconds);
                g_assert_cmpstr(cookie, ==, v[i].cookie);
                g_assert_cmpint(seconds, ==, v[i].seconds);
        }
}

/* Without an account the plug is said to want one; with one, to refuse it. */
static void test_words(void)
{
        TbHttpDevice d = {.what = (char *)"Tapo", .where = (char *)"10.0.0.7"};
        const TbKlapAccount none = {NULL, NULL}, some = {"a", "b"};
        g_autoptr(GError) wants = NULL, refuses = NULL;
        g_assert_false(tb_klap_session_refused(&d, &none, &wants));
        g_assert_nonnull(strstr(wants->message,
                                "the Tapo at 10.0.0.7 wants the user and the password of its account: set"));
        g_assert_false(tb_klap_session_refused(&d, &some, &refuses));
        g_assert_nonnull(strstr(refuses->message, "refuses the user and the password: correct"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/klap/vectors", test_vectors);
        g_test_add_func("/klap/numbers", test_numbers);
        g_test_add_func("/klap/accounts", test_accounts);
        g_test_add_func("/klap/cookies", test_cookies);
        g_test_add_func("/klap/words", test_words);
        return g_test_run();
}
