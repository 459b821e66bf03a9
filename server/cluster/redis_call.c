/* Commands: each with its deadline, answered in their order. */
#include <string.h>

#include "lib/error.h"
#include "server/cluster/redis_private.h"

#define CLOCK_MS 50 /* how exact a deadline is */

typedef struct Call {
        TbRedis *redis; /* borrowed; NULL: nobody is told any more */
        TbRedisDone done;
        gpointer data;
        gint64 until_us;
        gsize size;
        GList link; /* in redis->calls */
} Call;

static void finish(Call *call, const TbRedisReply *reply, const GError *error)
{
        TbRedis *redis = call->redis;
        if (redis) {
                g_queue_unlink(&redis->calls, &call->link);
                redis->calls_bytes -= call->size;
                redis->done += reply != NULL;
                redis->failed += reply == NULL;
                if (call->done)
                        call->done(reply, error, call->data);
        }
        g_free(call);
}

static void on_reply(redisAsyncContext *ac G_GNUC_UNUSED, void *reply_, void *data)
{
        Call *call = data;
        const redisReply *reply = reply_;
        g_autoptr(GError) error = NULL;
        if (!call->redis) {
                g_free(call);
                return;
        }
        if (!reply)
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "the connection to Redis at %s was lost",
                             call->redis->name);
        else if (reply->type == REDIS_REPLY_ERROR)
                tb_set_error(&error, TB_ERROR_INVALID, "Redis at %s: %s", call->redis->name, reply->str);
        finish(call, error ? NULL : reply, error);
}

/* Answers come in order: one that is late holds up all behind it, and what it says belongs to nobody any more. */
static gboolean on_clock(gpointer data)
{
        TbRedis *redis = data;
        gint64 now_us = g_get_monotonic_time();
        for (GList *l = redis->calls.head; l; l = l->next) {
                Call *call = l->data;
                if (now_us < call->until_us)
                        continue;
                g_autoptr(GError) error = NULL;
                TbRedisDone done = call->done;
                gpointer its = call->data;
                tb_set_error(&error, TB_ERROR_TIMEOUT, "Redis at %s did not answer in time", redis->name);
                call->done = NULL;
                tb_redis_line_failed(&redis->commands, "a command was not answered in time");
                if (done)
                        done(NULL, error, its);
                break;
        }
        if (redis->calls.length > 0)
                return G_SOURCE_CONTINUE;
        redis->clock = 0;
        return G_SOURCE_REMOVE;
}

static bool has_room(const TbRedis *redis, gsize size, GError **error)
{
        if (!redis->commands.up)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", redis->reason);
        else if (redis->calls.length >= TB_LIMIT_REDIS_CALLS ||
                 redis->calls_bytes + size > TB_LIMIT_REDIS_BYTES)
                tb_set_error(error, TB_ERROR_LIMIT, "Redis at %s is behind: %u commands have no answer yet",
                             redis->name, redis->calls.length);
        else
                return true;
        return false;
}

static bool submit(TbRedis *redis, guint n, const char **words, const gsize *sizes, guint deadline_ms,
                   TbRedisDone done, gpointer data, GError **error)
{
        gsize size = 0;
        for (guint i = 0; i < n; i++)
                size += sizes[i];
        if (n == 0 || deadline_ms == 0 || deadline_ms > TB_LIMIT_REDIS_CALL_MS) {
                tb_set_error(error, TB_ERROR_INVALID, "a command of Redis has a word, and 1 to %d ms",
                             TB_LIMIT_REDIS_CALL_MS);
                return false;
        }
        if (!has_room(redis, size, error)) {
                redis->failed++;
                return false;
        }
        Call *call = g_new0(Call, 1);
        call->redis = redis;
        call->done = done;
        call->data = data;
        call->size = size;
        call->until_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
        call->link.data = call;
        g_queue_push_tail_link(&redis->calls, &call->link);
        redis->calls_bytes += size;
        if (redisAsyncCommandArgv(redis->commands.ac, on_reply, call, (int)n, words, sizes) != REDIS_OK) {
                g_queue_unlink(&redis->calls, &call->link); /* it is on its way out */
                redis->calls_bytes -= size;
                redis->failed++;
                g_free(call);
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the connection to Redis at %s ends", redis->name);
                return false;
        }
        if (!redis->clock)
                redis->clock = g_timeout_add(CLOCK_MS, on_clock, redis);
        return true;
}

bool tb_redis_do(TbRedis *redis, const char *const *words, guint deadline_ms, TbRedisDone done, gpointer data,
                 GError **error)
{
        guint n = g_strv_length((char **)words);
        g_autofree const char **copy = g_new(const char *, n);
        g_autofree gsize *sizes = g_new(gsize, n);
        for (guint i = 0; i < n; i++) {
                copy[i] = words[i];
                sizes[i] = strlen(words[i]);
        }
        return submit(redis, n, copy, sizes, deadline_ms, done, data, error);
}

bool tb_redis_do_bytes(TbRedis *redis, GBytes *const *words, guint n, guint deadline_ms, TbRedisDone done,
                       gpointer data, GError **error)
{
        g_autofree const char **copy = g_new(const char *, n);
        g_autofree gsize *sizes = g_new(gsize, n);
        for (guint i = 0; i < n; i++)
                copy[i] = g_bytes_get_data(words[i], &sizes[i]);
        return submit(redis, n, copy, sizes, deadline_ms, done, data, error);
}

void tb_redis_calls_end(TbRedis *redis)
{
        for (GList *l = redis->calls.head; l; l = l->next)
                ((Call *)l->data)->redis = NULL; /* hiredis gives each back when its connection ends */
        g_queue_init(&redis->calls);
        g_clear_handle_id(&redis->clock, g_source_remove);
}

/* --- answers --- */
bool tb_redis_is_nil(const TbRedisReply *reply)
{
        return reply->type == REDIS_REPLY_NIL;
}

gint64 tb_redis_int(const TbRedisReply *reply)
{
        return reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

const char *tb_redis_text(const TbRedisReply *reply, gsize *ret_size)
{
        bool is = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
        if (ret_size)
                *ret_size = is ? reply->len : 0;
        return is ? reply->str : NULL;
}

guint tb_redis_count(const TbRedisReply *reply)
{
        return reply->type == REDIS_REPLY_ARRAY ? (guint)reply->elements : 0;
}

const TbRedisReply *tb_redis_at(const TbRedisReply *reply, guint i)
{
        g_assert(i < tb_redis_count(reply));
        return reply->element[i];
}
