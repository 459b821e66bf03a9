#pragma once
/*
 * A driver that asks an outlet of another interface (TbUp.outlet): the call crosses to main, where core runs it as a command of its
 * own (TbWorkerOps.outlet), and its answer comes back to the worker, who waits in its TbIo. Both sides hold it; whoever ends first
 * takes nothing from the other.
 */
#include "host/core/lanes/worker.h"

/* --- worker --- */
TbOutletCall *tb_outlet_call_new(const char *member, TbOutletAsk ask); /* NULL: no descriptor is left */
/* Waits for the answer, and lets go of the call. */
bool tb_outlet_call_wait(TbOutletCall *call, TbIo *io, TbPowerState *ret, GError **error);

/* --- main --- */
const char *tb_outlet_call_member(const TbOutletCall *call); /* "psu-a/power" */
TbOutletAsk tb_outlet_call_ask(const TbOutletCall *call);
/* Exactly once; `error_take` NULL: `state` is the answer. */
void tb_outlet_call_answer(TbOutletCall *call, const TbPowerState *state, GError *error_take);
