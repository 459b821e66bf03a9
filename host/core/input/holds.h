#pragma once
/*
 * TbHolds: who holds which keys and buttons of one input interface. All doors meet here, behind tb_core_command(), so
 * that whatever a connection holds comes up when it ends, and two who type on one keyboard do not lift each other's
 * keys. A key comes up for the device when its last holder lets go; while somebody has a button down the pointer is his.
 *
 * `who` names a connection: pages, data channels and VNC viewers have their own, calls by REST share one per user.
 * Thread: any (it has its own lock); events are applied on the lane's worker, in its order.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/driver.h"

typedef struct TbHolds TbHolds;
TbHolds *tb_holds_new(void);
TbHolds *tb_holds_ref(TbHolds *holds);
void tb_holds_unref(TbHolds *holds); /* accepts NULL */

/* Appends to `out` (of TbInput, whose strings are the event's, or go to `strings`, with g_free) what the device is to see of one event: nothing, it, or
 * what became of it (small deltas of a wheel add up to clicks). False: the event is refused, BUSY while somebody else has
 * a button down, LIMIT with too many keys down (TB_LIMIT_INPUT_HELD). */
bool tb_holds_apply(TbHolds *holds, const char *who, const TbInput *event, GArray *out, GPtrArray *strings,
                    GError **error);
/* The driver did not take it: a key that it does not know is not down. */
void tb_holds_refused(TbHolds *holds, const char *who, const TbInput *event);

/* From now on `who` (NULL: everybody) holds nothing: the next sweep lifts it. */
void tb_holds_let_go(TbHolds *holds, const char *who);
/* Appends what is to be lifted to `out`; its strings go to `strings` (with g_free). */
void tb_holds_sweep(TbHolds *holds, GArray *out, GPtrArray *strings);
/* The calls that `who` had sent are over, too: nothing of him is kept. NULL: of all who were let go. */
void tb_holds_forget(TbHolds *holds, const char *who);
/* The same without a sweep: the device is not there, and holds nothing. */
void tb_holds_drop(TbHolds *holds, const char *who);
bool tb_holds_knows(TbHolds *holds, const char *who); /* there is something to let go */
