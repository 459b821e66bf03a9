/* The connections to Redis: how they come about, and what becomes of one that is lost. */
#include "server/cluster/redis.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/cluster/redis_private.h"

#define WAIT_LEAST_MS 100 /* before the first retry */
#define WAIT_MOST_MS 5000
#define SET_UP_MS 5000  /* from a try to a connection of use */
#define SILENT_MS 5000u /* bytes that nobody acknowledges for so long */
#define KEEP_IDLE_S 5
#define KEEP_EACH_S 2
#define KEEP_TRIES 3

/* --- what is told --- */
static void tell(TbRedis *redis, TbRedisState state, const char *reason)
{
        bool news = state != redis->state || strcmp(reason, redis->reason) != 0;
        TbRedisState before = redis->state;
        redis->state = state;
        if (!news)
                return;
        g_free(redis->reason);
        redis->reason = g_strdup(reason);
        if (state == TB_REDIS_RUNNING)
                tb_log(TB_LOG_INFO, TB_F("redis", redis->name), "%s",
                       before == TB_REDIS_CONNECTING ? "Redis is connected" : "Redis is back");
        else
                tb_log(TB_LOG_WARNING, TB_F("redis", redis->name), "%s", reason);
        if (redis->changed)
                redis->changed(redis->data);
}

static void look(TbRedis *redis)
{
        if (redis->commands.up && (redis->channels.up || !redis->channels.wanted))
                tell(redis, TB_REDIS_RUNNING, "");
}

/* --- a line --- */
static gboolean on_retry(gpointer data)
{
        TbRedisLine *line = data;
        line->retry = 0;
        tb_redis_line_begin(line);
        return G_SOURCE_REMOVE;
}

/* Ends what there is of it. hiredis tells those who wait for answers that none will come. */
static void drop(TbRedisLine *line)
{
        redisAsyncContext *ac = g_steal_pointer(&line->ac);
        line->up = false;
        g_clear_handle_id(&line->late, g_source_remove);
        if (line->resolving) {
                g_cancellable_cancel(line->resolving);
                g_clear_object(&line->resolving);
        }
        if (ac) {
                ac->data = NULL; /* its end is known */
                redisAsyncFree(ac);
        }
}

void tb_redis_line_failed(TbRedisLine *line, const char *format, ...)
{
        TbRedis *redis = line->redis;
        va_list args;
        va_start(args, format);
        g_autofree char *why = g_strdup_vprintf(format, args);
        va_end(args);
        g_autofree char *reason = g_strdup_printf("Redis at %s: %s", redis->name, why);
        redis->lost += line->up;
        if (!redis->freeing)
                tell(redis, TB_REDIS_FAILING, reason);
        drop(line);
        if (redis->freeing || !line->wanted || line->retry)
                return;
        line->wait_ms = CLAMP(2 * line->wait_ms, WAIT_LEAST_MS, WAIT_MOST_MS);
        /* servers do not come all at once */
        guint spread_ms = (guint)(g_get_monotonic_time() % (line->wait_ms / 4 + 1));
        line->retry = g_timeout_add(line->wait_ms + spread_ms, on_retry, line);
}

void tb_redis_line_end(TbRedisLine *line)
{
        line->wanted = false;
        g_clear_handle_id(&line->retry, g_source_remove);
        drop(line);
}

static void on_set_up(redisAsyncContext *ac, void *data, void *privdata G_GNUC_UNUSED)
{
        TbRedisLine *line = ac->data;
        const redisReply *reply = data;
        if (!line || !reply)
                return;
        if (reply->type == REDIS_REPLY_ERROR)
                tb_redis_line_failed(line, "it refuses us: %s", reply->str);
}

/* The last of what is said first: what was said before is right, too. */
static void on_ready(redisAsyncContext *ac, void *data, void *privdata G_GNUC_UNUSED)
{
        TbRedisLine *line = ac->data;
        const redisReply *reply = data;
        if (!line || !reply)
                return;
        if (reply->type == REDIS_REPLY_ERROR) { /* NOAUTH, LOADING */
                tb_redis_line_failed(line, "it refuses us: %s", reply->str);
                return;
        }
        g_clear_handle_id(&line->late, g_source_remove);
        line->up = true;
        line->up_us = g_get_monotonic_time();
        line->wait_ms = 0;
        if (line->hears)
                tb_redis_hear_all(line->redis);
        look(line->redis);
}

