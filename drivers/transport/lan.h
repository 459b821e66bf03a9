#pragma once
/*
 * What says of itself in the local network that it is there. A driver names it in two tables (TbDriver.services,
 * .probes); drivers/network browses and asks for all drivers at once, and offers what they make of the answers.
 *
 * Everything that comes here was said by strangers: names are valid UTF-8 without control characters, addresses are ones
 * that it really was sent from or that mDNS named, and the functions are pure and have a fuzzer (fuzz_lan).
 * Thread: discovery's worker. Source: RFC 6763 (DNS-SD), RFC 6762 (mDNS).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* What is offered. The strings are owned by whoever was given it: tb_lan_offer_clear(). */
typedef struct TbLanOffer {
        char *uri;          /* to attach it by */
        char *label, *why;  /* for people */
        json_t *properties; /* object of texts; NULL: none */
} TbLanOffer;
void tb_lan_offer_clear(TbLanOffer *offer);

typedef struct TbLanSeen {
        const char *name;    /* of the instance: "shellyplus1-a8032ab12345" */
        const char *host;    /* "shellyplus1-a8032ab12345.local" */
        const char *address; /* "10.0.0.7" */
        guint16 port;
        const json_t *txt; /* object of texts, keys in lower case: {"gen": "2"} */
} TbLanSeen;

/* One that announces itself by mDNS. */
typedef struct TbLanService {
        const char *type; /* "_shelly._tcp"; NULL ends the table */
        /* False: it is none of ours (a service that many use: "_http._tcp"). */
        bool (*offer)(const TbLanSeen *seen, TbLanOffer *ret_offer);
} TbLanService;

/* A text of seen->txt; "" when there is none. Borrowed. */
const char *tb_lan_txt(const TbLanSeen *seen, const char *key);
/* Fills an offer of what was seen, with its kind ("power"), address and name as properties. Takes the texts. Always true. */
bool tb_lan_offer(const TbLanSeen *seen, const char *kind, char *uri_take, char *label_take, char *why_take,
                  TbLanOffer *ret_offer);

/* One that answers a datagram that is sent to everybody. */
typedef struct TbLanProbe {
        guint16 port;      /* UDP, where it listens; 0 ends the table */
        guint16 from_port; /* that it wants to be asked from; 0: any */
        /* What is sent. `own`: the address that it is sent from. The caller unrefs. */
        GBytes *(*ask)(const char *own);
        /* False: no answer, or none of ours. `from` is who sent it. */
        bool (*answer)(const guint8 *data, gsize size, const char *from, TbLanOffer *ret_offer);
} TbLanProbe;
