#pragma once
/*
 * What a push service carries and cannot read: a message for one browser (RFC 8291, aes128gcm of RFC 8188), and who sends it (VAPID,
 * RFC 8292). Pure: any thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_PUSH_PRIVATE 32 /* bytes of a key of P-256 */
#define TB_PUSH_PUBLIC 65  /* … uncompressed */
#define TB_PUSH_AUTH 16
#define TB_PUSH_SALT 16

typedef struct TbPushTo { /* a browser's subscription */
        char *endpoint;   /* owned */
        guint8 key[TB_PUSH_PUBLIC], auth[TB_PUSH_AUTH];
} TbPushTo;

/* {"endpoint", "keys": {"p256dh", "auth"}}, as PushSubscription.toJSON() has it. TB_ERROR_INVALID in words. The caller clears. */
bool tb_push_to_parse(const char *text, TbPushTo *ret, GError **error);
void tb_push_to_clear(TbPushTo *to);
/* Scheme, host and port of an address, as a token names it; NULL: it is none, or has a user in it. The caller frees. */
char *tb_push_origin(const char *url);
/* Whether browsers' makers, or `more` (origins, parted by spaces; NULL), run a push service there. */
bool tb_push_is_service(const char *endpoint, const char *more);

/* `private_key`, `salt` NULL: new ones. NULL: no randomness, or a key that is none. The caller frees. */
guint8 *tb_push_seal(const TbPushTo *to, const guint8 *private_key, const guint8 *salt, const void *text,
                     gsize size, gsize *ret_size);

/* The server's key: 32 bytes in base64url, or PEM (`openssl ecparam -name prime256v1 -genkey -noout`). */
bool tb_push_private_parse(const char *text, guint8 ret[TB_PUSH_PRIVATE]);
/* Its public half in base64url, as browsers want it; NULL: it is no key. The caller frees. */
char *tb_push_public(const guint8 private_key[TB_PUSH_PRIVATE]);
/* "vapid t=…, k=…" for that endpoint; NULL: it is no address. The caller frees. */
char *tb_push_vapid(const guint8 private_key[TB_PUSH_PRIVATE], const char *endpoint, const char *subject,
                    gint64 now_s);
