/* What is remembered of the network (network_seen.h), on a clock that the test turns; the interfaces that are searched. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "drivers/driver.h"
#include "drivers/network/network_seen.h"
#include "drivers/network/network_sockets.h"
#include "lib/limits.h"

static const char *const types[] = {"_shelly._tcp", "_http._tcp", NULL};

static TbMdnsRecord record(TbMdnsType type, const char *name, const char *target, guint32 ttl_s)
{
        TbMdnsRecord r = {.type = type, .ttl_s = ttl_s, .port = 80, .address = {10, 0, 0, 7}};

        g_strlcpy(r.name, name, sizeof r.name);
        g_strlcpy(r.target, target, sizeof r.target);
        return r;
}

static bool take(TbNetworkSeen *seen, TbMdnsType type, const char *name, const char *target, guint32 ttl_s,
                 gint64 now)
{
        TbMdnsRecord r = record(type, name, target, ttl_s);

        return tb_network_seen_record(seen, &r, now);
}

static void list(const char *type, const TbLanSeen *one, gpointer data)
{
        g_string_append_printf(data, "%s %s %s:%u %s\n", type, one->name, one->address, one->port,
                               tb_lan_txt(one, "gen"));
}

static char *listed(TbNetworkSeen *seen)
{
        g_autoptr(GString) out = g_string_new(NULL);

        tb_network_seen_services(seen, list, out);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

#define FULL "s1._shelly._tcp.local"

static void whole(TbNetworkSeen *seen, gint64 now)
{
        static const guint8 txt[] = "\x05gen=2";
        TbMdnsRecord r = record(TB_MDNS_TXT, FULL, "", 4500);

        r.txt = txt;
        r.txt_size = sizeof txt - 1;
        take(seen, TB_MDNS_PTR, "_SHELLY._tcp.local", FULL, 4500, now);
        take(seen, TB_MDNS_SRV, FULL, "s1.local", 120, now);
        tb_network_seen_record(seen, &r, now);
        take(seen, TB_MDNS_A, "S1.local", "", 120, now);
}

/* Nothing is offered before its place is known; what says goodbye, or is not heard of for three questions, is gone. */
static void test_life(void)
{
        TbNetworkSeen *seen = tb_network_seen_new(types);

        g_assert_true(take(seen, TB_MDNS_PTR, "_shelly._tcp.local", FULL, 4500, 0));
        g_assert_false(
                take(seen, TB_MDNS_PTR, "_ipp._tcp.local", "p._ipp._tcp.local", 4500, 0)); /* not asked for */
        g_assert_false(
                take(seen, TB_MDNS_PTR, "_http._tcp.local", "x_http._tcp.local", 4500, 0)); /* no instance */
        g_autofree char *nothing = listed(seen);
        g_assert_cmpstr(nothing, ==, "");
        g_autoptr(GByteArray) message = tb_mdns_question_new();
        g_assert_true(tb_network_seen_missing(seen, message, 1400));
        g_assert_cmpuint(message->data[5], ==, 2); /* its place and its texts */

        whole(seen, 1000);
        g_autofree char *there = listed(seen);
        g_assert_cmpstr(there, ==, "_shelly._tcp s1 10.0.0.7:80 2\n");
        g_assert_false(tb_network_seen_missing(seen, message, 1400));
        g_assert_false(take(seen, TB_MDNS_A, "s1.local", "", 120, 2000)); /* nothing new */

        tb_network_seen_expire(seen, 1000 + TB_NETWORK_LIFE_MS - 1);
        g_autofree char *still = listed(seen);
        g_assert_cmpstr(still, ==, there);
        tb_network_seen_expire(seen, 1000 + TB_NETWORK_LIFE_MS);
        g_autofree char *gone = listed(seen);
        g_assert_cmpstr(gone, ==, "");

        whole(seen, 500000);
        g_assert_true(take(seen, TB_MDNS_PTR, "_shelly._tcp.local", FULL, 0, 500001));
        g_autofree char *bye = listed(seen);
        g_assert_cmpstr(bye, ==, "");
        tb_network_seen_free(seen);
}

