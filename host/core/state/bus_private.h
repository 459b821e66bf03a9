#pragma once
/* The bus from inside: bus.c keeps and tells, bus_readers.c has the readers, who are told in turns; event.c makes the texts.
 * Main thread. */
#include "host/core/state/bus.h"
#include "lib/limits.h"

/* An event that is kept for Last-Event-ID, waits for readers, or both. */
typedef struct TbBusItem {
        TbEvent event; /* strings, data and texts owned */
        guint refs;
        TbBusShare share; /* TB_BUS_SHARES: none */
        gsize bytes;
        guint waits;    /* readers that have not had it */
        guint stream;   /* hash of a sample's stream; 0: it is no sample */
        guint64 before; /* lasting events for readers that came before it */
} TbBusItem;

typedef struct TbBusReader {
        guint id; /* 0: it left while it was told */
        TbEventRead read;
        void (*lost)(guint64 events, gpointer user);
        gpointer user; /* borrowed */
        guint64 next;  /* place in `waiting` */
        guint64 seen;  /* lasting events that it was told of, or told that it lost */
} TbBusReader;

/* What waits for readers: places rise by one, an item's is `place & (TB_LIMIT_BUS_WAITING - 1)`. */
typedef struct TbBusReaders {
        GPtrArray *all;                           /* owned TbBusReaders */
        guint live;                               /* of them, those that have not left */
        guint turn;                               /* whose turn is next, in `all` */
        TbBusItem *waiting[TB_LIMIT_BUS_WAITING]; /* refs; NULL: everybody has had it, or it was left out */
        guint64 first, end;                       /* places */
        guint64 lasting;                          /* lasting events that had a place */
        guint passing;                            /* samples and lines among those that wait */
        gsize passing_bytes, bytes;               /* of these; of all that wait */
        guint at_once;         /* that may still be told in this turn of the loop by who publishes */
        const TbBusItem *told; /* borrowed; by a call that runs */
        bool telling, dirty;
        GSource *source; /* ref */
} TbBusReaders;

typedef struct TbBusSubscriber {
        guint id; /* 0: unsubscribed while a publish runs */
        TbEventCall call;
        gpointer user; /* borrowed */
} TbBusSubscriber;

struct TbBus {
        guint64 last_id;
        guint64 gone_id;              /* the last event that is no longer kept, shares apart */
        bool dropped;                 /* there was one */
        GQueue kept;                  /* of TbBusItem, refs, oldest first */
        gsize bytes;                  /* of them, about */
        GQueue shares[TB_BUS_SHARES]; /* of links of kept, each oldest first */
        GPtrArray *own;               /* owned TbBusSubscribers: told of everything */
        GPtrArray *devices;           /* owned TbBusSubscribers: told of device.* */
        TbBusReaders readers;
        guint last_subscriber;
        guint depth; /* publishes that are running: the lists only grow meanwhile */
        bool dirty;  /* a subscriber left meanwhile */
};

void tb_bus_item_unref(TbBusItem *item);
/* event.c */
struct TbEventTexts {
        char *text[2]; /* owned; NULL: nobody has asked; by TbEventForm */
        gsize size[2];
};
void tb_event_forget_texts(TbEvent *event);

/* bus_readers.c */
void tb_bus_readers_init(TbBus *bus);
void tb_bus_readers_clear(TbBus *bus);
/* Has it told to all, some at once. */
void tb_bus_readers_add(TbBus *bus, TbBusItem *item);
bool tb_bus_readers_remove(TbBus *bus, guint id);
