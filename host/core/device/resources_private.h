#pragma once
/* What resources.c (discovery) and buses.c (the host's buses) share: a driver's discovery and its thread. */
#include "host/core/private.h"
#include "lib/inlet.h"
#include "lib/thread.h"

struct TbDiscoverer {
        TbCore *core; /* borrowed; main thread only */
        const TbDriver *driver;
        TbDiscovery *state; /* owned: the driver's, begins with TbDiscovery */
        TbIo io;
        TbQueue *queue; /* of BusCall */
        TbInlet *inlet; /* owned: what it tells, TB_LIMIT_LANE_BYTES of it at most; then its thread waits */
        bool faulty;    /* its thread: what the driver said last of itself */
        int retry_ms;   /* its thread: pause after the next round that fails */
        TbThread *thread;
        TbMutex lock;
        bool closing;           /* protected by lock */
        bool running;           /* main: open succeeded */
        guint start_timer;      /* main: it has no thread, and tries again */
        struct TbBusCall *tree; /* main: the look at its bus that is under way; NULL: none */
        char *fault;            /* main: why it does not run, and is no mere absence; owned; NULL: well */
};

/* Any thread: it is to end. */
bool tb_discoverer_closing(TbDiscoverer *discoverer);
/* buses.c; its thread: runs what is asked of the bus. `open`: the bus is there. */
void tb_bus_drain(TbDiscoverer *discoverer, bool open);
