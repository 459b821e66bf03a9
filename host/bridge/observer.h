#pragma once
/*
 * One observer of a session whose producer is this host: a WebRTC peer when it can be (the browser offers, we
 * answer), and the relay through the server for what the peer cannot carry: commands, samples, a reduced
 * picture. A view observer's actor is a viewer, a control observer's an operator: core refuses and allows,
 * not this room. Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/places.h"

#define TB_BRIDGE_PICTURE_FPS 10

typedef struct TbObserver TbObserver;

typedef struct TbObserverOps {
        bool (*send)(json_t *message_take, TbObserver *observer,
                     gpointer data); /* the envelope is added there */
        /* `source`, `width`: of what and in which form it was made, the same for all observers of that form. False: the last
         * one is still on its way. */
        bool (*picture)(GBytes *source, int width, GBytes *jpeg, TbObserver *observer, gpointer data);
        /* One access unit of H.264, of a screen of that size; `unit` is the same object for all observers of that rung. False:
         * left out. */
        bool (*unit)(GBytes *unit, bool keyframe, int width, int height, TbObserver *observer, gpointer data);
        bool (*takes_units)(gpointer data); /* the server does */
        /* One packet of Opus; `at` as tb_opus_reader_new() has it. What there is no room for is left out. */
        void (*sound)(const guint8 *bytes, gsize size, guint32 at, TbObserver *observer, gpointer data);
        bool (*takes_sound)(gpointer data); /* the server does */
        gsize (*queued)(gpointer data);
        bool (*may_say)(const char *what, TbObserver *observer,
                        gpointer data); /* in the log: not too often */
} TbObserverOps;

typedef struct TbObserverInfo {
        const char *session, *peer, *device, *name; /* name: nullable */
        bool control;
        TbPlaces *places;               /* of the host's observers, by `name` */
        const char *const *ice_servers; /* as tb_ice_uris() has them */
} TbObserverInfo;

/* `info` is copied. Publishes viewer.joined. NULL with TB_ERROR_LIMIT: no place is left for who made its link. */
TbObserver *tb_observer_new(TbCore *core, TbMedia *media, const TbObserverInfo *info,
                            const TbObserverOps *ops, gpointer data, GError **error);
/* The server is away: what went by it ends, the peer connection goes on. False: there is none, so nothing is left of it. */
bool tb_observer_let_go(TbObserver *observer);
bool tb_observer_is_let_go(const TbObserver *observer); /* and not taken back yet */
bool tb_observer_flows(const TbObserver *observer);     /* has a peer connection */
/* The server names it again. False: as somebody else (another device, mode or maker): it has to begin anew. */
bool tb_observer_take_back(TbObserver *observer, const TbObserverInfo *info);
/* Publishes viewer.left; its peer ends. */
void tb_observer_free(TbObserver *observer);
/* Of `observers` that one; `peer` NULL: the first of the session. NULL: there is none. */
TbObserver *tb_observer_find(GPtrArray *observers, const char *session, const char *peer, guint *ret_index);
const char *tb_observer_session(const TbObserver *observer);
const char *tb_observer_peer(const TbObserver *observer);
const char *tb_observer_device(const TbObserver *observer);
const char *tb_observer_user(const TbObserver *observer); /* as core knows it: "anna, link p7 (via server)" */
bool tb_observer_controls(const TbObserver *observer);
/* What the server said of the person: {"name","guest","since","path","rtt_ms","loss_pct"}, of which only those are kept, and cut. */
void tb_observer_set_person(TbObserver *observer, const json_t *person);
json_t *tb_observer_person(
        const TbObserver *observer); /* {"user","peerId","mode",…} and these; new reference */

/*
 * `attempt` numbers the observer's peer connections. An offer of another one is answered beside the one that there is,
 * which goes on until the observer says `bye` to it: so it moves to another network, or to new TURN credentials, without
 * a gap (webrtcbin 1.22 gathers no candidates again). There are two at the most: a third takes the place of the second.
 * Without numbers (0) the one that there is ends with the next offer. `sound`: the interface that is heard beside the picture; NULL: the
 * device's first.
 */
void tb_observer_offer(TbObserver *observer, const char *sdp, const char *sound, guint attempt);
void tb_observer_candidate(TbObserver *observer, const char *candidate, guint mline_index, guint attempt);
void tb_observer_bye(TbObserver *observer, guint attempt); /* 0: to all of them; the relay goes on */
void tb_observer_renew(TbObserver *observer,
                       const char *const *ice_servers);        /* of the next peer connection; copied */
void tb_observer_relay(TbObserver *observer, json_t *message); /* a control message; borrowed */
void tb_observer_drained(TbObserver *observer);                /* the link to the server can take more */

/* An encoded one was left out by the server. */
void tb_observer_picture_lost(TbObserver *observer);
/* One of so many has arrived, and took so long on the observer's own line, beyond what anything takes there and back; `trip_us`:
 * that, of all the way from here. Both -1: not known. */
void tb_observer_picture_arrived(TbObserver *observer, gint64 bytes, gint64 took_us, gint64 trip_us);
gint64 tb_observer_picture_mark(const TbObserver *observer);
void tb_observer_set_picture_mark(TbObserver *observer, gint64 mark);
