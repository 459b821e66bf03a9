/*
 * network: what is found in the local network, for all drivers: one browse by multicast DNS for the services that they name, and
 * their broadcasts. It serves nothing itself; what it finds is attached by the driver of its URI.
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "drivers/network/network_seen.h"
#include "drivers/network/network_sockets.h"
#include "drivers/transport/finder.h"
#include "lib/limits.h"

#define AGAIN_MS 1000 /* the first questions are said twice: one may be lost; and for what is missing */
#define QUESTION 1400 /* bytes of a message of ours: no fragments */
#define PER_TURN 32   /* datagrams of one socket */
#define PROBES (TB_FINDER_FDS - 1)

typedef struct Probe {
        const TbLanProbe *probe; /* borrowed */
        int fd;                  /* owned; -1 */
} Probe;

typedef struct Network {
        TbFinder finder;     /* first */
        TbNetworkSeen *seen; /* owned */
        GPtrArray *types;    /* owned; borrowed texts, NULL at the end: each service once */
        Probe probes[PROBES];
        guint n_probes;
        int mdns;                  /* owned; -1: not allowed */
        guint8 *buffer;            /* owned */
        gint64 ask_ms, missing_ms; /* not before */
        guint asked;
} Network;

static gint64 now_ms(void)
{
        return g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND;
}

/* --- what all drivers name --- */
static GPtrArray *all_types(void)
{
        GPtrArray *types = g_ptr_array_new();

        for (const TbDriver *const *driver = tb_drivers; *driver; driver++)
                for (const TbLanService *s = (*driver)->services; s && s->type; s++)
                        if (!g_ptr_array_find_with_equal_func(types, s->type, g_str_equal, NULL))
                                g_ptr_array_add(types, (gpointer)s->type);
        g_ptr_array_add(types, NULL);
        return types;
}

/* A probe that cannot be sent (its port is another program's) is none; the others are. */
static void open_probes(Network *n, GError **first_error)
{
        for (const TbDriver *const *driver = tb_drivers; *driver; driver++) {
                for (const TbLanProbe *p = (*driver)->probes; p && p->port && n->n_probes < PROBES; p++) {
                        GError *error = NULL;
                        int fd = tb_network_open_probe(p->from_port, &error);
                        if (fd >= 0)
                                n->probes[n->n_probes++] = (Probe){p, fd};
                        else if (first_error && !*first_error)
                                g_propagate_error(first_error, error);
                        else
                                g_error_free(error);
                }
        }
}

/* --- asking --- */
static void ask_for_types(Network *n, const GArray *ways)
{
        g_autoptr(GByteArray) message = tb_mdns_question_new();

        for (guint i = 0; n->types->pdata[i]; i++) {
                g_autofree char *name = g_strdup_printf("%s.local", (const char *)n->types->pdata[i]);
                tb_mdns_question_add(message, name, TB_MDNS_PTR, QUESTION);
        }
        tb_network_say_mdns(n->mdns, ways, message);
}

static void ask_by_broadcast(Network *n, const GArray *ways)
{
        for (guint i = 0; i < n->n_probes; i++) {
                const Probe *probe = &n->probes[i];
                for (guint w = 0; w < ways->len; w++) {
                        const TbNetworkWay *way = &g_array_index(ways, TbNetworkWay, w);
                        char own[INET_ADDRSTRLEN];
                        if (!way->broadcast.s_addr || !inet_ntop(AF_INET, &way->own, own, sizeof own))
                                continue;
                        g_autoptr(GBytes) message = probe->probe->ask(own);
                        tb_network_say_probe(probe->fd, way, probe->probe->port, message);
                }
        }
}

/* The interfaces are looked at each time: cables and Wi-Fi come and go. */
static bool ask(Network *n, gint64 now, GError **error)
{
        g_autoptr(GArray) ways = now >= n->ask_ms || now >= n->missing_ms ? tb_network_ways(error) : NULL;

        if (now < n->ask_ms && now < n->missing_ms)
                return true;
        if (!ways)
                return false;
        if (n->mdns >= 0)
                tb_network_join(n->mdns, ways);
        if (now >= n->ask_ms) {
                if (n->mdns >= 0)
                        ask_for_types(n, ways);
                ask_by_broadcast(n, ways);
                n->ask_ms = now + (n->asked++ == 0 ? AGAIN_MS : TB_NETWORK_ASK_MS);
                n->missing_ms = MIN(n->missing_ms, now + AGAIN_MS);
        } else {
                g_autoptr(GByteArray) message = tb_mdns_question_new();
                bool any = n->mdns >= 0 && tb_network_seen_missing(n->seen, message, QUESTION);
                if (any)
                        tb_network_say_mdns(n->mdns, ways, message);
                n->missing_ms = any ? now + AGAIN_MS : G_MAXINT64;
        }
        return true;
}

/* --- hearing --- */
typedef struct Heard {
        Network *network;
        gint64 now_ms;
        bool news;
} Heard;

static void on_record(const TbMdnsRecord *record, gpointer data)
{
        Heard *heard = data;

        if (tb_network_seen_record(heard->network->seen, record, heard->now_ms))
                heard->news = true;
}

static void hear_mdns(Network *n, Heard *heard)
{
        struct in_addr from;

        for (guint i = 0; i < PER_TURN; i++) {
                gssize size = tb_network_hear(n->mdns, n->buffer, TB_MDNS_MESSAGE, &from);
                if (size < 0)
                        return;
                tb_mdns_parse(n->buffer, (gsize)size, on_record, heard);
        }
}

