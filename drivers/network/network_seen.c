#include "drivers/network/network_seen.h"

#include <string.h>

#include "lib/limits.h"

#define TXT_MOST 1300 /* bytes: RFC 6763 §6.2 calls more "not recommended"; it is passed over */
#define TRIES 3

typedef struct Instance {
        const char *type;  /* borrowed */
        char *full, *name; /* owned: "x._shelly._tcp.local", "x" */
        char *host;        /* owned; NULL: not known yet */
        json_t *txt;       /* owned; NULL: not known yet */
        gint64 until_ms;
        guint16 port;
        guint tries;
} Instance;

typedef struct Address {
        char text[16];
        gint64 until_ms;
} Address;

typedef struct Answer {
        TbLanOffer offer;
        gint64 until_ms;
} Answer;

struct TbNetworkSeen {
        const char *const *types;
        GTree *instances; /* owned: full name in lower case -> Instance */
        GTree *addresses; /* owned: host in lower case -> Address */
        GTree *answers;   /* owned: URI -> Answer */
};

static void instance_free(gpointer data)
{
        Instance *one = data;

        g_free(one->full);
        g_free(one->name);
        g_free(one->host);
        json_decref(one->txt);
        g_free(one);
}

static void answer_free(gpointer data)
{
        Answer *one = data;

        tb_lan_offer_clear(&one->offer);
        g_free(one);
}

static int compare(gconstpointer a, gconstpointer b, gpointer data)
{
        (void)data;
        return strcmp(a, b);
}

TbNetworkSeen *tb_network_seen_new(const char *const *types)
{
        TbNetworkSeen *seen = g_new0(TbNetworkSeen, 1);

        seen->types = types;
        seen->instances = g_tree_new_full(compare, NULL, g_free, instance_free);
        seen->addresses = g_tree_new_full(compare, NULL, g_free, g_free);
        seen->answers = g_tree_new_full(compare, NULL, g_free, answer_free);
        return seen;
}

void tb_network_seen_free(TbNetworkSeen *seen)
{
        if (!seen)
                return;
        g_tree_unref(seen->instances);
        g_tree_unref(seen->addresses);
        g_tree_unref(seen->answers);
        g_free(seen);
}

static gint64 until(guint32 ttl_s, gint64 now_ms)
{
        return now_ms + MIN((gint64)ttl_s * 1000, TB_NETWORK_LIFE_MS);
}

/* --- records --- */
/* "_shelly._tcp.local" -> the type that was asked for */
static const char *type_of(const TbNetworkSeen *seen, const char *name)
{
        for (guint i = 0; seen->types[i]; i++) {
                gsize n = strlen(seen->types[i]);
                if (g_ascii_strncasecmp(name, seen->types[i], n) == 0 &&
                    g_ascii_strcasecmp(name + n, ".local") == 0)
                        return seen->types[i];
        }
        return NULL;
}

static bool take_ptr(TbNetworkSeen *seen, const TbMdnsRecord *r, gint64 now_ms)
{
        const char *type = type_of(seen, r->name);
        g_autofree char *key = g_ascii_strdown(r->target, -1);
        gsize whole = strlen(r->target), tail = strlen(r->name);

        /* "<instance>.<type>": what is named otherwise is no instance of it */
        if (!type || whole <= tail + 1 || r->target[whole - tail - 1] != '.' ||
            g_ascii_strcasecmp(r->target + whole - tail, r->name) != 0)
                return false;
        if (r->ttl_s == 0)
                return g_tree_remove(seen->instances, key);
        Instance *one = g_tree_lookup(seen->instances, key);
        if (one) {
                one->until_ms = until(r->ttl_s, now_ms);
                return false;
        }
        if (g_tree_nnodes(seen->instances) >= TB_LIMIT_LAN_SEEN)
                return false;
        const Instance fresh = {.type = type,
                                .full = g_strdup(r->target),
                                .name = tb_mdns_first_label(r->target),
                                .until_ms = until(r->ttl_s, now_ms)};
        g_tree_insert(seen->instances, g_steal_pointer(&key), g_memdup2(&fresh, sizeof fresh));
        return true;
}

static bool take_srv(TbNetworkSeen *seen, const TbMdnsRecord *r)
{
        g_autofree char *key = g_ascii_strdown(r->name, -1);
        Instance *one = g_tree_lookup(seen->instances, key);
        guint16 port = r->ttl_s ? r->port : 0;

        if (!one || (one->port == port && g_strcmp0(one->host, r->target) == 0))
                return false;
        g_free(one->host);
        one->host = g_strdup(r->target);
        one->port = port;
        return true;
}

static bool take_txt(TbNetworkSeen *seen, const TbMdnsRecord *r)
{
        g_autofree char *key = g_ascii_strdown(r->name, -1);
        Instance *one = g_tree_lookup(seen->instances, key);

        if (!one || r->ttl_s == 0 || r->txt_size > TXT_MOST)
                return false;
        json_t *txt = tb_mdns_txt(r->txt, r->txt_size);
        bool same = one->txt && json_equal(one->txt, txt);
        json_decref(one->txt);
        one->txt = txt;
        return !same;
}

