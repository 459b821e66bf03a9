/*
 * What everybody may ask: which hosts there are, and their devices. The texts are made once per change and shared by
 * all who read them; how much is kept of hosts, and how much is made anew in a second, is bounded here.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/proto/link_key.h"
#include "lib/server_limits.h"
#include "server/pairing/pairing_private.h"

/* A host that has left. */
typedef struct Away {
        char *name, *version, *instance; /* owned; the last two may be NULL */
        gint64 since_ms;
        TbDeviceList *devices; /* owned */
} Away;

struct TbLists {
        TbPairing *pairing;      /* borrowed */
        GQueue away;             /* owned Away, the longest away first */
        gsize away_bytes, bytes; /* of device lists: of those, and of hosts that are connected */
        struct {
                GBytes *text; /* owned; NULL: never asked */
                bool stale;
        } hosts, devices;
        TbBucket built; /* bytes of these texts made lately */
        gsize *held;    /* rc box; bytes of all texts that somebody still reads, the newest included */
        guint64 refused;
};

static void away_free(gpointer p)
{
        Away *away = p;
        tb_device_list_free(away->devices);
        g_free(away->instance);
        g_free(away->version);
        g_free(away->name);
        g_free(away);
}

TbLists *tb_lists_new(TbPairing *pairing)
{
        TbLists *lists = g_new0(TbLists, 1);
        lists->pairing = pairing;
        lists->held = g_rc_box_new0(gsize);
        return lists;
}

void tb_lists_free(TbLists *lists)
{
        g_queue_clear_full(&lists->away, away_free);
        g_clear_pointer(&lists->hosts.text, g_bytes_unref);
        g_clear_pointer(&lists->devices.text, g_bytes_unref);
        g_rc_box_release(lists->held);
        g_free(lists);
}

static void changed(TbLists *lists, const char *host, bool presence)
{
        const TbPairingOptions *options = &lists->pairing->options;
        lists->hosts.stale = lists->devices.stale = true;
        if (options->list_changed)
                options->list_changed(
                        &(TbListChange){
                                .list = TB_LIST_HOSTS, .key = host, .host = host, .presence = presence},
                        options->data);
}

void tb_lists_changed(TbLists *lists, const char *host)
{
        changed(lists, host, true);
}

/* --- what is kept --- */
/* Up to its share every host has room, longer lists while there is some left. */
static bool has_room(const TbLists *lists, gsize before, gsize size, GError **error)
{
        if (size <= tb_server_limits.device_list_share ||
            lists->bytes - before + size <= tb_server_limits.device_lists)
                return true;
        tb_set_error(
                error, TB_ERROR_TOO_LARGE,
                "The list of devices is too large: it has %zu bytes, and the lists of all hosts leave no "
                "room for more than %d of one host now; the list of before stays",
                size, tb_server_limits.device_list_share);
        return false;
}

bool tb_lists_set(TbParty *host, json_t *devices, GError **error)
{
        TbLists *lists = host->pairing->lists;
        TbDeviceList *list = tb_device_list_new(devices, error);
        gsize before = host->devices ? tb_device_list_size(host->devices) : 0;
        if (!list || !has_room(lists, before, tb_device_list_size(list), error)) {
                tb_device_list_free(list);
                lists->refused++;
                return false;
        }
        lists->bytes += tb_device_list_size(list) - before;
        tb_device_list_free(host->devices);
        host->devices = list;
        changed(lists, host->host, false);
        return true;
}

static GList *find_away(TbLists *lists, const char *name)
{
        for (GList *l = lists->away.head; l; l = l->next)
                if (strcmp(((Away *)l->data)->name, name) == 0)
                        return l;
        return NULL;
}

static void forget(TbLists *lists, GList *link)
{
        Away *away = link->data;
        lists->away_bytes -= tb_device_list_size(away->devices);
        g_queue_delete_link(&lists->away, link);
        tb_lists_changed(lists, away->name);
        away_free(away);
}

bool tb_lists_forget(TbLists *lists, const char *name)
{
        GList *link = find_away(lists, name);
        if (link)
                forget(lists, link);
        return link != NULL;
}

