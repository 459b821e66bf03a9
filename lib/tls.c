#include "lib/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/refcount.h"
#include "lib/thread.h"

struct TbTls {
        TbRefCount ref;
        TbMutex lock;
        SSL_CTX *context; /* ref; under `lock` */
        char *about;      /* owned; under `lock` */
        gint64 until_s;   /* wall-clock; under `lock` */
};

char *tb_tls_reason(void)
{
        unsigned long code = ERR_peek_last_error();
        const char *reason = code ? ERR_reason_error_string(code) : NULL;
        char *text = g_strdup(reason ? reason : "no reason is known");
        ERR_clear_error();
        return text;
}

/* --- the files --- */
static BIO *read_file(const char *path, bool secret, GError **error)
{
        struct stat st;
        char block[4096];
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) != 0) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", path, g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                return NULL;
        }
        BIO *bio = NULL;
        gssize n = 1;
        if (!S_ISREG(st.st_mode))
                tb_set_error(error, TB_ERROR_INVALID, "%s: it is no plain file", path);
        else if (st.st_size > TB_LIMIT_TLS_FILE)
                tb_set_error(error, TB_ERROR_INVALID, "%s: it is larger than %d bytes", path,
                             TB_LIMIT_TLS_FILE);
        else
                bio = BIO_new(secret ? BIO_s_secmem() : BIO_s_mem());
        for (gsize all = 0; bio && all <= TB_LIMIT_TLS_FILE && (n = read(fd, block, sizeof block)) > 0;
             all += (gsize)n)
                BIO_write(bio, block, (int)n);
        OPENSSL_cleanse(block, sizeof block);
        if (n < 0) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", path, g_strerror(errno));
                BIO_free(bio);
                bio = NULL;
        }
        close(fd);
        if (bio && secret && (st.st_mode & S_IRWXO))
                tb_log(TB_LOG_WARNING, TB_F(),
                       "tls: everybody on this machine can read the key %s: chmod o-rwx %s", path, path);
        return bio;
}

/* OpenSSL would ask on the terminal. */
static int no_password(char *buffer G_GNUC_UNUSED, int size G_GNUC_UNUSED, int writes G_GNUC_UNUSED,
                       void *data)
{
        *(bool *)data = true;
        return -1;
}

static bool fail(GError **error, const char *path, const char *what)
{
        g_autofree char *reason = tb_tls_reason();
        tb_set_error(error, TB_ERROR_INVALID, "%s: %s (%s)", path, what, reason);
        return false;
}

static char *day_of(const ASN1_TIME *time)
{
        struct tm tm = {0};
        ASN1_TIME_to_tm(time, &tm);
        return g_strdup_printf("%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static gint64 seconds_of(const ASN1_TIME *time)
{
        struct tm tm = {0};
        ASN1_TIME_to_tm(time, &tm);
        return (gint64)timegm(&tm);
}

/* A clock that has not been set after a start is early, never late: what is not valid yet is no reason to stay away. */
static bool check_days(X509 *cert, const char *path, GError **error)
{
        time_t now = (time_t)(tb_clock_ms() / 1000);
        g_autofree char *from = day_of(X509_get0_notBefore(cert)), *until = day_of(X509_get0_notAfter(cert));
        if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "%s: the certificate has expired on %s: put a new one in its place", path,
                             until);
                return false;
        }
        if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
                tb_log(TB_LOG_WARNING, TB_F(), "tls: the certificate %s is not valid before %s", path, from);
        else if (seconds_of(X509_get0_notAfter(cert)) - now <= TB_LIMIT_TLS_ENDS_SOON_S)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "tls: the certificate %s ends on %s: a daemon that is started after that refuses it. "
                       "Put a new one in its place, "
                       "and send SIGHUP",
                       path, until);
        return true;
}

