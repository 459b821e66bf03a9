#pragma once
/*
 * What seals recordings: master keys of the configuration, a key of each recording, chunks. AES-256-GCM (NIST SP 800-38D) with a random nonce of
 * 96 bits before and the tag of 128 behind the bytes; at most TB_LIMIT_RECORDING_CHUNKS * TB_LIMIT_RECORDING_TRACKS chunks by one key, far below the
 * 2^32 that random nonces allow. Pure but for randomness; any thread.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_SEAL_KEY 32         /* bytes of a key */
#define TB_SEAL_OVER (12 + 16) /* bytes that sealing adds */
#define TB_SEAL_ID 16          /* digits of a master key's id */

typedef struct TbSealKeys TbSealKeys; /* immutable */

/* One key a line, of 32 bytes, in base64 or in hexadecimal digits; empty lines and those that begin with # are left out. The first one seals, all of
 * them open. TB_ERROR_INVALID in words, which have no part of a key. */
TbSealKeys *tb_seal_keys_parse(const char *text, GError **error);
void tb_seal_keys_free(TbSealKeys *keys); /* overwrites them; NULL is fine */
const char *tb_seal_keys_id(
        const TbSealKeys *keys); /* of the first: what the store calls it; says nothing of the key */

/* A new key for `recording`, into `ret_key`, and the same sealed by the first master key, in hexadecimal digits; the caller frees. NULL: no randomness. */
char *tb_seal_key_new(const TbSealKeys *keys, const char *recording, guint8 ret_key[TB_SEAL_KEY],
                      GError **error);
/* TB_ERROR_UNAVAILABLE: that master key is none of these. TB_ERROR_INTERNAL: it does not open: it was changed, or is another recording's. */
bool tb_seal_key_open(const TbSealKeys *keys, const char *id, const char *recording, const char *wrapped,
                      guint8 ret_key[TB_SEAL_KEY], GError **error);
/* The same key sealed by the first master key. The caller frees. */
char *tb_seal_key_again(const TbSealKeys *keys, const char *id, const char *recording, const char *wrapped,
                        GError **error);

typedef struct TbSealPlace { /* of a chunk; borrowed */
        const char *recording, *track;
        guint n;
} TbSealPlace;

/* `size` + TB_SEAL_OVER bytes into `ret`. False: no randomness. */
bool tb_seal_chunk(const guint8 key[TB_SEAL_KEY], const TbSealPlace *place, const void *bytes, gsize size,
                   guint8 *ret, GError **error);
/* `size` - TB_SEAL_OVER bytes into `ret`, which may be written to also when it fails. TB_ERROR_INTERNAL: it was changed, cut, or is from another place. */
bool tb_seal_open(const guint8 key[TB_SEAL_KEY], const TbSealPlace *place, const guint8 *sealed, gsize size,
                  guint8 *ret, GError **error);
