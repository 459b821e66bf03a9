#pragma once
/*
 * Who of the servers is there: each says so on a channel of Redis every second, and at once when it has the database. What is said here
 * is for people and for speed alone: who has the database stands in the database. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "server/cluster/redis.h"

typedef struct TbBeats TbBeats;

/* `redis` is borrowed. `took` (nullable): another server says that it has the database now. */
TbBeats *tb_beats_new(TbRedis *redis, const char *server, void (*took)(gpointer data), gpointer data);
void tb_beats_free(TbBeats *beats); /* accepts NULL */
/* What is said of us from here on; said at once when `leads` is another. */
void tb_beats_set(TbBeats *beats, bool leads, guint clients);
guint tb_beats_count(const TbBeats *beats); /* servers that are heard, ourselves among them */
/* One that has the database was heard TB_LIMIT_BEAT_FRESH_MS ago or less. */
bool tb_beats_leader_is_there(const TbBeats *beats);
void tb_beats_metrics(GString *out, gpointer beats); /* lines of /metrics */
