#pragma once
/*
 * The certificate of this process' DTLS: ECDSA on P-256, which takes a tenth of a millisecond to make and to sign
 * with. GStreamer's own is of RSA (2048 bits): 100–400 ms of a core, with the first element of DTLS, whether it is
 * used or not. Proven with GStreamer 1.22.0 and OpenSSL 3.0.
 */
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <stdbool.h>

/* Makes it, once; any thread. False: OpenSSL could not, and GStreamer's is used. */
bool tb_certificate_make(void);
/* Makes the first element of DTLS of the process, where nobody waits for it, and the RSA key of GStreamer's
 * certificate out of three primes instead of two: 50 ms instead of 200 [measured]. Any thread, once. */
void tb_certificate_settle_gstreamer(void);
/* Gives it to every DTLS element of `webrtc` that is made from now on. Thread: main. */
void tb_certificate_use(GstElement *webrtc);
/* Puts its fingerprint into an answer. webrtcbin (_generate_fingerprint_from_certificate) takes every line of the
 * element's PEM that is no "-----" for the certificate, also those of the private key behind it, and tells the
 * fingerprint of both together, which no browser accepts. Any thread. */
void tb_certificate_put(GstSDPMessage *answer);
/* The whole PEM, certificate and key. Static; NULL: see tb_certificate_make(). For tests. */
const char *tb_certificate_pem(void);