static bool use_cert(TbTls *tls, const char *path, GError **error)
{
        BIO *bio = read_file(path, false, error);
        if (!bio)
                return false;
        X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL), *between;
        bool ok = cert ? check_days(cert, path, error)
                       : fail(error, path, "there is no certificate in it (PEM is expected)");
        if (ok && SSL_CTX_use_certificate(tls->context, cert) != 1)
                ok = fail(error, path, "the certificate cannot be used");
        while (ok && (between = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
                if (SSL_CTX_add0_chain_cert(tls->context, between) != 1) {
                        X509_free(between);
                        ok = fail(error, path, "a certificate behind the first one cannot be used");
                }
        if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                ok = fail(error, path, "a certificate behind the first one is damaged");
        ERR_clear_error();
        if (ok) {
                char name[256] = "";
                X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
                g_autofree char *until = day_of(X509_get0_notAfter(cert));
                tls->about = g_strdup_printf("CN=%s, valid until %s", name, until);
                tls->until_s = seconds_of(X509_get0_notAfter(cert));
        }
        X509_free(cert);
        BIO_free(bio);
        return ok;
}

static bool use_key(TbTls *tls, const char *path, const char *cert, GError **error)
{
        bool encrypted = false;
        BIO *bio = read_file(path, true, error);
        if (!bio)
                return false;
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
        BIO_free(bio);
        if (!key)
                return fail(error, path,
                            encrypted ? "the key is encrypted: nobody is here who could type its password"
                                      : "there is no private key in it (PEM is expected)");
        bool fits = SSL_CTX_use_PrivateKey(tls->context, key) == 1 &&
                    SSL_CTX_check_private_key(tls->context) == 1;
        EVP_PKEY_free(key);
        if (fits)
                return true;
        g_autofree char *what = g_strdup_printf("the key is not that of the certificate %s", cert);
        return fail(error, path, what);
}

/* --- how we speak --- */
static int choose_protocol(SSL *ssl G_GNUC_UNUSED, const unsigned char **out, unsigned char *size,
                           const unsigned char *in, unsigned in_size, void *data G_GNUC_UNUSED)
{
        static const unsigned char ours[] = "\x08http/1.1";
        unsigned char *chosen;
        if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, in_size) !=
            OPENSSL_NPN_NEGOTIATED)
                return SSL_TLSEXT_ERR_NOACK; /* as if it had not asked: browsers speak HTTP/1.1 then */
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(void)
{
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        if (!context)
                return NULL;
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20"); /* TLS 1.2; 1.3 has no bad ones */
        SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                             SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                          SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets are kept by clients */
        SSL_CTX_set_num_tickets(context, 1);
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
        return context;
}

TbTls *tb_tls_new(const char *cert, const char *key, GError **error)
{
        TbTls *tls = g_new0(TbTls, 1);
        tb_ref_init(&tls->ref);
        tb_mutex_init(&tls->lock);
        ERR_clear_error();
        tls->context = new_context();
        bool ok = tls->context != NULL;
        if (!ok)
                tb_set_error(error, TB_ERROR_INTERNAL, "OpenSSL does not start");
        ok = ok && use_cert(tls, cert, error) && use_key(tls, key, cert, error);
        if (ok)
                return tls;
        tb_tls_unref(tls);
        return NULL;
}

TbTls *tb_tls_ref(TbTls *tls)
{
        tb_ref_inc(&tls->ref);
        return tls;
}

void tb_tls_unref(TbTls *tls)
{
        if (!tls || !tb_ref_dec(&tls->ref))
                return;
        SSL_CTX_free(tls->context);
        tb_mutex_clear(&tls->lock);
        g_free(tls->about);
        g_free(tls);
}

void tb_tls_replace(TbTls *tls, TbTls *newer)
{
        if (tls == newer)
                return;
        tb_mutex_lock(&newer->lock);
        SSL_CTX *context = newer->context;
        SSL_CTX_up_ref(context);
        char *about = g_strdup(newer->about);
        gint64 until_s = newer->until_s;
        tb_mutex_unlock(&newer->lock);
        tb_mutex_lock(&tls->lock);
        SSL_CTX *old = tls->context;
        char *old_about = tls->about;
        tls->context = context;
        tls->about = about;
        tls->until_s = until_s;
        tb_mutex_unlock(&tls->lock);
        SSL_CTX_free(old);
        g_free(old_about);
}

SSL *tb_tls_session(TbTls *tls)
{
        tb_mutex_lock(&tls->lock);
        SSL *ssl = SSL_new(tls->context);
        tb_mutex_unlock(&tls->lock);
        return ssl;
}

char *tb_tls_about(TbTls *tls)
{
        tb_mutex_lock(&tls->lock);
        char *about = g_strdup(tls->about);
        tb_mutex_unlock(&tls->lock);
        return about;
}

bool tb_tls_is_private(TbTls *tls)
{
        SSL *ssl = tb_tls_session(tls);
        X509_STORE *system = X509_STORE_new();
        X509_STORE_CTX *check = X509_STORE_CTX_new();
        STACK_OF(X509) *between = NULL;
        bool trusted = false;
        if (ssl && system && check && X509_STORE_set_default_paths(system) == 1 &&
            SSL_get0_chain_certs(ssl, &between) == 1 &&
            X509_STORE_CTX_init(check, system, SSL_get_certificate(ssl), between) == 1)
                trusted = X509_verify_cert(check) == 1;
        X509_STORE_CTX_free(check);
        X509_STORE_free(system);
        SSL_free(ssl);
        ERR_clear_error();
        return !trusted;
}

gint64 tb_tls_ends_s(TbTls *tls)
{
        tb_mutex_lock(&tls->lock);
        gint64 until_s = tls->until_s;
        tb_mutex_unlock(&tls->lock);
        return until_s;
}

void tb_tls_metrics(GString *out, gpointer data)
{
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_tls_certificate_ends_seconds",
                       "When the certificate ends, seconds since 1970.", (double)tb_tls_ends_s(data));
}