/* Who never says where he is is asked three times. */
static void test_missing(void)
{
        TbNetworkSeen *seen = tb_network_seen_new(types);
        g_autoptr(GByteArray) message = tb_mdns_question_new();

        take(seen, TB_MDNS_PTR, "_shelly._tcp.local", FULL, 4500, 0);
        for (guint i = 0; i < 3; i++)
                g_assert_true(tb_network_seen_missing(seen, message, 9000));
        g_assert_false(tb_network_seen_missing(seen, message, 9000));
        tb_network_seen_free(seen);
}

static void count(const TbLanOffer *offer, gpointer data)
{
        g_assert_nonnull(offer->uri);
        *(guint *)data += 1;
}

static void test_limits(void)
{
        TbNetworkSeen *seen = tb_network_seen_new(types);
        guint services = 0, answers = 0;

        for (guint i = 0; i <= TB_LIMIT_LAN_SEEN; i++) {
                g_autofree char *name = g_strdup_printf("s%u._shelly._tcp.local", i);
                g_autofree char *host = g_strdup_printf("s%u.local", i);
                services += take(seen, TB_MDNS_PTR, "_shelly._tcp.local", name, 4500, 0);
                take(seen, TB_MDNS_SRV, name, host, 120, 0);
                take(seen, TB_MDNS_A, host, "", 120, 0);
                TbLanOffer offer = {.uri = g_strdup_printf("tapo://10.0.%u.%u", i / 256, i % 256),
                                    .label = g_strdup("plug"),
                                    .why = g_strdup("it answered")};
                tb_network_seen_answer(seen, &offer, 0);
        }
        g_assert_cmpuint(services, ==, TB_LIMIT_LAN_SEEN);
        tb_network_seen_answers(seen, count, &answers);
        g_assert_cmpuint(answers, ==, TB_LIMIT_LAN_SEEN);
        tb_network_seen_expire(seen, TB_NETWORK_LIFE_MS);
        answers = 0;
        tb_network_seen_answers(seen, count, &answers);
        g_assert_cmpuint(answers, ==, 0);
        tb_network_seen_free(seen);
}

static void test_ways(void)
{
        struct sockaddr_in own = {.sin_family = AF_INET}, all = {.sin_family = AF_INET};
        struct ifaddrs many[TB_LIMIT_LAN_WAYS + 3] = {{0}};

        inet_pton(AF_INET, "10.0.0.2", &own.sin_addr);
        inet_pton(AF_INET, "10.0.0.255", &all.sin_addr);
        for (guint i = 0; i < G_N_ELEMENTS(many); i++) {
                many[i] = (struct ifaddrs){.ifa_name = (char *)"lo", /* a name that the kernel knows */
                                           .ifa_addr = (struct sockaddr *)&own,
                                           .ifa_flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST,
                                           .ifa_broadaddr = (struct sockaddr *)&all};
                many[i].ifa_next = i + 1 < G_N_ELEMENTS(many) ? &many[i + 1] : NULL;
        }
        many[0].ifa_flags |= IFF_LOOPBACK;
        many[1].ifa_flags &= ~(unsigned)IFF_UP;
        g_autoptr(GArray) ways = tb_network_ways_of(many);
        g_assert_cmpuint(ways->len, ==, TB_LIMIT_LAN_WAYS);
        const TbNetworkWay *way = &g_array_index(ways, TbNetworkWay, 0);
        g_assert_true(way->multicast && way->broadcast.s_addr == all.sin_addr.s_addr);

        /* A link that names no broadcast address, as libc tells of it; and one of two addresses, which has none. */
        struct sockaddr_in mask = {.sin_family = AF_INET};
        many[2].ifa_broadaddr = (struct sockaddr *)&own;
        many[2].ifa_netmask = (struct sockaddr *)&mask;
        many[2].ifa_next = NULL;
        inet_pton(AF_INET, "255.255.255.0", &mask.sin_addr);
        g_autoptr(GArray) unnamed = tb_network_ways_of(&many[2]);
        g_assert_true(g_array_index(unnamed, TbNetworkWay, 0).broadcast.s_addr == all.sin_addr.s_addr);
        inet_pton(AF_INET, "255.255.255.254", &mask.sin_addr);
        g_autoptr(GArray) two = tb_network_ways_of(&many[2]);
        g_assert_true(g_array_index(two, TbNetworkWay, 0).broadcast.s_addr == 0);
}