static bool take_a(TbNetworkSeen *seen, const TbMdnsRecord *r, gint64 now_ms)
{
        g_autofree char *key = g_ascii_strdown(r->name, -1);
        Address *one = g_tree_lookup(seen->addresses, key), now;
        const guint8 *a = r->address;

        if (r->ttl_s == 0)
                return g_tree_remove(seen->addresses, key);
        if (a[0] == 0 || a[0] == 127 || a[0] >= 224) /* leads nowhere, or to ourselves */
                return false;
        g_snprintf(now.text, sizeof now.text, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
        now.until_ms = until(r->ttl_s, now_ms);
        bool same = one && strcmp(one->text, now.text) == 0;
        if (same)
                one->until_ms = now.until_ms;
        else if (one || g_tree_nnodes(seen->addresses) < TB_LIMIT_LAN_SEEN)
                g_tree_replace(seen->addresses, g_steal_pointer(&key), g_memdup2(&now, sizeof now));
        return !same;
}

bool tb_network_seen_record(TbNetworkSeen *seen, const TbMdnsRecord *r, gint64 now_ms)
{
        switch (r->type) {
        case TB_MDNS_PTR: return take_ptr(seen, r, now_ms);
        case TB_MDNS_SRV: return take_srv(seen, r);
        case TB_MDNS_TXT: return take_txt(seen, r);
        case TB_MDNS_A: return take_a(seen, r, now_ms);
        case TB_MDNS_ANY: break;
        }
        return false;
}

bool tb_network_seen_answer(TbNetworkSeen *seen, TbLanOffer *offer_take, gint64 now_ms)
{
        Answer *old = g_tree_lookup(seen->answers, offer_take->uri);
        bool same = old && g_strcmp0(old->offer.label, offer_take->label) == 0 &&
                    g_strcmp0(old->offer.why, offer_take->why) == 0 &&
                    json_equal(old->offer.properties, offer_take->properties);

        if (same || (!old && g_tree_nnodes(seen->answers) >= TB_LIMIT_LAN_SEEN)) {
                if (same)
                        old->until_ms = now_ms + TB_NETWORK_LIFE_MS;
                tb_lan_offer_clear(offer_take);
                return false;
        }
        const Answer fresh = {*offer_take, now_ms + TB_NETWORK_LIFE_MS};
        *offer_take = (TbLanOffer){0};
        g_tree_replace(seen->answers, g_strdup(fresh.offer.uri), g_memdup2(&fresh, sizeof fresh));
        return true;
}

/* --- forgetting --- */
typedef struct Old {
        gint64 now_ms;
        gint64 (*until_ms)(gconstpointer value);
        GPtrArray *keys; /* borrowed keys */
} Old;

static gint64 instance_until(gconstpointer value)
{
        return ((const Instance *)value)->until_ms;
}

static gint64 address_until(gconstpointer value)
{
        return ((const Address *)value)->until_ms;
}

static gint64 answer_until(gconstpointer value)
{
        return ((const Answer *)value)->until_ms;
}

static gboolean note_old(gpointer key, gpointer value, gpointer data)
{
        Old *old = data;

        if (old->until_ms(value) <= old->now_ms)
                g_ptr_array_add(old->keys, key);
        return FALSE;
}

static void expire(GTree *tree, gint64 (*until_ms)(gconstpointer value), gint64 now_ms)
{
        g_autoptr(GPtrArray) keys = g_ptr_array_new();
        Old old = {now_ms, until_ms, keys};

        g_tree_foreach(tree, note_old, &old);
        for (guint i = 0; i < keys->len; i++)
                g_tree_remove(tree, keys->pdata[i]);
}

void tb_network_seen_expire(TbNetworkSeen *seen, gint64 now_ms)
{
        expire(seen->instances, instance_until, now_ms);
        expire(seen->addresses, address_until, now_ms);
        expire(seen->answers, answer_until, now_ms);
}

/* --- what is there --- */
static const Address *address_of(TbNetworkSeen *seen, const char *host)
{
        g_autofree char *key = host ? g_ascii_strdown(host, -1) : NULL;

        return key ? g_tree_lookup(seen->addresses, key) : NULL;
}

void tb_network_seen_services(TbNetworkSeen *seen,
                              void (*each)(const char *type, const TbLanSeen *one, gpointer data),
                              gpointer data)
{
        json_auto_t *none = json_object();

        for (GTreeNode *n = g_tree_node_first(seen->instances); n; n = g_tree_node_next(n)) {
                const Instance *one = g_tree_node_value(n);
                const Address *address = address_of(seen, one->host);
                if (!address || !one->port)
                        continue;
                const TbLanSeen told = {one->name, one->host, address->text, one->port,
                                        one->txt ? one->txt : none};
                each(one->type, &told, data);
        }
}

void tb_network_seen_answers(TbNetworkSeen *seen, void (*each)(const TbLanOffer *offer, gpointer data),
                             gpointer data)
{
        for (GTreeNode *n = g_tree_node_first(seen->answers); n; n = g_tree_node_next(n))
                each(&((const Answer *)g_tree_node_value(n))->offer, data);
}

bool tb_network_seen_missing(TbNetworkSeen *seen, GByteArray *message, gsize most)
{
        bool any = false;

        for (GTreeNode *n = g_tree_node_first(seen->instances); n; n = g_tree_node_next(n)) {
                Instance *one = g_tree_node_value(n);
                bool place = one->port != 0, where = address_of(seen, one->host) != NULL;
                if ((place && where && one->txt) || one->tries >= TRIES)
                        continue;
                one->tries++;
                if (!place)
                        any |= tb_mdns_question_add(message, one->full, TB_MDNS_SRV, most);
                if (!one->txt)
                        any |= tb_mdns_question_add(message, one->full, TB_MDNS_TXT, most);
                if (place && !where)
                        any |= tb_mdns_question_add(message, one->host, TB_MDNS_A, most);
        }
        return any;
}
