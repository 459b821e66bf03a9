#pragma once
/* What redis.c, redis_call.c, redis_hear.c and redis_loop.c share. */
#include <gio/gio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "lib/limits_redis.h"
#include "server/cluster/redis.h"

typedef struct TbRedisUrl {
        char *host, *user, *password, *number; /* owned; user, password, number: nullable */
        guint16 port;
} TbRedisUrl;

bool tb_redis_url_parse(const char *url, TbRedisUrl *ret, GError **error);
void tb_redis_url_clear(TbRedisUrl *url);

typedef struct TbRedisLine TbRedisLine;

/* One connection, and how it comes about: a name, an address, a socket, AUTH and SELECT; then it is up. */
struct TbRedisLine {
        TbRedis *redis;          /* borrowed */
        redisAsyncContext *ac;   /* owned; NULL: there is none */
        GCancellable *resolving; /* owned; NULL: nobody is asked for the address */
        GSource *poll;           /* ref; the socket on the loop */
        gpointer tag;            /* of the socket in it */
        guint retry, late;       /* sources */
        guint wait_ms;           /* before the next try */
        guint tries;             /* at addresses of a name */
        bool hears;              /* of channels */
        bool wanted, up;
        gint64 up_us;
};

struct TbRedis {
        TbRedisUrl url;
        char *name, *reason; /* owned */
        TbRedisState state;
        TbRedisLine commands, channels;
        GQueue calls; /* owned Call, the oldest first */
        gsize calls_bytes;
        guint clock;       /* source; while there are calls */
        GHashTable *heard; /* channel, owned -> owned Hearer */
        void (*changed)(gpointer data);
        gpointer data;
        guint64 done, failed, lost, messages;
        bool freeing;
};

/* redis_loop.c */
void tb_redis_attach(TbRedisLine *line); /* its connection to the main loop */
/* redis.c */
void tb_redis_line_begin(TbRedisLine *line);
void tb_redis_line_end(TbRedisLine *line); /* no more tries */
/* It is of no use any more: said, and tried again. */
void tb_redis_line_failed(TbRedisLine *line, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* redis_call.c */
void tb_redis_calls_end(TbRedis *redis); /* nobody is told */
/* redis_hear.c */
void tb_redis_hear_all(TbRedis *redis); /* on a connection that is new */
GHashTable *tb_redis_hearers_new(void);