/* Every row leads to a URI that its driver takes. */
static void test_rows(void)
{
        json_t *txt = json_pack("{s:s, s:s, s:s}", "app", "Plus1PM", "devicetype", "tasmota", "friendly_name",
                                "Kitchen");
        static const char *const names[] = {"shellyplus1-a8032ab12345", "tasmota-1", "kitchen"};
        guint offers = 0;

        for (const TbDriver *const *driver = tb_drivers; *driver; driver++)
                for (const TbLanService *s = (*driver)->services; s && s->type; s++)
                        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                                const TbLanSeen seen = {names[i], "x.local", "10.0.0.7", 80, txt};
                                TbLanOffer offer = {0};
                                g_autoptr(GError) error = NULL;
                                if (!s->offer(&seen, &offer))
                                        continue;
                                offers++;
                                TbUri *uri = tb_uri_parse(offer.uri, &error);
                                g_assert_no_error(error);
                                g_assert_true(tb_driver_find(uri->scheme) == *driver);
                                json_t *params =
                                        tb_params_validate_text((*driver)->params, uri->query, &error);
                                g_assert_no_error(error);
                                g_assert_true(!(*driver)->check || (*driver)->check(uri, params, &error));
                                g_assert_true(strlen(offer.label) > 0 && strlen(offer.why) > 0);
                                json_decref(params);
                                tb_uri_free(uri);
                                tb_lan_offer_clear(&offer);
                        }
        g_assert_cmpuint(offers, >=, 8);
        json_decref(txt);
}

static bool answered(const char *scheme, const void *data, gsize size, TbLanOffer *ret)
{
        const TbDriver *driver = tb_driver_find(scheme);

        g_assert_nonnull(driver->probes);
        g_autoptr(GBytes) probe = driver->probes->ask("10.0.0.2");
        TbLanOffer own = {0}; /* one's own question is no answer */
        g_assert_false(driver->probes->answer(g_bytes_get_data(probe, NULL), g_bytes_get_size(probe),
                                              "10.0.0.2", &own));
        return driver->probes->answer(data, size, "10.0.0.9", ret);
}

/* Answers to a broadcast: a Kasa's (python-kasa's fixture of an HS110), a telescope's (scopinator), and anything else. */
static void test_probes(void)
{
        static const char kasa[] =
                "{\"system\":{\"get_sysinfo\":{\"err_code\":0,\"alias\":\"Bench\",\"model\":\"HS110(US)\","
                "\"mac\":\"50:C7:BF:00:00:01\",\"relay_state\":1}}}";
        static const char seestar[] =
                "{\"jsonrpc\":\"2.0\",\"method\":\"scan_iscope\",\"result\":{\"product_model\":\"Seestar "
                "S50\","
                "\"sn\":\"abcd1234\",\"ip\":\"10.0.0.9\",\"is_verified\":true},\"code\":0,\"id\":201}\r\n";
        g_autofree guint8 *hidden = g_memdup2(kasa, sizeof kasa);
        guint8 key = 171;
        TbLanOffer offer = {0};

        for (gsize i = 0; i < sizeof kasa - 1; i++)
                key = hidden[i] ^= key;
        g_assert_true(answered("kasa", hidden, sizeof kasa - 1, &offer));
        g_assert_cmpstr(offer.uri, ==, "kasa://10.0.0.9");
        g_assert_cmpstr(offer.label, ==, "Kasa HS110(US), Bench");
        tb_lan_offer_clear(&offer);
        g_assert_true(answered("seestar", seestar, sizeof seestar - 1, &offer));
        g_assert_cmpstr(offer.uri, ==, "seestar://10.0.0.9");
        tb_lan_offer_clear(&offer);
        g_assert_false(answered("kasa", seestar, sizeof seestar - 1, &offer));
        g_assert_false(answered("seestar", hidden, sizeof kasa - 1, &offer));
        g_assert_false(answered("kasa", "", 0, &offer));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/network/life", test_life);
        g_test_add_func("/network/missing", test_missing);
        g_test_add_func("/network/limits", test_limits);
        g_test_add_func("/network/ways", test_ways);
        g_test_add_func("/network/rows", test_rows);
        g_test_add_func("/network/probes", test_probes);
        return g_test_run();
}
