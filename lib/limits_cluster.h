#pragma once
/* Limits of several servers that are one (server/cluster, server/store/seat.h). Whoever uses one includes this. */
#define TB_LIMIT_SEAT_LOOK_MS 500  /* how often is asked who has the database */
#define TB_LIMIT_SEAT_AGAIN_MS 100 /* … when that has to be known soon */
#define TB_LIMIT_DOOR_WAITING 1024 /* clients who wait while nobody has the database (more in the kernel) … */
#define TB_LIMIT_DOOR_WAIT_MS 5000  /* … before they are told so */
#define TB_LIMIT_ENTRY_WAITING 256  /* connections of other servers that have not said yet for whom … */
#define TB_LIMIT_ENTRY_MS 2000      /* … and how long that may take */
#define TB_LIMIT_BEAT_FRESH_MS 1200 /* a server that was heard so lately is there */
#define TB_LIMIT_BEATS 100          /* servers that are known at once */
