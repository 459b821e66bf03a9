#pragma once
/* What TbMedia lends to peers and stills. Main thread. */
#include "host/media/encode/encoder.h"
#include "host/media/media.h"
#include "host/media/private.h"

typedef struct TbPeer TbPeer;
typedef struct TbStills TbStills;

TbEncoders *tb_media_encoders(TbMedia *media);
const char *const *tb_media_ice_servers(TbMedia *media); /* NULL-terminated; may be empty */
void tb_media_ports(TbMedia *media, guint16 *ret_min, guint16 *ret_max);
guint tb_media_max_kbps(TbMedia *media);
guint tb_media_max_fps(TbMedia *media);

/* A place for one more WebRTC viewer, or TB_ERROR_LIMIT; counts it either way. */
bool tb_media_admit_peer(TbMedia *media, GError **error);
void tb_media_add_peer(TbMedia *media, TbPeer *peer);
void tb_media_remove_peer(TbMedia *media, TbPeer *peer);
GPtrArray *tb_media_senders(TbMedia *media); /* of TbSender; borrowed: they put themselves in and out */
bool tb_media_admit_mjpeg(TbMedia *media, GError **error);
void tb_media_leave_mjpeg(TbMedia *media);
TbStills *tb_media_stills(TbMedia *media); /* made on first use */

/* peer.c: ends it and delivers `closed` before it returns. For tb_media_free(). */
void tb_peer_end_now(TbPeer *peer, const char *reason);
/* still.c */
TbStills *tb_stills_new(void);
void tb_stills_free(TbStills *stills);
