#pragma once
/*
 * Redis: commands with a deadline, and channels that are heard. Two connections on the main loop, the second one only where a
 * channel is heard; one that is lost is made again, with a pause that grows. Nothing is kept for later: while there is no
 * connection a command is refused, and what is said on a channel meanwhile is not heard. Who needs to know looks at
 * tb_redis_heard_since(). Redis is a bus and a cache: whatever has to be true stands in the database.
 *
 * Main thread, all of it. Callbacks run on the loop, never inside of a call; none of them may free the client.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbRedis TbRedis;
typedef struct redisReply TbRedisReply;

typedef enum TbRedisState {
        TB_REDIS_CONNECTING, /* for the first time */
        TB_REDIS_RUNNING,
        TB_REDIS_FAILING, /* tried again: tb_redis_reason() */
} TbRedisState;

/* redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]. False with TB_ERROR_INVALID, in words without the password. */
bool tb_redis_url_check(const char *url, GError **error);
/* `changed` (nullable) runs whenever the state or its reason did. Returns at once. NULL: the URL is none. */
TbRedis *tb_redis_new(const char *url, void (*changed)(gpointer data), gpointer data, GError **error);
/* Commands under way and channels are forgotten: no callback runs after it. Accepts NULL. */
void tb_redis_free(TbRedis *redis);

TbRedisState tb_redis_state(const TbRedis *redis);
const char *tb_redis_reason(const TbRedis *redis); /* why it does not run; "": it does. Borrowed */
const char *tb_redis_name(const TbRedis *redis);   /* "redis.example:6379/0", without secrets. Borrowed */

/* --- commands --- */
/* One of both is NULL; both are borrowed. Errors: TB_ERROR_TIMEOUT, TB_ERROR_UNAVAILABLE (no connection, or it was lost before the
 * answer: whether the command was done is not known), TB_ERROR_INVALID (Redis refuses it, in its words). */
typedef void (*TbRedisDone)(const TbRedisReply *reply, const GError *error, gpointer data);
/* `words` ends with NULL. `done` (nullable) runs once, in the order of the commands, unless the client is freed before. False with
 * TB_ERROR_UNAVAILABLE (no connection) or TB_ERROR_LIMIT (TB_LIMIT_REDIS_CALLS, TB_LIMIT_REDIS_BYTES): `done` does not run.
 * A command that misses its deadline ends the connection, for Redis answers in order: who waits by a command (BRPOP) has a
 * client of its own. `deadline_ms`: 1 to TB_LIMIT_REDIS_CALL_MS, else TB_ERROR_INVALID. */
bool tb_redis_do(TbRedis *redis, const char *const *words, guint deadline_ms, TbRedisDone done, gpointer data,
                 GError **error);
/* The same, of words that may hold anything. */
bool tb_redis_do_bytes(TbRedis *redis, GBytes *const *words, guint n, guint deadline_ms, TbRedisDone done,
                       gpointer data, GError **error);

/* --- answers --- */
bool tb_redis_is_nil(const TbRedisReply *reply);
gint64 tb_redis_int(const TbRedisReply *reply); /* 0: it is no number */
const char *tb_redis_text(const TbRedisReply *reply,
                          gsize *ret_size);      /* NUL-terminated; NULL: it is none. ret_size nullable */
guint tb_redis_count(const TbRedisReply *reply); /* of a list */
const TbRedisReply *tb_redis_at(const TbRedisReply *reply, guint i); /* borrowed */

/* --- channels --- */
typedef void (*TbRedisHeard)(const char *channel, const char *bytes, gsize size, gpointer data);
/* One who hears for each channel. False: TB_LIMIT_REDIS_CHANNELS are heard already, or this one is. */
bool tb_redis_hear(TbRedis *redis, const char *channel, TbRedisHeard heard, gpointer data, GError **error);
void tb_redis_unhear(TbRedis *redis, const char *channel);
/* Since when all channels are heard without a gap, on the clock of g_get_monotonic_time(); 0: they are not heard now. */
gint64 tb_redis_heard_since(const TbRedis *redis);

void tb_redis_metrics(GString *out, gpointer redis); /* lines of /metrics */
