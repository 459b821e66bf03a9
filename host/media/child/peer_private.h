#pragma once
/* What peer.c (life, to the viewer), peer_heard.c (what the child says of it) and peer_stats.c share. */
#include "host/media/child/child.h"
#include "host/media/child/sources.h"
#include "host/media/media_private.h"
#include "host/media/peer.h"
#include "host/media/webrtc/offer.h"

struct TbPeer {
        TbMedia *media; /* borrowed */
        guint32 id, source, heard;
        TbHub *hub;                       /* ref; NULL: no video */
        TbSoundHub *sound;                /* ref; NULL: no sound, or none was asked for */
        const TbPeerCallbacks *callbacks; /* static */
        void *data;                       /* borrowed from who made it */
        TbPlace place;                    /* among the viewers */
        char *key;                        /* owned; whose it is (tb_place_key()); nullable */
        char *label;                      /* owned */
        TbOffer offer;                    /* owned */
        TbViewerState state;
        bool phone;          /* we offer, and it sends */
        GPtrArray *channels; /* owned strings: those that are open */
        TbLinkStats stats;   /* the last ones */
        guint remote_candidates;
        bool told; /* the answer was given */
        bool ending, ended;
        bool posted;             /* `closed` is on its way through the loop */
        char *reason;            /* owned; why it ends */
        gint64 born_us, told_us; /* told: 0 before the answer */
};

const char *tb_peer_device(TbPeer *peer); /* borrowed; NULL: it watches none */
