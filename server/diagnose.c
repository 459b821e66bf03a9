#include "server/diagnose.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/net.h"
#include "lib/proto/link_frame.h"

#define DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))
#define SOON_DAYS 14

/* How a TURN URL is reached: RFC 7065. */
static const char *way_of(const char *url)
{
        return g_str_has_prefix(url, "turns:") ? "tls" : strstr(url, "transport=tcp") ? "tcp" : "udp";
}

static json_t *by_way(char **urls, const char *way)
{
        json_t *out = json_array();
        for (; urls && *urls; urls++)
                if (!way || strcmp(way_of(*urls), way) == 0)
                        json_array_append_new(out, json_string(*urls));
        return out;
}

static void find(json_t *findings, const char *about, const char *level, const char *text, const char *open)
{
        json_array_append_new(findings, json_pack("{s:s, s:s, s:s, s:s*}", "about", about, "level", level,
                                                  "text", text, "open", open));
}

static void look_at_turn(json_t *findings, json_t *turn)
{
        bool udp = json_array_size(json_object_get(turn, "udp")) > 0,
             tcp = json_array_size(json_object_get(turn, "tcp")) > 0,
             tls = json_array_size(json_object_get(turn, "tls")) > 0;
        if (!json_is_true(json_object_get(turn, "configured"))) {
                find(findings, "turn", "warn",
                     "This server has no TURN server: where no direct path exists (a mobile network, a "
                     "company's "
                     "firewall) the picture comes through this server, fewer and smaller.",
                     "In the server's configuration: turn: {servers: [\"turn:HOST:3478\", "
                     "\"turn:HOST:3478?transport=tcp\", \"turns:HOST:5349\"], secret: …} (or username: …, "
                     "password: …), and on the TURN "
                     "server "
                     "UDP and TCP 3478, TCP 5349, UDP 49152-65535");
                return;
        }
        if (!tcp && !tls)
                find(findings, "turn", "warn",
                     "TURN is offered by UDP alone: a network that blocks UDP does not reach it.",
                     "turn:HOST:3478?transport=tcp in turn.servers, and TCP 3478 on the TURN server");
        else if (!tls)
                find(findings, "turn", "warn",
                     "TURN is not offered by TLS: a network that lets only HTTPS out does not reach it.",
                     "turns:HOST:5349 (or port 443) in turn.servers, and that TCP port on the TURN server");
        else
                find(findings, "turn", "good", "TURN is offered in ways that strict networks let out.", NULL);
        if (!udp && !tcp)
                find(findings, "turn", "warn",
                     "Hosts reach TURN by UDP or TCP, not by TLS: a host behind a strict firewall has none.",
                     "turn:HOST:3478 in turn.servers, and UDP and TCP 3478 from the host's network");
}

static void look_at_tls(json_t *findings, const TbDiagnosis *of)
{
        gint64 days = of->cert_ends_ms ? (of->cert_ends_ms - of->now_ms) / DAY_MS : 0;
        g_autofree char *when = of->cert_ends_ms ? tb_clock_rfc3339(of->cert_ends_ms) : NULL;
        g_autofree char *text = NULL;
        if (of->cert_ends_ms && of->cert_ends_ms <= of->now_ms) {
                text = g_strdup_printf("The server's certificate ended at %s: browsers refuse it.", when);
                find(findings, "tls", "bad", text,
                     "A new certificate in tls: {cert, key}; SIGHUP takes it over");
        } else if (of->cert_ends_ms && days < SOON_DAYS) {
                text = g_strdup_printf("The server's certificate ends in %" G_GINT64_FORMAT " days (%s).",
                                       days, when);
                find(findings, "tls", "warn", text,
                     "A new certificate in tls: {cert, key}; SIGHUP takes it over");
        } else if (!of->secure && !tb_address_is_loopback(of->address)) {
                find(findings, "tls", "warn",
                     "This page came without TLS: what is said can be read on the way, and phones give a "
                     "page "
                     "neither sensors nor camera.",
                     "tls: {cert, key} in the server's configuration, or a proxy with HTTPS before it");
        } else if (of->cert_private) {
                find(findings, "tls", "warn",
                     "The server's certificate is signed by nobody whom systems trust: each browser and each "
                     "host has to be told of it.",
                     NULL);
        } else {
                find(findings, "tls", "good",
                     of->secure ? "The way to the server is encrypted." : "This is the same machine.", NULL);
        }
}

