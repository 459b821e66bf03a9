/* Servers tell each other that they are there. */
#include "server/cluster/beats.h"

#include <jansson.h>
#include <string.h>

#include "lib/json.h"
#include "lib/limits_cluster.h"
#include "lib/metrics.h"
#include "lib/version.h"

#define CHANNEL "testbed:servers"
#define BEAT_MS 500
#define SILENT_US (4 * G_USEC_PER_SEC) /* then it is not there any more */
#define ID_MOST 64

typedef struct Other {
        gint64 heard_us;
        guint clients;
        bool leads;
} Other;

struct TbBeats {
        TbRedis *redis; /* borrowed */
        char *server;   /* owned */
        bool leads;
        guint clients, timer;
        GHashTable *others; /* id, owned -> owned Other */
        void (*took)(gpointer data);
        gpointer data;
};

static void say(TbBeats *beats)
{
        json_auto_t *beat = json_pack("{s:s, s:b, s:i, s:s}", "server", beats->server, "leads", beats->leads,
                                      "clients", (int)beats->clients, "version", tb_version);
        gsize size;
        g_autofree char *text = tb_json_text(beat, &size);
        const char *const words[] = {"PUBLISH", CHANNEL, text, NULL};
        tb_redis_do(beats->redis, words, 2 * BEAT_MS, NULL, NULL,
                    NULL); /* Redis that is away says so itself */
}

static gboolean is_silent(gpointer id G_GNUC_UNUSED, gpointer other, gpointer now_us)
{
        return *(const gint64 *)now_us - ((const Other *)other)->heard_us > SILENT_US;
}

static gboolean on_beat(gpointer data)
{
        TbBeats *beats = data;
        gint64 now_us = g_get_monotonic_time();
        g_hash_table_foreach_remove(beats->others, is_silent, &now_us);
        say(beats);
        return G_SOURCE_CONTINUE;
}

static void on_heard(const char *channel G_GNUC_UNUSED, const char *bytes, gsize size, gpointer data)
{
        TbBeats *beats = data;
        json_auto_t *beat = json_loadb(bytes, size, 0, NULL);
        const char *id = json_string_value(json_object_get(beat, "server"));
        if (!id || !*id || strlen(id) > ID_MOST || strcmp(id, beats->server) == 0)
                return;
        Other *other = g_hash_table_lookup(beats->others, id);
        bool leads = json_is_true(json_object_get(beat, "leads")), news = leads && !(other && other->leads);
        if (!other) {
                if (g_hash_table_size(beats->others) >= TB_LIMIT_BEATS)
                        return;
                other = g_new0(Other, 1);
                g_hash_table_insert(beats->others, g_strdup(id), other);
        }
        other->heard_us = g_get_monotonic_time();
        other->leads = leads;
        other->clients = (guint)CLAMP(json_integer_value(json_object_get(beat, "clients")), 0, G_MAXINT);
        if (news && beats->took)
                beats->took(beats->data);
}

TbBeats *tb_beats_new(TbRedis *redis, const char *server, void (*took)(gpointer data), gpointer data)
{
        TbBeats *beats = g_new0(TbBeats, 1);
        beats->redis = redis;
        beats->server = g_strdup(server);
        beats->took = took;
        beats->data = data;
        beats->others = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        beats->timer = g_timeout_add(BEAT_MS, on_beat, beats);
        tb_redis_hear(redis, CHANNEL, on_heard, beats, NULL);
        return beats;
}

void tb_beats_free(TbBeats *beats)
{
        if (!beats)
                return;
        g_source_remove(beats->timer);
        tb_redis_unhear(beats->redis, CHANNEL);
        g_hash_table_unref(beats->others);
        g_free(beats->server);
        g_free(beats);
}

void tb_beats_set(TbBeats *beats, bool leads, guint clients)
{
        bool news = leads != beats->leads;
        beats->leads = leads;
        beats->clients = clients;
        if (news)
                say(beats);
}

guint tb_beats_count(const TbBeats *beats)
{
        return 1 + g_hash_table_size(beats->others);
}

bool tb_beats_leader_is_there(const TbBeats *beats)
{
        gint64 since_us = g_get_monotonic_time() - TB_LIMIT_BEAT_FRESH_MS * 1000;
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, beats->others);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (((const Other *)value)->leads && ((const Other *)value)->heard_us >= since_us)
                        return true;
        return false;
}

void tb_beats_metrics(GString *out, gpointer data)
{
        const TbBeats *beats = data;
        GHashTableIter iter;
        gpointer id, value;
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_servers",
                       "Servers that are one, as Redis has heard of them.", tb_beats_count(beats));
        tb_metrics_head(out, TB_METRIC_GAUGE, "testbed_server_clients",
                        "Connections that each of the others brings.");
        g_hash_table_iter_init(&iter, beats->others);
        while (g_hash_table_iter_next(&iter, &id, &value)) {
                g_autofree char *shown = g_strdup(id);
                g_autofree char *labels = g_strdup_printf(
                        "server=\"%s\"",
                        g_strcanon(shown, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_", '_'));
                tb_metrics_line(out, "testbed_server_clients", labels, ((const Other *)value)->clients);
        }
}
