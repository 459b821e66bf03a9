#pragma once
/*
 * A certificate with its key, for whoever speaks TLS as a server (OpenSSL). It can be replaced while connections live:
 * those go on with what they began with, new ones get the new one.
 */
#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>

typedef struct TbTls TbTls;

/* Reads both files (PEM; the certificate first, then those between it and its root). TB_ERROR_INVALID names the file and
 * says why: it cannot be read, is none, has no key that fits, has expired. What works but should be looked after (the key
 * is readable by everybody, the certificate is not valid yet) is logged as a warning. Any thread. */
TbTls *tb_tls_new(const char *cert, const char *key, GError **error);
TbTls *tb_tls_ref(TbTls *tls);
void tb_tls_unref(TbTls *tls); /* accepts NULL */
/* What `newer` has is what new sessions of `tls` get. Any thread. */
void tb_tls_replace(TbTls *tls, TbTls *newer);
/* A session of a server, not connected yet; the caller frees it. NULL: out of memory. Any thread. */
SSL *tb_tls_session(TbTls *tls);
/* Whether the certificate, with those that its file holds behind it, leads to nobody whom this system trusts. Reads the system's
 * authorities: for a request in an hour, not for each. Any thread. */
bool tb_tls_is_private(TbTls *tls);
/* "CN=lab.example, valid until 2027-01-31"; for the log. The caller frees it. Any thread. */
char *tb_tls_about(TbTls *tls);
/* When its certificate ends, seconds since 1970. Any thread. */
gint64 tb_tls_ends_s(TbTls *tls);
/* A collector (lib/metrics.h) of a TbTls: when its certificate ends. Any thread. */
void tb_tls_metrics(GString *out, gpointer tls);
/* What OpenSSL says about the last failure of the calling thread, in words; takes it away. The caller frees it. */
char *tb_tls_reason(void);
