/* A certificate of the machine's own: who trusts the authority trusts it, and nothing else that is signed by it. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/limits.h"
#include "lib/own_addresses.h"
#include "lib/tls_local.h"

static char *state;

static char *file_of(const char *name)
{
        return g_build_filename(state, "tls", name, NULL);
}

static X509 *cert_of(const char *name)
{
        g_autofree char *path = file_of(name);
        BIO *bio = BIO_new_file(path, "r");
        X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        g_assert_nonnull(cert);
        return cert;
}

static char *text_of(const char *name)
{
        g_autofree char *path = file_of(name);
        char *text = NULL;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

/* As a phone does that trusts the authority alone. */
static int verify(X509 *cert)
{
        X509 *authority = cert_of("authority.crt");
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509_STORE_add_cert(store, authority);
        X509_STORE_CTX_init(context, store, cert, NULL);
        X509_verify_cert(context);
        int error = X509_STORE_CTX_get_error(context);
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
        X509_free(authority);
        return error;
}

static void open_it(bool make)
{
        g_autoptr(GError) error = NULL;
        TbTls *tls = tb_tls_local_open(state, make, &error);
        g_assert_no_error(error);
        tb_tls_unref(tls);
}

static void test_made(void)
{
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_tls_local_open(state, false, &error)); /* --health makes nothing */
        g_assert_nonnull(error);
        g_assert_null(tb_tls_local_authority(state));
        open_it(true);
        static const struct {
                const char *name;
                guint mode;
        } files[] = {{"authority.crt", 0644},
                     {"authority.key", 0600},
                     {"machine.crt", 0644},
                     {"machine.key", 0600}};
        for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = file_of(files[i].name);
                GStatBuf st;
                g_assert_cmpint(g_stat(path, &st), ==, 0);
                g_assert_cmpuint(st.st_mode & 0777, ==, files[i].mode);
        }
        X509 *cert = cert_of("machine.crt");
        g_assert_cmpint(verify(cert), ==, X509_V_OK);
        g_assert_cmpint(X509_check_ip_asc(cert, "127.0.0.1", 0), ==, 1);
        g_assert_cmpint(X509_check_host(cert, "localhost", 0, 0, NULL), ==, 1);
        int days, seconds;
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert));
        g_assert_cmpint(days, <=, 398); /* more than that no phone takes */
        X509_free(cert);
        g_autoptr(GBytes) handed = tb_tls_local_authority(state);
        g_autofree char *authority = text_of("authority.crt");
        g_assert_cmpmem(g_bytes_get_data(handed, NULL), g_bytes_get_size(handed), authority,
                        strlen(authority));
}

static void test_stays(void)
{
        open_it(true);
        g_autofree char *authority = text_of("authority.crt"), *machine = text_of("machine.crt");
        open_it(true);
        open_it(false);
        g_autofree char *later = text_of("authority.crt"), *machine_later = text_of("machine.crt");
        g_assert_cmpstr(later, ==, authority);
        g_assert_cmpstr(machine_later, ==, machine);

        /* damaged, or without its key: made again by the same authority, which phones know */
        static const char *const spoilt[] = {"machine.crt", "machine.key"};
        for (guint i = 0; i < G_N_ELEMENTS(spoilt); i++) {
                g_autofree char *path = file_of(spoilt[i]), *before = text_of("machine.crt");
                g_assert_true(g_file_set_contents(path, "nonsense", -1, NULL));
                open_it(true);
                g_autofree char *same = text_of("authority.crt"), *after = text_of("machine.crt");
                g_assert_cmpstr(same, ==, authority);
                g_assert_cmpstr(after, !=, before);
                X509 *cert = cert_of("machine.crt");
                g_assert_cmpint(verify(cert), ==, X509_V_OK);
                X509_free(cert);
        }
        /* the authority is another one: what it signed before is worth nothing */
        g_autofree char *path = file_of("authority.key");
        g_assert_cmpint(g_unlink(path), ==, 0);
        open_it(true);
        X509 *cert = cert_of("machine.crt");
        g_assert_cmpint(verify(cert), ==, X509_V_OK);
        X509_free(cert);
}

/* Whoever has the authority's key signs for a bank, or for an address out there: nobody believes it. */
static void test_bounds(void)
{
        open_it(true);
        g_autofree char *path = file_of("authority.key");
        BIO *bio = BIO_new_file(path, "r");
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
        X509 *authority = cert_of("authority.crt");
        static const struct {
                const char *name;
                int expected;
        } forged[] = {{"DNS:bank.example", X509_V_ERR_PERMITTED_VIOLATION},
                      {"IP:8.8.8.8", X509_V_ERR_PERMITTED_VIOLATION},
                      {"IP:2001:db8::1", X509_V_ERR_PERMITTED_VIOLATION},
                      {"IP:192.168.7.7", X509_V_OK},
                      {"IP:fd12::1", X509_V_OK},
                      {"DNS:bench.local", X509_V_OK}};
        for (guint i = 0; i < G_N_ELEMENTS(forged); i++) {
                X509 *cert = X509_new();
                X509V3_CTX context;
                X509_set_version(cert, X509_VERSION_3);
                X509_gmtime_adj(X509_getm_notBefore(cert), -60);
                X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
                X509_set_pubkey(cert, key);
                X509_set_issuer_name(cert, X509_get_subject_name(authority));
                X509V3_set_ctx(&context, authority, cert, NULL, NULL, 0);
                X509_EXTENSION *names =
                        X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, forged[i].name);
                X509_add_ext(cert, names, -1);
                X509_EXTENSION_free(names);
                g_assert_cmpint(X509_sign(cert, key, EVP_sha256()), >, 0);
                g_assert_cmpint(verify(cert), ==, forged[i].expected);
                X509_free(cert);
        }
        X509_free(authority);
        EVP_PKEY_free(key);
}

static void test_addresses(void)
{
        g_auto(GStrv) own = tb_own_addresses();
        g_assert_cmpuint(g_strv_length(own), <=, TB_LIMIT_OWN_ADDRESSES);
        for (char **a = own; *a; a++) {
                g_assert_false(g_str_has_prefix(*a, "127.") || g_str_has_prefix(*a, "fe80:"));
                g_assert_cmpstr(*a, !=, "::1");
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        state = g_dir_make_tmp("tblocal-XXXXXX", NULL);
        g_test_add_func("/tls-local/made", test_made);
        g_test_add_func("/tls-local/stays", test_stays);
        g_test_add_func("/tls-local/bounds", test_bounds);
        g_test_add_func("/tls-local/addresses", test_addresses);
        int result = g_test_run();
        static const char *const files[] = {"authority.crt", "authority.key", "machine.crt", "machine.key"};
        for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = file_of(files[i]);
                g_unlink(path);
        }
        g_autofree char *dir = file_of("");
        g_rmdir(dir);
        g_rmdir(state);
        g_free(state);
        return result;
}
