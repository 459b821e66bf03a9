#include "drivers/tapo/tapo_find.h"

#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/text.h"

#define HEAD 16
#define CHECKSUM_AT 12
#define CHECKSUM_SEED 0x5A6B7C8DU /* stands in the field while the checksum is made */
#define HTTP 80

/* Devices want a key to seal answers of cameras with; plugs answer in the clear. Nobody has its private half. */
#define KEY                                                                                                  \
        "-----BEGIN PUBLIC KEY-----\\n"                                                                      \
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAovuIUgFKuUDVLs/KI/yp\\n"                                \
        "nGVUtsDLaBWJsIoCWlsHpKX0jE1ImYUvPXlFJ+WDZgon9Y7P8FrbWF/7CKWO6zcc\\n"                                \
        "ocM284CN+vApPooCfN8k+ilZKvP43OmqkH7BwAq+uSJPIu0Zcq+HFr3WnmTEdZ7h\\n"                                \
        "VCW2EfGTxDljWe00iHeDoy8lsHcEUeWIolRbGwp/THltDzl464dDdRmjlP+z6AA5\\n"                                \
        "aBI9fv4mSUpOSa+dY/TkJp42G2Ribjd6/UGPensOcq/ycpAPF1HeBJ54tRiNmOoA\\n"                                \
        "txbjZ0mT5NQ7I5+qcumkOKoXattpzOjBJXPXGWByGYnUeXT2LlvmrgQnSus7Ytly\\n"                                \
        "3QIDAQAB\\n"                                                                                        \
        "-----END PUBLIC KEY-----\\n"
#define QUESTION "{\"params\":{\"rsa_key\":\"" KEY "\"}}"

static void put32(guint8 *at, guint32 value)
{
        for (int i = 0; i < 4; i++)
                at[i] = (guint8)(value >> (24 - 8 * i));
}

/* CRC-32 of zlib (ISO 3309). */
static guint32 checksum(const guint8 *data, gsize size)
{
        guint32 sum = 0xFFFFFFFFU;
        for (gsize i = 0; i < size; i++) {
                sum ^= data[i];
                for (int bit = 0; bit < 8; bit++)
                        sum = (sum >> 1) ^ (sum & 1 ? 0xEDB88320U : 0);
        }
        return ~sum;
}

GBytes *tb_tapo_find_question(guint32 serial)
{
        static const char question[] = QUESTION;
        const gsize length = sizeof question - 1;
        guint8 *packet = g_malloc0(HEAD + length);
        packet[0] = 2; /* version */
        packet[3] = 1; /* operation: who is there? */
        packet[4] = (guint8)(length >> 8);
        packet[5] = (guint8)length;
        packet[6] = 17; /* flags */
        put32(packet + 8, serial);
        put32(packet + CHECKSUM_AT, CHECKSUM_SEED);
        memcpy(packet + HEAD, question, length);
        put32(packet + CHECKSUM_AT, checksum(packet, HEAD + length));
        return g_bytes_new_take(packet, HEAD + length);
}

GBytes *tb_tapo_find_ask(const char *own)
{
        (void)own;
        return tb_tapo_find_question(g_random_int());
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

static bool is_plain(const char *text)
{
        for (; *text; text++)
                if (g_ascii_iscntrl(*text))
                        return false;
        return true;
}

/* What stands in the way of using it, in words; "" is nothing. */
static const char *obstacle(const json_t *result, const json_t *way)
{
        const char *kind = text_of(way, "encrypt_type");
        if (g_str_equal(kind, "TPAP"))
                return "; its firmware speaks a protocol (TPAP) that is not spoken here: look for "
                       "\"Third-Party "
                       "Compatibility\" in the Tapo app";
        if (json_is_true(json_object_get(way, "is_support_https")))
                return "; it answers by HTTPS, which is not spoken here";
        if (json_is_true(json_object_get(result, "factory_default")))
                return "; it is not set up yet: do that in the app first";
        return "; user and password are those of the app's account";
}

bool tb_tapo_find_answer(const guint8 *data, gsize size, const char *from, TbLanOffer *ret_offer)
{
        if (size <= HEAD || size > TB_LIMIT_DEVICE_ANSWER || data[0] != 2)
                return false;
        json_auto_t *answer = tb_json_parse((const char *)data + HEAD, size - HEAD, NULL);
        const json_t *result = json_object_get(answer, "result"),
                     *way = json_object_get(result, "mgt_encrypt_schm");
        const char *type = text_of(result, "device_type"), *model = text_of(result, "device_model"),
                   *mac = text_of(result, "mac");
        const bool old = g_str_has_prefix(type, "IOT."); /* a Kasa whose port 9999 is closed */
        if (!(old || g_str_has_prefix(type, "SMART.")) || !(strstr(type, "PLUG") || strstr(type, "SWITCH")) ||
            !is_plain(model) || !is_plain(mac))
                return false;
        const json_int_t said = json_integer_value(json_object_get(way, "http_port"));
        g_autofree char *port = said > 0 && said <= G_MAXUINT16 && said != HTTP
                                        ? g_strdup_printf(":%d", (int)said)
                                        : g_strdup("");
        g_autofree char *fit = tb_text_cut(*model ? model : "plug", 60), *serial = tb_text_cut(mac, 32);
        *ret_offer = (TbLanOffer){.uri = g_strdup_printf("%s://%s%s%s", old ? "kasa" : "tapo", from, port,
                                                         old ? "?protocol=klap" : ""),
                                  .label = g_strdup_printf("%s %s", old ? "Kasa" : "Tapo", fit),
                                  .why = g_strdup_printf("it answers as a TP-Link %s plug%s",
                                                         old ? "Kasa" : "Tapo", obstacle(result, way)),
                                  .properties = json_pack("{s:s, s:s, s:s, s:s}", "kind", "power", "address",
                                                          from, "serial", serial, "found_by", "broadcast")};
        return true;
}
