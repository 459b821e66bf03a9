#pragma once
/* What testbed-media says of a peer. Main thread. */
#include "host/media/link/message.h"
#include "host/media/peer.h"

/* A message whose id is that of the peer. */
void tb_peer_heard(TbPeer *peer, const TbLinkMessage *message);
/* Its number. */
guint32 tb_peer_id(TbPeer *peer);
/* Closes one whose answer is overdue. */
void tb_peer_check(TbPeer *peer, gint64 answer_us);
