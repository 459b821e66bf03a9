#pragma once
/*
 * The opening handshake of RFC 6455, §4.2, and close codes, §7.4. Pure: header texts in, verdict out.
 */
#include <glib.h>
#include <stdbool.h>

/* Sec-WebSocket-Accept of a valid Sec-WebSocket-Key; NULL: the key is not 16 bytes of base64. The caller
 * frees. */
char *tb_ws_accept(const char *key);
/* Whether a comma-separated header has the token (case-insensitive). */
bool tb_header_has_token(const char *header, const char *token);
/* Whether a peer may send this code in a close frame. */
bool tb_ws_close_code_valid(int code);
/* A close reason that fits: at most 123 bytes, cut at a character. Writes into `out` (124 bytes); gives its
 * size. */
gsize tb_ws_close_reason(const char *reason, char *out);
