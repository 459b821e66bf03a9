/* webrtcbin answers with the fingerprint of the certificate that its DTLS uses, which is ours. */
#include "host/media/webrtc/certificate.h"

#include <gst/webrtc/webrtc.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static const char OFFER[] =
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
        "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\na=setup:actpass\r\n"
        "a=fingerprint:sha-256 "
        "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:"
        "AA:AA\r\na=sctp-port:5000\r\n";

/* Of the certificate in what the element that does DTLS was given, computed by OpenSSL. */
static char *fingerprint_of(const char *pem, int *ret_key)
{
        BIO *in = BIO_new_mem_buf(pem, -1);
        X509 *certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
        g_assert_nonnull(certificate);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
        g_assert_cmpint(X509_check_private_key(certificate, key), ==, 1);
        g_assert_cmpint(X509_verify(certificate, key), ==, 1);
        *ret_key = EVP_PKEY_get_base_id(key);
        guchar digest[EVP_MAX_MD_SIZE];
        guint n = 0;
        g_assert_cmpint(X509_digest(certificate, EVP_sha256(), digest, &n), ==, 1);
        g_autoptr(GString) text = g_string_new("sha-256 ");
        for (guint i = 0; i < n; i++)
                g_string_append_printf(text, "%s%02X", i ? ":" : "", digest[i]);
        EVP_PKEY_free(key);
        X509_free(certificate);
        BIO_free(in);
        return g_strdup(text->str);
}

static void find_dtls(const GValue *value, gpointer data)
{
        GstElement *element = g_value_get_object(value);
        char **pem = data;
        GstElementFactory *factory = gst_element_get_factory(element); /* transports have none */
        if (factory && g_strcmp0(GST_OBJECT_NAME(factory), "dtlsdec") == 0)
                g_object_get(element, "pem", pem, NULL);
}

static GstSDPMessage *answer_of(GstElement *webrtc)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new_from_text(OFFER, &message);
        GstWebRTCSessionDescription *offer =
                gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message);
        g_autoptr(GstPromise) set = gst_promise_new(), answered = gst_promise_new();
        g_signal_emit_by_name(webrtc, "set-remote-description", offer, set);
        g_assert_cmpint(gst_promise_wait(set), ==, GST_PROMISE_RESULT_REPLIED);
        g_signal_emit_by_name(webrtc, "create-answer", NULL, answered);
        g_assert_cmpint(gst_promise_wait(answered), ==, GST_PROMISE_RESULT_REPLIED);
        g_autoptr(GstWebRTCSessionDescription) answer = NULL;
        gst_structure_get(gst_promise_get_reply(answered), "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                          &answer, NULL);
        g_assert_nonnull(answer);
        GstSDPMessage *copy = NULL;
        gst_sdp_message_copy(answer->sdp, &copy);
        gst_webrtc_session_description_free(offer);
        return copy;
}

static void test_fingerprint(void)
{
        GstElement *pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        GstElement *webrtc = gst_element_factory_make("webrtcbin", NULL);
        gst_util_set_object_arg(G_OBJECT(webrtc), "bundle-policy", "max-bundle");
        gst_bin_add(GST_BIN(pipeline), webrtc);
        tb_certificate_use(webrtc);
        gst_element_set_state(pipeline, GST_STATE_PLAYING);
        g_autoptr(GstSDPMessage) answer = answer_of(webrtc);

        g_autofree char *pem = NULL;
        g_autoptr(GstIterator) all = gst_bin_iterate_recurse(GST_BIN(webrtc));
        gst_iterator_foreach(all, find_dtls, &pem);
        g_assert_cmpstr(pem, ==, tb_certificate_pem());
        int key = 0;
        g_autofree char *used = fingerprint_of(pem, &key);
        g_assert_cmpint(key, ==, EVP_PKEY_EC);

        tb_certificate_put(answer);
        const GstSDPMedia *media = gst_sdp_message_get_media(answer, 0);
        g_assert_cmpstr(gst_sdp_media_get_attribute_val(media, "fingerprint"), ==, used);
        g_assert_null(gst_sdp_media_get_attribute_val_n(media, "fingerprint", 1));
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(pipeline);
}

/* What GStreamer makes of three primes is a certificate like any other. */
static void test_gstreamers(void)
{
        tb_certificate_settle_gstreamer();
        GstElement *dtls = gst_object_ref_sink(gst_element_factory_make("dtlsdec", NULL));
        g_autofree char *pem = NULL;
        g_object_get(dtls, "pem", &pem, NULL);
        BIO *in = BIO_new_mem_buf(pem, -1);
        X509 *certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
        g_assert_nonnull(certificate);
        EVP_PKEY *key = X509_get0_pubkey(certificate);
        g_assert_cmpint(EVP_PKEY_get_base_id(key), ==, EVP_PKEY_RSA);
        g_assert_cmpint(EVP_PKEY_get_bits(key), ==, 2048);
        g_assert_cmpint(X509_verify(certificate, key), ==, 1);
        X509_free(certificate);
        BIO_free(in);
        gst_object_unref(dtls);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(&argc, &argv);
        g_test_add_func("/media/certificate/gstreamers", test_gstreamers);
        g_test_add_func("/media/certificate/fingerprint", test_fingerprint);
        return g_test_run();
}