static void hear_probe(Network *n, const Probe *probe, Heard *heard)
{
        struct in_addr from;
        char text[INET_ADDRSTRLEN];

        for (guint i = 0; i < PER_TURN; i++) {
                gssize size = tb_network_hear(probe->fd, n->buffer, TB_MDNS_MESSAGE, &from);
                TbLanOffer offer = {0};
                if (size < 0)
                        return;
                if (!inet_ntop(AF_INET, &from, text, sizeof text) ||
                    !probe->probe->answer(n->buffer, (gsize)size, text, &offer))
                        continue;
                if (tb_network_seen_answer(n->seen, &offer, heard->now_ms))
                        heard->news = true;
        }
}

static guint listen_to(TbFinder *finder, struct pollfd *fds)
{
        Network *n = (Network *)finder;
        guint count = 0;

        for (guint i = 0; i < n->n_probes; i++)
                fds[count++] = (struct pollfd){.fd = n->probes[i].fd, .events = POLLIN};
        if (n->mdns >= 0)
                fds[count++] = (struct pollfd){.fd = n->mdns, .events = POLLIN};
        return count;
}

static bool heard(TbFinder *finder, TbIo *io, const struct pollfd *fds, bool *ret_look, GError **error)
{
        Network *n = (Network *)finder;
        Heard all = {n, now_ms(), false};

        (void)io, (void)error;
        for (guint i = 0; i < n->n_probes; i++)
                if (fds[i].revents)
                        hear_probe(n, &n->probes[i], &all);
        if (n->mdns >= 0 && fds[n->n_probes].revents)
                hear_mdns(n, &all);
        if (all.news)
                n->missing_ms = MIN(n->missing_ms, all.now_ms); /* who was named may lack his place */
        *ret_look = all.news;
        return true;
}

/* --- offering --- */
typedef struct Offering {
        Network *network;
        GHashTable *uris; /* what this look has offered: one device announces itself in several ways */
} Offering;

static void offer_once(Offering *o, const TbLanOffer *offer)
{
        if (g_hash_table_add(o->uris, g_strdup(offer->uri)))
                tb_offers_add(o->network->finder.offers, offer->uri, offer->label, offer->why,
                              json_incref(offer->properties));
}

static void offer_service(const char *type, const TbLanSeen *one, gpointer data)
{
        for (const TbDriver *const *driver = tb_drivers; *driver; driver++) {
                for (const TbLanService *s = (*driver)->services; s && s->type; s++) {
                        TbLanOffer offer = {0};
                        if (!g_str_equal(s->type, type) || !s->offer(one, &offer))
                                continue;
                        offer_once(data, &offer);
                        tb_lan_offer_clear(&offer);
                }
        }
}

static void offer_answer(const TbLanOffer *offer, gpointer data)
{
        offer_once(data, offer);
}

static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        Network *n = (Network *)finder;
        gint64 now = now_ms();

        (void)io, (void)all;
        if (!ask(n, now, error))
                return false;
        tb_network_seen_expire(n->seen, now);
        g_autoptr(GHashTable) uris = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Offering offering = {n, uris};
        tb_network_seen_answers(n->seen, offer_answer, &offering);
        tb_network_seen_services(n->seen, offer_service, &offering);
        tb_finder_look_in(finder, (int)CLAMP(MIN(n->ask_ms, n->missing_ms) - now, 1, TB_NETWORK_ASK_MS));
        return true;
}

static const TbFinderOps finder_ops = {.listen = listen_to, .heard = heard, .look = look};

/* --- life --- */
static bool discovery_open(TbDiscovery *self, TbIo *io, GError **error)
{
        Network *n = (Network *)self;

        (void)io;
        n->mdns = -1;
        n->n_probes = n->asked = 0;
        n->ask_ms = 0;
        n->missing_ms = G_MAXINT64;
        if (!tb_finder_open(&n->finder, &finder_ops, error))
                return false;
        if (!self->network) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "the configuration says \"discovery: false\": the network is not searched");
                return false;
        }
        n->types = all_types();
        n->seen = tb_network_seen_new((const char *const *)n->types->pdata);
        n->buffer = g_malloc(TB_MDNS_MESSAGE);
        g_autoptr(GError) refused = NULL; /* one way that is closed is told, and leaves the other open */
        if (self->network & TB_DISCOVERY_MDNS)
                n->mdns = tb_network_open_mdns(&refused);
        if (self->network & TB_DISCOVERY_BROADCAST)
                open_probes(n, &refused);
        if (refused)
                tb_finder_warn(&n->finder, tb_error_detail(refused));
        tb_finder_look_in(&n->finder, 0);
        return true;
}

static void discovery_close(TbDiscovery *self)
{
        Network *n = (Network *)self;

        tb_finder_close(&n->finder);
        for (guint i = 0; i < n->n_probes; i++)
                close(n->probes[i].fd);
        n->n_probes = 0;
        if (n->mdns >= 0)
                close(n->mdns);
        n->mdns = -1;
        g_clear_pointer(&n->seen, tb_network_seen_free);
        g_clear_pointer(&n->types, g_ptr_array_unref);
        g_clear_pointer(&n->buffer, g_free);
}

static const TbDiscoveryOps discovery = {.size = sizeof(Network),
                                         .open = discovery_open,
                                         .pump = tb_finder_discovery_pump,
                                         .close = discovery_close};

static const TbLane lanes[] = {{.name = NULL}};

const TbDriver tb_driver_network = {
        .name = "network",
        .summary =
                "Finds plugs, screens and instruments in the local network, for the drivers that serve them.",
        .example = "network://found",
        .lanes = lanes,
        .discovery = &discovery,
};