static void look_at_host(json_t *findings, const TbDiagnosis *of)
{
        g_autofree char *text = NULL;
        int protocol = (int)json_integer_value(json_object_get(of->host, "protocol"));
        const char *name = json_string_value(json_object_get(of->host, "name"));
        if (!of->device)
                return;
        if (!of->host) {
                text = g_strdup_printf("The host of %s is not connected to this server.", of->device);
                find(findings, "host", "bad", text,
                     "On the host: is testbed-host running, does server.url lead here, and may it go out to "
                     "this "
                     "server's port by TCP? GET /host/health says what it thinks");
        } else if (!json_is_true(json_object_get(of->host, "online"))) {
                text = g_strdup_printf("Host %s is connected and does not answer: its network may be cut.",
                                       name);
                find(findings, "host", "bad", text, NULL);
        } else if (protocol < TB_LINK_PROTOCOL) {
                text = g_strdup_printf("Host %s speaks an older protocol: no requests are carried to it.",
                                       name);
                find(findings, "host", "warn", text, "Update testbed-host there");
        } else {
                text = g_strdup_printf("Host %s is connected and answers.", name);
                find(findings, "host", "good", text, NULL);
        }
}

json_t *tb_diagnosis_json(const TbDiagnosis *of)
{
        const TbIceConfig *ice = of->ice;
        json_t *findings = json_array();
        bool has_turn = tb_ice_has_turn(ice);
        char **turn_urls = has_turn ? ice->turn : NULL;
        json_t *turn = json_pack("{s:b, s:o, s:o, s:o, s:i}", "configured", has_turn, "udp",
                                 by_way(turn_urls, "udp"), "tcp", by_way(turn_urls, "tcp"), "tls",
                                 by_way(turn_urls, "tls"), "credentials_s",
                                 has_turn && ice->secret ? ice->ttl_s : 0);
        bool has_stun = ice->stun && ice->stun[0];
        look_at_host(findings, of);
        if (!has_stun && !has_turn)
                find(findings, "stun", "warn",
                     "This server names no STUN server: peers find a direct path only within one network.",
                     "stun: [\"stun:HOST:3478\"] in the server's configuration (coturn answers STUN, too)");
        look_at_turn(findings, turn);
        look_at_tls(findings, of);
        if (of->forwarded)
                find(findings, "proxy", "good", "A proxy stands before the server and says for whom it asks.",
                     NULL);
        json_t *server = json_pack("{s:s, s:b}", "tls",
                                   of->own_tls  ? "own"
                                   : of->secure ? "proxy"
                                                : "none",
                                   "private_certificate", of->cert_private);
        if (of->cert_ends_ms) {
                g_autofree char *when = tb_clock_rfc3339(of->cert_ends_ms);
                json_object_set_new(server, "certificate_ends_at", json_string(when));
        }
        bool v6 = strchr(of->address, ':') != NULL;
        json_t *out = json_pack("{s:{s:s, s:s, s:b, s:b}, s:o, s:{s:b, s:o}, s:o, s:o}", "you", "address",
                                of->address, "family", v6 ? "IPv6" : "IPv4", "forwarded", of->forwarded,
                                "secure", of->secure, "server", server, "stun", "configured", has_stun,
                                "servers", by_way(ice->stun, NULL), "turn", turn, "findings", findings);
        if (of->device)
                json_object_set_new(out, "device",
                                    json_pack("{s:s, s:O?}", "id", of->device, "host", of->host));
        return out;
}
