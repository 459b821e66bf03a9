/* What strangers say by multicast DNS: the message, what is remembered of it, and what every driver makes of it. */
#include <stdint.h>
#include <string.h>

#include "drivers/driver.h"
#include "drivers/network/network_seen.h"

static void offer(const char *type, const TbLanSeen *one, gpointer data)
{
        (void)data;
        g_assert_true(g_utf8_validate(one->name, -1, NULL) && g_utf8_validate(one->host, -1, NULL));
        for (const TbDriver *const *driver = tb_drivers; *driver; driver++) {
                for (const TbLanService *s = (*driver)->services; s && s->type; s++) {
                        TbLanOffer ret = {0};
                        if (!g_str_equal(s->type, type) || !s->offer(one, &ret))
                                continue;
                        TbUri *uri = tb_uri_parse(ret.uri, NULL);
                        g_assert_true(uri && g_utf8_validate(ret.label, -1, NULL) &&
                                      g_utf8_validate(ret.why, -1, NULL));
                        tb_uri_free(uri);
                        tb_lan_offer_clear(&ret);
                }
        }
}

static void take(const TbMdnsRecord *record, gpointer data)
{
        tb_network_seen_record(data, record, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const types[] = {"_shelly._tcp",     "_http._tcp",           "_rfb._tcp",
                                            "_esphomelib._tcp", "_home-assistant._tcp", NULL};
        TbNetworkSeen *seen = tb_network_seen_new(types);
        gssize n = tb_mdns_parse(data, size, take, seen);

        g_assert_true(n >= -1 && n <= (gssize)size);
        tb_network_seen_services(seen, offer, NULL);
        GByteArray *message = tb_mdns_question_new();
        tb_network_seen_missing(seen, message, 1400);
        g_assert_cmpuint(message->len, <=, 1400);
        g_byte_array_unref(message);
        tb_network_seen_free(seen);
        return 0;
}
