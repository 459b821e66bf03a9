#include "lib/tls_local.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/own_addresses.h"

#define DAY 86400L
#define AUTHORITY_DAYS 3650L
#define MACHINE_DAYS 397L
#define RENEW_DAYS 30L

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)

typedef struct Pair { /* a certificate and its key */
        X509 *cert;
        EVP_PKEY *key;
} Pair;

static void pair_clear(Pair *pair)
{
        X509_free(pair->cert);
        EVP_PKEY_free(pair->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

/* --- files --- */
static bool load(const char *dir, const char *name, Pair *ret)
{
        g_autofree char *cert = g_strdup_printf("%s/%s.crt", dir, name),
                        *key = g_strdup_printf("%s/%s.key", dir, name);
        g_autoptr(BIO) cert_file = BIO_new_file(cert, "r");
        g_autoptr(BIO) key_file = BIO_new_file(key, "r");
        ret->cert = cert_file ? PEM_read_bio_X509(cert_file, NULL, NULL, NULL) : NULL;
        ret->key = key_file ? PEM_read_bio_PrivateKey(key_file, NULL, NULL, (char[]){""}) : NULL;
        bool ok = ret->cert && ret->key && X509_check_private_key(ret->cert, ret->key) == 1;
        ERR_clear_error();
        return ok;
}

static bool save_one(const char *path, BIO *text, int mode, GError **error)
{
        char *data;
        long size = BIO_get_mem_data(text, &data);
        g_autoptr(GError) why = NULL;
        if (g_file_set_contents_full(path, data, size,
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, mode,
                                     &why))
                return true;
        tb_set_error(error, TB_ERROR_INTERNAL, "tls: local: %s", why->message);
        return false;
}

/* The key first: a certificate without its key would be taken for damaged, and made again. */
static bool save(const char *dir, const char *name, const Pair *pair, X509 *above, GError **error)
{
        g_autofree char *cert = g_strdup_printf("%s/%s.crt", dir, name),
                        *key = g_strdup_printf("%s/%s.key", dir, name);
        g_autoptr(BIO) key_text = BIO_new(BIO_s_secmem());
        g_autoptr(BIO) cert_text = BIO_new(BIO_s_mem());
        return PEM_write_bio_PrivateKey(key_text, pair->key, NULL, NULL, 0, NULL, NULL) == 1 &&
               PEM_write_bio_X509(cert_text, pair->cert) == 1 &&
               (!above || PEM_write_bio_X509(cert_text, above) == 1) &&
               save_one(key, key_text, 0600, error) && save_one(cert, cert_text, 0644, error);
}

/* --- making one --- */
static bool extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        return ok;
}

static X509 *new_certificate(const char *name, const char *issuer, EVP_PKEY *key, long days)
{
        X509 *cert = X509_new();
        guint8 serial[16];
        RAND_bytes(serial, sizeof serial);
        serial[0] &= 0x7f; /* a positive number */
        BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
        BN_free(number);
        X509_set_version(cert, X509_VERSION_3);
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY); /* a phone's clock may be behind */
        X509_gmtime_adj(X509_getm_notAfter(cert), days * DAY);
        X509_set_pubkey(cert, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const guint8 *)name, -1,
                                   -1, 0);
        X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8, (const guint8 *)issuer,
                                   -1, -1, 0);
        return cert;
}

static bool sign(X509 *cert, EVP_PKEY *key, GError **error)
{
        if (X509_sign(cert, key, EVP_sha256()) > 0)
                return true;
        g_autofree char *reason = tb_tls_reason();
        tb_set_error(error, TB_ERROR_INTERNAL, "tls: local: a certificate could not be made: %s", reason);
        return false;
}

static char *authority_name(const char *machine)
{
        return g_strdup_printf("Testbed on %.40s", machine); /* a common name has 64 characters */
}

