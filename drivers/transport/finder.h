#pragma once
/*
 * The loop of a driver's discovery, for all drivers that have one: something says that hardware came or went
 * (hot-plug of this machine, a server's connection, a watched folder) or a period is over; then the driver looks
 * at everything, and what differs from what was told is told (offers.h). Two looks are TB_LIMIT_LOOK_PAUSE_MS
 * apart, and further while more than TB_LIMIT_FOUND_PER_S change: what happens meanwhile is one look, and a
 * connection that says too much is not read until then.
 *
 * - A source that ends or fails ends tb_finder_pump(): core closes and opens again, with a growing pause.
 * - A look that fails leaves what was told as it is; the reason is told once as a fault, and that it is over; it is
 *   tried again with a growing pause.
 * - No descriptor left is such a failure: a folder that cannot be read is never an empty one.
 *
 * Every wait ends at `stop` and, in pump, at `wake`. Thread: discovery's worker. Embedded in a driver's state.
 */
#include "drivers/driver.h"
#include "drivers/transport/offers.h"
#include "drivers/transport/sysdev.h"
#include "lib/rate.h"

#define TB_FINDER_FDS 8

typedef struct TbFinder TbFinder;

typedef struct TbFinderOps {
        /* hot-plug of these subsystems, and a look every TB_SYSDEV_RESCAN_MS; NULL: none */
        const char *const *subsystems;
        TbHotplugSource source;
        void (*uevent)(TbFinder *self, const TbUevent *event); /* NULL: each is a reason to look, no more */
        /* a source of the driver's own: fills at most TB_FINDER_FDS, returns how many; NULL: none */
        guint (*listen)(TbFinder *self, struct pollfd *fds);
        /* one of them is ready: takes what there is, says whether to look. False: the source is lost */
        bool (*heard)(TbFinder *self, TbIo *io, const struct pollfd *fds, bool *ret_look, GError **error);
        /* Adds all that is there to self->offers. `all`: no event told of all that may have changed (the first look,
         * the period, lost events). False: it cannot be known now. */
        bool (*look)(TbFinder *self, TbIo *io, bool all, GError **error);
} TbFinderOps;

struct TbFinder {
        TbDiscovery base; /* first */
        const TbFinderOps *ops;
        TbHotplug *hotplug;   /* owned */
        TbOffers *offers;     /* owned */
        bool owed, all;       /* a look; at everything */
        gint64 next_us;       /* no look before */
        gint64 period_us;     /* a look at everything then; G_MAXINT64: no period */
        int retry_ms;         /* after the next look that fails */
        const char *left_out; /* static; what the fault told is about; */
        char *failed;         /* owned; or why the look failed */
        TbBucket news;
};

/* With hot-plug the first look comes with the first pump, else when something was heard. `ops` is borrowed. */
bool tb_finder_open(TbFinder *finder, const TbFinderOps *ops, GError **error);
bool tb_finder_pump(TbFinder *finder, TbIo *io, GError **error);
/* A look at everything in so many ms, or earlier if something says so. For who has no hot-plug: in open, and in each look. */
void tb_finder_look_in(TbFinder *finder, int ms);
/* What goes on, but not well, until this finder is closed: a way of looking that is not open. */
void tb_finder_warn(TbFinder *finder, const char *reason);
/* Whatever was found is lost. After a failed open too. */
void tb_finder_close(TbFinder *finder);

/* Pump and close of a discovery whose state begins with its finder, and a whole one that has no state but that. */
bool tb_finder_discovery_pump(TbDiscovery *self, TbIo *io, GError **error);
void tb_finder_discovery_close(TbDiscovery *self);
#define TB_FINDER_DISCOVERY(name, finder_ops)                                                                \
        static bool name##_open(TbDiscovery *self, TbIo *io G_GNUC_UNUSED, GError **error)                   \
        {                                                                                                    \
                return tb_finder_open((TbFinder *)self, &(finder_ops), error);                               \
        }                                                                                                    \
        const TbDiscoveryOps name = {.size = sizeof(TbFinder),                                               \
                                     .open = name##_open,                                                    \
                                     .pump = tb_finder_discovery_pump,                                       \
                                     .close = tb_finder_discovery_close}
/* An event on the bus, its texts made fit (offers.h). */
void tb_finder_event(TbFinder *finder, const char *type, json_t *data_take);
