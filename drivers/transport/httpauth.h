#pragma once
/*
 * HTTP authentication of devices: reads WWW-Authenticate, makes Authorization. Basic (RFC 7617) and Digest
 * (RFC 7616: MD5, SHA-256, -sess, qop auth or the old form without qop). libsoup 3.2 knows MD5 only, Shelly
 * Gen2+ speaks SHA-256 only. Pure: no I/O, any thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbHttpAuthScheme {
        TB_HTTP_AUTH_NONE,
        TB_HTTP_AUTH_BASIC,
        TB_HTTP_AUTH_DIGEST_MD5,
        TB_HTTP_AUTH_DIGEST_SHA256
} TbHttpAuthScheme;

typedef struct TbHttpAuthChallenge {
        TbHttpAuthScheme scheme;      /* the strongest one that was offered and that we know; NONE: none */
        char *realm, *nonce, *opaque; /* owned; NULL: not given */
        bool session;                 /* "-sess" algorithm */
        bool qop;                     /* qop=auth was offered */
        bool stale;                   /* the nonce was too old, the password may be right */
} TbHttpAuthChallenge;

/* `header`: the value of WWW-Authenticate, several of them joined by ", ". False when it is malformed. */
bool tb_http_auth_parse(const char *header, TbHttpAuthChallenge *ret);
void tb_http_auth_clear(TbHttpAuthChallenge *challenge);
/* The value of Authorization; the caller frees. `target`: path and query as sent. NULL for scheme NONE. */
char *tb_http_auth_answer(const TbHttpAuthChallenge *challenge, const char *user, const char *password,
                          const char *method, const char *target, const char *cnonce, guint nc);
/* What is known of one device's way to ask: kept by whoever calls it again and again, so that a password is not
 * asked for each time and the count of a nonce rises (RFC 7616, §3.4: a count that was used is a replay).
 * Zeroed to begin with. */
typedef struct TbHttpAuth {
        TbHttpAuthChallenge challenge;
        guint count; /* of requests that were answered with this nonce */
} TbHttpAuth;
/* Takes a new challenge. False when it is malformed or of a scheme that is not known; then nothing is kept. */
bool tb_http_auth_learn(TbHttpAuth *auth, const char *header);
/* The value of Authorization for the next request; NULL when nothing was learnt. The caller frees. */
char *tb_http_auth_next(TbHttpAuth *auth, const char *user, const char *password, const char *method,
                        const char *target);
void tb_http_auth_forget(TbHttpAuth *auth);
/* 128 random bits as hex. The caller frees. */
char *tb_http_auth_cnonce(void);
