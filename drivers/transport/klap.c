#include "drivers/transport/klap.h"

#include <string.h>

#include "drivers/transport/aes.h"

/* A hash over parts, (data, size) each, until NULL. */
static void hash(GChecksumType type, guint8 *ret, gsize size, const void *first, ...)
{
        g_autoptr(GChecksum) sum = g_checksum_new(type);
        va_list args;
        va_start(args, first);
        for (const void *part = first; part; part = va_arg(args, const void *))
                g_checksum_update(sum, part, (gssize)va_arg(args, gsize));
        va_end(args);
        guint8 whole[TB_KLAP_HASH];
        gsize n = sizeof whole;
        g_checksum_get_digest(sum, whole, &n);
        memcpy(ret, whole, MIN(size, n));
}

#define END ((const void *)NULL)
#define SHA256(ret, size, ...) hash(G_CHECKSUM_SHA256, ret, size, __VA_ARGS__, END)
#define SEED(s) (s), (gsize)TB_KLAP_SEED
#define AUTH(k) (k)->auth, (k)->auth_size

static void authorize(TbKlap *k, int version, const char *user, const char *password)
{
        GChecksumType inner = version == 1 ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA1;
        gsize n = version == 1 ? 16 : 20;
        guint8 u[20], p[20];
        hash(inner, u, n, user, strlen(user), END);
        hash(inner, p, n, password, strlen(password), END);
        k->version = version;
        k->auth_size = version == 1 ? 16 : 32;
        hash(version == 1 ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA256, k->auth, k->auth_size, u, n, p, n, END);
}

static bool proves(const TbKlap *k, const guint8 proof[TB_KLAP_HASH])
{
        guint8 expected[TB_KLAP_HASH];
        if (k->version == 1)
                SHA256(expected, sizeof expected, SEED(k->local), AUTH(k));
        else
                SHA256(expected, sizeof expected, SEED(k->local), SEED(k->remote), AUTH(k));
        return memcmp(expected, proof, sizeof expected) == 0;
}

static void make_keys(TbKlap *k)
{
        guint8 whole[TB_KLAP_HASH];
        SHA256(k->key, sizeof k->key, "lsk", (gsize)3, SEED(k->local), SEED(k->remote), AUTH(k));
        SHA256(k->sig, sizeof k->sig, "ldk", (gsize)3, SEED(k->local), SEED(k->remote), AUTH(k));
        SHA256(whole, sizeof whole, "iv", (gsize)2, SEED(k->local), SEED(k->remote), AUTH(k));
        memcpy(k->iv, whole, sizeof k->iv);
        guint32 seq;
        memcpy(&seq, whole + 28, sizeof seq);
        k->seq = (gint32)GUINT32_FROM_BE(seq);
}

bool tb_klap_begin(TbKlap *k, const char *user, const char *password, const guint8 hello[TB_KLAP_HELLO])
{
        const struct {
                const char *user, *password;
        } accounts[] = {{user ? user : "", password ? password : ""},
                        {"test@tp-link.net", "test"},
                        {"kasa@tp-link.net", "kasaSetup"},
                        {"", ""}};
        memcpy(k->remote, hello, TB_KLAP_SEED);
        for (guint i = 0; i < G_N_ELEMENTS(accounts); i++)
                for (int version = 2; version >= 1; version--) {
                        authorize(k, version, accounts[i].user, accounts[i].password);
                        if (!proves(k, hello + TB_KLAP_SEED))
                                continue;
                        make_keys(k);
                        return true;
                }
        return false;
}

void tb_klap_proof(const TbKlap *k, guint8 ret[TB_KLAP_HASH])
{
        if (k->version == 1)
                SHA256(ret, TB_KLAP_HASH, SEED(k->remote), AUTH(k));
        else
                SHA256(ret, TB_KLAP_HASH, SEED(k->remote), SEED(k->local), AUTH(k));
}

static void iv_of(const TbKlap *k, guint8 ret[TB_AES_KEY], guint32 *ret_seq)
{
        *ret_seq = GUINT32_TO_BE((guint32)k->seq);
        memcpy(ret, k->iv, sizeof k->iv);
        memcpy(ret + sizeof k->iv, ret_seq, sizeof *ret_seq);
}

GByteArray *tb_klap_seal(TbKlap *k, const char *text)
{
        guint8 iv[TB_AES_KEY];
        guint32 seq;
        k->seq = (gint32)((guint32)k->seq + 1);
        iv_of(k, iv, &seq);
        GByteArray *body = g_byte_array_new();
        g_byte_array_set_size(body, TB_KLAP_HASH);
        tb_aes_cbc(true, k->key, iv, text, strlen(text), body);
        SHA256(body->data, TB_KLAP_HASH, k->sig, sizeof k->sig, &seq, sizeof seq, body->data + TB_KLAP_HASH,
               (gsize)body->len - TB_KLAP_HASH);
        return body;
}

char *tb_klap_open(const TbKlap *k, const void *body, gsize size)
{
        guint8 iv[TB_AES_KEY];
        guint32 seq;
        iv_of(k, iv, &seq);
        if (size <= TB_KLAP_HASH)
                return NULL;
        g_autoptr(GByteArray) text = g_byte_array_new();
        if (!tb_aes_cbc(false, k->key, iv, (const guint8 *)body + TB_KLAP_HASH, size - TB_KLAP_HASH, text))
                return NULL;
        g_byte_array_append(text, (const guint8 *)"", 1);
        return (char *)g_byte_array_free(g_steal_pointer(&text), FALSE);
}
