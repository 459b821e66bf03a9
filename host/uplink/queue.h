#pragma once
/*
 * What is still to be sent, and the thread that sends it. What it knows of a clip is kept beside the clip, as uplink.json: {"state":
 * "waiting" | "done" | "failed", "tries", "next" (ms), "why", "files": {name: true}, "at", …}. Main thread, but the call.
 */
#include "host/uplink/target.h"

typedef struct TbUplinkQueue TbUplinkQueue;

typedef struct TbUplinkSays {
        char *clip, *device; /* owned */
        char *state;         /* owned; NULL: the clip has gone */
        char *why;           /* owned; NULL: nothing is wrong */
        bool news;           /* it became so now; false: it was so when we began */
        int percent;         /* of what has to go */
        gint64 next_ms;      /* of the next try; 0: none waits */
} TbUplinkSays;
void tb_uplink_says_free(TbUplinkSays *says);

/* `folder`: of the recorder; `host`: begins names there, behind the prefix. `says(data, take)` on the queue's thread. */
TbUplinkQueue *tb_uplink_queue_new(const char *folder, const char *prefix, const char *host,
                                   TbUplinkTarget *target_take, void (*says)(void *data, TbUplinkSays *take),
                                   void *data, GError **error);
void tb_uplink_queue_look(TbUplinkQueue *queue);  /* there is a finished clip more, or one less */
void tb_uplink_queue_again(TbUplinkQueue *queue); /* all that wait, and what failed for good, at once */
void tb_uplink_queue_free(TbUplinkQueue *queue);  /* breaks off what is under way; accepts NULL */