void tb_lists_left(TbParty *host)
{
        TbLists *lists = host->pairing->lists;
        Away *away = g_new0(Away, 1);
        away->name = g_strdup(host->host);
        away->version = g_strdup(host->version);
        away->instance = host->key ? tb_link_key_id(host->key) : NULL;
        away->since_ms = host->since_ms;
        away->devices = g_steal_pointer(&host->devices);
        lists->bytes -= tb_device_list_size(away->devices);
        lists->away_bytes += tb_device_list_size(away->devices);
        tb_lists_forget(lists, host->host);
        g_queue_push_tail(&lists->away, away);
        while (lists->away.length > tb_server_limits.hosts ||
               lists->away_bytes > tb_server_limits.device_lists_away) {
                tb_log(TB_LOG_INFO, TB_F("host", ((Away *)lists->away.head->data)->name),
                       "host forgotten: of those that are away it is so the longest, and there is no room "
                       "for "
                       "more of them");
                forget(lists, lists->away.head);
        }
        tb_lists_changed(lists, host->host);
}

/* --- what is told --- */
typedef struct Text {
        char *bytes; /* owned */
        gsize size;
        gsize *held; /* ref */
} Text;

static void text_free(gpointer p)
{
        Text *text = p;
        *text->held -= text->size;
        g_rc_box_release(text->held);
        g_free(text->bytes);
        g_free(text);
}

typedef struct Entry {
        const char *name, *version, *key_id;
        char *own_key_id; /* owned */
        gint64 since_ms;
        bool online;
        const TbDeviceList *devices;
} Entry;

static void entry_clear(gpointer p)
{
        g_free(((Entry *)p)->own_key_id);
}

static int by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

static Entry entry_of_host(const TbParty *host)
{
        char *id = host->key ? tb_link_key_id(host->key) : NULL;
        return (Entry){host->host, host->version, id, id, host->since_ms, !host->away, host->devices};
}

static Entry entry_of_away(const Away *away)
{
        return (Entry){away->name, away->version, away->instance, NULL, away->since_ms, false, away->devices};
}

static GArray *entries_of(TbPairing *pairing)
{
        GArray *entries = g_array_new(FALSE, FALSE, sizeof(Entry));
        GHashTableIter iter;
        gpointer value;
        g_array_set_clear_func(entries, entry_clear);
        g_hash_table_iter_init(&iter, pairing->hosts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Entry entry = entry_of_host(value);
                g_array_append_val(entries, entry);
        }
        for (GList *l = pairing->lists->away.head; l; l = l->next) {
                Entry entry = entry_of_away(l->data);
                g_array_append_val(entries, entry);
        }
        g_array_sort(entries, by_name);
        return entries;
}

static void append_host(const Entry *entry, const TbSight *sight, GString *out)
{
        g_autofree char *since = tb_clock_rfc3339(tb_clock_wall_of(entry->since_ms));
        json_auto_t *head =
                json_pack("{s:s, s:s?, s:b, s:s, s:s?}", "name", entry->name, "version", entry->version,
                          "online", (int)entry->online, "connectedAt", since, "instance", entry->key_id);
        g_autofree char *text = tb_json_text(head, NULL);
        g_string_append_len(out, text, (gssize)strlen(text) - 1);
        g_string_append(out, ",\"devices\":");
        tb_device_list_append(entry->devices, entry->name, sight, out);
        g_string_append(out, "},");
}

static void append_devices(const Entry *entry, const TbSight *sight, GString *out)
{
        tb_device_list_append_of_host(entry->devices, entry->name, entry->online, sight, out);
}

/* What is read from now on, by any number. */
static GBytes *keep(TbPairing *pairing, GString *made_take)
{
        Text *text = g_new(Text, 1);
        text->size = made_take->len;
        /* it may have twice the room */
        text->bytes = g_realloc(g_string_free(made_take, FALSE), text->size + 1);
        text->held = g_rc_box_acquire(pairing->lists->held);
        *text->held += text->size;
        return g_bytes_new_with_free_func(text->bytes, text->size, text_free, text);
}

