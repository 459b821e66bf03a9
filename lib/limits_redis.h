#pragma once
/* Limits of the connection to Redis (server/cluster/redis.h). Whoever uses one includes this. */
#define TB_LIMIT_REDIS_CALLS 4096                /* commands without an answer */
#define TB_LIMIT_REDIS_BYTES (16 * 1024 * 1024)  /* of commands that are on their way */
#define TB_LIMIT_REDIS_ANSWER (16 * 1024 * 1024) /* bytes that Redis says and that are no whole answer yet */
#define TB_LIMIT_REDIS_CHANNELS 256              /* that are heard */
#define TB_LIMIT_REDIS_CALL_MS 60000             /* the longest deadline of a command */
