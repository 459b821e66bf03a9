#pragma once
/*
 * A state that a device does not tell of by itself, so that a lane's pump asks for it. When the next look is
 * due, what one that failed means, and what users read:
 *
 * - one miss may be the network's: a fault with its reason, and the next look comes as usual;
 * - several misses in a row, or a device that is gone for sure, end the pump: core opens the lane again, with
 *   its own growing pause;
 * - a device that says that it is busy is there: it is asked more and more rarely, up to TB_POLLED_PAUSE_MS.
 *
 * Thread: the lane's worker. Embedded in the lane's state.
 */
#include "drivers/driver.h"

#define TB_POLLED_PAUSE_MS 60000

typedef struct TbPolled {
        int interval_ms;
        guint most; /* misses in a row: it is gone */
        guint misses, busy;
        gint64 due_us;
        bool faulty; /* up->fault() was told */
} TbPolled;

/* The row of the parameter, "poll_ms". */
#define TB_POLLED_PARAM                                                                                      \
        {                                                                                                    \
                .name = "poll_ms", .type = TB_PARAM_INT, .min = 1000, .max = 3600000, .fallback = "5000",    \
                .unit = "ms", .help = "pause between two looks at the state: somebody may press the button"  \
        }

typedef bool (*TbPolledGet)(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error);

void tb_polled_init(TbPolled *polled, const TbInstance *self, guint misses); /* due at once */
/* Waits. True: look now; false: return true from pump. */
bool tb_polled_wait(TbPolled *polled, TbIo *io);
/* Whoever looked, it was well: the next look is put off. */
void tb_polled_seen(TbPolled *polled, TbInstance *self);
/* What pump returns after a look that failed. `whom`: "the Shelly at 10.0.0.7". */
bool tb_polled_missed(TbPolled *polled, TbInstance *self, const char *whom, GError *why_take, GError **error);
/* Power by `get`: what open and pump do. The first look; and the next one, when it is due. `whole`: a look that has begun is waited
 * for, as an answer that comes late would be taken for that of the next question; a command comes after it. */
bool tb_polled_first(TbInstance *self, TbIo *io, TbPolledGet get, GError **error);
bool tb_polled_power(TbPolled *polled, TbInstance *self, TbIo *io, bool whole, TbPolledGet get,
                     GError **error);
