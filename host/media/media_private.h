#pragma once
/* What TbMedia lends to peers and stills. Main thread. */
#include "host/media/child/room.h"
#include "host/media/encode/encoder.h"
#include "host/media/media.h"
#include "host/media/private.h"

typedef struct TbPeer TbPeer;
typedef struct TbStills TbStills;
typedef struct TbMediaChild TbMediaChild;
typedef struct TbSources TbSources;
typedef struct TbSounds TbSounds;

TbEncoders *tb_media_encoders(TbMedia *media);
const char *const *tb_media_ice_servers(TbMedia *media); /* NULL-terminated; may be empty */
TbMediaChild *tb_media_child(TbMedia *media);
TbSources *tb_media_sources(TbMedia *media);
TbSounds *tb_media_sounds(TbMedia *media);
guint32 tb_media_next_peer(TbMedia *media); /* a number that no peer has had lately; not 0 */

/* A place for one more WebRTC viewer (lib/places.h), or TB_ERROR_LIMIT; counts it either way. */
bool tb_media_admit_peer(TbMedia *media, const TbPlaceBy *by, TbPlace *ret_place, GError **error);
void tb_media_add_peer(TbMedia *media, TbPeer *peer);
void tb_media_remove_peer(TbMedia *media, TbPeer *peer);
/* A place for one more, as lib/places.h says. */
bool tb_media_admit_mjpeg(TbMedia *media, const TbPlaceBy *by, TbPlace *ret_place, GError **error);
TbStills *tb_media_stills(TbMedia *media); /* made on first use */

/* peer.c: its place is free at once; `closed` comes later. */
void tb_peer_make_room(TbPeer *peer);
TbRoomPlace tb_peer_place(const TbPeer *peer); /* borrows from the peer */
/* peer.c: ends it and delivers `closed` before it returns. For tb_media_free(). */
void tb_peer_end_now(TbPeer *peer, const char *reason);
/* still.c */
TbStills *tb_stills_new(void);
void tb_stills_free(TbStills *stills);
