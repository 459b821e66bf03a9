#pragma once
/*
 * A lost packet of a DTLS handshake is sent again after 100 ms, then 200, 400 … (OpenSSL on its own: after
 * 1 s, as RFC 6347 §4.2.4.1 has it for who knows nothing of the path; browsers wait 50 ms). The handshake
 * stands between a viewer and its first picture, and GStreamer lets nobody at its timer: this one is put on
 * every DTLS connection that OpenSSL makes in this process from now on.
 */
void tb_dtls_hasten(void); /* main; any number of times */
