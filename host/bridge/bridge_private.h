#pragma once
/* What bridge.c and bridge_peers.c share. */
#include "host/bridge/away.h"
#include "host/bridge/bridge.h"
#include "host/bridge/carry.h"
#include "host/bridge/credentials.h"
#include "host/bridge/message.h"
#include "host/bridge/observer.h"
#include "host/bridge/seats.h"
#include "host/bridge/uploads.h"
#include "host/outward/link.h"
#include "lib/places.h"
#include "lib/proto/link_key.h"
#include "lib/tally.h"

struct TbBridge {
        TbCore *core;                                 /* borrowed */
        TbMedia *media;                               /* borrowed */
        const TbHostConfig *config;                   /* borrowed */
        char *version;                                /* owned */
        TbBridgeLink *link;                           /* owned */
        TbCarry *carry;                               /* owned */
        TbLinkKey *key;                               /* owned */
        GPtrArray *observers;                         /* owned TbObserver */
        TbSeats seats;                                /* who of them has the lease of a device */
        guint look;                                   /* source: is he still there? */
        guint people;                                 /* source: who is there is to be told on this host */
        TbPlaces places;                              /* of them, by who made their link */
        TbUploads uploads;                            /* pictures that the server has */
        TbCredentials credentials;                    /* of the server */
        guint bus;                                    /* subscription */
        guint announce;                               /* source */
        TbAway away;                                  /* observers while the server is */
        bool ready;                                   /* the server has accepted us */
        bool units;                                   /* … and knows of encoded pictures */
        bool sound;                                   /* … and of sound */
        bool late_devices;                            /* the hello did not have room for them */
        bool short_devices;                           /* their interfaces are left out */
        TbTally *tally;                               /* owned: what observers make us log */
        void (*said)(json_t *message, gpointer data); /* NULL: nobody listens */
        gpointer said_data;
};

extern const TbObserverOps tb_bridge_observer_ops;
bool tb_bridge_send(TbBridge *bridge, json_t *message_take);

/* bridge_peers.c: who came and went at the server */
void tb_bridge_peer_connected(TbBridge *bridge, const TbBridgeMessage *m);
void tb_bridge_peer_gone(TbBridge *bridge, const TbBridgeMessage *m);
void tb_bridge_from_observer(TbBridge *bridge, const TbBridgeMessage *m);
void tb_bridge_renewed(TbBridge *bridge, const TbBridgeMessage *m);
void tb_bridge_refuse(TbBridge *bridge, const TbBridgeMessage *m, const char *code, const char *text);
void tb_bridge_people(TbBridge *bridge, const TbBridgeMessage *m); /* what the server says of who is there */
void tb_bridge_people_changed(TbBridge *bridge);
void tb_bridge_say_seats(TbBridge *bridge); /* the server is there again: who has which lease */
void tb_bridge_lease(TbBridge *bridge, const char *device); /* it was taken, or has ended */
void tb_bridge_peers_clear(TbBridge *bridge);
