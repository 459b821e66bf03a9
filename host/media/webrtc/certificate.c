#include "host/media/webrtc/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/log.h"
#include "lib/thread.h"

static char *pem, *fingerprint; /* made once */

#define DAYS 3650 /* browsers look at the fingerprint alone; a host may run for long */

/* As GStreamer makes its own, but for the key. */
static X509 *self_signed(EVP_PKEY *key)
{
        X509 *certificate = X509_new();
        if (!certificate)
                return NULL;
        X509_NAME *name = X509_get_subject_name(certificate);
        guint64 serial = (guint64)g_random_int() << 31 | g_random_int();
        if (X509_set_version(certificate, 2) &&
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) &&
            X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) &&
            X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * 86400L) &&
            X509_set_pubkey(certificate, key) &&
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guchar *)"testbed", -1, -1, 0) &&
            X509_set_issuer_name(certificate, name) && X509_sign(certificate, key, EVP_sha256()))
                return certificate;
        X509_free(certificate);
        return NULL;
}

static char *fingerprint_of(const X509 *certificate)
{
        guchar digest[EVP_MAX_MD_SIZE];
        guint n = 0;
        if (!X509_digest(certificate, EVP_sha256(), digest, &n))
                return NULL;
        g_autoptr(GString) text = g_string_new("sha-256");
        for (guint i = 0; i < n; i++)
                g_string_append_printf(text, "%c%02X", i ? ':' : ' ', digest[i]);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void make(void)
{
        char *start = NULL;
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = key ? self_signed(key) : NULL;
        BIO *out = BIO_new(BIO_s_mem());
        fingerprint = certificate ? fingerprint_of(certificate) : NULL;
        if (fingerprint && out && PEM_write_bio_X509(out, certificate) &&
            PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL)) {
                long length = BIO_get_mem_data(out, &start);
                pem = g_strndup(start, (gsize)length);
        }
        BIO_free(out);
        X509_free(certificate);
        EVP_PKEY_free(key);
        if (!pem)
                tb_log(TB_LOG_WARNING, TB_F(), "no ECDSA certificate could be made, one of RSA is used");
}

bool tb_certificate_make(void)
{
        static TbMutex lock = TB_MUTEX_INIT;
        static bool made;
        tb_mutex_lock(&lock);
        if (!made)
                make();
        made = true;
        bool have = pem != NULL;
        tb_mutex_unlock(&lock);
        return have;
}

const char *tb_certificate_pem(void)
{
        return tb_certificate_make() ? pem : NULL;
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS /* so is what GStreamer calls; OpenSSL has no other way into it */
        static int
        of_three_primes(RSA *rsa, int bits, BIGNUM *e, BN_GENCB *progress)
{
        return RSA_set_method(rsa, RSA_PKCS1_OpenSSL()) &&
               RSA_generate_multi_prime_key(rsa, bits, 3, e, progress);
}

void tb_certificate_settle_gstreamer(void)
{
        RSA_METHOD *quick = RSA_meth_dup(RSA_PKCS1_OpenSSL());
        if (quick && RSA_meth_set_keygen(quick, of_three_primes))
                RSA_set_default_method(quick);
        GstElement *dtls = gst_element_factory_make("dtlsdec", NULL);
        if (dtls)
                gst_object_unref(gst_object_ref_sink(dtls));
        RSA_set_default_method(RSA_PKCS1_OpenSSL());
        RSA_meth_free(quick);
}
G_GNUC_END_IGNORE_DEPRECATIONS

/* Any thread. It has made no connection yet. */
static void on_element(GstBin *bin G_GNUC_UNUSED, GstBin *parent G_GNUC_UNUSED, GstElement *element,
                       gpointer data G_GNUC_UNUSED)
{
        GstElementFactory *factory = gst_element_get_factory(element);
        if (factory && g_strcmp0(GST_OBJECT_NAME(factory), "dtlsdec") == 0 && tb_certificate_make())
                g_object_set(element, "pem", pem, NULL);
}

void tb_certificate_use(GstElement *webrtc)
{
        g_signal_connect(webrtc, "deep-element-added", G_CALLBACK(on_element), NULL);
}

void tb_certificate_put(GstSDPMessage *answer)
{
        if (!tb_certificate_make())
                return;
        for (guint i = 0; i < gst_sdp_message_medias_len(answer); i++) {
                /* it has no call that changes a media; the message is ours */
                GstSDPMedia *media = (GstSDPMedia *)gst_sdp_message_get_media(answer, i);
                for (guint k = 0; k < gst_sdp_media_attributes_len(media); k++) {
                        if (g_strcmp0(gst_sdp_media_get_attribute(media, k)->key, "fingerprint") != 0)
                                continue;
                        GstSDPAttribute own;
                        gst_sdp_attribute_set(&own, "fingerprint", fingerprint);
                        gst_sdp_media_replace_attribute(media, k, &own);
                }
        }
}
