#pragma once
/* How a webhook is signed: "sha256=" and the HMAC of its body with the secret that both sides know, in hex (GitHub's way). Pure. */
#include <glib.h>

char *tb_signature(const char *secret, const void *body, gsize size); /* the caller frees */