static GBytes *make(TbPairing *pairing, TbList which, const TbSight *sight, gsize size_hint)
{
        g_autoptr(GArray) entries = entries_of(pairing);
        GString *out = g_string_sized_new(size_hint + 64);
        g_string_append_c(out, '[');
        for (guint i = 0; i < entries->len; i++) {
                const Entry *entry = &g_array_index(entries, Entry, i);
                if (!tb_sight_has_host(sight, entry->name))
                        continue;
                if (which == TB_LIST_HOSTS)
                        append_host(entry, sight, out);
                else
                        append_devices(entry, sight, out);
        }
        if (out->len > 1)
                g_string_truncate(out, out->len - 1); /* the last comma */
        g_string_append_c(out, ']');
        return keep(pairing, out);
}

bool tb_pairing_row(TbPairing *pairing, TbList which, const char *key, const TbSight *sight, gint64 now_ms,
                    GString *out)
{
        if (which == TB_LIST_SESSIONS)
                return tb_session_row(pairing, key, sight, now_ms, out);
        const TbParty *host = g_hash_table_lookup(pairing->hosts, key);
        const GList *away = host ? NULL : find_away(pairing->lists, key);
        if (!tb_sight_has_host(sight, key) || (!host && !away))
                return false;
        Entry entry = host ? entry_of_host(host) : entry_of_away(away->data);
        gsize before = out->len;
        if (which == TB_LIST_HOSTS)
                append_host(&entry, sight, out);
        else
                append_devices(&entry, sight, out);
        entry_clear(&entry);
        return out->len > before;
}

static GBytes *make_sessions(TbPairing *pairing, const TbSight *sight, gint64 now_ms)
{
        gsize size;
        json_auto_t *list = tb_pairing_sessions(pairing, sight, now_ms);
        char *text = tb_json_text(list, &size);
        return g_bytes_new_take(text, size);
}

/* A text that is not the newest is told on when making it anew costs too much: hosts change it at their will, and each
 * one that a slow reader still holds takes memory. Small ones are always new. */
GBytes *tb_pairing_list(TbPairing *pairing, TbList which, const TbSight *sight, gint64 now_ms)
{
        static const TbSight everything = {NULL, TB_ROLE_ADMIN, NULL, NULL};
        if (which == TB_LIST_SESSIONS)
                return make_sessions(pairing, sight ? sight : &everything, now_ms);
        if (sight && (sight->only || (sight->grants && sight->role < TB_ROLE_ADMIN)))
                return make(pairing, which, sight, 0); /* his own, and small */
        TbLists *lists = pairing->lists;
        GBytes **text = which == TB_LIST_HOSTS ? &lists->hosts.text : &lists->devices.text;
        bool *stale = which == TB_LIST_HOSTS ? &lists->hosts.stale : &lists->devices.stale;
        gsize size = *text ? g_bytes_get_size(*text) : 0;
        bool may = !*text || (*stale && *lists->held + size <= tb_server_limits.device_lists_held &&
                              tb_bucket_take(&lists->built, tb_server_limits.device_lists_per_s,
                                             4 * tb_server_limits.device_lists_per_s, (double)size,
                                             now_ms * 1000, NULL));
        if (may) {
                if (*text)
                        g_bytes_unref(*text);
                *text = make(pairing, which, &everything, size);
                *stale = false;
        }
        return g_bytes_ref(*text);
}

void tb_lists_metrics(const TbLists *lists, GString *out)
{
        const struct {
                TbMetricType type;
                const char *name, *help;
                double value;
        } all[] = {
                {TB_METRIC_GAUGE, "testbed_device_lists_bytes", "Device lists of hosts that are connected.",
                 (double)lists->bytes},
                {TB_METRIC_GAUGE, "testbed_device_lists_away_bytes", "Device lists of hosts that are away.",
                 (double)lists->away_bytes},
                {TB_METRIC_GAUGE, "testbed_device_lists_held_bytes",
                 "Texts of /api/hosts and /api/devices that are kept or being read.", (double)*lists->held},
                {TB_METRIC_COUNTER, "testbed_device_lists_refused_total",
                 "Device lists that were refused: not valid, or too large.", (double)lists->refused},
        };
        for (guint i = 0; i < G_N_ELEMENTS(all); i++)
                tb_metrics_one(out, all[i].type, all[i].name, all[i].help, all[i].value);
}
