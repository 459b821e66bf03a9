/* What the server says of a caller's network: each thing that stands in the way, in words, and what to open. */
#include "server/diagnose.h"

#include <string.h>

#include "lib/proto/link_frame.h"
#include "lib/thread.h"

#define NOW 1700000000000
#define DAY (24 * 3600 * G_GINT64_CONSTANT(1000))

static char udp[] = "turn:t:3478", tcp[] = "turn:t:3478?transport=tcp", tls[] = "turns:t:5349",
            stun_url[] = "stun:t:3478", secret[] = "secret";
static char *no_urls[] = {NULL}, *stun[] = {stun_url, NULL}, *only_udp[] = {udp, NULL},
            *two[] = {udp, tcp, NULL}, *all[] = {udp, tcp, tls, NULL};

/* Level and text of what is found about it; NULL: nothing is. */
static const char *level_of(json_t *out, const char *about, const char *has)
{
        size_t i;
        json_t *f;
        json_array_foreach (json_object_get(out, "findings"), i, f)
                if (strcmp(json_string_value(json_object_get(f, "about")), about) == 0 &&
                    strstr(json_string_value(json_object_get(f, "text")), has))
                        return json_string_value(json_object_get(f, "level"));
        return NULL;
}

static void check(const TbDiagnosis *of, const char *about, const char *has, const char *level)
{
        json_auto_t *out = tb_diagnosis_json(of);
        g_assert_cmpstr(level_of(out, about, has), ==, level);
}

static void test_turn(void)
{
        TbIceConfig ice = {.stun = no_urls, .turn = no_urls};
        const TbDiagnosis of = {.address = "192.0.2.7", .secure = true, .ice = &ice, .now_ms = NOW};
        check(&of, "stun", "no STUN server", "warn");
        check(&of, "turn", "no TURN server", "warn");
        ice = (TbIceConfig){
                .stun = stun, .turn = only_udp, .ttl_s = 600}; /* without a secret it gives none */
        check(&of, "turn", "no TURN server", "warn");
        check(&of, "stun", "", NULL);
        ice.secret = secret;
        check(&of, "turn", "UDP alone", "warn");
        ice.turn = two;
        check(&of, "turn", "not offered by TLS", "warn");
        ice.turn = all;
        check(&of, "turn", "strict networks", "good");
        ice.turn = all + 2;
        check(&of, "turn", "Hosts reach TURN by UDP or TCP", "warn");
        ice.turn = all;
        json_auto_t *out = tb_diagnosis_json(&of);
        json_t *turn = json_object_get(out, "turn");
        const char *const ways[] = {"udp", "tcp", "tls"};
        for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
                g_assert_cmpstr(json_string_value(json_array_get(json_object_get(turn, ways[i]), 0)), ==,
                                all[i]);
        g_assert_cmpint(json_integer_value(json_object_get(turn, "credentials_s")), ==, 600);
        g_autofree char *text = json_dumps(out, 0);
        g_assert_null(strstr(text, secret));
}

static void test_tls(void)
{
        const TbIceConfig ice = {.stun = stun, .turn = all, .secret = secret, .ttl_s = 600};
        TbDiagnosis of = {.address = "2001:db8::7", .ice = &ice, .now_ms = NOW};
        check(&of, "tls", "without TLS", "warn");
        of.address = "127.0.0.1";
        check(&of, "tls", "same machine", "good");
        of = (TbDiagnosis){
                .address = "2001:db8::7", .secure = true, .own_tls = true, .ice = &ice, .now_ms = NOW};
        of.cert_ends_ms = NOW + 14 * DAY;
        check(&of, "tls", "encrypted", "good");
        of.cert_ends_ms = NOW + 14 * DAY - 1;
        check(&of, "tls", "ends in 13 days", "warn");
        of.cert_ends_ms = NOW;
        check(&of, "tls", "ended at", "bad");
        of.cert_ends_ms = NOW + 100 * DAY;
        of.cert_private = true;
        check(&of, "tls", "signed by nobody", "warn");
        json_auto_t *out = tb_diagnosis_json(&of);
        json_t *you = json_object_get(out, "you");
        g_assert_cmpstr(json_string_value(json_object_get(you, "family")), ==, "IPv6");
}

static void test_host(void)
{
        const TbIceConfig ice = {.stun = stun, .turn = all, .secret = secret, .ttl_s = 600};
        TbDiagnosis of = {.address = "127.0.0.1", .ice = &ice, .now_ms = NOW};
        check(&of, "host", "", NULL);
        of.device = "lab-1/board";
        check(&of, "host", "host of lab-1/board is not connected", "bad");
        json_auto_t *host =
                json_pack("{s:s, s:b, s:i}", "name", "lab-1", "online", 0, "protocol", TB_LINK_PROTOCOL);
        of.host = host;
        check(&of, "host", "does not answer", "bad");
        json_object_set_new(host, "online", json_true());
        check(&of, "host", "connected and answers", "good");
        json_object_set_new(host, "protocol", json_integer(TB_LINK_PROTOCOL - 1));
        check(&of, "host", "older protocol", "warn");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/diagnose/turn", test_turn);
        g_test_add_func("/diagnose/tls", test_tls);
        g_test_add_func("/diagnose/host", test_host);
        return g_test_run();
}