static void keep_alive(int fd)
{
        const int on = 1, idle_s = KEEP_IDLE_S, each_s = KEEP_EACH_S, tries = KEEP_TRIES;
        const unsigned silent_ms = SILENT_MS;
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each_s, sizeof each_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void on_connected(const redisAsyncContext *ac, int status)
{
        TbRedisLine *line = ac->data;
        if (!line)
                return;
        if (status != REDIS_OK) {
                line->ac = NULL; /* hiredis frees it behind this */
                tb_redis_line_failed(line, "%s", ac->errstr ? ac->errstr : "no connection");
                return;
        }
        const TbRedisUrl *url = &line->redis->url;
        keep_alive(ac->c.fd);
        if (url->password && url->user)
                redisAsyncCommand(line->ac, on_set_up, NULL, "AUTH %s %s", url->user, url->password);
        else if (url->password)
                redisAsyncCommand(line->ac, on_set_up, NULL, "AUTH %s", url->password);
        if (url->number)
                redisAsyncCommand(line->ac, on_set_up, NULL, "SELECT %s", url->number);
        redisAsyncCommand(line->ac, on_ready, NULL, "PING");
}

static void on_disconnected(const redisAsyncContext *ac, int status)
{
        TbRedisLine *line = ac->data;
        if (!line)
                return;
        line->ac = NULL;
        tb_redis_line_failed(line, "%s",
                             status != REDIS_OK && ac->errstr && *ac->errstr ? ac->errstr
                                                                             : "the connection ended");
}

static gboolean on_late(gpointer data)
{
        TbRedisLine *line = data;
        line->late = 0;
        tb_redis_line_failed(line, "no answer in %d s", SET_UP_MS / 1000);
        return G_SOURCE_REMOVE;
}

static void dial(TbRedisLine *line, const char *address)
{
        redisAsyncContext *ac = redisAsyncConnect(address, line->redis->url.port);
        if (!ac || ac->err) {
                g_autofree char *why = g_strdup(ac ? ac->errstr : "no memory");
                if (ac)
                        redisAsyncFree(ac);
                tb_redis_line_failed(line, "%s", why);
                return;
        }
        line->ac = ac;
        ac->data = line;
        tb_redis_attach(line);
        redisAsyncSetConnectCallback(ac, on_connected); /* asks to be told when it may write */
        redisAsyncSetDisconnectCallback(ac, on_disconnected);
}

static void on_resolved(GObject *resolver, GAsyncResult *result, gpointer data)
{
        g_autoptr(GError) error = NULL;
        GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* the line may be gone */
        TbRedisLine *line = data;
        g_clear_object(&line->resolving);
        if (found) {
                guint n = g_list_length(found); /* of a name with several, the next one at each try */
                g_autofree char *address =
                        g_inet_address_to_string(g_list_nth_data(found, line->tries++ % n));
                dial(line, address);
        } else {
                tb_redis_line_failed(line, "%s", error->message);
        }
        g_resolver_free_addresses(found);
}

void tb_redis_line_begin(TbRedisLine *line)
{
        const char *host = line->redis->url.host;
        line->wanted = true;
        if (line->ac || line->resolving || line->retry)
                return;
        line->late = g_timeout_add(SET_UP_MS, on_late, line);
        if (g_hostname_is_ip_address(host)) {
                dial(line, host);
                return;
        }
        g_autoptr(GResolver) resolver = g_resolver_get_default();
        line->resolving = g_cancellable_new();
        g_resolver_lookup_by_name_async(resolver, host, line->resolving, on_resolved, line);
}

/* --- life --- */
TbRedis *tb_redis_new(const char *url, void (*changed)(gpointer data), gpointer data, GError **error)
{
        TbRedisUrl parsed = {0};
        if (!tb_redis_url_parse(url, &parsed, error))
                return NULL;
        TbRedis *redis = g_new0(TbRedis, 1);
        bool v6 = strchr(parsed.host, ':') != NULL;
        redis->url = parsed;
        redis->name = g_strdup_printf("%s%s%s:%u/%s", v6 ? "[" : "", parsed.host, v6 ? "]" : "", parsed.port,
                                      parsed.number ? parsed.number : "0");
        redis->reason = g_strdup("Redis is being connected");
        redis->changed = changed;
        redis->data = data;
        redis->commands.redis = redis->channels.redis = redis;
        redis->channels.hears = true;
        redis->heard = tb_redis_hearers_new();
        tb_redis_line_begin(&redis->commands);
        return redis;
}

void tb_redis_free(TbRedis *redis)
{
        if (!redis)
                return;
        redis->freeing = true;
        tb_redis_calls_end(redis);
        tb_redis_line_end(&redis->commands);
        tb_redis_line_end(&redis->channels);
        g_hash_table_unref(redis->heard);
        tb_redis_url_clear(&redis->url);
        g_free(redis->name);
        g_free(redis->reason);
        g_free(redis);
}

TbRedisState tb_redis_state(const TbRedis *redis)
{
        return redis->state;
}

const char *tb_redis_reason(const TbRedis *redis)
{
        return redis->reason;
}

const char *tb_redis_name(const TbRedis *redis)
{
        return redis->name;
}

void tb_redis_metrics(GString *out, gpointer data)
{
        const TbRedis *redis = data;
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_redis_up", "1: Redis is connected.",
                       redis->state == TB_REDIS_RUNNING);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_redis_calls", "Commands without an answer.",
                       redis->calls.length);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_redis_calls_total", "Commands that were answered.",
                       (double)redis->done);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_redis_failures_total",
                       "Commands that were refused, too late, or lost with their connection.",
                       (double)redis->failed);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_redis_lost_total", "Connections that were lost.",
                       (double)redis->lost);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_redis_heard_total", "Messages of channels.",
                       (double)redis->messages);
}
