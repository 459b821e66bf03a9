#pragma once
/* What observer.c, observer_lines.c and observer_picture.c share. */
#include "host/bridge/frame_pace.h"
#include "host/bridge/observer.h"
#include "host/bridge/picture_pace.h"
#include "host/core/control/control.h"
#include "host/media/encode/coded.h"
#include "host/media/hub/hub.h"
#include "host/media/sound/opus_reader.h"
#include "host/media/still/still.h"

struct TbObserver {
        TbCore *core;             /* borrowed */
        TbMedia *media;           /* borrowed */
        const TbObserverOps *ops; /* static */
        gpointer data;
        char *session, *peer_id, *device, *user; /* owned */
        TbPlace place;
        bool control;
        bool let_go;         /* the server does not know it at the moment */
        char **ice_servers;  /* owned; nullable */
        struct Line *line;   /* owned: the peer connection; NULL: none */
        struct Line *next;   /* owned: the one that is to be in its place; NULL: none; not without `line` */
        char *early_offer;   /* owned: waits for GStreamer's start; NULL: none does */
        guint early_attempt; /* of that offer */
        char *sound_of;      /* owned; of the last offer: what is heard; NULL: the device's first */
        GPtrArray *early_candidates; /* owned: those that came behind it */
        TbControl *relay;            /* owned: made by the first relayed message; NULL */
        TbMjpeg *picture;            /* owned; NULL: not asked for, or encoded: */
        TbCoded *coded;              /* owned; NULL: as above */
        TbRung coded_rung;
        bool takes_h264; /* it has said so */
        TbPicturePace pace;
        TbFramePace frames;
        char *picture_of;  /* owned: interface that the picture is of; NULL: the device's video */
        int picture_width; /* px that it is shown with; 0: not said */
        gint64 picture_mark;
        TbOpusReader *sound; /* owned; NULL: nobody listens by the relay */
        json_t *person;      /* owned: what the server said of it; NULL: nothing yet */
};

/* The hub of that video interface, or (NULL) of the device's first; borrowed. */
TbHub *tb_observer_hub(TbObserver *o, const char *interface, GError **error);

/* Who it is, to core; `via` is borrowed, and so is what is of the observer. */
TbActor tb_observer_actor(const TbObserver *o, const char *via);
/* observer_lines.c: its peer connections end, and what waits to be one. */
void tb_observer_end_lines(TbObserver *o, const char *reason);

/* observer_picture.c: somebody wants the relay's picture, or no longer; `data` is the TbObserver (TbControlOps.picture). */
void tb_observer_picture_begin(TbObserver *o); /* nothing is known of its line */
void tb_observer_picture_end(TbObserver *o);
bool tb_observer_picture_topic(const char *device, const char *interface, bool on, gpointer data,
                               GError **error);
/* observer_sound.c: the same of its sound. */
void tb_observer_sound_end(TbObserver *o);
bool tb_observer_sound_topic(const char *device, const char *interface, bool on, gpointer data,
                             GError **error);
