#pragma once
/*
 * What holds for every plug that is asked over a network, against its simulator: what was switched is read back, a wrong
 * secret, an answer that is none, a relay that does not follow, a device that is busy or silent. A driver's
 * test_<name>_lane.c says how its own looks like.
 */
#include "drivers/driver.h"
#include "tests/contract/lane.h"
#include "tests/contract/sim.h"

typedef struct PlugRig {
        const char *name;        /* of the tests: "tasmota" */
        const char *script;      /* the simulator */
        const char *const *args; /* of it; NULL: none */
        const char *uri;         /* with %d for the port, and poll_ms and timeout_ms */
        const char *wrong;       /* the same with a wrong secret; NULL: it has none */
        const char *refused;     /* what is said then */
        const char *foreign;     /* what is said of garbage */
        double watts;            /* that the simulator shows when it is on; NAN: none */
        const char *
                another; /* what is said of another one at the address ("fault another"); NULL: it has no identity */
        bool busy;  /* the simulator knows "fault busy N" */
        bool again; /* a further dialect of one driver: what is the same is not tried again */
} PlugRig;

void plug_rig_add(const PlugRig *rig); /* adds the tests; static */

/* Power calls of a lane; they assert. */
void plug_rig_fails(Lane *lane, TbErrorCode code, const char *words);     /* switching on does */
void plug_rig_get_fails(Lane *lane, TbErrorCode code, const char *words); /* a look does */
TbPowerState plug_rig_get(Lane *lane);
