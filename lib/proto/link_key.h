#pragma once
/*
 * Who a host is at the pairing server: an Ed25519 key of its own, made at its first start and kept in its state folder
 * (0600). The public half is told in hello; that the private one is at hand is shown by signing the server's nonce.
 * Texts are base64url without padding. Any thread; opening blocks on one small file.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbLinkKey TbLinkKey;

/* Reads the key at `path`, or makes one there. A file that holds none is kept aside, with the date in its name, and
 * said in the log. */
TbLinkKey *tb_link_key_open(const char *path, GError **error);
void tb_link_key_free(TbLinkKey *key); /* accepts NULL */
const char *tb_link_key_public(const TbLinkKey *key);
/* The proof that whoever said hello as `host` has the key; `server`: to whom, the name or address that it dialled, so that nobody
 * can pass it on to another one; NULL: to an older server. The caller frees. */
char *tb_link_key_sign(const TbLinkKey *key, const char *host, const char *nonce, const char *server);

bool tb_link_key_is_public(const char *text); /* well formed */
bool tb_link_key_verify(const char *public_text, const char *host, const char *nonce, const char *server,
                        const char *signature);
/* The instance id: 16 hexadecimal digits of the public key's SHA-256. The caller frees. */
char *tb_link_key_id(const char *public_text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbLinkKey, tb_link_key_free)