static bool make_authority(const char *machine, Pair *ret, GError **error)
{
        g_autofree char *name = authority_name(machine);
        g_autofree char *within =
                g_strdup_printf("critical,permitted;DNS:localhost,permitted;DNS:local,permitted;DNS:%s,"
                                "permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0,"
                                "permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0,"
                                "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,"
                                "permitted;IP:fc00::/fe00::",
                                machine);
        ret->key = EVP_EC_gen("P-256");
        ret->cert = new_certificate(name, name, ret->key, AUTHORITY_DAYS);
        extend(ret->cert, ret->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
        extend(ret->cert, ret->cert, NID_key_usage, "critical,keyCertSign");
        extend(ret->cert, ret->cert, NID_subject_key_identifier, "hash");
        extend(ret->cert, ret->cert, NID_name_constraints, within);
        return sign(ret->cert, ret->key, error);
}

/* --- whom the machine's certificate is for --- */
/* `addresses`: those that the authority may sign for. */
static char *names_of(const char *machine, char *const *addresses)
{
        GString *names = g_string_new("DNS:localhost,IP:127.0.0.1,IP:::1");
        g_string_append_printf(names, ",DNS:%s,DNS:%s.local", machine, machine);
        for (char *const *a = addresses; *a; a++)
                g_string_append_printf(names, ",IP:%s", *a);
        return g_string_free(names, FALSE);
}

static char **own_private(void)
{
        g_auto(GStrv) all = tb_own_addresses();
        GPtrArray *private = g_ptr_array_new();
        for (char **a = all; *a; a++) {
                g_autoptr(GInetAddress) address = g_inet_address_new_from_string(*a);
                const guint8 *bytes = address ? g_inet_address_to_bytes(address) : NULL;
                bool v4 = address && g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4;
                if (address && (v4 ? g_inet_address_get_is_site_local(address) : (bytes[0] & 0xfe) == 0xfc))
                        g_ptr_array_add(private, g_strdup(*a));
        }
        g_ptr_array_add(private, NULL);
        return (char **)g_ptr_array_free(private, FALSE);
}

static bool make_machine(const char *machine, char *const *addresses, const Pair *authority, Pair *ret,
                         GError **error)
{
        g_autofree char *issuer = authority_name(machine), *names = names_of(machine, addresses);
        ret->key = EVP_EC_gen("P-256");
        ret->cert = new_certificate(machine, issuer, ret->key, MACHINE_DAYS);
        X509_set_issuer_name(ret->cert, X509_get_subject_name(authority->cert));
        extend(ret->cert, authority->cert, NID_basic_constraints, "critical,CA:FALSE");
        extend(ret->cert, authority->cert, NID_key_usage, "critical,digitalSignature");
        extend(ret->cert, authority->cert, NID_ext_key_usage, "serverAuth");
        extend(ret->cert, authority->cert, NID_authority_key_identifier, "keyid");
        extend(ret->cert, authority->cert, NID_subject_alt_name, names);
        return sign(ret->cert, authority->key, error);
}

static bool lasts(X509 *cert, long days)
{
        time_t then = (time_t)(tb_clock_ms() / 1000) + days * DAY;
        return X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;
}

/* Why the machine's certificate is to be made again; NULL: it is good. */
static const char *why_again(const Pair *machine, const Pair *authority, const char *name,
                             char *const *addresses)
{
        g_autoptr(EVP_PKEY) above = X509_get_pubkey(authority->cert);
        if (X509_verify(machine->cert, above) != 1) {
                ERR_clear_error();
                return "its authority is another one";
        }
        if (!lasts(machine->cert, RENEW_DAYS))
                return "it ends soon";
        if (X509_check_host(machine->cert, name, 0, 0, NULL) != 1)
                return "the machine has another name";
        for (char *const *a = addresses; *a; a++)
                if (X509_check_ip_asc(machine->cert, *a, 0) != 1)
                        return "the machine has another address";
        return NULL;
}

/* A name that a certificate may bear: what is no letter of one is a hyphen. */
static char *machine_name(void)
{
        char name[256] = "";
        if (gethostname(name, sizeof name - 1) != 0 || !*name)
                return g_strdup("testbed");
        char *text = g_ascii_strdown(name, 63);
        return g_strcanon(text, "abcdefghijklmnopqrstuvwxyz0123456789-.", '-');
}

static bool make_all(const char *dir, GError **error)
{
        g_auto(Pair) authority = {0}, machine = {0};
        g_autofree char *name = machine_name();
        g_auto(GStrv) addresses = own_private();
        if (g_mkdir_with_parents(dir, 0700) != 0) {
                tb_set_error(error, TB_ERROR_INTERNAL, "tls: local: %s: %s", dir, g_strerror(errno));
                return false;
        }
        if (!load(dir, "authority", &authority) || !lasts(authority.cert, RENEW_DAYS)) {
                pair_clear(&authority);
                authority = (Pair){0};
                if (!make_authority(name, &authority, error) ||
                    !save(dir, "authority", &authority, NULL, error))
                        return false;
                tb_log(TB_LOG_INFO, TB_F("file", dir),
                       "an authority for this machine was made: who trusts its authority.crt gets https "
                       "without a warning");
        }
        const char *why = "there is none yet";
        if (load(dir, "machine", &machine))
                why = why_again(&machine, &authority, name, addresses);
        if (!why)
                return true;
        pair_clear(&machine);
        machine = (Pair){0};
        if (!make_machine(name, addresses, &authority, &machine, error) ||
            !save(dir, "machine", &machine, authority.cert, error))
                return false;
        g_autofree char *list = g_strjoinv(", ", addresses);
        tb_log(TB_LOG_INFO, TB_F("name", name, "addresses", list),
               "a certificate for this machine was made: %s", why);
        return true;
}

TbTls *tb_tls_local_open(const char *state_dir, bool make, GError **error)
{
        g_autofree char *dir = g_build_filename(state_dir, "tls", NULL);
        g_autofree char *cert = g_build_filename(dir, "machine.crt", NULL),
                        *key = g_build_filename(dir, "machine.key", NULL);
        ERR_clear_error();
        if (make && !make_all(dir, error))
                return NULL;
        return tb_tls_new(cert, key, error);
}

bool tb_tls_local_take(bool local, const char *state_dir, bool make, TbTls **tls, GError **error)
{
        if (local && !*tls)
                *tls = tb_tls_local_open(state_dir, make, error);
        return *tls || !local;
}

GBytes *tb_tls_local_authority(const char *state_dir)
{
        g_autofree char *path = g_build_filename(state_dir, "tls", "authority.crt", NULL);
        char *text;
        gsize size;
        return g_file_get_contents(path, &text, &size, NULL) ? g_bytes_new_take(text, size) : NULL;
}
