/* Channels: heard on a connection of their own, which knows nothing else (https://redis.io/docs/manual/pubsub/). */
#include <string.h>

#include "lib/error.h"
#include "server/cluster/redis_private.h"

typedef struct Hearer {
        TbRedisHeard heard;
        gpointer data;
        bool begun; /* Redis has said so, on this connection */
} Hearer;

GHashTable *tb_redis_hearers_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

/* ["message", channel, bytes], or ["subscribe", channel, how many] */
static void on_said(redisAsyncContext *ac, void *data, void *privdata G_GNUC_UNUSED)
{
        const TbRedisLine *line = ac->data;
        const redisReply *said = data;
        if (!line || !said || said->type != REDIS_REPLY_ARRAY || said->elements != 3 ||
            said->element[0]->type != REDIS_REPLY_STRING || said->element[1]->type != REDIS_REPLY_STRING)
                return;
        const char *channel = said->element[1]->str;
        Hearer *hearer = g_hash_table_lookup(line->redis->heard, channel);
        if (!hearer)
                return;
        if (strcmp(said->element[0]->str, "subscribe") == 0)
                hearer->begun = true;
        if (strcmp(said->element[0]->str, "message") != 0 || said->element[2]->type != REDIS_REPLY_STRING)
                return;
        line->redis->messages++;
        hearer->heard(channel, said->element[2]->str, said->element[2]->len, hearer->data);
}

void tb_redis_hear_all(TbRedis *redis)
{
        GHashTableIter iter;
        gpointer channel, value;
        g_hash_table_iter_init(&iter, redis->heard);
        while (g_hash_table_iter_next(&iter, &channel, &value)) {
                ((Hearer *)value)->begun = false;
                redisAsyncCommand(redis->channels.ac, on_said, NULL, "SUBSCRIBE %s", channel);
        }
}

bool tb_redis_hear(TbRedis *redis, const char *channel, TbRedisHeard heard, gpointer data, GError **error)
{
        if (g_hash_table_size(redis->heard) >= TB_LIMIT_REDIS_CHANNELS) {
                tb_set_error(error, TB_ERROR_LIMIT, "%d channels of Redis are heard already",
                             TB_LIMIT_REDIS_CHANNELS);
                return false;
        }
        if (g_hash_table_contains(redis->heard, channel)) {
                tb_set_error(error, TB_ERROR_BUSY, "the channel %s is heard already", channel);
                return false;
        }
        Hearer *hearer = g_new0(Hearer, 1);
        hearer->heard = heard;
        hearer->data = data;
        g_hash_table_insert(redis->heard, g_strdup(channel), hearer);
        if (redis->channels.up)
                redisAsyncCommand(redis->channels.ac, on_said, NULL, "SUBSCRIBE %s", channel);
        else
                tb_redis_line_begin(&redis->channels);
        return true;
}

void tb_redis_unhear(TbRedis *redis, const char *channel)
{
        if (g_hash_table_remove(redis->heard, channel) && redis->channels.up)
                redisAsyncCommand(redis->channels.ac, on_said, NULL, "UNSUBSCRIBE %s", channel);
}

gint64 tb_redis_heard_since(const TbRedis *redis)
{
        GHashTableIter iter;
        gpointer value;
        if (!redis->channels.up)
                return 0;
        g_hash_table_iter_init(&iter, redis->heard);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (!((const Hearer *)value)->begun)
                        return 0;
        return redis->channels.up_us;
}
