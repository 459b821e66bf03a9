#pragma once
/* A thread of the recorder with work that waits for it: TB_LIMIT_RECORD_JOBS at most. Made, fed and freed on main. */
#include <glib.h>
#include <stdbool.h>

typedef struct TbLane TbLane;
typedef void (*TbLaneWork)(gpointer data);

/* `tick` (nullable) runs on the thread every `tick_ms`, behind each piece of work, too, and once more at the end. NULL with
 * TB_ERROR_UNAVAILABLE: no thread. */
TbLane *tb_lane_new(const char *name, void (*tick)(gpointer data), guint tick_ms, gpointer data,
                    GError **error);
/* False, and nothing runs: too much waits already. */
bool tb_lane_run(TbLane *lane, TbLaneWork work, gpointer data);
void tb_lane_free(TbLane *lane); /* what waits is done before; accepts NULL */
