#pragma once
/*
 * KLAP, by which TP-Link's newer plugs (Tapo and Kasa) prove and hide what they say: its hashes, keys and envelopes. Pure: any
 * thread. Two versions differ in the hashes alone; which one a device speaks shows in its first answer. Sources: python-kasa
 * (a29d0610) kasa/transports/klaptransport.py, kasa/credentials.py; plugp100 (d22edfa) plugp100/protocol/klap/. The conversation
 * is klap_session.h's.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_KLAP_SEED 16
#define TB_KLAP_HASH 32
#define TB_KLAP_HELLO (TB_KLAP_SEED + TB_KLAP_HASH) /* bytes of the first answer: its seed, its proof */

typedef struct TbKlap {
        int version; /* 1, 2 */
        guint8 local[TB_KLAP_SEED], remote[TB_KLAP_SEED];
        guint8 auth[TB_KLAP_HASH]; /* what user and password become */
        gsize auth_size;
        guint8 key[16], iv[12], sig[28];
        gint32 seq; /* of the last request */
} TbKlap;

/* `klap` has its local seed. Whose account the device's first answer proves: that of user and password, else one of the
 * maker's own, of a device that nobody has bound yet; fills the rest. False: another one's. */
bool tb_klap_begin(TbKlap *klap, const char *user, const char *password, const guint8 hello[TB_KLAP_HELLO]);
/* The body of the second request. */
void tb_klap_proof(const TbKlap *klap, guint8 ret[TB_KLAP_HASH]);
/* The next request's body (its number is klap->seq then); the caller frees. */
GByteArray *tb_klap_seal(TbKlap *klap, const char *text);
/* Its answer; the caller frees. NULL: it was not made with our keys. */
char *tb_klap_open(const TbKlap *klap, const void *body, gsize size);
